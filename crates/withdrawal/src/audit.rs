//! The audit of withdrawals: the books say of each what its row says, and nothing is locked or on its way for nobody.

use std::collections::{BTreeMap, HashMap};

use kernel::Currency;
use ledger::{AccountKind, Earner, Entry, EntryId, EntryKind, LedgerError};
use store::Tx;
use uuid::Uuid;

use crate::error::WithdrawalError;
use crate::model::{Rules, State, Withdrawal};
use crate::repo;

/// What an audit of one tenant's withdrawals found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WithdrawalAudit {
    /// The number of the invariant and what was found; empty is good.
    pub breaches: Vec<(u8, String)>,
}

const PAGE: u64 = 5_000;
const BREACHES_MAX: usize = 100;
const KINDS: [EntryKind; 6] = [
    EntryKind::WithdrawalAsked,
    EntryKind::WithdrawalFreed,
    EntryKind::WithdrawalSent,
    EntryKind::WithdrawalPaid,
    EntryKind::WithdrawalReturned,
    EntryKind::EarningConverted,
];

/// What the books say of a withdrawal, by the place of the kind in [`KINDS`]: the sum above zero that it moved.
type Moved = [Option<i64>; KINDS.len()];

impl WithdrawalAudit {
    fn report(&mut self, finding: String) {
        if self.breaches.len() < BREACHES_MAX {
            self.breaches.push((9, finding));
        }
    }
}

/// Audits the withdrawals of the transaction's tenant (invariant 9): each was locked, freed, sent, paid and returned as its
/// state says, with what its row says; what is locked of an earner is not more than his open one, what is on its way is what
/// was sent; nobody has approved what he asked for, and as many as had to.
pub async fn audit_in(tx: &impl Tx) -> Result<WithdrawalAudit, WithdrawalError> {
    let mut audit = WithdrawalAudit::default();
    let mut books = read_books(tx, &mut audit).await?;
    let rules: HashMap<i64, Rules> =
        repo::rules::page(tx, None, PAGE).await?.into_iter().map(|version| (version.version, version.rules)).collect();
    let mut open: HashMap<Earner, i64> = HashMap::new();
    let mut on_its_way: BTreeMap<Currency, i64> = BTreeMap::new();
    let mut after = Uuid::nil();
    loop {
        let page = repo::requests::after(tx, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id.uuid();
        for one in &page {
            check(&mut audit, one, &books.remove(&one.id.uuid()).unwrap_or_default());
            check_reviewers(&mut audit, one, rules.get(&one.rules_version).unwrap_or(&Rules::USUAL));
            if one.state.is_open() {
                open.insert(one.ledger_earner(), one.amount.minor());
            }
            if let (State::Sent, Some((_, split))) = (one.state, one.sent) {
                *on_its_way.entry(one.amount.currency()).or_default() += split.net.minor();
            }
        }
    }
    for stranger in books.keys() {
        audit.report(format!("the books tell of a withdrawal {stranger}, which is not there"));
    }
    check_locked(tx, &mut audit, &open).await?;
    check_on_its_way(tx, &mut audit, &on_its_way).await?;
    Ok(audit)
}

async fn read_books(tx: &impl Tx, audit: &mut WithdrawalAudit) -> Result<HashMap<Uuid, Moved>, WithdrawalError> {
    let mut books: HashMap<Uuid, Moved> = HashMap::new();
    for (place, kind) in KINDS.into_iter().enumerate() {
        let mut after = EntryId::from_uuid(Uuid::nil());
        loop {
            let page = match ledger::entries_of_kind_in(tx, kind, after, PAGE).await {
                Ok(page) => page,
                Err(LedgerError::Store(error)) => return Err(error.into()),
                // What the ledger cannot make sense of its own audit names.
                Err(error) => {
                    audit.report(error.to_string());
                    break;
                }
            };
            let Some((_, last)) = page.last() else { break };
            after = last.id();
            for (_, entry) in &page {
                books.entry(entry.subject()).or_default()[place] = Some(moved(entry));
            }
        }
    }
    Ok(books)
}

fn moved(entry: &Entry) -> i64 {
    entry.postings().iter().map(|posting| posting.amount.minor()).filter(|minor| *minor > 0).sum()
}

fn check(audit: &mut WithdrawalAudit, one: &Withdrawal, moved: &Moved) {
    let [asked, freed, sent, paid, returned, converted] = *moved;
    let amount = Some(one.amount.minor());
    let whole = one.sent.map(|(_, split)| split.whole().minor());
    let net = one.sent.map(|(_, split)| split.net.minor());
    let holds = match one.state {
        State::Requested | State::Approved => {
            [asked, freed, sent, paid, returned, converted] == [amount, None, None, None, None, None]
        }
        // Of what a refund took back before nothing is freed, and so there may be no entry.
        State::Rejected | State::Cancelled => {
            [asked, sent, paid, returned, converted] == [amount, None, None, None, None] && freed <= amount
        }
        State::Sent => [asked, freed, sent, paid, returned, converted] == [amount, None, whole, None, None, None],
        State::Paid => [asked, freed, sent, paid, returned, converted] == [amount, None, whole, net, None, None],
        State::Returned => {
            [asked, freed, sent, returned, converted] == [amount, None, whole, whole, None]
                && (paid.is_none() || paid == net)
        }
        State::Converted => [asked, freed, sent, paid, returned, converted] == [None, None, None, None, None, amount],
    };
    if !holds || whole > amount {
        let (state, id) = (one.state.word(), one.id);
        audit.report(format!("{id} of {} is {state} and the books moved {moved:?}", one.amount));
    }
}

fn check_reviewers(audit: &mut WithdrawalAudit, one: &Withdrawal, rules: &Rules) {
    let needed = match one.state {
        State::Approved | State::Sent | State::Paid | State::Returned => {
            if rules.two_persons_from_minor.is_some_and(|from| one.amount.minor() >= from) { 2 } else { 1 }
        }
        _ => 0,
    };
    let mut persons = one.approved_by.clone();
    persons.sort();
    persons.dedup();
    if persons.len() < needed || persons.contains(&one.requested.1) {
        audit.report(format!("{} is {} without the {needed} who had to approve it", one.id, one.state.word()));
    }
}

async fn check_locked(
    tx: &impl Tx,
    audit: &mut WithdrawalAudit,
    open: &HashMap<Earner, i64>,
) -> Result<(), WithdrawalError> {
    for kind in [AccountKind::SiteLocked, AccountKind::AgentLocked] {
        let mut after = None;
        loop {
            let page = ledger::accounts_in(tx, Some(kind), after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for row in &page {
                let most = Earner::of(&row.account).and_then(|earner| open.get(&earner)).copied().unwrap_or(0);
                if row.balance.minor() > most {
                    audit.report(format!("{} is locked on {}, {most} was asked for", row.balance, row.id));
                }
            }
        }
    }
    Ok(())
}

async fn check_on_its_way(
    tx: &impl Tx,
    audit: &mut WithdrawalAudit,
    sent: &BTreeMap<Currency, i64>,
) -> Result<(), WithdrawalError> {
    let mut after = None;
    loop {
        let page = ledger::accounts_in(tx, Some(AccountKind::WithdrawalsInTransit), after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for row in &page {
            let expected = sent.get(&row.account.currency).copied().unwrap_or(0);
            if row.balance.minor() != expected {
                audit.report(format!("{} is on its way, {expected} was sent", row.balance));
            }
        }
    }
    Ok(())
}
