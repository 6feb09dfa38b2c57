//! The open house: every room over one store.

use std::sync::Arc;

use anyhow::Context;
use books::{Books, DayCloser};
use catalog::{Catalog, Prices};
use commission::Agents;
use funds::{Funds, PrepaidWatcher, Vault};
use identity::{Customers, LoginLimits, Operators, Passwords};
use inventory::{Intake, Inventory, KeyRing, MasterKey, MasterKeys, Picks};
use kernel::SystemClock;
use lane::{LaneSettings, Lanes};
use launch::Launch;
use levels::{Judge, Levels};
use order::{Desk, Lookups, LowStock, MoneyReceiver, Orders, RefundCloser, Sweeper};
use outbox::{Outbox, Runner};
use payment::{Cashier, Gateways, PaymentSettings, Payments, Till};
use payment_adapters::SandboxGateway;
use settlement::{Releaser, Settlement};
use store::Store;
use tenancy::Tenancy;
use withdrawal::{Teller, Withdrawals};

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
    /// How often somebody may guess.
    pub limits: LoginLimits,
    /// Operators.
    pub operators: Operators,
    /// Where money, stock and orders change.
    pub lanes: Lanes,
    /// Channels, payments and refunds.
    pub payments: Payments,
    /// Buying.
    pub orders: Orders,
    /// Who brings buyers.
    pub agents: Agents,
    /// When what was earned may be taken out.
    pub settlement: Settlement,
    /// How it is taken out.
    pub withdrawals: Withdrawals,
    /// Recharge cards, adjustments, prepaid money.
    pub funds: Funds,
    /// Closed days, statements, profit.
    pub books: Books,
    /// Who rises and who falls.
    pub levels: Levels,
    /// Finding an order again without an account.
    pub lookups: Lookups,
    /// Files of cards, in and out.
    pub intake: Intake,
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
        let operators = Operators::new(store.clone(), passwords.clone(), limits.clone());
        let lanes = lanes(&store, &prices);
        let payments = payments(settings, &store, &lanes, &inventory)?;
        let orders = Orders::new(store.clone(), lanes.clone(), inventory.clone(), payments.clone());
        let agents = Agents::new(store.clone());
        let settlement = Settlement::new(store.clone(), lanes.clone(), prices.clone());
        let withdrawals = Withdrawals::new(store.clone(), lanes.clone(), inventory.clone());
        let funds = Funds::new(store.clone(), lanes.clone(), inventory.clone());
        let books = Books::new(store.clone(), inventory.clone());
        let levels = Levels::new(store.clone(), tenancy.clone(), agents.clone());
        let lookups = Lookups::new(orders.clone(), passwords.clone());
        let intake = Intake::new(store.clone(), inventory.clone(), prices.clone(), orders.shelf().clone());
        let launch = Launch::new(
            store.clone(),
            tenancy.clone(),
            catalog.clone(),
            inventory.clone(),
            payments.clone(),
            (customers.clone(), operators.clone(), passwords),
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
            limits,
            operators,
            lanes,
            payments,
            orders,
            agents,
            settlement,
            withdrawals,
            funds,
            books,
            levels,
            lookups,
            intake,
            launch,
            outbox,
        })
    }

    /// Where jobs are written, and their runner is woken.
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The runner of jobs with all handlers and schedules.
    pub fn runner(&self, node: &str) -> Runner {
        let heads = self.settings.data_dir.join("heads");
        let closings = self.settings.data_dir.join("closings");
        let runner = Runner::new(self.store.clone(), node, &self.outbox)
            .handle(LowStock::new(self.store.clone(), self.inventory.clone()))
            .handle(MoneyReceiver(self.orders.clone()))
            .handle(RefundCloser(self.orders.clone()))
            .handle(Sweeper(self.orders.clone()))
            .handle(Releaser(self.settlement.clone()))
            .handle(PrepaidWatcher(self.funds.clone()))
            .handle(Judge(self.levels.clone()))
            .handle(DayCloser { books: self.books.clone(), store: self.store.clone(), folder: closings })
            .handle(KeyPruner { store: self.store.clone() })
            .handle(HeadExporter { store: self.store.clone(), folder: heads })
            .schedule(jobs::schedule(&self.tenancy));
        Cashier::new(self.store.clone(), self.payments.clone()).handle(runner)
    }
}

/// The lanes with the parts that the commands of all rooms use.
fn lanes(store: &Store, prices: &Prices) -> Lanes {
    let prices = prices.clone();
    Lanes::new(store.clone(), LaneSettings::of(store.backend()), move |_| {
        // The order of the parts is the order of their locks: orders, then intents and refunds, then withdrawals, then
        // recharge cards, adjustments and credits, then cards.
        vec![
            Box::new(Desk::new(prices.clone())),
            Box::new(Till::default()),
            Box::new(Teller::default()),
            Box::new(Vault::default()),
            Box::new(Picks::default()),
        ]
    })
}

/// Payments with the gateways that the settings open.
fn payments(settings: &Settings, store: &Store, lanes: &Lanes, inventory: &Inventory) -> anyhow::Result<Payments> {
    let mut gateways = Gateways::default();
    if let Some(url) = &settings.sandbox_url {
        let url = url.parse().context("`sandbox_url` is no URL")?;
        gateways = gateways.with(SandboxGateway::try_new(Some(url), Arc::new(SystemClock))?);
    }
    let notify_base = settings.cashier_base().parse().context("`cashier_url` is no URL")?;
    let payment_settings = PaymentSettings { notify_base };
    Ok(Payments::new(store.clone(), lanes.clone(), inventory.clone(), gateways, payment_settings))
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
