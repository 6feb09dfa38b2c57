//! What the ledger refuses.

use kernel::{Coded, Currency, FaultKind, Money};
use store::StoreError;

use crate::account::Account;

/// Why something was not posted.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The money is not there.
    #[error("{account:?} has {available}, {wanted} wanted")]
    Insufficient { account: Account, available: Money, wanted: Money },
    /// A bug in a rule: postings do not sum to zero.
    #[error("the postings in {currency} sum to {sum}, not to zero")]
    Unbalanced { currency: Currency, sum: i128 },
    /// Stored rows were changed: what is read does not balance.
    #[error("the stored entry {entry} does not balance")]
    Damaged { entry: crate::EntryId },
    /// A bug in a rule: an amount in another currency than its account.
    #[error("an amount in {currency} does not fit the account's currency")]
    ForeignCurrency { currency: Currency },
    /// A bug in a rule, or a plan of absurd size.
    #[error("{count} postings are too many for one entry")]
    TooManyPostings { count: usize },
    /// A bug in a command: it spends from an account it did not ask for.
    #[error("the balance of {account:?} was not read")]
    NotRead { account: Account },
    /// A balance would leave the range of 64 bits.
    #[error("the balance of {account:?} does not fit")]
    Overflow { account: Account },
    /// Too much was posted since the period began to add it up.
    #[error("more than {limit} postings since the period began")]
    TooLong { limit: usize },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for LedgerError {
    fn code(&self) -> &'static str {
        match self {
            Self::Insufficient { .. } => "insufficient_funds",
            Self::TooLong { .. } => "period_too_long",
            Self::Store(error) => error.code(),
            _ => "internal",
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Insufficient { .. } | Self::TooLong { .. } => FaultKind::Refused,
            Self::Store(error) => error.kind(),
            _ => FaultKind::Internal,
        }
    }
}
