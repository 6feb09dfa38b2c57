//! Entries: balanced when made, or not made.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Currency, Money};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::account::Account;
use crate::error::LedgerError;

kernel::kinds! {
    /// An entry, named by the business fact it records.
    EntryId = EntryMark "ent";
}

/// What an entry records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// An order waits for its payment: the seller's prepaid money waits with it.
    OrderHeld,
    /// The payment did not come: what was held is free again.
    OrderReleased,
    /// An order was paid: the buyer's money waits in the order deposits.
    OrderPaid,
    /// A site's own channel took the buyer's money: recorded as the site's takings.
    OwnTakings,
    /// A line was delivered: the deposit becomes revenue and margins.
    LineDelivered,
    /// A delivered line goes back, or a part of it: what that earned whom is the order's deposit again.
    LineReturned,
    /// A card that did not work was replaced: what the new one had cost leaves the stock, too.
    CodeReplaced,
    /// Money of an order goes back: it leaves the deposits again.
    OrderRefunded,
    /// What fell due of an earner is settled: it pays his debt first, and the rest is available.
    EarningReleased,
    /// A site or an agent asks to be paid: so much of what is available is locked.
    WithdrawalAsked,
    /// It is called off, or refused: what is still locked pays debts, and the rest is available again.
    WithdrawalFreed,
    /// It is sent: what is locked is on its way, less fee and tax.
    WithdrawalSent,
    /// It has arrived.
    WithdrawalPaid,
    /// It came back: all of it pays debts, and the rest is available again.
    WithdrawalReturned,
    /// What is available became money to buy with.
    EarningConverted,
    /// A customer paid money into the wallet.
    TopUpPaid,
    /// He was given something beside it.
    TopUpBonus,
    /// A customer has redeemed a recharge card.
    RechargeRedeemed,
    /// Two persons of the main site have put money on an account, or taken it off, for a reason.
    BalanceAdjusted,
    /// A site has handed prepaid money to a site right below it.
    PrepaidMoved,
    /// A site is lent more to buy with, or less.
    CreditChanged,
    /// Money came that no order can take: it waits for its refund.
    MoneySuspended,
    /// A channel is asked to send money back.
    RefundSubmitted,
    /// The channel has sent it back.
    RefundDone,
    /// The channel has refused to: the money waits again.
    RefundFailed,
    /// An opening balance or an adjustment, with its reason.
    Adjustment,
}

impl EntryKind {
    /// All kinds.
    pub const ALL: [Self; 26] = [
        Self::OrderHeld,
        Self::OrderReleased,
        Self::OrderPaid,
        Self::OwnTakings,
        Self::LineDelivered,
        Self::LineReturned,
        Self::CodeReplaced,
        Self::OrderRefunded,
        Self::EarningReleased,
        Self::WithdrawalAsked,
        Self::WithdrawalFreed,
        Self::WithdrawalSent,
        Self::WithdrawalPaid,
        Self::WithdrawalReturned,
        Self::EarningConverted,
        Self::TopUpPaid,
        Self::TopUpBonus,
        Self::RechargeRedeemed,
        Self::BalanceAdjusted,
        Self::PrepaidMoved,
        Self::CreditChanged,
        Self::MoneySuspended,
        Self::RefundSubmitted,
        Self::RefundDone,
        Self::RefundFailed,
        Self::Adjustment,
    ];

    /// The name in the database and in statements.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OrderHeld => "order_held",
            Self::OrderReleased => "order_released",
            Self::OrderPaid => "order_paid",
            Self::OwnTakings => "own_takings",
            Self::LineDelivered => "line_delivered",
            Self::LineReturned => "line_returned",
            Self::CodeReplaced => "code_replaced",
            Self::OrderRefunded => "order_refunded",
            Self::EarningReleased => "earning_released",
            Self::WithdrawalAsked => "withdrawal_asked",
            Self::WithdrawalFreed => "withdrawal_freed",
            Self::WithdrawalSent => "withdrawal_sent",
            Self::WithdrawalPaid => "withdrawal_paid",
            Self::WithdrawalReturned => "withdrawal_returned",
            Self::EarningConverted => "earning_converted",
            Self::TopUpPaid => "top_up_paid",
            Self::TopUpBonus => "top_up_bonus",
            Self::RechargeRedeemed => "recharge_redeemed",
            Self::BalanceAdjusted => "balance_adjusted",
            Self::PrepaidMoved => "prepaid_moved",
            Self::CreditChanged => "credit_changed",
            Self::MoneySuspended => "money_suspended",
            Self::RefundSubmitted => "refund_submitted",
            Self::RefundDone => "refund_done",
            Self::RefundFailed => "refund_failed",
            Self::Adjustment => "adjustment",
        }
    }

    /// Reads the name back.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One side of an entry: above zero credits the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// Which account.
    pub account: Account,
    /// How much, in the account's currency.
    pub amount: Money,
}

