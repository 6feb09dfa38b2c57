//! An order's money goes back: once, in full, whatever was delivered.

use chrono::{DateTime, Utc};
use identity::OperatorId;
use kernel::{Coded, FaultKind, Money};
use payment::{RefundId, RefundState};
use serde::{Deserialize, Serialize};

use crate::machine::States;

/// Why an order is refunded, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundOf {
    /// Why, for the other operators; the gateway is not told.
    pub reason: String,
    /// Who says so.
    pub by: OperatorId,
}

/// A refund that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundAsked {
    /// How much goes back.
    pub amount: Money,
    /// The refund that goes out by the channel; none if the money is in the wallet already.
    pub refund: Option<RefundId>,
    /// Where the order stands.
    pub states: States,
}

/// Why an order was not refunded. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum RefundRefusal {
    #[error("there is no such order")]
    NotFound,
    #[error("the order is not paid")]
    NotPaid,
    #[error("the order was refunded before")]
    Refunded,
    #[error("nothing says how the order was paid")]
    NoPayment,
}

impl Coded for RefundRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "order_not_found",
            Self::NotPaid => "order_not_paid",
            Self::Refunded => "order_refunded",
            Self::NoPayment => "internal",
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::NotFound => FaultKind::NotFound,
            Self::NotPaid | Self::Refunded => FaultKind::Conflict,
            Self::NoPayment => FaultKind::Internal,
        }
    }
}

/// The refund of an order, for those who work on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRefund {
    /// How much.
    pub amount: Money,
    /// Why; none where it is not told.
    pub reason: Option<String>,
    /// Who said so; none where it is not told.
    pub by: Option<OperatorId>,
    /// When.
    pub at: DateTime<Utc>,
    /// What goes out by the channel; none if it went into the wallet.
    pub refund: Option<RefundId>,
    /// Where the money is: what goes into a wallet is there at once.
    pub state: RefundState,
    /// What the gateway said against it last.
    pub error: Option<String>,
    /// Since when the order counts as refunded.
    pub settled_at: Option<DateTime<Utc>>,
}

/// The same for the buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuyerRefund {
    /// How much.
    pub amount: Money,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// Since when it is back; none while the channel has it.
    pub settled_at: Option<DateTime<Utc>>,
}

impl OrderRefund {
    /// What the buyer sees of it.
    pub(crate) const fn for_buyer(&self) -> BuyerRefund {
        BuyerRefund { amount: self.amount, at: self.at, settled_at: self.settled_at }
    }
}
