//! What went back of orders: of their money, once, to whom it belongs, and from everybody in proportion.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use inventory::CardId;
use ledger::AccountKind;
use payment::{IntentId, Payment, PaymentId, REFUND_WAITS_MAX, Refund, RefundId, RefundState, Use};
use store::Tx;
use uuid::Uuid;

use super::children::Children;
use super::hops::{self, Place};
use super::{OrderAudit, Sale, paid};
use crate::error::OrderError;
use crate::machine::PaymentState;
use crate::model::Method;
use crate::refund::RefundTo;
use crate::repo::card_ids;
use crate::table::{line, order, returned_line, returns};

/// How much of a share goes with `back` of a `price`, rounded down.
const fn part(share: i128, back: i128, price: i128) -> i128 {
    if price == 0 { 0 } else { share * back / price }
}

impl Sale<'_> {
    fn returned_of(&self, line: &line::Model) -> impl Iterator<Item = &returned_line::Model> {
        let number = line.line_no;
        self.returned.iter().filter(move |back| back.line_no == number)
    }

    /// Whether nothing is left of a line's price.
    pub(super) fn is_over(&self, line: &line::Model) -> bool {
        self.returned_of(line).any(|back| back.is_last)
    }

    /// Whether something is still to be done for a line.
    pub(super) fn is_open(&self, line: &line::Model) -> bool {
        !self.is_delivered(line) && !self.is_over(line)
    }

    /// The cards of a line that are void.
    pub(super) fn void_of(&self, line: &line::Model) -> BTreeSet<CardId> {
        self.returned_of(line).flat_map(|back| card_ids(&back.card_ids)).collect()
    }

    /// How much of a share in a line went back with the returns until this one.
    fn back_until(&self, share: i128, line: &line::Model, number: i32) -> i128 {
        let until: Vec<&returned_line::Model> = self.returned_of(line).filter(|back| back.number <= number).collect();
        if until.iter().any(|back| back.is_last) {
            return share;
        }
        let back = until.iter().map(|back| i128::from(back.amount_minor)).sum();
        part(share, back, i128::from(line.total_minor))
    }

    /// How much of a share in a line went back by now.
    pub(super) fn back_of(&self, share: i128, line: &line::Model) -> i128 {
        self.back_until(share, line, i32::MAX)
    }

    /// What of the order's deposit went back with this return.
    pub(super) fn returned_deposit(&self, number: i32) -> i128 {
        let of = |line: &line::Model| {
            let deposit = self.line_deposit(line);
            self.back_until(deposit, line, number) - self.back_until(deposit, line, number - 1)
        };
        self.lines.iter().map(of).sum()
    }
}

/// What went back by channels, against the refunds that they were asked for: of the order's own payment, settled when it is
/// done and not before, and not left lying.
pub(super) async fn check_refunds(
    tx: &impl Tx,
    audit: &mut OrderAudit,
    orders: &[order::Model],
    children: &Children,
) -> Result<(), OrderError> {
    let all = || children.returns.values().flatten();
    let ids: Vec<RefundId> = all().filter_map(|row| row.refund_id.map(RefundId::from_uuid)).collect();
    let sent = payment::refunds_in(tx, &ids).await?;
    let payments: Vec<PaymentId> = sent.iter().map(|refund| refund.payment).collect();
    let payments = payment::payments_in(tx, &payments).await?;
    for row in orders {
        for back in children.returns.get(&row.id).into_iter().flatten() {
            let is_source = back.destination == RefundTo::Source.word();
            let goes_out = is_source && row.method == Method::Channel.word() && back.amount_minor > 0;
            let refund = sent.iter().find(|sent| Some(sent.id.uuid()) == back.refund_id);
            let fits = |sent: &Refund| sent.amount.minor() == back.amount_minor && is_of(sent, &payments, row.id);
            if back.refund_id.is_some() != goes_out || refund.is_some() != goes_out || !refund.is_none_or(fits) {
                audit.report(7, format!("the refund of order {} is not of its money", row.id));
            }
            let is_back = refund.is_none_or(|sent| sent.state == RefundState::Done);
            if (back.settled_at.is_some() && !is_back) || (back.settled_at.is_none() && !goes_out) {
                audit.report(7, format!("order {} is {}, and its money is elsewhere", row.id, row.payment_state));
            }
        }
    }
    check_times(tx, audit, all()).await
}

