//! What falls due is released, in the tenant's lane.

use chrono::{DateTime, Utc};
use kernel::Day;
use lane::{Command, CommandKey, Parts, actor};
use ledger::{Account, Book, Earner, Entry, EntryKind, Posting, Purse};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::rules::release;

/// The most days of one earner that one entry settles; the others follow in the next run.
pub(crate) const DAYS_MAX: usize = 60;

/// Releases what is due on these accounts. They may be empty by now, or hold more: what is there counts.
#[derive(Debug, Clone)]
pub struct ReleaseDue {
    /// Names this act; the same one releases once.
    pub run: Uuid,
    /// Until which day, and never later than today.
    pub until: Day,
    /// The accounts that have something due, those of one earner together.
    pub accounts: Vec<Account>,
}

/// What was released.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// How many earners got something.
    pub earners: u64,
    /// How much of it paid debts, in minor units of all currencies together: a figure for the log.
    pub debts: i64,
}

impl ReleaseDue {
    fn of(&self, book: &Book, earner: &Earner, until: Day) -> Option<Entry> {
        let own = self.accounts.iter().filter(|account| Earner::of(account).as_ref() == Some(earner));
        let balance = |account: &Account| book.balance(account).map_or(0, |balance| balance.minor());
        let pending = own.map(|account| (*account, balance(account))).filter(|(_, minor)| *minor > 0).take(DAYS_MAX);
        let purse = Purse { pending: pending.collect(), available: 0, debt: -balance(&earner.debt()) };
        let postings = release(earner, &purse, until);
        if postings.is_empty() {
            return None;
        }
        let entry =
            Entry::try_new(EntryKind::EarningReleased, earner.owner, &format!("released:{}", self.run), postings);
        Some(entry.expect("what leaves its day goes somewhere"))
    }
}

impl Command for ReleaseDue {
    type Answer = Released;

    fn key(&self) -> CommandKey {
        CommandKey::request("clock", &format!("release:{}", self.run))
    }

    fn fingerprint(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(self.until.number().to_be_bytes());
        for account in &self.accounts {
            hash.update(account.kind.name());
            hash.update(account.owner.unwrap_or_default().as_bytes());
            hash.update(account.due.map_or(0, Day::number).to_be_bytes());
        }
        hash.finalize().to_vec()
    }

    /// Releases of a tenant go one after another: two at a time could pay the same debt.
    fn actors(&self) -> Vec<u64> {
        vec![actor(&"settlement")]
    }

    fn want(&self, parts: &mut Parts) {
        let book = parts.part::<Book>();
        for account in &self.accounts {
            book.want(*account);
            Earner::of(account).into_iter().for_each(|earner| book.want(earner.debt()));
        }
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Released {
        // The clock of the node that asks may be ahead of the database's.
        let until = self.until.min(Day::of(now));
        let mut earners: Vec<Earner> = self.accounts.iter().filter_map(Earner::of).collect();
        earners.dedup();
        let book = parts.part::<Book>();
        let mut released = Released::default();
        for earner in earners {
            let Some(entry) = self.of(book, &earner, until) else { continue };
            let is_debt = |posting: &&Posting| posting.account == earner.debt();
            let debts: i64 = entry.postings().iter().filter(is_debt).map(|posting| posting.amount.minor()).sum();
            book.post(entry).expect("what is due was read");
            released.earners += 1;
            released.debts = released.debts.saturating_add(debts);
        }
        released
    }
}
