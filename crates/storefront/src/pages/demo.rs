//! The list of the demo's shops and log-ins, in development only.

use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;
use web::Problem;

use super::page;
use crate::app::{App, DemoPage};
use crate::frame::Frame;
use crate::view::Common;

/// The page. It shows passwords, so nothing keeps it.
pub(crate) fn show(app: &App, frame: &Frame, demo: &DemoPage) -> Result<Response, Problem> {
    let common = Common::new(frame, None);
    let mut response = page(app, frame.language, StatusCode::OK, "demo.html", &common, demo)?;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
