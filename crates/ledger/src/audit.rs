//! The audit: balances derived again, the chain verified, everything compared with what is stored.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use kernel::Currency;
use sea_orm::ColumnTrait;
use store::Tx;
use uuid::Uuid;

use crate::account::AccountKind;
use crate::chain::{ChainHash, LinkedEntry, content};
use crate::entry::{EntryId, is_belated};
use crate::error::LedgerError;
use crate::repo::account_of;
use crate::table::{account, belated, entry, head, link, posting};
use crate::turnover::Turnover;

/// What does not hold, in words for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The number of the invariant in the engine's list.
    pub invariant: u8,
    /// What was found.
    pub finding: String,
}

/// What an audit of one tenant's ledger counted and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Entries read.
    pub entries: u64,
    /// Postings read.
    pub postings: u64,
    /// Links verified.
    pub links: u64,
    /// What does not hold; empty is good.
    pub breaches: Vec<Breach>,
}

/// Of which kind each account is, and in which currency.
type Kinds = HashMap<Uuid, (AccountKind, Currency)>;

const PAGE: u64 = 5_000;
const BREACHES_MAX: usize = 100;

impl Audit {
    fn report(&mut self, invariant: u8, finding: String) {
        if self.breaches.len() < BREACHES_MAX {
            self.breaches.push(Breach { invariant, finding });
        }
    }
}

/// Audits the ledger of the transaction's tenant: invariants 1 (entries sum to zero), 2 (balances are the sums
/// of their postings, spendable ones not negative) and 12 (the chain verifies).
pub async fn audit_in(tx: &impl Tx) -> Result<Audit, LedgerError> {
    let mut audit = Audit::default();
    let mut sums: HashMap<Uuid, i128> = HashMap::new();
    let mut batches: HashMap<Uuid, Vec<LinkedEntry>> = HashMap::new();
    let mut listed = belated_in(tx).await?;
    let mut after = Uuid::nil();
    loop {
        let entries = page(tx, after).await?;
        let Some(last) = entries.last() else { break };
        let mut postings = postings_of(tx, &entries, (after, last.id)).await?;
        after = last.id;
        for row in entries {
            let own = postings.remove(&row.id).unwrap_or_default();
            audit.entries += 1;
            audit.postings += own.len() as u64;
            check_entry(&mut audit, &row, &own);
            let is_listed = listed.remove(&row.id) == Some(row.posted_at);
            if !is_listed && is_belated(EntryId::from_uuid(row.id), row.posted_at) {
                audit.report(2, format!("entry {} is far from the time in its id, and not listed as belated", row.id));
            }
            for line in &own {
                *sums.entry(line.account_id).or_default() += i128::from(line.amount_minor);
            }
            let postings = own.into_iter().map(|line| (line.account_id, line.amount_minor, line.currency)).collect();
            batches.entry(row.batch_id).or_default().push(LinkedEntry {
                id: row.id,
                kind: row.kind,
                subject: row.subject_id,
                posted_at: row.posted_at,
                postings,
            });
        }
        for orphan in postings.keys() {
            audit.report(1, format!("postings of {orphan} have no entry"));
        }
    }
    let stored = tx.find::<posting::Entity>().count().await?;
    if stored != audit.postings {
        let (read, strange) = (audit.postings, stored.abs_diff(audit.postings));
        audit.report(1, format!("{strange} postings belong to no entry: {stored} are stored, entries name {read}"));
    }
    let kinds = check_balances(tx, &mut audit, &sums).await?;
    check_chain(tx, &mut audit, (batches, kinds)).await?;
    for (id, at) in listed {
        audit.report(13, format!("an entry {id} of {at} is listed as belated, and there is none"));
    }
    Ok(audit)
}

/// When the entries were posted that are listed as belated.
async fn belated_in(tx: &impl Tx) -> Result<HashMap<Uuid, DateTime<Utc>>, LedgerError> {
    use belated::Column::{EntryId as InEntry, PostedAt};
    let listed: Vec<(Uuid, DateTime<Utc>)> = tx.find::<belated::Entity>().columns([InEntry, PostedAt]).await?;
    Ok(listed.into_iter().collect())
}

async fn page(tx: &impl Tx, after: Uuid) -> Result<Vec<entry::Model>, LedgerError> {
    let page = tx.find::<entry::Entity>().filter(entry::Column::Id.gt(after));
    Ok(page.ascending(entry::Column::Id).limit(PAGE).all().await?)
}

