//! What the room refuses.

use chrono::{DateTime, Utc};
use inventory::InventoryError;
use kernel::notice::NoticeError;
use kernel::{Coded, FaultKind};
use lane::LaneError;
use ledger::LedgerError;
use outbox::OutboxError;
use store::StoreError;

use crate::command::Refusal;
use crate::gateway::{GatewayError, VerifyError};

/// Why something about a payment did not happen.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// It was decided, and the answer is no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such channel, intent, try or refund here.
    #[error("there is no such {0} here")]
    NotFound(&'static str),
    /// No adapter of this name is installed.
    #[error("there is no gateway {0:?}")]
    NoGateway(String),
    /// Jobs talk to this gateway as much as they may; the job waits for its turn.
    #[error("there is no room for one more conversation with the gateway")]
    NoRoom,
    /// The message is not the gateway's own.
    #[error(transparent)]
    Forged(#[from] VerifyError),
    /// The token was used before.
    #[error("the hand-over was used before")]
    HandoverUsed { return_url: Option<String> },
    /// The token is too old.
    #[error("the hand-over has expired")]
    HandoverExpired { return_url: Option<String> },
    /// A channel's settings cannot work, in words for the operator.
    #[error("the channel cannot be saved: {0}")]
    Channel(String),
    /// Another site has a channel of this merchant: whose is not told.
    #[error("a channel of this merchant is there already")]
    ChannelTaken,
    /// What an operator may not set by himself, in words for him.
    #[error("the channel is refused: {0}")]
    ChannelRefused(&'static str),
    /// A value of rules that cannot be.
    #[error("{field} is out of range")]
    Range { field: &'static str },
    /// Versions begin one after the other.
    #[error("versions begin one after the other: this one not before {earliest}")]
    BeforeTheLast { earliest: DateTime<Utc> },
    /// What begins more than a year ahead is forgotten by then.
    #[error("what begins more than a year ahead is forgotten by then")]
    TooFarAhead,
    /// A day has more lines than are compared at once.
    #[error("the bill has more than {limit} lines")]
    BillTooLong { limit: usize },
    /// A row holds what no version of this program writes.
    #[error("{table} {row} has an unreadable {what}")]
    Broken { table: &'static str, row: String, what: &'static str },
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    #[error(transparent)]
    Lane(#[from] LaneError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PaymentError {
    /// Where a buyer whose hand-over failed goes back to, if that is known.
    pub fn return_url(&self) -> Option<&str> {
        match self {
            Self::HandoverUsed { return_url } | Self::HandoverExpired { return_url } => return_url.as_deref(),
            _ => None,
        }
    }
}

impl From<NoticeError> for PaymentError {
    fn from(error: NoticeError) -> Self {
        match error {
            NoticeError::BeforeTheLast { earliest } | NoticeError::TooShort { earliest } => {
                Self::BeforeTheLast { earliest }
            }
            NoticeError::TooFarAhead => Self::TooFarAhead,
        }
    }
}

impl Coded for PaymentError {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::NotFound(_) => "payment_not_found",
            Self::NoGateway(_) => "gateway_missing",
            Self::Forged(_) => "callback_refused",
            Self::HandoverUsed { .. } => "handover_used",
            Self::HandoverExpired { .. } => "handover_expired",
            Self::BillTooLong { .. } => "bill_too_long",
            Self::Range { .. } | Self::TooFarAhead => "value_out_of_range",
            Self::BeforeTheLast { .. } => "top_up_rules_before_the_last",
            Self::Channel(_) => "channel_invalid",
            Self::ChannelTaken => "channel_taken",
            Self::ChannelRefused(_) => "channel_refused",
            Self::Broken { .. } | Self::Outbox(_) => "internal",
            Self::Gateway(GatewayError::Refused { .. }) => "gateway_refused",
            Self::Gateway(_) | Self::NoRoom => "gateway_unavailable",
            Self::Lane(error) => error.code(),
            Self::Ledger(error) => error.code(),
            Self::Inventory(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Refused(refusal) => refusal.kind(),
            Self::NotFound(_) => FaultKind::NotFound,
            Self::Forged(_) => FaultKind::Unauthenticated,
            Self::HandoverUsed { .. } | Self::HandoverExpired { .. } | Self::ChannelTaken => FaultKind::Conflict,
            Self::ChannelRefused(_) | Self::BillTooLong { .. } | Self::BeforeTheLast { .. } => FaultKind::Refused,
            Self::Channel(_) | Self::Range { .. } | Self::TooFarAhead => FaultKind::Invalid,
            Self::NoGateway(_) | Self::Broken { .. } | Self::Outbox(_) => FaultKind::Internal,
            Self::Gateway(GatewayError::Refused { .. }) => FaultKind::Refused,
            Self::Gateway(_) | Self::NoRoom => FaultKind::Busy,
            Self::Lane(error) => error.kind(),
            Self::Ledger(error) => error.kind(),
            Self::Inventory(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}
