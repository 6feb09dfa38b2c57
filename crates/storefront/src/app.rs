//! What the pages stand on.

use std::sync::Arc;

use axum::extract::FromRef;
use catalog::{Catalog, Prices};
use identity::Customers;
use inventory::Inventory;
use order::Orders;
use serde::Serialize;
use store::Store;
use tenancy::Tenancy;
use web::Kit;

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
    /// Log-ins.
    pub customers: Customers,
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
}

impl FromRef<App> for Customers {
    fn from_ref(app: &App) -> Self {
        app.rooms.customers.clone()
    }
}
