//! Cards of orders that were replaced: read and written by batches, and shown.

use std::collections::HashMap;

use catalog::SkuId;
use identity::OperatorId;
use inventory::CardId;
use kernel::{Currency, Money, TenantScope};
use sea_orm::ColumnTrait;
use store::{StoreError, Tx, WriteTx};
use uuid::Uuid;

use crate::error::OrderError;
use crate::known::{KnownOrder, KnownReplacement, News};
use crate::model::OrderId;
use crate::table::{line, replacement};

/// The replacements of these orders, by order, each order's first one first.
pub(crate) async fn replacements_of_in(
    tx: &impl Tx,
    orders: &[Uuid],
) -> Result<HashMap<Uuid, Vec<KnownReplacement>>, OrderError> {
    let mut replacements: HashMap<Uuid, Vec<KnownReplacement>> = HashMap::new();
    if orders.is_empty() {
        return Ok(replacements);
    }
    let rows = tx.find::<replacement::Entity>().among(replacement::Column::OrderId, orders.iter().copied());
    for row in rows.ascending(replacement::Column::Number).all().await? {
        replacements.entry(row.order_id).or_default().push(known(row)?);
    }
    Ok(replacements)
}

fn known(row: replacement::Model) -> Result<KnownReplacement, OrderError> {
    let broken = |what: &str| OrderError::Broken { order: OrderId::from_uuid(row.order_id), what: what.to_owned() };
    let currency = Currency::parse(&row.currency).map_err(|_| broken("currency"))?;
    Ok(KnownReplacement {
        number: row.number,
        line: row.line_no,
        piece: row.piece.unsigned_abs(),
        old: CardId::from_uuid(row.old_card_id),
        new: CardId::from_uuid(row.new_card_id),
        cost: Money::new(row.cost_minor, currency),
        reason: row.reason,
        by: OperatorId::from_uuid(row.requested_by),
        at: row.replaced_at,
        news: News::None,
    })
}

/// What a line is of.
pub(crate) async fn sku_of_line_in(tx: &impl Tx, order: OrderId, number: i32) -> Result<Option<SkuId>, StoreError> {
    let find = tx.find::<line::Entity>().filter(line::Column::OrderId.eq(order.uuid()));
    let found: Vec<(Uuid,)> = find.filter(line::Column::LineNo.eq(number)).columns([line::Column::SkuId]).await?;
    Ok(found.first().map(|(sku,)| SkuId::from_uuid(*sku)))
}

/// Writes the replacements of orders that this transaction has locked, as far as they are new.
pub(crate) async fn add_in(tx: &WriteTx<TenantScope>, orders: &[&KnownOrder]) -> Result<(), StoreError> {
    let tenant_id = tx.scope().id().uuid();
    let mut new = Vec::new();
    for order in orders {
        new.extend(order.replacements.iter().filter(|known| known.news == News::New).map(|known| replacement::Model {
            tenant_id,
            order_id: order.id.uuid(),
            number: known.number,
            site_id: order.site.uuid(),
            line_no: known.line,
            piece: i32::try_from(known.piece).expect("a line has a bounded number of cards"),
            old_card_id: known.old.uuid(),
            new_card_id: known.new.uuid(),
            cost_minor: known.cost.minor(),
            currency: known.cost.currency().code().to_owned(),
            reason: known.reason.clone(),
            requested_by: known.by.uuid(),
            replaced_at: known.at,
        }));
    }
    tx.insert::<replacement::Entity>(new).await
}
