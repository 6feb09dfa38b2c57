//! Queries on the ledger's tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use kernel::{Currency, Day, Money, TenantScope};
use sea_orm::{ColumnTrait, Condition};
use store::{Backend, Chained, Change, Inside, Rows, Sheaf, Tx, WriteTx};
use uuid::Uuid;

use crate::account::{Account, AccountId, AccountKind};
use crate::accounts::{AccountBalance, balance_of};
use crate::chain::{ChainHash, LinkedEntry, content};
use crate::earner::{Earner, Purse};
use crate::entry::{Entry, EntryId, EntryKind, Posting, is_belated};
use crate::error::LedgerError;
use crate::table::{account, belated, entry, head, link, posting};
use crate::turnover::Turnover;

/// The kinds of accounts that have a day.
pub(crate) const PENDING: [&str; 2] = [AccountKind::SitePending.name(), AccountKind::AgentPending.name()];

/// The balances of `accounts`, in their order; one that was never posted to has nothing.
pub async fn balances_in(tx: &impl Tx, accounts: &[Account]) -> Result<Vec<Money>, LedgerError> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let tenant = tx.scope().tenant();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.id(tenant).uuid()).collect();
    let found: Vec<(Uuid, i64)> = tx
        .find::<account::Entity>()
        .among(account::Column::Id, ids.iter().copied())
        .columns([account::Column::Id, account::Column::BalanceMinor])
        .await?;
    let found: HashMap<Uuid, i64> = found.into_iter().collect();
    let balance = |id| found.get(id).copied().unwrap_or(0);
    Ok(ids.iter().zip(accounts).map(|(id, account)| Money::new(balance(id), account.currency)).collect())
}

/// What is pending of these owners with the day on which it falls due, the nearest first; accounts with nothing on them are
/// left out.
pub(crate) async fn pending_in(tx: &impl Tx, owners: BTreeSet<Uuid>) -> Result<Vec<(Account, i64)>, LedgerError> {
    let find = tx.find::<account::Entity>().among(account::Column::OwnerId, owners);
    let find = find.of_words(account::Column::Kind, &PENDING).filter(account::Column::BalanceMinor.gt(0));
    let rows = find.ascending(account::Column::DueOn).all().await?;
    Ok(rows.iter().filter_map(|row| Some((account_of(row)?, row.balance_minor))).collect())
}

/// What these earners have, in their order.
pub async fn purses_in(tx: &impl Tx, earners: &[Earner]) -> Result<Vec<Purse>, LedgerError> {
    let pending = pending_in(tx, earners.iter().map(|earner| earner.owner).collect()).await?;
    let ends: Vec<Account> = earners.iter().flat_map(Earner::ends).collect();
    let ends = balances_in(tx, &ends).await?;
    let (ends, _) = ends.as_chunks::<3>();
    let purse = |(earner, [available, locked, owed]): (&Earner, &[Money; 3])| {
        let own = pending.iter().filter(|(account, _)| Earner::of(account).as_ref() == Some(earner));
        let (available, locked, debt) = (available.minor(), locked.minor(), -owed.minor());
        Purse { pending: own.copied().collect(), available, locked, debt }
    };
    Ok(earners.iter().zip(ends).map(purse).collect())
}

/// At most `limit` pending accounts with money on them that fall due until `until`, and not before `from`, after the one with
/// this day and id; in the order of both.
pub async fn due_in(
    tx: &impl Tx,
    (from, until): (Option<Day>, Day),
    after: Option<(Day, AccountId)>,
    limit: u64,
) -> Result<Vec<AccountBalance>, LedgerError> {
    use account::Column::{BalanceMinor, DueOn, Id, Kind};
    let later = |(day, id): (Day, AccountId)| {
        let same_day = Condition::all().add(DueOn.eq(day.number())).add(Id.gt(id.uuid()));
        // The first condition says the same as the rest for the index, which cannot begin at one of two places.
        Condition::all().add(DueOn.gte(day.number())).add(Condition::any().add(DueOn.gt(day.number())).add(same_day))
    };
    let condition = Condition::all()
        .add(DueOn.lte(until.number()))
        .add_option(from.map(|from| DueOn.gte(from.number())))
        .add_option(after.map(later));
    let find = tx.find::<account::Entity>().of_words(Kind, &PENDING).filter(condition).filter(BalanceMinor.gt(0));
    let rows = find.ascending(DueOn).ascending(Id).limit(limit).all().await?;
    Ok(rows.iter().filter_map(balance_of).collect())
}

