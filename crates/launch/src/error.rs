//! What can stop a pack from being applied. Faults of the pack itself are [`crate::PackFault`]s.

use std::path::PathBuf;

use catalog::CatalogError;
use identity::IdentityError;
use inventory::InventoryError;
use kernel::{Coded, FaultKind, MoneyError};
use ledger::LedgerError;
use payment::PaymentError;
use store::StoreError;
use tenancy::TenancyError;

/// Why a pack was not applied.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// A row of the pack; `what` names it as the pack does.
    #[error("{what} is refused")]
    Refused {
        what: String,
        #[source]
        source: Box<Self>,
    },
    /// A person that was there when passwords were generated is gone, or the other way round.
    #[error("the customers changed meanwhile")]
    ChangedMeanwhile,
    /// The folder of a new pack is there already.
    #[error("{} is there already", path.display())]
    FolderExists { path: PathBuf },
    /// The folder of a new pack cannot be written.
    #[error("{} cannot be written", path.display())]
    Unwritable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Tenancy(#[from] TenancyError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    #[error(transparent)]
    Payment(#[from] PaymentError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LaunchError {
    /// Whether applying the pack again at once can succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Refused { source, .. } => source.is_transient(),
            Self::Inventory(error) => error.is_transient(),
            Self::Store(error)
            | Self::Tenancy(TenancyError::Store(error))
            | Self::Catalog(CatalogError::Store(error))
            | Self::Identity(IdentityError::Store(error))
            | Self::Ledger(LedgerError::Store(error)) => error.is_transient(),
            _ => false,
        }
    }
}

/// Says which row of the pack an error is about.
pub(crate) trait At<T> {
    fn at(self, what: impl FnOnce() -> String) -> Result<T, LaunchError>;
}

impl<T, E: Into<LaunchError>> At<T> for Result<T, E> {
    fn at(self, what: impl FnOnce() -> String) -> Result<T, LaunchError> {
        self.map_err(|error| LaunchError::Refused { what: what(), source: Box::new(error.into()) })
    }
}

impl Coded for LaunchError {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused { source, .. } => source.code(),
            Self::ChangedMeanwhile => "changed_meanwhile",
            Self::FolderExists { .. } => "folder_exists",
            Self::Unwritable { .. } => "folder_unwritable",
            Self::Money(_) => "amount_out_of_range",
            Self::Tenancy(error) => error.code(),
            Self::Catalog(error) => error.code(),
            Self::Identity(error) => error.code(),
            Self::Inventory(error) => error.code(),
            Self::Payment(error) => error.code(),
            Self::Ledger(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Refused { source, .. } => source.kind(),
            Self::ChangedMeanwhile | Self::FolderExists { .. } => FaultKind::Conflict,
            Self::Unwritable { .. } => FaultKind::Internal,
            Self::Money(_) => FaultKind::Invalid,
            Self::Tenancy(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
            Self::Identity(error) => error.kind(),
            Self::Inventory(error) => error.kind(),
            Self::Payment(error) => error.kind(),
            Self::Ledger(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}
