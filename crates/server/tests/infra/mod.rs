//! The files in infra/ are what the program expects.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use testkit::TestDb;

fn read(file: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn program(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cardgrove"));
    command.env_clear().env("CARDGROVE_DATA_DIR", data).env("CARDGROVE_METRICS_LISTEN", "");
    command
}

#[tokio::test]
async fn roles_made_by_an_administrator_migrate_and_serve() {
    let [owner, runtime, platform] = TestDb::postgres_by_hand().await;
    let folder = tempfile::tempdir().expect("a folder");
    let with_roles = |words: &str| {
        let mut command = program(folder.path());
        command.env("CARDGROVE_DATABASE__RUNTIME_URL", &runtime).env("CARDGROVE_DATABASE__PLATFORM_URL", &platform);
        command.env("CARDGROVE_LISTEN", "127.0.0.1:0").arg(words).stderr(Stdio::piped());
        command
    };
    let migrated = with_roles("migrate").env("CARDGROVE_DATABASE__OWNER_URL", owner).output().expect("it runs");
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    // Serves without knowing the owner.
    let mut server = with_roles("serve").spawn().expect("it runs");
    let lines = BufReader::new(server.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let said: Vec<String> = lines.take_while(|line| !line.contains("serving at")).collect();
    let is_serving = server.try_wait().expect("asked").is_none();
    server.kill().expect("killed");
    server.wait().expect("ended");
    assert!(is_serving, "it ended: {said:#?}");
}

#[test]
fn every_line_of_the_services_settings_is_a_setting() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = read("systemd/cardgrove.env");
    let lines = file.lines().filter_map(|line| line.trim_start_matches('#').split_once('='));
    let settings: Vec<(&str, &str)> = lines.filter(|(name, _)| name.starts_with("CARDGROVE_")).collect();
    assert!(settings.len() > 8, "{settings:?}");
    let output = program(folder.path()).envs(settings.iter().copied()).arg("config").output().expect("it runs");
    let (shown, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{error}");
    for (name, _) in &settings {
        let setting = name.trim_start_matches("CARDGROVE_").to_lowercase();
        let setting = setting.rsplit("__").next().expect("a name");
        assert!(shown.contains(&format!("{setting} = ")), "{name} sets nothing that is shown:\n{shown}");
    }
}

#[test]
fn the_service_keeps_what_the_program_needs() {
    let (unit, key) = (read("systemd/cardgrove.service"), read("systemd/master-key.conf"));
    for line in ["ExecStart=/usr/local/bin/cardgrove serve", "StateDirectory=cardgrove", "KillSignal=SIGTERM"] {
        assert!(unit.lines().any(|own| own == line), "no {line}");
    }
    assert!(read("systemd/cardgrove.env").contains("CARDGROVE_DATA_DIR=/var/lib/cardgrove"));
    assert!(unit.contains("AF_INET AF_INET6 AF_UNIX"), "HTTP, and the socket of commands");
    // The name that the settings look for, see `Settings::read`.
    assert!(key.contains("\nLoadCredentialEncrypted=master.key:"));
}

#[test]
fn the_proxy_sets_what_the_server_believes_from_it() {
    let proxy = read("proxy/nginx.conf");
    for header in ["Host", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-For", "traceparent", "tracestate"] {
        let is_set = |line: &str| line.split_whitespace().take(2).eq(["proxy_set_header", header]);
        assert!(proxy.lines().any(|line| is_set(line.trim())), "{header} is handed on as visitors send it");
    }
}

#[test]
fn the_database_has_room_for_two_nodes() {
    let tuning = read("postgres/tuning.conf");
    let most = tuning.lines().find_map(|line| line.strip_prefix("max_connections = "));
    let most: u32 = most.expect("a number of connections").parse().expect("a number");
    let (serving, platform, migrating) = (16, 3, 1);
    assert!(most >= 2 * (serving + platform + migrating));
}
