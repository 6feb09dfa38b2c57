//! Handlers of jobs; each calls the service.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use outbox::{Handler, Job, JobContext, JobError, Outbox, Runner};
use store::{Store, Tx};

use crate::error::PaymentError;
use crate::gateway::{CloseOutcome, GatewayError, TradeState};
use crate::job::{CreateTrade, MoneySeen, QueryRefund, QueryTrade, Rescue, SubmitRefund, WatchTrades};
use crate::model::{AttemptState, RefundId, Seen};
use crate::number::OutNo;
use crate::pace::in_job;
use crate::repo;
use crate::rules::{self, Look};
use crate::service::Payments;
use crate::service::refund::Settled;
use crate::service::trade::{Trade, still_open_in};

/// How long a hand-over that is over is kept.
const HANDOVERS_KEPT: TimeDelta = TimeDelta::days(1);

/// Handles every job of this room except [`MoneySeen`], which is for the room that knows what is paid.
#[derive(Clone)]
pub struct Cashier {
    store: Store,
    payments: Payments,
}

/// What is to be written when a look at a trade ends.
enum Ending {
    /// Nothing.
    Done,
    /// The trade is to be looked at again.
    Again(QueryTrade, DateTime<Utc>),
    /// The trade was closed; it is asked after once more. Whether this was the second time.
    Closed(QueryTrade),
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
            .handle::<QueryRefund>(self.clone())
            .handle::<Rescue>(self)
    }

    async fn look_at(&self, trade: &Trade, job: &QueryTrade) -> Result<Ending, PaymentError> {
        let look = rules::look(&trade.attempt, &trade.intent, trade.now);
        if look == Look::Leave {
            return Ok(Ending::Done);
        }
        let _place = self.payments.enter(trade)?;
        match look {
            Look::Leave => Ok(Ending::Done),
            Look::Ask => match self.payments.ask(trade).await {
                Ok(TradeState::Paid(seen)) => Ok(Ending::Money(seen)),
                Ok(TradeState::Closed) => Ok(Ending::Closed(QueryTrade::new(job.out_no))),
                Ok(TradeState::Waiting | TradeState::Unknown)
                | Err(PaymentError::Gateway(_) | PaymentError::NoGateway(_)) => {
                    let at = rules::next_look(trade.attempt.created_at, trade.intent.expires_at, trade.now);
                    Ok(Ending::Again(QueryTrade::new(job.out_no), at))
                }
                Err(error) => Err(error),
            },
            Look::Close => self.close(trade, QueryTrade::new(job.out_no)).await,
            Look::Last => match self.payments.ask(trade).await? {
                TradeState::Paid(seen) => Ok(Ending::Money(seen)),
                TradeState::Closed | TradeState::Unknown => Ok(Ending::Done),
                TradeState::Waiting if job.is_closed_again => Err(contradiction("closed twice, and open")),
                TradeState::Waiting => {
                    self.close(trade, QueryTrade { is_closed_again: true, ..QueryTrade::new(job.out_no) }).await
                }
            },
        }
    }

    async fn close(&self, trade: &Trade, next: QueryTrade) -> Result<Ending, PaymentError> {
        match self.payments.close(trade).await? {
            CloseOutcome::Closed => Ok(Ending::Closed(next)),
            CloseOutcome::AlreadyPaid => match self.payments.ask(trade).await? {
                TradeState::Paid(seen) => Ok(Ending::Money(seen)),
                _ => Err(contradiction("paid, or not")),
            },
        }
    }

    /// What follows is written together with the job's end, so that there is never more than one chain of looks. The end
    /// comes first, so that the next look may take the name of this one.
    async fn end(&self, context: &JobContext, out_no: OutNo, ending: Ending) -> Result<(), JobError> {
        let tx = self.store.write(context.scope()).await?;
        let outbox = Outbox::default();
        context.finish_in(&tx).await?;
        match ending {
            Ending::Done => {}
            Ending::Again(next, at) => {
                outbox.enqueue_once_in(&tx, &next.name(), &next, at).await?;
            }
            Ending::Closed(next) => {
                let open = [AttemptState::New, AttemptState::Waiting];
                repo::end_attempt_in(&tx, out_no, (&open, AttemptState::Closed)).await?;
                outbox.enqueue_once_in(&tx, &next.name(), &next, tx.now() + rules::LAST_ASK).await?;
            }
            Ending::Money(seen) => {
                let news = MoneySeen { seen, callback: None, round: 0 };
                outbox.enqueue_once_in(&tx, &news.name(), &news, tx.now()).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// Writes the job anew, for later: no attempt is used up.
    async fn again<J: Job>(
        &self,
        context: &JobContext,
        (name, job): (&str, &J),
        wait: TimeDelta,
    ) -> Result<(), JobError> {
        let tx = self.store.write(context.scope()).await?;
        context.finish_in(&tx).await?;
        Outbox::default().enqueue_once_in(&tx, name, job, tx.now() + wait).await?;
        Ok(tx.commit().await?)
    }

    async fn pursue(&self, context: &JobContext, refund: RefundId, round: u32) -> Result<(), JobError> {
        let (wait, next) = match in_job(self.payments.pursue(context.scope(), refund)).await {
            Ok(Settled::Yes) => return Ok(()),
            Err(PaymentError::NoRoom) => (rules::room_wait(context.id().uuid()), round),
            Err(error @ (PaymentError::Store(_) | PaymentError::NotFound(_))) => return Err(job_error(error)),
            Err(error) if round == rules::ROUND_ONCE => return Err(job_error(error)),
            Ok(Settled::NotYet) if round == rules::ROUND_ONCE => return Ok(()),
            told => {
                if let Err(error) = told {
                    tracing::warn!(refund.id = %refund, %error, "refund {refund} could not be moved");
                }
                if round == rules::REFUND_DAILY_FROM {
                    tracing::error!(refund.id = %refund, "nobody knows what became of refund {refund}; ask the gateway");
                }
                (rules::refund_wait(round), round.saturating_add(1).min(rules::ROUND_ONCE - 1))
            }
        };
        let job = QueryRefund { refund, round: next };
        self.again(context, (&job.name(), &job), wait).await
    }
}

#[async_trait]
impl Handler<CreateTrade> for Cashier {
    async fn run(&self, context: &JobContext, job: CreateTrade) -> Result<(), JobError> {
        let (wait, round) = match in_job(self.payments.create(context.scope(), &job.out_no)).await {
            Ok(_) => return Ok(()),
            Err(PaymentError::NoRoom) => (Some(rules::room_wait(context.id().uuid())), job.round),
            Err(error @ (PaymentError::Gateway(_) | PaymentError::NoGateway(_))) => {
                tracing::warn!(attempt.out_no = %job.out_no, %error, "a trade could not be registered");
                (rules::money_wait(job.round), job.round + 1)
            }
            Err(error) => return Err(job_error(error)),
        };
        // Long before that the try is over, and then it is closed without a word to the gateway.
        let Some(wait) = wait else { return Err(JobError::Dead("the gateway never took the trade".to_owned())) };
        let next = CreateTrade { round, ..job };
        self.again(context, (&next.name(), &next), wait).await
    }
}

#[async_trait]
impl Handler<WatchTrades> for Cashier {
    async fn run(&self, context: &JobContext, job: WatchTrades) -> Result<(), JobError> {
        let tx = self.store.write(context.scope()).await?;
        let open = still_open_in(&tx, &job.out_nos).await.map_err(job_error)?;
        let jobs: Vec<_> = open.into_iter().map(QueryTrade::new).map(|job| (job.name(), job)).collect();
        Outbox::default().enqueue_named_at_in(&tx, &jobs, tx.now()).await?;
        repo::forget_handovers_in(&tx, tx.now() - HANDOVERS_KEPT).await?;
        context.finish_in(&tx).await?;
        Ok(tx.commit().await?)
    }
}

#[async_trait]
impl Handler<QueryTrade> for Cashier {
    async fn run(&self, context: &JobContext, job: QueryTrade) -> Result<(), JobError> {
        let trade = self.payments.trade(context.scope(), job.out_no).await.map_err(job_error)?;
        let error = match in_job(self.look_at(&trade, &job)).await {
            Ok(ending) => return self.end(context, job.out_no, ending).await,
            Err(error) => error,
        };
        if matches!(error, PaymentError::NoRoom) {
            let wait = rules::room_wait(context.id().uuid());
            return self.again(context, (&job.name(), &job), wait).await;
        }
        let Some(at) = rules::look_again(trade.intent.expires_at, job.round, trade.now) else {
            return Err(JobError::Dead(format!("nobody knows what became of trade {}: {error}", job.out_no)));
        };
        tracing::warn!(attempt.out_no = %job.out_no, %error, "a trade is looked at again later");
        let next = QueryTrade { round: job.round + 1, ..job };
        self.end(context, next.out_no, Ending::Again(next, at)).await
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

#[async_trait]
impl Handler<Rescue> for Cashier {
    async fn run(&self, context: &JobContext, _job: Rescue) -> Result<(), JobError> {
        self.payments.rescue(context.scope()).await.map_err(job_error)
    }
}

/// The gateway contradicts itself; it is asked again as long as a gateway is that does not answer.
fn contradiction(what: &str) -> PaymentError {
    PaymentError::Gateway(GatewayError::Unknown(what.to_owned()))
}

fn job_error(error: PaymentError) -> JobError {
    match error {
        PaymentError::Store(error) => JobError::Store(error),
        PaymentError::NotFound(what) => JobError::Dead(format!("there is no such {what}")),
        other => JobError::Retry(other.to_string()),
    }
}
