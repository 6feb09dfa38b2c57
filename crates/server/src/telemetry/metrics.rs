//! Metrics in Prometheus' text format, on a port of their own.
//!
//! Rooms record through the `metrics` facade; what is a state and not an event is read when somebody asks. No label
//! holds a tenant, a path, an address or anything else that visitors or packs choose: the number of series is bounded
//! by the code. What a tenant does is in the log and in his own reports.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use kernel::Platform;
use metrics::{describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use outbox::{Outbox, OutboxError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::house::House;
use crate::settings::Settings;

/// What a series counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Every metric with what it means; the operator's guide explains the same ones.
const KNOWN: [(&str, Kind, &str); 29] = [
    ("cardgrove_build_info", Kind::Gauge, "1, with the version that runs"),
    ("cardgrove_http_request_seconds", Kind::Histogram, "answered requests by method, route and status"),
    ("cardgrove_http_refused_total", Kind::Counter, "requests sent away at the gate, by class and reason"),
    ("cardgrove_connections", Kind::Gauge, "open connections of clients and proxies"),
    ("cardgrove_connections_refused_total", Kind::Counter, "connections closed at once, by reason: full, address"),
    ("cardgrove_lane_batch_commands", Kind::Histogram, "commands of a committed batch"),
    ("cardgrove_lane_batch_seconds", Kind::Histogram, "time of a committed batch, its repetitions included"),
    ("cardgrove_lane_waiting_commands", Kind::Gauge, "commands in the queues now"),
    ("cardgrove_lane_doubts_total", Kind::Counter, "small batches that were decided by heart and then with open eyes"),
    ("cardgrove_lane_reruns_total", Kind::Counter, "batches that others disturbed and that were run again"),
    ("cardgrove_lane_refused_total", Kind::Counter, "commands sent away because a queue was full or the server stops"),
    ("cardgrove_lane_poisoned_total", Kind::Counter, "commands that cannot be carried out: each is a bug"),
    ("cardgrove_orders_total", Kind::Counter, "tries to order by way to pay and outcome: placed, replay, or a refusal"),
    ("cardgrove_cards_total", Kind::Counter, "cards by what happened: sold, held, sold_from_hold, freed"),
    ("cardgrove_stock_events_total", Kind::Counter, "SKUs by what happened: sold_out, restocked, low"),
    ("cardgrove_closings_total", Kind::Counter, "days closed, and refused because the books do not prove, by outcome"),
    (
        "cardgrove_level_changes_total",
        Kind::Counter,
        "levels that were judged, by what happened: promoted, warned, demoted",
    ),
    (
        "cardgrove_prepaid_events_total",
        Kind::Counter,
        "sites whose prepaid money has become low, or is filled: low, filled",
    ),
    ("cardgrove_shelf_turned_away_total", Kind::Counter, "tries to order what is sold out, answered from memory"),
    ("cardgrove_shelf_asked_total", Kind::Counter, "counts of stock that pages asked for"),
    ("cardgrove_shelf_read_total", Kind::Counter, "those of them that had to be read"),
    ("cardgrove_page_cache_total", Kind::Counter, "shared pages by outcome: hit, miss, stale"),
    ("cardgrove_payment_callbacks_total", Kind::Counter, "messages of gateways by provider and outcome"),
    ("cardgrove_payment_money_total", Kind::Counter, "money that was seen, by what became of it"),
    ("cardgrove_gateway_call_seconds", Kind::Histogram, "conversations with gateways by provider, call and outcome"),
    ("cardgrove_settlement_released_total", Kind::Counter, "earners to whom something due was released"),
    ("cardgrove_outbox_job_seconds", Kind::Histogram, "jobs by kind and outcome"),
    ("cardgrove_outbox_oldest_seconds", Kind::Gauge, "how long the longest waiting job has been due"),
    ("cardgrove_database_connections", Kind::Gauge, "open connections by pool and state: busy, idle"),
];
const UP: (&str, &str) = ("cardgrove_database_up", "whether the database answered just now");

/// A page takes milliseconds, a gateway seconds.
const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
const COMMANDS: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
/// How often what was recorded is put into its buckets, so that it does not pile up while nobody asks.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// A database that takes longer to say how it is, is down.
const SAMPLE_MAX: Duration = Duration::from_secs(2);

/// One a process, like the recorder it belongs to.
static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to record. To be called before the house is opened, because some rooms keep their counters at hand.
pub(super) fn install() -> anyhow::Result<()> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_commands".to_owned()), &COMMANDS)?
        .install_recorder()
        .context("metrics are recorded already")?;
    for (name, kind, help) in KNOWN {
        match kind {
            Kind::Counter => describe_counter!(name, help),
            Kind::Gauge => describe_gauge!(name, help),
            Kind::Histogram => describe_histogram!(name, help),
        }
    }
    describe_gauge!(UP.0, UP.1);
    gauge!("cardgrove_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1);
    let _ = HANDLE.set(handle);
    Ok(())
}

/// Serves `/metrics` until the handle is aborted; nothing if metrics are off. A default port that somebody else has is
/// no reason not to serve shops; one that was set is.
pub async fn serve(house: &House) -> anyhow::Result<Option<JoinHandle<()>>> {
    let (Some(handle), Some(address)) = (HANDLE.get(), house.settings.metrics_address()?) else { return Ok(None) };
    // Whether or not somebody asks: what is recorded piles up otherwise.
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP_EVERY).await;
            handle.run_upkeep();
        }
    });
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) if address == Settings::default().metrics_address()?.unwrap_or(address) => {
            tracing::warn!(%error, %address, "no metrics: another program listens at {address}; set `metrics_listen`");
            return Ok(None);
        }
        Err(error) => return Err(error).with_context(|| format!("cannot listen at {address} for metrics")),
    };
    let address: SocketAddr = listener.local_addr()?;
    tracing::info!(%address, "metrics at http://{address}/metrics");
    let app = Router::new().route("/metrics", get(show)).with_state((handle, house.clone()));
    Ok(Some(tokio::spawn(async move {
        let ended = axum::serve(listener, app).await;
        tracing::warn!(?ended, "metrics are not served any more");
    })))
}

async fn show(State((handle, house)): State<(&'static PrometheusHandle, House)>) -> impl IntoResponse {
    sample(&house).await;
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render())
}

/// Reads what is a state: it is as old as the answer.
async fn sample(house: &House) {
    gauge!("cardgrove_lane_waiting_commands").set(u32::try_from(house.lanes.waiting()).unwrap_or(u32::MAX));
    for count in house.store.pools() {
        let states = [("busy", count.open.saturating_sub(count.idle)), ("idle", count.idle)];
        for (state, connections) in states {
            gauge!("cardgrove_database_connections", "pool" => count.pool, "state" => state).set(connections);
        }
    }
    let oldest = tokio::time::timeout(SAMPLE_MAX, oldest_job(house)).await;
    let oldest = oldest.ok().and_then(Result::ok);
    gauge!(UP.0).set(u8::from(oldest.is_some()));
    match oldest {
        Some(age) => gauge!("cardgrove_outbox_oldest_seconds").set(age),
        None => gauge!("cardgrove_outbox_oldest_seconds").set(f64::NAN),
    }
}

async fn oldest_job(house: &House) -> Result<Duration, OutboxError> {
    let tx = house.store.read_platform(&Platform::assume()).await?;
    Ok(Outbox::default().age_max_in(&tx).await?.to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests;
