//! Money on accounts: adjusted by two persons, lent to a site, handed on to the site below.

use chrono::{DateTime, Utc};
use kernel::{Money, SiteId};
use lane::{Command, CommandKey, Parts, actor};
use ledger::{Account, AccountKind, Book, LedgerError};
use payment::Till;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::Refusal;
use crate::model::{
    Adjustment, AdjustmentId, AdjustmentState, Cause, Credit, Lent, PrepaidMove, PrepaidMoveId, Target,
};
use crate::rules;
use crate::vault::Vault;

fn fingerprint(said: &impl Serialize) -> Vec<u8> {
    Sha256::digest(serde_json::to_vec(said).expect("plain data")).to_vec()
}

/// What the ledger says against it.
fn refused(error: &LedgerError) -> Refusal {
    match error {
        LedgerError::Insufficient { available, .. } => Refusal::Insufficient { available: *available },
        _ => Refusal::TooLarge,
    }
}

/// Asks for money to be put on an account, or taken off it.
#[derive(Debug, Clone)]
pub(crate) struct AskFor {
    /// The id it gets, chosen before.
    pub id: AdjustmentId,
    pub target: Target,
    pub amount: Money,
    pub cause: Cause,
    pub reason: String,
    pub by: Uuid,
    pub key: String,
}

impl Command for AskFor {
    type Answer = Result<AdjustmentId, Refusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.by, &format!("adjust:{}", self.key))
    }

    fn fingerprint(&self) -> Vec<u8> {
        fingerprint(&(self.target, self.amount, self.cause, &self.reason))
    }

    fn want(&self, _parts: &mut Parts) {}

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        parts.part::<Vault>().open_adjustment(Adjustment {
            id: self.id,
            target: self.target,
            amount: self.amount,
            cause: self.cause,
            reason: self.reason.clone(),
            state: AdjustmentState::Requested,
            requested: (now, self.by),
            decided: None,
            note: None,
        });
        Ok(self.id)
    }
}

/// What somebody says to an adjustment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdjustmentWord {
    /// It is right: it is posted.
    Approve,
    /// It is not, for this reason.
    Reject {
        /// Why.
        note: String,
    },
    /// Whoever had asked for it wants it no more.
    Cancel,
}

impl AdjustmentWord {
    const fn name(&self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject { .. } => "reject",
            Self::Cancel => "cancel",
        }
    }
}

/// Decides an adjustment. Each press of the button is a command of its own.
#[derive(Debug, Clone)]
pub(crate) struct Decide {
    pub id: AdjustmentId,
    /// Whose money it is about, and in which currency, read before: neither ever changes.
    pub about: (Target, Money),
    pub word: AdjustmentWord,
    pub by: Uuid,
    pub key: String,
}

impl Decide {
    fn decide_or_refuse(&self, parts: &mut Parts, now: DateTime<Utc>) -> Result<AdjustmentState, Refusal> {
        let mut of = parts.part::<Vault>().adjustment(self.id).cloned().ok_or(Refusal::NoAdjustment)?;
        if of.state != AdjustmentState::Requested {
            return Err(Refusal::State { state: of.state });
        }
        let is_own = of.requested.1 == self.by;
        let next = match &self.word {
            AdjustmentWord::Approve if is_own => return Err(Refusal::SamePerson),
            AdjustmentWord::Approve => {
                post(parts, &of, now)?;
                AdjustmentState::Approved
            }
            AdjustmentWord::Reject { note } => {
                of.note = Some(note.clone());
                AdjustmentState::Rejected
            }
            AdjustmentWord::Cancel if !is_own => return Err(Refusal::NotYours),
            AdjustmentWord::Cancel => AdjustmentState::Cancelled,
        };
        of.state = next;
        of.decided = Some((now, self.by));
        parts.part::<Vault>().change_adjustment(of);
        Ok(next)
    }
}

/// A wallet holds no more than a wallet may, with what is on its way into it, and nothing goes below zero.
fn post(parts: &mut Parts, of: &Adjustment, now: DateTime<Utc>) -> Result<(), Refusal> {
    if let Target::Wallet(customer) = of.target
        && of.amount.minor() > 0
    {
        let balance = parts.part::<Book>().balance(&of.target.account(of.amount)).expect("it was asked for");
        let room = parts.part::<Till>().wallet_room(customer, balance, now);
        if of.amount.minor() > room.minor() {
            return Err(Refusal::WalletFull { room });
        }
    }
    // What goes out again had come in: what was lent did not.
    if let Target::Prepaid(site) = of.target
        && (of.cause, of.amount.minor() < 0) == (Cause::Deposit, true)
    {
        let taken = Money::zero(of.amount.currency()).minus(of.amount).map_err(|_| Refusal::TooLarge)?;
        check_own(parts, site, taken)?;
    }
    let entry = rules::adjusted(of).map_err(|error| refused(&error))?;
    parts.part::<Book>().post(entry).map(drop).map_err(|error| refused(&error))
}

impl Command for Decide {
    type Answer = Result<AdjustmentState, Refusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.by, &format!("adjustment:{}:{}:{}", self.id, self.word.name(), self.key))
    }

    fn fingerprint(&self) -> Vec<u8> {
        fingerprint(&self.word)
    }

    /// What goes into one wallet goes one after another: what it may hold is looked up before.
    fn actors(&self) -> Vec<u64> {
        match self.about.0 {
            Target::Wallet(customer) => vec![actor(&customer.uuid())],
            Target::Prepaid(site) => vec![actor(&("credit", site.uuid()))],
        }
    }

    fn want(&self, parts: &mut Parts) {
        let (target, amount) = self.about;
        parts.part::<Vault>().want_adjustment(self.id);
        parts.part::<Book>().want(target.account(amount));
        match target {
            Target::Wallet(customer) => parts.part::<Till>().want_open_top_ups(customer),
            Target::Prepaid(site) => want_own(parts, site, amount),
        }
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        self.decide_or_refuse(parts, now)
    }
}

