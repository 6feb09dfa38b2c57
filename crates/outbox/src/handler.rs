//! Who runs jobs, and what a handler is told.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use kernel::TenantScope;
use store::{StoreError, WriteTx};

use crate::error::OutboxError;
use crate::model::{Job, JobId, Lease};
use crate::repo;

/// Does the work of one kind of job. It may be called again with the same job, so a second call must do no harm.
#[async_trait]
pub trait Handler<J: Job>: Send + Sync + 'static {
    /// Runs the job in its tenant's scope. It is cut off when the lease ends.
    async fn run(&self, context: &JobContext, job: J) -> Result<(), JobError>;
}

/// Why an attempt failed. The text is kept for the operator: name ids and states, never what a payload holds.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It may work later.
    #[error("{0}")]
    Retry(String),
    /// It can never work.
    #[error("{0}")]
    Dead(String),
    /// The database failed; it may work later.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<OutboxError> for JobError {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::Store(error) => Self::Store(error),
            other => Self::Retry(other.to_string()),
        }
    }
}

/// One attempt at one job.
pub struct JobContext {
    scope: TenantScope,
    lease: Lease,
    has_finished: AtomicBool,
}

impl JobContext {
    pub(crate) const fn new(scope: TenantScope, lease: Lease) -> Self {
        Self { scope, lease, has_finished: AtomicBool::new(false) }
    }

    /// The tenant the job belongs to: the only scope its work may run in.
    pub const fn scope(&self) -> &TenantScope {
        &self.scope
    }

    /// The job, the same in every attempt: the key to derive idempotent ids from.
    pub const fn id(&self) -> JobId {
        self.lease.job
    }

    /// Which attempt this is; the first is 1.
    pub const fn attempt(&self) -> u32 {
        self.lease.attempt
    }

    /// Removes the job in the handler's own transaction, so that its effects and its end are one. Call it last, the
    /// job's row comes after all others in the order of locks. An error must roll the transaction back: if the lease
    /// was lost, somebody else does or did the work.
    pub async fn finish_in(&self, tx: &WriteTx<TenantScope>) -> Result<(), OutboxError> {
        if !repo::remove(tx, &self.lease).await? {
            return Err(OutboxError::LeaseLost { job: self.lease.job });
        }
        self.has_finished.store(true, Ordering::Release);
        Ok(())
    }

    pub(crate) const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Whether [`JobContext::finish_in`] has answered well; whether its transaction was committed is not known here.
    pub(crate) fn has_finished(&self) -> bool {
        self.has_finished.load(Ordering::Acquire)
    }
}

/// A handler whose kind of job is forgotten.
#[async_trait]
pub(crate) trait AnyHandler: Send + Sync {
    /// Reads the payload and runs the job.
    async fn run(&self, context: &JobContext, payload: &str) -> Result<(), JobError>;

    /// The kind's [`Job::ATTEMPTS_MAX`].
    fn attempts_max(&self) -> u32;
}

/// A handler with its kind.
pub(crate) struct Typed<J, H> {
    handler: H,
    job: PhantomData<fn() -> J>,
}

impl<J, H> Typed<J, H> {
    pub const fn new(handler: H) -> Self {
        Self { handler, job: PhantomData }
    }
}

#[async_trait]
impl<J: Job, H: Handler<J>> AnyHandler for Typed<J, H> {
    async fn run(&self, context: &JobContext, payload: &str) -> Result<(), JobError> {
        let job = serde_json::from_str(payload).map_err(|error| unreadable::<J>(&error))?;
        self.handler.run(context, job).await
    }

    fn attempts_max(&self) -> u32 {
        J::ATTEMPTS_MAX
    }
}

/// Says where the payload is wrong and not what stands there, which the error's own text would.
fn unreadable<J: Job>(error: &serde_json::Error) -> JobError {
    let (line, column) = (error.line(), error.column());
    JobError::Dead(format!("the payload is not a {} job ({:?} error at {line}:{column})", J::KIND, error.classify()))
}