/// At most `limit` pending accounts with money on them that have no day: what was earned before there were such days.
pub async fn undated_in(tx: &impl Tx, limit: u64) -> Result<Vec<AccountBalance>, LedgerError> {
    use account::Column::{BalanceMinor, DueOn, Kind};
    let find = tx.find::<account::Entity>().of_words(Kind, &PENDING).filter(DueOn.is_null());
    let rows = find.filter(BalanceMinor.gt(0)).limit(limit).all().await?;
    Ok(rows.iter().filter_map(balance_of).collect())
}

/// The entries about `subject`, oldest first, for "explain this order".
pub async fn entries_of_in(tx: &impl Tx, subject: Uuid) -> Result<Vec<Entry>, LedgerError> {
    Ok(posted_of_in(tx, subject).await?.into_iter().map(|(_, entry)| entry).collect())
}

/// The same, each with the time of its posting.
pub async fn posted_of_in(tx: &impl Tx, subject: Uuid) -> Result<Vec<(DateTime<Utc>, Entry)>, LedgerError> {
    // Entry ids begin as their subject does, so a range of the key finds them without an index of its own.
    let mut low = *subject.as_bytes();
    let mut high = low;
    low[8..].fill(0);
    high[8..].fill(0xff);
    let rows = tx
        .find::<entry::Entity>()
        .filter(entry::Column::Id.between(Uuid::from_bytes(low), Uuid::from_bytes(high)))
        .filter(entry::Column::SubjectId.eq(subject))
        .all()
        .await?;
    let mut entries = with_postings_in(tx, rows).await?;
    entries.sort_by_key(|(at, entry)| (*at, entry.kind()));
    Ok(entries)
}

/// At most `limit` entries of a kind after this one, with the time of their posting, in the order of their ids.
pub async fn entries_of_kind_in(
    tx: &impl Tx,
    kind: EntryKind,
    after: EntryId,
    limit: u64,
) -> Result<Vec<(DateTime<Utc>, Entry)>, LedgerError> {
    let find = tx.find::<entry::Entity>().filter(entry::Column::Id.gt(after.uuid()));
    let find = find.filter(entry::Column::Kind.eq(kind.name())).ascending(entry::Column::Id).limit(limit);
    with_postings_in(tx, find.all().await?).await
}

/// The entries of these rows, in their order.
pub(crate) async fn with_postings_in(
    tx: &impl Tx,
    rows: Vec<entry::Model>,
) -> Result<Vec<(DateTime<Utc>, Entry)>, LedgerError> {
    let ids = rows.iter().map(|row| row.id);
    let touched: BTreeSet<Uuid> = rows.iter().flat_map(entry::Model::account_ids).collect();
    let found = tx
        .find::<posting::Entity>()
        .among(posting::Column::AccountId, touched.iter().copied())
        .among(posting::Column::EntryId, ids)
        .ascending(posting::Column::EntryId)
        .ascending(posting::Column::Seq)
        .all()
        .await?;
    let accounts = tx.find::<account::Entity>().among(account::Column::Id, touched).all().await?;
    let accounts: HashMap<Uuid, Account> = accounts.iter().filter_map(|row| Some((row.id, account_of(row)?))).collect();
    let mut postings: HashMap<Uuid, Vec<Posting>> = HashMap::new();
    for posting in found {
        let Some(account) = accounts.get(&posting.account_id).copied() else { continue };
        let amount = Money::new(posting.amount_minor, account.currency);
        postings.entry(posting.entry_id).or_default().push(Posting { account, amount });
    }
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        let own = postings.remove(&row.id).unwrap_or_default();
        if let Some(kind) = EntryKind::parse(&row.kind) {
            entries.push((row.posted_at, Entry::read(row.id, kind, row.subject_id, row.reason, own)?));
        }
    }
    Ok(entries)
}

