//! How a problem looks to whoever asked.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use axum::response::Response;
use kernel::Language;

use crate::kit::RequestId;
use crate::problem::Problem;
use crate::trace::TraceId;

/// Shows a problem as a page. It gets the request without its body.
pub trait Faults: Send + Sync + 'static {
    /// The response that takes the place of the JSON one; none leaves it as it is.
    fn show(&self, request: &Parts, problem: &Problem) -> Option<Response>;
}

/// The looks of an application's problems.
#[derive(Clone)]
pub struct Face(Option<Arc<dyn Faults>>);

impl Face {
    /// Problems stay JSON.
    pub const fn json() -> Self {
        Self(None)
    }

    /// Problems are shown by `faults`.
    pub fn pages(faults: impl Faults) -> Self {
        Self(Some(Arc::new(faults)))
    }

    pub(crate) fn show(&self, request: &Parts, problem: &Problem, id: &RequestId) -> Response {
        let page = self.0.as_ref().and_then(|faults| faults.show(request, problem));
        match page {
            Some(mut page) => {
                problem.mark(&mut page);
                page
            }
            None => {
                let trace = request.extensions.get::<TraceId>().map(TraceId::as_str);
                problem.respond(language(request), Some(id.as_str()), trace)
            }
        }
    }
}

/// The caller's language; English, as all details are, for one who does not say.
fn language(request: &Parts) -> Language {
    language_of_headers(&request.headers)
}

pub(crate) fn language_of_headers(headers: &HeaderMap) -> Language {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| Language::accepted(value.to_str().ok()?));
    accepted.unwrap_or(Language::English)
}
