//! The audit of orders: rows against machines, cards and the ledger.

mod agents;
mod children;
mod hops;
mod money;
mod paid;
mod replacements;
mod returns;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ::commission::{AgentId, LinkId};
use catalog::SkuId;
use chrono::{DateTime, TimeDelta, Utc};
use inventory::{CardId, GivenCard, InventoryAudit};
use kernel::{Currency, SiteId};
use ledger::LedgerError;
use payment::{Intent, Payment};
use sea_orm::ColumnTrait;
use store::Tx;
use uuid::Uuid;

use crate::error::OrderError;
use crate::fulfil::FulfilState;
use crate::machine::{DeliveryState, OrderEvent, OrderState, PaymentState, States, step};
use crate::repo::card_ids;
use crate::table::{
    commission, event, fulfilment, hop, line, order, referral, replacement, returned_line, returns as order_return,
};
use children::Children;

/// What an audit of one tenant's orders counted and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderAudit {
    /// Orders read.
    pub orders: u64,
    /// What their lines sold, for whoever knows the catalogue.
    pub skus: BTreeSet<SkuId>,
    /// The sites that earn from them, for whoever knows the tree.
    pub sites: BTreeSet<SiteId>,
    /// The agents who brought their buyers, or earn from them, each with the selling site, for whoever knows the agents.
    pub agents: BTreeSet<(AgentId, SiteId)>,
    /// The links that brought them, each with its agent.
    pub links: BTreeSet<(LinkId, AgentId)>,
    /// The number of the invariant and what was found; empty is good.
    pub breaches: Vec<(u8, String)>,
}

const PAGE: u64 = 500;
const BREACHES_MAX: usize = 100;
/// A sweep comes every 10 s; goods held much longer than their time are a fault.
const OVERDUE_MAX: TimeDelta = TimeDelta::seconds(60);

impl OrderAudit {
    fn report(&mut self, invariant: u8, finding: String) {
        if self.breaches.len() < BREACHES_MAX {
            self.breaches.push((invariant, finding));
        }
    }
}

/// Cards that orders should have, with the lines they name.
struct Cards {
    sold: HashMap<Uuid, GivenCard>,
    held: HashMap<Uuid, GivenCard>,
    void: HashMap<Uuid, GivenCard>,
}

/// An order with the rows that belong to it.
struct Sale<'a> {
    row: &'a order::Model,
    lines: &'a [line::Model],
    hops: &'a [hop::Model],
    /// Who brought its buyer.
    referral: Option<&'a referral::Model>,
    /// What agents earn from it.
    commissions: &'a [commission::Model],
    works: &'a [fulfilment::Model],
    /// What went back of it, the first return first.
    returns: &'a [order_return::Model],
    /// Of which lines.
    returned: &'a [returned_line::Model],
    /// Its cards that were replaced, the first one first.
    replacements: &'a [replacement::Model],
    /// What was to be paid by a channel.
    intents: &'a [Intent],
    /// The money that bought it.
    payments: &'a [Payment],
}

