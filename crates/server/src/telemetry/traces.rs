//! Traces: spans of our own rooms, sent by OTLP over HTTP from a thread of their own.

use std::time::Duration;

use anyhow::{Context, anyhow};
use opentelemetry::KeyValue;
use opentelemetry::global::set_text_map_propagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

/// The rooms whose spans leave the house. A new one is added after a look at the fields of its spans.
const ROOMS: [&str; 5] = ["web", "lane", STORE, "outbox", "payment"];
const STORE: &str = "store";
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
const TRACES_PATH: &str = "v1/traces";

/// Sends spans to the collector at `endpoint`, and lets requests join the traces of our proxies.
pub(super) fn provider(endpoint: &str) -> anyhow::Result<SdkTracerProvider> {
    let url = traces_url(endpoint)?;
    // A blocking client brings a runtime of its own, which must not be made or dropped inside another one.
    let made = std::thread::spawn(move || make(&url)).join();
    let provider = made.map_err(|_| anyhow!("the exporter of traces panicked while it was made"))??;
    set_text_map_propagator(TraceContextPropagator::new());
    Ok(provider)
}

/// Makes spans of ours spans of the provider's.
pub(super) fn layer<S>(provider: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let ours = dynamic_filter_fn(|metadata, context| {
        // A transaction is a part of what somebody does; by itself, as those of timers are, it tells nothing.
        is_ours(metadata) && (room_of(metadata) != STORE || context.lookup_current().is_some())
    });
    let ours = ours.with_max_level_hint(LevelFilter::DEBUG);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("cardgrove"));
    layer.with_location(false).with_threads(false).with_target(false).with_tracked_inactivity(false).with_filter(ours)
}

/// Log lines stay in the log, and other people's spans (the exporter's HTTP client's among them) where they are.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && ROOMS.contains(&room_of(metadata))
}

fn room_of<'a>(metadata: &Metadata<'a>) -> &'a str {
    metadata.target().split("::").next().unwrap_or_default()
}

/// The collector's address for traces; what is given may be its base.
fn traces_url(endpoint: &str) -> anyhow::Result<Url> {
    let mut url = Url::parse(endpoint).context("`otlp_endpoint` is no URL")?;
    anyhow::ensure!(matches!(url.scheme(), "http" | "https"), "`otlp_endpoint` begins with http:// or https://");
    if !url.path().ends_with(TRACES_PATH) {
        let path = format!("{}/{TRACES_PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    Ok(url)
}

fn make(url: &Url) -> anyhow::Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client()?)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(url.as_str())
        .with_timeout(SEND_TIMEOUT)
        .build()
        .context("the exporter of traces cannot be made")?;
    let mut resource = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    // Who sets the usual variable names this server himself.
    if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name("cardgrove");
    }
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build())
}

/// Knows the usual roots itself, so that it works on a machine without certificates.
fn client() -> anyhow::Result<reqwest::blocking::Client> {
    // Another part of the program may have installed it before; one is enough.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let client = reqwest::blocking::Client::builder()
        .tls_backend_preconfigured(tls)
        .timeout(SEND_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    client.build().context("the HTTP client of the exporter cannot be built")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_by_its_base_or_in_full() {
        for (given, used) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://otel.example/tenant/", "https://otel.example/tenant/v1/traces"),
            ("https://otel.example/v1/traces", "https://otel.example/v1/traces"),
        ] {
            assert_eq!(traces_url(given).expect("a URL").as_str(), used);
        }
        assert!(traces_url("127.0.0.1:4318").is_err() && traces_url("grpc://otel.example").is_err());
    }
}
