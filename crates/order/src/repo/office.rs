//! What operators and owners read: lists, one order with its chains, the fulfilment desk.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

use catalog::SkuId;
use chrono::TimeDelta;
use identity::OperatorId;
use kernel::{Currency, Money, SiteId, TenantId, Wording};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition};
use store::{Find, StoreError, Tx};
use uuid::Uuid;

use super::{fulfil, order_of};
use crate::error::OrderError;
use crate::fulfil::{FulfilState, FulfilmentRow, LineRef};
use crate::machine::States;
use crate::model::OrderId;
use crate::office::{DeskHop, OrderFilter, OrderRow};
use crate::table::{contact, fulfilment, hop, line, order};

/// Orders that are read at a time when a list looks for those with a SKU.
const SCAN: u64 = 500;
/// How often it reads before it answers with what it has.
const SCANS_MAX: usize = 10;

/// Orders that the filter lets through, newest first, from `after` on: at most `limit`, and where to go on if there may
/// be more.
pub(crate) async fn list_in(
    tx: &impl Tx,
    (tenant, filter): (TenantId, &OrderFilter),
    mut after: Option<OrderId>,
    limit: u64,
) -> Result<(Vec<OrderRow>, Option<OrderId>), OrderError> {
    // A number leads to the ids of one millisecond; which of them has it is told below.
    let ids = filter.number.map(|number| number.ids(tenant));
    if ids == Some(None) {
        return Ok((Vec::new(), None));
    }
    let (ids, states) = (ids.flatten(), filter.states());
    if states.is_empty() {
        return Ok((Vec::new(), None));
    }
    let mut rows: Vec<order::Model> = Vec::new();
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let page = if filter.sku.is_some() { SCAN } else { limit + 1 };
    let mut is_more = true;
    for _ in 0..SCANS_MAX {
        let found = page_of_in(tx, (filter, ids.as_ref()), &states, (after, page)).await?;
        is_more = found.len() as u64 == page;
        let Some(last) = found.last() else { break };
        after = Some(OrderId::from_uuid(last.id));
        let is_numbered =
            |row: &order::Model| filter.number.is_none_or(|number| number.is_of(tenant, OrderId::from_uuid(row.id)));
        let found: Vec<order::Model> = found.into_iter().filter(is_numbered).collect();
        match filter.sku {
            None => rows.extend(found),
            Some(sku) => {
                let with = with_sku_in(tx, sku, &found).await?;
                rows.extend(found.into_iter().filter(|row| with.contains(&row.id)));
            }
        }
        if !is_more || rows.len() > wanted {
            break;
        }
    }
    if rows.len() > wanted {
        rows.truncate(wanted);
        (after, is_more) = (rows.last().map(|row| OrderId::from_uuid(row.id)), true);
    }
    Ok((rows_of_in(tx, rows).await?, after.filter(|_| is_more)))
}

/// The condition of the indexes on orders that are not settled, word for word: else SQLite would not know it again.
const IS_UNSETTLED: &str = "(state <> 'completed' OR payment_state <> 'paid')";

/// The next `page` orders. Where none of them can be settled the orders in each of the other states are asked for by
/// themselves: a walk over the settled ones, who are nearly all, would look for them in vain.
async fn page_of_in(
    tx: &impl Tx,
    filter: (&OrderFilter, Option<&RangeInclusive<OrderId>>),
    states: &[States],
    (after, page): (Option<OrderId>, u64),
) -> Result<Vec<order::Model>, StoreError> {
    use order::Column::{DeliveryState, Id, PaymentState, State};
    let find = || filtered(tx, filter, after).descending(Id).limit(page);
    if states.iter().any(States::is_settled) {
        return find().all().await;
    }
    let mut found = Vec::new();
    for states in states {
        let find = find().filter(Expr::cust(IS_UNSETTLED)).of_words(State, &[states.order.word()]);
        let find = find.of_words(PaymentState, &[states.payment.word()]);
        found.extend(find.of_words(DeliveryState, &[states.delivery.word()]).all().await?);
    }
    found.sort_by_key(|row| std::cmp::Reverse(row.id));
    found.truncate(usize::try_from(page).unwrap_or(usize::MAX));
    Ok(found)
}