impl Sale<'_> {
    /// Whether its money came, and maybe went back since.
    fn has_money(&self) -> bool {
        PaymentState::parse(&self.row.payment_state).is_some_and(PaymentState::has_come)
    }

    fn work(&self, line: &line::Model) -> Option<&fulfilment::Model> {
        self.works.iter().find(|work| work.line_no == line.line_no)
    }

    /// Whether a line was delivered: cards with the payment, other things once they are done.
    fn is_delivered(&self, line: &line::Model) -> bool {
        let is_done = |work: &fulfilment::Model| work.state == FulfilState::Done.word();
        self.has_money() && (line.fulfil_within_hours.is_none() || self.work(line).is_some_and(is_done))
    }

    fn seller(&self, line: &line::Model) -> Option<&hop::Model> {
        self.hops.iter().filter(|hop| hop.line_no == line.line_no).max_by_key(|hop| hop.depth)
    }

    /// What agents earn from a line.
    fn commissions_of(&self, line: &line::Model) -> impl Iterator<Item = &commission::Model> {
        let number = line.line_no;
        self.commissions.iter().filter(move |own| own.line_no == number)
    }

    /// What they earn from it together.
    fn commission(&self, line: &line::Model) -> i128 {
        self.commissions_of(line).map(|own| i128::from(own.amount_minor)).sum()
    }

    /// What the ledger's deposit of these lines is: their total, or the purchase price of a seller that collects itself
    /// with what its agents earn.
    fn deposit(&self, is_counted: impl Fn(&line::Model) -> bool) -> i128 {
        let cost = |line: &line::Model| self.seller(line).map_or(0, |hop| i128::from(hop.cost_minor));
        let of = |line: &line::Model| match self.row.collector_id {
            None => i128::from(line.total_minor),
            Some(_) => i128::from(line.quantity) * cost(line) + self.commission(line),
        };
        self.lines.iter().filter(|line| is_counted(line)).map(of).sum()
    }

    /// The same of one line.
    fn line_deposit(&self, line: &line::Model) -> i128 {
        self.deposit(|other| other.line_no == line.line_no)
    }

    /// What the seller's prepaid account holds for it once it is paid: the loss of what a person has still to do, or the
    /// purchase price of what the seller's own channel has still to send back to the buyer.
    fn held(&self) -> i128 {
        if self.row.collector_id.is_some() {
            let on_its_way = self.returns.iter().filter(|back| back.settled_at.is_none());
            return on_its_way.map(|back| self.returned_deposit(back.number)).sum();
        }
        if !self.has_money() {
            return 0;
        }
        let loss = |line: &line::Model| {
            let seller = self.seller(line).filter(|hop| hop.depth > 0);
            let loss = seller.map_or(0, |hop| i128::from(hop.cost_minor) - i128::from(hop.price_minor));
            i128::from(line.quantity) * loss.max(0)
        };
        self.lines.iter().filter(|line| self.is_open(line)).map(loss).sum()
    }
}

/// Audits the orders of the transaction's tenant: invariants 2 (what sites have held is what their orders hold),
/// 3 (a sold code belongs to one delivered line, a held one to one unpaid line, a void one went back or was replaced),
/// 5 (a paid order is delivered in time, or goes back), 6 (one payment bought it), 7 (no line gives back more than it cost,
/// and what went back whole is void), 8 (margins sum up, are posted to whom they belong, and go back with a refund),
/// 11 (history follows the machines), 13 (what names an order without a foreign key names one that is there) and 15 (only
/// unpaid orders hold, and a refund comes to its end), and that the ledger says the same as the order.
pub async fn audit_in(tx: &impl Tx, stock: &InventoryAudit) -> Result<OrderAudit, OrderError> {
    let mut audit = OrderAudit::default();
    let mut cards = Cards { sold: stock.sold.clone(), held: stock.held.clone(), void: stock.void.clone() };
    let mut money: BTreeMap<(Uuid, Currency), i128> = BTreeMap::new();
    let mut after = Uuid::nil();
    loop {
        let page = tx.find::<order::Entity>().filter(order::Column::Id.gt(after));
        let page = page.ascending(order::Column::Id).limit(PAGE).all().await?;
        let last = page.last().map(|row| row.id);
        let children = Children::read_in(tx, (after, last)).await?;
        children.strays(&page).into_iter().for_each(|stray| audit.report(13, stray));
        let Some(last) = last else { break };
        after = last;
        let payments = paid::payments_in(tx, &page).await?;
        returns::check_refunds(tx, &mut audit, &page, &children).await?;
        for row in &page {
            let sale = children.sale(row, payments.get(&row.id).map_or(&[][..], Vec::as_slice));
            check_sale(tx, &mut audit, &sale, &children, &mut cards).await?;
            if let Ok(currency) = Currency::parse(&row.currency) {
                *money.entry((row.site_id, currency)).or_default() += i128::from(row.held_minor);
            }
        }
    }
    for (card, GivenCard { order, line, .. }) in cards.sold.iter().chain(&cards.held).chain(&cards.void) {
        audit.report(3, format!("card {card} was given to line {line} of {order}, which does not have it"));
    }
    money::check_held_money(tx, &mut audit, &money).await?;
    paid::check_subjects(tx, &mut audit).await?;
    Ok(audit)
}

