//! Values of the room.

use chrono::{DateTime, Utc};
use identity::CustomerId;
use kernel::{Money, SiteId};
use ledger::{Account, AccountKind};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

kernel::kinds! {
    /// Recharge cards that were made together.
    RechargeBatchId = RechargeBatchMark "rcb";
    /// A recharge card.
    RechargeCardId = RechargeCardMark "rcd";
    /// Money put on an account by hand.
    AdjustmentId = AdjustmentMark "adj";
    /// Prepaid money that a site has handed to another.
    PrepaidMoveId = PrepaidMoveMark "ppm";
    /// Codes that somebody has carried away.
    RechargeExportId = RechargeExportMark "rce";
}

kernel::words! {
    /// How recharge cards came to those who have them.
    Origin {
        /// Somebody has paid for them outside: their price is the main site's money already.
        Sold = "sold",
        /// They are given away: what they are worth is the main site's cost.
        Gift = "gift",
    }
}

kernel::words! {
    /// What may be done with a recharge card.
    CardState {
        /// It may be redeemed.
        Ready = "ready",
        /// It was.
        Redeemed = "redeemed",
        /// It was made void before anybody had redeemed it.
        Void = "void",
    }
}

kernel::words! {
    /// Why money is put on an account by hand, or taken off it. It says where the money comes from in the books.
    Cause {
        /// It came outside of all channels, such as by a bank transfer; taken off, it went back that way.
        Deposit = "deposit",
        /// The main site gives it.
        Goodwill = "goodwill",
        /// Something was wrong.
        Correction = "correction",
    }
}

kernel::words! {
    /// Where an adjustment stands.
    AdjustmentState {
        /// A second person has to look at it.
        Requested = "requested",
        /// It is posted.
        Approved = "approved",
        /// The second person has refused it.
        Rejected = "rejected",
        /// Whoever had asked for it wants it no more.
        Cancelled = "cancelled",
    }
}

/// Recharge cards that are to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewRechargeBatch {
    /// What people call the batch.
    pub name: String,
    /// What each card is worth.
    pub face: Money,
    /// How many.
    pub count: u32,
    /// How they come to people.
    pub origin: Origin,
    /// Until when they may be redeemed; for ever if there is no end.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Recharge cards that were made together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RechargeBatch {
    /// Its id.
    pub id: RechargeBatchId,
    /// What they are.
    pub of: NewRechargeBatch,
    /// When they were made, and by whom.
    pub created: (DateTime<Utc>, Uuid),
    /// When the rest of them was made void, by whom, and why.
    pub voided: Option<(DateTime<Utc>, Uuid, String)>,
}

/// How many cards of a batch are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// To be redeemed.
    pub ready: u32,
    /// Redeemed.
    pub redeemed: u32,
    /// Void.
    pub void: u32,
}

/// Who has redeemed a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redemption {
    /// Into whose wallet.
    pub customer: CustomerId,
    /// On which site.
    pub site: SiteId,
    /// When.
    pub at: DateTime<Utc>,
}

/// A recharge card without its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RechargeCard {
    /// Its id.
    pub id: RechargeCardId,
    /// The batch.
    pub batch: RechargeBatchId,
    /// Its number in the batch, from 1: what people name it by who must not see the code.
    pub number: u32,
    /// Its state.
    pub state: CardState,
    /// Who has redeemed it.
    pub redemption: Option<Redemption>,
}

/// Whose money is adjusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "owner", rename_all = "snake_case")]
pub enum Target {
    /// A customer's wallet.
    Wallet(CustomerId),
    /// A site's prepaid money.
    Prepaid(SiteId),
}

impl Target {
    /// The account, in the currency of the money.
    pub fn account(self, money: Money) -> Account {
        match self {
            Self::Wallet(customer) => Account::of(AccountKind::Wallet, customer.uuid(), money.currency()),
            Self::Prepaid(site) => Account::of(AccountKind::SitePrepaid, site.uuid(), money.currency()),
        }
    }

    /// The customer, or the site.
    pub const fn owner(self) -> (Option<CustomerId>, Option<SiteId>) {
        match self {
            Self::Wallet(customer) => (Some(customer), None),
            Self::Prepaid(site) => (None, Some(site)),
        }
    }

    pub(crate) fn read(customer: Option<Uuid>, site: Option<Uuid>) -> Option<Self> {
        match (customer, site) {
            (Some(customer), None) => Some(Self::Wallet(CustomerId::from_uuid(customer))),
            (None, Some(site)) => Some(Self::Prepaid(SiteId::from_uuid(site))),
            _ => None,
        }
    }
}

/// Money that is to be put on an account by hand, or taken off it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// Its id.
    pub id: AdjustmentId,
    /// Whose.
    pub target: Target,
    /// How much; below zero it is taken off.
    pub amount: Money,
    /// Where it comes from.
    pub cause: Cause,
    /// Why, in words.
    pub reason: String,
    /// Its state.
    pub state: AdjustmentState,
    /// When it was asked for, and by whom.
    pub requested: (DateTime<Utc>, Uuid),
    /// When it was decided, and by whom.
    pub decided: Option<(DateTime<Utc>, Uuid)>,
    /// What the second person said.
    pub note: Option<String>,
}

/// What a site was lent to buy with, and below what its prepaid money is low.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lent {
    /// Of which site.
    pub site: SiteId,
    /// How much it was lent.
    pub amount: Money,
    /// Below this its prepaid money is low.
    pub alert_below: Option<Money>,
    /// Since when it is, as the watch has seen it.
    pub low_since: Option<DateTime<Utc>>,
    /// How often it was changed.
    pub version: i64,
    /// When, and by whom.
    pub changed: (DateTime<Utc>, Uuid),
}

/// What a site is to be lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// How much.
    pub amount: Money,
    /// Below this its prepaid money is low.
    pub alert_below: Option<Money>,
}

/// Prepaid money that a site has handed to a site right below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrepaidMove {
    /// Its id.
    pub id: PrepaidMoveId,
    /// Whose it was.
    pub from: SiteId,
    /// Whose it is.
    pub to: SiteId,
    /// How much.
    pub amount: Money,
    /// What was said with it.
    pub note: Option<String>,
    /// When, and by whom.
    pub made: (DateTime<Utc>, Uuid),
}
