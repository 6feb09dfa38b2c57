//! The audit of orders: rows against machines, cards and the ledger.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use inventory::{CardId, InventoryAudit};
use kernel::Currency;
use ledger::{Account, AccountKind, balances_in, entries_of_in};
use sea_orm::ColumnTrait;
use store::Tx;
use uuid::Uuid;

use crate::error::OrderError;
use crate::machine::{DeliveryState, OrderEvent, OrderState, PaymentState, States, step};
use crate::repo::card_ids;
use crate::table::{event, hold, hop, line, order};

/// What an audit of one tenant's orders counted and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderAudit {
    /// Orders read.
    pub orders: u64,
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
    sold: HashMap<Uuid, (Uuid, i32)>,
    held: HashMap<Uuid, (Uuid, i32)>,
}

/// The rows that belong to a page of orders.
struct Children {
    holds: HashMap<Uuid, Vec<hold::Model>>,
    lines: HashMap<Uuid, Vec<line::Model>>,
    hops: HashMap<Uuid, Vec<hop::Model>>,
    events: HashMap<Uuid, Vec<event::Model>>,
}

/// Audits the orders of the transaction's tenant: invariants 2 (what sites have held is what unpaid orders hold),
/// 3 (a sold code belongs to one delivered line, a held one to one unpaid line), 5 (a paid order is delivered),
/// 8 (margins sum up), 11 (history follows the machines) and 15 (only unpaid orders hold), and that the ledger says
/// the same as the order.
pub async fn audit_in(tx: &impl Tx, stock: &InventoryAudit) -> Result<OrderAudit, OrderError> {
    let mut audit = OrderAudit::default();
    let mut cards = Cards { sold: stock.sold.clone(), held: stock.held.clone() };
    let mut money: BTreeMap<(Uuid, Currency), i128> = BTreeMap::new();
    let mut after = Uuid::nil();
    loop {
        let page = tx.find::<order::Entity>().filter(order::Column::Id.gt(after));
        let page = page.ascending(order::Column::Id).limit(PAGE).all().await?;
        let Some(last) = page.last() else { break };
        let children = children_between(tx, after, last.id).await?;
        after = last.id;
        for row in &page {
            audit.orders += 1;
            let lines = children.lines.get(&row.id).map_or(&[][..], Vec::as_slice);
            check_history(&mut audit, row, children.events.get(&row.id).map_or(&[][..], Vec::as_slice));
            check_lines(&mut audit, row, lines, &mut cards);
            let hops = children.hops.get(&row.id).map_or(&[][..], Vec::as_slice);
            check_hops(&mut audit, row, lines, hops);
            check_holds(&mut audit, row, lines, children.holds.get(&row.id).map_or(0, Vec::len), tx.now());
            if let Ok(currency) = Currency::parse(&row.currency) {
                *money.entry((row.site_id, currency)).or_default() += i128::from(row.held_minor);
            }
            check_ledger(tx, &mut audit, row, deposit_of(row, lines, hops)).await?;
        }
    }
    for (card, (order, line)) in cards.sold.iter().chain(&cards.held) {
        audit.report(3, format!("card {card} was given to line {line} of {order}, which does not have it"));
    }
    check_held_money(tx, &mut audit, &money).await?;
    Ok(audit)
}

async fn children_between(tx: &impl Tx, after: Uuid, last: Uuid) -> Result<Children, OrderError> {
    let mut children =
        Children { holds: HashMap::new(), lines: HashMap::new(), hops: HashMap::new(), events: HashMap::new() };
    let lines = tx.find::<line::Entity>().filter(line::Column::OrderId.gt(after));
    for row in lines.filter(line::Column::OrderId.lte(last)).ascending(line::Column::LineNo).all().await? {
        children.lines.entry(row.order_id).or_default().push(row);
    }
    let hops = tx.find::<hop::Entity>().filter(hop::Column::OrderId.gt(after));
    for row in hops.filter(hop::Column::OrderId.lte(last)).ascending(hop::Column::Depth).all().await? {
        children.hops.entry(row.order_id).or_default().push(row);
    }
    let events = tx.find::<event::Entity>().filter(event::Column::OrderId.gt(after));
    for row in events.filter(event::Column::OrderId.lte(last)).ascending(event::Column::Seq).all().await? {
        children.events.entry(row.order_id).or_default().push(row);
    }
    let holds = tx.find::<hold::Entity>().filter(hold::Column::OrderId.gt(after));
    for row in holds.filter(hold::Column::OrderId.lte(last)).all().await? {
        children.holds.entry(row.order_id).or_default().push(row);
    }
    Ok(children)
}

fn is_waiting(row: &order::Model) -> bool {
    let is_unpaid = [PaymentState::Unpaid.word(), PaymentState::Paying.word()].contains(&row.payment_state.as_str());
    row.state == OrderState::Open.word() && is_unpaid
}

/// Only orders that wait for their money hold goods, and not for long.
fn check_holds(audit: &mut OrderAudit, row: &order::Model, lines: &[line::Model], holds: usize, now: DateTime<Utc>) {
    let expected = if is_waiting(row) { lines.len() } else { 0 };
    if holds != expected {
        audit.report(15, format!("order {} has {holds} holds in place of {expected}", row.id));
    }
    if is_waiting(row) && row.expires_at.is_none_or(|expires_at| expires_at + OVERDUE_MAX < now) {
        audit.report(15, format!("order {} holds goods past its time", row.id));
    }
    if !is_waiting(row) && row.held_minor != 0 {
        audit.report(2, format!("order {} has ended and still holds money", row.id));
    }
}