async fn check_sale(
    tx: &impl Tx,
    audit: &mut OrderAudit,
    sale: &Sale<'_>,
    children: &Children,
    cards: &mut Cards,
) -> Result<(), OrderError> {
    let row = sale.row;
    audit.orders += 1;
    audit.skus.extend(sale.lines.iter().map(|line| SkuId::from_uuid(line.sku_id)));
    audit.sites.extend(sale.hops.iter().map(|hop| SiteId::from_uuid(hop.site_id)));
    let events = children.events.get(&row.id).map_or(&[][..], Vec::as_slice);
    check_history(audit, row, events);
    replacements::check(audit, sale, events);
    check_delivery(audit, sale, tx.now());
    check_lines(audit, sale, cards);
    hops::check(audit, sale);
    agents::check(audit, sale);
    check_holds(audit, sale, children.holds.get(&row.id).map_or(0, Vec::len), tx.now());
    paid::check(audit, sale);
    returns::check(audit, sale);
    money::check(tx, audit, sale).await
}

/// What the ledger answered; what it cannot make sense of is a breach.
fn of_ledger<T>(answer: Result<T, LedgerError>, audit: &mut OrderAudit) -> Result<Option<T>, OrderError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(LedgerError::Store(error)) => Err(error.into()),
        Err(error) => {
            audit.report(1, error.to_string());
            Ok(None)
        }
    }
}

/// A paid order is delivered, or a person is at it within the promised time, or its money goes back. What failed is to
/// be tried again or refunded within that time as well.
fn check_delivery(audit: &mut OrderAudit, sale: &Sale<'_>, now: DateTime<Utc>) {
    let id = sale.row.id;
    let manual = sale.lines.iter().filter(|line| line.fulfil_within_hours.is_some());
    let wanted = if sale.has_money() { manual.count() } else { 0 };
    if sale.works.len() != wanted {
        audit.report(5, format!("order {id} has {} lines for people in place of {wanted}", sale.works.len()));
    }
    let is_delivered = sale.row.delivery_state == DeliveryState::Delivered.word();
    let has_open = sale.lines.iter().any(|line| sale.is_open(line));
    let has_kept = sale.lines.iter().any(|line| sale.is_delivered(line) && !sale.is_over(line));
    // Where nothing is left of any line, some of it may have been delivered before, or all of it.
    let fits = if is_delivered { sale.has_money() && !has_open } else { has_open || !has_kept };
    if !fits {
        audit.report(5, format!("order {id} is {}, and its lines say otherwise", sale.row.delivery_state));
    }
    check_works(audit, sale, now);
}

/// The work on lines that nothing is left of is over, and all other work is done in time.
fn check_works(audit: &mut OrderAudit, sale: &Sale<'_>, now: DateTime<Utc>) {
    let id = sale.row.id;
    let is = |state: FulfilState| move |work: &&fulfilment::Model| work.state == state.word();
    let open = |work: &&fulfilment::Model| is(FulfilState::Waiting)(work) || is(FulfilState::Taken)(work);
    let is_over =
        |work: &&fulfilment::Model| sale.lines.iter().any(|line| line.line_no == work.line_no && sale.is_over(line));
    let (over, other): (Vec<&fulfilment::Model>, Vec<&fulfilment::Model>) = sale.works.iter().partition(is_over);
    if over.iter().any(|work| open(work) || is(FulfilState::Failed)(work)) {
        audit.report(5, format!("order {id} is refunded, and somebody is still to work on it"));
    }
    if other.iter().any(is(FulfilState::Cancelled)) {
        audit.report(5, format!("a line of order {id} is cancelled, and its money stays"));
    }
    let is_queued = sale.row.delivery_state == DeliveryState::Queued.word();
    if is_queued && other.iter().any(|work| !is(FulfilState::Waiting)(work)) {
        audit.report(5, format!("order {id} is queued, and somebody has begun to work on it"));
    }
    if other.iter().any(|work| open(work) && work.due_at < now) {
        audit.report(5, format!("order {id} is paid and not delivered in time"));
    }
    if other.iter().any(|work| is(FulfilState::Failed)(work) && work.due_at < now) {
        audit.report(5, format!("a line of order {id} failed, and its money stays"));
    }
}

