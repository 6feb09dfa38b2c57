//! The applications behind the hosts: shops, the console's API, and the demo's list of shops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use storefront::{DemoPage, DemoSite, StorefrontState};
use web::{Applications, Bounds, Gate, Kit, OwnHosts, Proxies, Room};

use crate::commands::DemoLogin;
use crate::house::House;
use crate::settings::{Limits, Settings};

/// How long a request to the console may take: files of 64 MiB come over slow lines.
const UPLOAD_TIME: Duration = Duration::from_secs(120);

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
        lookups: house.lookups.clone(),
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
        store: house.store.clone(),
        kit: kit.clone().patient(UPLOAD_TIME),
    });
    let cashier =
        api::cashier_router(api::CashierState { payments: house.payments.clone(), orders: house.orders.clone(), kit });
    let health = Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(ready));
    let hosts = OwnHosts { console: house.settings.console_host.clone(), cashier: house.settings.cashier_host.clone() };
    let gate = Gate::new(proxies, hosts, Some(house.tenancy.clone()), room(&house.settings.limits));
    // Health is asked before the gate: a full server is not a dead one.
    Ok(health.with_state(house.clone()).fallback_service(gate.before(Applications { console, cashier, shops })))
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
async fn ready(State(house): State<House>) -> Result<&'static str, StatusCode> {
    house.store.ping().await.map(|()| "ready").map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
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