/// What the prepaid accounts of sites have held is what their unpaid orders say.
async fn check_held_money(
    tx: &impl Tx,
    audit: &mut OrderAudit,
    money: &BTreeMap<(Uuid, Currency), i128>,
) -> Result<(), OrderError> {
    let of = |(site, currency): &(Uuid, Currency)| Account::of(AccountKind::SitePrepaidHeld, *site, *currency);
    let accounts: Vec<Account> = money.keys().map(of).collect();
    let balances = match balances_in(tx, &accounts).await {
        Ok(balances) => balances,
        Err(ledger::LedgerError::Store(error)) => return Err(error.into()),
        Err(error) => {
            audit.report(2, error.to_string());
            return Ok(());
        }
    };
    for (((site, _), expected), balance) in money.iter().zip(balances) {
        if i128::from(balance.minor()) != *expected {
            audit.report(2, format!("site {site} has {balance} held, its orders say {expected}"));
        }
    }
    Ok(())
}

/// What the ledger's deposit of an order is: its total, or the seller's purchase price if the seller collects itself.
fn deposit_of(row: &order::Model, lines: &[line::Model], hops: &[hop::Model]) -> i128 {
    if row.collector_id.is_none() {
        return i128::from(row.total_minor);
    }
    let cost_of = |line: &line::Model| {
        let own = hops.iter().filter(|hop| hop.line_no == line.line_no);
        let seller = own.max_by_key(|hop| hop.depth);
        i128::from(line.quantity) * seller.map_or(0, |hop| i128::from(hop.cost_minor))
    };
    lines.iter().map(cost_of).sum()
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
    if row.payment_state == PaymentState::Paid.word() && row.delivery_state != DeliveryState::Delivered.word() {
        audit.report(5, format!("order {} is paid and not delivered", row.id));
    }
}

fn check_lines(audit: &mut OrderAudit, row: &order::Model, lines: &[line::Model], known: &mut Cards) {
    let total: i128 = lines.iter().map(|line| i128::from(line.total_minor)).sum();
    if lines.is_empty() || total != i128::from(row.total_minor) {
        audit.report(3, format!("the lines of order {} do not sum to its total", row.id));
    }
    let is_delivered = row.delivery_state == DeliveryState::Delivered.word();
    let has_goods = is_delivered || is_waiting(row);
    let given = if is_delivered { &mut known.sold } else { &mut known.held };
    for line in lines {
        let cards = card_ids(&line.card_ids);
        if i128::from(line.unit_minor) * i128::from(line.quantity) != i128::from(line.total_minor) {
            audit.report(3, format!("line {} of order {} does not multiply", line.line_no, row.id));
        }
        if has_goods && cards.len() != line.quantity.unsigned_abs() as usize {
            audit.report(3, format!("line {} of order {} lacks cards", line.line_no, row.id));
        }
        // A shared code is no order's own.
        for card in cards.iter().filter(|_| !line.is_shared).map(|card: &CardId| card.uuid()) {
            if given.remove(&card) != Some((row.id, line.line_no)) {
                audit.report(3, format!("card {card} is not given to line {} of order {}", line.line_no, row.id));
            }
        }
    }
}

fn check_hops(audit: &mut OrderAudit, row: &order::Model, lines: &[line::Model], hops: &[hop::Model]) {
    for line in lines {
        let own: Vec<&hop::Model> = hops.iter().filter(|hop| hop.line_no == line.line_no).collect();
        let is_linked = own.windows(2).all(|pair| pair[0].price_minor == pair[1].cost_minor);
        let ends = own.last().is_some_and(|last| last.price_minor == line.unit_minor && last.site_id == row.site_id);
        if !is_linked || !ends {
            audit.report(8, format!("the hops of line {} of order {} do not lead to its price", line.line_no, row.id));
        }
    }
}

async fn check_ledger(tx: &impl Tx, audit: &mut OrderAudit, row: &order::Model, total: i128) -> Result<(), OrderError> {
    let entries = match entries_of_in(tx, row.id).await {
        Ok(entries) => entries,
        Err(ledger::LedgerError::Store(error)) => return Err(error.into()),
        Err(error) => {
            audit.report(1, error.to_string());
            return Ok(());
        }
    };
    let moved = |kind: AccountKind, wants_credit: bool| -> i128 {
        let postings = entries.iter().flat_map(ledger::Entry::postings);
        let of_kind = postings.filter(|posting| posting.account.kind == kind);
        of_kind.map(|posting| i128::from(posting.amount.minor())).filter(|minor| (*minor > 0) == wants_credit).sum()
    };
    let is_paid = row.payment_state == PaymentState::Paid.word();
    if is_paid && moved(AccountKind::OrderDeposits, true) != total {
        audit.report(16, format!("the ledger did not take the {total} of order {}", row.id));
    }
    let is_delivered = row.delivery_state == DeliveryState::Delivered.word();
    if is_delivered && moved(AccountKind::OrderDeposits, false) != -total {
        audit.report(16, format!("the ledger did not pass on the {total} of order {}", row.id));
    }
    Ok(())
}
