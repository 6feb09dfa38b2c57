//! Why a command got no answer of its own.

use kernel::{Coded, FaultKind};
use store::StoreError;

use crate::part::PartError;

/// Why a command was not decided. Nothing was changed, except where said.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LaneError {
    /// The queue is at its bound; the same command may be tried again.
    #[error("the queue is full")]
    Full,
    /// The server is stopping; the same command may be tried again elsewhere.
    #[error("the server is stopping")]
    Stopping,
    /// The key was used before for something else.
    #[error("the key {key:?} was used for another command")]
    KeyReused { key: String },
    /// The database could not do it now; the same key may be tried again.
    #[error("the database could not do it now")]
    Unavailable,
    /// The command cannot be carried out because of a bug; it was logged.
    #[error("the command cannot be carried out")]
    Failed,
}

impl Coded for LaneError {
    fn code(&self) -> &'static str {
        match self {
            Self::Full => "queue_full",
            Self::Stopping => "stopping",
            Self::KeyReused { .. } => "idempotency_key_reused",
            Self::Unavailable => "database_busy",
            Self::Failed => "internal",
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Full | Self::Stopping | Self::Unavailable => FaultKind::Busy,
            // Asked well and refused by a rule, as the open API's standard has it.
            Self::KeyReused { .. } => FaultKind::Refused,
            Self::Failed => FaultKind::Internal,
        }
    }
}

/// Why a batch did not commit, by what the lane does about it.
#[derive(Debug)]
pub(crate) enum BatchFault {
    /// Somebody else was in the way: run it again with fresh facts.
    Again(String),
    /// It was decided by heart and does not hold: run it again with open eyes.
    Doubted,
    /// A constraint refused it. Another node may have been in the way, so it is run again; if that does not help,
    /// it is a bug.
    Barred(String),
    /// The database is gone or full: answer that it is unavailable.
    Gone(StoreError),
    /// This batch fails whenever it is run: find the command that does it.
    Poisoned(String),
}

impl From<StoreError> for BatchFault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Again("another transaction was in the way".to_owned()),
            // Another node spent from a balance or took a key between our reading and our writing.
            StoreError::Check { constraint } | StoreError::Taken { constraint } => Self::Barred(constraint),
            StoreError::Lost | StoreError::Busy | StoreError::Full => Self::Gone(error),
            other => Self::Poisoned(format!("{other:?}")),
        }
    }
}

impl From<PartError> for BatchFault {
    fn from(error: PartError) -> Self {
        match error {
            PartError::Store(error) => error.into(),
            PartError::Broken(reason) => Self::Poisoned(reason),
        }
    }
}
