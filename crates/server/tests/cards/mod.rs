//! Files of cards on the command line, beside a running server.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::binary::{Backend, Server, on_both};

const SKU: [&str; 4] = ["--tenant", "demo-two", "--sku", "chestnut-month"];

fn import<'a>(file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["cards", "import", file], &SKU[..], more].concat()
}

/// A line such as `500 of 5000 rows, 500 in stock`: rows done, and added.
fn step(line: &str) -> Option<(u32, u32)> {
    let (done, rest) = line.split_once(" of 5000 rows, ")?;
    Some((done.parse().ok()?, rest.strip_suffix(" in stock")?.parse().ok()?))
}

/// The batch that a command named.
fn batch(said: &str) -> String {
    let word = said.split_whitespace().find(|word| word.starts_with("bat_"));
    word.unwrap_or_else(|| panic!("no batch in {said}")).to_owned()
}

on_both! {
    async fn a_file_of_cards_comes_and_goes_beside_the_server(server) {
        let file = server.file("new.csv", "卡密,有效期\r\nNEW-1,2049-12-31\r\nNEW-2,\r\nNEW-2,\r\nNEW-3,2049-13-31\r\n");
        let looked = server.run(&import(&file, &["--dry-run"]));
        assert!(looked.contains("row 5: what stands beside the code is no day") && looked.contains("dry run"), "{looked}");
        let said = server.run(&import(&file, &["--reason", "a delivery"]));
        let told = "4 rows of csv: 2 cards are new, 1 known, 1 rows have faults";
        assert!(said.contains(told) && looked.contains(told), "{said}");
        assert!(!said.contains("NEW-"), "a code is shown: {said}");
        let listed = server.run(&["cards", "batches", "--tenant", "demo-two"]);
        let first = listed.lines().next().expect("a batch");
        let told = ["done", "chestnut-month", "2 added", "new.csv"];
        assert!(first.contains(&batch(&said)) && told.iter().all(|word| first.contains(word)), "{listed}");
        let undone = server.run(&["cards", "undo", &batch(&said), "--tenant", "demo-two"]);
        assert!(undone.contains("2 cards were taken out; 0 are held"), "{undone}");
        let again = server.run_failing(&["cards", "undo", &batch(&said), "--tenant", "demo-two"]);
        assert!(again.contains("was undone"), "{again}");
        assert!(server.run(&["audit"]).contains("every invariant holds"));
    }

    async fn sold_out_goods_are_sold_as_soon_as_cards_come(server) {
        let login = server.login_of("he@two.localhost");
        let browser = server.browser("two.localhost");
        browser.log_in(&login).await;
        let listed = server.run(&["cards", "batches", "--tenant", "demo-two", "--sku", "chestnut-month"]);
        server.run(&["cards", "undo", &batch(&listed), "--tenant", "demo-two"]);
        let file = server.file("new.txt", "FRESH-CODE\n");
        server.run(&import(&file, &[]));
        let order = browser.buy("chestnut").await;
        let revealed = browser.post(&format!("{order}/codes"), &[]).await.text().await.expect("a page");
        assert!(revealed.contains(">FRESH-CODE"), "the page shows the code:\n{revealed}");
        assert!(server.run(&["audit"]).contains("every invariant holds"));
    }

    async fn an_export_writes_a_new_file_for_its_owner_only(server) {
        use std::os::unix::fs::PermissionsExt;
        let file = server.file("new.txt", "=1+1\nPLAIN\n");
        server.run(&import(&file, &[]));
        let out = server.path("out.csv");
        let words = [&["cards", "export"], &SKU[..], &["--reason", "moving", "--state", "available", "--out", &out]].concat();
        let said = server.run(&words);
        assert!(said.contains("22 codes are in") && said.contains("exp_"), "{said}");
        let text = std::fs::read_to_string(&out).expect("a file");
        assert!(text.starts_with("\u{feff}code,expires_on,state") && text.contains("\r\n'=1+1,"), "{text}");
        assert_eq!(std::fs::metadata(&out).expect("a file").permissions().mode() & 0o777, 0o600);
        assert!(server.run_failing(&words).contains("cannot make"));
    }

    async fn thousands_of_cards_come_in_beside_no_server_and_it_says_how_far_it_is(server) {
        let mut server = server;
        server.stop();
        let text: String = (0..5_000).map(|n| format!("BULK-{n:06}\n")).collect();
        let output = server.command(&import(&server.file("bulk.txt", &text), &[])).output().expect("it runs");
        let [out, told] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(output.status.success() && out.contains("5000 rows of text: 5000 cards are new"), "{out}{told}");
        let steps: Vec<(u32, u32)> = told.lines().filter_map(step).collect();
        assert!(steps.len() >= 3 && steps.windows(2).all(|pair| pair[0].0 < pair[1].0), "{told}");
        assert!(steps.iter().all(|(rows, added)| added <= rows), "{told}");
        assert_eq!(steps.last(), Some(&(5_000, 5_000)), "{told}");
        assert!(!told.contains("BULK-"), "a code is shown: {told}");
        assert!(server.run(&["audit"]).contains("every invariant holds"));
    }

    async fn an_import_that_is_cut_off_is_finished_by_the_same_file(server) {
        let login = server.login_of("he@two.localhost");
        let browser = server.browser("two.localhost");
        browser.log_in(&login).await;
        let text: String = (0..30_000).map(|n| format!("BULK-{n:06}\n")).collect();
        let file = server.file("bulk.txt", &text);
        let mut child = server.command(&import(&file, &[])).stderr(Stdio::piped()).spawn().expect("it runs");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let told = stderr.lines().map_while(Result::ok).find(|line| line.contains(" of 30000 rows"));
        child.kill().expect("killed");
        child.wait().expect("it ends");
        assert!(told.is_some(), "the import says how far it is");
        let listed = server.run(&["cards", "batches", "--tenant", "demo-two", "--limit", "1"]);
        assert!(listed.contains("importing"), "{listed}");
        browser.buy("chestnut").await;
        let said = server.run(&import(&file, &[]));
        assert!(said.contains("30000 rows of text") && !said.contains(" 0 cards are new"), "{said}");
        assert!(server.run(&import(&file, &["--dry-run"])).contains(": 0 cards are new, 30000 known"));
        assert!(server.run(&["audit"]).contains("every invariant holds"));
    }
}

#[tokio::test]
async fn a_wrong_name_is_told() {
    let server = Server::start(Backend::Sqlite).await;
    let file = server.file("new.txt", "A\n");
    for (words, told) in [
        (vec!["cards", "import", &file, "--tenant", "nobody", "--sku", "x"], "there is no shop nobody"),
        (vec!["cards", "import", &file, "--tenant", "demo-two", "--sku", "x"], "demo-two has no SKU x"),
        (import("not-there.txt", &[]), "there is no file not-there.txt"),
    ] {
        let error = server.run_failing(&words);
        assert!(error.contains(told), "{error}");
    }
}
