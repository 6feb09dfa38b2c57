//! Queries on the room's tables.

mod claims;
mod fulfil;
mod office;
mod orders;
mod referrals;
mod replacements;
mod returns;

use std::collections::{BTreeSet, HashMap};

use catalog::{RefundRule, SkuId};
use chrono::TimeDelta;
use identity::CustomerId;
use inventory::CardId;
use kernel::{Currency, Money, SiteId, TenantId, Wording};
use payment::RefundState;
use sea_orm::ColumnTrait;
use store::{StoreError, Tx, WriteTx};
use uuid::Uuid;

use crate::claim::Claim;
use crate::error::OrderError;
use crate::fulfil::{FulfilState, ManualLine};
use crate::known::{KnownReplacement, KnownReturn};
use crate::machine::{DeliveryState, OrderEvent, OrderState, PaymentState, States};
use crate::model::{Device, Event, LineView, LinkToken, Method, Order, OrderId, OrderView};
use crate::number::OrderNumber;
use crate::refund::{OrderRefund, ReturnedLine, ReturnedPart};
use crate::table::{contact, event, line, order, reveal};

pub(crate) use claims::{change_in as change_claims_in, claim_in, claims_in, claims_of_in, seen_in};
pub(crate) use fulfil::change_in as change_work_in;
pub(crate) use office::{contact_of_in, fulfilments_in, hops_in, list_in, order_in, row_of};
pub(crate) use orders::{Lock, change_in, due_in, insert_into, load_in, open_orders_in, overdue_in, placed_since_in};
pub(crate) use referrals::{commissions_in, earnings_in, frozen};
pub(crate) use replacements::{add_in as add_replacements_in, replacements_of_in, sku_of_line_in};
pub(crate) use returns::{change_in as change_returns_in, unsettled_returns_in};

/// An order that ends within this time may have ended before its command is decided.
const SOON: TimeDelta = TimeDelta::seconds(60);

/// How the buyer of an order can be known again.
pub(crate) type KnownBuyer = (Option<CustomerId>, Option<contact::Model>);

/// The order `id` with its lines and events, inside the transaction's site, and whose it is.
pub(crate) async fn view_in(tx: &impl Tx, id: OrderId) -> Result<Option<(OrderView, KnownBuyer)>, OrderError> {
    let found = tx.find::<order::Entity>().filter(order::Column::Id.eq(id.uuid())).one().await?;
    let Some(row) = found else { return Ok(None) };
    let contact = tx.find::<contact::Entity>().filter(contact::Column::OrderId.eq(id.uuid())).one().await?;
    let lines = tx.find::<line::Entity>().filter(line::Column::OrderId.eq(id.uuid()));
    let lines = lines.ascending(line::Column::LineNo).all().await?;
    let order = order_of(&row)?;
    let mut manual = manual_lines_in(tx, id, &lines).await?;
    let has_come = order.states.payment.has_come();
    let returns = if has_come { returns_of_in(tx, id).await? } else { Vec::new() };
    let currency = order.total.currency();
    let buyer = (order.customer, contact);
    let mut lines: Vec<LineView> = lines.into_iter().map(|row| line_of(row, &mut manual, currency)).collect();
    for line in &mut lines {
        line.take_back(&returns);
        line.delivered_at = match &line.manual {
            None => row.paid_at,
            Some(manual) => manual.done_at,
        };
    }
    // What cost nothing has no money that a buyer would look for.
    let refunds = returns.iter().filter(|back| back.amount.minor() > 0).map(KnownReturn::for_buyer).collect();
    let may_fill_wallet = order.method == Method::Channel && row.customer_id.is_some() && row.collector_id.is_none();
    let events = events_in(tx, id).await?;
    let replacements = replacements_in(tx, id, &events).await?;
    let view = OrderView {
        order,
        lines,
        events,
        replacements: replacements.iter().map(KnownReplacement::for_buyer).collect(),
        refunds,
        may_fill_wallet,
        claims: if has_come {
            claims_of_order_in(tx, id).await?.into_iter().map(Claim::for_buyer).collect()
        } else {
            Vec::new()
        },
        link: buyer.1.as_ref().and_then(|contact| LinkToken::parse(&contact.link)),
    };
    Ok(Some((view, buyer)))
}

