//! The room's part in the lane: prices to decide with, rows to write.

use std::collections::{BTreeSet, HashMap};

use catalog::rules::{PriceRequest, hops, resolve};
use catalog::{Prices, Quote, RuleBook, SiteLevel, SkuId, Subject, Ware};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use identity::CustomerId;
use inventory::CardId;
use kernel::{Money, SiteId};
use lane::{LaneTx, Part, PartError, Step};
use outbox::Outbox;
use uuid::Uuid;

use crate::job::OrdersDelivered;
use crate::machine::{OrderEvent, States};
use crate::model::OrderId;
use crate::repo;

/// What the batch knows of prices and writes of orders.
pub struct Desk {
    prices: Prices,
    sites: BTreeSet<SiteId>,
    skus: BTreeSet<SkuId>,
    rules: RuleBook,
    /// The price epoch and the sites that `rules` was read for.
    rules_of: Option<(i64, BTreeSet<SiteId>)>,
    wares: HashMap<SkuId, Ware>,
    new: Vec<NewOrder>,
}

/// A line with its price.
pub(crate) struct PricedLine {
    pub ware: Ware,
    pub quote: Quote,
    pub quantity: u32,
    pub total: Money,
    pub cards: Vec<CardId>,
}

/// An order that was decided and is to be written.
pub(crate) struct NewOrder {
    pub id: OrderId,
    pub site: SiteId,
    pub customer: CustomerId,
    pub total: Money,
    pub states: States,
    pub lines: Vec<PricedLine>,
}

impl PricedLine {
    pub fn new(ware: &Ware, quote: Quote, quantity: u32) -> Option<Self> {
        let total = quote.unit.times(quantity).ok()?;
        Some(Self { ware: ware.clone(), quote, quantity, total, cards: Vec::new() })
    }

    pub const fn sku(&self) -> SkuId {
        self.ware.facts.sku
    }
}

impl Desk {
    /// What happens to an order that is paid from a wallet and delivered from stock, in this order.
    pub(crate) const EVENTS_SOLD_AT_ONCE: [OrderEvent; 2] = [OrderEvent::Paid, OrderEvent::Delivered];

    /// A desk that asks `prices`.
    pub fn new(prices: Prices) -> Self {
        Self {
            prices,
            sites: BTreeSet::new(),
            skus: BTreeSet::new(),
            rules: RuleBook::default(),
            rules_of: None,
            wares: HashMap::new(),
            new: Vec::new(),
        }
    }

    pub(crate) fn want_chain(&mut self, chain: &[SiteLevel]) {
        self.sites.extend(chain.iter().map(|place| place.site));
    }

    pub(crate) fn want_sku(&mut self, sku: SkuId) {
        self.skus.insert(sku);
    }

    /// The price of a SKU down the chain; none if it is not for sale there.
    pub(crate) fn quote(
        &self,
        chain: &[SiteLevel],
        sku: SkuId,
        subject: &Subject,
        quantity: u32,
        now: DateTime<Utc>,
    ) -> Option<(&Ware, Quote)> {
        let ware = self.wares.get(&sku)?;
        let hops = hops(chain, &self.rules);
        let request = PriceRequest { chain: &hops, sku: &ware.facts, subject, quantity, now };
        Some((ware, resolve(&request).ok()?))
    }

    pub(crate) fn add(&mut self, order: NewOrder) {
        self.new.push(order);
    }

    /// Rules change seldom: they are read again only if the tenant's price epoch moved or another chain is asked for.
    async fn read_facts(&mut self, tx: &LaneTx) -> Result<(), PartError> {
        if self.skus.is_empty() {
            return Ok(());
        }
        let epoch = self.prices.epoch_in(tx).await.map_err(part_error)?;
        let known = self.rules_of.as_ref();
        if known.is_none_or(|(known, sites)| *known != epoch || !self.sites.is_subset(sites)) {
            let mut sites = self.sites.clone();
            sites.extend(self.rules_of.take().into_iter().flat_map(|(_, sites)| sites));
            let asked: Vec<SiteId> = sites.iter().copied().collect();
            self.rules = self.prices.rules_in(tx, &asked).await.map_err(part_error)?;
            self.rules_of = Some((epoch, sites));
        }
        let skus: Vec<SkuId> = self.skus.iter().copied().collect();
        self.wares = self.prices.wares_in(tx, &skus).await.map_err(part_error)?;
        Ok(())
    }

    async fn enqueue(&self, tx: &LaneTx) -> Result<(), PartError> {
        if self.new.is_empty() {
            return Ok(());
        }
        let orders = self.new.iter().map(|order| order.id).collect();
        let skus: BTreeSet<SkuId> = self.new.iter().flat_map(|order| &order.lines).map(PricedLine::sku).collect();
        let job = OrdersDelivered { orders, skus: skus.into_iter().collect() };
        Outbox::default().enqueue_in(tx, &job).await.map_err(|error| PartError::Broken(error.to_string()))?;
        Ok(())
    }
}

impl Part for Desk {
    fn read<'a>(&'a mut self, tx: &'a LaneTx, _attempt: u32) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(self.read_facts(tx))
    }

    fn write<'a>(&'a mut self, tx: &'a LaneTx, _batch: Uuid, step: Step) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(async move {
            match step {
                Step::Rows => Ok(repo::insert_in(tx, &self.new).await?),
                Step::Jobs => self.enqueue(tx).await,
                Step::Heads | Step::Counts | Step::Balances => Ok(()),
            }
        })
    }

    fn end(&mut self, is_committed: bool) {
        self.sites.clear();
        self.skus.clear();
        self.wares.clear();
        self.new.clear();
        if !is_committed {
            self.rules_of = None;
        }
    }
}

fn part_error(error: catalog::CatalogError) -> PartError {
    match error {
        catalog::CatalogError::Store(error) => PartError::Store(error),
        other => PartError::Broken(other.to_string()),
    }
}
