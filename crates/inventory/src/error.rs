//! What the room refuses.

use kernel::{Coded, FaultKind};
use store::StoreError;

/// Why something in the stock room did not happen.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    #[error("a code has 1 to 1024 bytes and no control characters")]
    UnreadableCode,
    /// The sealed bytes are damaged, moved from another row, or the key is another one.
    #[error("a sealed code does not open")]
    Sealed,
    #[error("the tenant's keys are wrapped by another master key")]
    ForeignMaster,
    #[error("the master key is not usable: {0}")]
    Master(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for InventoryError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnreadableCode => "card_code_unreadable",
            Self::Store(error) => error.code(),
            Self::Sealed | Self::ForeignMaster | Self::Master(_) => "internal",
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::UnreadableCode => FaultKind::Invalid,
            Self::Store(error) => error.kind(),
            Self::Sealed | Self::ForeignMaster | Self::Master(_) => FaultKind::Internal,
        }
    }
}
