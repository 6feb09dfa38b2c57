//! The real binary, from the first start to a code in a buyer's hands, on both databases.

mod auditing;
mod backup;
mod binary;
mod browser;
mod cards;
mod chaos;
mod console;
mod flood;
mod infra;
mod isolation;
mod keys;
mod money_model;
mod paying;
mod plans;
mod watching;
mod worked_example;

use binary::{Backend, Server, on_both};

on_both! {
    async fn a_customer_buys_a_code_in_a_new_shop(server) {
        let login = server.login_of("he@two.localhost");
        let browser = server.browser("two.localhost");
        browser.log_in(&login).await;
        let order = browser.buy("chestnut").await;
        let page = browser.get(&order).await;
        assert!(!page.contains("CHN-"), "a code is shown before anybody asked for it");
        let revealed = browser.post(&format!("{order}/codes"), &[]).await.text().await.expect("a page");
        assert!(revealed.contains(">CHN-"), "the page shows a code:\n{revealed}");
        assert!(server.run(&["audit"]).contains("every invariant holds"));
    }

    async fn a_killed_server_keeps_what_it_answered(server) {
        let login = server.login_of("he@two.localhost");
        let browser = server.browser("two.localhost");
        browser.log_in(&login).await;
        let order = browser.buy("chestnut").await;
        let server = server.kill_and_start_again().await;
        let again = server.browser_like(&browser, "two.localhost");
        assert!(again.get(&order).await.contains("order"));
        assert!(server.run(&["audit"]).contains("every invariant holds"));
    }

    async fn a_pack_is_applied_beside_a_running_server(server) {
        let pack = server.copied_pack("demo-two");
        let goods = std::fs::read_to_string(pack.join("goods.csv")).expect("goods");
        let dearer = goods.replacen("豪华会员", "尊享会员", 1);
        assert_ne!(goods, dearer, "the pack names the goods that this test renames");
        std::fs::write(pack.join("goods.csv"), dearer).expect("written");
        let path = pack.to_str().expect("a path");
        let plan = server.run(&["tenant", "apply", path, "--dry-run"]);
        assert!(plan.contains("nothing was changed (dry run)") && plan.contains("尊享会员"), "{plan}");
        server.run(&["tenant", "apply", path]);
        let again = server.run(&["tenant", "apply", path]);
        assert!(again.contains("0 rows change"), "{again}");
    }

    async fn a_faulty_pack_changes_nothing_and_says_where(server) {
        let pack = server.copied_pack("demo-two");
        let goods = std::fs::read_to_string(pack.join("goods.csv")).expect("goods");
        let line = goods.lines().count() + 1;
        std::fs::write(pack.join("goods.csv"), format!("{goods}nonsense,of,three\n")).expect("written");
        let error = server.run_failing(&["tenant", "apply", pack.to_str().expect("a path")]);
        assert!(error.contains(&format!("goods.csv:{line}")), "{error}");
    }

    async fn keys_rotate_and_codes_still_open(server) {
        let login = server.login_of("he@two.localhost");
        let browser = server.browser("two.localhost");
        browser.log_in(&login).await;
        let order = browser.buy("chestnut").await;
        let before = server.run(&["keys", "export"]);
        assert!(server.run(&["keys", "rotate"]).contains("were rotated"));
        assert_ne!(server.run(&["keys", "export"]), before);
        let revealed = browser.post(&format!("{order}/codes"), &[]).await;
        assert_eq!(revealed.status(), 200);
        let other = browser.buy("chestnut").await;
        assert_eq!(browser.post(&format!("{other}/codes"), &[]).await.status(), 200);
    }

    async fn a_second_start_keeps_the_data_and_the_log_ins(server) {
        let before = server.login_of("he@two.localhost");
        let server = server.stop_and_start_again().await;
        assert_eq!(server.login_of("he@two.localhost"), before);
        server.browser("two.localhost").log_in(&before).await;
    }

    async fn the_console_knows_its_operator(server) {
        let login = server.login_of("operator@two.localhost");
        let browser = server.browser("console.localhost");
        let body = format!(r#"{{"login":"{}","password":"{}"}}"#, login.login, login.password);
        let answer = browser.post_json("/api/v1/session", &body).await;
        assert!(answer.status().is_success(), "{}", answer.status());
        let wrong = server.browser("console.localhost").post_json("/api/v1/session", r#"{"login":"x","password":"y"}"#).await;
        assert_eq!(wrong.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn a_sqlite_file_has_one_server() {
    let server = Server::start(Backend::Sqlite).await;
    let error = server.run_failing(&["serve"]);
    assert!(error.contains("another cardgrove server owns"), "{error}");
}

#[tokio::test]
async fn an_owner_may_not_serve() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = testkit::TestDb::bare_postgres();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_cardgrove"))
        .arg("serve")
        .env("CARDGROVE_DATA_DIR", folder.path())
        .env("CARDGROVE_DATABASE__RUNTIME_URL", url.replace("owner@", "postgres@"))
        .env("CARDGROVE_DATABASE__PLATFORM_URL", url.replace("owner@", "postgres@"))
        .output()
        .expect("the binary runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("is a superuser"), "{error}");
}

/// Roles belong to the cluster and the schema to the database: nodes that start together must not disturb each other.
#[tokio::test]
async fn nodes_that_start_together_share_one_new_database() {
    let url = testkit::TestDb::bare_postgres();
    let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().expect("a folder")).collect();
    let nodes: Vec<_> = folders
        .iter()
        .map(|folder| {
            std::process::Command::new(env!("CARGO_BIN_EXE_cardgrove"))
                .arg("migrate")
                .env("CARDGROVE_DATA_DIR", folder.path())
                .env("DATABASE_URL", &url)
                .stderr(std::process::Stdio::piped())
                .stdout(std::process::Stdio::null())
                .spawn()
                .expect("the binary runs")
        })
        .collect();
    for node in nodes {
        let output = node.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
