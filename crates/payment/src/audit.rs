//! The audit of payments: rows against each other and against the ledger.

mod bonus;
mod kept;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use ledger::{EntryKind, entries_of_in};
use store::Tx;
use uuid::Uuid;

use crate::error::PaymentError;
use crate::model::{
    Attempt, CallbackId, Channel, ChannelId, Intent, IntentId, Payment, PaymentId, Refund, RefundId, RefundState, Use,
};
use crate::number::OutNo;
use crate::repo;

/// What an audit of one tenant's payments counted and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaymentAudit {
    /// Payments read.
    pub payments: u64,
    /// Refunds read.
    pub refunds: u64,
    /// The number of the invariant and what was found; empty is good.
    pub breaches: Vec<(u8, String)>,
}

const PAGE: u64 = 500;
const BREACHES_MAX: usize = 100;
/// The longest that a message may wait.
const CALLBACK_WAITS_MAX: TimeDelta = TimeDelta::hours(1);
/// The longest that a refund may stay as it is.
pub const REFUND_WAITS_MAX: TimeDelta = TimeDelta::hours(26);

impl PaymentAudit {
    fn report(&mut self, invariant: u8, finding: String) {
        if self.breaches.len() < BREACHES_MAX {
            self.breaches.push((invariant, finding));
        }
    }
}

/// Audits the payments of the transaction's tenant: invariants 6 (a trade number is one payment, a payment pays one
/// order or top-up, amounts equal), 7 (refunds are not more than what was paid), and that the ledger says the same; 13
/// (what names another row without a foreign key names one that is there) and 15 (nothing that was begun is left lying).
pub async fn audit_in(tx: &impl Tx) -> Result<PaymentAudit, PaymentError> {
    let mut audit = PaymentAudit::default();
    check_attempts(tx, &mut audit).await?;
    check_waiting(tx, &mut audit).await?;
    let mut paid: HashSet<IntentId> = HashSet::new();
    let mut after = PaymentId::from_uuid(Uuid::nil());
    loop {
        let payments = repo::payment_page_in(tx, after, PAGE).await?;
        let Some(last) = payments.last() else { break };
        after = last.id;
        audit.payments += payments.len() as u64;
        let channels: Vec<ChannelId> = payments.iter().map(|payment| payment.channel).collect();
        let channels: HashMap<ChannelId, Channel> =
            repo::channels_in(tx, &channels).await?.into_iter().map(|channel| (channel.id, channel)).collect();
        let numbers: Vec<OutNo> = payments.iter().filter_map(|payment| OutNo::parse(&payment.out_no).ok()).collect();
        let attempts: HashMap<OutNo, Attempt> =
            repo::attempts_in(tx, &numbers).await?.into_iter().map(|attempt| (attempt.out_no, attempt)).collect();
        let ids: Vec<PaymentId> = payments.iter().map(|payment| payment.id).collect();
        let refunds = repo::refunds_of_in(tx, &ids).await?;
        kept::check_settled(tx, &mut audit, &refunds).await?;
        let intents: Vec<IntentId> = payments.iter().filter_map(|payment| payment.intent).collect();
        let intents: HashMap<IntentId, Intent> =
            repo::intents_in(tx, &intents).await?.into_iter().map(|intent| (intent.id, intent)).collect();
        for payment in &payments {
            let attempt = OutNo::parse(&payment.out_no).ok().and_then(|number| attempts.get(&number));
            check_payment(&mut audit, payment, attempt, &mut paid);
            kept::check_intent(&mut audit, payment, &intents);
            let is_ours = channels.get(&payment.channel).is_some_and(|channel| channel.payee == payment.payee);
            check_taken(tx, &mut audit, payment, is_ours).await?;
            let own: Vec<&Refund> = refunds.iter().filter(|refund| refund.payment == payment.id).collect();
            check_refunds(tx, &mut audit, (payment, is_ours), &own).await?;
            kept::check_numbers(&mut audit, &own, payment);
        }
    }
    kept::check(tx, &mut audit).await?;
    bonus::check(tx, &mut audit).await?;
    Ok(audit)
}

