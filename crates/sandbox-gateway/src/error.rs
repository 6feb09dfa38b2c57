//! What the gateway refuses, and what can keep it from opening.

use std::io;

use kernel::{Coded, FaultKind};

/// Every refusal of the protocol, and the troubles of the service itself.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error("{field}: {reason}")]
    Invalid { field: &'static str, reason: &'static str },
    #[error("the signature is missing or does not belong to this message")]
    BadSignature,
    #[error("the timestamp is more than 300 s from the clock here")]
    Timestamp,
    #[error("the nonce was used within the last ten minutes")]
    NonceReused,
    #[error("no such merchant was opened here")]
    UnknownMerchant,
    #[error("there is no such end-point")]
    NoSuchEndpoint,
    #[error("there is no such trade")]
    TradeNotFound,
    #[error("there is no such refund")]
    RefundNotFound,
    #[error("the merchant exists with another secret")]
    MerchantTaken,
    #[error("out_no was used with other parameters")]
    OutNoUsed,
    #[error("several merchants have a trade or refund of this number: name the merchant")]
    Ambiguous,
    #[error("the trade is paid already")]
    AlreadyPaid,
    #[error("the trade is closed or has expired")]
    TradeClosed,
    #[error("the trade is not paid")]
    NotPaid,
    #[error("refund_no was used with other parameters")]
    RefundNoUsed,
    #[error("the refunds would exceed what was paid")]
    RefundTooLarge,
    #[error("the refund has ended otherwise")]
    RefundSettled,
    #[error("a plan of the control end-points refuses this call")]
    RefusedByPlan,
    #[error("a plan of the control end-points keeps this call without an answer")]
    HeldByPlan,
    #[error("the sandbox holds as many {what} as it may")]
    Full { what: &'static str },
    #[error("the journal cannot be read or written")]
    Journal(#[from] io::Error),
    #[error("line {line} of the journal is not a record")]
    JournalLine { line: usize },
    #[error("public_url is not an http address")]
    PublicUrl,
    #[error("the sender of callbacks cannot be built")]
    Courier(#[from] reqwest::Error),
    #[error("the cashier page cannot be built")]
    Page(#[from] minijinja::Error),
}

impl GatewayError {
    /// A field that does not hold what it must.
    pub(crate) const fn invalid(field: &'static str, reason: &'static str) -> Self {
        Self::Invalid { field, reason }
    }
}

impl Coded for GatewayError {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "validation",
            Self::BadSignature => "bad_signature",
            Self::Timestamp => "timestamp",
            Self::NonceReused => "nonce_reused",
            Self::UnknownMerchant => "unknown_merchant",
            Self::NoSuchEndpoint => "no_such_endpoint",
            Self::TradeNotFound => "trade_not_found",
            Self::RefundNotFound => "refund_not_found",
            Self::MerchantTaken => "merchant_taken",
            Self::OutNoUsed => "out_no_used",
            Self::Ambiguous => "ambiguous",
            Self::AlreadyPaid => "already_paid",
            Self::TradeClosed => "trade_closed",
            Self::NotPaid => "not_paid",
            Self::RefundNoUsed => "refund_no_used",
            Self::RefundTooLarge => "refund_too_large",
            Self::RefundSettled => "refund_settled",
            Self::RefusedByPlan => "refused",
            Self::HeldByPlan => "no_answer",
            Self::Full { .. } => "full",
            Self::Journal(_) | Self::JournalLine { .. } => "journal",
            Self::PublicUrl | Self::Courier(_) | Self::Page(_) => "internal",
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Invalid { .. } => FaultKind::Invalid,
            Self::BadSignature | Self::Timestamp | Self::NonceReused | Self::UnknownMerchant => {
                FaultKind::Unauthenticated
            }
            Self::NoSuchEndpoint | Self::TradeNotFound | Self::RefundNotFound => FaultKind::NotFound,
            Self::MerchantTaken
            | Self::OutNoUsed
            | Self::Ambiguous
            | Self::AlreadyPaid
            | Self::TradeClosed
            | Self::NotPaid
            | Self::RefundNoUsed
            | Self::RefundTooLarge
            | Self::RefundSettled
            | Self::RefusedByPlan => FaultKind::Conflict,
            Self::HeldByPlan | Self::Full { .. } => FaultKind::Busy,
            Self::Journal(_) | Self::JournalLine { .. } | Self::PublicUrl | Self::Courier(_) | Self::Page(_) => {
                FaultKind::Internal
            }
        }
    }
}
