//! What is answered instead of a result: RFC 9457 problem details, from anything that has a code and a kind.

use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kernel::{Coded, FaultKind, Language};
use serde::Serialize;

use crate::titles::title_of;

/// A refusal as the outside sees it. As a response it carries itself in the extensions, so that a
/// [`crate::Face`] can show it as a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The status of the response.
    pub status: StatusCode,
    /// A stable snake_case code.
    pub code: &'static str,
    /// What happened, for the caller; none where it is our own fault.
    pub detail: Option<String>,
    /// When the same request may be tried again.
    pub retry_after: Option<Duration>,
    /// The fields of the body that were refused.
    pub errors: Vec<FieldError>,
}

/// One refused field of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where it stands (RFC 6901).
    pub pointer: String,
    /// A stable snake_case code.
    pub code: &'static str,
    /// What is wrong with it, for the caller.
    pub detail: String,
}

const TOO_MANY_RETRY_AFTER: Duration = Duration::from_secs(60);
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The status for a kind of refusal.
pub const fn status_of(kind: FaultKind) -> StatusCode {
    match kind {
        FaultKind::Invalid => StatusCode::BAD_REQUEST,
        FaultKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        FaultKind::Forbidden => StatusCode::FORBIDDEN,
        FaultKind::NotFound => StatusCode::NOT_FOUND,
        FaultKind::Conflict => StatusCode::CONFLICT,
        FaultKind::Refused => StatusCode::UNPROCESSABLE_ENTITY,
        FaultKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        FaultKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
        FaultKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl Problem {
    /// A problem of this status that nothing below HTTP knows of.
    pub const fn new(status: StatusCode, code: &'static str) -> Self {
        Self { status, code, detail: None, retry_after: None, errors: Vec::new() }
    }

    /// The same problem with a sentence for the caller.
    pub fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same problem with the time to wait.
    pub const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The body can be read, and these fields of it are refused.
    pub fn of_fields(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.pointer, only.detail),
            several => format!("{} fields are refused", several.len()),
        };
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "fields_refused").because(detail);
        Self { errors, ..problem }
    }

    /// There is nothing here.
    pub const fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found")
    }

    /// Nobody is logged in.
    pub const fn login_required() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "login_required")
    }

    /// The server is full: the same request may succeed soon.
    pub const fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy").retry_after(BUSY_RETRY_AFTER)
    }

    /// The address asks too fast: the same request may succeed soon.
    pub const fn too_fast() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_fast").retry_after(BUSY_RETRY_AFTER)
    }

    /// What it is called, in Chinese and in English.
    pub(crate) fn titles(&self) -> (&'static str, &'static str) {
        let of = |language| title_of(self.code, language).or(self.status.canonical_reason()).unwrap_or("Error");
        (of(Language::Chinese), of(Language::English))
    }

    /// Our own fault, told to the log with its causes and to the caller not at all.
    pub fn internal(error: &dyn Error) -> Self {
        let causes = causes(error);
        tracing::error!(error = %causes, "a request failed: {causes}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
    }

    /// The response of a request with this id and this trace, its title in `language`.
    pub fn respond(&self, language: Language, request_id: Option<&str>, trace_id: Option<&str>) -> Response {
        let body = Body {
            kind: "about:blank",
            title: title_of(self.code, language).or(self.status.canonical_reason()).unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail.as_deref(),
            errors: &self.errors,
            request_id,
            trace_id,
        };
        let body = serde_json::to_vec(&body).expect("texts and a number are always JSON");
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.mark(&mut response);
        response
    }

    /// Puts on a response what every form of this problem has: its waiting time, and itself.
    pub fn mark(&self, response: &mut Response) {
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response.extensions_mut().insert(self.clone());
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
}

/// Bare: what it looks like is the matter of the [`crate::Face`] in front, which writes it once and in full.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl<E: Coded> From<E> for Problem {
    fn from(error: E) -> Self {
        let status = status_of(error.kind());
        match error.kind() {
            FaultKind::Internal => Self { code: error.code(), ..Self::internal(&error) },
            FaultKind::Busy => {
                tracing::warn!(error = %causes(&error), "a request was sent away: {error}");
                Self::new(status, error.code()).retry_after(BUSY_RETRY_AFTER)
            }
            FaultKind::TooMany => {
                Self::new(status, error.code()).because(error.to_string()).retry_after(TOO_MANY_RETRY_AFTER)
            }
            _ => Self::new(status, error.code()).because(error.to_string()),
        }
    }
}

fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
