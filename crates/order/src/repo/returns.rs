//! What goes back of orders: read and written by batches.

use std::collections::HashMap;

use identity::OperatorId;
use kernel::{Currency, Money, TenantScope};
use payment::RefundId;
use sea_orm::{ColumnTrait, Condition};
use store::{Change, Rows, StoreError, Tx, WriteTx};
use uuid::Uuid;

use super::card_ids;
use crate::error::OrderError;
use crate::known::{KnownOrder, KnownReturn, News};
use crate::model::OrderId;
use crate::refund::{RefundTo, ReturnedLine};
use crate::table::{returned_line, returns};

/// A refund of a channel that an order waits for: the order, the return, the refund.
pub(crate) type Unsettled = (OrderId, i32, RefundId);

/// What went back of these orders, each order's first return first.
pub(crate) async fn returns_in(tx: &impl Tx, orders: &[Uuid]) -> Result<HashMap<Uuid, Vec<KnownReturn>>, OrderError> {
    let mut returns: HashMap<Uuid, Vec<KnownReturn>> = HashMap::new();
    if orders.is_empty() {
        return Ok(returns);
    }
    let rows = tx.find::<returns::Entity>().among(returns::Column::OrderId, orders.iter().copied());
    let rows = rows.ascending(returns::Column::Number).all().await?;
    let mut lines = lines_in(tx, &rows).await?;
    for row in rows {
        let lines = lines.remove(&(row.order_id, row.number)).unwrap_or_default();
        returns.entry(row.order_id).or_default().push(known_return(row, lines)?);
    }
    Ok(returns)
}

type Lines = HashMap<(Uuid, i32), Vec<returned_line::Model>>;

async fn lines_in(tx: &impl Tx, rows: &[returns::Model]) -> Result<Lines, StoreError> {
    let mut lines: Lines = HashMap::new();
    if rows.is_empty() {
        return Ok(lines);
    }
    use returned_line::Column::{LineNo, OrderId as Order};
    let found = tx.find::<returned_line::Entity>().among(Order, rows.iter().map(|row| row.order_id));
    for row in found.ascending(LineNo).all().await? {
        lines.entry((row.order_id, row.number)).or_default().push(row);
    }
    Ok(lines)
}

fn known_return(row: returns::Model, lines: Vec<returned_line::Model>) -> Result<KnownReturn, OrderError> {
    let broken = |what: &str| OrderError::Broken { order: OrderId::from_uuid(row.order_id), what: what.to_owned() };
    let currency = Currency::parse(&row.currency).map_err(|_| broken("currency"))?;
    let line = |line: returned_line::Model| ReturnedLine {
        line: line.line_no,
        amount: Money::new(line.amount_minor, currency),
        is_last: line.is_last,
        cards: card_ids(&line.card_ids),
    };
    Ok(KnownReturn {
        number: row.number,
        amount: Money::new(row.amount_minor, currency),
        lines: lines.into_iter().map(line).collect(),
        to: RefundTo::parse(&row.destination).ok_or_else(|| broken("destination"))?,
        refund: row.refund_id.map(RefundId::from_uuid),
        held: Money::new(row.held_minor, currency),
        reason: row.reason,
        by: OperatorId::from_uuid(row.requested_by),
        at: row.requested_at,
        settled_at: row.settled_at,
        news: News::None,
    })
}

/// Refunds by a channel that orders wait for, those after `after`.
pub(crate) async fn unsettled_returns_in(
    tx: &impl Tx,
    (order, number): (OrderId, i32),
    limit: u64,
) -> Result<Vec<Unsettled>, StoreError> {
    use returns::Column::{Number, OrderId as Order, RefundId as Refund, SettledAt};
    let same_order = Condition::all().add(Order.eq(order.uuid())).add(Number.gt(number));
    let rows = tx.find::<returns::Entity>().filter(SettledAt.is_null()).filter(Refund.is_not_null());
    // The first condition says the same as the rest for the index, which cannot begin at one of two places.
    let rows = rows.filter(Order.gte(order.uuid()));
    let rows = rows.filter(Condition::any().add(Order.gt(order.uuid())).add(same_order));
    let rows = rows.ascending(Order).ascending(Number).limit(limit);
    let rows: Vec<(Uuid, i32, Uuid)> = rows.columns([Order, Number, Refund]).await?;
    let named = |(order, number, refund)| (OrderId::from_uuid(order), number, RefundId::from_uuid(refund));
    Ok(rows.into_iter().map(named).collect())
}

/// Writes the returns of orders that this transaction has locked, as far as they are news.
pub(crate) async fn change_in(tx: &WriteTx<TenantScope>, orders: &[&KnownOrder]) -> Result<(), StoreError> {
    use returns::Column::{Number, OrderId as Order, SettledAt};
    let tenant_id = tx.scope().id().uuid();
    let (mut new, mut lines) = (Vec::new(), Vec::new());
    let mut settled = Rows::of_columns(&[Order, Number, SettledAt]);
    for order in orders {
        let (order_id, site_id) = (order.id.uuid(), order.site.uuid());
        for known in &order.returns {
            match known.news {
                News::None => {}
                News::New => {
                    new.push(row(tenant_id, (order_id, site_id), known));
                    lines.extend(known.lines.iter().map(|line| returned_line::Model {
                        tenant_id,
                        order_id,
                        number: known.number,
                        line_no: line.line,
                        site_id,
                        amount_minor: line.amount.minor(),
                        is_last: line.is_last,
                        card_ids: line.cards.iter().flat_map(|card| *card.uuid().as_bytes()).collect(),
                    }));
                }
                News::Changed => settled.push([order_id.into(), known.number.into(), known.settled_at.into()]),
            }
        }
    }
    tx.insert::<returns::Entity>(new).await?;
    tx.insert::<returned_line::Entity>(lines).await?;
    tx.update_rows::<returns::Entity>(settled, &[Order, Number], Change::Set).await?;
    Ok(())
}

fn row(tenant_id: Uuid, (order_id, site_id): (Uuid, Uuid), known: &KnownReturn) -> returns::Model {
    returns::Model {
        tenant_id,
        order_id,
        number: known.number,
        site_id,
        refund_id: known.refund.map(|refund| refund.uuid()),
        destination: known.to.word().to_owned(),
        amount_minor: known.amount.minor(),
        currency: known.amount.currency().code().to_owned(),
        held_minor: known.held.minor(),
        reason: known.reason.clone(),
        requested_by: known.by.uuid(),
        requested_at: known.at,
        settled_at: known.settled_at,
    }
}
