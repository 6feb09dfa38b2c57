//! The book of one batch: balances read, entries decided, and how they reach the database.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use kernel::{Money, TenantId, TenantScope};
use store::{Sheaf, Tx, WriteTx};
use uuid::Uuid;

use crate::account::{Account, AccountId, AccountKind};
use crate::earner::{Earner, Purse};
use crate::entry::{Entry, EntryId, Posting};
use crate::error::LedgerError;
use crate::repo;

/// What one batch knows and does of a tenant's money.
///
/// Ask for balances with [`Book::want`], read them, post entries, write. A spendable account must have been
/// asked for before it is spent from; accounts that only gather need no reading.
pub struct Book {
    tenant: TenantId,
    wanted: HashSet<Account>,
    /// What entries are about that are to be undone.
    wanted_subjects: BTreeSet<Uuid>,
    /// The entries about them.
    found: HashMap<Uuid, Vec<Entry>>,
    /// Who earned from them: all of his accounts are read.
    earners: HashSet<Earner>,
    read: HashMap<Account, i64>,
    moved: HashMap<Account, i64>,
    entries: Vec<Entry>,
    /// Accounts that are there, with their ids.
    known: HashMap<Account, AccountId>,
    /// What was left in wallets when last a batch was done with them, shared with the books beside: one buyer is in one
    /// batch at a time. A hint: the database's check has the last word, and who has too little is looked at again.
    wallets: Arc<Mutex<HashMap<Account, i64>>>,
    /// Whether the chain has a head, which needs no looking at: one of this book's links was committed, and no transaction
    /// was rolled back since.
    has_head: bool,
}

/// Wallets that are remembered.
const WALLETS_MAX: usize = 100_000;
/// Accounts that a book remembers to exist; asking again costs one statement.
const KNOWN_MAX: usize = 100_000;

