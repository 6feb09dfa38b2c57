//! What people read: accounts with what is on them, and the lines of one account.

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, Utc};
use kernel::Money;
use sea_orm::{ColumnTrait, Condition};
use store::Tx;
use uuid::Uuid;

use crate::account::{Account, AccountId, AccountKind};
use crate::entry::{EntryId, EntryKind};
use crate::error::LedgerError;
use crate::repo::account_of;
use crate::table::{account, entry, posting};

/// An account with what is on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountBalance {
    /// Its id.
    pub id: AccountId,
    /// What it is.
    pub account: Account,
    /// Above zero is what we owe, below zero what we own.
    pub balance: Money,
}

/// One posting to an account, with the entry it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLine {
    /// Where it stands.
    pub mark: LineMark,
    /// What the entry records.
    pub kind: EntryKind,
    /// What the entry is about.
    pub subject: Uuid,
    /// Why it was made, if somebody decided it.
    pub reason: Option<String>,
    /// When.
    pub posted_at: DateTime<Utc>,
    /// Above zero credits the account.
    pub amount: Money,
}

/// The place of a line; as text the cursor of the next part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineMark {
    /// The entry.
    pub entry: EntryId,
    /// The posting's number in it.
    pub posting: i32,
}

impl LineMark {
    /// Reads the text back.
    pub fn parse(text: &str) -> Option<Self> {
        let (entry, posting) = text.split_once('.')?;
        Some(Self { entry: EntryId::parse(entry).ok()?, posting: posting.parse().ok()? })
    }
}

impl fmt::Display for LineMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.entry, self.posting)
    }
}

/// At most `limit` accounts after this one, ascending by id; of one kind if it is named.
pub async fn accounts_in(
    tx: &impl Tx,
    kind: Option<AccountKind>,
    after: Option<AccountId>,
    limit: u64,
) -> Result<Vec<AccountBalance>, LedgerError> {
    let condition = Condition::all()
        .add_option(kind.map(|kind| account::Column::Kind.eq(kind.name())))
        .add_option(after.map(|id| account::Column::Id.gt(id.uuid())));
    let rows = tx.find::<account::Entity>().filter(condition).ascending(account::Column::Id).limit(limit).all().await?;
    Ok(rows.iter().filter_map(balance_of).collect())
}

/// The account with this id.
pub async fn account_in(tx: &impl Tx, id: AccountId) -> Result<Option<AccountBalance>, LedgerError> {
    let row = tx.find::<account::Entity>().filter(account::Column::Id.eq(id.uuid())).one().await?;
    Ok(row.as_ref().and_then(balance_of))
}

/// At most `limit` lines of the account after `after`; those about the newest things first.
pub async fn lines_in(
    tx: &impl Tx,
    account: AccountId,
    after: Option<LineMark>,
    limit: u64,
) -> Result<Vec<AccountLine>, LedgerError> {
    use posting::Column::{AccountId, EntryId as InEntry, Seq};
    let later = |mark: LineMark| {
        let same_entry = Condition::all().add(InEntry.eq(mark.entry.uuid())).add(Seq.gt(mark.posting));
        // The first condition says the same as the rest for the index, which cannot begin at one of two places.
        let beyond = Condition::any().add(InEntry.lt(mark.entry.uuid())).add(same_entry);
        Condition::all().add(InEntry.lte(mark.entry.uuid())).add(beyond)
    };
    let condition = Condition::all().add(AccountId.eq(account.uuid())).add_option(after.map(later));
    let find = tx.find::<posting::Entity>().filter(condition).descending(InEntry).ascending(Seq);
    let postings = find.limit(limit).all().await?;
    let entries = tx.find::<entry::Entity>().among(entry::Column::Id, postings.iter().map(|line| line.entry_id));
    let entries: HashMap<Uuid, entry::Model> =
        entries.all().await?.into_iter().map(|entry| (entry.id, entry)).collect();
    Ok(postings.iter().filter_map(|posting| line_of(posting, entries.get(&posting.entry_id)?)).collect())
}

pub(crate) fn balance_of(row: &account::Model) -> Option<AccountBalance> {
    let account = account_of(row)?;
    let balance = Money::new(row.balance_minor, account.currency);
    Some(AccountBalance { id: AccountId::from_uuid(row.id), account, balance })
}

fn line_of(posting: &posting::Model, entry: &entry::Model) -> Option<AccountLine> {
    let currency = kernel::Currency::parse(&posting.currency).ok()?;
    Some(AccountLine {
        mark: LineMark { entry: EntryId::from_uuid(posting.entry_id), posting: posting.seq },
        kind: EntryKind::parse(&entry.kind)?,
        subject: entry.subject_id,
        reason: entry.reason.clone(),
        posted_at: entry.posted_at,
        amount: Money::new(posting.amount_minor, currency),
    })
}