fn filtered<'t>(
    tx: &'t impl Tx,
    (filter, ids): (&OrderFilter, Option<&RangeInclusive<OrderId>>),
    after: Option<OrderId>,
) -> Find<'t, order::Entity> {
    use order::Column as C;
    let mut all = Condition::all();
    if let Some(ids) = ids {
        all = all.add(C::Id.between(ids.start().uuid(), ids.end().uuid()));
    }
    if let Some(after) = after {
        all = all.add(C::Id.lt(after.uuid()));
    }
    if let Some(site) = filter.site {
        all = all.add(C::SiteId.eq(site.uuid()));
    }
    for (column, words) in [
        (C::State, filter.orders.iter().map(|state| state.word()).collect::<Vec<_>>()),
        (C::PaymentState, filter.payments.iter().map(|state| state.word()).collect()),
        (C::DeliveryState, filter.deliveries.iter().map(|state| state.word()).collect()),
    ] {
        if !words.is_empty() {
            all = all.add(column.is_in(words));
        }
    }
    // The key begins with the time of the node that made it, which may be a little off: it only says where to look.
    let key = |at: chrono::DateTime<chrono::Utc>| {
        Uuid::from_u128(u128::from(at.timestamp_millis().max(0).unsigned_abs()) << 80)
    };
    if let Some(from) = filter.placed_from {
        all = all.add(C::PlacedAt.gte(from)).add(C::Id.gte(key(from - TimeDelta::days(1))));
    }
    if let Some(to) = filter.placed_to {
        all = all.add(C::PlacedAt.lt(to)).add(C::Id.lt(key(to + TimeDelta::days(1))));
    }
    tx.find::<order::Entity>().filter(all)
}

async fn with_sku_in(tx: &impl Tx, sku: SkuId, orders: &[order::Model]) -> Result<HashSet<Uuid>, StoreError> {
    let find = tx.find::<line::Entity>().among(line::Column::OrderId, orders.iter().map(|row| row.id));
    let find = find.filter(line::Column::SkuId.eq(sku.uuid()));
    let found: Vec<(Uuid,)> = find.columns([line::Column::OrderId]).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

async fn rows_of_in(tx: &impl Tx, rows: Vec<order::Model>) -> Result<Vec<OrderRow>, OrderError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let lines = tx.find::<line::Entity>().among(line::Column::OrderId, ids);
    let mut by_order: HashMap<Uuid, Vec<line::Model>> = HashMap::new();
    for row in lines.ascending(line::Column::LineNo).all().await? {
        by_order.entry(row.order_id).or_default().push(row);
    }
    rows.iter().map(|row| row_of(row, by_order.get(&row.id).map_or(&[], Vec::as_slice))).collect()
}

/// An order as lists show it.
pub(crate) fn row_of(row: &order::Model, lines: &[line::Model]) -> Result<OrderRow, OrderError> {
    let order = order_of(row)?;
    let title = lines.first().map(|first| Wording::new(&first.title_zh, &first.title_en));
    Ok(OrderRow {
        id: order.id,
        number: order.number,
        site: order.site,
        method: order.method,
        states: order.states,
        total: order.total,
        placed_at: row.placed_at,
        expires_at: row.expires_at,
        paid_at: row.paid_at,
        delivered_at: row.delivered_at,
        title: title.unwrap_or_default(),
        lines: u32::try_from(lines.len()).unwrap_or(u32::MAX),
        pieces: lines.iter().fold(0, |sum, line| sum.saturating_add(line.quantity.unsigned_abs())),
    })
}

/// The row of an order and those of its lines.
pub(crate) async fn order_in(
    tx: &impl Tx,
    id: OrderId,
) -> Result<Option<(order::Model, Vec<line::Model>)>, StoreError> {
    let found = tx.find::<order::Entity>().filter(order::Column::Id.eq(id.uuid())).one().await?;
    let Some(row) = found else { return Ok(None) };
    let lines = tx.find::<line::Entity>().filter(line::Column::OrderId.eq(id.uuid()));
    Ok(Some((row, lines.ascending(line::Column::LineNo).all().await?)))
}

