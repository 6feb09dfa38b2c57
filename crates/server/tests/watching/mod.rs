//! What the real binary tells of itself: traces to a collector, metrics to whoever asks on their own port.

mod collector;
mod metrics;

use reqwest::Method;

use crate::binary::{Backend, Server};
use collector::{Collector, Span};

const CONTACT: &str = "planted-contact@example.test";
const WORD: &str = "planted-word";
/// A trace that somebody before us began: version, trace, span, and that it is recorded.
const TRACE_BEFORE: &str = "11112222333344445555666677778888";
const PROXIES: &str = "CARDGROVE_PROXIES";

/// The code on a page, without what stands around it.
fn code_on(page: &str) -> String {
    let from = page.find(">CHN-").expect("a code on the page") + 1;
    page[from..].chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect()
}

/// A purchase by a guest whose spans are looked at afterwards.
async fn a_purchase_is_traced_and_holds_no_secret(backend: Backend, proxies: &str) {
    let collector = Collector::start().await;
    let settings = vec![
        ("CARDGROVE_OTLP_ENDPOINT", collector.url.clone()),
        ("CARDGROVE_LOG", "info,web=debug".to_owned()),
        (PROXIES, proxies.to_owned()),
    ];
    let mut server = Server::start_with(backend, settings).await;
    let guest = server.browser("two.localhost");
    let order = guest.order("chestnut", CONTACT, WORD).await;
    let page = guest.pay(&order).await;
    let status = format!("{page}/status");
    while !guest.get(&status).await.contains("\"state\":\"delivered\"") {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let revealed = guest.post(&format!("{page}/codes"), &[]).await.text().await.expect("a page");
    let from_before = guest.request(Method::GET, "/nothing-here").header("traceparent", traceparent());
    let missing = from_before.send().await.expect("an answer").text().await.expect("a page");
    let problem = server.browser("console.localhost").request(Method::GET, "/api/v1/session").send().await;
    let problem: serde_json::Value = problem.expect("an answer").json().await.expect("a problem");
    server.stop();

    let spans = collector.spans();
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    for name in ["POST /checkout", "GET none", "lane.batch", "lane.command", "gateway", "store.commit"] {
        assert!(names.contains(&name), "no span {name:?} in {names:?}");
    }
    let asked = spans.iter().find(|span| span.name == "POST /checkout").expect("the purchase");
    for inner in ["lane.batch", "gateway"] {
        let is_inside = |span: &&Span| span.name == inner && span.trace == asked.trace;
        assert!(spans.iter().any(|span| is_inside(&span)), "{inner} is not in the trace of its request");
    }
    let batch = spans.iter().find(|span| span.name == "lane.batch" && span.trace == asked.trace).expect("a batch");
    let command = spans.iter().find(|span| span.id == batch.parent).expect("the command it carries out");
    assert_eq!((command.name.as_str(), &command.parent), ("lane.command", &asked.id));

    let is_lonely = |span: &Span| span.name.starts_with("store.") && span.parent.is_empty();
    assert!(!spans.iter().any(is_lonely), "a transaction is told of as part of something only");

    let trace = problem["trace_id"].as_str().expect("a problem names its trace");
    assert!(problem["request_id"].is_string() && spans.iter().any(|span| span.trace == trace), "{trace}");
    let lost = spans.iter().find(|span| span.name == "GET none").expect("the page that is not there");
    assert!(missing.contains(&lost.trace), "the page names its trace {}:\n{missing}", lost.trace);
    assert!(server.log().contains(&format!("trace_id={}", lost.trace)), "a line names it too");
    // Only a proxy of ours may say that we go on with a trace.
    assert_eq!(lost.trace == TRACE_BEFORE, !proxies.contains("[]"));

    let mut secrets = guest.secrets();
    secrets.extend([CONTACT.to_owned(), WORD.to_owned(), code_on(&revealed), order.out_no.clone()]);
    secrets.push(page.rsplit('/').next().expect("the link's word").to_owned());
    for secret in secrets {
        assert!(secret.len() > 4 && !collector.has_heard(&secret), "a trace holds {secret:?}");
    }
}

fn traceparent() -> String {
    format!("00-{TRACE_BEFORE}-aaaabbbbccccdddd-01")
}

// The collector listens while the test waits for the server's end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_is_traced_on_sqlite() {
    a_purchase_is_traced_and_holds_no_secret(Backend::Sqlite, "[]").await;
}

// The collector listens while the test waits for the server's end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_behind_a_proxy_is_traced_on_postgres() {
    a_purchase_is_traced_and_holds_no_secret(Backend::Postgres, r#"["127.0.0.1"]"#).await;
}
