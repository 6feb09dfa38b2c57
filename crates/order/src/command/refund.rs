//! An operator refunds an order in full, and the order hears that its money is back.

use chrono::{DateTime, Utc};
use inventory::Picks;
use kernel::Money;
use lane::{Command, CommandKey, Parts};
use ledger::{Account, AccountKind, Book, Entry};
use payment::{IntentId, RefundId, RefundState, Till, Use, suspense_account};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::desk::Desk;
use crate::fulfil::FulfilState;
use crate::known::{KnownOrder, KnownRefund, News};
use crate::machine::{OrderEvent, PaymentState};
use crate::model::{Method, OrderId};
use crate::refund::{RefundAsked, RefundOf, RefundRefusal};
use crate::sale::{self, Back, SaleError};

/// Refunds a paid order in full: what was not delivered is called off, what was delivered is clawed back.
#[derive(Debug, Clone)]
pub struct RefundOrder {
    /// The order.
    pub order: OrderId,
    /// Why, and who says so.
    pub of: RefundOf,
    /// The caller's key: the same one is the same refund.
    pub key: String,
}

/// The payment that bought an order, and where its money waits for its way back.
struct Paid {
    payment: payment::Payment,
    waiting: Account,
}

impl RefundOrder {
    fn decide_or_refuse(&self, parts: &mut Parts, now: DateTime<Utc>) -> Result<RefundAsked, RefundRefusal> {
        let known = parts.part::<Desk>().order(self.order).cloned();
        let mut order = known.ok_or(RefundRefusal::NotFound)?;
        match order.states.payment {
            _ if order.refund.is_some() => return Err(RefundRefusal::Refunded),
            PaymentState::Paid => {}
            PaymentState::Refunded => return Err(RefundRefusal::Refunded),
            PaymentState::Unpaid | PaymentState::Paying | PaymentState::PartRefunded => {
                return Err(RefundRefusal::NotPaid);
            }
        }
        let paid = match order.method {
            Method::Wallet => None,
            Method::Channel => Some(paid(parts.part::<Till>(), &order).ok_or(RefundRefusal::NoPayment)?),
        };
        let back = back(&order, paid.as_ref()).ok_or(RefundRefusal::NoPayment)?;
        take_back(parts.part::<Book>(), &order).expect("what was earned can be taken back, or is owed");
        let (entries, held) = entries(&order, back).expect("what was frozen can be posted");
        parts.part::<Book>().post_all(entries).expect("what goes back was taken before");
        call_off(parts, &mut order, now);
        order.held = held;
        let refund = paid.map(|paid| {
            let refund = paid.payment.refund_of_order();
            let id = refund.id;
            parts.part::<Till>().request_refund(refund);
            id
        });
        let RefundOf { reason, by } = self.of.clone();
        let (amount, settled_at) = (order.total, refund.is_none().then_some(now));
        order.refund = Some(KnownRefund { amount, refund, reason, by, at: now, settled_at, news: News::New });
        let event = if refund.is_some() { OrderEvent::RefundRequested } else { OrderEvent::Refunded };
        order.apply(event, &by.to_string()).expect("a paid order can be refunded");
        let answer = RefundAsked { amount, refund, states: order.states };
        parts.part::<Desk>().put(order);
        Ok(answer)
    }
}

fn paid(till: &Till, order: &KnownOrder) -> Option<Paid> {
    let intent = IntentId::from_uuid(order.id.uuid());
    let payment = till.payments_of(intent).find(|payment| payment.use_ == Use::Order)?.clone();
    let channel = till.channel(payment.channel)?;
    Some(Paid { waiting: suspense_account(channel), payment })
}

fn back(order: &KnownOrder, paid: Option<&Paid>) -> Option<Back> {
    match (order.collector, paid) {
        (None, None) => {
            let customer = order.customer?;
            Some(Back::From(Account::of(AccountKind::Wallet, customer.uuid(), order.total.currency())))
        }
        (None, Some(paid)) => Some(Back::From(paid.waiting)),
        (Some(site), Some(paid)) => Some(Back::FromSite { site, waiting: paid.waiting }),
        (Some(_), None) => None,
    }
}

