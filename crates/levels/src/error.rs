//! What the room refuses.

use chrono::{DateTime, Utc};
use kernel::notice::NoticeError;
use kernel::{Coded, FaultKind};
use store::StoreError;

/// Why rules or a level are not as they were wanted.
#[derive(Debug, thiserror::Error)]
pub enum LevelError {
    #[error("{what} are {least} to {most}")]
    Days { what: &'static str, least: u16, most: u16 },
    #[error("the lowest rung of the {what} needs nothing: whoever falls falls on it")]
    LowestNeeds { what: &'static str },
    #[error("rung {place} of the {what} has the level of one below it")]
    RungTwice { what: &'static str, place: usize },
    #[error("rung {place} of the {what} needs less than the one below it")]
    EasierAbove { what: &'static str, place: usize },
    #[error("complaints of rung {place} of the {what} are 0 to 1000000 of a million orders")]
    Share { what: &'static str, place: usize },
    #[error("somebody would stand lower: that takes effect on {earliest} at the earliest")]
    NoticeTooShort { earliest: DateTime<Utc> },
    #[error("versions begin one after the other: this one not before {earliest}")]
    BeforeTheLast { earliest: DateTime<Utc> },
    #[error("what begins more than a year ahead is forgotten by then")]
    TooFarAhead,
    #[error("{what} is one line of 1 to {chars_max} characters")]
    Text { what: &'static str, chars_max: usize },
    #[error("there is no such {what}")]
    Missing { what: &'static str },
    #[error("the main site has no level")]
    MainSite,
    #[error("this level is not pinned")]
    NotPinned,
    #[error("there can be {limit} {what} at most")]
    TooMany { what: &'static str, limit: u64 },
    #[error("this was changed by somebody else meanwhile")]
    ChangedMeanwhile,
    #[error("a row of {table} cannot be read: {what}")]
    Corrupt { table: &'static str, what: String },
    #[error(transparent)]
    Commission(#[from] commission::CommissionError),
    #[error(transparent)]
    Tenancy(#[from] tenancy::TenancyError),
    #[error(transparent)]
    Ledger(#[from] ledger::LedgerError),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for LevelError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken { .. } => Self::ChangedMeanwhile,
            other => Self::Store(other),
        }
    }
}

impl From<NoticeError> for LevelError {
    fn from(error: NoticeError) -> Self {
        match error {
            NoticeError::BeforeTheLast { earliest } => Self::BeforeTheLast { earliest },
            NoticeError::TooShort { earliest } => Self::NoticeTooShort { earliest },
            NoticeError::TooFarAhead => Self::TooFarAhead,
        }
    }
}

impl Coded for LevelError {
    fn code(&self) -> &'static str {
        match self {
            Self::Days { .. } | Self::Share { .. } | Self::TooFarAhead => "value_out_of_range",
            Self::LowestNeeds { .. } => "level_lowest_needs",
            Self::RungTwice { .. } => "level_twice",
            Self::EasierAbove { .. } => "level_easier_above",
            Self::NoticeTooShort { .. } => "level_notice_too_short",
            Self::BeforeTheLast { .. } => "level_before_the_last",
            Self::Text { .. } => "text_length",
            Self::Missing { .. } => "not_found",
            Self::MainSite => "site_level_misplaced",
            Self::NotPinned => "level_not_pinned",
            Self::TooMany { .. } => "level_limit_reached",
            Self::ChangedMeanwhile => "changed_meanwhile",
            Self::Corrupt { .. } => "internal",
            Self::Commission(error) => error.code(),
            Self::Tenancy(error) => error.code(),
            Self::Ledger(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Days { .. }
            | Self::Share { .. }
            | Self::TooFarAhead
            | Self::LowestNeeds { .. }
            | Self::RungTwice { .. }
            | Self::EasierAbove { .. }
            | Self::Text { .. }
            | Self::MainSite => FaultKind::Invalid,
            Self::NoticeTooShort { .. } | Self::BeforeTheLast { .. } | Self::TooMany { .. } => FaultKind::Refused,
            Self::Missing { .. } => FaultKind::NotFound,
            Self::NotPinned | Self::ChangedMeanwhile => FaultKind::Conflict,
            Self::Corrupt { .. } => FaultKind::Internal,
            Self::Commission(error) => error.kind(),
            Self::Tenancy(error) => error.kind(),
            Self::Ledger(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}
