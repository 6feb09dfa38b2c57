//! Who gets in, and what those are told who do not.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
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
    gate_of(room, answer("cashier"), shops)
}

fn gate_of(room: Room, cashier: Router, shops: Router) -> Router {
    let hosts = OwnHosts { console: CONSOLE.to_owned(), cashier: CASHIER.to_owned() };
    // Without a connection the peer has no address: here that is our proxy.
    let proxies = Proxies::parse(["0.0.0.0"]).expect("an address");
    let applications = Applications { console: answer("console"), cashier, shops };
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
    for file in ["/stock/1/imports", "/payouts/1/results"] {
        assert_eq!(send(&app, post(CONSOLE, file, never())).await.status, 200, "files are read by who may");
    }
}

fn post_from(address: &str, host: &str, path: &str, body: Body) -> Request<Body> {
    let request = Request::builder().method(Method::POST).uri(path).header("host", host);
    request.header("x-forwarded-for", address).body(body).expect("a request")
}

/// A body that never comes.
fn never() -> Body {
    Body::from_stream(futures::stream::pending::<Result<Bytes, Infallible>>())
}

/// Asks as long as nothing comes back, each time from another address, and answers the first one that is sent away.
async fn crowd(app: &Router, request: impl Fn(u8) -> Request<Body>) -> Answer {
    for caller in (1..=250).cycle() {
        let (app, request) = (app.clone(), request(caller));
        let asked = tokio::spawn(async move { send(&app, request).await });
        tokio::time::sleep(Duration::from_millis(1)).await;
        if asked.is_finished() {
            return asked.await.expect("no panic");
        }
    }
    unreachable!("it goes on until somebody is sent away")
}

#[tokio::test]
async fn slow_bodies_of_anybody_keep_no_gateway_waiting() {
    let room = Room { bodies_max: 20, report_bodies_max: 20, address_bodies_max: 3, ..Room::default() };
    let app = gate(room, answer("shops"));
    let slow = |caller: u8| post_from(&format!("203.0.113.{caller}"), SHOP, "/", never());
    assert_eq!(crowd(&app, slow).await.status, 503);
    let report = post_from("198.51.100.7", CASHIER, NOTIFY, Body::from("paid"));
    assert_eq!(send(&app, report).await.status, 200, "gateways' bodies are counted apart");
    let forged = |_: u8| post_from("203.0.113.1", CASHIER, NOTIFY, never());
    assert_eq!(crowd(&app, forged).await.status, 503, "one address sends so many at a time");
    let report = post_from("198.51.100.7", CASHIER, NOTIFY, Body::from("paid"));
    assert_eq!(send(&app, report).await.status, 200, "and another one sends its own");
}

#[tokio::test]
async fn one_address_holds_so_many_bodies_and_no_more() {
    let app = gate(Room { address_bodies_max: 2, ..Room::default() }, answer("shops"));
    let held: Vec<_> = (0..2).map(|_| post_from("203.0.113.9", SHOP, "/", never())).collect();
    for request in held {
        let app = app.clone();
        tokio::spawn(async move { send(&app, request).await });
    }
    tokio::task::yield_now().await;
    assert_eq!(send(&app, post_from("203.0.113.9", SHOP, "/", Body::from("x"))).await.status, 503);
    assert_eq!(send(&app, post_from("203.0.113.10", SHOP, "/", Body::from("x"))).await.status, 200);
}

#[tokio::test]
async fn forged_reports_are_paced_and_true_ones_are_not() {
    let cashier = Router::new().fallback(async |request: Request<Body>| match request.uri().path() {
        NOTIFY => StatusCode::OK,
        _ => StatusCode::BAD_REQUEST,
    });
    let room = Room { address_rate: 1, address_burst: 3, ..Room::default() };
    let app = gate_of(room, cashier, answer("shops"));
    let report = |address: &str, path: &str| post_from(address, CASHIER, path, Body::empty());
    for _ in 0..20 {
        assert_eq!(send(&app, report("198.51.100.7", NOTIFY)).await.status, 200, "a gateway is always heard");
    }
    for _ in 0..3 {
        assert_eq!(send(&app, report("203.0.113.9", "/pay/notify/sandbox/forged")).await.status, 400);
    }
    assert_eq!(send(&app, report("203.0.113.9", "/pay/notify/sandbox/forged")).await.status, 429);
    assert_eq!(send(&app, report("198.51.100.7", NOTIFY)).await.status, 200);
}

#[tokio::test]
async fn only_what_is_posted_is_a_report() {
    let app = gate(Room { orders_max: 0, ..Room::default() }, answer("shops"));
    assert_eq!(ask(&app, Method::POST, CASHIER, NOTIFY).await.status, 200);
    assert_eq!(ask(&app, Method::GET, CASHIER, NOTIFY).await.status, 503, "what is asked takes a place of orders");
}

#[tokio::test]
async fn a_flood_of_reports_leaves_places_for_another_address() {
    let slow = Router::new().fallback(async |request: Request<Body>| {
        if request.uri().path() != NOTIFY {
            std::future::pending::<()>().await;
        }
    });
    let app = gate_of(Room { reports_max: 8, ..Room::default() }, slow, answer("shops"));
    let flood = |_: u8| post_from("203.0.113.9", CASHIER, "/pay/notify/sandbox/forged", Body::empty());
    assert_eq!(crowd(&app, flood).await.status, 503);
    assert_eq!(send(&app, post_from("198.51.100.7", CASHIER, NOTIFY, Body::empty())).await.status, 200);
}

#[tokio::test]
async fn who_is_on_the_way_to_his_goods_takes_no_place_of_the_crowd() {
    let app = gate(Room { pages_max: 0, ..Room::default() }, answer("shops"));
    for path in ["/checkout", "/checkout?sku=1", "/orders", "/orders/ord_1/status", "/wallet", "/assets/store.css"] {
        assert_eq!(ask(&app, Method::GET, SHOP, path).await.status, 200, "{path}");
    }
    for path in ["/", "/goods/chestnut", "/ordersome", "/search"] {
        assert_eq!(ask(&app, Method::GET, SHOP, path).await.status, 503, "{path}");
    }
    let app = gate(Room { orders_max: 0, address_rate: 1, address_burst: 1, ..Room::default() }, answer("shops"));
    let file = || {
        let request = Request::builder().uri("/assets/store.css").header("host", SHOP);
        request.header("x-forwarded-for", "203.0.113.9").body(Body::empty()).expect("a request")
    };
    assert_eq!((send(&app, file()).await.status, send(&app, file()).await.status), (200, 429), "files have a pace");
}

#[tokio::test]
async fn a_proxy_of_this_machine_that_nobody_named_is_one_caller() {
    let app = gate(Room { address_rate: 1, address_burst: 2, ..Room::default() }, answer("shops"));
    let from = |peer: &str, forwarded: bool| {
        let peer: SocketAddr = peer.parse().expect("an address");
        let mut request = Request::builder().uri("/").header("host", SHOP).extension(ConnectInfo(peer));
        if forwarded {
            request = request.header("x-forwarded-for", "203.0.113.9");
        }
        request.body(Body::empty()).expect("a request")
    };
    for _ in 0..10 {
        assert_eq!(send(&app, from("127.0.0.1:4000", false)).await.status, 200, "this machine is nobody's own");
    }
    for expected in [200, 200, 429] {
        assert_eq!(send(&app, from("127.0.0.1:4001", true)).await.status, expected);
    }
}
