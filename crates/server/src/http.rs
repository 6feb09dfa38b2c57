//! The applications behind the hosts: shops, the console's API, and the demo's list of shops.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use storefront::{DemoPage, DemoSite, StorefrontState};
use tokio::sync::Mutex;
use web::{Applications, Bounds, Gate, Kit, OwnHosts, Proxies, Room};

use crate::commands::DemoLogin;
use crate::house::House;
use crate::settings::{Limits, Settings};

/// How long a request to the console may take: files of 64 MiB come over slow lines.
const UPLOAD_TIME: Duration = Duration::from_secs(120);

/// How long an answer to whether we are ready is given again, and how long while the next one is being found.
const READY_FRESH: Duration = Duration::from_secs(1);
const READY_STALE: Duration = Duration::from_secs(10);

/// What of a shop's host is for programs.
const SHOP_PATHS: &str = "/api/v1/shop/";

/// All of it, chosen by host.
pub fn router(house: &House, address: SocketAddr, logins: &[DemoLogin]) -> anyhow::Result<Router> {
    let proxies = proxies(&house.settings)?;
    let kit = Kit::new(proxies.clone(), Bounds::default());
    let demo = (!logins.is_empty()).then(|| Arc::new(demo_page(house, address, logins)));
    let cashier = house.settings.cashier_base().parse().context("`cashier_url` is no URL")?;
    let shops = storefront::router(StorefrontState {
        tenancy: house.tenancy.clone(),
        catalog: house.catalog.clone(),
        prices: house.prices.clone(),
        inventory: house.inventory.clone(),
        orders: house.orders.clone(),
        customers: house.customers.clone(),
        agents: house.agents.clone(),
        lookups: house.lookups.clone(),
        funds: house.funds.clone(),
        limits: house.limits.clone(),
        store: house.store.clone(),
        settings: storefront::Settings { kit: kit.clone(), cashier, demo },
    });
    // What a buyer's program asks stands at the shops' own hosts, beside the pages.
    let for_programs = api::shop_router(api::ShopState {
        tenancy: house.tenancy.clone(),
        customers: house.customers.clone(),
        limits: house.limits.clone(),
        orders: house.orders.clone(),
        agents: house.agents.clone(),
        settlement: house.settlement.clone(),
        withdrawals: house.withdrawals.clone(),
        funds: house.funds.clone(),
        levels: house.levels.clone(),
        store: house.store.clone(),
        kit: kit.clone(),
    });
    let shops = web::by_path(SHOP_PATHS, for_programs, shops);
    let console = api::router(api::ApiState {
        operators: house.operators.clone(),
        tenancy: house.tenancy.clone(),
        catalog: house.catalog.clone(),
        prices: house.prices.clone(),
        payments: house.payments.clone(),
        customers: house.customers.clone(),
        inventory: house.inventory.clone(),
        intake: house.intake.clone(),
        orders: house.orders.clone(),
        agents: house.agents.clone(),
        plans: commission::Plans,
        settlement: house.settlement.clone(),
        withdrawals: house.withdrawals.clone(),
        funds: house.funds.clone(),
        books: house.books.clone(),
        levels: house.levels.clone(),
        store: house.store.clone(),
        kit: kit.clone().patient(UPLOAD_TIME),
    });
    let cashier =
        api::cashier_router(api::CashierState { payments: house.payments.clone(), orders: house.orders.clone(), kit });
    let health = Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(ready));
    let health = health.with_state((Arc::new(Ready::default()), house.clone()));
    let hosts = OwnHosts { console: house.settings.console_host.clone(), cashier: house.settings.cashier_host.clone() };
    let gate = Gate::new(proxies, hosts, Some(house.tenancy.clone()), room(&house.settings.limits));
    // Health is asked before the gate: a full server is not a dead one.
    Ok(health.fallback_service(gate.before(Applications { console, cashier, shops })))
}

/// The proxies that the settings name.
pub fn proxies(settings: &Settings) -> anyhow::Result<Proxies> {
    let proxies = Proxies::parse(settings.proxies.iter().map(String::as_str));
    proxies.map_err(|text| anyhow::anyhow!("{text:?} in `proxies` is no address or network"))
}

