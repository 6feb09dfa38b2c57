//! Use cases: buying, looking, revealing.

use async_trait::async_trait;
use catalog::SkuId;
use identity::CustomerId;
use inventory::Inventory;
use kernel::{Currency, SiteScope};
use lane::{Answered, CommandKey, Lanes};
use outbox::{Handler, JobContext, JobError};
use store::{Store, Tx};

use crate::command::{Chain, Place, Placed};
use crate::error::OrderError;
use crate::job::{LowStock, OrdersDelivered};
use crate::model::{Device, OrderId, OrderPage, OrderView, Revealed, Wanted};
use crate::repo;

/// Orders of a page.
const PAGE: u64 = 20;
/// Below this number of cards the operator is told.
const STOCK_LOW_THRESHOLD: i64 = 10;

/// Buying, and what was bought.
#[derive(Clone)]
pub struct Orders {
    store: Store,
    lanes: Lanes,
    inventory: Inventory,
}

impl Orders {
    /// Orders over this database, carried out by `lanes`.
    pub const fn new(store: Store, lanes: Lanes, inventory: Inventory) -> Self {
        Self { store, lanes, inventory }
    }

    /// Buys `lines` with the customer's wallet. The same `key` is the same order, however often it is sent.
    pub async fn place(
        &self,
        scope: &SiteScope,
        (chain, currency): (Chain, Currency),
        customer: CustomerId,
        lines: Vec<Wanted>,
        key: &str,
    ) -> Result<Answered<Placed>, OrderError> {
        let is_printable = key.bytes().all(|byte| byte.is_ascii_graphic());
        if key.is_empty() || key.len() > CommandKey::LEN_MAX || !is_printable {
            return Err(OrderError::Key);
        }
        assert_eq!(chain.last().map(|place| place.site), Some(scope.site()), "the chain ends at the selling site");
        let order = OrderId::new();
        let place = Place { chain, currency, customer, lines, key: key.to_owned(), order };
        place.check_size()?;
        let answered = self.lanes.run(&scope.engine(), place).await?;
        Ok(Answered { answer: answered.answer?, is_replay: answered.is_replay })
    }

    /// The customer's order on this site.
    pub async fn view(&self, scope: &SiteScope, customer: CustomerId, id: OrderId) -> Result<OrderView, OrderError> {
        let tx = self.store.read(scope).await?;
        repo::view_in(&tx, customer, id).await?.ok_or(OrderError::NotFound)
    }

    /// The customer's orders on this site, newest first, from `before` on.
    pub async fn page(
        &self,
        scope: &SiteScope,
        customer: CustomerId,
        before: Option<OrderId>,
    ) -> Result<OrderPage, OrderError> {
        let tx = self.store.read(scope).await?;
        let mut orders = repo::page_in(&tx, customer, before, PAGE + 1).await?;
        let is_more = orders.len() as u64 > PAGE;
        orders.truncate(PAGE as usize);
        let next = is_more.then(|| orders.last().map(|(order, _)| order.id)).flatten();
        Ok(OrderPage { orders, next })
    }

    /// Shows the customer the codes of his order. The view is logged before a code is opened; without the log
    /// there is no code.
    pub async fn reveal(
        &self,
        scope: &SiteScope,
        (customer, device): (CustomerId, &Device),
        id: OrderId,
    ) -> Result<(OrderView, Vec<Revealed>), OrderError> {
        let tx = self.store.write(scope).await?;
        let view = repo::view_in(&tx, customer, id).await?.ok_or(OrderError::NotFound)?;
        let mut revealed = Vec::new();
        for line in view.lines.iter().filter(|line| !line.cards.is_empty()) {
            repo::log_reveal_in(&tx, &view.order, line.number, (customer, device)).await?;
            let codes = self.inventory.reveal_in(&tx, id.uuid(), &line.cards).await?;
            revealed.push(Revealed { line: line.number, codes });
        }
        if revealed.is_empty() {
            return Err(OrderError::NothingToShow);
        }
        tx.commit().await?;
        Ok((view, revealed))
    }

    /// How often codes of the order were looked at.
    pub async fn reveals_in(&self, tx: &impl Tx, order: OrderId) -> Result<u64, OrderError> {
        Ok(repo::reveals_in(tx, order).await?)
    }
}

impl LowStock {
    /// A watch over the stock.
    pub const fn new(store: Store, inventory: Inventory) -> Self {
        Self { inventory, store }
    }
}

#[async_trait]
impl Handler<OrdersDelivered> for LowStock {
    async fn run(&self, context: &JobContext, job: OrdersDelivered) -> Result<(), JobError> {
        let tx = self.store.read(context.scope()).await?;
        let counts = self.inventory.counts_in(&tx, &job.skus).await;
        let counts = counts.map_err(|error| JobError::Retry(error.to_string()))?;
        for (sku, count) in counts.iter().filter(|(_, count)| count.available < STOCK_LOW_THRESHOLD) {
            report(context, *sku, count.available);
        }
        Ok(())
    }
}

fn report(context: &JobContext, sku: SkuId, available: i64) {
    let tenant = context.scope().id();
    tracing::warn!(tenant.id = %tenant, sku.id = %sku, available, "sku {sku} is running out, {available} left");
}
