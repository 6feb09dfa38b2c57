//! Rows that no foreign key keeps to what they name: they name what is there, and agree with it (invariant 13).

use std::collections::{HashMap, HashSet};

use ledger::{EntryId, EntryKind};
use store::Tx;
use uuid::Uuid;

use super::{PAGE, PaymentAudit};
use crate::error::PaymentError;
use crate::model::{ExceptionId, Intent, IntentId, IntentState, Payment, PaymentId, Purpose, Refund, RefundId, Use};
use crate::number::OutNo;
use crate::repo;

/// What a payment was used for is what it was meant to pay, and that is paid; a payment that was not used names an intent
/// or nothing.
pub(super) fn check_intent(audit: &mut PaymentAudit, payment: &Payment, intents: &HashMap<IntentId, Intent>) {
    let intent = payment.intent.map(|id| intents.get(&id));
    let wanted = match payment.use_ {
        Use::Order => Purpose::Order,
        Use::TopUp => Purpose::TopUp,
        Use::Exception => {
            if matches!(intent, Some(None)) {
                audit.report(13, format!("payment {} was meant to pay what is not there", payment.id));
            }
            return;
        }
    };
    let is_meant = intent.flatten().is_some_and(|intent| {
        (intent.purpose, intent.state, intent.amount, intent.site)
            == (wanted, IntentState::Paid, payment.amount, payment.site)
    });
    if !is_meant {
        let word = payment.use_.word();
        audit.report(6, format!("payment {} is used as {word}, and what it pays says otherwise", payment.id));
    }
}

/// These refunds send back `payment`, at its site, under the number that the gateway knows.
pub(super) fn check_numbers(audit: &mut PaymentAudit, refunds: &[&Refund], payment: &Payment) {
    for refund in refunds {
        if (refund.site, &refund.out_no) != (payment.site, &payment.out_no) {
            audit.report(13, format!("refund {} is of another site or number than its payment", refund.id));
        }
    }
}

/// The exceptions that these refunds settle are there, and are of the refunds' payments.
pub(super) async fn check_settled(
    tx: &impl Tx,
    audit: &mut PaymentAudit,
    refunds: &[Refund],
) -> Result<(), PaymentError> {
    let ids: Vec<ExceptionId> = refunds.iter().filter_map(|refund| refund.exception).collect();
    let exceptions = repo::exceptions_in(tx, &ids).await?;
    let exceptions: HashMap<ExceptionId, PaymentId> =
        exceptions.into_iter().map(|exception| (exception.id, exception.payment)).collect();
    for refund in refunds {
        if refund.exception.is_some_and(|exception| exceptions.get(&exception) != Some(&refund.payment)) {
            audit.report(13, format!("refund {} settles an exception of another payment, or none", refund.id));
        }
    }
    Ok(())
}

/// Reads the rows that name others and are looked at for nothing else.
pub(super) async fn check(tx: &impl Tx, audit: &mut PaymentAudit) -> Result<(), PaymentError> {
    check_exceptions(tx, audit).await?;
    check_handovers(tx, audit).await?;
    check_subjects(tx, audit, Subject::Payment).await?;
    check_subjects(tx, audit, Subject::Refund).await
}

/// What was wrong with a payment is about what that was meant to pay.
async fn check_exceptions(tx: &impl Tx, audit: &mut PaymentAudit) -> Result<(), PaymentError> {
    let mut after = ExceptionId::from_uuid(Uuid::nil());
    loop {
        let page = repo::exceptions_after_in(tx, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        let ids: Vec<PaymentId> = page.iter().map(|exception| exception.payment).collect();
        let payments = repo::payments_in(tx, &ids).await?;
        let payments: HashMap<PaymentId, Payment> = payments.into_iter().map(|payment| (payment.id, payment)).collect();
        for exception in page {
            let meant = payments.get(&exception.payment).map(|payment| (payment.use_, payment.site, payment.intent));
            if meant != Some((Use::Exception, exception.site, exception.intent)) {
                audit.report(13, format!("exception {} does not say what its payment says", exception.id));
            }
        }
    }
}

async fn check_handovers(tx: &impl Tx, audit: &mut PaymentAudit) -> Result<(), PaymentError> {
    let mut after = String::new();
    loop {
        let page = repo::handed_over_in(tx, &after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(last);
        let numbers: Vec<OutNo> = page.iter().filter_map(|number| OutNo::parse(number).ok()).collect();
        let known = repo::attempts_in(tx, &numbers).await?;
        let known: HashSet<String> = known.into_iter().map(|attempt| attempt.out_no.to_string()).collect();
        for number in page.iter().filter(|number| !known.contains(*number)) {
            audit.report(13, format!("a hand-over leads to {number}, which is no try to pay"));
        }
    }
}

/// What entries of this room are about.
#[derive(Debug, Clone, Copy)]
enum Subject {
    Payment,
    Refund,
}

impl Subject {
    const fn word(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Refund => "refund",
        }
    }

    const fn kinds(self) -> &'static [EntryKind] {
        match self {
            Self::Payment => &[EntryKind::TopUpPaid, EntryKind::MoneySuspended],
            Self::Refund => &[EntryKind::RefundSubmitted, EntryKind::RefundDone, EntryKind::RefundFailed],
        }
    }

    /// Which of these there are.
    async fn known_in(self, tx: &impl Tx, ids: impl Iterator<Item = Uuid>) -> Result<HashSet<Uuid>, PaymentError> {
        let known = match self {
            Self::Payment => {
                let ids: Vec<PaymentId> = ids.map(PaymentId::from_uuid).collect();
                repo::payments_in(tx, &ids).await?.iter().map(|payment| payment.id.uuid()).collect()
            }
            Self::Refund => {
                let ids: Vec<RefundId> = ids.map(RefundId::from_uuid).collect();
                repo::refunds_in(tx, &ids).await?.iter().map(|refund| refund.id.uuid()).collect()
            }
        };
        Ok(known)
    }
}

/// What the ledger says of payments and refunds, it says of some that are there: money in a wallet came from somewhere.
async fn check_subjects(tx: &impl Tx, audit: &mut PaymentAudit, of: Subject) -> Result<(), PaymentError> {
    let mut after = EntryId::from_uuid(Uuid::nil());
    loop {
        let page = ledger::subjects_in(tx, of.kinds(), after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = *last;
        let known = of.known_in(tx, page.iter().map(|(_, subject)| *subject)).await?;
        for (entry, subject) in page.iter().filter(|(_, subject)| !known.contains(subject)) {
            audit.report(13, format!("{entry} is about {subject}, which is no {}", of.word()));
        }
    }
}
