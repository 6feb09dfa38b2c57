//! What the layers do to a request and to its answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{Method, Request, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::Value;
use tower::ServiceExt;

use crate::{Bounds, Face, Faults, Form, Guest, Json, Kit, Path, Problem, Proxies, Query, Routes};

#[derive(Deserialize)]
struct Count {
    #[serde(rename = "count")]
    _count: u32,
}

struct Pages;

impl Faults for Pages {
    fn show(&self, _: &Parts, problem: &Problem) -> Option<Response> {
        let is_shown = problem.status == StatusCode::NOT_FOUND;
        is_shown.then(|| (problem.status, Html("<p>nothing")).into_response())
    }
}

fn app(bounds: Bounds, face: Face) -> Router {
    let router = Router::new()
        .route("/", get(async || "hello"))
        .route("/nothing", get(async || Problem::not_found()))
        .route("/panic", get(async || -> &'static str { panic!("the secret of the handler") }))
        .route("/slow", get(std::future::pending::<()>))
        .route("/json", post(async |Json(_): Json<Count>| "read"))
        .route("/form", post(async |Form(_): Form<Count>| "read"))
        .route("/query", get(async |Query(_): Query<Count>| "read"))
        .route("/path/{count}", get(async |Path(_): Path<u32>| "read"));
    Kit::new(Proxies::parse(["0.0.0.0"]).expect("an address"), bounds).layers(router, face)
}

async fn ask(app: &Router, request: Request<Body>) -> (StatusCode, Response) {
    let response = app.clone().oneshot(request).await.expect("an answer");
    (response.status(), response)
}

async fn plain(app: &Router, method: Method, path: &str, body: &'static str) -> (StatusCode, Value) {
    let content = if path == "/form" { "application/x-www-form-urlencoded" } else { "application/json" };
    let request = Request::builder().method(method).uri(path).header("host", "a.example");
    let request = request.header("content-type", content).body(Body::from(body)).expect("a request");
    let (status, response) = ask(app, request).await;
    let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

#[tokio::test]
async fn what_cannot_be_read_is_a_problem() {
    let app = app(Bounds::default(), Face::json());
    for (method, path, body, status, code) in [
        (Method::POST, "/json", "{", 400, "request_unreadable"),
        (Method::POST, "/json", "{\"count\":-1}", 400, "request_unreadable"),
        (Method::POST, "/form", "count=x", 400, "request_unreadable"),
        (Method::GET, "/query?count=x", "", 400, "request_unreadable"),
        (Method::GET, "/path/x", "", 404, "not_found"),
        (Method::GET, "/nothing", "", 404, "not_found"),
    ] {
        let (answered, problem) = plain(&app, method, path, body).await;
        assert_eq!((answered.as_u16(), problem["code"].as_str()), (status, Some(code)), "{path}");
        assert_eq!(problem["request_id"].as_str().map(str::len), Some(36), "{path}");
        assert_eq!((problem["type"].as_str(), problem["status"].as_u64()), (Some("about:blank"), Some(status.into())));
    }
}

#[tokio::test]
async fn a_problem_has_its_title_in_the_callers_language_and_one_code() {
    let app = app(Bounds::default(), Face::json());
    for (accepted, title) in [
        (None, "Not found"),
        (Some("en-GB,zh;q=0.5"), "Not found"),
        (Some("zh-CN,zh;q=0.9,en;q=0.8"), "没有找到"),
        (Some("fr, zh;q=0.5"), "没有找到"),
        (Some("fr"), "Not found"),
    ] {
        let request = Request::builder().uri("/nothing").header("host", "a.example");
        let request = accepted.into_iter().fold(request, |request, tag| request.header("accept-language", tag));
        let (_, response) = ask(&app, request.body(Body::empty()).expect("a request")).await;
        let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        let problem: Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!((&problem["title"], &problem["code"]), (&title.into(), &"not_found".into()), "{accepted:?}");
    }
}

#[tokio::test]
async fn a_panic_is_our_fault_and_says_nothing() {
    let (status, problem) = plain(&app(Bounds::default(), Face::json()), Method::GET, "/panic", "").await;
    assert_eq!((status, problem["code"].as_str()), (StatusCode::INTERNAL_SERVER_ERROR, Some("internal")));
    assert!(!problem.to_string().contains("secret"));
}

#[tokio::test]
async fn a_request_over_its_time_is_ended() {
    let bounds = Bounds { timeout: Duration::from_millis(1), ..Bounds::default() };
    let (status, problem) = plain(&app(bounds, Face::json()), Method::GET, "/slow", "").await;
    assert_eq!((status, problem["code"].as_str()), (StatusCode::GATEWAY_TIMEOUT, Some("timeout")));
}

#[tokio::test]
async fn a_body_over_the_bound_is_not_read() {
    let bounds = Bounds { body_bytes_max: 8, ..Bounds::default() };
    let (status, problem) = plain(&app(bounds, Face::json()), Method::POST, "/json", "{\"count\": 100}").await;
    assert_eq!((status, problem["code"].as_str()), (StatusCode::PAYLOAD_TOO_LARGE, Some("body_too_large")));
}

#[tokio::test]
async fn a_post_from_another_site_is_a_problem() {
    let app = app(Bounds::default(), Face::json());
    for (origin, forwarded, status) in [
        ("https://evil.example", "", 403),
        ("http://a.example", "", 400),
        // Behind a proxy the browser's host counts, not the one inside.
        ("https://shop.example", "shop.example", 400),
        ("http://a.example", "shop.example", 403),
    ] {
        let mut request = Request::builder().method(Method::POST).uri("/json").header("host", "a.example");
        request = request.header("origin", origin).header("content-type", "application/json");
        if !forwarded.is_empty() {
            request = request.header("x-forwarded-host", forwarded);
        }
        let (answered, _) = ask(&app, request.body(Body::from("{")).expect("a request")).await;
        assert_eq!(answered.as_u16(), status, "{origin} {forwarded}");
    }
}

#[tokio::test]
async fn a_face_shows_what_it_knows_and_leaves_the_rest() {
    let app = app(Bounds::default(), Face::pages(Pages));
    let (_, page) = ask(
        &app,
        Request::builder().uri("/nothing").header("host", "a.example").body(Body::empty()).expect("a request"),
    )
    .await;
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let (status, problem) = plain(&app, Method::GET, "/panic", "").await;
    assert_eq!((status.as_u16(), problem["code"].as_str()), (500, Some("internal")));
}

#[tokio::test]
async fn forms_lead_to_our_own_host_and_to_the_origin_that_was_named() {
    let kit = Kit::new(Proxies::default(), Bounds::default());
    for (kit, ends) in [
        (kit.clone(), "form-action 'self'"),
        (kit.posting_to("http://cashier.example:8080"), "form-action 'self' http://cashier.example:8080"),
    ] {
        let app = kit.layers(Router::new().route("/", get(async || "hello")), Face::json());
        let request = Request::builder().uri("/").header("host", "a.example").body(Body::empty()).expect("a request");
        let (_, response) = ask(&app, request).await;
        let policy = response.headers()["content-security-policy"].to_str().expect("a text");
        assert!(policy.ends_with(ends), "{policy}");
    }
}

#[test]
fn a_route_is_listed_with_its_policy() {
    let routes: Routes<()> =
        Routes::default().post("/b", async |_: Guest| "b").get("/a", async |_: Guest, _: Method| "a");
    let list: Vec<String> =
        routes.list().iter().map(|route| format!("{} {} {}", route.method, route.path, route.policy)).collect();
    assert_eq!(list, ["GET /a guest", "POST /b guest"]);
}

/// What is logged while this lives, on this thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no holder panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_token_of_a_path_is_logged() {
    let lines = Lines::default();
    let writer = lines.clone();
    // Below this, a layer of a third party logs the paths of what it lets pass.
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_ansi(false);
    let _logged = tracing::subscriber::set_default(subscriber.with_writer(move || writer.clone()).finish());
    let opens = async |_: Guest, Path((id, link)): Path<(String, String)>| {
        tracing::warn!("something about an order");
        if id == link { Err(Problem::busy()) } else { Ok("open") }
    };
    let routes: Routes<()> = Routes::default().get("/orders/{id}/{link}", opens);
    let router = routes.into_router().fallback(async || Problem::not_found());
    let app = Kit::new(Proxies::default(), Bounds::default()).layers(router, Face::json());
    for (path, status) in [
        ("/orders/planted/planted2", 200),
        ("/orders/planted/planted", 503),
        ("/orders/planted/planted2/", 404),
        ("/planted-token-of-no-route", 404),
        ("/plantedplantedplanted/orders", 404),
        ("/orders/planted?word=planted", 404),
    ] {
        let request = Request::builder().uri(path).header("host", "a.example").body(Body::empty()).expect("a request");
        assert_eq!(ask(&app, request).await.0.as_u16(), status, "{path}");
    }
    let text = String::from_utf8(lines.0.lock().expect("no holder panics").clone()).expect("a text");
    assert!(text.contains("something about an order") && text.contains("/orders/{id}/{link}"), "{text}");
    assert!(text.contains("answered 404") && text.contains("/orders.."), "{text}");
    assert!(!text.contains("planted"), "{text}");
}