/// A balanced set of postings with a name of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    id: EntryId,
    kind: EntryKind,
    subject: Uuid,
    reason: Option<String>,
    postings: Vec<Posting>,
}

const POSTINGS_MAX: usize = 64;
const REASON_CHARS_MAX: usize = 200;

/// The id that `act` on `subject` always has, so that the same fact cannot be posted twice. It begins
/// as the subject does, which keeps the entries of one time together on disk.
pub fn entry_id(subject: Uuid, act: &str) -> EntryId {
    let mut hash = Sha256::new();
    hash.update(subject.as_bytes());
    hash.update(act.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = *subject.as_bytes();
    bytes[8..].copy_from_slice(&digest[..8]);
    EntryId::from_uuid(Uuid::from_bytes(bytes))
}

/// Entries that were posted farther than this from the time in their id are named in a list of their own.
pub(crate) const BELATED_AFTER: TimeDelta = TimeDelta::days(1);

/// Whether an entry was posted long after what it is about was made, or before: it does not stand where others of its time do.
pub(crate) fn is_belated(id: EntryId, posted_at: DateTime<Utc>) -> bool {
    (posted_at.timestamp_millis() - millis_of(id)).abs() > BELATED_AFTER.num_milliseconds()
}

/// The time in an entry's id: its first 48 bits, as those of its subject's id (RFC 9562, 5.7).
fn millis_of(id: EntryId) -> i64 {
    (id.uuid().as_u128() >> 80) as i64
}

/// No id of this time or later is below it.
pub(crate) fn first_of(moment: DateTime<Utc>) -> Uuid {
    Uuid::from_u128((moment.timestamp_millis().max(0).unsigned_abs() as u128) << 80)
}

impl Entry {
    /// Makes an entry out of postings that sum to zero in each currency; postings of nothing are left out.
    pub fn try_new(
        kind: EntryKind,
        subject: Uuid,
        act: &str,
        postings: impl IntoIterator<Item = Posting>,
    ) -> Result<Self, LedgerError> {
        let postings: Vec<Posting> = postings.into_iter().filter(|posting| posting.amount.minor() != 0).collect();
        if postings.len() > POSTINGS_MAX {
            return Err(LedgerError::TooManyPostings { count: postings.len() });
        }
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        for posting in &postings {
            if posting.amount.currency() != posting.account.currency {
                return Err(LedgerError::ForeignCurrency { currency: posting.amount.currency() });
            }
            *sums.entry(posting.amount.currency()).or_default() += i128::from(posting.amount.minor());
        }
        if let Some((currency, sum)) = sums.into_iter().find(|(_, sum)| *sum != 0) {
            return Err(LedgerError::Unbalanced { currency, sum });
        }
        Ok(Self { id: entry_id(subject, act), kind, subject, reason: None, postings })
    }

    /// An entry as the database holds it.
    pub(crate) fn read(
        id: Uuid,
        kind: EntryKind,
        subject: Uuid,
        reason: Option<String>,
        postings: Vec<Posting>,
    ) -> Result<Self, LedgerError> {
        let entry = Self { id: EntryId::from_uuid(id), kind, subject, reason, postings };
        if entry.is_balanced() { Ok(entry) } else { Err(LedgerError::Damaged { entry: entry.id }) }
    }

    /// The same entry with the words that say why; cut to 200 characters.
    pub fn because(mut self, reason: &str) -> Self {
        self.reason = Some(reason.chars().take(REASON_CHARS_MAX).collect());
        self
    }

    /// The id.
    pub const fn id(&self) -> EntryId {
        self.id
    }

    /// What it records.
    pub const fn kind(&self) -> EntryKind {
        self.kind
    }

    /// What it is about: an order, a customer, a site.
    pub const fn subject(&self) -> Uuid {
        self.subject
    }

    /// Why it was made, if somebody decided it.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The postings, in the order given.
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }

    /// Whether it sums to zero; always true, asserted where entries are written.
    pub fn is_balanced(&self) -> bool {
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        for posting in &self.postings {
            *sums.entry(posting.amount.currency()).or_default() += i128::from(posting.amount.minor());
        }
        sums.values().all(|sum| *sum == 0)
    }
}