/// Whether a refund sends back the very payment that bought the order, and not somebody else's.
fn is_of(refund: &Refund, payments: &[Payment], order: Uuid) -> bool {
    let payment = payments.iter().find(|payment| payment.id == refund.payment);
    let has_bought = |payment: &Payment| {
        payment.use_ == Use::Order
            && payment.intent == Some(IntentId::from_uuid(order))
            && (&payment.out_no, payment.channel) == (&refund.out_no, refund.channel)
    };
    refund.exception.is_none() && payment.is_some_and(has_bought)
}

/// Money that an order gives back is not left lying: neither because its channel refuses, nor because nobody noted that
/// it is back.
async fn check_times(
    tx: &impl Tx,
    audit: &mut OrderAudit,
    returns: impl Iterator<Item = &returns::Model>,
) -> Result<(), OrderError> {
    let unsettled = returns.filter(|row| row.settled_at.is_none());
    let orders: HashMap<RefundId, Uuid> =
        unsettled.filter_map(|row| Some((RefundId::from_uuid(row.refund_id?), row.order_id))).collect();
    let ids: Vec<RefundId> = orders.keys().copied().collect();
    for refund in payment::ended_refunds_in(tx, &ids, tx.now() - REFUND_WAITS_MAX).await? {
        let (order, state) = (orders[&refund.id], refund.state.word());
        audit.report(15, format!("the refund of order {order} has been {state} for more than a day, and is not over"));
    }
    Ok(())
}

/// Returns are numbered, each is the sum of its lines, no line gives back more than it cost or anything after its end, and
/// the order is refunded when all of its money is back, and not before.
pub(super) fn check(audit: &mut OrderAudit, sale: &Sale<'_>) {
    let row = sale.row;
    for (number, back) in (1..).zip(sale.returns) {
        let lines = sale.returned.iter().filter(|line| line.number == back.number);
        let (count, sum) = lines.fold((0, 0), |(count, sum), line| (count + 1, sum + i128::from(line.amount_minor)));
        let is_sum = count > 0 && sum == i128::from(back.amount_minor) && back.currency == row.currency;
        let held = match (row.collector_id, back.settled_at) {
            (Some(_), None) => sale.returned_deposit(back.number),
            // What is settled may have been held for.
            (Some(_), Some(_)) => i128::from(back.held_minor),
            (None, _) => 0,
        };
        let is_held = held == i128::from(back.held_minor);
        if back.number != number || !is_sum || !is_held {
            audit.report(7, format!("return {} of order {} is not what its lines say", back.number, row.id));
        }
    }
    for line in sale.lines {
        let sum: i128 = sale.returned_of(line).map(|back| i128::from(back.amount_minor)).sum();
        let ends = sale.returned_of(line).position(|back| back.is_last);
        let is_end = ends.is_none_or(|end| end + 1 == sale.returned_of(line).count());
        let (price, is_all) = (i128::from(line.total_minor), ends.is_some());
        let own = card_ids(&line.card_ids).into_iter().filter(|_| !line.is_shared && is_all);
        let void = sale.void_of(line);
        let named: usize = sale.returned_of(line).map(|back| card_ids(&back.card_ids).len()).sum();
        let is_once = named == void.len();
        let is_void = own.into_iter().all(|card| void.contains(&card)) || !sale.is_delivered(line);
        if !is_end || (is_all && sum != price) || (!is_all && sum > 0 && sum >= price) || !is_void || !is_once {
            let number = line.line_no;
            audit.report(7, format!("line {number} of order {} cost {price}, and {sum} of it went back", row.id));
        }
        if !is_all && sum > 0 && !sale.is_delivered(line) {
            audit.report(
                7,
                format!("a part of line {} of order {} went back before it was delivered", line.line_no, row.id),
            );
        }
    }
    let is_settled = |back: &returns::Model| back.settled_at.is_some();
    let is_over = !sale.lines.is_empty() && sale.lines.iter().all(|line| sale.is_over(line));
    let wanted = match (sale.returns.iter().all(is_settled), sale.returns.iter().any(is_settled)) {
        (true, true) if is_over => PaymentState::Refunded,
        (_, true) => PaymentState::PartRefunded,
        (_, false) => PaymentState::Paid,
    };
    if sale.has_money() && wanted.word() != row.payment_state {
        audit.report(7, format!("order {} is {}, and its returns say {}", row.id, row.payment_state, wanted.word()));
    }
    if !sale.has_money() && !sale.returns.is_empty() {
        audit.report(7, format!("order {} is {}, and money went back", row.id, row.payment_state));
    }
}

