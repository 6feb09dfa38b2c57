//! What happened to somebody's money in a period: what was there before, each entry, what was there after.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use kernel::{Currency, Money};
use sea_orm::ColumnTrait;
use store::{Inside, Tx};
use uuid::Uuid;

use crate::account::AccountKind;
use crate::entry::{BELATED_AFTER, Entry, EntryId, EntryKind, first_of};
use crate::error::LedgerError;
use crate::repo::with_postings_in;
use crate::table::{account, belated, entry, posting};

/// The most postings from the begin of a period until now that are added up: more is refused.
pub const PERIOD_LINES_MAX: usize = 200_000;
/// Rows asked for at once by their ids.
const AT_ONCE: usize = 500;

/// All accounts of one kind that somebody has, over a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The kind.
    pub kind: AccountKind,
    /// What was on them when the period began.
    pub opening: Money,
    /// What happened, the first first.
    pub lines: Vec<PeriodLine>,
    /// What was on them when it ended.
    pub closing: Money,
}

/// What one entry did to the accounts of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodLine {
    /// The entry.
    pub entry: EntryId,
    /// What it records.
    pub kind: EntryKind,
    /// What it is about.
    pub subject: Uuid,
    /// Why it was made, if somebody decided it.
    pub reason: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// Above zero credits.
    pub amount: Money,
    /// What was there after it.
    pub balance: Money,
}

/// What was posted to accounts of a kind by an entry, since the period began.
struct Moved {
    kind: AccountKind,
    entry: Uuid,
    minor: i64,
}

