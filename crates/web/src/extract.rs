//! axum's extractors, whose refusals are problems.

use axum::extract::rejection::{FormRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::problem::Problem;

/// A JSON body, in or out.
#[derive(Debug, Clone, FromRequest)]
#[from_request(via(axum::Json), rejection(Unreadable))]
pub struct Json<T>(pub T);

/// A form's fields.
#[derive(Debug, Clone, FromRequest)]
#[from_request(via(axum::Form), rejection(Unreadable))]
pub struct Form<T>(pub T);

/// The query.
#[derive(Debug, Clone, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Unreadable))]
pub struct Query<T>(pub T);

/// The named parts of the path. What cannot be read names nothing.
#[derive(Debug, Clone, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Unreadable))]
pub struct Path<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// A request that an extractor could not read; as a response it is its problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(pub Problem);

impl IntoResponse for Unreadable {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

/// A body over the bound keeps its 413, a wrong content type its 415; all else is a request that cannot be read.
fn unreadable(status: StatusCode, detail: String) -> Unreadable {
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "body_too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "content_type_unknown",
        _ => return Unreadable(Problem::new(StatusCode::BAD_REQUEST, "request_unreadable").because(detail)),
    };
    Unreadable(Problem::new(status, code).because(detail))
}

macro_rules! unreadable {
    ($($rejection:ty),+) => {$(
        impl From<$rejection> for Unreadable {
            fn from(rejection: $rejection) -> Self {
                unreadable(rejection.status(), rejection.body_text())
            }
        }
    )+};
}
unreadable!(FormRejection, JsonRejection, QueryRejection);

impl From<PathRejection> for Unreadable {
    fn from(_: PathRejection) -> Self {
        Self(Problem::not_found())
    }
}