/// What the buyer of an order has asked to have back, the first claim first.
pub(crate) async fn claims_of_order_in(tx: &impl Tx, id: OrderId) -> Result<Vec<Claim>, OrderError> {
    Ok(claims_of_in(tx, &[id.uuid()]).await?.remove(&id.uuid()).unwrap_or_default())
}

/// What happened to an order, oldest first.
pub(crate) async fn events_in(tx: &impl Tx, id: OrderId) -> Result<Vec<Event>, StoreError> {
    let events = tx.find::<event::Entity>().filter(event::Column::OrderId.eq(id.uuid()));
    let events = events.ascending(event::Column::Seq).all().await?;
    Ok(events.into_iter().filter_map(event_of).collect())
}

/// The cards of an order with this history that were replaced, the first one first; nothing is asked where none was.
pub(crate) async fn replacements_in(
    tx: &impl Tx,
    id: OrderId,
    events: &[Event],
) -> Result<Vec<KnownReplacement>, OrderError> {
    if !events.iter().any(|event| event.event == OrderEvent::CodesReplaced) {
        return Ok(Vec::new());
    }
    Ok(replacements_of_in(tx, &[id.uuid()]).await?.remove(&id.uuid()).unwrap_or_default())
}

/// What went back of an order, the first return first.
pub(crate) async fn returns_of_in(tx: &impl Tx, id: OrderId) -> Result<Vec<KnownReturn>, OrderError> {
    Ok(returns::returns_in(tx, &[id.uuid()]).await?.remove(&id.uuid()).unwrap_or_default())
}

/// Returns as they are shown, with the cards of the lines, by line; what channels say of them is not here.
pub(crate) fn refunds_of(returns: Vec<KnownReturn>, cards: &HashMap<i32, Vec<CardId>>) -> Vec<OrderRefund> {
    let part = |line: ReturnedLine| {
        let own: BTreeSet<CardId> = line.cards.into_iter().collect();
        let all = cards.get(&line.line).map_or(&[][..], Vec::as_slice);
        let pieces = (1..).zip(all).filter(|(_, card)| own.contains(card)).map(|(place, _)| place);
        ReturnedPart { line: line.line, amount: line.amount, is_last: line.is_last, pieces: pieces.collect() }
    };
    let refund = |known: KnownReturn| OrderRefund {
        number: known.number,
        amount: known.amount,
        lines: known.lines.into_iter().map(part).collect(),
        to: known.to,
        reason: Some(known.reason),
        by: Some(known.by),
        at: known.at,
        refund: known.refund,
        state: RefundState::Done,
        error: None,
        settled_at: known.settled_at,
    };
    returns.into_iter().map(refund).collect()
}

/// What a person does for the lines of an order, by line; nothing is asked for an order of cards.
pub(crate) async fn manual_lines_in(
    tx: &impl Tx,
    id: OrderId,
    lines: &[line::Model],
) -> Result<HashMap<i32, ManualLine>, OrderError> {
    let manual = lines.iter().filter_map(|line| Some((line.line_no, line.fulfil_within_hours?.unsigned_abs())));
    let manual: Vec<(i32, u32)> = manual.collect();
    if manual.is_empty() {
        return Ok(HashMap::new());
    }
    let mut works = fulfil::works_in(tx, &[id.uuid()]).await?;
    let mut answers = fulfil::answers_in(tx, [id.uuid()]).await?;
    let line_of = |(line, within_hours): (i32, u32)| {
        let work = works.remove(&(id.uuid(), line));
        let manual = ManualLine {
            state: work.as_ref().map(|work| work.state),
            within_hours,
            due_at: work.as_ref().map(|work| work.due_at),
            done_at: work.as_ref().filter(|work| work.state == FulfilState::Done).and_then(|work| work.ended_at),
            answers: answers.remove(&(id.uuid(), line)).unwrap_or_default(),
            proof: work.as_ref().and_then(|work| work.proof.clone()),
            reason: work.and_then(|work| work.reason),
        };
        (line, manual)
    };
    Ok(manual.into_iter().map(line_of).collect())
}