/// What is left on each account after returns: what the sale moved, less what went back in proportion, but for the goods that
/// are gone. An earner's accounts are one, and so is what a seller has prepaid, held or not: what is held is counted with
/// all orders.
pub(super) fn check_left(audit: &mut OrderAudit, sale: &Sale<'_>, left: BTreeMap<Place, i128>) {
    let mut found: BTreeMap<Place, i128> = BTreeMap::new();
    for ((kind, owner), sum) in left {
        if !matches!(kind, AccountKind::CostOfGoods | AccountKind::StockAtCost) {
            *found.entry((as_one(kind), owner)).or_default() += sum;
        }
    }
    found.retain(|_, sum| *sum != 0);
    let wanted = wanted(sale);
    if found != wanted {
        let (id, found, wanted) = (sale.row.id, hops::words(&found), hops::words(&wanted));
        audit.report(8, format!("after what went back order {id} leaves {found} in place of {wanted}"));
    }
}

const fn as_one(kind: AccountKind) -> AccountKind {
    match kind {
        AccountKind::SitePending => AccountKind::SiteAvailable,
        AccountKind::AgentPending => AccountKind::AgentAvailable,
        AccountKind::SitePrepaidHeld => AccountKind::SitePrepaid,
        other => other,
    }
}

fn wanted(sale: &Sale<'_>) -> BTreeMap<Place, i128> {
    let mut wanted: BTreeMap<Place, i128> = BTreeMap::new();
    let mut add = |kind, owner, sum: i128| *wanted.entry((as_one(kind), owner)).or_default() += sum;
    for ((_, kind, owner), sum) in paid::taken(sale) {
        add(kind, owner, sum);
    }
    let (deposits, revenue) = ((AccountKind::OrderDeposits, None), (AccountKind::Revenue, None));
    for line in sale.lines {
        let deposit = sale.back_of(sale.line_deposit(line), line);
        add(deposits.0, deposits.1, -deposit);
        if let Some(site) = sale.row.collector_id {
            // The purchase price is the seller's again.
            add(AccountKind::SitePrepaid, Some(site), deposit);
        }
        if !sale.is_delivered(line) {
            continue;
        }
        let mut kept_by_main = deposit;
        for ((kind, owner), share) in hops::shares(sale, line) {
            add(kind, owner, share);
            if ![deposits, revenue].contains(&(kind, owner)) {
                // A seller's loss is below zero, and comes back.
                let back = if share < 0 { -sale.back_of(-share, line) } else { sale.back_of(share, line) };
                add(kind, owner, -back);
                kept_by_main -= back;
            }
        }
        add(revenue.0, revenue.1, -kept_by_main);
        add(deposits.0, deposits.1, deposit);
    }
    for back in sale.returns {
        let amount = i128::from(back.amount_minor);
        match (back.refund_id, sale.row.collector_id) {
            (None, _) => add(AccountKind::Wallet, sale.row.customer_id, amount),
            (Some(_), collector) => {
                add(AccountKind::PaymentSuspense, collector, amount);
                if collector.is_some() {
                    add(AccountKind::OwnTakings, collector, -amount);
                }
            }
        }
    }
    wanted.retain(|_, sum| *sum != 0);
    wanted
}