impl Book {
    /// An empty book of `tenant`.
    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            wanted: HashSet::new(),
            wanted_subjects: BTreeSet::new(),
            found: HashMap::new(),
            earners: HashSet::new(),
            read: HashMap::new(),
            moved: HashMap::new(),
            entries: Vec::new(),
            known: HashMap::new(),
            wallets: Arc::default(),
            has_head: false,
        }
    }

    /// The book of another batch that runs beside: it shares what is remembered of wallets.
    pub fn twin(&self) -> Self {
        Self { wallets: Arc::clone(&self.wallets), ..Self::new(self.tenant) }
    }

    /// Whether all that was posted goes to accounts that are there, and to a chain that needs no looking at.
    pub fn knows_all(&self) -> bool {
        let is_known = self.moved.keys().all(|account| self.known.contains_key(account));
        self.entries.is_empty() || (is_known && self.has_head)
    }

    /// Takes the balances asked for from memory, if all wallets among them are remembered. Accounts of other kinds stay
    /// unread: an entry that spends from one is refused. Otherwise nothing has happened.
    pub fn recall(&mut self) -> bool {
        let wallets = self.wallets.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = self.wanted.iter().filter(|account| account.kind == AccountKind::Wallet);
        let recalled: Option<Vec<(Account, i64)>> =
            asked.map(|account| Some((*account, *wallets.get(account)?))).collect();
        let Some(recalled) = recalled else { return false };
        drop(wallets);
        // Where there is money there is an account.
        let there = recalled.iter().filter(|(_, balance)| *balance != 0);
        self.known.extend(there.map(|(account, _)| (*account, account.id(self.tenant))));
        self.read.extend(recalled);
        self.wanted.clear();
        true
    }

    /// Remembers what this batch, which was committed, leaves in the wallets it has read, and forgets others it has moved.
    fn remember(&self) {
        let moved = |account| self.moved.get(account).copied().unwrap_or(0);
        let mut wallets = self.wallets.lock().unwrap_or_else(PoisonError::into_inner);
        if wallets.len() > WALLETS_MAX {
            wallets.clear();
        }
        for account in self.moved.keys().filter(|account| account.kind == AccountKind::Wallet) {
            wallets.remove(account);
        }
        for (account, read) in self.read.iter().filter(|(account, _)| account.kind == AccountKind::Wallet) {
            if let Some(left) = read.checked_add(moved(account)) {
                wallets.insert(*account, left);
            }
        }
    }

    /// The batch is over: facts and entries are forgotten, and without a commit all that was remembered of what it met.
    pub fn end(&mut self, is_committed: bool) {
        if is_committed {
            self.has_head |= !self.entries.is_empty();
            self.remember();
            self.clear();
        } else {
            let mut wallets = self.wallets.lock().unwrap_or_else(PoisonError::into_inner);
            for account in self.read.keys().chain(self.moved.keys()) {
                wallets.remove(account);
            }
            drop(wallets);
            self.forget();
        }
    }

    /// Whose it is.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Asks for the balance of a spendable account.
    pub fn want(&mut self, account: Account) {
        self.wanted.insert(account);
    }

    /// Asks for what was posted about `subject`, and for all that those have who earned from it.
    pub fn want_to_undo(&mut self, subject: Uuid) {
        self.wanted_subjects.insert(subject);
    }

    /// Asks for all that an earner has: he may earn in this very batch from what is to be undone.
    pub fn want_earner(&mut self, earner: Earner) {
        self.wanted.extend(earner.ends());
        self.earners.insert(earner);
    }

    /// What is to be undone, as it was asked for since the last reading.
    pub const fn wanted_subjects(&self) -> &BTreeSet<Uuid> {
        &self.wanted_subjects
    }

    /// Reads the balances asked for, without locking them: the database's check has the last word.
    pub async fn read_in(&mut self, tx: &impl Tx) -> Result<(), LedgerError> {
        for subject in self.take_wanted_subjects() {
            let entries = repo::entries_of_in(tx, subject).await?;
            self.assume_entries(subject, entries);
        }
        if !self.earners.is_empty() {
            let owners = self.earners.iter().map(|earner| earner.owner).collect();
            self.read.extend(repo::pending_in(tx, owners).await?);
        }
        let wanted: Vec<Account> = self.wanted.drain().collect();
        let balances = repo::balances_in(tx, &wanted).await?;
        for (account, balance) in wanted.into_iter().zip(balances) {
            self.read.insert(account, balance.minor());
        }
        Ok(())
    }

    /// Takes a balance as read, for simulations that have no database.
    pub fn assume(&mut self, account: Account, balance_minor: i64) {
        self.read.insert(account, balance_minor);
    }

    /// What was asked for to be undone since the last reading, for simulations that have no database.
    pub fn take_wanted_subjects(&mut self) -> BTreeSet<Uuid> {
        std::mem::take(&mut self.wanted_subjects)
    }

    /// Takes what was posted about `subject` as read. Of those who earned from it, what is settled, asked for or owed is asked
    /// for like any balance; what is pending is to be read for all of them.
    pub fn assume_entries(&mut self, subject: Uuid, entries: Vec<Entry>) {
        let postings = entries.iter().flat_map(Entry::postings);
        let earners: HashSet<Earner> = postings.filter_map(|posting| Earner::of(&posting.account)).collect();
        earners.into_iter().for_each(|earner| self.want_earner(earner));
        self.found.insert(subject, entries);
    }

    /// Those who earned from what is to be undone.
    pub const fn earners(&self) -> &HashSet<Earner> {
        &self.earners
    }

    /// The accounts asked for since the last reading, for simulations that have no database.
    pub fn take_wanted(&mut self) -> Vec<Account> {
        self.wanted.drain().collect()
    }

    /// How the entries posted move each account, for simulations that have no database.
    pub fn moves(&self) -> impl Iterator<Item = (Account, i64)> {
        self.moved.iter().map(|(account, delta)| (*account, *delta)).filter(|(_, delta)| *delta != 0)
    }

    /// What `account` has, with all that was posted in this book.
    pub fn balance(&self, account: &Account) -> Result<Money, LedgerError> {
        // Of an earner all is read that has anything on it.
        let is_known = || Earner::of(account).is_some_and(|earner| self.earners.contains(&earner));
        let read = self.read.get(account).copied().or_else(|| is_known().then_some(0));
        let read = read.ok_or(LedgerError::NotRead { account: *account })?;
        let balance = read
            .checked_add(self.moved.get(account).copied().unwrap_or(0))
            .ok_or(LedgerError::Overflow { account: *account })?;
        Ok(Money::new(balance, account.currency))
    }

    /// What was posted about `subject`, which was asked for, until now.
    pub fn entries_of(&self, subject: Uuid) -> impl Iterator<Item = &Entry> {
        let posted = self.entries.iter().filter(move |entry| entry.subject() == subject);
        self.found.get(&subject).into_iter().flatten().chain(posted)
    }

    /// What an earner has, with all that was posted in this book; he is one of those asked for.
    pub fn purse(&self, earner: &Earner) -> Result<Purse, LedgerError> {
        let ends = earner.ends();
        let is_pending = |account: &&Account| Earner::of(account).as_ref() == Some(earner) && !ends.contains(account);
        let days: HashSet<Account> = self.read.keys().chain(self.moved.keys()).filter(is_pending).copied().collect();
        let mut pending = Vec::new();
        for account in days {
            let minor = self.balance(&account)?.minor();
            if minor > 0 {
                pending.push((account, minor));
            }
        }
        pending.sort_by_key(|(account, _)| account.due);
        let [available, locked, owed] = ends.map(|account| self.balance(&account));
        Ok(Purse { pending, available: available?.minor(), locked: locked?.minor(), debt: -owed?.minor() })
    }

    /// Whether the entry could be posted now; changes nothing.
    pub fn check(&self, entry: &Entry) -> Result<(), LedgerError> {
        // An entry has few postings: looking through them is quicker than keeping them sorted.
        let mut deltas: Vec<(Account, i64)> = Vec::with_capacity(entry.postings().len());
        for Posting { account, amount } in entry.postings() {
            let overflow = LedgerError::Overflow { account: *account };
            match deltas.iter_mut().find(|(known, _)| known == account) {
                Some((_, delta)) => *delta = delta.checked_add(amount.minor()).ok_or(overflow)?,
                None => deltas.push((*account, amount.minor())),
            }
        }
        for (account, delta) in deltas {
            let moved = self.moved.get(&account).copied().unwrap_or(0);
            moved.checked_add(delta).ok_or(LedgerError::Overflow { account })?;
            if delta > 0 && account.kind.is_debt() {
                let owed = Money::new(-self.balance(&account)?.minor(), account.currency);
                if owed.minor() < delta {
                    let wanted = Money::new(delta, account.currency);
                    return Err(LedgerError::Insufficient { account, available: owed, wanted });
                }
            }
            if delta < 0 && account.kind.is_spendable() {
                let available = self.balance(&account)?;
                let wanted = Money::new(-delta, account.currency);
                if available.minor() < wanted.minor() {
                    return Err(LedgerError::Insufficient { account, available, wanted });
                }
            }
        }
        Ok(())
    }

    /// Posts the entry, if the money is there. A refused entry leaves the book as it was.
    pub fn post(&mut self, entry: Entry) -> Result<EntryId, LedgerError> {
        assert!(entry.is_balanced(), "an entry is balanced by construction");
        self.check(&entry)?;
        for posting in entry.postings() {
            *self.moved.entry(posting.account).or_default() += posting.amount.minor();
        }
        let id = entry.id();
        // An entry about nothing (goods that are given away) leaves no trace.
        if !entry.postings().is_empty() {
            self.entries.push(entry);
        }
        Ok(id)
    }

    fn take_back(&mut self, count: usize) {
        for entry in self.entries.drain(count..) {
            for posting in entry.postings() {
                *self.moved.entry(posting.account).or_default() -= posting.amount.minor();
            }
        }
    }

    /// Posts all entries, or none of them if the money for one is not there.
    pub fn post_all(&mut self, entries: Vec<Entry>) -> Result<(), LedgerError> {
        let count = self.entries.len();
        for entry in entries {
            if let Err(error) = self.post(entry) {
                self.take_back(count);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Forgets what was posted and not written, for a batch that is decided again.
    pub fn clear_posted(&mut self) {
        self.moved.clear();
        self.entries.clear();
    }

    /// Forgets everything but which accounts exist, for the next batch.
    pub fn clear(&mut self) {
        self.clear_posted();
        self.wanted.clear();
        self.wanted_subjects.clear();
        self.found.clear();
        self.earners.clear();
        self.read.clear();
    }

    /// Forgets which accounts exist too, and whether there is a chain, after a transaction that did not commit.
    pub fn forget(&mut self) {
        self.clear();
        self.known.clear();
        self.has_head = false;
    }

    /// The entries posted and not written yet.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Puts accounts that are new, entries and postings into `sheaf`.
    pub fn insert_into(&mut self, sheaf: &mut Sheaf<TenantScope>, now: DateTime<Utc>, batch: Uuid) {
        if self.entries.is_empty() {
            return;
        }
        let unknown = self.moved.keys().filter(|account| !self.known.contains_key(*account));
        let unknown: BTreeMap<AccountId, Account> =
            unknown.map(|account| (account.id(self.tenant), *account)).collect();
        repo::open_accounts(sheaf, &unknown);
        if self.known.len() + unknown.len() > KNOWN_MAX {
            self.known.clear();
        }
        self.known.extend(unknown.into_iter().map(|(id, account)| (account, id)));
        repo::insert_entries(sheaf, (now, batch), &self.entries, |account| self.id(account));
    }

    /// Puts the link to what this batch posted into `sheaf`. Unless the head is known to be there, it is locked and read.
    pub async fn link_into(
        &self,
        tx: &WriteTx<TenantScope>,
        sheaf: &mut Sheaf<TenantScope>,
        batch: Uuid,
    ) -> Result<(), LedgerError> {
        if self.entries.is_empty() {
            return Ok(());
        }
        // Whoever keeps what a wallet holds in memory looks anew.
        let wallets = self.moved.keys().filter(|account| account.kind == AccountKind::Wallet);
        wallets.filter_map(|wallet| wallet.owner).for_each(|owner| tx.announce_about(owner));
        repo::link_in(tx, sheaf, (batch, self.has_head), &self.entries, |account| self.id(account)).await
    }

    /// Puts the moves of the balances into `sheaf`. They come last: these rows are the hot ones.
    pub fn settle_into(&self, sheaf: &mut Sheaf<TenantScope>) {
        let moved = self.moved.iter().filter(|(_, delta)| **delta != 0);
        let deltas: BTreeMap<AccountId, i64> = moved.map(|(account, delta)| (self.id(account), *delta)).collect();
        repo::move_balances(sheaf, &deltas);
    }

    /// Writes accounts that are new, entries and postings.
    pub async fn insert_in(&mut self, tx: &WriteTx<TenantScope>, batch: Uuid) -> Result<(), LedgerError> {
        let mut sheaf = tx.sheaf();
        self.insert_into(&mut sheaf, tx.now(), batch);
        send(tx, sheaf).await
    }

    /// Locks the head of the chain and links what this batch posted to it.
    pub async fn link_in(&self, tx: &WriteTx<TenantScope>, batch: Uuid) -> Result<(), LedgerError> {
        let mut sheaf = tx.sheaf();
        self.link_into(tx, &mut sheaf, batch).await?;
        send(tx, sheaf).await
    }

    /// Locks the touched balances in ascending order and moves them.
    pub async fn settle_in(&mut self, tx: &WriteTx<TenantScope>) -> Result<(), LedgerError> {
        let mut sheaf = tx.sheaf();
        self.settle_into(&mut sheaf);
        send(tx, sheaf).await
    }

    /// An account's id; making one anew costs a hash.
    fn id(&self, account: &Account) -> AccountId {
        self.known.get(account).copied().unwrap_or_else(|| account.id(self.tenant))
    }

    /// All three writing phases, for a transaction that holds no other hot row.
    pub async fn write_in(&mut self, tx: &WriteTx<TenantScope>, batch: Uuid) -> Result<(), LedgerError> {
        self.insert_in(tx, batch).await?;
        self.link_in(tx, batch).await?;
        self.settle_in(tx).await?;
        self.clear();
        Ok(())
    }
}

async fn send(tx: &WriteTx<TenantScope>, sheaf: Sheaf<TenantScope>) -> Result<(), LedgerError> {
    assert!(tx.send(sheaf).await?, "every account that is posted to was opened before");
    Ok(())
}
