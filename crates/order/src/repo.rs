//! Queries on the room's tables.

use catalog::SkuId;
use identity::CustomerId;
use inventory::CardId;
use kernel::{Currency, Money, SiteId, TenantScope, Wording};
use sea_orm::ColumnTrait;
use store::{StoreError, Tx, WriteTx};
use uuid::Uuid;

use crate::desk::{Desk, NewOrder, PricedLine};
use crate::error::OrderError;
use crate::machine::{DeliveryState, OrderEvent, OrderState, PaymentState, States};
use crate::model::{Device, Event, LineView, Order, OrderId, OrderView};
use crate::table::{event, hop, line, order, reveal};

/// Writes orders with their lines, hops and events, one statement a table.
pub(crate) async fn insert_in(tx: &WriteTx<TenantScope>, new: &[NewOrder]) -> Result<(), StoreError> {
    let tenant_id = tx.scope().id().uuid();
    let now = tx.now();
    tx.insert::<order::Entity>(new.iter().map(|new| order::Model {
        tenant_id,
        id: new.id.uuid(),
        site_id: new.site.uuid(),
        customer_id: Some(new.customer.uuid()),
        method: "wallet".to_owned(),
        state: new.states.order.word().to_owned(),
        payment_state: new.states.payment.word().to_owned(),
        delivery_state: new.states.delivery.word().to_owned(),
        currency: new.total.currency().code().to_owned(),
        total_minor: new.total.minor(),
        placed_at: now,
        paid_at: Some(now),
        delivered_at: Some(now),
    }))
    .await?;
    let numbered =
        || new.iter().flat_map(|new| (1i32..).zip(&new.lines).map(move |(number, line)| (new, number, line)));
    let lines: Vec<line::Model> =
        numbered().map(|(new, number, line)| line_row(tenant_id, new, number, line)).collect();
    tx.insert::<line::Entity>(lines).await?;
    let hops: Vec<hop::Model> = numbered()
        .flat_map(|(new, number, line)| {
            (0i32..).zip(&line.quote.hops).map(move |(depth, step)| hop::Model {
                tenant_id,
                order_id: new.id.uuid(),
                line_no: number,
                depth,
                site_id: step.site.uuid(),
                cost_minor: step.cost.minor(),
                price_minor: step.price.minor(),
                rule: step.rule_text(),
            })
        })
        .collect();
    tx.insert::<hop::Entity>(hops).await?;
    let events: Vec<event::Model> = new
        .iter()
        .flat_map(|new| {
            (0i32..).zip(Desk::EVENTS_SOLD_AT_ONCE).map(move |(seq, happened)| event::Model {
                tenant_id,
                order_id: new.id.uuid(),
                seq,
                site_id: new.site.uuid(),
                event: happened.word().to_owned(),
                at: now,
                actor: new.customer.to_string(),
            })
        })
        .collect();
    tx.insert::<event::Entity>(events).await
}

fn line_row(tenant_id: Uuid, new: &NewOrder, number: i32, line: &PricedLine) -> line::Model {
    line::Model {
        tenant_id,
        order_id: new.id.uuid(),
        line_no: number,
        site_id: new.site.uuid(),
        sku_id: line.sku().uuid(),
        title_zh: line.ware.title.zh.clone(),
        title_en: line.ware.title.en.clone(),
        sku_name_zh: line.ware.name.zh.clone(),
        sku_name_en: line.ware.name.en.clone(),
        quantity: i32::try_from(line.quantity).expect("a quantity was checked against its limit"),
        unit_minor: line.quote.unit.minor(),
        total_minor: line.total.minor(),
        card_ids: line.cards.iter().flat_map(|card| card.uuid().into_bytes()).collect(),
    }
}

/// The order `id` of `customer` with its lines and events, inside the transaction's site.
pub(crate) async fn view_in(tx: &impl Tx, customer: CustomerId, id: OrderId) -> Result<Option<OrderView>, OrderError> {
    let own = order::Column::CustomerId.eq(customer.uuid());
    let found = tx.find::<order::Entity>().filter(order::Column::Id.eq(id.uuid())).filter(own).one().await?;
    let Some(row) = found else { return Ok(None) };
    let lines = tx.find::<line::Entity>().filter(line::Column::OrderId.eq(id.uuid()));
    let lines = lines.ascending(line::Column::LineNo).all().await?;
    let events = tx.find::<event::Entity>().filter(event::Column::OrderId.eq(id.uuid()));
    let events = events.ascending(event::Column::Seq).all().await?;
    let order = order_of(&row)?;
    let currency = order.total.currency();
    Ok(Some(OrderView {
        order,
        lines: lines.into_iter().map(|row| line_of(row, currency)).collect(),
        events: events.into_iter().filter_map(event_of).collect(),
    }))
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

/// Logs that `actor` looks at the codes of a line.
pub(crate) async fn log_reveal_in<S: store::Inside>(
    tx: &WriteTx<S>,
    order: &Order,
    line_no: i32,
    (actor, device): (CustomerId, &Device),
) -> Result<(), StoreError> {
    tx.insert::<reveal::Entity>([reveal::Model {
        tenant_id: tx.scope().tenant().uuid(),
        id: Uuid::now_v7(),
        site_id: order.site.uuid(),
        order_id: order.id.uuid(),
        line_no,
        actor: actor.to_string(),
        device: device.as_str().to_owned(),
        at: tx.now(),
    }])
    .await
}

/// How often codes of the order were looked at.
pub(crate) async fn reveals_in(tx: &impl Tx, order: OrderId) -> Result<u64, StoreError> {
    tx.find::<reveal::Entity>().filter(reveal::Column::OrderId.eq(order.uuid())).count().await
}

fn order_of(row: &order::Model) -> Result<Order, OrderError> {
    let broken = |what: &str| OrderError::Broken { order: OrderId::from_uuid(row.id), what: what.to_owned() };
    let currency = Currency::parse(&row.currency).map_err(|_| broken("currency"))?;
    let states = States {
        order: OrderState::parse(&row.state).ok_or_else(|| broken("state"))?,
        payment: PaymentState::parse(&row.payment_state).ok_or_else(|| broken("payment_state"))?,
        delivery: DeliveryState::parse(&row.delivery_state).ok_or_else(|| broken("delivery_state"))?,
    };
    Ok(Order {
        id: OrderId::from_uuid(row.id),
        site: SiteId::from_uuid(row.site_id),
        customer: row.customer_id.map(CustomerId::from_uuid),
        states,
        total: Money::new(row.total_minor, currency),
        placed_at: row.placed_at,
    })
}

fn line_of(row: line::Model, currency: Currency) -> LineView {
    LineView {
        number: row.line_no,
        sku: SkuId::from_uuid(row.sku_id),
        title: Wording::new(row.title_zh, row.title_en),
        sku_name: Wording::new(row.sku_name_zh, row.sku_name_en),
        quantity: row.quantity.unsigned_abs(),
        unit: Money::new(row.unit_minor, currency),
        total: Money::new(row.total_minor, currency),
        cards: card_ids(&row.card_ids),
    }
}

fn event_of(row: event::Model) -> Option<Event> {
    Some(Event { event: OrderEvent::parse(&row.event)?, at: row.at, actor: row.actor })
}

/// Reads the packed ids of a line's cards.
pub(crate) fn card_ids(packed: &[u8]) -> Vec<CardId> {
    packed.as_chunks::<16>().0.iter().map(|bytes| CardId::from_uuid(Uuid::from_bytes(*bytes))).collect()
}