/// The postings of a page of entries, through the accounts that these name.
async fn postings_of(
    tx: &impl Tx,
    entries: &[entry::Model],
    (after, last): (Uuid, Uuid),
) -> Result<HashMap<Uuid, Vec<posting::Model>>, LedgerError> {
    let accounts: BTreeSet<Uuid> = entries.iter().flat_map(entry::Model::account_ids).collect();
    let rows = tx
        .find::<posting::Entity>()
        .among(posting::Column::AccountId, accounts)
        .filter(posting::Column::EntryId.gt(after))
        .filter(posting::Column::EntryId.lte(last))
        .ascending(posting::Column::EntryId)
        .ascending(posting::Column::Seq)
        .all()
        .await?;
    let mut postings: HashMap<Uuid, Vec<posting::Model>> = HashMap::new();
    for row in rows {
        postings.entry(row.entry_id).or_default().push(row);
    }
    Ok(postings)
}

fn check_entry(audit: &mut Audit, row: &entry::Model, postings: &[posting::Model]) {
    let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
    for posting in postings {
        *sums.entry(posting.currency.as_str()).or_default() += i128::from(posting.amount_minor);
    }
    if postings.is_empty() {
        audit.report(1, format!("entry {} has no postings", row.id));
    }
    for (currency, sum) in sums.into_iter().filter(|(_, sum)| *sum != 0) {
        audit.report(1, format!("entry {} sums to {sum} in {currency}", row.id));
    }
}

/// Whether balances are the sums of their postings; answers which kind each account is of, in which currency.
async fn check_balances(tx: &impl Tx, audit: &mut Audit, sums: &HashMap<Uuid, i128>) -> Result<Kinds, LedgerError> {
    let accounts = tx.find::<account::Entity>().ascending(account::Column::Id).all().await?;
    for row in &accounts {
        let derived = sums.get(&row.id).copied().unwrap_or(0);
        if derived != i128::from(row.balance_minor) {
            let stored = row.balance_minor;
            audit.report(2, format!("account {} ({}) holds {stored}, its postings sum to {derived}", row.id, row.kind));
        }
        if row.balance_minor < 0 && AccountKind::parse(&row.kind).map_or(row.is_spendable, AccountKind::is_spendable) {
            audit.report(2, format!("account {} ({}) is below zero", row.id, row.kind));
        }
        if row.balance_minor > 0 && AccountKind::parse(&row.kind).is_some_and(AccountKind::is_debt) {
            audit.report(2, format!("account {} ({}) is a debt above zero", row.id, row.kind));
        }
    }
    let known: HashSet<Uuid> = accounts.iter().map(|row| row.id).collect();
    for stranger in sums.keys().filter(|id| !known.contains(id)) {
        audit.report(2, format!("postings go to {stranger}, which is no account"));
    }
    let kinds = accounts.iter().filter_map(|row| Some((row.id, account_of(row)?)));
    Ok(kinds.map(|(id, account)| (id, (account.kind, account.currency))).collect())
}

/// What these entries move, kind by kind.
fn turnover(entries: &[LinkedEntry], kinds: &Kinds) -> Turnover {
    let mut turnover = Turnover::default();
    for (account, minor, _) in entries.iter().flat_map(|entry| &entry.postings) {
        if let Some((kind, currency)) = kinds.get(account) {
            turnover.post(*kind, *currency, i128::from(*minor));
        }
    }
    turnover
}

async fn check_chain(
    tx: &impl Tx,
    audit: &mut Audit,
    (mut batches, kinds): (HashMap<Uuid, Vec<LinkedEntry>>, Kinds),
) -> Result<(), LedgerError> {
    let mut hash = ChainHash::ROOT;
    let mut sequence = 0;
    loop {
        let links = tx.find::<link::Entity>().filter(link::Column::Seq.gt(sequence));
        let links = links.ascending(link::Column::Seq).limit(PAGE).all().await?;
        if links.is_empty() {
            break;
        }
        for row in links {
            sequence += 1;
            audit.links += 1;
            let mut entries = batches.remove(&row.batch_id).unwrap_or_default();
            if row.moved.as_deref().is_some_and(|moved| *moved != turnover(&entries, &kinds).to_string()) {
                audit.report(2, format!("link {} says that its entries moved something else than they did", row.seq));
            }
            hash = hash.next(row.seq, &content(&mut entries));
            if row.seq != sequence || ChainHash::from_bytes(&row.hash) != Some(hash) {
                audit.report(12, format!("link {} of the ledger does not verify", row.seq));
                hash = ChainHash::from_bytes(&row.hash).unwrap_or(hash);
                sequence = row.seq;
            }
        }
    }
    for batch in batches.keys() {
        audit.report(12, format!("the entries of batch {batch} are in no link"));
    }
    let head = tx.find::<head::Entity>().one().await?;
    let (seq, stored) = head.map_or((0, Some(ChainHash::ROOT)), |row| (row.seq, ChainHash::from_bytes(&row.hash)));
    if seq != sequence || stored != Some(hash) {
        audit.report(12, format!("the head of the ledger is {seq}, its last link {sequence}"));
    }
    Ok(())
}
