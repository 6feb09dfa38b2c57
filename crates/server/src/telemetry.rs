//! What the server says of itself: log lines, traces and metrics.
//!
//! Invariants: a trace holds spans of our own rooms only, whose fields were written with care, and no log line; a metric
//! has labels whose values we know beforehand; the exporter's own requests are never traced.

mod log;
pub mod metrics;
mod traces;

use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::settings::Settings;

/// Spans that are still in memory have this long to leave at the end.
const FLUSH_MAX: Duration = Duration::from_secs(5);

/// What a command tells of itself while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// Log lines.
    Lines,
    /// Log lines, and what the settings open of traces and metrics.
    All,
}

/// Telemetry at work; to be stopped before the program ends.
#[must_use = "spans that are in memory leave when it is stopped"]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

/// Starts logging to standard error, and with [`Watch::All`] traces and metrics too; a second call changes nothing.
pub fn start(settings: &Settings, watch: Watch) -> anyhow::Result<Telemetry> {
    let filter = EnvFilter::try_new(&settings.log)?;
    let endpoint = settings.otlp_endpoint.as_deref().filter(|_| watch == Watch::All);
    let traces = endpoint.map(traces::provider).transpose()?;
    if watch == Watch::All && settings.metrics_address()?.is_some() {
        metrics::install()?;
    }
    let subscriber = tracing_subscriber::registry().with(traces.as_ref().map(traces::layer));
    // A subscriber that is there already (tests) stays.
    let _ = subscriber.with(log::layer(settings.log_json, traces.is_some()).with_filter(filter)).try_init();
    Ok(Telemetry { traces })
}

impl Telemetry {
    /// Sends what is still in memory. It blocks, for seconds if nobody takes the spans.
    pub fn stop(self) {
        if let Some(Err(error)) = self.traces.map(|traces| traces.shutdown_with_timeout(FLUSH_MAX)) {
            tracing::warn!(%error, "the last spans may be lost");
        }
    }
}
