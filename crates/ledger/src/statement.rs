//! What happened on one account, and what was on it after each step: for statements.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use kernel::Money;
use sea_orm::ColumnTrait;
use store::{Inside, Tx};
use uuid::Uuid;

use crate::account::Account;
use crate::entry::{EntryId, EntryKind};
use crate::error::LedgerError;
use crate::repo::balances_in;
use crate::table::{entry, posting};

/// The newest postings that are looked at. Balances are told while these are all there are.
const POSTINGS_MAX: u64 = 5_000;
/// Entries asked for at once: for a few each is looked up, for thousands the database would rather walk over all.
const ENTRIES_AT_ONCE: usize = 500;

/// One posting on the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLine {
    /// The entry it belongs to: where a page of the statement ends, and the next begins.
    pub entry: EntryId,
    /// What the entry records.
    pub kind: EntryKind,
    /// What it is about: an order, a payment.
    pub subject: Uuid,
    /// When it was posted.
    pub at: DateTime<Utc>,
    /// What it changed.
    pub amount: Money,
    /// What was on the account after it; none on an account of too many postings to add up for a page.
    pub balance: Option<Money>,
}

/// A page of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What happened, the last first.
    pub lines: Vec<StatementLine>,
    /// Where the next page begins, if there is one.
    pub next: Option<EntryId>,
}

/// The statement of `account` after the line `before`, at most `limit` lines.
///
/// Entries are found by the account's own index, whose order is that of their subjects and not of their posting: a
/// refund stands beside its order there. So all are read and sorted by the time of posting; an account that has more
/// than a page can sort in memory is an operator's, or shows its newest subjects only and no balances.
pub async fn statement_in(
    tx: &impl Tx,
    account: Account,
    before: Option<EntryId>,
    limit: usize,
) -> Result<Statement, LedgerError> {
    let balance = balances_in(tx, &[account]).await?.first().copied().unwrap_or(Money::zero(account.currency));
    let own =
        tx.find::<posting::Entity>().filter(posting::Column::AccountId.eq(account.id(tx.scope().tenant()).uuid()));
    let own = own.descending(posting::Column::EntryId).limit(POSTINGS_MAX);
    let amounts: Vec<(Uuid, i64)> = own.columns([posting::Column::EntryId, posting::Column::AmountMinor]).await?;
    let is_whole = (amounts.len() as u64) < POSTINGS_MAX;
    let mut entries = Vec::with_capacity(amounts.len());
    for some in amounts.chunks(ENTRIES_AT_ONCE) {
        let ids = some.iter().map(|(id, _)| *id);
        entries.extend(tx.find::<entry::Entity>().among(entry::Column::Id, ids).all().await?);
    }
    // Two postings of one entry may be in two parts.
    entries.sort_by_key(|row| row.id);
    entries.dedup_by_key(|row| row.id);
    // An entry may post twice to one account: they are one step.
    let mut sums: HashMap<Uuid, i64> = HashMap::new();
    for (id, minor) in amounts {
        *sums.entry(id).or_default() += minor;
    }
    let mut entries: Vec<_> =
        entries.iter().filter_map(|row| Some((row, EntryKind::parse(&row.kind)?, *sums.get(&row.id)?))).collect();
    entries.sort_by_key(|(row, ..)| std::cmp::Reverse((row.posted_at, row.id)));
    let mut left = balance.minor();
    let mut lines = Vec::with_capacity(entries.len());
    for (row, kind, minor) in entries {
        lines.push(StatementLine {
            entry: EntryId::from_uuid(row.id),
            kind,
            subject: row.subject_id,
            at: row.posted_at,
            amount: Money::new(minor, account.currency),
            balance: is_whole.then(|| Money::new(left, account.currency)),
        });
        left -= minor;
    }
    let start = match before {
        Some(before) => lines.iter().position(|line| line.entry == before).map_or(lines.len(), |place| place + 1),
        None => 0,
    };
    let mut lines = lines.split_off(start);
    let next = lines.get(limit.wrapping_sub(1)).filter(|_| lines.len() > limit).map(|line| line.entry);
    lines.truncate(limit);
    Ok(Statement { lines, next })
}
