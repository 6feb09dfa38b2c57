//! A backup made while the shop sells, restored elsewhere.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::binary::{Backend, Installation, Server, on_both};

/// Makes a backup; answers its path.
async fn backup(server: &Server) -> String {
    let file = server.path("shop.backup");
    let mut command = server.command(&["backup", &file]);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("the master key is not in it"), "{said}");
    file
}

/// Another machine that has the shop's master key.
fn elsewhere(server: &Server, backend: Backend) -> Installation {
    let installation = Installation::new(backend);
    fs::create_dir(installation.var()).expect("a folder");
    let key = Path::new(&server.path("var")).join("master.key");
    fs::copy(key, installation.var().join("master.key")).expect("copied");
    installation
}

/// What is in a backup, as its manifest says.
fn manifest(file: &str) -> serde_json::Value {
    let mut archive = zip::ZipArchive::new(fs::File::open(file).expect("a file")).expect("an archive");
    serde_json::from_reader(archive.by_name("manifest.json").expect("a manifest")).expect("JSON")
}

on_both! {
    async fn a_backup_made_while_selling_opens_elsewhere(server) {
        let login = server.login_of("he@two.localhost");
        let browser = Arc::new(server.browser("two.localhost"));
        browser.log_in(&login).await;
        let order = browser.buy("chestnut").await;
        let is_over = Arc::new(AtomicBool::new(false));
        let buying = {
            let (browser, is_over) = (Arc::clone(&browser), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut bought = 0;
                while !is_over.load(Ordering::Relaxed) && bought < 8 {
                    browser.buy("starfall").await;
                    bought += 1;
                }
                bought
            })
        };
        let file = backup(&server).await;
        is_over.store(true, Ordering::Relaxed);
        let bought: u64 = buying.await.expect("every order was placed");
        let in_it = manifest(&file)["rows"]["orders"].as_u64().expect("a number");
        assert!((1..=1 + bought).contains(&in_it), "{in_it} orders of {bought}");
        browser.buy("chestnut").await;

        let there = elsewhere(&server, server.backend());
        let (is_well, said) = there.run(&["restore", &file]);
        assert!(is_well && said.contains("every invariant holds"), "{said}");
        assert!(said.contains("the master key opens the codes of 2 tenants"), "{said}");
        let (is_well, again) = there.run(&["restore", &file]);
        assert!(!is_well && again.contains("is not empty"), "{again}");
        let restored = there.start().await;
        let buyer = restored.browser("two.localhost");
        buyer.log_in(&login).await;
        let revealed = buyer.post(&format!("{order}/codes"), &[]).await.text().await.expect("a page");
        assert!(revealed.contains(">CHN-"), "the page shows the code:\n{revealed}");
        buyer.buy("chestnut").await;
        assert!(restored.run(&["audit"]).contains("every invariant holds"));
    }

    async fn a_torn_or_foreign_archive_is_refused_and_nothing_is_written(server) {
        let file = backup(&server).await;
        let whole = fs::read(&file).expect("a file");
        let there = elsewhere(&server, server.backend());
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        for (name, bytes) in [("half", &whole[..whole.len() / 2]), ("flipped", &flipped), ("nothing", &[]), ("text", b"hello")] {
            let torn = server.path(name);
            fs::write(&torn, bytes).expect("written");
            let (is_well, said) = there.run(&["restore", &torn]);
            assert!(!is_well && said.contains("is torn"), "{name}: {said}");
        }
        let foreign = server.path("foreign.zip");
        let mut archive = zip::ZipWriter::new(fs::File::create(&foreign).expect("a file"));
        archive.start_file("readme.txt", zip::write::SimpleFileOptions::default()).expect("a file");
        archive.write_all(b"hello").expect("written");
        archive.finish().expect("an archive");
        let (is_well, said) = there.run(&["restore", &foreign]);
        assert!(!is_well && said.contains("is no backup of cardgrove"), "{said}");
        assert_eq!(fs::read_dir(there.var()).expect("a folder").count(), 1, "nothing but the master key");
        let (is_well, said) = there.run(&["restore", &file]);
        assert!(is_well, "the whole one is restored: {said}");
    }

    async fn a_backup_goes_back_to_its_own_kind_of_database(server) {
        let file = backup(&server).await;
        let other = if server.backend() == Backend::Sqlite { Backend::Postgres } else { Backend::Sqlite };
        let (is_well, said) = elsewhere(&server, other).run(&["restore", &file]);
        assert!(!is_well && said.contains("and the settings name"), "{said}");
    }

    async fn another_master_key_is_told(server) {
        let file = backup(&server).await;
        let there = Installation::new(server.backend());
        let (is_well, said) = there.run(&["restore", &file]);
        assert!(is_well && said.contains("no master key: put the one of this backup to"), "{said}");
        let there = elsewhere(&server, server.backend());
        let key = there.var().join("master.key");
        fs::write(&key, format!("{}\n", "ab".repeat(32))).expect("written");
        let (is_well, said) = there.run(&["restore", &file]);
        assert!(!is_well && said.contains("DOES NOT OPEN THE CODES OF demo, demo-two"), "{said}");
    }

    async fn a_backup_overwrites_nothing(server) {
        let file = backup(&server).await;
        let error = server.run_failing(&["backup", &file]);
        assert!(error.contains("is there already"), "{error}");
        let left: Vec<_> = fs::read_dir(server.path("")).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("shop.backup.")), "{left:?}");
    }
}

/// Everything that decides who may do what, and what a row must be.
const SCHEMA: &str = "
SELECT line FROM (
  SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS line
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
  UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
  UNION ALL SELECT format('%s policy %s for %s to %s using %s check %s', tablename, policyname, cmd, roles, qual, with_check)
  FROM pg_policies
  UNION ALL SELECT format('%s owner %s rls %s forced %s acl %s options %s', relname, relowner::regrole, relrowsecurity,
    relforcerowsecurity, (SELECT array_agg(acl::text ORDER BY acl::text) FROM unnest(relacl) AS acl), reloptions)
  FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
  UNION ALL SELECT format('%s owner %s definer %s settings %s acl %s', proname, proowner::regrole, prosecdef, proconfig,
    (SELECT array_agg(acl::text ORDER BY acl::text) FROM unnest(proacl) AS acl))
  FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION ALL SELECT format('schema %s acl %s', nspname, nspacl) FROM pg_namespace WHERE nspname = 'public'
  UNION ALL SELECT format('database acl %s', datacl) FROM pg_database WHERE datname = current_database()
) AS lines ORDER BY line COLLATE \"C\"";

#[tokio::test]
async fn a_restored_database_has_the_schema_of_a_new_one() {
    let server = Server::start(Backend::Postgres).await;
    let file = backup(&server).await;
    let there = elsewhere(&server, Backend::Postgres);
    let (is_well, said) = there.run(&["restore", &file]);
    assert!(is_well, "{said}");
    let restored = there.start().await;
    let (ours, theirs) = (server.psql(SCHEMA), restored.psql(SCHEMA));
    assert_eq!(ours, theirs);
    assert!(ours.contains("owner_reads_for_backup") && ours.contains("work_claim owner cardgrove_platform"), "{ours}");
}
