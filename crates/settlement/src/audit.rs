//! The audit of settlement: nothing released early or to another one, nothing forgotten.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::Day;
use ledger::{Earner, Entry, EntryId, EntryKind, LedgerError, Side};
use store::Tx;
use uuid::Uuid;

use crate::error::SettlementError;
use crate::repo;

/// What an audit of one tenant's settlement found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettlementAudit {
    /// The number of the invariant and what was found; empty is good.
    pub breaches: Vec<(u8, String)>,
}

const PAGE: u64 = 5_000;
const BREACHES_MAX: usize = 100;
/// For so long what a lifted hold sets free may wait for its job.
const ON_ITS_WAY: TimeDelta = TimeDelta::seconds(60);
/// Days for which something due may wait before somebody should look.
const WAITS_DAYS: u16 = 2;

impl SettlementAudit {
    fn report(&mut self, invariant: u8, finding: String) {
        if self.breaches.len() < BREACHES_MAX {
            self.breaches.push((invariant, finding));
        }
    }
}

/// Audits the settlement of the transaction's tenant: invariants 9 (a release moves what was due, on its day or later, from
/// what is pending of an earner to what he owes and then to what he may take out) and 15 (nothing due stands still, unless it
/// is held back), and that terms begin one after another. `worked_at` says when a server last did its jobs.
pub async fn audit_in(tx: &impl Tx, worked_at: DateTime<Utc>) -> Result<SettlementAudit, SettlementError> {
    let mut audit = SettlementAudit::default();
    let mut after = EntryId::from_uuid(Uuid::nil());
    loop {
        let page = match ledger::entries_of_kind_in(tx, EntryKind::EarningReleased, after, PAGE).await {
            Ok(page) => page,
            Err(LedgerError::Store(error)) => return Err(error.into()),
            // What the ledger cannot make sense of its own audit names.
            Err(error) => {
                audit.report(9, error.to_string());
                break;
            }
        };
        let Some((_, last)) = page.last() else { break };
        after = last.id();
        for (posted_at, entry) in &page {
            check_release(&mut audit, Day::of(*posted_at), entry);
        }
    }
    // What was held until a moment ago is still on its way.
    let held = repo::holds::standing_after(tx, worked_at - ON_ITS_WAY).await?;
    let held: HashSet<(Side, Uuid)> = held.iter().map(|hold| hold.earner.key()).collect();
    let late = Day::of(worked_at).before(WAITS_DAYS);
    let mut after = None;
    loop {
        let page = ledger::due_in(tx, (None, late), after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.account.due.map(|day| (day, last.id));
        for row in &page {
            let Some(earner) = Earner::of(&row.account) else { continue };
            if !held.contains(&(earner.side, earner.owner)) {
                let due = row.account.due.map_or_else(String::new, |day| day.to_string());
                audit.report(15, format!("{} of {} were due on {due} and are pending", row.balance, earner.owner));
            }
        }
    }
    let mut number = 1;
    let mut last = None;
    loop {
        let page = repo::terms::from(tx, number, PAGE).await?;
        let Some(highest) = page.last() else { break };
        number = highest.version + 1;
        for version in page {
            if last.is_some_and(|last| version.effective_from < last) {
                audit.report(9, format!("version {} of the terms begins before the one below it", version.version));
            }
            last = Some(version.effective_from);
        }
    }
    Ok(audit)
}

fn check_release(audit: &mut SettlementAudit, day: Day, entry: &Entry) {
    let id = entry.id();
    let mut earners = entry.postings().iter().map(|posting| Earner::of(&posting.account));
    let first = earners.next().flatten();
    let Some(earner) = first.filter(|first| earners.all(|other| other.as_ref() == Some(first))) else {
        return audit.report(9, format!("the release {id} moves what belongs to several, or to nobody"));
    };
    for posting in entry.postings() {
        let (account, minor) = (posting.account, posting.amount.minor());
        let is_end = account == earner.available() || account == earner.debt();
        if is_end != (minor > 0) {
            audit.report(9, format!("the release {id} moves {minor} on {}", account.kind.name()));
        }
        if let Some(due) = account.due.filter(|due| *due > day) {
            audit.report(9, format!("the release {id} of {day} takes what falls due on {due}"));
        }
    }
}