/// The sections of `owner` for these kinds, in their order, from the moment `from` until just before `until`.
///
/// Balances of before are found from those of now: all that was posted since is read, by ranges of ids and by the list of
/// belated entries. A period that began too many postings ago is refused with [`LedgerError::TooLong`].
pub async fn period_in(
    tx: &impl Tx,
    (owner, kinds): (Uuid, &[AccountKind]),
    currency: Currency,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Section>, LedgerError> {
    let accounts = accounts_of(tx, owner, kinds, currency).await?;
    let moved = moved_since(tx, &accounts, from).await?;
    let entries = entries_of(tx, moved.iter().map(|moved| moved.entry)).await?;
    let mut balances: BTreeMap<AccountKind, i64> = BTreeMap::new();
    for (kind, balance) in accounts.values() {
        *balances.entry(*kind).or_default() += balance;
    }
    // What is there now, taken back posting by posting until the period begins.
    let mut within: HashMap<AccountKind, BTreeMap<(DateTime<Utc>, Uuid), i64>> = HashMap::new();
    for Moved { kind, entry, minor } in moved {
        let Some(row) = entries.get(&entry).filter(|row| row.posted_at >= from) else { continue };
        *balances.entry(kind).or_default() -= minor;
        if row.posted_at < until {
            *within.entry(kind).or_default().entry((row.posted_at, entry)).or_default() += minor;
        }
    }
    let section = |kind: &AccountKind| {
        let opening = balances.get(kind).copied().unwrap_or(0);
        let mut left = opening;
        let lines = within.remove(kind).unwrap_or_default().into_iter().filter_map(|((at, id), minor)| {
            left += minor;
            let (amount, balance) = (Money::new(minor, currency), Money::new(left, currency));
            let row = entries.get(&id)?;
            let kind = EntryKind::parse(&row.kind)?;
            let (subject, reason) = (row.subject_id, row.reason.clone());
            Some(PeriodLine { entry: EntryId::from_uuid(id), kind, subject, reason, at, amount, balance })
        });
        let lines: Vec<PeriodLine> = lines.collect();
        Section { kind: *kind, opening: Money::new(opening, currency), lines, closing: Money::new(left, currency) }
    };
    Ok(kinds.iter().map(section).collect())
}

/// The accounts of these kinds with what is on them, by their ids.
async fn accounts_of(
    tx: &impl Tx,
    owner: Uuid,
    kinds: &[AccountKind],
    currency: Currency,
) -> Result<HashMap<Uuid, (AccountKind, i64)>, LedgerError> {
    use crate::account::Account;
    use crate::repo::PENDING;
    use account::Column::{BalanceMinor, Currency as In, Id, Kind, OwnerId};
    let tenant = tx.scope().tenant();
    let own = kinds.iter().map(|kind| Account::of(*kind, owner, currency).id(tenant).uuid());
    let columns = [Id, Kind, BalanceMinor];
    let mut rows: Vec<(Uuid, String, i64)> = tx.find::<account::Entity>().among(Id, own).columns(columns).await?;
    // What is pending has an account for each day.
    let pending = tx.find::<account::Entity>().of_words(Kind, &PENDING).filter(OwnerId.eq(owner));
    let pending: Vec<(Uuid, String, i64)> = pending.filter(In.eq(currency.code())).columns(columns).await?;
    rows.extend(pending);
    let known = rows.into_iter().filter_map(|(id, kind, balance)| Some((id, (AccountKind::parse(&kind)?, balance))));
    Ok(known.filter(|(_, (kind, _))| kinds.contains(kind)).collect())
}

/// All that may have been posted to these accounts since `from`; something of shortly before is among it.
async fn moved_since(
    tx: &impl Tx,
    accounts: &HashMap<Uuid, (AccountKind, i64)>,
    from: DateTime<Utc>,
) -> Result<Vec<Moved>, LedgerError> {
    use posting::Column::{AccountId, AmountMinor, EntryId as InEntry};
    let low = first_of(from - BELATED_AFTER);
    let of_accounts = || tx.find::<posting::Entity>().among(AccountId, accounts.keys().copied());
    let limit = PERIOD_LINES_MAX as u64 + 1;
    let columns = [AccountId, InEntry, AmountMinor];
    let mut rows: Vec<(Uuid, Uuid, i64)> = of_accounts().filter(InEntry.gte(low)).limit(limit).columns(columns).await?;
    let (mut after, mut is_more) = ((from, Uuid::nil()), true);
    while is_more && rows.len() <= PERIOD_LINES_MAX {
        let belated = belated_after(tx, after).await?;
        is_more = belated.len() == AT_ONCE;
        after = belated.last().copied().unwrap_or(after);
        // Those from `low` on are there already.
        let ids: Vec<Uuid> = belated.into_iter().map(|(_, id)| id).filter(|id| *id < low).collect();
        if !ids.is_empty() {
            let found: Vec<(Uuid, Uuid, i64)> = of_accounts().filter(InEntry.is_in(ids)).columns(columns).await?;
            rows.extend(found);
        }
    }
    if rows.len() > PERIOD_LINES_MAX {
        return Err(LedgerError::TooLong { limit: PERIOD_LINES_MAX });
    }
    let moved = rows.into_iter().filter_map(|(account, entry, minor)| {
        let (kind, _) = accounts.get(&account)?;
        Some(Moved { kind: *kind, entry, minor })
    });
    Ok(moved.collect())
}

/// The next belated entries after this one, in the order of their posting.
async fn belated_after(
    tx: &impl Tx,
    (at, id): (DateTime<Utc>, Uuid),
) -> Result<Vec<(DateTime<Utc>, Uuid)>, LedgerError> {
    use belated::Column::{EntryId as InEntry, PostedAt};
    use sea_orm::Condition;
    let same = Condition::all().add(PostedAt.eq(at)).add(InEntry.gt(id));
    // The first condition says the same as the rest for the key, which cannot begin at one of two places.
    let later = Condition::all().add(PostedAt.gte(at)).add(Condition::any().add(PostedAt.gt(at)).add(same));
    let find = tx.find::<belated::Entity>().filter(later).ascending(PostedAt).ascending(InEntry);
    Ok(find.limit(AT_ONCE as u64).columns([PostedAt, InEntry]).await?)
}

/// The rows of these entries, by their ids.
async fn entries_of(tx: &impl Tx, ids: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, entry::Model>, LedgerError> {
    let ids: Vec<Uuid> = ids.collect::<BTreeSet<_>>().into_iter().collect();
    let mut entries = HashMap::with_capacity(ids.len());
    for some in ids.chunks(AT_ONCE) {
        let rows = tx.find::<entry::Entity>().among(entry::Column::Id, some.iter().copied()).all().await?;
        entries.extend(rows.into_iter().map(|row| (row.id, row)));
    }
    Ok(entries)
}

/// The most entries of a period that are gone through.
pub const PERIOD_ENTRIES_MAX: usize = 500_000;
/// Entries whose postings are read at once.
const PAGE: u64 = 1_000;

/// The entries of these kinds that were posted from one moment until just before another, a page at a time and in no order.
pub struct PeriodEntries {
    kinds: Vec<&'static str>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    count: usize,
    at: Stage,
}

/// First the entries that stand where those of their time do, then the belated ones.
#[derive(Clone, Copy)]
enum Stage {
    InTime { after: Uuid },
    Belated { after: (DateTime<Utc>, Uuid) },
    Over,
}

impl PeriodEntries {
    /// Those of `from` until `until`.
    pub fn new(kinds: &[EntryKind], (from, until): (DateTime<Utc>, DateTime<Utc>)) -> Self {
        let at = Stage::InTime { after: first_of(from - BELATED_AFTER) };
        Self { kinds: kinds.iter().map(|kind| kind.name()).collect(), from, until, count: 0, at }
    }

    /// The next of them, each with the time of its posting; none when there are no more. More than [`PERIOD_ENTRIES_MAX`] are
    /// refused. Let `tx` be the same snapshot each time.
    pub async fn next_in(&mut self, tx: &impl Tx) -> Result<Option<Vec<(DateTime<Utc>, Entry)>>, LedgerError> {
        loop {
            let rows = match self.at {
                Stage::InTime { after } => self.in_time(tx, after).await?,
                Stage::Belated { after } => self.belated(tx, after).await?,
                Stage::Over => return Ok(None),
            };
            self.count += rows.len();
            if self.count > PERIOD_ENTRIES_MAX {
                return Err(LedgerError::TooLong { limit: PERIOD_ENTRIES_MAX });
            }
            if !rows.is_empty() {
                return Ok(Some(with_postings_in(tx, rows).await?));
            }
        }
    }

    fn wants(&self, row: &entry::Model) -> bool {
        row.posted_at >= self.from && row.posted_at < self.until && self.kinds.contains(&row.kind.as_str())
    }

    fn high(&self) -> Uuid {
        first_of(self.until + BELATED_AFTER)
    }

    async fn in_time(&mut self, tx: &impl Tx, after: Uuid) -> Result<Vec<entry::Model>, LedgerError> {
        use entry::Column::Id;
        let find = tx.find::<entry::Entity>().filter(Id.gt(after)).filter(Id.lt(self.high())).ascending(Id);
        let mut rows = find.limit(PAGE).all().await?;
        self.at = match rows.last() {
            Some(last) => Stage::InTime { after: last.id },
            None => Stage::Belated { after: (self.from, Uuid::nil()) },
        };
        rows.retain(|row| self.wants(row));
        Ok(rows)
    }

    async fn belated(&mut self, tx: &impl Tx, after: (DateTime<Utc>, Uuid)) -> Result<Vec<entry::Model>, LedgerError> {
        let (low, high) = (first_of(self.from - BELATED_AFTER), self.high());
        let listed = belated_after(tx, after).await?;
        let last = listed.last().copied().filter(|(at, _)| *at < self.until);
        self.at = last.map_or(Stage::Over, |after| Stage::Belated { after });
        // The others were met already.
        let own = listed.into_iter().filter(|(at, id)| *at < self.until && !(low < *id && *id < high));
        let ids: Vec<Uuid> = own.map(|(_, id)| id).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut rows = tx.find::<entry::Entity>().among(entry::Column::Id, ids).all().await?;
        rows.retain(|row| self.wants(row));
        Ok(rows)
    }
}
