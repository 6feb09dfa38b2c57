//! An operator sends an order's money back, all of it or a part, and the order hears that it is back.

use chrono::{DateTime, Utc};
use identity::CustomerId;
use inventory::{Picks, Taken};
use kernel::{Currency, Money};
use lane::{Command, CommandKey, Parts};
use ledger::{Account, AccountKind, Book, Entry};
use payment::{IntentId, RefundId, RefundState, Till, Use, suspense_account};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::claim::ClaimState;
use crate::desk::Desk;
use crate::fulfil::FulfilState;
use crate::known::{KnownLine, KnownOrder, KnownReturn, News};
use crate::machine::{DeliveryState, OrderEvent, OrderState};
use crate::model::{Method, OrderId};
use crate::refund::{
    LineStanding, RETURNS_MAX, RefundAsked, RefundOf, RefundRefusal, RefundTo, RefundWish, ReturnedLine, returned,
};
use crate::sale::{self, Back, BackLine, Portion, SaleError};

/// Sends money of a paid order back: what goes back whole and was not delivered is called off, what was delivered is clawed
/// back.
#[derive(Debug, Clone)]
pub struct RefundOrder {
    /// The order.
    pub order: OrderId,
    /// What of it, and where to.
    pub wish: RefundWish,
    /// Who bought, and the order's currency, if it is to go into his wallet: whoever asks this command has looked. Neither
    /// ever changes.
    pub buyer: Option<(CustomerId, Currency)>,
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
        if order.is_unpaid() {
            return Err(RefundRefusal::NotPaid);
        }
        let standing = order.standing();
        let lines = returned(&standing, &self.wish)?;
        let is_over =
            |line: &LineStanding| line.is_over || lines.iter().any(|one| one.line == line.line && one.is_last);
        if order.returns.len() + 1 >= RETURNS_MAX && !standing.iter().all(is_over) {
            return Err(RefundRefusal::TooMany { most: RETURNS_MAX });
        }
        let none = Money::zero(order.total.currency());
        let amount = lines.iter().map(|line| line.amount).try_fold(none, Money::plus);
        let amount = amount.map_err(|_| RefundRefusal::NoPayment)?;
        let paid = match (order.method, self.wish.to) {
            (Method::Wallet, _) => None,
            (Method::Channel, RefundTo::Source) => {
                Some(paid(parts.part::<Till>(), &order).ok_or(RefundRefusal::NoPayment)?)
            }
            (Method::Channel, RefundTo::Wallet) => {
                self.has_room(parts, &order, (amount, now))?;
                None
            }
        };
        let back = back(&order, paid.as_ref()).ok_or(RefundRefusal::NoPayment)?;
        let number = order.returns.last().map_or(1, |last| last.number + 1);
        // What cost nothing is not sent by any channel.
        let sent = paid.filter(|_| amount.minor() > 0).map(|paid| paid.payment.refund_of_order(amount));
        let RefundOf { reason, by } = self.of.clone();
        let mut act = KnownReturn {
            number,
            amount,
            lines,
            to: self.wish.to,
            refund: sent.as_ref().map(|sent| sent.id),
            held: none,
            reason,
            by,
            at: now,
            settled_at: sent.is_none().then_some(now),
            news: News::New,
        };
        take_back(parts.part::<Book>(), &order, &act).expect("what was earned can be taken back, or is owed");
        act.held = give_back(parts.part::<Book>(), &order, &act, back).expect("what goes back was taken before");
        call_off(parts, &mut order, &act.lines, now);
        if let Some(sent) = sent {
            parts.part::<Till>().request_refund(sent);
        }
        let (lines, refund) = (act.lines.clone(), act.refund);
        note(&mut order, act);
        let answer = RefundAsked { number, amount, lines, refund, states: order.states };
        parts.part::<Desk>().put(order);
        Ok(answer)
    }

    /// Money that came by a channel may go into the wallet of who bought, as far as a wallet holds so much, with the top-ups
    /// that are on their way. Wallet money is the main site's, so what a site has collected itself goes back by its own
    /// channel.
    fn has_room(
        &self,
        parts: &mut Parts,
        order: &KnownOrder,
        (amount, now): (Money, DateTime<Utc>),
    ) -> Result<(), RefundRefusal> {
        let own = order.customer.map(|customer| (customer, order.total.currency()));
        let is_his = own == self.buyer && order.collector.is_none();
        let (customer, _) = self.buyer.filter(|_| is_his).ok_or(RefundRefusal::NoWallet)?;
        let wallet = Account::of(AccountKind::Wallet, customer.uuid(), amount.currency());
        let balance = parts.part::<Book>().balance(&wallet).expect("the wallet was asked for");
        let room = parts.part::<Till>().wallet_room(customer, balance, now);
        if amount.minor() > room.minor() { Err(RefundRefusal::WalletFull { room }) } else { Ok(()) }
    }
}

