//! Metrics of a shop at work.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::binary::{Backend, Server, client};

const LISTEN: &str = "CARDGROVE_METRICS_LISTEN";

async fn read(server: &Server) -> String {
    let address = server.logged("metrics at ").expect("the log says where metrics are");
    let url = address.split_whitespace().next().expect("a URL");
    let answer = client().get(url).send().await.expect("an answer");
    assert!(answer.headers()["content-type"].to_str().expect("text").starts_with("text/plain; version=0.0.4"));
    answer.text().await.expect("a text")
}

/// The value of the one series whose line begins with `series`.
fn value(text: &str, series: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("no {series} in\n{text}"))
}

async fn a_shop_at_work_is_counted(backend: Backend) {
    let server = Server::start_with(backend, vec![(LISTEN, "127.0.0.1:0".to_owned())]).await;
    let browser = server.browser("two.localhost");
    browser.log_in(&server.login_of("he@two.localhost")).await;
    browser.buy("chestnut").await;
    let guest = server.browser("two.localhost");
    let order = guest.order("chestnut", "a@example.test", "ocean").await;
    server.sandbox(&format!("trades/{}/notify", order.out_no), r#"{"times": 2, "forge": true, "wait": true}"#).await;
    guest.pay(&order).await;
    for path in ["/anything", "/anything-else", "/goods/no-such-goods"] {
        let asked = guest.request(reqwest::Method::GET, path).send().await.expect("an answer");
        assert_eq!(asked.status(), 404);
    }
    let public = guest.request(reqwest::Method::GET, "/metrics").send().await.expect("an answer");
    assert_eq!(public.status(), 404, "the public port knows no metrics");

    let mut text = read(&server).await;
    let began = Instant::now();
    while !text.contains("cardgrove_outbox_job_seconds_count{kind=") {
        assert!(began.elapsed() < Duration::from_secs(30), "no job is counted:\n{text}");
        tokio::time::sleep(Duration::from_millis(100)).await;
        text = read(&server).await;
    }
    for (series, least) in [
        ("cardgrove_orders_total{pay=\"wallet\",outcome=\"placed\"}", 1.0),
        ("cardgrove_orders_total{pay=\"channel\",outcome=\"placed\"}", 1.0),
        ("cardgrove_lane_batch_commands_count", 2.0),
        ("cardgrove_lane_batch_seconds_sum", 0.000_001),
        ("cardgrove_lane_waiting_commands", 0.0),
        ("cardgrove_cards_total{event=\"sold\"}", 1.0),
        ("cardgrove_cards_total{event=\"held\"}", 1.0),
        ("cardgrove_payment_callbacks_total{provider=\"sandbox\",outcome=\"callback_refused\"}", 2.0),
        ("cardgrove_gateway_call_seconds_count{provider=\"sandbox\",call=\"create\",outcome=\"ok\"}", 1.0),
        ("cardgrove_http_request_seconds_count{method=\"POST\",route=\"/checkout\",status=\"303\"}", 2.0),
        ("cardgrove_http_request_seconds_count{method=\"GET\",route=\"none\",status=\"404\"}", 3.0),
        ("cardgrove_shelf_asked_total", 2.0),
        ("cardgrove_shelf_read_total", 1.0),
        ("cardgrove_page_cache_total{outcome=\"miss\"}", 1.0),
        ("cardgrove_outbox_oldest_seconds", 0.0),
        ("cardgrove_database_up", 1.0),
    ] {
        assert!(value(&text, series) >= least, "{series} is below {least}:\n{text}");
    }
    assert!(
        text.contains("# HELP cardgrove_orders_total")
            && text.contains("state=\"busy\"")
            && text.contains("cardgrove_build_info{version=")
    );
    // What visitors and packs choose is no label.
    for word in ["anything", "chestnut", "two.localhost", "example.test", "tenant", &order.out_no] {
        assert!(!text.contains(word), "{word} is in the metrics:\n{text}");
    }
}

#[tokio::test]
async fn a_shop_at_work_is_counted_on_sqlite() {
    a_shop_at_work_is_counted(Backend::Sqlite).await;
}

#[tokio::test]
async fn a_shop_at_work_is_counted_on_postgres() {
    a_shop_at_work_is_counted(Backend::Postgres).await;
}

#[tokio::test]
async fn a_default_port_that_is_taken_is_no_reason_to_stop() {
    // Whoever has it, it is taken.
    let _taken = TcpListener::bind("127.0.0.1:9464");
    let server = Server::start_with(Backend::Sqlite, vec![(LISTEN, "127.0.0.1:9464".to_owned())]).await;
    assert!(server.browser("two.localhost").get("/").await.contains("</html>"));
    assert!(server.logged("no metrics: another program listens at 127.0.0.1:9464").is_some(), "{}", server.log());
}

#[test]
fn a_port_that_was_set_and_is_taken_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_cardgrove"))
        .arg("serve")
        .env_clear()
        .env("CARDGROVE_DATA_DIR", folder.path())
        .env("CARDGROVE_LISTEN", "127.0.0.1:0")
        .env(LISTEN, &address)
        .output()
        .expect("the binary runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains(&format!("cannot listen at {address} for metrics")), "{error}");
}
