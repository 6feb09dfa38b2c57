//! What top-ups were promised was given when they were paid, once, and nothing else was.

use std::collections::{HashMap, HashSet};

use ledger::{EntryId, EntryKind};
use store::Tx;
use uuid::Uuid;

use super::{PAGE, PaymentAudit, posted};
use crate::error::PaymentError;
use crate::model::{Intent, IntentId, IntentState, Purpose};
use crate::repo;

/// Compares bonuses with their top-ups and with the books (invariant 6).
pub(super) async fn check(tx: &impl Tx, audit: &mut PaymentAudit) -> Result<(), PaymentError> {
    let mut granted: HashSet<Uuid> = HashSet::new();
    let mut after = IntentId::from_uuid(Uuid::nil());
    loop {
        let page = repo::bonuses_after_in(tx, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.intent;
        let ids: Vec<IntentId> = page.iter().map(|bonus| bonus.intent).collect();
        let intents = repo::intents_in(tx, &ids).await?;
        let intents: HashMap<IntentId, Intent> = intents.into_iter().map(|intent| (intent.id, intent)).collect();
        for bonus in &page {
            let of = intents.get(&bonus.intent);
            let is_his = of.is_some_and(|of| {
                let whose = (of.purpose, of.customer, of.site);
                whose == (Purpose::TopUp, Some(bonus.customer), bonus.site) && of.amount.minor() >= bonus.amount.minor()
            });
            let is_paid = of.is_some_and(|of| of.state == IntentState::Paid);
            if !is_his || is_paid != bonus.granted_at.is_some() {
                audit.report(6, format!("the bonus of {} is not that of a top-up that was paid", bonus.intent));
            }
            let given = [(EntryKind::TopUpBonus, bonus.amount.minor())];
            let expected = if bonus.granted_at.is_some() { given.as_slice() } else { &[] };
            if posted(tx, bonus.intent.uuid()).await? != expected {
                audit.report(6, format!("the ledger does not say what {} was given", bonus.intent));
            }
            if bonus.granted_at.is_some() {
                granted.insert(bonus.intent.uuid());
            }
        }
    }
    let mut after = EntryId::from_uuid(Uuid::nil());
    loop {
        let page = ledger::subjects_in(tx, &[EntryKind::TopUpBonus], after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = *last;
        for (entry, subject) in page.into_iter().filter(|(_, subject)| !granted.contains(subject)) {
            audit.report(6, format!("{entry} gives a bonus to {subject}, which was promised none"));
        }
    }
}
