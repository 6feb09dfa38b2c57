//! What an earner asks for, and what becomes of it.

use chrono::{DateTime, Utc};
use kernel::{Currency, Money};
use serde::{Deserialize, Serialize};
use settlement::EarnerRef;
use uuid::Uuid;

use super::payee::PayeeId;

kernel::kinds! {
    /// What an earner asks to be paid.
    WithdrawalId = WithdrawalMark "wdr";
    /// What is sent together.
    PayoutId = PayoutMark "pyt";
}

kernel::words! {
    /// How a withdrawal stands.
    State {
        /// It waits for its review.
        Requested = "requested",
        /// It may be sent.
        Approved = "approved",
        /// It is on its way.
        Sent = "sent",
        /// It has arrived.
        Paid = "paid",
        /// A reviewer has refused it.
        Rejected = "rejected",
        /// The earner has called it off.
        Cancelled = "cancelled",
        /// It came back.
        Returned = "returned",
        /// It became money to buy with, at once.
        Converted = "converted",
    }
}

kernel::words! {
    /// What has happened to a withdrawal.
    EventKind {
        /// The earner asked for it.
        Requested = "requested",
        /// One person approved it; above the threshold that is not enough.
        Seconded = "seconded",
        /// It is approved.
        Approved = "approved",
        /// It is refused.
        Rejected = "rejected",
        /// It is called off.
        Cancelled = "cancelled",
        /// It is on its way.
        Sent = "sent",
        /// It has arrived.
        Paid = "paid",
        /// It came back.
        Returned = "returned",
        /// It became money to buy with.
        Converted = "converted",
        /// Somebody has read who is paid.
        Opened = "opened",
    }
}

impl State {
    /// Whether its money is still locked.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Requested | Self::Approved)
    }
}

/// What becomes of an amount that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// What the earner gets.
    pub net: Money,
    /// What the main site keeps for it.
    pub fee: Money,
    /// What it keeps for the tax office.
    pub tax: Money,
}

impl Split {
    /// What was sent, with what was kept of it: an amount before it was split.
    pub const fn whole(&self) -> Money {
        Money::new(self.net.minor() + self.fee.minor() + self.tax.minor(), self.net.currency())
    }
}

/// What an earner has asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// Its id.
    pub id: WithdrawalId,
    /// Who asks.
    pub earner: EarnerRef,
    /// How much he asked for. As long as it is not sent a refund may have taken a part of it back.
    pub amount: Money,
    /// How it stands.
    pub state: State,
    /// The version of the rules by which it was asked for, and by which it is sent; 0 before there was any.
    pub rules_version: i64,
    /// Where it goes; none for money to buy with.
    pub payee: Option<PayeeId>,
    /// The invoice that was named.
    pub invoice: Option<String>,
    /// When it was asked for, and by whom.
    pub requested: (DateTime<Utc>, Uuid),
    /// Who has approved it: at most two.
    pub approved_by: Vec<Uuid>,
    /// What it is sent with, and what of it.
    pub sent: Option<(PayoutId, Split)>,
    /// When it got into the state that it is in.
    pub changed_at: DateTime<Utc>,
    /// Why it was refused or came back, or what the bank calls it.
    pub note: Option<String>,
}

/// What is sent together: one file for the bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    /// Its id.
    pub id: PayoutId,
    /// Its withdrawals, when it was made.
    pub count: u32,
    /// What all of them get.
    pub net: Money,
    /// When it was made, and by whom.
    pub created: (DateTime<Utc>, Uuid),
}

/// One line of a withdrawal's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: Uuid,
    /// In words.
    pub note: Option<String>,
}

impl Withdrawal {
    /// What `earner` asks for at this moment, by these rules; nobody has approved it, and nothing is sent.
    pub(crate) const fn new(
        id: WithdrawalId,
        (earner, amount): (EarnerRef, Money),
        state: State,
        rules_version: i64,
        requested: (DateTime<Utc>, Uuid),
    ) -> Self {
        Self {
            id,
            earner,
            amount,
            state,
            rules_version,
            payee: None,
            invoice: None,
            requested,
            approved_by: Vec::new(),
            sent: None,
            changed_at: requested.0,
            note: None,
        }
    }

    /// As the ledger names who asks.
    pub fn ledger_earner(&self) -> ledger::Earner {
        earner_in(self.earner, self.amount.currency())
    }
}

pub(crate) fn earner_in(earner: EarnerRef, currency: Currency) -> ledger::Earner {
    let (side, owner) = earner.key();
    ledger::Earner { side, owner, currency }
}
