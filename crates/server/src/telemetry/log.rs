//! Log lines, with the trace they belong to.

use std::fmt;
use std::io::{IsTerminal, stderr};

use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt, TraceId};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::{self, FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, layer as lines};
use tracing_subscriber::registry::LookupSpan;

/// Lines on standard error. While there are traces, a line inside a recorded one names it; such lines have no colours.
pub(super) fn layer<S>(is_json: bool, has_traces: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let colours = stderr().is_terminal() && !has_traces;
    match is_json {
        true => lines().json().event_format(WithTrace::Json(format::json())).with_writer(stderr).boxed(),
        false => lines().event_format(WithTrace::Text(format::format())).with_ansi(colours).with_writer(stderr).boxed(),
    }
}

/// A format whose lines name the trace.
enum WithTrace<F> {
    Text(F),
    Json(F),
}

impl<S, N, F> FormatEvent<S, N> for WithTrace<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let (Self::Text(format) | Self::Json(format)) = self;
        let Some(trace) = current() else { return format.format_event(context, writer, event) };
        let mut line = String::new();
        format.format_event(context, Writer::new(&mut line), event)?;
        match self {
            Self::Text(_) => writeln!(writer, "{} trace_id={trace}", line.trim_end()),
            // A line is one object, and never an empty one.
            Self::Json(_) => write!(writer, "{{\"trace_id\":\"{trace}\",{}", line.strip_prefix('{').unwrap_or(&line)),
        }
    }
}

/// The recorded trace of the code that runs now.
fn current() -> Option<TraceId> {
    let context = Context::current();
    let span = context.span();
    span.span_context().is_sampled().then(|| span.span_context().trace_id())
}
