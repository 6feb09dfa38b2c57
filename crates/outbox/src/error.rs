//! What the outbox can refuse.

use kernel::{Coded, FaultKind};
use store::StoreError;

use crate::model::JobId;

/// A refusal of the outbox, or of the database below it.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The job's own serialization failed: a bug in the kind.
    #[error("a {kind} job cannot be written as JSON")]
    Unwritable {
        kind: &'static str,
        #[source]
        source: serde_json::Error,
    },
    /// The payload is over the limit: split the batch.
    #[error("a {kind} job has {bytes} bytes, {bytes_max} at most")]
    TooLarge { kind: &'static str, bytes: usize, bytes_max: usize },
    /// The lease ended and somebody else may work on the job: nothing of this attempt may be kept.
    #[error("the lease of {job} was lost")]
    LeaseLost { job: JobId },
    /// The job is not dead, or not this tenant's.
    #[error("{job} is not a dead job")]
    NotDead { job: JobId },
    /// The database's answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for OutboxError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unwritable { .. } => "internal",
            Self::TooLarge { .. } => "job_too_large",
            Self::LeaseLost { .. } => "job_lease_lost",
            Self::NotDead { .. } => "job_not_dead",
            Self::Store(error) => error.code(),
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Unwritable { .. } | Self::TooLarge { .. } => FaultKind::Internal,
            Self::LeaseLost { .. } => FaultKind::Conflict,
            Self::NotDead { .. } => FaultKind::NotFound,
            Self::Store(error) => error.kind(),
        }
    }
}