pub(crate) fn account_of(row: &account::Model) -> Option<Account> {
    let currency = Currency::parse(&row.currency).ok()?;
    let due = row.due_on.map(|number| Day::from_number(number).ok_or(())).transpose().ok()?;
    Some(Account { kind: AccountKind::parse(&row.kind)?, owner: row.owner_id, currency, due })
}

/// Accounts that may be there already.
pub(crate) fn open_accounts(sheaf: &mut Sheaf<TenantScope>, accounts: &BTreeMap<AccountId, Account>) {
    let tenant_id = sheaf.scope().id().uuid();
    let rows = Rows::of(accounts.iter().map(|(id, account)| account::Model {
        tenant_id,
        id: id.uuid(),
        kind: account.kind.name().to_owned(),
        owner_id: account.owner,
        currency: account.currency.code().to_owned(),
        is_spendable: account.kind.is_spendable(),
        balance_minor: 0,
        due_on: account.due.map(Day::number),
    }));
    sheaf.insert_missing::<account::Entity>(rows);
}

pub(crate) fn insert_entries(
    sheaf: &mut Sheaf<TenantScope>,
    (posted_at, batch): (DateTime<Utc>, Uuid),
    entries: &[Entry],
    ids: impl Fn(&Account) -> AccountId,
) {
    let tenant = sheaf.scope().id();
    sheaf.insert::<entry::Entity>(entries.iter().map(|entry| entry::Model {
        tenant_id: tenant.uuid(),
        id: entry.id().uuid(),
        kind: entry.kind().name().to_owned(),
        subject_id: entry.subject(),
        batch_id: batch,
        posted_at,
        reason: entry.reason().map(str::to_owned),
        accounts: accounts_of(entry, &ids),
    }));
    let postings = entries.iter().flat_map(|entry| {
        entry.postings().iter().zip(0i32..).map(|(posting, seq)| posting::Model {
            tenant_id: tenant.uuid(),
            entry_id: entry.id().uuid(),
            seq,
            account_id: ids(&posting.account).uuid(),
            amount_minor: posting.amount.minor(),
            currency: posting.amount.currency().code().to_owned(),
        })
    });
    sheaf.insert::<posting::Entity>(postings.collect::<Vec<_>>());
    let belated = entries.iter().map(Entry::id).filter(|id| is_belated(*id, posted_at));
    let belated = belated.map(|id| belated::Model { tenant_id: tenant.uuid(), posted_at, entry_id: id.uuid() });
    sheaf.insert::<belated::Entity>(belated.collect::<Vec<_>>());
}

/// The accounts of an entry, each once, as its row names them.
fn accounts_of(entry: &Entry, ids: impl Fn(&Account) -> AccountId) -> Vec<u8> {
    let mut seen: Vec<&Account> = Vec::new();
    for posting in entry.postings() {
        if !seen.contains(&&posting.account) {
            seen.push(&posting.account);
        }
    }
    seen.into_iter().flat_map(|account| ids(account).uuid().into_bytes()).collect()
}

