//! What the room refuses beside a [`crate::Refusal`].

use catalog::CatalogError;
use identity::IdentityError;
use inventory::InventoryError;
use kernel::{Coded, FaultKind};
use lane::LaneError;
use payment::PaymentError;
use risk::RiskError;
use store::StoreError;

use crate::claim::ClaimRefusal;
use crate::command::Refusal;
use crate::fulfil::FulfilRefusal;
use crate::model::OrderId;
use crate::number::NumberFault;
use crate::refund::RefundRefusal;
use crate::replace::ReplaceRefusal;

/// Why something about an order did not happen.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The order was decided, and the answer is no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such order for this buyer on this site.
    #[error("there is no such order here")]
    NotFound,
    /// Nothing of this order has been delivered.
    #[error("the order has no codes to show")]
    NothingToShow,
    /// A key to tell repeated requests apart is missing or too long.
    #[error("an idempotency key has 1 to 255 printable ASCII characters")]
    Key,
    /// The text is no contact.
    #[error("a contact has 3 to 100 characters")]
    Contact,
    /// The text is no order number.
    #[error(transparent)]
    Number(#[from] NumberFault),
    /// The query password is too short or too long.
    #[error("a query password has {chars_min} to {chars_max} characters")]
    QueryPassword { chars_min: usize, chars_max: usize },
    /// A row holds what no version of this program writes.
    #[error("order {order} has an unreadable {what}")]
    Broken { order: OrderId, what: String },
    /// A text that a person writes is missing or too long.
    #[error("{what} has 1 to {chars_max} characters")]
    Text { what: &'static str, chars_max: usize },
    /// Nothing happened to a line at the fulfilment desk.
    #[error(transparent)]
    Fulfil(#[from] FulfilRefusal),
    /// Nothing came of what a buyer asked to have back.
    #[error(transparent)]
    Claim(#[from] ClaimRefusal),
    /// An order was not refunded.
    #[error(transparent)]
    Refund(#[from] RefundRefusal),
    /// No card was replaced.
    #[error(transparent)]
    Replace(#[from] ReplaceRefusal),
    #[error(transparent)]
    Lane(#[from] LaneError),
    #[error(transparent)]
    Risk(#[from] RiskError),
    #[error(transparent)]
    Payment(#[from] PaymentError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for OrderError {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::NotFound => "order_not_found",
            Self::NothingToShow => "nothing_to_show",
            Self::Key => "idempotency_key_invalid",
            Self::Contact => "contact_invalid",
            Self::Number(_) => "order_number_invalid",
            Self::QueryPassword { .. } => "query_password_length",
            Self::Broken { .. } => "internal",
            Self::Text { .. } => "text_length",
            Self::Fulfil(refusal) => refusal.code(),
            Self::Claim(refusal) => refusal.code(),
            Self::Refund(refusal) => refusal.code(),
            Self::Replace(refusal) => refusal.code(),
            Self::Risk(error) => error.code(),
            Self::Payment(error) => error.code(),
            Self::Identity(error) => error.code(),
            Self::Lane(error) => error.code(),
            Self::Inventory(error) => error.code(),
            Self::Catalog(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Refused(refusal) => refusal.kind(),
            Self::NotFound => FaultKind::NotFound,
            Self::NothingToShow => FaultKind::Conflict,
            Self::Key | Self::Contact | Self::Number(_) | Self::QueryPassword { .. } | Self::Text { .. } => {
                FaultKind::Invalid
            }
            Self::Fulfil(refusal) => refusal.kind(),
            Self::Claim(refusal) => refusal.kind(),
            Self::Refund(refusal) => refusal.kind(),
            Self::Replace(refusal) => refusal.kind(),
            Self::Broken { .. } => FaultKind::Internal,
            Self::Risk(error) => error.kind(),
            Self::Payment(error) => error.kind(),
            Self::Identity(error) => error.kind(),
            Self::Lane(error) => error.kind(),
            Self::Inventory(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}