/// The return stands in the order, and in its history.
fn note(order: &mut KnownOrder, act: KnownReturn) {
    let (number, by, now, is_sent) = (act.number, act.by, act.at, act.refund.is_some());
    let has_failed = order.states.delivery == DeliveryState::Failed;
    let was_open = order.lines.iter().any(|line| order.is_open(line));
    order.returns.push(act);
    order.held = order.held_for(|line| order.is_open(line)).expect("what was held before can be counted");
    let event = if is_sent { OrderEvent::RefundRequested } else { came_back(order) };
    let actor = by.to_string();
    order.apply(event, &actor).expect("a paid order can be refunded");
    let standing = order.standing();
    if let Some(claim) = order.open_claim()
        && returned(&standing, &claim.claim.wish).is_err()
    {
        // Nothing is left of what the buyer asked for: he has it, or more.
        claim.end(ClaimState::Approved, now);
        (claim.claim.decided_by, claim.claim.returned) = (Some(by), Some(number));
    }
    if order.is_going_back() || order.states.order != OrderState::Open {
        return;
    }
    let is_open = order.lines.iter().any(|line| order.is_open(line));
    if was_open && !is_open {
        order.note_delivery(&actor, now).expect("an open order that is paid can be delivered");
    } else if has_failed {
        order.note_retry(&actor);
    }
}

/// What happens to an order when a return of it is settled: the last of its money is back, or some of it.
fn came_back(order: &KnownOrder) -> OrderEvent {
    let is_settled = order.returns.iter().all(|back| back.settled_at.is_some());
    if order.is_going_back() && is_settled { OrderEvent::Refunded } else { OrderEvent::PartRefunded }
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

/// The lines that a return gives back, each with how much had gone back of it before.
fn back_lines<'a>(order: &'a KnownOrder, act: &KnownReturn) -> Result<Vec<(&'a KnownLine, BackLine<'a>)>, SaleError> {
    let line = |back: &ReturnedLine| {
        let line = order.lines.iter().find(|line| line.number == back.line).ok_or(SaleError::NoChain)?;
        let none = Money::zero(line.currency);
        let before = order.returned_of(line).map(|earlier| earlier.amount).try_fold(none, Money::plus)?;
        let portion = Portion { before, amount: back.amount, is_last: back.is_last };
        Ok((line, BackLine { number: act.number, line: line.sold(), portion }))
    };
    act.lines.iter().map(line).collect()
}

/// Takes back what the lines that were delivered have earned whom, one after another: what one of them takes is not there for
/// the next.
fn take_back(book: &mut Book, order: &KnownOrder, act: &KnownReturn) -> Result<(), SaleError> {
    let id = order.id.uuid();
    for (_, back) in back_lines(order, act)?.into_iter().filter(|(line, _)| order.is_delivered(line)) {
        let delivered = book.entries_of(id).find(|entry| entry.id() == sale::delivered_id(id, back.line.number));
        let entry = sale::returned(id, back, order.collection(), delivered, |earner| book.purse(earner))?;
        book.post(entry)?;
    }
    Ok(())
}

