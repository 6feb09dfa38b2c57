//! Handlers of jobs; each calls the service.

use async_trait::async_trait;
use chrono::TimeDelta;
use outbox::{Handler, JobContext, JobError, Outbox, Runner};
use store::{Store, Tx};

use crate::error::PaymentError;
use crate::gateway::{CloseOutcome, TradeState};
use crate::job::{CreateTrade, MoneySeen, QueryRefund, QueryTrade, SubmitRefund, WatchTrades};
use crate::model::{AttemptState, RefundId, Seen};
use crate::number::OutNo;
use crate::repo;
use crate::rules::{self, Look};
use crate::service::Payments;
use crate::service::refund::Settled;

/// How long a hand-over that is over is kept.
const HANDOVERS_KEPT: TimeDelta = TimeDelta::days(1);

/// Handles every job of this room except [`MoneySeen`], which is for the room that knows what is paid.
#[derive(Clone)]
pub struct Cashier {
    store: Store,
    payments: Payments,
}

/// What is to be written when a job ends.
enum Ending {
    /// Nothing.
    Done,
    /// The trade is to be looked at again.
    Again(chrono::DateTime<chrono::Utc>),
    /// The trade was closed; it is asked after once more.
    Closed,
    /// Money was seen.
    Money(Seen),
}

impl Cashier {
    /// A cashier for these payments.
    pub const fn new(store: Store, payments: Payments) -> Self {
        Self { store, payments }
    }

    /// The runner, with this cashier for all of the room's jobs.
    pub fn handle(self, runner: Runner) -> Runner {
        runner
            .handle::<CreateTrade>(self.clone())
            .handle::<WatchTrades>(self.clone())
            .handle::<QueryTrade>(self.clone())
            .handle::<SubmitRefund>(self.clone())
            .handle::<QueryRefund>(self)
    }

    async fn look_at(&self, context: &JobContext, out_no: OutNo) -> Result<Ending, PaymentError> {
        let trade = self.payments.trade(context.scope(), out_no).await?;
        Ok(match rules::look(&trade.attempt, &trade.intent, trade.now) {
            Look::Leave => Ending::Done,
            Look::Ask => match self.payments.ask(&trade).await {
                Ok(TradeState::Paid(seen)) => Ending::Money(seen),
                Ok(TradeState::Closed) => Ending::Closed,
                Ok(TradeState::Waiting | TradeState::Unknown) | Err(PaymentError::Gateway(_)) => {
                    Ending::Again(rules::next_look(trade.attempt.created_at, trade.intent.expires_at, trade.now))
                }
                Err(error) => return Err(error),
            },
            Look::Close => match self.payments.close(&trade).await? {
                CloseOutcome::Closed => Ending::Closed,
                CloseOutcome::AlreadyPaid => match self.payments.ask(&trade).await? {
                    TradeState::Paid(seen) => Ending::Money(seen),
                    // It contradicts itself; it is asked again as long as the job lasts.
                    _ => return Err(PaymentError::Gateway(crate::GatewayError::Unknown("paid, or not".to_owned()))),
                },
            },
            Look::Last => match self.payments.ask(&trade).await? {
                TradeState::Paid(seen) => Ending::Money(seen),
                TradeState::Closed | TradeState::Waiting | TradeState::Unknown => Ending::Done,
            },
        })
    }

    /// What follows is written together with the job's end, so that there is never more than one chain of looks.
    async fn end(&self, context: &JobContext, out_no: OutNo, ending: Ending) -> Result<(), JobError> {
        let tx = self.store.write(context.scope()).await?;
        let outbox = Outbox::default();
        match ending {
            Ending::Done => {}
            Ending::Again(at) => {
                outbox.enqueue_at_in(&tx, &QueryTrade { out_no }, at).await?;
            }
            Ending::Closed => {
                repo::end_attempt_in(&tx, out_no, AttemptState::Closed).await?;
                outbox.enqueue_at_in(&tx, &QueryTrade { out_no }, tx.now() + rules::LAST_ASK).await?;
            }
            Ending::Money(seen) => {
                outbox.enqueue_in(&tx, &MoneySeen { seen, callback: None }).await?;
            }
        }
        context.finish_in(&tx).await?;
        Ok(tx.commit().await?)
    }

    async fn pursue(&self, context: &JobContext, refund: RefundId, round: u32) -> Result<(), JobError> {
        if self.payments.pursue(context.scope(), refund).await.map_err(job_error)? == Settled::Yes {
            return Ok(());
        }
        let Some(wait) = rules::refund_wait(round) else {
            if round != rules::ROUND_ONCE {
                tracing::error!(refund.id = %refund, "nobody knows what became of refund {refund}; ask the gateway");
            }
            return Ok(());
        };
        let tx = self.store.write(context.scope()).await?;
        let job = QueryRefund { refund, round: round + 1 };
        Outbox::default().enqueue_at_in(&tx, &job, tx.now() + wait).await?;
        context.finish_in(&tx).await?;
        Ok(tx.commit().await?)
    }
}

#[async_trait]
impl Handler<CreateTrade> for Cashier {
    async fn run(&self, context: &JobContext, job: CreateTrade) -> Result<(), JobError> {
        self.payments.create(context.scope(), &job.out_no).await.map(|_| ()).map_err(job_error)
    }
}

#[async_trait]
impl Handler<WatchTrades> for Cashier {
    async fn run(&self, context: &JobContext, job: WatchTrades) -> Result<(), JobError> {
        let tx = self.store.write(context.scope()).await?;
        let jobs: Vec<QueryTrade> = job.out_nos.into_iter().map(|out_no| QueryTrade { out_no }).collect();
        Outbox::default().enqueue_all_in(&tx, &jobs).await?;
        repo::forget_handovers_in(&tx, tx.now() - HANDOVERS_KEPT).await?;
        context.finish_in(&tx).await?;
        Ok(tx.commit().await?)
    }
}

#[async_trait]
impl Handler<QueryTrade> for Cashier {
    async fn run(&self, context: &JobContext, job: QueryTrade) -> Result<(), JobError> {
        let ending = self.look_at(context, job.out_no).await.map_err(job_error)?;
        self.end(context, job.out_no, ending).await
    }
}

#[async_trait]
impl Handler<SubmitRefund> for Cashier {
    async fn run(&self, context: &JobContext, job: SubmitRefund) -> Result<(), JobError> {
        self.pursue(context, job.refund, 0).await
    }
}

#[async_trait]
impl Handler<QueryRefund> for Cashier {
    async fn run(&self, context: &JobContext, job: QueryRefund) -> Result<(), JobError> {
        self.pursue(context, job.refund, job.round).await
    }
}

fn job_error(error: PaymentError) -> JobError {
    match error {
        PaymentError::Store(error) => JobError::Store(error),
        PaymentError::NotFound(what) => JobError::Dead(format!("there is no such {what}")),
        other => JobError::Retry(other.to_string()),
    }
}