fn is_waiting(row: &order::Model) -> bool {
    let is_unpaid = [PaymentState::Unpaid.word(), PaymentState::Paying.word()].contains(&row.payment_state.as_str());
    row.state == OrderState::Open.word() && is_unpaid
}

/// Only orders that wait for their money hold goods, and not for long.
fn check_holds(audit: &mut OrderAudit, sale: &Sale<'_>, holds: usize, now: DateTime<Utc>) {
    let row = sale.row;
    let expected = if is_waiting(row) { sale.lines.len() } else { 0 };
    if holds != expected {
        audit.report(15, format!("order {} has {holds} holds in place of {expected}", row.id));
    }
    if is_waiting(row) && row.expires_at.is_none_or(|expires_at| expires_at + OVERDUE_MAX < now) {
        audit.report(15, format!("order {} holds goods past its time", row.id));
    }
    if !is_waiting(row) && i128::from(row.held_minor) != sale.held() {
        audit.report(2, format!("order {} holds {} of its seller in place of {}", row.id, row.held_minor, sale.held()));
    }
}

fn check_history(audit: &mut OrderAudit, row: &order::Model, events: &[event::Model]) {
    let mut states = Some(States::NEW);
    for event in events {
        let happened = OrderEvent::parse(&event.event);
        states = states.zip(happened).and_then(|(states, happened)| step(states, happened).ok());
    }
    let stored = OrderState::parse(&row.state)
        .zip(PaymentState::parse(&row.payment_state))
        .zip(DeliveryState::parse(&row.delivery_state))
        .map(|((order, payment), delivery)| States { order, payment, delivery });
    if states.is_none() || states != stored {
        audit.report(11, format!("the history of order {} does not lead to its states", row.id));
    }
    if !events.is_sorted_by_key(|event| event.at) {
        audit.report(11, format!("the history of order {} goes back in time", row.id));
    }
}

fn check_lines(audit: &mut OrderAudit, sale: &Sale<'_>, known: &mut Cards) {
    let (row, lines) = (sale.row, sale.lines);
    let total: i128 = lines.iter().map(|line| i128::from(line.total_minor)).sum();
    if lines.is_empty() || total != i128::from(row.total_minor) {
        audit.report(3, format!("the lines of order {} do not sum to its total", row.id));
    }
    let has_goods = sale.has_money() || is_waiting(row);
    for line in lines {
        let cards = card_ids(&line.card_ids);
        let void = sale.void_of(line);
        if i128::from(line.unit_minor) * i128::from(line.quantity) != i128::from(line.total_minor) {
            audit.report(3, format!("line {} of order {} does not multiply", line.line_no, row.id));
        }
        let wanted = if line.fulfil_within_hours.is_some() { 0 } else { line.quantity.unsigned_abs() as usize };
        if has_goods && cards.len() != wanted {
            audit.report(3, format!("line {} of order {} lacks cards", line.line_no, row.id));
        }
        // A shared code is no order's own.
        let (mut cost, mut own) = (0, HashMap::new());
        for card in cards.iter().filter(|_| !line.is_shared).map(|card: &CardId| card.uuid()) {
            let given = match void.contains(&CardId::from_uuid(card)) {
                _ if is_waiting(row) => &mut known.held,
                true => &mut known.void,
                false => &mut known.sold,
            };
            match given.remove(&card) {
                Some(given) if (given.order, given.line) == (row.id, line.line_no) => {
                    cost += i128::from(given.cost_minor);
                    own.insert(card, given);
                }
                _ => audit.report(3, format!("card {card} is not given to line {} of order {}", line.line_no, row.id)),
            }
        }
        cost += replacements::check_line(audit, sale, line, (own, &mut known.void));
        let said = line.cost_of_goods_minor;
        if cost != i128::from(said) {
            let place = format!("line {} of order {}", line.line_no, row.id);
            audit.report(3, format!("{place} says that its cards were put in stock for {said}, they say {cost}"));
        }
    }
}
