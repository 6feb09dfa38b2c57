//! What falls due is released, in the tenant's lane.

use chrono::{DateTime, Utc};
use kernel::Day;
use lane::{Command, CommandKey, Parts, actor};
use ledger::{Account, Book, Earner, Entry, EntryKind, Purse};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::rules::release;

/// The most days that one entry settles: it has 64 places, and two are for where they go.
const DAYS_MAX: usize = 60;

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
    /// What is due on some accounts of one earner, as an entry; none if nothing is. `part` tells the entries of a run apart.
    fn entry(&self, book: &Book, accounts: &[Account], (part, until): (usize, Day)) -> Option<Entry> {
        let earner = Earner::of(accounts.first()?)?;
        let balance = |account: &Account| book.balance(account).expect("it was asked for").minor();
        let pending = accounts.iter().map(|account| (*account, balance(account))).filter(|(_, minor)| *minor > 0);
        let purse = Purse { pending: pending.collect(), debt: -balance(&earner.debt()), ..Purse::default() };
        let postings = release(&earner, &purse, until);
        let act = format!("released:{}:{part}", self.run);
        let entry = Entry::try_new(EntryKind::EarningReleased, earner.owner, &act, postings);
        Some(entry.expect("what leaves its day goes somewhere")).filter(|entry| !entry.postings().is_empty())
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
        let book = parts.part::<Book>();
        let mut released = Released::default();
        for own in self.accounts.chunk_by(|one, other| Earner::of(one) == Earner::of(other)) {
            let mut is_new = true;
            for (part, some) in own.chunks(DAYS_MAX).enumerate() {
                let Some(entry) = self.entry(book, some, (part, until)) else { continue };
                let debts = entry.postings().iter().filter(|posting| posting.account.kind.is_debt());
                let debts: i64 = debts.map(|posting| posting.amount.minor()).sum();
                book.post(entry).expect("what is due was read");
                released.earners += u64::from(is_new);
                released.debts = released.debts.saturating_add(debts);
                is_new = false;
            }
        }
        released
    }
}