/// Puts the link over `entries` into `sheaf`. Where the database can make its hash and `is_head_there`, the head is not read
/// before: the sheaf falls short if there is none.
pub(crate) async fn link_in(
    tx: &WriteTx<TenantScope>,
    sheaf: &mut Sheaf<TenantScope>,
    (batch, is_head_there): (Uuid, bool),
    entries: &[Entry],
    ids: impl Fn(&Account) -> AccountId,
) -> Result<(), LedgerError> {
    let tenant_id = tx.scope().id().uuid();
    let linked_at = tx.now();
    let content = content(&mut linked(entries, linked_at, ids));
    let count = i32::try_from(entries.len()).expect("a batch is small");
    let moved = Turnover::of(entries).to_string();
    if is_head_there && tx.backend() == Backend::Postgres {
        use link::Column::{BatchId, Entries, LinkedAt, Moved};
        let mut rest = Rows::of_columns(&[BatchId, Entries, LinkedAt, Moved]);
        rest.push([batch.into(), count.into(), linked_at.into(), moved.into()]);
        sheaf.chain(Chained::<head::Entity, link::Entity> {
            seq: head::Column::Seq,
            hash: head::Column::Hash,
            link_seq: link::Column::Seq,
            link_hash: link::Column::Hash,
            words: ChainHash::WORDS.to_vec(),
            content: content.to_vec(),
            rest,
        });
        return Ok(());
    }
    let head = lock_head_in(tx).await?;
    let previous = ChainHash::from_bytes(&head.hash).unwrap_or(ChainHash::ROOT);
    let seq = head.seq + 1;
    let hash = previous.next(seq, &content).bytes().to_vec();
    let moved = Some(moved);
    let link = link::Model { tenant_id, seq, batch_id: batch, hash: hash.clone(), entries: count, linked_at, moved };
    sheaf.insert::<link::Entity>([link]);
    let mut rows = Rows::of_columns(&[head::Column::Seq, head::Column::Hash]);
    rows.push([seq.into(), hash.into()]);
    sheaf.update_rows::<head::Entity>(rows, &[], Change::Set);
    Ok(())
}

/// The entries as the chain sees them.
fn linked(entries: &[Entry], posted_at: DateTime<Utc>, ids: impl Fn(&Account) -> AccountId) -> Vec<LinkedEntry> {
    let posting = |posting: &Posting| {
        let currency = posting.amount.currency().code().to_owned();
        (ids(&posting.account).uuid(), posting.amount.minor(), currency)
    };
    let linked = entries.iter().map(|entry| LinkedEntry {
        id: entry.id().uuid(),
        kind: entry.kind().name().to_owned(),
        subject: entry.subject(),
        posted_at,
        postings: entry.postings().iter().map(posting).collect(),
    });
    linked.collect()
}

/// Locks the head of the chain; whoever moves money holds it until his transaction ends.
async fn lock_head_in(tx: &WriteTx<TenantScope>) -> Result<head::Model, LedgerError> {
    if let Some(head) = tx.find::<head::Entity>().locked().one().await? {
        return Ok(head);
    }
    let first = head::Model { tenant_id: tx.scope().id().uuid(), seq: 0, hash: ChainHash::ROOT.bytes().to_vec() };
    tx.insert_new::<head::Entity, i64>(Rows::of([first.clone()]), head::Column::Seq).await?;
    // Another node may have made it first: read it again, locked.
    Ok(tx.find::<head::Entity>().locked().one().await?.unwrap_or(first))
}

/// Moves balances; every account that is posted to was opened before.
pub(crate) fn move_balances(sheaf: &mut Sheaf<TenantScope>, deltas: &BTreeMap<AccountId, i64>) {
    let mut rows = Rows::of_columns(&[account::Column::Id, account::Column::BalanceMinor]);
    for (id, delta) in deltas {
        rows.push([id.uuid().into(), (*delta).into()]);
    }
    sheaf.update_rows::<account::Entity>(rows, &[account::Column::Id], Change::Add);
}

/// The head of the tenant's chain: the number of its last link, and that link's hash. None before the first.
pub async fn head_in(tx: &impl Tx) -> Result<Option<(i64, ChainHash)>, LedgerError> {
    let head = tx.find::<head::Entity>().one().await?;
    Ok(head.and_then(|head| Some((head.seq, ChainHash::from_bytes(&head.hash)?))))
}

/// The hash of one link.
pub async fn link_hash_in(tx: &impl Tx, sequence: i64) -> Result<Option<ChainHash>, LedgerError> {
    let link = tx.find::<link::Entity>().filter(link::Column::Seq.eq(sequence)).one().await?;
    Ok(link.and_then(|link| ChainHash::from_bytes(&link.hash)))
}
