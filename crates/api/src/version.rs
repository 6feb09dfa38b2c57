//! The dated version of the API: every answer says it, and a request that asks for another one is refused.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use web::Problem;

/// The only version there is.
pub(crate) const VERSION: &str = "2026-11-01";
/// What it is sent and asked for in.
pub(crate) const HEADER: &str = "api-version";

/// Says the version on whatever is answered below `/api/v1`. It stands outside all other layers.
pub(crate) async fn told(request: Request, next: Next) -> Response {
    let is_api = is_api(&request);
    let mut response = next.run(request).await;
    if is_api {
        response.headers_mut().insert(HeaderName::from_static(HEADER), HeaderValue::from_static(VERSION));
    }
    response
}

/// Refuses a request that asks for a version we do not know; who asks for none gets this one.
pub(crate) async fn asked(request: Request, next: Next) -> Response {
    let is_other = |asked: &HeaderValue| asked.as_bytes() != VERSION.as_bytes();
    if is_api(&request) && request.headers().get_all(HEADER).iter().any(is_other) {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "api_version_unknown");
        return problem.because(format!("the version of this API is {VERSION}")).into_response();
    }
    next.run(request).await
}

fn is_api(request: &Request) -> bool {
    let path = request.uri().path();
    path == "/api/v1" || path.starts_with("/api/v1/")
}
