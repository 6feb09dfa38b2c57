//! One attempt at one claimed job: load it in its tenant's scope, run it, write how it ended.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use kernel::{Platform, TenantScope};
use store::{ClaimedWork, Store, StoreError, Tx};
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::handler::{AnyHandler, JobContext, JobError};
use crate::model::{ClaimedJob, Ending, JobId, Lease};
use crate::repo;
use crate::rules::{self, Verdict};

/// How many jobs a node claims at once.
pub const CLAIM_MAX: u32 = 32;
/// For how long a claim holds.
pub const LEASE: Duration = Duration::from_secs(60);
/// A job that waited in this node's memory until less than this was left is put back, not begun.
const LEASE_LEFT_MIN: Duration = Duration::from_secs(30);
/// When a job of an unknown kind may be claimed again: by then a node that knows it may have started.
const UNKNOWN_DELAY: TimeDelta = TimeDelta::seconds(60);

/// Any number, for the spread of delays.
pub type Dice = Arc<dyn Fn() -> u32 + Send + Sync>;

/// Where a node works on jobs.
pub struct Desk {
    pub store: Store,
    pub node: String,
    pub handlers: HashMap<&'static str, Arc<dyn AnyHandler>>,
    pub dice: Dice,
}

impl Desk {
    /// Leases due jobs of all tenants.
    pub async fn claim(&self) -> Result<Vec<ClaimedWork>, StoreError> {
        self.store.work_claim(CLAIM_MAX, &self.node, LEASE).await
    }

    /// Works on a claimed job. A failing database leaves the row to the next claim, after the lease.
    pub async fn attempt(&self, work: ClaimedWork) -> Ending {
        let job = JobId::from_uuid(work.row);
        let ending = self.try_attempt(Platform::assume().tenant(work.tenant), job).await;
        ending.unwrap_or_else(|error| {
            tracing::warn!(job.id = %job, tenant.id = %work.tenant, %error, "{job} is left to the next claim");
            Ending::Lost
        })
    }

    /// Gives back a claimed job that was not begun.
    pub async fn give_back(&self, work: ClaimedWork) {
        let (scope, job) = (Platform::assume().tenant(work.tenant), JobId::from_uuid(work.row));
        let given = async {
            let Some(claimed) = repo::claimed(&self.store.read(&scope).await?, job, &self.node).await? else {
                return Ok(Ending::Lost);
            };
            self.put_back(&scope, &self.lease(job, claimed.attempt), None).await
        };
        if let Err::<_, StoreError>(error) = given.await {
            tracing::warn!(job.id = %job, %error, "{job} could not be given back, its lease must end first");
        }
    }

    async fn try_attempt(&self, scope: TenantScope, job: JobId) -> Result<Ending, StoreError> {
        let (claimed, now) = {
            let tx = self.store.read(&scope).await?;
            (repo::claimed(&tx, job, &self.node).await?, tx.now())
        };
        let Some(claimed) = claimed else { return Ok(Ending::Lost) };
        let lease = self.lease(job, claimed.attempt);
        // By the clock that gave the lease, and never longer, should that clock have been set back since.
        let left = (claimed.lease_until - now).to_std().unwrap_or_default().min(LEASE);
        if left < LEASE_LEFT_MIN {
            return self.put_back(&scope, &lease, None).await;
        }
        let Some((kind, handler)) = self.handlers.get_key_value(claimed.kind.as_str()) else {
            tracing::warn!(job.id = %job, job.kind = claimed.kind, "no handler here for {job}, it waits for another node");
            return self.put_back(&scope, &lease, Some(UNKNOWN_DELAY)).await;
        };
        let began = Instant::now();
        let ending = self.work((scope, lease), handler, claimed, left).await?;
        let labels = [("kind", *kind), ("outcome", ending.word())];
        metrics::histogram!("cardgrove_outbox_job_seconds", &labels).record(began.elapsed());
        Ok(ending)
    }

    async fn work(
        &self,
        (scope, lease): (TenantScope, Lease),
        handler: &Arc<dyn AnyHandler>,
        claimed: ClaimedJob,
        left: Duration,
    ) -> Result<Ending, StoreError> {
        if claimed.attempt > handler.attempts_max() {
            // Every attempt took its node down, or lost its lease.
            return self.bury(&scope, &lease, "its attempts ended without an answer").await;
        }
        let job = lease.job;
        let context = Arc::new(JobContext::new(scope, lease));
        let span = tracing::info_span!("job", job.id = %job, job.kind = claimed.kind, tenant.id = %scope.id());
        let result = run(Arc::clone(handler), Arc::clone(&context), claimed.payload, left).instrument(span).await;
        match result {
            Ok(()) => self.settle_success(&context).await,
            Err(error) => self.settle_failure(&context, handler.attempts_max(), &error).await,
        }
    }

