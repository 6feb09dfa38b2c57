//! What the room refuses.

use chrono::{DateTime, Utc};
use kernel::{Coded, FaultKind, Money};
use lane::LaneError;
use ledger::LedgerError;
use serde::{Deserialize, Serialize};
use store::StoreError;

use crate::model::AdjustmentState;

/// Why money did not move. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    #[error("there is no such card")]
    NoCard,
    #[error("the card was redeemed by the same customer before")]
    RedeemedByYou,
    #[error("the card was redeemed before")]
    Redeemed,
    #[error("the card is void")]
    Void,
    #[error("the card was good until {expired_at}")]
    Expired { expired_at: DateTime<Utc> },
    #[error("the wallet takes {room} more")]
    WalletFull { room: Money },
    #[error("the wallet is in {currency}")]
    Currency { currency: String },
    #[error("there is no such adjustment")]
    NoAdjustment,
    #[error("the adjustment is {}", state.word())]
    State { state: AdjustmentState },
    #[error("whoever has asked for it cannot approve it")]
    SamePerson,
    #[error("only who has asked for it can call it off")]
    NotYours,
    #[error("{available} is there")]
    Insufficient { available: Money },
    #[error("{free} of what was lent is not spent and can be taken back")]
    CreditInUse { free: Money },
    #[error("somebody else has changed it meanwhile")]
    CreditMoved,
    #[error("the amount does not fit")]
    TooLarge,
}

impl Coded for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NoCard => "recharge_card_unknown",
            Self::RedeemedByYou => "recharge_card_yours",
            Self::Redeemed => "recharge_card_redeemed",
            Self::Void => "recharge_card_void",
            Self::Expired { .. } => "recharge_card_expired",
            Self::WalletFull { .. } => "wallet_full",
            Self::Currency { .. } => "currency_foreign",
            Self::NoAdjustment => "not_found",
            Self::State { .. } => "adjustment_state",
            Self::SamePerson => "second_person_needed",
            Self::NotYours => "adjustment_not_yours",
            Self::Insufficient { .. } => "insufficient_funds",
            Self::CreditInUse { .. } => "credit_in_use",
            Self::CreditMoved => "changed_meanwhile",
            Self::TooLarge => "amount_too_large",
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::NoAdjustment => FaultKind::NotFound,
            Self::State { .. } | Self::SamePerson | Self::NotYours | Self::CreditMoved => FaultKind::Conflict,
            Self::RedeemedByYou | Self::Redeemed => FaultKind::Conflict,
            Self::NoCard
            | Self::Void
            | Self::Expired { .. }
            | Self::WalletFull { .. }
            | Self::Currency { .. }
            | Self::Insufficient { .. }
            | Self::CreditInUse { .. } => FaultKind::Refused,
            Self::TooLarge => FaultKind::Invalid,
        }
    }
}

/// Why something of this room is not as it was wanted.
#[derive(Debug, thiserror::Error)]
pub enum FundsError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("a card is worth more than nothing and at most {most}")]
    Face { most: Money },
    #[error("1 to {most} cards are made at once")]
    Count { most: u32 },
    #[error("such cards are good until {earliest} at least")]
    Expiry { earliest: DateTime<Utc> },
    #[error("it is more than nothing and at most {most}")]
    Amount { most: Money },
    #[error("{field} is one line of 1 to {chars_max} characters")]
    Text { field: &'static str, chars_max: usize },
    #[error("there is no such {what}")]
    Missing { what: &'static str },
    #[error("prepaid money goes to a site right below")]
    NotBelow,
    #[error("the main site has no prepaid money: it is who it is paid to")]
    MainSite,
    #[error("this key has made other cards")]
    KeyReused,
    #[error("the rest of the batch is void already")]
    VoidAlready,
    #[error("this was changed by somebody else meanwhile")]
    ChangedMeanwhile,
    #[error("a row of {table} cannot be read: {what}")]
    Corrupt { table: &'static str, what: String },
    #[error(transparent)]
    Inventory(#[from] inventory::InventoryError),
    #[error(transparent)]
    Identity(#[from] identity::IdentityError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Lane(#[from] LaneError),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for FundsError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken { .. } => Self::ChangedMeanwhile,
            StoreError::Reference => Self::Missing { what: "owner" },
            other => Self::Store(other),
        }
    }
}

impl Coded for FundsError {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Face { .. } | Self::Count { .. } | Self::Expiry { .. } | Self::Amount { .. } => "value_out_of_range",
            Self::Text { .. } => "text_length",
            Self::Missing { .. } => "not_found",
            Self::NotBelow => "site_not_below",
            Self::MainSite => "prepaid_main_site",
            Self::KeyReused => "idempotency_key_reused",
            Self::VoidAlready => "recharge_batch_void",
            Self::ChangedMeanwhile => "changed_meanwhile",
            Self::Corrupt { .. } => "internal",
            Self::Inventory(error) => error.code(),
            Self::Identity(error) => error.code(),
            Self::Ledger(error) => error.code(),
            Self::Lane(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Refused(refusal) => refusal.kind(),
            Self::Face { .. } | Self::Count { .. } | Self::Expiry { .. } | Self::Amount { .. } | Self::Text { .. } => {
                FaultKind::Invalid
            }
            Self::Missing { .. } => FaultKind::NotFound,
            Self::NotBelow | Self::MainSite | Self::KeyReused => FaultKind::Refused,
            Self::VoidAlready | Self::ChangedMeanwhile => FaultKind::Conflict,
            Self::Corrupt { .. } => FaultKind::Internal,
            Self::Inventory(error) => error.kind(),
            Self::Identity(error) => error.kind(),
            Self::Ledger(error) => error.kind(),
            Self::Lane(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}
