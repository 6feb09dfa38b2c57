//! The open house: every room over one store.

use std::sync::Arc;

use anyhow::Context;
use catalog::{Catalog, Prices};
use identity::{Customers, LoginLimits, Operators, Passwords};
use inventory::{Inventory, KeyRing, MasterKey, MasterKeys, Picks};
use kernel::SystemClock;
use lane::{LaneSettings, Lanes};
use launch::Launch;
use order::{Desk, LowStock, Orders};
use outbox::{Outbox, Runner};
use store::Store;
use tenancy::Tenancy;

use crate::jobs::{self, HeadExporter, KeyPruner};
use crate::settings::Settings;

/// All services, wired. Clones share everything.
#[derive(Clone)]
pub struct House {
    /// How it was set up.
    pub settings: Arc<Settings>,
    /// The database.
    pub store: Store,
    /// Tenants, sites, hosts.
    pub tenancy: Tenancy,
    /// What is sold.
    pub catalog: Catalog,
    /// For how much.
    pub prices: Prices,
    /// From which stock.
    pub inventory: Inventory,
    /// Buyers.
    pub customers: Customers,
    /// Operators.
    pub operators: Operators,
    /// Where money, stock and orders change.
    pub lanes: Lanes,
    /// Buying.
    pub orders: Orders,
    /// Whole shops as data.
    pub launch: Launch,
    outbox: Outbox,
}

impl House {
    /// Wires the rooms over an open store. The host table is read; nothing runs yet.
    pub async fn open(settings: &Settings, store: Store) -> anyhow::Result<Self> {
        let inventory = Inventory::new(key_ring(settings)?);
        let (catalog, prices, tenancy) =
            (Catalog::new(store.clone()), Prices::new(store.clone()), Tenancy::new(store.clone()));
        tenancy.reload().await?;
        let limits = LoginLimits::new(Arc::new(SystemClock));
        let passwords = tokio::task::spawn_blocking(Passwords::new).await?;
        let customers = Customers::new(store.clone(), passwords.clone(), limits.clone());
        let operators = Operators::new(store.clone(), passwords.clone(), limits);
        let lanes = lanes(&store, &prices);
        let orders = Orders::new(store.clone(), lanes.clone(), inventory.clone());
        let launch = Launch::new(
            store.clone(),
            tenancy.clone(),
            catalog.clone(),
            inventory.clone(),
            customers.clone(),
            operators.clone(),
            passwords,
        );
        let (settings, outbox) = (Arc::new(settings.clone()), Outbox::new());
        Ok(Self {
            settings,
            store,
            tenancy,
            catalog,
            prices,
            inventory,
            customers,
            operators,
            lanes,
            orders,
            launch,
            outbox,
        })
    }

    /// The runner of jobs with all handlers and schedules.
    pub fn runner(&self, node: &str) -> Runner {
        let heads = self.settings.data_dir.join("heads");
        Runner::new(self.store.clone(), node, &self.outbox)
            .handle(LowStock::new(self.store.clone(), self.inventory.clone()))
            .handle(KeyPruner { store: self.store.clone() })
            .handle(HeadExporter { store: self.store.clone(), folder: heads })
            .schedule(jobs::schedule(&self.tenancy))
    }
}

/// The lanes with the parts that the commands of all rooms use.
fn lanes(store: &Store, prices: &Prices) -> Lanes {
    let prices = prices.clone();
    Lanes::new(store.clone(), LaneSettings::of(store.backend()), move |_| {
        vec![Box::new(Picks::default()), Box::new(Desk::new(prices.clone()))]
    })
}

fn key_ring(settings: &Settings) -> anyhow::Result<KeyRing> {
    if let Some(text) = &settings.master_key {
        return Ok(KeyRing::new(MasterKeys::only(MasterKey::parse(text)?)));
    }
    let file = settings.master_key_path();
    let (keys, is_new) = MasterKeys::read_or_make(&file).context("the master key")?;
    if is_new {
        tracing::warn!(file = %file.display(), "a master key was made: keep a copy of it in a safe place");
    }
    Ok(KeyRing::from_file(keys, file))
}