/// The contact of an order, by the order.
pub(crate) async fn contact_in(tx: &impl Tx, id: OrderId) -> Result<Option<contact::Model>, StoreError> {
    tx.find::<contact::Entity>().filter(contact::Column::OrderId.eq(id.uuid())).one().await
}

/// The orders with this number, in the transaction's scope, the first placed one first: nearly always one at most.
pub(crate) async fn numbered_in(
    tx: &impl Tx,
    tenant: TenantId,
    number: OrderNumber,
) -> Result<Vec<OrderId>, StoreError> {
    let Some(ids) = number.ids(tenant) else { return Ok(Vec::new()) };
    let find = tx.find::<order::Entity>().filter(order::Column::Id.between(ids.start().uuid(), ids.end().uuid()));
    let found: Vec<(Uuid,)> = find.ascending(order::Column::Id).columns([order::Column::Id]).await?;
    let found = found.into_iter().map(|(id,)| OrderId::from_uuid(id));
    Ok(found.filter(|id| number.is_of(tenant, *id)).collect())
}

/// What orders are found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The hash of a visitor token.
    Visitor,
    /// The key of contact and query password.
    QueryKey,
}

/// Orders on the transaction's site, newest first; with an id only that one.
pub(crate) async fn orders_by_in(
    tx: &impl Tx,
    (by, id): (By, Option<OrderId>),
    value: &[u8],
    limit: u64,
) -> Result<Vec<(Order, Wording)>, OrderError> {
    let column = match by {
        By::Visitor => contact::Column::Visitor,
        By::QueryKey => contact::Column::QueryKey,
    };
    let mut found = tx.find::<contact::Entity>().filter(column.eq(value)).descending(contact::Column::OrderId);
    if let Some(id) = id {
        found = found.filter(contact::Column::OrderId.eq(id.uuid()));
    }
    let found: Vec<(Uuid,)> = found.limit(limit).columns([contact::Column::OrderId]).await?;
    let ids: Vec<Uuid> = found.into_iter().map(|(id,)| id).collect();
    let rows = tx.find::<order::Entity>().among(order::Column::Id, ids).descending(order::Column::Id).all().await?;
    with_titles(tx, rows).await
}

/// A page of `customer`'s orders on the transaction's site, newest first, with their first line's title.
pub(crate) async fn page_in(
    tx: &impl Tx,
    customer: CustomerId,
    before: Option<OrderId>,
    limit: u64,
) -> Result<Vec<(Order, Wording)>, OrderError> {
    let mut find = tx.find::<order::Entity>().filter(order::Column::CustomerId.eq(customer.uuid()));
    if let Some(before) = before {
        find = find.filter(order::Column::Id.lt(before.uuid()));
    }
    let rows = find.descending(order::Column::Id).limit(limit).all().await?;
    with_titles(tx, rows).await
}

async fn with_titles(tx: &impl Tx, rows: Vec<order::Model>) -> Result<Vec<(Order, Wording)>, OrderError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let firsts = tx.find::<line::Entity>().among(line::Column::OrderId, ids).filter(line::Column::LineNo.eq(1));
    let firsts = firsts.all().await?;
    rows.iter()
        .map(|row| {
            let first = firsts.iter().find(|line| line.order_id == row.id);
            let title = first.map(|line| Wording::new(&line.title_zh, &line.title_en));
            Ok((order_of(row)?, title.unwrap_or_default()))
        })
        .collect()
}

