//! What the room refuses.

use chrono::{DateTime, Utc};
use kernel::notice::NoticeError;
use kernel::{Coded, FaultKind, Money};
use lane::LaneError;
use ledger::LedgerError;
use serde::{Deserialize, Serialize};
use store::StoreError;

use crate::model::{State, WithdrawalId};

/// Why something did not happen to a withdrawal. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    #[error("there is no such withdrawal")]
    NotFound,
    #[error("a withdrawal is of {minimum} at least")]
    BelowMinimum { minimum: Money },
    #[error("a withdrawal is of {maximum} at most")]
    AboveMaximum { maximum: Money },
    #[error("{available} is available")]
    Insufficient { available: Money },
    #[error("fee and tax leave nothing of it")]
    NothingLeft,
    #[error("{withdrawal} is not sent yet: one at a time")]
    OneAtATime { withdrawal: WithdrawalId },
    #[error("{most} a day are enough")]
    TooManyToday { most: u32 },
    #[error("{left} more may be asked for today")]
    TooMuchToday { left: Money },
    #[error("the earner is held back")]
    Held,
    #[error("{debt} is owed, which later earnings pay first")]
    Owes { debt: Money },
    #[error("there is no such payee, or it is removed")]
    NoPayee,
    #[error("the payee is new: it can be used from {usable_from} on")]
    PayeeCools { usable_from: DateTime<Utc> },
    #[error("an invoice has to be named")]
    InvoiceMissing,
    #[error("the withdrawal is {}", state.word())]
    State { state: State },
    #[error("whoever has asked for it or approved it before cannot approve it")]
    SamePerson,
    #[error("somebody has to check that the payee is the earner: the name was never checked")]
    NameUnchecked,
    #[error("earnings are not turned into money to buy with here")]
    ConversionOff,
    #[error("the wallet takes {room} more")]
    WalletFull { room: Money },
    #[error("none of them can be sent")]
    NothingToSend,
}

impl Coded for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::BelowMinimum { .. } => "withdrawal_below_minimum",
            Self::AboveMaximum { .. } => "withdrawal_above_maximum",
            Self::Insufficient { .. } => "insufficient_funds",
            Self::NothingLeft => "withdrawal_nothing_left",
            Self::OneAtATime { .. } => "withdrawal_one_at_a_time",
            Self::TooManyToday { .. } | Self::TooMuchToday { .. } => "withdrawal_daily_limit",
            Self::Held => "earner_held",
            Self::Owes { .. } => "earner_owes",
            Self::NoPayee => "payee_not_found",
            Self::PayeeCools { .. } => "payee_cools_down",
            Self::InvoiceMissing => "invoice_missing",
            Self::State { .. } => "withdrawal_state",
            Self::SamePerson => "second_person_needed",
            Self::NameUnchecked => "payee_name_unchecked",
            Self::ConversionOff => "conversion_off",
            Self::WalletFull { .. } => "wallet_full",
            Self::NothingToSend => "nothing_to_send",
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::NotFound => FaultKind::NotFound,
            Self::OneAtATime { .. } | Self::State { .. } | Self::SamePerson | Self::NameUnchecked => {
                FaultKind::Conflict
            }
            _ => FaultKind::Refused,
        }
    }
}

/// Why payees, rules or withdrawals are not as they were wanted.
#[derive(Debug, thiserror::Error)]
pub enum WithdrawalError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("{field} is out of range")]
    Range { field: &'static str },
    #[error("{what} is one line of 1 to {chars_max} characters")]
    Text { what: &'static str, chars_max: usize },
    #[error("an account number is 4 to 64 letters and digits, after the first one also any of @ . - _ and +")]
    Number,
    #[error("the name is not the one that is recorded for this earner")]
    OtherName,
    #[error("{withdrawal} goes to this payee and is not sent yet")]
    InUse { withdrawal: WithdrawalId },
    #[error("somebody has less by it: that takes effect on {earliest} at the earliest")]
    NoticeTooShort { earliest: DateTime<Utc> },
    #[error("versions begin one after the other: this one not before {earliest}")]
    BeforeTheLast { earliest: DateTime<Utc> },
    #[error("what begins more than a year ahead is forgotten by then")]
    TooFarAhead,
    #[error("there can be {limit} {what} at most")]
    TooMany { what: &'static str, limit: u64 },
    #[error("there is no such {what}")]
    Missing { what: &'static str },
    #[error("this was changed by somebody else meanwhile")]
    ChangedMeanwhile,
    #[error("a row of {table} cannot be read: {what}")]
    Corrupt { table: &'static str, what: String },
    #[error(transparent)]
    Inventory(#[from] inventory::InventoryError),
    #[error(transparent)]
    Settlement(#[from] settlement::SettlementError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Lane(#[from] LaneError),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for WithdrawalError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken { .. } => Self::ChangedMeanwhile,
            StoreError::Reference => Self::Missing { what: "earner" },
            other => Self::Store(other),
        }
    }
}

impl From<NoticeError> for WithdrawalError {
    fn from(error: NoticeError) -> Self {
        match error {
            NoticeError::BeforeTheLast { earliest } => Self::BeforeTheLast { earliest },
            NoticeError::TooShort { earliest } => Self::NoticeTooShort { earliest },
            NoticeError::TooFarAhead => Self::TooFarAhead,
        }
    }
}

impl Coded for WithdrawalError {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Range { .. } | Self::TooFarAhead => "value_out_of_range",
            Self::Text { .. } => "text_length",
            Self::Number => "account_number_invalid",
            Self::OtherName => "payee_name_differs",
            Self::InUse { .. } => "payee_in_use",
            Self::NoticeTooShort { .. } => "withdrawal_notice_too_short",
            Self::BeforeTheLast { .. } => "withdrawal_before_the_last",
            Self::TooMany { .. } => "withdrawal_limit_reached",
            Self::Missing { .. } => "not_found",
            Self::ChangedMeanwhile => "changed_meanwhile",
            Self::Corrupt { .. } => "internal",
            Self::Inventory(error) => error.code(),
            Self::Settlement(error) => error.code(),
            Self::Ledger(error) => error.code(),
            Self::Lane(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Refused(refusal) => refusal.kind(),
            Self::Range { .. } | Self::Text { .. } | Self::Number | Self::TooFarAhead => FaultKind::Invalid,
            Self::OtherName | Self::NoticeTooShort { .. } | Self::BeforeTheLast { .. } | Self::TooMany { .. } => {
                FaultKind::Refused
            }
            Self::Missing { .. } => FaultKind::NotFound,
            Self::InUse { .. } | Self::ChangedMeanwhile => FaultKind::Conflict,
            Self::Corrupt { .. } => FaultKind::Internal,
            Self::Inventory(error) => error.kind(),
            Self::Settlement(error) => error.kind(),
            Self::Ledger(error) => error.kind(),
            Self::Lane(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}
