//! What the room refuses.

use std::time::Duration;

use kernel::{Coded, FaultKind};
use store::StoreError;

/// Why an order may not be placed now.
#[derive(Debug, thiserror::Error)]
pub enum RiskError {
    /// The address ordered too fast and is frozen.
    #[error("this address ordered too fast; it may order again in {} s", retry_after.as_secs())]
    Frozen { retry_after: Duration },
    /// A row holds what no version of this program writes.
    #[error("a freeze has an unreadable address")]
    Unreadable,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for RiskError {
    fn code(&self) -> &'static str {
        match self {
            Self::Frozen { .. } => "ordering_frozen",
            Self::Unreadable => "internal",
            Self::Store(error) => error.code(),
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Frozen { .. } => FaultKind::TooMany,
            Self::Unreadable => FaultKind::Internal,
            Self::Store(error) => error.kind(),
        }
    }
}
