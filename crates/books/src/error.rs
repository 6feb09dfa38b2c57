//! What the room refuses.

use inventory::InventoryError;
use kernel::{Coded, Day, FaultKind};
use ledger::LedgerError;
use store::StoreError;

/// Why there is no paper.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// The days are the wrong way round, too many, or not over.
    #[error("a period has 1 to {days_max} days and does not end before it begins")]
    Period { days_max: u16 },
    /// The books do not agree with themselves: nothing is signed.
    #[error("the books of {day} do not prove: {finding}")]
    Unproved { day: Day, finding: String },
    /// A link says nothing of what it moved, so the day cannot be closed yet.
    #[error("link {sequence} was written by a program of before")]
    Untold { sequence: i64 },
    /// What was signed cannot be read, or the key cannot be opened.
    #[error("the closing of {day} cannot be read")]
    Damaged { day: Day },
    /// The file could not be made.
    #[error("the file could not be made: {reason}")]
    File { reason: String },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for BooksError {
    fn code(&self) -> &'static str {
        match self {
            Self::Period { .. } => "period_invalid",
            Self::Ledger(error) => error.code(),
            Self::Inventory(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Unproved { .. } | Self::Untold { .. } | Self::Damaged { .. } | Self::File { .. } => "internal",
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Period { .. } => FaultKind::Invalid,
            Self::Ledger(error) => error.kind(),
            Self::Inventory(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Unproved { .. } | Self::Untold { .. } | Self::Damaged { .. } | Self::File { .. } => {
                FaultKind::Internal
            }
        }
    }
}
