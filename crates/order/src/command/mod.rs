//! The commands of the room: what buyers, gateways and the clock ask of the lane.

mod claim;
mod fulfil;
mod hold;
mod place;
mod receive;
mod refund;
mod replace;

pub use claim::{AskBack, DecideClaim, WithdrawClaim};
pub use fulfil::Fulfil;
pub use hold::{Expire, Expiry};
pub(crate) use place::HOLD_MINUTES;
pub use place::{Due, HOLD_DEFAULT, Place, PlaceAnswer, Placed};
pub use receive::{About, Receipt, Receive};
pub use refund::{EndRefund, RefundEnded, RefundOrder};
pub use replace::ReplaceCodes;

use catalog::{FieldFault, SiteLevel, SkuId};
use kernel::{Coded, FaultKind, Money};
use risk::LimitHit;
use serde::{Deserialize, Serialize};

/// The most lines of one order.
pub(crate) const LINES_MAX: usize = 20;

/// The chain of the selling site, the main site first.
pub type Chain = Vec<SiteLevel>;

/// Why an order was not placed. Nothing was taken and nothing was charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    #[error("an order has 1 to {LINES_MAX} lines of at least one piece")]
    Empty,
    #[error("sku {sku} is not for sale here")]
    NotForSale { sku: SkuId },
    #[error("a line of {sku} has {most} pieces at most")]
    TooMany { sku: SkuId, most: u32 },
    #[error("line {line} is not filled in as it should be")]
    Form { line: u32, faults: Vec<FieldFault> },
    #[error("sku {sku} now costs {now}, was {seen}")]
    PriceChanged { sku: SkuId, seen: Money, now: Money },
    #[error("sku {sku} has {available} left, {wanted} wanted")]
    OutOfStock { sku: SkuId, available: u32, wanted: u32 },
    #[error("the wallet has {available}, {wanted} wanted")]
    InsufficientFunds { available: Money, wanted: Money },
    #[error("the shop cannot cover the loss of this sale")]
    LossNotCovered { sku: SkuId },
    #[error("{depth} sites would earn from this sale, {most} may")]
    DepthExceeded { depth: usize, most: usize },
    #[error("a wallet belongs to an account; log in first")]
    NoWallet,
    #[error("the shop cannot take this order now")]
    ShopNotFunded,
    #[error("nobody has this agent's code")]
    AgentUnknown,
    #[error("this way to pay is not open")]
    ChannelClosed,
    #[error("there is nothing to pay by a channel")]
    NothingToPay,
    #[error(transparent)]
    Limit(LimitHit),
    #[error("the amounts of this order do not fit")]
    TooLarge,
}

impl Coded for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Empty => "order_empty",
            Self::NotForSale { .. } => "not_for_sale",
            Self::TooMany { .. } => "quantity_too_large",
            Self::Form { .. } => "form_invalid",
            Self::PriceChanged { .. } => "price_changed",
            Self::OutOfStock { .. } => "out_of_stock",
            Self::InsufficientFunds { .. } => "insufficient_funds",
            Self::LossNotCovered { .. } => "loss_not_covered",
            Self::DepthExceeded { .. } => "depth_exceeded",
            Self::NoWallet => "login_required",
            Self::ShopNotFunded => "shop_not_funded",
            Self::AgentUnknown => "agent_code_unknown",
            Self::ChannelClosed => "channel_closed",
            Self::NothingToPay => "nothing_to_pay",
            Self::Limit(hit) => hit.code(),
            Self::TooLarge => "amount_too_large",
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Empty | Self::TooMany { .. } | Self::Form { .. } | Self::TooLarge => FaultKind::Invalid,
            Self::Limit(hit) => hit.kind(),
            Self::NotForSale { .. } => FaultKind::NotFound,
            Self::PriceChanged { .. } | Self::OutOfStock { .. } => FaultKind::Conflict,
            Self::InsufficientFunds { .. }
            | Self::LossNotCovered { .. }
            | Self::DepthExceeded { .. }
            | Self::NoWallet
            | Self::ShopNotFunded
            | Self::AgentUnknown
            | Self::ChannelClosed
            | Self::NothingToPay => FaultKind::Refused,
        }
    }
}
