//! Handlers of jobs; each calls the service.

use async_trait::async_trait;
use catalog::SkuId;
use chrono::TimeDelta;
use inventory::Inventory;
use kernel::TenantScope;
use outbox::{Handler, JobContext, JobError, Outbox};
use payment::{Message, MoneySeen, OrdersReturned, PaymentError, in_job, money_wait, room_wait};
use store::{Store, Tx};

use crate::command::Receipt;
use crate::error::OrderError;
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
    metrics::counter!("cardgrove_stock_events_total", "event" => "low").increment(1);
    tracing::warn!(tenant.id = %tenant, sku.id = %sku, available, "sku {sku} is running out, {available} left");
}

/// Gives money that was seen its place: the handler of [`MoneySeen`], the fall-back of whoever saw it first. As long as
/// the gateway does not confirm late money, or something is in the way, it tries again later, for 25 hours.
pub struct MoneyReceiver(pub Orders);

#[async_trait]
impl Handler<MoneySeen> for MoneyReceiver {
    async fn run(&self, context: &JobContext, job: MoneySeen) -> Result<(), JobError> {
        let reason = match in_job(self.take(context.scope(), &job)).await {
            Ok(Receipt::Unconfirmed) => "the gateway does not confirm late money yet".to_owned(),
            Ok(_) => return Ok(()),
            Err(OrderError::Payment(PaymentError::NoRoom)) => {
                return self.again(context, &job, room_wait(context.id().uuid())).await;
            }
            Err(error) => error.to_string(),
        };
        let Some(wait) = money_wait(job.round) else {
            return Err(JobError::Dead(format!("money has no place after a day: {reason}")));
        };
        tracing::warn!(payment.trade_no = job.seen.trade_no, reason, "money waits for its place");
        self.again(context, &MoneySeen { round: job.round + 1, ..job }, wait).await
    }
}

impl MoneyReceiver {
    async fn take(&self, scope: &TenantScope, job: &MoneySeen) -> Result<Receipt, OrderError> {
        match job.callback {
            Some(callback) => self.0.receive_message(scope, job.seen.clone(), Message::of(callback)).await,
            None => self.0.receive(scope, job.seen.clone()).await,
        }
    }

    /// Writes the job anew, for later: no attempt is used up. This one ends first, so that the next may have its name.
    async fn again(&self, context: &JobContext, job: &MoneySeen, wait: TimeDelta) -> Result<(), JobError> {
        let tx = self.0.store.write(context.scope()).await?;
        context.finish_in(&tx).await?;
        Outbox::default().enqueue_once_in(&tx, &job.name(), job, tx.now() + wait).await?;
        Ok(tx.commit().await?)
    }
}

/// Notes that the money of refunded orders is back: the handler of [`OrdersReturned`].
pub struct RefundCloser(pub Orders);

#[async_trait]
impl Handler<OrdersReturned> for RefundCloser {
    async fn run(&self, context: &JobContext, job: OrdersReturned) -> Result<(), JobError> {
        let ended = self.0.end_refunds(context.scope(), &job).await;
        ended.map_err(|error| JobError::Retry(error.to_string()))
    }
}

/// Ends unpaid orders whose time is over, and refunds whose end was not heard of: the handler of [`SweepHolds`].
pub struct Sweeper(pub Orders);

#[async_trait]
impl Handler<SweepHolds> for Sweeper {
    async fn run(&self, context: &JobContext, _job: SweepHolds) -> Result<(), JobError> {
        let swept = self.0.sweep(context.scope()).await.map(|_| ());
        let rescued = self.0.rescue_refunds(context.scope()).await;
        swept.and(rescued).map_err(|error| JobError::Retry(error.to_string()))
    }
}
