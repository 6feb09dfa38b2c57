//! What this room can refuse. Why a SKU has no price is not an error but an answer: `rules::Hidden`.

use kernel::{Coded, FaultKind, MoneyError};
use store::StoreError;

/// A refusal of the catalogue or of a price rule.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A code is 1 to 60 of a-z, 0-9 and hyphen.
    #[error("{text:?} is not a code: use 1 to 60 of a-z, 0-9 and -")]
    Code { text: String },
    /// A word from a short list was expected.
    #[error("{text:?} is no {what}")]
    Word { what: &'static str, text: String },
    /// An amount or a rate is out of its range.
    #[error("{field} is out of range")]
    Range { field: &'static str },
    /// Amounts of one SKU or rule are in different currencies.
    #[error("the amounts are in different currencies")]
    Currency,
    /// A form that nobody could fill in, or that belongs to goods without one.
    #[error("{what}")]
    Form { what: &'static str },
    /// A rule's window ends before it begins.
    #[error("the rule ends before it begins")]
    Window,
    /// A limit has neither a floor nor a highest markup.
    #[error("the limit limits nothing")]
    EmptyLimit,
    /// Only a site's own buyers may be sold to at a loss.
    #[error("a wholesale price cannot allow a loss")]
    WholesaleLoss,
    /// A template has no band, or too many.
    #[error("a template has 1 to {limit} bands")]
    Bands { limit: usize },
    /// A template's bands do not rise.
    #[error("each band begins above the one before")]
    BandOrder,
    /// The category, goods, SKU, template or site that is pointed to is not there.
    #[error("there is no such {what}")]
    Missing { what: &'static str },
    /// A written limit is reached.
    #[error("there can be {limit} {what} at most")]
    TooMany { what: &'static str, limit: u64 },
    /// Somebody else wrote the same thing first.
    #[error("this was changed by somebody else meanwhile")]
    ChangedMeanwhile,
    /// A stored row does not mean anything to this program.
    #[error("a row of {table} cannot be read: {what}")]
    Corrupt { table: &'static str, what: String },
    /// The database refused or failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for CatalogError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken { .. } => Self::ChangedMeanwhile,
            StoreError::Reference => Self::Missing { what: "parent" },
            other => Self::Store(other),
        }
    }
}

impl From<MoneyError> for CatalogError {
    fn from(error: MoneyError) -> Self {
        match error {
            MoneyError::CurrencyMismatch { .. } => Self::Currency,
            _ => Self::Range { field: "amount" },
        }
    }
}

impl Coded for CatalogError {
    fn code(&self) -> &'static str {
        match self {
            Self::Code { .. } => "code_invalid",
            Self::Word { .. } => "word_unknown",
            Self::Range { .. } => "value_out_of_range",
            Self::Currency => "currency_mixed",
            Self::Form { .. } => "form_unusable",
            Self::Window => "rule_window_invalid",
            Self::EmptyLimit => "rule_limit_empty",
            Self::WholesaleLoss => "rule_wholesale_loss",
            Self::Bands { .. } => "template_bands",
            Self::BandOrder => "template_band_order",
            Self::Missing { .. } => "catalog_not_found",
            Self::TooMany { .. } => "catalog_limit_reached",
            Self::ChangedMeanwhile => "changed_meanwhile",
            Self::Corrupt { .. } => "internal",
            Self::Store(error) => error.code(),
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Missing { .. } => FaultKind::NotFound,
            Self::TooMany { .. } => FaultKind::Refused,
            Self::ChangedMeanwhile => FaultKind::Conflict,
            Self::Corrupt { .. } => FaultKind::Internal,
            Self::Store(error) => error.kind(),
            _ => FaultKind::Invalid,
        }
    }
}
