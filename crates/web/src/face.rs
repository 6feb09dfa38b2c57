//! How a problem looks to whoever asked.

use std::sync::Arc;

use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
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

    /// What of a request is needed to show its problems: all of it for a page, little for JSON.
    pub(crate) fn asker(&self, request: &Parts) -> Asker {
        match self.0 {
            Some(_) => Asker::Person(Box::new(request.clone())),
            None => Asker::Program {
                accepted: request.headers.get(ACCEPT_LANGUAGE).cloned(),
                trace: request.extensions.get::<TraceId>().cloned(),
            },
        }
    }

    pub(crate) fn show(&self, asker: &Asker, problem: &Problem, id: &RequestId) -> Response {
        let (accepted, trace) = match asker {
            Asker::Program { accepted, trace } => (accepted.as_ref(), trace.as_ref()),
            Asker::Person(request) => {
                let page = self.0.as_ref().and_then(|faults| faults.show(request, problem));
                if let Some(mut page) = page {
                    problem.mark(&mut page);
                    return page;
                }
                (request.headers.get(ACCEPT_LANGUAGE), request.extensions.get::<TraceId>())
            }
        };
        problem.respond(language_of(accepted), Some(id.as_str()), trace.map(TraceId::as_str))
    }
}

/// Who asked, as far as an answer to him needs it.
pub(crate) enum Asker {
    /// JSON is what he gets.
    Program { accepted: Option<HeaderValue>, trace: Option<TraceId> },
    /// He may get a page, which may show anything of what he asked.
    Person(Box<Parts>),
}

/// The caller's language; English, as all details are, for one who does not say.
pub(crate) fn language_of_headers(headers: &HeaderMap) -> Language {
    language_of(headers.get(ACCEPT_LANGUAGE))
}

fn language_of(accepted: Option<&HeaderValue>) -> Language {
    let accepted = accepted.and_then(|value| Language::accepted(value.to_str().ok()?));
    accepted.unwrap_or(Language::English)
}
