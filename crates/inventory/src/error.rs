//! What the room refuses.

use catalog::{CatalogError, SkuId};
use kernel::{Coded, FaultKind, MoneyError};
use ledger::LedgerError;
use sheet::SheetError;
use store::StoreError;

use crate::batch::BatchId;

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
    #[error("there is no SKU {sku}")]
    UnknownSku { sku: SkuId },
    #[error("the SKU {sku} is not sold out of stock")]
    NotStocked { sku: SkuId },
    #[error("there is no batch {batch}")]
    UnknownBatch { batch: BatchId },
    #[error("the batch {batch} was undone")]
    BatchUndone { batch: BatchId },
    #[error("the key was used for another file")]
    KeyReused,
    #[error("{what} has 1 to {chars_max} characters")]
    BadText { what: &'static str, chars_max: usize },
    /// A stored word that no version wrote.
    #[error("{what} cannot be read")]
    Stored { what: &'static str },
    #[error(transparent)]
    Sheet(#[from] SheetError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl InventoryError {
    /// Whether running the same transaction again can succeed.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) | Self::Ledger(LedgerError::Store(error)) => error.is_transient(),
            _ => false,
        }
    }
}

impl Coded for InventoryError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnreadableCode => "card_code_unreadable",
            Self::UnknownSku { .. } => "sku_unknown",
            Self::NotStocked { .. } => "sku_holds_no_cards",
            Self::UnknownBatch { .. } => "batch_unknown",
            Self::BatchUndone { .. } => "batch_undone",
            Self::KeyReused => "idempotency_key_reused",
            Self::BadText { .. } => "text_length",
            Self::Sheet(error) => error.code(),
            Self::Catalog(error) => error.code(),
            Self::Ledger(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Sealed | Self::ForeignMaster | Self::Master(_) | Self::Stored { .. } | Self::Money(_) => "internal",
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::UnreadableCode | Self::BadText { .. } => FaultKind::Invalid,
            Self::UnknownSku { .. } | Self::UnknownBatch { .. } => FaultKind::NotFound,
            Self::NotStocked { .. } | Self::BatchUndone { .. } => FaultKind::Conflict,
            Self::KeyReused => FaultKind::Refused,
            Self::Sheet(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
            Self::Ledger(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Sealed | Self::ForeignMaster | Self::Master(_) | Self::Stored { .. } | Self::Money(_) => {
                FaultKind::Internal
            }
        }
    }
}
