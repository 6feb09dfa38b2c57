//! How problems look on a shop: a page with a next step, or the log-in.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use web::{Faults, Problem, ShopFault, Visit};

use crate::app::App;
use crate::format;
use crate::frame::Frame;
use crate::pages::page;
use crate::rows;
use crate::view::{Common, ErrorView};

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// The shops' face.
pub(crate) struct ShopFace(pub App);

impl Faults for ShopFace {
    fn show(&self, request: &Parts, problem: &Problem) -> Option<Response> {
        if problem.status == StatusCode::UNAUTHORIZED {
            return Some(to_log_in(request));
        }
        let mut frame = Frame::read(request);
        let mut host = None;
        if let Some(visit) = request.extensions.get::<Visit>() {
            // The request itself was given its shop further in, or met its problem before it was.
            match web::shop_of(&self.0.rooms.tenancy, visit) {
                Ok(shop) | Err(ShopFault::Suspended(shop) | ShopFault::Closed(shop)) => {
                    frame.sells_itself = rows::known_seller(&self.0, &shop);
                    frame.shop = Some(Arc::clone(&shop));
                }
                Err(ShopFault::Unknown { host: unknown }) => host = Some(unknown),
            }
        }
        let host = host.filter(|_| problem.status == StatusCode::MISDIRECTED_REQUEST);
        let words = self.0.templates.words(frame.language);
        let retry = if is_safe(&request.method) { frame.path.as_str() } else { "/" };
        let view = ErrorView::new(words, problem, retry, host.as_deref());
        let common = Common::new(&frame, None);
        let mut shown = page(&self.0, frame.language, problem.status, "error.html", &common, view).ok()?;
        // A shop that is stopped must not be found by the words that say so.
        shown.headers_mut().insert(ROBOTS, HeaderValue::from_static("noindex"));
        Some(shown)
    }
}

fn is_safe(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// Back to where he wanted to go, once he is logged in. What was posted is not kept: the page asks again.
fn to_log_in(request: &Parts) -> Response {
    let uri = &request.uri;
    let target = match uri.query() {
        Some(query) if is_safe(&request.method) => format!("{}?{query}", uri.path()),
        _ => uri.path().to_owned(),
    };
    Redirect::to(&format!("/login?next={}", format::query_value(&target))).into_response()
}
