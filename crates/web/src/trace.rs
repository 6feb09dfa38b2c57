//! The trace of a request: joined where one of our own proxies began it, begun here else.
//!
//! Whether anything is traced is the server's choice; while it is not, requests have no trace and nothing here costs.

use axum::http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::global::get_text_map_propagator;
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::{Status, TraceContextExt};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The name of a recorded trace, for answers: whoever reads it can find the trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceId(String);

impl TraceId {
    /// The text, 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The trace that the headers continue. Ask for it only where a proxy of ours wrote them: whoever may name the trace
/// may also decide that nothing is recorded.
pub(crate) fn continued(headers: &HeaderMap) -> Context {
    get_text_map_propagator(|propagator| propagator.extract(&Headers(headers)))
}

/// Begins the trace of a request's span, or joins `before`; none if nothing is recorded.
pub(crate) fn begin(span: &Span, before: Option<Context>) -> Option<TraceId> {
    if let Some(before) = before.filter(|before| before.span().span_context().is_valid()) {
        // Fails only while nothing is traced, and then there is nothing to join.
        let _ = span.set_parent(before);
    }
    let context = span.context();
    let recorded = context.span().span_context().clone();
    recorded.is_sampled().then(|| TraceId(recorded.trace_id().to_string()))
}

/// Names the span as traces are read, by method and route, and says whether the answer was our own fault.
pub(crate) fn end(span: &Span, name: String, is_fault: bool) {
    span.context().span().update_name(name);
    if is_fault {
        span.set_status(Status::error(""));
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}