fn room(limits: &Limits) -> Room {
    Room {
        orders_max: limits.orders_max,
        pages_max: limits.pages_max,
        console_max: limits.console_max,
        reports_max: limits.callbacks_max,
        body_time: Duration::from_secs(limits.body_s_max),
        address_rate: limits.requests_per_address_and_second,
        address_burst: limits.requests_per_address_burst,
        ..Room::default()
    }
}

/// Ready is who can read the database.
async fn ready(State((known, house)): State<(Arc<Ready>, House)>) -> Result<&'static str, StatusCode> {
    let is_ready = known.ask(async || house.store.ping().await.is_ok()).await;
    is_ready.then_some("ready").ok_or(StatusCode::SERVICE_UNAVAILABLE)
}

/// Whether we are ready, as it was a moment ago. Anybody may ask, before the gate; so at most one of those who ask looks,
/// and the others are told what he or the one before him found.
#[derive(Default)]
struct Ready {
    found: StdMutex<Option<(Instant, bool)>>,
    looking: Mutex<()>,
}

impl Ready {
    /// What was found lately, or what `look` finds. While somebody looks for too long, nobody is told that we are ready.
    async fn ask(&self, look: impl AsyncFnOnce() -> bool) -> bool {
        if let Some(is_ready) = self.found_within(READY_FRESH) {
            return is_ready;
        }
        let Ok(_looking) = self.looking.try_lock() else { return self.found_within(READY_STALE).unwrap_or(false) };
        let is_ready = look().await;
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), is_ready));
        is_ready
    }

    fn found_within(&self, age: Duration) -> Option<bool> {
        let found = *self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.filter(|(at, _)| at.elapsed() < age).map(|(_, is_ready)| is_ready)
    }
}

fn demo_page(house: &House, address: SocketAddr, logins: &[DemoLogin]) -> DemoPage {
    let url = |host: &str| format!("http://{host}:{}/", address.port());
    let mut shops = house.tenancy.shops();
    shops.sort_by_key(|(host, shop)| (shop.tenant.slug.to_string(), shop.site.depth, host.to_string()));
    let sites = shops.iter().map(|(host, shop)| DemoSite {
        name: format!("{} / {}", shop.site.name.zh, shop.site.name.en),
        url: url(host.as_str()),
        level: shop.site.depth.to_string(),
        theme: shop.site.theme.word().to_owned(),
    });
    let logins = logins.iter().map(|login| storefront::DemoLogin {
        who: login.who.clone(),
        site_url: url(&login.host),
        login: login.login.clone(),
        password: login.password.clone(),
    });
    DemoPage { sites: sites.collect(), logins: logins.collect(), note: None }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn of_all_who_ask_whether_we_are_ready_one_looks() {
        let (ready, looked) = (Ready::default(), Cell::new(0));
        let look = async || {
            looked.set(looked.get() + 1);
            tokio::task::yield_now().await;
            true
        };
        let (first, second) = tokio::join!(ready.ask(look), ready.ask(look));
        assert_eq!((first, second, looked.get()), (true, false, 1), "nothing was known yet");
        assert!(ready.ask(look).await && ready.ask(async || false).await);
        assert_eq!(looked.get(), 1, "what was found is told for a moment");
    }

    #[tokio::test]
    async fn who_asks_while_somebody_looks_is_told_what_was_found_before() {
        let ready = Ready::default();
        let past = Instant::now().checked_sub(READY_FRESH * 2);
        *ready.found.lock().expect("no panic") = past.map(|past| (past, true));
        let (slow, other) = tokio::join!(
            ready.ask(async || {
                tokio::task::yield_now().await;
                false
            }),
            ready.ask(async || unreachable!("one looks at a time"))
        );
        assert_eq!((slow, other), (false, true));
        let past = Instant::now().checked_sub(READY_STALE * 2);
        *ready.found.lock().expect("no panic") = past.map(|past| (past, true));
        let _looking = ready.looking.lock().await;
        assert!(!ready.ask(async || true).await, "a look that does not end is no good sign");
    }
}
