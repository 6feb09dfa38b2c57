//! The answer to somebody who is sent away: as cheap as can be, and still one that people and programs understand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::Request;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kernel::Allowance;
use uuid::Uuid;

use super::Class;
use crate::face::language_of_headers;
use crate::problem::Problem;
use crate::rate::RateLimits;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'");

/// When the log was told last, in seconds: once a second is enough of a flood.
static TOLD_AT: AtomicU64 = AtomicU64::new(0);

/// Sends a request away, and counts that.
pub(crate) fn refused(
    request: &Request,
    (class, reason): (Class, &'static str),
    problem: Problem,
    left: Option<Allowance>,
) -> Response {
    metrics::counter!("cardgrove_http_refused_total", "class" => class.word(), "reason" => reason).increment(1);
    tell(class, reason, problem.status);
    let id = Uuid::now_v7().to_string();
    let mut response = if asks_for_page(request) { page(&problem) } else { json(request, &problem, &id) };
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(left) = left {
        let limits = RateLimits::default();
        limits.tell([left]);
        limits.write(headers);
    }
    response
}

fn tell(class: Class, reason: &'static str, status: StatusCode) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if TOLD_AT.swap(now, Ordering::Relaxed) != now {
        let (class, status) = (class.word(), status.as_u16());
        tracing::warn!(class, reason, http.status = status, "requests are sent away at the gate: {class}, {reason}");
    }
}

fn asks_for_page(request: &Request) -> bool {
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

fn json(request: &Request, problem: &Problem, id: &str) -> Response {
    problem.respond(language_of_headers(request.headers()), Some(id), None)
}

/// A page without anything that would have to be fetched as well.
fn page(problem: &Problem) -> Response {
    let (zh, en) = problem.titles();
    let html = format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\"><title>{zh}</title></head><body><main>\
         <h1>{zh}</h1><p>请稍后再试。</p><p lang=\"en\">{en}. Please try again in a moment.</p></main></body></html>"
    );
    let mut response = (problem.status, html).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    problem.mark(&mut response);
    response
}
