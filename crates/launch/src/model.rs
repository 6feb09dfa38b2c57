//! What a pack would change, and what applying it did.

use std::fmt;

use catalog::{Code, FieldChange};
use identity::Login;
use kernel::Secret;
use tenancy::{Host, Slug};

use crate::error::LaunchError;

/// Whether a pack is written or only compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything is done and then undone: the plan is exact and the database stays as it was.
    DryRun,
    /// Everything is done and stays.
    Apply,
}

/// What a row of a pack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thing {
    /// The main site's business.
    Tenant,
    /// A site.
    Site,
    /// A host that leads to a site.
    Host,
    /// A way to pay.
    Channel,
    /// A customer.
    Customer,
    /// A category.
    Category,
    /// Goods.
    Goods,
    /// A SKU.
    Sku,
    /// A price template.
    Template,
    /// A price rule.
    Price,
    /// A limit on the prices of the sites below.
    Limit,
    /// An operator and his membership.
    Operator,
}

/// What happens to a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It is new.
    Created,
    /// These fields become something else.
    Changed(Vec<FieldChange>),
}

/// A row that is not yet what the pack says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it is.
    pub thing: Thing,
    /// Its name in the pack.
    pub name: String,
    /// What happens to it.
    pub what: What,
}

/// The cards of one SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardChange {
    /// The SKU.
    pub sku: Code,
    /// How many cards are new.
    pub added: u64,
    /// How many are in stock or were sold before, and are passed over.
    pub duplicates: u64,
}

/// The difference between a pack and what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The pack.
    pub tenant: Slug,
    /// The rows that are new or change, in the order in which they are written.
    pub changes: Vec<Change>,
    /// How many rows are so already.
    pub unchanged: u64,
    /// The cards of each SKU that the pack has cards for.
    pub cards: Vec<CardChange>,
}

/// Whose log-in it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The operator of the main site, on the console.
    Operator,
    /// The owner of a sub-site, on the console.
    SiteOwner,
    /// A customer, in the shop.
    Customer,
}

/// A log-in that was made, with its password: shown once, kept nowhere.
#[derive(Debug, Clone)]
pub struct GeneratedLogin {
    /// Whose it is.
    pub who: Who,
    /// What he is called.
    pub name: String,
    /// What he logs in with.
    pub login: Login,
    /// His password.
    pub password: Secret<String>,
    /// The site that won the customer, or that is the owner's; none for the operator.
    pub site: Option<Slug>,
    /// A host of that site.
    pub host: Option<Host>,
}

/// What applying a pack did, or would do.
#[derive(Debug)]
pub struct Applied {
    /// The difference.
    pub plan: Plan,
    /// The log-ins that were made; none in a dry run.
    pub logins: Vec<GeneratedLogin>,
    /// How many cards were put in stock.
    pub cards_added: u64,
    /// How many cards were passed over.
    pub duplicates: u64,
    /// What failed after the shop was committed (the operator, the host table): applying the pack again does it.
    pub left_undone: Vec<LaunchError>,
}

/// Told how far an import of cards is.
pub trait Progress: Send + Sync {
    /// Of `total` cards of the pack `done` are looked at, the last ones were of `sku`.
    fn cards(&self, sku: &Code, done: u64, total: u64);
}

/// Nobody watches.
impl Progress for () {
    fn cards(&self, _: &Code, _: u64, _: u64) {}
}

impl Plan {
    pub(crate) const fn new(tenant: Slug) -> Self {
        Self { tenant, changes: Vec::new(), unchanged: 0, cards: Vec::new() }
    }

    /// Whether applying the pack would write nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.cards_added() == 0
    }

    /// How many cards are new.
    pub fn cards_added(&self) -> u64 {
        self.cards.iter().map(|cards| cards.added).sum()
    }

    /// How many cards are passed over.
    pub fn duplicates(&self) -> u64 {
        self.cards.iter().map(|cards| cards.duplicates).sum()
    }

    pub(crate) fn created(&mut self, thing: Thing, name: impl Into<String>) {
        self.changes.push(Change { thing, name: name.into(), what: What::Created });
    }

    /// Notes a change, or that there is none if no field is named.
    pub(crate) fn changed(&mut self, thing: Thing, name: impl Into<String>, fields: Vec<FieldChange>) {
        if fields.is_empty() {
            self.unchanged += 1;
        } else {
            self.changes.push(Change { thing, name: name.into(), what: What::Changed(fields) });
        }
    }
}

impl Thing {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Site => "site",
            Self::Host => "host",
            Self::Channel => "channel",
            Self::Customer => "customer",
            Self::Category => "category",
            Self::Goods => "goods",
            Self::Sku => "SKU",
            Self::Template => "template",
            Self::Price => "price",
            Self::Limit => "limit",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
