//! The audit of member money: the books say of each card, adjustment, credit and move what its row says, and nothing else.

use std::collections::{BTreeSet, HashMap};

use ledger::{AccountKind, Entry, EntryId, EntryKind, LedgerError};
use store::Tx;
use uuid::Uuid;

use crate::error::FundsError;
use crate::model::{AdjustmentState, CardState, RechargeBatch, RechargeBatchId, Target};
use crate::repo::{accounts, cards};
use crate::rules;

/// What an audit of one tenant's member money found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FundsAudit {
    /// The number of the invariant and what was found; empty is good.
    pub breaches: Vec<(u8, String)>,
}

const PAGE: u64 = 5_000;
const BREACHES_MAX: usize = 100;

impl FundsAudit {
    fn report(&mut self, finding: String) {
        if self.breaches.len() < BREACHES_MAX {
            self.breaches.push((6, finding));
        }
    }
}

/// Audits the member money of the transaction's tenant (invariant 6): a redeemed card, an approved adjustment and a move are
/// posted once, as their rows say, and nothing else is posted as such; an adjustment was approved by another person than asked
/// for it; what a site was lent stands on its credit account.
pub async fn audit_in(tx: &impl Tx) -> Result<FundsAudit, FundsError> {
    let mut audit = FundsAudit::default();
    check_cards(tx, &mut audit).await?;
    check_adjustments(tx, &mut audit).await?;
    check_moves(tx, &mut audit).await?;
    check_credits(tx, &mut audit).await?;
    Ok(audit)
}

/// The entries of a kind by what they are about.
async fn entries(tx: &impl Tx, kind: EntryKind, audit: &mut FundsAudit) -> Result<HashMap<Uuid, Entry>, FundsError> {
    let (mut found, mut after) = (HashMap::new(), EntryId::from_uuid(Uuid::nil()));
    loop {
        let page = match ledger::entries_of_kind_in(tx, kind, after, PAGE).await {
            Ok(page) => page,
            Err(LedgerError::Store(error)) => return Err(error.into()),
            // What the ledger cannot make sense of its own audit names.
            Err(error) => {
                audit.report(error.to_string());
                return Ok(found);
            }
        };
        let Some((_, last)) = page.last() else { return Ok(found) };
        after = last.id();
        for (_, entry) in page {
            let (subject, id) = (entry.subject(), entry.id());
            if found.insert(subject, entry).is_some() {
                audit.report(format!("{id} is a second entry about {subject}"));
            }
        }
    }
}

/// Whether the books say what the row says: an entry with these postings, or none.
fn compare(audit: &mut FundsAudit, what: &str, posted: Option<Entry>, expected: Option<Entry>) {
    let said = |entry: &Option<Entry>| {
        let postings = entry.iter().flat_map(|entry| entry.postings().iter().copied());
        let mut postings: Vec<_> = postings.map(|of| (of.account.kind, of.account.owner, of.amount)).collect();
        postings.sort_by_key(|(kind, owner, amount)| (*kind, *owner, amount.minor()));
        postings
    };
    if said(&posted) != said(&expected) {
        audit.report(format!("{what}: the books say {:?}, its row {:?}", said(&posted), said(&expected)));
    }
}

fn strangers(audit: &mut FundsAudit, kind: EntryKind, left: &HashMap<Uuid, Entry>) {
    for subject in left.keys() {
        audit.report(format!("the books tell of {} of {subject}, which is not there", kind.name()));
    }
}

async fn check_cards(tx: &impl Tx, audit: &mut FundsAudit) -> Result<(), FundsError> {
    let kind = EntryKind::RechargeRedeemed;
    let mut posted = entries(tx, kind, audit).await?;
    let mut batches: HashMap<RechargeBatchId, RechargeBatch> = HashMap::new();
    let mut after = Uuid::nil();
    loop {
        let page = cards::after(tx, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id.uuid();
        let new: BTreeSet<RechargeBatchId> = page.iter().map(|card| card.batch).collect();
        let new: Vec<RechargeBatchId> = new.into_iter().filter(|batch| !batches.contains_key(batch)).collect();
        batches.extend(cards::batches_of(tx, &new).await?.into_iter().map(|batch| (batch.id, batch)));
        for card in &page {
            let batch = batches.get(&card.batch);
            let expected = match (card.state, card.redemption, batch) {
                (CardState::Redeemed, Some(by), Some(batch)) => Some(rules::redeemed(card.id, batch, by)?),
                _ => None,
            };
            let is_closed = batch.is_some_and(|batch| batch.voided.is_some());
            if is_closed && card.state == CardState::Ready {
                audit.report(format!("{} may be redeemed although its batch is void", card.id));
            }
            compare(audit, &card.id.to_string(), posted.remove(&card.id.uuid()), expected);
        }
    }
    strangers(audit, kind, &posted);
    Ok(())
}

async fn check_adjustments(tx: &impl Tx, audit: &mut FundsAudit) -> Result<(), FundsError> {
    let kind = EntryKind::BalanceAdjusted;
    let mut posted = entries(tx, kind, audit).await?;
    let mut after = Uuid::nil();
    loop {
        let page = accounts::adjustments_after(tx, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id.uuid();
        for of in &page {
            let is_approved = of.state == AdjustmentState::Approved;
            let expected = is_approved.then(|| rules::adjusted(of)).transpose()?;
            compare(audit, &of.id.to_string(), posted.remove(&of.id.uuid()), expected);
            if is_approved && of.decided.is_none_or(|(_, by)| by == of.requested.1) {
                audit.report(format!("{} was approved by nobody but who asked for it", of.id));
            }
        }
    }
    strangers(audit, kind, &posted);
    Ok(())
}

async fn check_moves(tx: &impl Tx, audit: &mut FundsAudit) -> Result<(), FundsError> {
    let kind = EntryKind::PrepaidMoved;
    let mut posted = entries(tx, kind, audit).await?;
    let mut after = Uuid::nil();
    loop {
        let page = accounts::moves_after(tx, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id.uuid();
        for of in &page {
            let expected = rules::handed_on(of)?;
            compare(audit, &of.id.to_string(), posted.remove(&of.id.uuid()), Some(expected));
        }
    }
    strangers(audit, kind, &posted);
    Ok(())
}

/// What a site was lent is what its row says, whatever changes led there.
async fn check_credits(tx: &impl Tx, audit: &mut FundsAudit) -> Result<(), FundsError> {
    let mut lent: HashMap<Uuid, i64> = HashMap::new();
    let mut after = Uuid::nil();
    loop {
        let page = accounts::credits_after(tx, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.site.uuid();
        lent.extend(page.iter().map(|of| (of.site.uuid(), of.amount.minor())));
    }
    let mut after = None;
    loop {
        let page = ledger::accounts_in(tx, Some(AccountKind::SiteCredit), after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for row in &page {
            let expected = row.account.owner.and_then(|site| lent.remove(&site)).unwrap_or(0);
            if row.balance.minor() != -expected {
                audit.report(format!("{} stands on {}, {expected} was lent", row.balance, row.id));
            }
        }
    }
    for (site, minor) in lent.into_iter().filter(|(_, minor)| *minor != 0) {
        let site = Target::Prepaid(kernel::SiteId::from_uuid(site));
        audit.report(format!("{minor} was lent to {site:?}, and no account says so"));
    }
    Ok(())
}
