//! Serving: HTTP, jobs, the host table's watch and the control socket, until a signal; then an orderly end.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::commands::DemoLogin;
use crate::control;
use crate::database::Database;
use crate::house::House;
use crate::settings::{Limits, Settings};
use crate::telemetry::metrics;
use crate::wire::{self, WireBounds};

/// Open requests have this long to end once a stop was asked for.
const DRAIN: Duration = Duration::from_secs(10);

/// Takes the address that `settings` name; they name the real one afterwards, whose port others are told.
pub async fn listen(settings: &mut Settings) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(settings.listen).await;
    let listener = listener.with_context(|| format!("cannot listen at {}", settings.listen))?;
    settings.listen = listener.local_addr()?;
    Ok(listener)
}

/// Serves until SIGTERM or SIGINT. With log-ins of the demo, `localhost` shows a page that lists them.
pub async fn run(
    house: House,
    database: Database,
    listener: TcpListener,
    logins: Vec<DemoLogin>,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let app = crate::http::router(&house, address, &logins)?;
    let metrics = metrics::serve(&house).await?;
    // Before anybody is told that we serve: a signal must find its handler.
    let signals = Signals::install()?;
    let watch = house.tenancy.watch();
    let control = match house.settings.sqlite_file() {
        Some(file) => Some(control::listen(house.clone(), &file)?),
        None => None,
    };
    let runner = house.runner(&node_name(address)).start();
    eprint!("{}", welcome(&house, address, &logins));
    tracing::info!(%address, backend = ?house.store.backend(), "serving at {address}");

    let (stop, stopped) = tokio::sync::watch::channel(false);
    let bounds = (wire_bounds(&house.settings.limits), crate::http::proxies(&house.settings)?);
    let mut serving = tokio::spawn(wire::serve(listener, app, bounds, stopped));
    signals.asked_to_stop().await;
    tracing::info!("stopping: no new requests, open ones have {} s", DRAIN.as_secs());
    let _ = stop.send(true);
    if tokio::time::timeout(DRAIN, &mut serving).await.is_err() {
        serving.abort();
    }
    if let Some(control) = control {
        control.abort();
    }
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    runner.stop().await;
    house.lanes.stop().await;
    drop(watch);
    database.store.close().await?;
    tracing::info!("stopped");
    Ok(())
}

fn wire_bounds(limits: &Limits) -> WireBounds {
    let bounds = WireBounds {
        connections_max: limits.connections_max,
        address_connections_max: limits.connections_per_address_max,
        head_time: Duration::from_secs(limits.head_s_max),
        shared_head_time: Duration::from_secs(limits.proxy_idle_s_max),
        write_time: Duration::from_secs(limits.write_s_max),
    };
    bounds.within_files()
}

/// What asks the server to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn install() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn asked_to_stop(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Tells nodes apart in leases and logs.
fn node_name(address: SocketAddr) -> String {
    format!("{}:{}", address, std::process::id())
}

/// What a person sees who started the server by hand.
fn welcome(house: &House, address: SocketAddr, logins: &[DemoLogin]) -> String {
    let port = address.port();
    let mut text = String::from("\n");
    let mut shops: Vec<_> = house.tenancy.shops();
    shops.sort_by(|(a, a_shop), (b, b_shop)| {
        (a_shop.tenant.slug.as_str(), a_shop.site.depth, a.as_str()).cmp(&(
            b_shop.tenant.slug.as_str(),
            b_shop.site.depth,
            b.as_str(),
        ))
    });
    if !logins.is_empty() {
        let _ = writeln!(text, "  start here    http://localhost:{port}/");
    }
    for (host, shop) in shops.iter().take(20) {
        let _ = writeln!(text, "  level {}       http://{host}:{port}/  {}", shop.site.depth, shop.site.name.zh);
    }
    for login in logins {
        let DemoLogin { who, host, login, password } = login;
        let _ = writeln!(text, "  log in        {login}  {password}  ({who}, {host})");
    }
    text.push('\n');
    text
}
