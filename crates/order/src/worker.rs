//! Handlers of jobs; each calls the service.

use async_trait::async_trait;
use catalog::SkuId;
use inventory::Inventory;
use outbox::{Handler, JobContext, JobError};
use payment::MoneySeen;
use store::Store;

use crate::command::Receipt;
use crate::job::{LowStock, OrdersDelivered, SweepHolds};
use crate::service::Orders;

/// Below this number of cards the operator is told.
const STOCK_LOW_THRESHOLD: i64 = 10;

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

/// Gives money that was seen its place: the handler of [`MoneySeen`], the fall-back of whoever saw it first.
pub struct MoneyReceiver(pub Orders);

#[async_trait]
impl Handler<MoneySeen> for MoneyReceiver {
    async fn run(&self, context: &JobContext, job: MoneySeen) -> Result<(), JobError> {
        let received = self.0.receive(context.scope(), job.seen).await;
        let receipt = received.map_err(|error| JobError::Retry(error.to_string()))?;
        if receipt == Receipt::Unconfirmed {
            return Err(JobError::Retry("the gateway does not confirm late money yet".to_owned()));
        }
        if let Some(callback) = job.callback {
            let processed = self.0.payments().processed(context.scope(), callback).await;
            processed.map_err(|error| JobError::Retry(error.to_string()))?;
        }
        Ok(())
    }
}

/// Ends unpaid orders whose time is over: the handler of [`SweepHolds`].
pub struct Sweeper(pub Orders);

#[async_trait]
impl Handler<SweepHolds> for Sweeper {
    async fn run(&self, context: &JobContext, _job: SweepHolds) -> Result<(), JobError> {
        let swept = self.0.sweep(context.scope()).await;
        swept.map(|_| ()).map_err(|error| JobError::Retry(error.to_string()))
    }
}