/// What a site is lent by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credited {
    /// How often it was changed.
    pub version: i64,
    /// What was put on its prepaid money by it; below zero, taken off.
    pub more: Money,
}

/// Lends a site more to buy with, or less: as much less as is there.
#[derive(Debug, Clone)]
pub(crate) struct Lend {
    pub site: SiteId,
    pub credit: Credit,
    /// The version that was seen, if it is to be this one; 0 is none yet.
    pub seen: Option<i64>,
    pub by: Uuid,
    pub key: String,
}

impl Lend {
    fn decide_or_refuse(&self, parts: &mut Parts, now: DateTime<Utc>) -> Result<Credited, Refusal> {
        let known = parts.part::<Vault>().credit(self.site).copied();
        let version = known.map_or(0, |known| known.version);
        if self.seen.is_some_and(|seen| seen != version) {
            return Err(Refusal::CreditMoved);
        }
        let was = known.map_or(Money::zero(self.credit.amount.currency()), |known| known.amount);
        let more = self.credit.amount.minus(was).map_err(|_| Refusal::TooLarge)?;
        if more.minor() != 0 {
            let entry = rules::lent(self.site, version + 1, more).map_err(|error| refused(&error))?;
            parts.part::<Book>().post(entry).map_err(|error| match refused(&error) {
                Refusal::Insufficient { available } => Refusal::CreditInUse { free: available },
                other => other,
            })?;
        }
        let Credit { amount, alert_below } = self.credit;
        let changed = (now, self.by);
        let low_since = known.and_then(|known| known.low_since);
        let lent = Lent { site: self.site, amount, alert_below, low_since, version: version + 1, changed };
        parts.part::<Vault>().lend(lent);
        Ok(Credited { version: version + 1, more })
    }
}

impl Command for Lend {
    type Answer = Result<Credited, Refusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.by, &format!("credit:{}:{}", self.site, self.key))
    }

    fn fingerprint(&self) -> Vec<u8> {
        fingerprint(&(self.credit, self.seen))
    }

    fn actors(&self) -> Vec<u64> {
        vec![actor(&("credit", self.site.uuid()))]
    }

    fn want(&self, parts: &mut Parts) {
        parts.part::<Vault>().want_credit(self.site);
        let book = parts.part::<Book>();
        book.want(Target::Prepaid(self.site).account(self.credit.amount));
        book.want(credit_account(self.site, self.credit.amount));
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        self.decide_or_refuse(parts, now)
    }
}

fn credit_account(site: SiteId, money: Money) -> Account {
    Account::of(AccountKind::SiteCredit, site.uuid(), money.currency())
}

/// Asks for what of a site's prepaid money is its own. What it was lent is locked, if it ever was: no two decisions look at
/// the same balance.
fn want_own(parts: &mut Parts, site: SiteId, money: Money) {
    parts.part::<Vault>().want_credit(site);
    let book = parts.part::<Book>();
    book.want(Target::Prepaid(site).account(money));
    book.want(credit_account(site, money));
}

/// Refuses more than what of a site's prepaid money is its own.
fn check_own(parts: &mut Parts, site: SiteId, wanted: Money) -> Result<(), Refusal> {
    let book = parts.part::<Book>();
    let there = book.balance(&Target::Prepaid(site).account(wanted)).expect("it was asked for");
    let lent = book.balance(&credit_account(site, wanted)).expect("it was asked for");
    // What was lent stands below zero.
    let own = there.plus(lent).map_err(|_| Refusal::TooLarge)?;
    if own.minor() < wanted.minor() {
        let available = if own.minor() < 0 { Money::zero(own.currency()) } else { own };
        return Err(Refusal::Insufficient { available });
    }
    Ok(())
}

/// Prepaid money that was handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Its id.
    pub id: PrepaidMoveId,
    /// How much.
    pub amount: Money,
}

/// Hands prepaid money to the site right below. What a site was lent is not handed on.
#[derive(Debug, Clone)]
pub(crate) struct HandOn {
    /// The id it gets, chosen before.
    pub id: PrepaidMoveId,
    pub from: SiteId,
    pub to: SiteId,
    pub amount: Money,
    pub note: Option<String>,
    pub by: Uuid,
    pub key: String,
}

impl HandOn {
    fn decide_or_refuse(&self, parts: &mut Parts, now: DateTime<Utc>) -> Result<Moved, Refusal> {
        check_own(parts, self.from, self.amount)?;
        let made = PrepaidMove {
            id: self.id,
            from: self.from,
            to: self.to,
            amount: self.amount,
            note: self.note.clone(),
            made: (now, self.by),
        };
        let entry = rules::handed_on(&made).map_err(|error| refused(&error))?;
        parts.part::<Book>().post(entry).map_err(|error| refused(&error))?;
        parts.part::<Vault>().hand_on(made);
        Ok(Moved { id: self.id, amount: self.amount })
    }
}

impl Command for HandOn {
    type Answer = Result<Moved, Refusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.by, &format!("prepaid:{}:{}", self.from, self.key))
    }

    fn fingerprint(&self) -> Vec<u8> {
        fingerprint(&(self.to, self.amount, &self.note))
    }

    fn actors(&self) -> Vec<u64> {
        vec![actor(&("credit", self.from.uuid()))]
    }

    fn want(&self, parts: &mut Parts) {
        want_own(parts, self.from, self.amount);
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        self.decide_or_refuse(parts, now)
    }
}