/// Takes back what the lines that were delivered have earned whom, one after another: what one of them takes is not there for
/// the next.
fn take_back(book: &mut Book, order: &KnownOrder) -> Result<(), SaleError> {
    let id = order.id.uuid();
    for line in order.lines.iter().filter(|line| order.is_delivered(line)) {
        let delivered = book.entries_of(id).find(|entry| entry.id() == sale::delivered_id(id, line.number));
        let entry = sale::returned(id, line.sold(), order.collection(), delivered, |earner| book.purse(earner))?;
        book.post(entry)?;
    }
    Ok(())
}

/// The other entries of the refund, in the order they are posted, and what the seller's prepaid account holds afterwards: the
/// purchase price of a seller that has still to send the buyer's money back.
fn entries(order: &KnownOrder, back: Back) -> Result<(Vec<Entry>, Money), SaleError> {
    let (id, collection) = (order.id.uuid(), order.collection());
    let mut entries = Vec::new();
    if order.held.minor() > 0 {
        entries.push(sale::released(id, order.version, order.site, order.held)?);
    }
    let deposit = sale::deposit(&order.sold(), collection, order.total.currency())?;
    entries.push(sale::refunded(id, back, (deposit, order.total))?);
    let held = match back {
        Back::From(_) => Money::zero(deposit.currency()),
        Back::FromSite { .. } => deposit,
    };
    Ok((entries, held))
}

/// Nobody works on it any more, and its codes are void.
fn call_off(parts: &mut Parts, order: &mut KnownOrder, now: DateTime<Utc>) {
    for line in &order.lines {
        if order.is_delivered(line) {
            parts.part::<Picks>().void_sold(line.sku, &line.cards);
        }
    }
    let works = order.lines.iter_mut().filter_map(|line| line.manual.as_mut()?.work.as_mut());
    for work in works.filter(|work| work.state != FulfilState::Done) {
        work.change(FulfilState::Cancelled, now);
    }
}

impl Command for RefundOrder {
    type Answer = Result<RefundAsked, RefundRefusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.of.by, &format!("refund:{}:{}", self.order, self.key))
    }

    fn fingerprint(&self) -> Vec<u8> {
        Sha256::digest(self.of.reason.as_bytes()).to_vec()
    }

    fn want(&self, parts: &mut Parts) {
        parts.part::<Desk>().want_order(self.order);
        parts.part::<Book>().want_to_undo(self.order.uuid());
        parts.part::<Till>().want_payments_of(IntentId::from_uuid(self.order.uuid()));
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        self.decide_or_refuse(parts, now)
    }
}

/// The channel has sent the money of an order back: it counts as refunded, and what its seller had held is free again. As
/// long as the channel refuses, or nobody knows, both wait.
#[derive(Debug, Clone, Copy)]
pub struct EndRefund {
    /// The order.
    pub order: OrderId,
    /// The refund that is done.
    pub refund: RefundId,
}

/// What became of an order whose refund was reported done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundEnded {
    /// It is refunded.
    Refunded,
    /// It was before, or the refund is another one's, or not done.
    Nothing,
}

impl Command for EndRefund {
    type Answer = RefundEnded;

    fn key(&self) -> CommandKey {
        CommandKey::fact(self.refund, "order_refunded")
    }

    fn fingerprint(&self) -> Vec<u8> {
        self.order.uuid().as_bytes().to_vec()
    }

    fn want(&self, parts: &mut Parts) {
        parts.part::<Desk>().want_order(self.order);
        parts.part::<Till>().want_refund(self.refund);
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> RefundEnded {
        let till = parts.part::<Till>();
        let is_done = till.refund(self.refund).is_some_and(|refund| refund.state == RefundState::Done);
        let Some(mut order) = parts.part::<Desk>().order(self.order).cloned() else { return RefundEnded::Nothing };
        let own = order.refund.as_mut().filter(|own| own.refund == Some(self.refund) && own.settled_at.is_none());
        let Some(own) = own.filter(|_| is_done) else { return RefundEnded::Nothing };
        own.settled_at = Some(now);
        if own.news == News::None {
            own.news = News::Changed;
        }
        if order.held.minor() > 0 {
            let entry = sale::released(order.id.uuid(), order.version, order.site, order.held);
            let entry = entry.expect("what was held can be given back");
            parts.part::<Book>().post(entry).expect("what was held is there");
            order.held = Money::zero(order.held.currency());
        }
        order.apply(OrderEvent::Refunded, "channel").expect("an order whose money is on its way back can be refunded");
        parts.part::<Desk>().put(order);
        RefundEnded::Refunded
    }
}
