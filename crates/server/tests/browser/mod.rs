//! The demo in a real Chromium, driven by `web-ui/tests`: guests and customers buy, with scripts and without, and axe
//! looks at every page. Pictures are kept in the target folder, to be looked at beside the design's.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::binary::{Backend, Login, Server};

/// A sub-site three levels below the main site, and one of its customers.
const SHOP: &str = "nanqiao.demo.localhost";
const CUSTOMER: &str = "zhou@demo.localhost";
/// A sub-site where ten or more of these goods are cheaper.
const BREAKS: &str = "north.demo.localhost";
/// Goods of the demo pack, and the shape of their codes.
const GOODS: &str = "starfall";
const CODE: &str = "STAR(-[A-Z0-9]{4}){3}";

#[tokio::test]
async fn buyers_reach_their_codes_in_a_browser_on_sqlite() {
    buy(Backend::Sqlite, "sqlite").await;
}

#[tokio::test]
async fn buyers_reach_their_codes_in_a_browser_on_postgres() {
    buy(Backend::Postgres, "postgres").await;
}

async fn buy(backend: Backend, name: &str) {
    let server = Server::start_with_demo(backend).await;
    let Login { login, password } = server.login_of(CUSTOMER);
    let settings = serde_json::json!({
        "port": server.port(),
        "shop": SHOP,
        "login": login,
        "password": password,
        "breaks": BREAKS,
        "goods": GOODS,
        "code": CODE,
        "out": pictures().join(name),
    });
    let output = Command::new("node").arg(tests().join("buy.mjs")).arg(settings.to_string()).output();
    let output = output.expect("node is installed (scripts/setup --test)");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    eprintln!("{out}");
    assert!(output.status.success(), "{out}\n{err}");
    assert!(server.run(&["audit"]).contains("every invariant holds"));
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web-ui/tests")
}

fn pictures() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures")
}
