//! How many orders somebody has: unpaid ones by each of his names, and an account's orders of the day.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use identity::CustomerId;
use kernel::{SiteId, network};
use lane::LaneTx;
use risk::OpenOrders;
use store::{StoreError, Tx};

use crate::desk::NewOrder;
use crate::model::{Buyer, Method};
use crate::repo;

/// How long a count of the day is believed; other nodes take orders too.
const DAY_KEPT: TimeDelta = TimeDelta::minutes(1);
/// Accounts whose day is remembered.
const DAYS_MAX: usize = 100_000;

/// What one batch knows of its buyers' other orders; days are kept from batch to batch.
#[derive(Default)]
pub(crate) struct Tally {
    names: Names,
    open: HashMap<(SiteId, Name), u64>,
    customers: BTreeSet<CustomerId>,
    /// What the customers of this batch had ordered today before it.
    before: HashMap<CustomerId, u64>,
    /// Shared with the batches beside: one buyer is in one of them at a time.
    days: Arc<Mutex<HashMap<CustomerId, Day>>>,
    /// What this batch adds to the days.
    placed: HashMap<CustomerId, u64>,
}

/// What buyers are known by, as it was asked for.
#[derive(Default)]
pub(crate) struct Names {
    pub visitors: BTreeSet<Vec<u8>>,
    pub contacts: BTreeSet<Vec<u8>>,
    pub addresses: BTreeSet<String>,
}

/// One of a buyer's names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    Visitor(Vec<u8>),
    Contact(Vec<u8>),
    Address(String),
}

#[derive(Clone, Copy)]
struct Day {
    day: NaiveDate,
    count: u64,
    read_at: DateTime<Utc>,
}

/// Whom an order is for, as a lane's command says it: by the account, and for an unpaid order by every name that counts.
pub(crate) fn actors(buyer: &Buyer, method: Method) -> Vec<u64> {
    let names = names(buyer).into_iter().flatten().filter(|_| method == Method::Channel);
    let account = buyer.customer.map(|customer| lane::actor(&customer.uuid()));
    account.into_iter().chain(names.map(|name| lane::actor(&name))).collect()
}

impl Tally {
    /// The tally of a batch that runs beside.
    pub fn twin(&self) -> Self {
        Self { days: Arc::clone(&self.days), ..Self::default() }
    }

    pub fn want_open(&mut self, buyer: &Buyer) {
        for name in names(buyer).into_iter().flatten() {
            match name {
                Name::Visitor(visitor) => self.names.visitors.insert(visitor),
                Name::Contact(contact) => self.names.contacts.insert(contact),
                Name::Address(address) => self.names.addresses.insert(address),
            };
        }
    }

    pub fn want_day(&mut self, customer: CustomerId) {
        self.customers.insert(customer);
    }

    /// The buyer's unpaid orders on the site, with those of this batch.
    pub fn open_orders(&self, site: SiteId, buyer: &Buyer) -> OpenOrders {
        let count = |name: Option<Name>| name.map(|name| self.open.get(&(site, name)).copied().unwrap_or(0));
        let [visitor, contact, address] = names(buyer);
        OpenOrders { visitor: count(visitor), contact: count(contact), address: count(address) }
    }

    /// The account's orders of the day, with those of this batch.
    pub fn placed_today(&self, customer: CustomerId) -> u64 {
        let before = self.before.get(&customer).copied().unwrap_or(0);
        before + self.placed.get(&customer).copied().unwrap_or(0)
    }

    /// Counts an order of this batch.
    pub fn add(&mut self, order: &NewOrder) {
        if let Some(customer) = order.buyer.customer {
            *self.placed.entry(customer).or_default() += 1;
        }
        if order.method == Method::Channel {
            for name in names(&order.buyer).into_iter().flatten() {
                *self.open.entry((order.site, name)).or_default() += 1;
            }
        }
    }

    pub async fn read(&mut self, tx: &LaneTx) -> Result<(), StoreError> {
        let names = std::mem::take(&mut self.names);
        self.open = repo::open_orders_in(tx, names).await?;
        let (now, today) = (tx.now(), tx.now().date_naive());
        let customers: Vec<CustomerId> = std::mem::take(&mut self.customers).into_iter().collect();
        let is_known = |day: &&Day| day.day == today && day.read_at + DAY_KEPT > now;
        let mut unknown = Vec::new();
        {
            let days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
            for customer in customers {
                if let Some(day) = days.get(&customer).filter(is_known) {
                    self.before.insert(customer, day.count);
                } else {
                    unknown.push(customer);
                }
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let counts = repo::placed_since_in(tx, &unknown, today).await?;
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        if days.len() + unknown.len() > DAYS_MAX {
            days.clear();
        }
        for customer in unknown {
            let count = counts.get(&customer).copied().unwrap_or(0);
            self.before.insert(customer, count);
            days.insert(customer, Day { day: today, count, read_at: now });
        }
        Ok(())
    }

    /// The batch is over. Without a commit nothing of it counts.
    pub fn end(&mut self, is_committed: bool) {
        let placed = std::mem::take(&mut self.placed);
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        for (customer, placed) in placed {
            if let Some(day) = days.get_mut(&customer).filter(|_| is_committed) {
                day.count += placed;
            }
        }
        drop(days);
        self.names = Names::default();
        self.customers.clear();
        self.before.clear();
        self.open.clear();
    }
}

fn names(buyer: &Buyer) -> [Option<Name>; 3] {
    [
        buyer.visitor.clone().map(Name::Visitor),
        buyer.contact.as_ref().map(|contact| Name::Contact(contact.hash())),
        buyer.address.map(|address| Name::Address(network(address).to_string())),
    ]
}