    fn lease(&self, job: JobId, attempt: u32) -> Lease {
        Lease { job, node: self.node.clone(), attempt }
    }

    /// Removes the row even where the handler says it did: its transaction may not have been the last word.
    async fn settle_success(&self, context: &JobContext) -> Result<Ending, StoreError> {
        let tx = self.store.write(context.scope()).await?;
        let is_removed = repo::remove(&tx, context.lease()).await?;
        tx.commit().await?;
        if is_removed || context.has_finished() {
            return Ok(Ending::Done);
        }
        let job = context.id();
        tracing::warn!(job.id = %job, "{job} was done, but not within its lease: it may be done twice");
        Ok(Ending::Lost)
    }

    async fn settle_failure(
        &self,
        context: &JobContext,
        attempts_max: u32,
        error: &JobError,
    ) -> Result<Ending, StoreError> {
        let (job, attempt) = (context.id(), context.attempt());
        let text = rules::kept(&error.to_string());
        match rules::judge(error, attempt, attempts_max, (self.dice)()) {
            Verdict::Dead => self.bury(context.scope(), context.lease(), &text).await,
            Verdict::Retry(delay) => {
                tracing::warn!(job.id = %job, job.attempt = attempt, job.error = text, "{job} failed and will be retried");
                let delay = TimeDelta::from_std(delay).expect("ten minutes and a spread");
                let tx = self.store.write(context.scope()).await?;
                let is_held = repo::retry(&tx, context.lease(), delay, text).await?;
                tx.commit().await?;
                Ok(if is_held { Ending::Retried } else { Ending::Lost })
            }
        }
    }

    async fn bury(&self, scope: &TenantScope, lease: &Lease, error: &str) -> Result<Ending, StoreError> {
        let job = lease.job;
        let tx = self.store.write(scope).await?;
        let is_held = repo::bury(&tx, lease, error.to_owned()).await?;
        tx.commit().await?;
        if !is_held {
            return Ok(Ending::Lost);
        }
        tracing::error!(job.id = %job, job.attempt = lease.attempt, job.error = error, "{job} is dead and needs an operator");
        Ok(Ending::Dead)
    }

    async fn put_back(
        &self,
        scope: &TenantScope,
        lease: &Lease,
        delay: Option<TimeDelta>,
    ) -> Result<Ending, StoreError> {
        let tx = self.store.write(scope).await?;
        let is_held = repo::put_back(&tx, lease, delay).await?;
        tx.commit().await?;
        Ok(if is_held { Ending::PutBack } else { Ending::Lost })
    }
}

/// Runs the handler in a task of its own, so that a panic is a failure like others, for as long as the lease holds.
/// The set aborts the task when this future is dropped.
async fn run(
    handler: Arc<dyn AnyHandler>,
    context: Arc<JobContext>,
    payload: String,
    left: Duration,
) -> Result<(), JobError> {
    let mut task = JoinSet::new();
    task.spawn(async move { handler.run(&context, &payload).await }.in_current_span());
    match tokio::time::timeout(left, task.join_next()).await {
        Ok(Some(Ok(result))) => result,
        // What a panic says may come from a payload, so it stays in the process's own output.
        Ok(_) => Err(JobError::Retry("the handler panicked".to_owned())),
        Err(_) => {
            task.shutdown().await;
            Err(JobError::Retry("the handler took longer than its lease".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Endless;

    #[async_trait::async_trait]
    impl AnyHandler for Endless {
        async fn run(&self, _: &JobContext, _: &str) -> Result<(), JobError> {
            std::future::pending().await
        }

        fn attempts_max(&self) -> u32 {
            1
        }
    }

    #[tokio::test]
    async fn a_handler_is_cut_off_when_its_lease_ends() {
        let scope = Platform::assume().tenant(kernel::TenantId::new());
        let lease = Lease { job: JobId::new(), node: "one".into(), attempt: 1 };
        let context = Arc::new(JobContext::new(scope, lease));
        let answer = run(Arc::new(Endless), context, String::new(), Duration::from_millis(5)).await;
        assert!(matches!(answer, Err(JobError::Retry(reason)) if reason.contains("longer than its lease")));
    }
}
