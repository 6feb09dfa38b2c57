//! What the room refuses.

use chrono::{DateTime, Utc};
use kernel::notice::NoticeError;
use kernel::{Coded, FaultKind};
use lane::LaneError;
use ledger::LedgerError;
use store::StoreError;

/// Why terms, a day or a hold is not as it was wanted.
#[derive(Debug, thiserror::Error)]
pub enum SettlementError {
    #[error("a term is T+0 to T+30 (business days) or D+0 to D+90 (days)")]
    Term,
    #[error("rule {place} is about what another rule is about")]
    RuleTwice { place: usize },
    #[error("somebody would be paid later: that takes effect on {earliest} at the earliest")]
    NoticeTooShort { earliest: DateTime<Utc> },
    #[error("versions begin one after the other: this one not before {earliest}")]
    BeforeTheLast { earliest: DateTime<Utc> },
    #[error("what begins more than a year ahead is forgotten by then")]
    TooFarAhead,
    #[error("{what} is one line of 1 to {chars_max} characters")]
    Text { what: &'static str, chars_max: usize },
    #[error("a day that is over stays as it was")]
    DayIsOver,
    #[error("there is no such {what}")]
    Missing { what: &'static str },
    #[error("this hold was lifted before")]
    LiftedBefore,
    #[error("there can be {limit} {what} at most")]
    TooMany { what: &'static str, limit: u64 },
    #[error("this was changed by somebody else meanwhile")]
    ChangedMeanwhile,
    #[error("a row of {table} cannot be read: {what}")]
    Corrupt { table: &'static str, what: String },
    #[error(transparent)]
    Outbox(#[from] outbox::OutboxError),
    #[error(transparent)]
    Catalog(#[from] catalog::CatalogError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Lane(#[from] LaneError),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for SettlementError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken { .. } => Self::ChangedMeanwhile,
            StoreError::Reference => Self::Missing { what: "earner" },
            other => Self::Store(other),
        }
    }
}

impl From<NoticeError> for SettlementError {
    fn from(error: NoticeError) -> Self {
        match error {
            NoticeError::BeforeTheLast { earliest } => Self::BeforeTheLast { earliest },
            NoticeError::TooShort { earliest } => Self::NoticeTooShort { earliest },
            NoticeError::TooFarAhead => Self::TooFarAhead,
        }
    }
}

impl Coded for SettlementError {
    fn code(&self) -> &'static str {
        match self {
            Self::Term => "settlement_term_invalid",
            Self::RuleTwice { .. } => "settlement_rule_twice",
            Self::NoticeTooShort { .. } => "settlement_notice_too_short",
            Self::BeforeTheLast { .. } => "settlement_before_the_last",
            Self::TooFarAhead => "value_out_of_range",
            Self::Text { .. } => "text_length",
            Self::DayIsOver => "calendar_day_over",
            Self::Missing { .. } => "not_found",
            Self::LiftedBefore => "hold_lifted_before",
            Self::TooMany { .. } => "settlement_limit_reached",
            Self::ChangedMeanwhile => "changed_meanwhile",
            Self::Corrupt { .. } => "internal",
            Self::Outbox(error) => error.code(),
            Self::Catalog(error) => error.code(),
            Self::Ledger(error) => error.code(),
            Self::Lane(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Term | Self::RuleTwice { .. } | Self::TooFarAhead | Self::Text { .. } => FaultKind::Invalid,
            Self::NoticeTooShort { .. } | Self::BeforeTheLast { .. } | Self::DayIsOver | Self::TooMany { .. } => {
                FaultKind::Refused
            }
            Self::Missing { .. } => FaultKind::NotFound,
            Self::LiftedBefore | Self::ChangedMeanwhile => FaultKind::Conflict,
            Self::Corrupt { .. } => FaultKind::Internal,
            Self::Outbox(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
            Self::Ledger(error) => error.kind(),
            Self::Lane(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}
