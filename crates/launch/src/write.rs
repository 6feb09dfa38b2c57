//! A pack's way into the database, in the house's lock order: rows of the shop, cards, entries, the head of the chain,
//! card counts, balances.

mod goods;
mod money;
mod prices;
mod shop;

use std::collections::HashMap;

use catalog::{CategoryId, Code, GoodsId, SkuId};
use identity::{CustomerId, Login};
use inventory::Source;
use kernel::{Money, SiteId, TenantScope};
use store::WriteTx;
use tenancy::Slug;
use uuid::Uuid;

use crate::error::LaunchError;
use crate::model::{Plan, Progress};
use crate::pack::Pack;
use crate::people::People;
use crate::service::Launch;

const SOURCE: Source = Source { by: "pack", reason: "cards of the pack at cost" };

/// Writes one pack in one transaction, and notes what it did.
pub(crate) struct Writer<'a> {
    launch: &'a Launch,
    tx: &'a WriteTx<TenantScope>,
    pack: &'a Pack,
    people: &'a People,
    plan: Plan,
    sites: HashMap<Slug, SiteId>,
    categories: HashMap<Code, CategoryId>,
    goods: HashMap<Code, GoodsId>,
    skus: HashMap<Code, SkuId>,
    customers: HashMap<Login, CustomerId>,
    new_customers: Vec<Login>,
    /// The opening balances of those that were made.
    openings: Vec<Opening>,
}

/// What a new customer or site has from the first moment.
struct Opening {
    kind: ledger::AccountKind,
    owner: Uuid,
    amount: Money,
}

/// What was written.
pub(crate) struct Written {
    pub plan: Plan,
    pub new_customers: Vec<Login>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(launch: &'a Launch, tx: &'a WriteTx<TenantScope>, pack: &'a Pack, people: &'a People) -> Self {
        Self {
            launch,
            tx,
            pack,
            people,
            plan: Plan::new(pack.slug().clone()),
            sites: HashMap::new(),
            categories: HashMap::new(),
            goods: HashMap::new(),
            skus: HashMap::new(),
            customers: HashMap::new(),
            new_customers: Vec::new(),
            openings: Vec::new(),
        }
    }

    /// Writes all of it. The caller commits, or does not.
    pub(crate) async fn write(mut self, progress: &dyn Progress) -> Result<Written, LaunchError> {
        self.tenant_and_sites().await?;
        self.hosts().await?;
        self.channels().await?;
        self.customers().await?;
        self.categories().await?;
        self.goods_and_skus().await?;
        self.prices().await?;
        let import = self.launch.inventory.begin_import_of_in(self.tx, SOURCE).await?;
        let import = self.cards(import, progress).await?;
        self.money(import).await?;
        Ok(Written { plan: self.plan, new_customers: self.new_customers })
    }
}