/// These refunds, for the audit of the orders that they belong to.
pub async fn refunds_in(tx: &impl Tx, ids: &[RefundId]) -> Result<Vec<Refund>, PaymentError> {
    repo::refunds_in(tx, ids).await
}

/// These payments, for the audit of the orders that they paid.
pub async fn payments_in(tx: &impl Tx, ids: &[PaymentId]) -> Result<Vec<Payment>, PaymentError> {
    repo::payments_in(tx, ids).await
}

/// The money that came for these intents, for the audit of the orders that they are of.
pub async fn payments_for_in(tx: &impl Tx, intents: &[IntentId]) -> Result<Vec<Payment>, PaymentError> {
    repo::payments_of_in(tx, intents).await
}

/// The intents of orders after `after` and up to `last`, for the audit of the orders; without `last`, `limit` of them.
pub async fn order_intents_in(
    tx: &impl Tx,
    after: Uuid,
    last: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Intent>, PaymentError> {
    repo::order_intents_in(tx, after, last, limit).await
}

/// Those of these refunds that are done or refused, and have been so since before `moved_before`.
pub async fn ended_refunds_in(
    tx: &impl Tx,
    ids: &[RefundId],
    moved_before: DateTime<Utc>,
) -> Result<Vec<Refund>, PaymentError> {
    repo::ended_refunds_in(tx, ids, moved_before).await
}

async fn check_attempts(tx: &impl Tx, audit: &mut PaymentAudit) -> Result<(), PaymentError> {
    let mut after = String::new();
    loop {
        let attempts = repo::attempt_page_in(tx, &after, PAGE).await?;
        let Some(last) = attempts.last() else { return Ok(()) };
        after = last.out_no.to_string();
        let ids: Vec<IntentId> = attempts.iter().map(|attempt| attempt.intent).collect();
        let intents = repo::intents_in(tx, &ids).await?;
        let intents: HashMap<IntentId, _> = intents.into_iter().map(|intent| (intent.id, intent)).collect();
        for attempt in attempts {
            match intents.get(&attempt.intent) {
                None => audit.report(6, format!("try {} pays nothing that exists", attempt.out_no)),
                Some(intent) if (intent.amount, intent.site) != (attempt.amount, attempt.site) => {
                    audit.report(6, format!("try {} is for another amount or site than what it pays", attempt.out_no));
                }
                Some(_) => {}
            }
        }
    }
}

/// Messages are dealt with within an hour, refunds move within a day.
async fn check_waiting(tx: &impl Tx, audit: &mut PaymentAudit) -> Result<(), PaymentError> {
    let (first, most) = (Uuid::nil(), BREACHES_MAX as u64);
    let time = (DateTime::UNIX_EPOCH, tx.now() - CALLBACK_WAITS_MAX);
    let callbacks = repo::waiting_callbacks_in(tx, time, CallbackId::from_uuid(first), most).await?;
    for callback in callbacks {
        audit.report(15, format!("message {} came more than an hour ago and was not dealt with", callback.id));
    }
    let unmoved = repo::unmoved_refunds_in(tx, tx.now() - REFUND_WAITS_MAX, RefundId::from_uuid(first), most).await?;
    for refund in unmoved {
        let state = refund.state.word();
        audit.report(15, format!("refund {} has been {state} for more than a day", refund.id));
    }
    Ok(())
}

fn check_payment(audit: &mut PaymentAudit, payment: &Payment, attempt: Option<&Attempt>, paid: &mut HashSet<IntentId>) {
    if payment.use_ == Use::Exception {
        return;
    }
    let is_met = attempt.is_some_and(|attempt| {
        let asked = (attempt.channel, Some(attempt.intent), attempt.amount, attempt.payee.as_str());
        asked == (payment.channel, payment.intent, payment.amount, payment.payee.as_str())
    });
    if !is_met {
        audit.report(6, format!("payment {} is not what its try {} asked for", payment.id, payment.out_no));
    }
    if payment.intent.is_none_or(|intent| !paid.insert(intent)) {
        audit.report(6, format!("what payment {} pays is paid twice, or nothing", payment.id));
    }
}

/// Money that is used otherwise than for an order is in the ledger under the payment's own id.
async fn check_taken(
    tx: &impl Tx,
    audit: &mut PaymentAudit,
    payment: &Payment,
    is_ours: bool,
) -> Result<(), PaymentError> {
    let wanted = match payment.use_ {
        Use::Order => return Ok(()),
        Use::TopUp => EntryKind::TopUpPaid,
        Use::Exception => EntryKind::MoneySuspended,
    };
    let wanted = if is_ours { vec![(wanted, payment.amount.minor())] } else { Vec::new() };
    if posted(tx, payment.id.uuid()).await? != wanted {
        audit.report(6, format!("the ledger does not say what became of payment {}", payment.id));
    }
    Ok(())
}

async fn check_refunds(
    tx: &impl Tx,
    audit: &mut PaymentAudit,
    (payment, is_ours): (&Payment, bool),
    refunds: &[&Refund],
) -> Result<(), PaymentError> {
    audit.refunds += refunds.len() as u64;
    let lives = |refund: &&&Refund| !matches!(refund.state, RefundState::Failed | RefundState::Cancelled);
    let sum: i128 = refunds.iter().filter(lives).map(|refund| i128::from(refund.amount.minor())).sum();
    let is_other =
        |refund: &&Refund| (refund.amount.currency(), refund.channel) != (payment.amount.currency(), payment.channel);
    if sum > i128::from(payment.amount.minor()) || refunds.iter().any(is_other) {
        audit.report(7, format!("the refunds of payment {} are not of what was paid", payment.id));
    }
    // What an order's money goes back for is the order's business; all other refunds settle an exception.
    let is_of_order = |refund: &&Refund| refund.exception.is_none();
    if refunds.iter().any(is_of_order) && payment.use_ != Use::Order {
        audit.report(7, format!("payment {} bought no order, and an order's refund sends it back", payment.id));
    }
    for refund in refunds {
        let posted = posted(tx, refund.id.uuid()).await?;
        if !is_posted_right(refund, is_ours, &posted) {
            let state = refund.state.word();
            audit.report(7, format!("refund {} is {state}, and the ledger says otherwise", refund.id));
        }
    }
    Ok(())
}

/// Whether these entries lead to the refund's state. One that failed may have been sent again, which failed as well.
fn is_posted_right(refund: &Refund, is_ours: bool, posted: &[(EntryKind, i64)]) -> bool {
    let count = |kind| posted.iter().filter(|entry| entry.0 == kind).count();
    let (failed, done) = (count(EntryKind::RefundFailed), count(EntryKind::RefundDone));
    let (on_the_way, done_wanted) = match refund.state {
        RefundState::Requested | RefundState::Approved | RefundState::Cancelled | RefundState::Failed => (0, 0),
        RefundState::Submitting | RefundState::Unknown => (1, 0),
        RefundState::Done => (1, 1),
    };
    let has_failed = match refund.state {
        RefundState::Requested => failed == 0,
        RefundState::Failed => failed > 0,
        _ => u32::try_from(failed).is_ok_and(|failed| failed <= refund.tries),
    };
    let entries = failed + on_the_way + failed + done;
    let is_counted = (count(EntryKind::RefundSubmitted), done) == (failed + on_the_way, done_wanted) && has_failed;
    let amount = refund.amount.minor();
    let is_exact = posted.len() == entries && posted.iter().all(|(_, moved)| *moved == amount);
    if is_ours { is_counted && is_exact } else { posted.iter().all(|(_, moved)| *moved == 0) }
}

/// The entries about `subject`, each with what it moved.
async fn posted(tx: &impl Tx, subject: Uuid) -> Result<Vec<(EntryKind, i64)>, PaymentError> {
    let mut posted: Vec<(EntryKind, i64)> = entries_of_in(tx, subject)
        .await?
        .iter()
        .map(|entry| {
            let moved = entry.postings().iter().map(|posting| posting.amount.minor()).filter(|minor| *minor > 0);
            (entry.kind(), moved.sum())
        })
        .collect();
    posted.sort_unstable();
    Ok(posted)
}