/// The goods of an order that has expired or is about to: late money needs them again.
pub(crate) async fn goods_if_over_in(tx: &impl Tx, id: OrderId) -> Result<Vec<(SkuId, u32)>, StoreError> {
    let soon = tx.now() + SOON;
    let is_over = order::Column::ExpiresAt.lte(soon);
    let found = tx.find::<order::Entity>().filter(order::Column::Id.eq(id.uuid())).filter(is_over).count().await?;
    if found == 0 {
        return Ok(Vec::new());
    }
    let lines = tx.find::<line::Entity>().filter(line::Column::OrderId.eq(id.uuid())).all().await?;
    Ok(lines.into_iter().map(|line| (SkuId::from_uuid(line.sku_id), line.quantity.unsigned_abs())).collect())
}

/// Logs that `actor` looks at the codes of a line.
pub(crate) async fn log_reveal_in<S: store::Inside>(
    tx: &WriteTx<S>,
    order: &Order,
    line_no: i32,
    (actor, device): (&str, &Device),
) -> Result<(), StoreError> {
    tx.insert::<reveal::Entity>([reveal::Model {
        tenant_id: tx.scope().tenant().uuid(),
        id: Uuid::now_v7(),
        site_id: order.site.uuid(),
        order_id: order.id.uuid(),
        line_no,
        actor: actor.to_owned(),
        device: device.as_str().to_owned(),
        at: tx.now(),
    }])
    .await
}

/// How often codes of the order were looked at.
pub(crate) async fn reveals_in(tx: &impl Tx, order: OrderId) -> Result<u64, StoreError> {
    tx.find::<reveal::Entity>().filter(reveal::Column::OrderId.eq(order.uuid())).count().await
}

pub(crate) fn states_of(row: &order::Model) -> Option<States> {
    Some(States {
        order: OrderState::parse(&row.state)?,
        payment: PaymentState::parse(&row.payment_state)?,
        delivery: DeliveryState::parse(&row.delivery_state)?,
    })
}

fn order_of(row: &order::Model) -> Result<Order, OrderError> {
    let broken = |what: &str| OrderError::Broken { order: OrderId::from_uuid(row.id), what: what.to_owned() };
    let currency = Currency::parse(&row.currency).map_err(|_| broken("currency"))?;
    let states = states_of(row).ok_or_else(|| broken("state"))?;
    let id = OrderId::from_uuid(row.id);
    Ok(Order {
        id,
        number: OrderNumber::of(TenantId::from_uuid(row.tenant_id), id),
        site: SiteId::from_uuid(row.site_id),
        customer: row.customer_id.map(CustomerId::from_uuid),
        method: Method::parse(&row.method).ok_or_else(|| broken("method"))?,
        states,
        total: Money::new(row.total_minor, currency),
        placed_at: row.placed_at,
        expires_at: row.expires_at,
    })
}

fn line_of(row: line::Model, manual: &mut HashMap<i32, ManualLine>, currency: Currency) -> LineView {
    LineView {
        manual: manual.remove(&row.line_no),
        number: row.line_no,
        sku: SkuId::from_uuid(row.sku_id),
        title: Wording::new(row.title_zh, row.title_en),
        sku_name: Wording::new(row.sku_name_zh, row.sku_name_en),
        quantity: row.quantity.unsigned_abs(),
        unit: Money::new(row.unit_minor, currency),
        total: Money::new(row.total_minor, currency),
        cards: card_ids(&row.card_ids),
        is_shared: row.is_shared,
        returned: Money::zero(currency),
        void: BTreeSet::new(),
        is_over: false,
        refunds: RefundRule::read(row.refund_rule.as_deref()).unwrap_or_default(),
        delivered_at: None,
    }
}

fn event_of(row: event::Model) -> Option<Event> {
    Some(Event { event: OrderEvent::parse(&row.event)?, at: row.at, actor: row.actor })
}

/// Reads the packed ids of a line's cards.
pub(crate) fn card_ids(packed: &[u8]) -> Vec<CardId> {
    packed.as_chunks::<16>().0.iter().map(|bytes| CardId::from_uuid(Uuid::from_bytes(*bytes))).collect()
}
