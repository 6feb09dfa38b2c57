//! Who gets in, and what those are told who do not.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request};
use serde_json::Value;
use tower::ServiceExt;

use crate::{Applications, Gate, OwnHosts, Proxies, Room};

const SHOP: &str = "a.example";
const CONSOLE: &str = "console.example";
const CASHIER: &str = "cashier.example";
const NOTIFY: &str = "/pay/notify/sandbox/1";

fn answer(text: &'static str) -> Router {
    Router::new().fallback(async move || text)
}

fn gate(room: Room, shops: Router) -> Router {
    let hosts = OwnHosts { console: CONSOLE.to_owned(), cashier: CASHIER.to_owned() };
    // Without a connection the peer has no address: here that is our proxy.
    let proxies = Proxies::parse(["0.0.0.0"]).expect("an address");
    let applications = Applications { console: answer("console"), cashier: answer("cashier"), shops };
    Gate::new(proxies, hosts, None, room).before(applications)
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

async fn send(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("a body");
    let body = String::from_utf8(body.to_vec()).expect("text");
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

async fn ask(app: &Router, method: Method, host: &str, path: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header("host", host);
    send(app, request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn each_application_has_its_own_host() {
    let app = gate(Room::default(), answer("shops"));
    for (host, expected) in
        [(CONSOLE, "console"), ("CONSOLE.example:80", "console"), (CASHIER, "cashier"), (SHOP, "shops"), ("", "shops")]
    {
        assert_eq!(ask(&app, Method::GET, host, "/").await.body, expected, "{host}");
    }
}

#[tokio::test]
async fn who_asks_too_fast_is_told_when_to_come_again_and_others_are_not_kept_away() {
    let app = gate(Room { address_rate: 1, address_burst: 3, ..Room::default() }, answer("shops"));
    let from = |address: &str, host: &str, path: &str| {
        let request = Request::builder().method(Method::POST).uri(path).header("host", host);
        request.header("x-forwarded-for", address).body(Body::empty()).expect("a request")
    };
    for _ in 0..3 {
        assert_eq!(send(&app, from("203.0.113.9", SHOP, "/")).await.status, 200);
    }
    let refused = send(&app, from("203.0.113.9", SHOP, "/")).await;
    assert_eq!((refused.status, &refused.headers["retry-after"]), (429, &"1".parse().expect("a value")));
    assert_eq!(refused.headers["ratelimit-policy"], "\"requests\";q=3;w=3");
    assert_eq!(refused.headers["ratelimit"], "\"requests\";r=0;t=1");
    let problem: Value = serde_json::from_str(&refused.body).expect("JSON");
    assert_eq!(problem["code"], "too_fast");
    assert_eq!(problem["request_id"], refused.headers["x-request-id"].to_str().expect("text"));
    assert_eq!(send(&app, from("203.0.113.10", SHOP, "/")).await.status, 200);
    assert_eq!(send(&app, from("203.0.113.9", CASHIER, NOTIFY)).await.status, 200, "a gateway is always heard");
    for _ in 0..20 {
        assert_eq!(send(&app, from("127.0.0.1", SHOP, "/")).await.status, 200, "this machine is nobody's own");
    }
}

/// Fills the places of a class and answers the first one that is sent away.
async fn fill(app: &Router, method: Method) -> Answer {
    loop {
        let (app, method) = (app.clone(), method.clone());
        let asked = tokio::spawn(async move { ask(&app, method, SHOP, "/slow").await });
        tokio::time::sleep(Duration::from_millis(1)).await;
        if asked.is_finished() {
            return asked.await.expect("no panic");
        }
    }
}

#[tokio::test]
async fn a_crowd_of_one_kind_takes_no_place_of_another() {
    let slow = Router::new().route("/slow", axum::routing::any(std::future::pending::<()>)).fallback(async || "shops");
    let room = Room { orders_max: 4, pages_max: 4, ..Room::default() };
    let app = gate(room, slow);
    let page = fill(&app, Method::GET).await;
    assert_eq!((page.status, &page.headers["retry-after"]), (503, &"1".parse().expect("a value")));
    assert_eq!(ask(&app, Method::POST, SHOP, "/").await.status, 200, "there is room for orders");
    let order = fill(&app, Method::POST).await;
    let problem: Value = serde_json::from_str(&order.body).expect("JSON");
    assert_eq!((order.status, problem["code"].as_str()), (503, Some("busy")));
    assert_eq!(ask(&app, Method::POST, CASHIER, NOTIFY).await.status, 200, "gateways have places of their own");
    assert_eq!(ask(&app, Method::GET, CONSOLE, "/").await.status, 200, "so have operators");
}

#[tokio::test]
async fn a_browser_is_sent_away_with_a_page() {
    let slow = Router::new().fallback(std::future::pending::<()>);
    let app = gate(Room { pages_max: 1, ..Room::default() }, slow);
    fill(&app, Method::GET).await;
    let request = Request::builder().uri("/").header("host", SHOP).header("accept", "text/html,*/*");
    let page = send(&app, request.body(Body::empty()).expect("a request")).await;
    assert_eq!(
        (page.status, &page.headers["content-type"]),
        (503, &"text/html; charset=utf-8".parse().expect("a type"))
    );
    assert!(page.body.contains("服务繁忙") && page.body.contains("The server is busy"), "{}", page.body);
    assert_eq!(page.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn a_body_that_is_too_large_or_too_slow_takes_no_place() {
    let room = Room { body_bytes_max: 8, body_time: Duration::from_millis(20), ..Room::default() };
    let app = gate(room, answer("shops"));
    let post = |host: &str, path: &str, body: Body| {
        Request::builder().method(Method::POST).uri(path).header("host", host).body(body).expect("a request")
    };
    let code = |answer: &Answer| serde_json::from_str::<Value>(&answer.body).expect("JSON")["code"].clone();
    let large = send(&app, post(SHOP, "/", Body::from("nine bytes"))).await;
    assert_eq!((large.status, code(&large)), (413, "body_too_large".into()));
    let never = || Body::from_stream(futures::stream::pending::<Result<Bytes, Infallible>>());
    let slow = send(&app, post(SHOP, "/", never())).await;
    assert_eq!((slow.status, code(&slow)), (408, "body_too_slow".into()));
    let console = send(&app, post(CONSOLE, "/api/v1/session", never())).await;
    assert_eq!(console.status, 408);
    assert_eq!(send(&app, post(CONSOLE, "/stock/1/imports", never())).await.status, 200, "files are read by who may");
}