/// The other entries of a return: what the seller holds for lines that are called off is free, and the money goes back.
/// Answers what the seller's prepaid account holds until its own channel has sent it: the purchase price.
fn give_back(book: &mut Book, order: &KnownOrder, act: &KnownReturn, back: Back) -> Result<Money, SaleError> {
    let (id, collection) = (order.id.uuid(), order.collection());
    let is_over = |line: &KnownLine| act.lines.iter().any(|back| back.line == line.number && back.is_last);
    let still = order.held_for(|line| order.is_open(line) && !is_over(line))?;
    let free = order.held.minus(still)?;
    let mut entries: Vec<Entry> = Vec::new();
    if free.minor() > 0 {
        entries.push(sale::released(id, order.version, order.site, free)?);
    }
    let mut deposit = Money::zero(order.total.currency());
    for (_, back) in back_lines(order, act)? {
        deposit = deposit.plus(back.deposit(collection)?)?;
    }
    entries.push(sale::refunded(id, act.number, back, (deposit, act.amount))?);
    let none = Money::zero(deposit.currency());
    let held = match back {
        // Nothing is sent, so nothing is waited for.
        Back::FromSite { .. } if act.amount.minor() == 0 => {
            if deposit.minor() > 0 {
                entries.push(sale::released(id, order.version, order.site, deposit)?);
            }
            none
        }
        Back::FromSite { .. } => deposit,
        Back::From(_) => none,
    };
    book.post_all(entries)?;
    Ok(held)
}

/// What goes back whole is called off: nobody works on it any more, and its cards are void.
fn call_off(parts: &mut Parts, order: &mut KnownOrder, lines: &[ReturnedLine], now: DateTime<Utc>) {
    for back in lines {
        let Some(line) = order.lines.iter_mut().find(|line| line.number == back.line) else { continue };
        let cards = Taken { cards: back.cards.clone(), ..line.cards.clone() };
        parts.part::<Picks>().void_sold(line.sku, &cards);
        let work = line.manual.as_mut().and_then(|manual| manual.work.as_mut());
        if let Some(work) = work.filter(|work| back.is_last && work.state != FulfilState::Done) {
            work.change(FulfilState::Cancelled, now);
        }
    }
}

/// Asks for all that a refund of this order has to know.
pub(super) fn want_refund(parts: &mut Parts, order: OrderId, buyer: Option<(CustomerId, Currency)>) {
    parts.part::<Desk>().want_claims(order);
    parts.part::<Book>().want_to_undo(order.uuid());
    parts.part::<Till>().want_payments_of(IntentId::from_uuid(order.uuid()));
    if let Some((customer, currency)) = buyer {
        parts.part::<Till>().want_open_top_ups(customer);
        parts.part::<Book>().want(Account::of(AccountKind::Wallet, customer.uuid(), currency));
    }
}

impl Command for RefundOrder {
    type Answer = Result<RefundAsked, RefundRefusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.of.by, &format!("refund:{}:{}", self.order, self.key))
    }

    fn fingerprint(&self) -> Vec<u8> {
        let reason = Sha256::new().chain_update(&self.of.reason);
        if self.wish == RefundWish::default() {
            // As it was when all of an order was all that could be asked for: an answer of then is found again.
            return reason.finalize().to_vec();
        }
        let wish = serde_json::to_vec(&self.wish).expect("a wish is plain data");
        reason.chain_update([0]).chain_update(wish).finalize().to_vec()
    }

    fn want(&self, parts: &mut Parts) {
        want_refund(parts, self.order, self.buyer);
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        self.decide_or_refuse(parts, now)
    }
}

/// The channel has sent money of an order back: that return is settled, and what the seller had held for it is free again.
/// As long as the channel refuses, or nobody knows, both wait.
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
    /// It is refunded, or that part of it is.
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
        let is_it = |back: &&mut KnownReturn| back.refund == Some(self.refund) && back.settled_at.is_none();
        let Some(own) = order.returns.iter_mut().find(is_it).filter(|_| is_done) else { return RefundEnded::Nothing };
        own.settled_at = Some(now);
        if own.news == News::None {
            own.news = News::Changed;
        }
        let held = own.held;
        if held.minor() > 0 {
            let entry = sale::released(order.id.uuid(), order.version, order.site, held);
            let entry = entry.expect("what was held can be given back");
            parts.part::<Book>().post(entry).expect("what was held is there");
            order.held = order.held.minus(held).expect("what was held was counted");
        }
        let event = came_back(&order);
        order.apply(event, "channel").expect("an order whose money is on its way back can be refunded");
        parts.part::<Desk>().put(order);
        RefundEnded::Refunded
    }
}