/// The hops of an order that this transaction may see, by line; a site sees its own.
pub(crate) async fn hops_in(
    tx: &impl Tx,
    id: OrderId,
    currency: Currency,
) -> Result<HashMap<i32, Vec<DeskHop>>, StoreError> {
    let rows = tx.find::<hop::Entity>().filter(hop::Column::OrderId.eq(id.uuid())).ascending(hop::Column::Depth);
    let mut hops: HashMap<i32, Vec<DeskHop>> = HashMap::new();
    for row in rows.all().await? {
        hops.entry(row.line_no).or_default().push(DeskHop {
            site: SiteId::from_uuid(row.site_id),
            cost: Money::new(row.cost_minor, currency),
            price: Money::new(row.price_minor, currency),
            rule: row.rule,
        });
    }
    Ok(hops)
}

/// How the buyer of an order is reached.
pub(crate) async fn contact_of_in(tx: &impl Tx, id: OrderId) -> Result<Option<String>, StoreError> {
    let row = tx.find::<contact::Entity>().filter(contact::Column::OrderId.eq(id.uuid())).one().await?;
    Ok(row.and_then(|row| row.contact))
}

/// Lines in a state, from `after` on: what is to be done oldest first, the others newest first.
pub(crate) async fn fulfilments_in(
    tx: &impl Tx,
    state: FulfilState,
    after: Option<LineRef>,
    limit: u64,
) -> Result<Vec<FulfilmentRow>, OrderError> {
    use fulfilment::Column::{LineNo, OrderId as Order, State};
    let is_open = matches!(state, FulfilState::Waiting | FulfilState::Taken);
    let mut find = tx.find::<fulfilment::Entity>().filter(State.eq(state.word()));
    if let Some(LineRef { order, line }) = after {
        let (next_order, next_line) =
            if is_open { (Order.gt(order.uuid()), LineNo.gt(line)) } else { (Order.lt(order.uuid()), LineNo.lt(line)) };
        let same = Condition::all().add(Order.eq(order.uuid())).add(next_line);
        // Says nothing new, but the index can begin there: not at one of two places.
        let bound = if is_open { Order.gte(order.uuid()) } else { Order.lte(order.uuid()) };
        find = find.filter(bound).filter(Condition::any().add(next_order).add(same));
    }
    let find =
        if is_open { find.ascending(Order).ascending(LineNo) } else { find.descending(Order).descending(LineNo) };
    let rows = find.limit(limit).all().await?;
    let orders: HashSet<Uuid> = rows.iter().map(|row| row.order_id).collect();
    let lines = tx.find::<line::Entity>().among(line::Column::OrderId, orders.iter().copied()).all().await?;
    let lines: HashMap<(Uuid, i32), line::Model> =
        lines.into_iter().map(|line| ((line.order_id, line.line_no), line)).collect();
    // What a buyer wrote is shown to those who need it, and to nobody once it is over.
    let is_over = matches!(state, FulfilState::Done | FulfilState::Cancelled);
    let mut answers = if is_over { HashMap::new() } else { fulfil::answers_in(tx, orders).await? };
    let row_of = |row: fulfilment::Model| {
        let place = (row.order_id, row.line_no);
        let order = OrderId::from_uuid(row.order_id);
        let line = lines.get(&place).ok_or_else(|| OrderError::Broken { order, what: "line".to_owned() })?;
        Ok(FulfilmentRow {
            at: LineRef { order, line: row.line_no },
            site: SiteId::from_uuid(row.site_id),
            sku: SkuId::from_uuid(row.sku_id),
            title: Wording::new(&line.title_zh, &line.title_en),
            sku_name: Wording::new(&line.sku_name_zh, &line.sku_name_en),
            quantity: line.quantity.unsigned_abs(),
            state: fulfil::state_of(&row)?,
            answers: answers.remove(&place).unwrap_or_default(),
            since: row.since,
            due_at: row.due_at,
            taken_by: row.taken_by.map(OperatorId::from_uuid),
            taken_at: row.taken_at,
            proof: row.proof,
            reason: row.reason,
            ended_at: row.ended_at,
        })
    };
    rows.into_iter().map(row_of).collect()
}
