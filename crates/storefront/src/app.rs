//! What the pages stand on.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use catalog::{Catalog, Prices, Showcases};
use commission::Agents;
use funds::Funds;
use identity::{CustomerId, Customers, LoginLimits};
use inventory::Inventory;
use kernel::{Money, SiteId};
use order::{Lookups, Orders};
use payment::Payments;
use serde::Serialize;
use store::{ScopedCache, Store};
use tenancy::Tenancy;
use url::Url;
use web::Kit;

use crate::bestsellers::Bestsellers;
use crate::cache::Cache;
use crate::templates::Templates;

/// The rooms below, as the server wires them.
#[derive(Clone)]
pub struct StorefrontState {
    /// Host to shop.
    pub tenancy: Tenancy,
    /// Goods.
    pub catalog: Catalog,
    /// Prices.
    pub prices: Prices,
    /// Stock.
    pub inventory: Inventory,
    /// Buying.
    pub orders: Orders,
    /// Who brings buyers.
    pub agents: Agents,
    /// Finding an order again without an account.
    pub lookups: Lookups,
    /// Recharge cards.
    pub funds: Funds,
    /// Log-ins.
    pub customers: Customers,
    /// How often look-ups may fail; the log-ins' own, so that an address is counted once.
    pub limits: LoginLimits,
    /// Transactions that a page reads in.
    pub store: Store,
    /// How it is served.
    pub settings: Settings,
}

/// How the pages are served.
#[derive(Clone)]
pub struct Settings {
    /// Proxies and bounds, shared with the other applications of the server.
    pub kit: Kit,
    /// The cashier's host, where buyers are handed over to pay.
    pub cashier: Url,
    /// What `localhost` shows; in development only.
    pub demo: Option<Arc<DemoPage>>,
}

/// The page that lists the demo's shops and log-ins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DemoPage {
    /// The shops.
    pub sites: Vec<DemoSite>,
    /// The log-ins that were generated.
    pub logins: Vec<DemoLogin>,
    /// A sentence above them, for example where the passwords are kept.
    pub note: Option<String>,
}

/// A shop of the demo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DemoSite {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// Its level, shown as given.
    pub level: String,
    /// Its theme, shown as given.
    pub theme: String,
}

/// A log-in of the demo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DemoLogin {
    /// Whose it is.
    pub who: String,
    /// Where it is used.
    pub site_url: String,
    /// What is typed.
    pub login: String,
    /// And the password.
    pub password: String,
}

/// The state of all handlers.
#[derive(Clone)]
pub(crate) struct App {
    pub rooms: Arc<StorefrontState>,
    pub templates: Arc<Templates>,
    /// What each site sold lately.
    pub bestsellers: Bestsellers,
    /// Whether each site takes its buyers' money itself, and so is the seller of record.
    pub collectors: ScopedCache<SiteId, bool>,
    /// What customers have in their wallets, with the news of it when it was read: for the head of a page.
    pub wallets: ScopedCache<CustomerId, (u64, Money)>,
    /// What each site shows and asks.
    pub showcases: Showcases,
    /// The pages that every guest sees alike.
    pub cache: Cache,
}

/// Sites whose seller is kept in memory.
const COLLECTORS_MAX: u64 = 2_000;
/// How long a footer may name the seller of before a channel was opened or paused; what is paid asks anew.
const COLLECTORS_LIFE: Duration = Duration::from_secs(10);

/// Customers whose balance is kept in memory.
const WALLETS_MAX: u64 = 100_000;
/// How long: what another process posted is shown that much later. What is bought asks the books.
const WALLET_LIFE: Duration = Duration::from_secs(1);

impl App {
    /// The state over these rooms, with what is kept in memory.
    pub fn new(rooms: StorefrontState, templates: Templates) -> Self {
        let bestsellers = Bestsellers::new(rooms.store.clone());
        let collectors = ScopedCache::new(Arc::new(rooms.store.clone()), COLLECTORS_MAX, COLLECTORS_LIFE);
        let wallets = ScopedCache::new(Arc::new(rooms.store.clone()), WALLETS_MAX, WALLET_LIFE);
        let (showcases, cache) = (Showcases::new(rooms.store.clone()), Cache::new(rooms.store.clone()));
        Self {
            rooms: Arc::new(rooms),
            templates: Arc::new(templates),
            bestsellers,
            collectors,
            wallets,
            showcases,
            cache,
        }
    }

    /// The payments that orders are paid by.
    pub fn payments(&self) -> &Payments {
        self.rooms.orders.payments()
    }

    /// Where a buyer with this hand-over goes to pay.
    pub fn cashier(&self, token: &str) -> String {
        format!("{}/cashier/{token}", self.rooms.settings.cashier.as_str().trim_end_matches('/'))
    }
}

impl FromRef<App> for Customers {
    fn from_ref(app: &App) -> Self {
        app.rooms.customers.clone()
    }
}
