//! The safety net: whatever waits although nobody works on it gets its job again, by name, so that there is never more
//! than one chain of them.

use std::collections::HashMap;

use chrono::TimeDelta;
use kernel::TenantScope;
use outbox::Job;
use store::Tx;
use uuid::Uuid;

use super::Payments;
use crate::error::PaymentError;
use crate::job::{MoneySeen, QueryRefund, QueryTrade};
use crate::model::{CallbackId, Intent, IntentId, RefundId};
use crate::repo;
use crate::rules::PURSUED_FOR;

/// How long the usual way has, before somebody else looks.
const LEFT_ALONE: TimeDelta = TimeDelta::minutes(2);
/// The longest that an intent may be paid: an order's hold, and some more.
const INTENT_LIFE_MAX: TimeDelta = TimeDelta::hours(2);
const PAGE: u64 = 200;
/// Pages of one round; what is left waits for the next one.
const PAGES_MAX: usize = 50;

impl Payments {
    /// Gives unfinished tries, messages and refunds of the last day their jobs again; what is older is the audit's and
    /// a person's.
    pub(crate) async fn rescue(&self, scope: &TenantScope) -> Result<(), PaymentError> {
        self.rescue_attempts(scope).await?;
        self.rescue_callbacks(scope).await?;
        self.rescue_refunds(scope).await
    }

    async fn rescue_attempts(&self, scope: &TenantScope) -> Result<(), PaymentError> {
        let mut after = String::new();
        for _ in 0..PAGES_MAX {
            let tx = self.store.read(scope).await?;
            let made_since = tx.now() - PURSUED_FOR - INTENT_LIFE_MAX;
            let attempts = repo::endless_attempts_in(&tx, made_since, &after, PAGE).await?;
            let Some(last) = attempts.last() else { break };
            after = last.out_no.to_string();
            let ids: Vec<IntentId> = attempts.iter().map(|attempt| attempt.intent).collect();
            let intents: HashMap<IntentId, Intent> =
                repo::intents_in(&tx, &ids).await?.into_iter().map(|intent| (intent.id, intent)).collect();
            let (from, until) = (tx.now() - PURSUED_FOR, tx.now() - LEFT_ALONE);
            let is_over = |id: &IntentId| {
                intents.get(id).is_some_and(|intent| intent.expires_at > from && intent.expires_at < until)
            };
            let over = attempts.iter().filter(|attempt| is_over(&attempt.intent));
            let jobs = over.map(|attempt| QueryTrade::new(attempt.out_no)).map(|job| (job.name(), job)).collect();
            drop(tx);
            self.enqueue_named(scope, jobs).await?;
        }
        Ok(())
    }

    async fn rescue_callbacks(&self, scope: &TenantScope) -> Result<(), PaymentError> {
        let mut after = CallbackId::from_uuid(Uuid::nil());
        for _ in 0..PAGES_MAX {
            let callbacks = {
                let tx = self.store.read(scope).await?;
                let time = (tx.now() - PURSUED_FOR, tx.now() - LEFT_ALONE);
                repo::waiting_callbacks_in(&tx, time, after, PAGE).await?
            };
            let Some(last) = callbacks.last() else { break };
            after = last.id;
            let mut jobs = Vec::new();
            for callback in callbacks {
                match callback.seen.as_deref().map(serde_json::from_str) {
                    Some(Ok(seen)) => {
                        let job = MoneySeen { seen, callback: Some(callback.id), round: 0 };
                        jobs.push((job.name(), job));
                    }
                    _ => tracing::error!(callback.id = %callback.id, "message {} tells of nothing", callback.id),
                }
            }
            self.enqueue_named(scope, jobs).await?;
        }
        Ok(())
    }

    async fn rescue_refunds(&self, scope: &TenantScope) -> Result<(), PaymentError> {
        let mut after = RefundId::from_uuid(Uuid::nil());
        for _ in 0..PAGES_MAX {
            let refunds = {
                let tx = self.store.read(scope).await?;
                repo::unmoved_refunds_in(&tx, tx.now() - LEFT_ALONE, after, PAGE).await?
            };
            let Some(last) = refunds.last() else { break };
            after = last.id;
            let jobs = refunds.iter().map(|refund| QueryRefund { refund: refund.id, round: 0 });
            self.enqueue_named(scope, jobs.map(|job| (job.name(), job)).collect()).await?;
        }
        Ok(())
    }

    async fn enqueue_named<J: Job>(&self, scope: &TenantScope, jobs: Vec<(String, J)>) -> Result<(), PaymentError> {
        if jobs.is_empty() {
            return Ok(());
        }
        let tx = self.store.write(scope).await?;
        for (name, job) in &jobs {
            self.outbox.enqueue_once_in(&tx, name, job, tx.now()).await?;
        }
        Ok(tx.commit().await?)
    }
}
