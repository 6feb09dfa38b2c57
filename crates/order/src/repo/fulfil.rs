//! What people do for lines, what buyers filled in for them, and refunds: read and written by batches.

use std::collections::HashMap;

use catalog::Answer;
use chrono::{DateTime, Utc};
use identity::OperatorId;
use kernel::{Currency, Money, TenantScope};
use lane::LaneSheaf;
use payment::RefundId;
use sea_orm::ColumnTrait;
use store::{Change, Rows, StoreError, Tx, WriteTx};
use uuid::Uuid;

use crate::desk::NewOrder;
use crate::error::OrderError;
use crate::fulfil::FulfilState;
use crate::known::{KnownOrder, KnownRefund, News, Work};
use crate::model::OrderId;
use crate::table::{form, fulfilment, refund};

/// The work on the lines of these orders, by order and line.
pub(crate) async fn works_in(tx: &impl Tx, orders: &[Uuid]) -> Result<HashMap<(Uuid, i32), Work>, OrderError> {
    if orders.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = tx.find::<fulfilment::Entity>().among(fulfilment::Column::OrderId, orders.iter().copied());
    rows.all().await?.into_iter().map(|row| Ok(((row.order_id, row.line_no), work_of(row)?))).collect()
}

fn work_of(row: fulfilment::Model) -> Result<Work, OrderError> {
    let state = state_of(&row)?;
    Ok(Work {
        state,
        since: row.since,
        due_at: row.due_at,
        taken: row.taken_by.map(OperatorId::from_uuid).zip(row.taken_at),
        proof: row.proof,
        reason: row.reason,
        ended_at: row.ended_at,
        news: News::None,
    })
}

pub(crate) fn state_of(row: &fulfilment::Model) -> Result<FulfilState, OrderError> {
    let broken = || OrderError::Broken { order: OrderId::from_uuid(row.order_id), what: "fulfilment".to_owned() };
    FulfilState::parse(&row.state).ok_or_else(broken)
}

/// The refunds of these orders.
pub(crate) async fn order_refunds_in(
    tx: &impl Tx,
    orders: &[Uuid],
) -> Result<HashMap<Uuid, refund::Model>, StoreError> {
    if orders.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = tx.find::<refund::Entity>().among(refund::Column::OrderId, orders.iter().copied()).all().await?;
    Ok(rows.into_iter().map(|row| (row.order_id, row)).collect())
}

/// Refunds by a channel whose orders do not count as refunded yet, those after `after`.
pub(crate) async fn unsettled_refunds_in(
    tx: &impl Tx,
    after: OrderId,
    limit: u64,
) -> Result<Vec<(OrderId, RefundId)>, StoreError> {
    use refund::Column::{OrderId as Order, RefundId as Refund, SettledAt};
    let rows = tx.find::<refund::Entity>().filter(SettledAt.is_null()).filter(Refund.is_not_null());
    let rows = rows.filter(Order.gt(after.uuid())).ascending(Order).limit(limit);
    let rows: Vec<(Uuid, Uuid)> = rows.columns([Order, Refund]).await?;
    Ok(rows.into_iter().map(|(order, refund)| (OrderId::from_uuid(order), RefundId::from_uuid(refund))).collect())
}

pub(crate) fn known_refund(row: refund::Model, currency: Currency) -> KnownRefund {
    KnownRefund {
        amount: Money::new(row.amount_minor, currency),
        refund: row.refund_id.map(RefundId::from_uuid),
        reason: row.reason,
        by: OperatorId::from_uuid(row.requested_by),
        at: row.requested_at,
        settled_at: row.settled_at,
        news: News::None,
    }
}

/// What buyers filled in for lines of these orders, by order and line.
pub(crate) async fn answers_in(
    tx: &impl Tx,
    orders: impl IntoIterator<Item = Uuid>,
) -> Result<HashMap<(Uuid, i32), Vec<Answer>>, OrderError> {
    let rows = tx.find::<form::Entity>().among(form::Column::OrderId, orders).all().await?;
    let read = |row: form::Model| {
        let broken = |_| OrderError::Broken { order: OrderId::from_uuid(row.order_id), what: "form".to_owned() };
        Ok(((row.order_id, row.line_no), serde_json::from_str(&row.answers).map_err(broken)?))
    };
    rows.into_iter().map(read).collect()
}

/// Puts into `sheaf` what buyers of new orders filled in, and the work that begins with those that are paid.
pub(crate) fn insert_into(sheaf: &mut LaneSheaf, now: DateTime<Utc>, new: &[NewOrder]) {
    let tenant_id = sheaf.scope().id().uuid();
    let (mut forms, mut works) = (Vec::new(), Vec::new());
    for new in new {
        for (line_no, line) in (1i32..).zip(&new.lines) {
            if !line.answers.is_empty() {
                let answers = serde_json::to_string(&line.answers).expect("answers are plain data");
                let (order_id, site_id) = (new.id.uuid(), new.site.uuid());
                forms.push(form::Model { tenant_id, order_id, line_no, site_id, answers });
            }
            if let Some(within_hours) = line.within_hours().filter(|_| new.expires_at.is_none()) {
                let work = Work::begin(within_hours, now);
                let place = (new.id.uuid(), line_no, new.site.uuid(), line.sku().uuid());
                works.push(work_row(tenant_id, place, &work));
            }
        }
    }
    sheaf.insert::<form::Entity>(forms);
    sheaf.insert::<fulfilment::Entity>(works);
}

fn work_row(
    tenant_id: Uuid,
    (order_id, line_no, site_id, sku_id): (Uuid, i32, Uuid, Uuid),
    work: &Work,
) -> fulfilment::Model {
    fulfilment::Model {
        tenant_id,
        order_id,
        line_no,
        site_id,
        sku_id,
        state: work.state.word().to_owned(),
        since: work.since,
        due_at: work.due_at,
        taken_by: work.taken.map(|(by, _)| by.uuid()),
        taken_at: work.taken.map(|(_, at)| at),
        proof: work.proof.clone(),
        reason: work.reason.clone(),
        ended_at: work.ended_at,
    }
}

/// Writes the work and the refunds of orders that this transaction has locked, as far as they are news. Not every step
/// of the work is an event of the order.
pub(crate) async fn change_in(tx: &WriteTx<TenantScope>, orders: &[&KnownOrder]) -> Result<(), StoreError> {
    let tenant_id = tx.scope().id().uuid();
    let (mut new, mut works) = (Vec::new(), Vec::new());
    for order in orders {
        for line in &order.lines {
            let Some(work) = line.manual.as_ref().and_then(|manual| manual.work.as_ref()) else { continue };
            let row = work_row(tenant_id, (order.id.uuid(), line.number, order.site.uuid(), line.sku.uuid()), work);
            match work.news {
                News::None => {}
                News::New => new.push(row),
                News::Changed => works.push(row),
            }
        }
    }
    tx.insert::<fulfilment::Entity>(new).await?;
    use fulfilment::Column::{LineNo, OrderId as Order};
    tx.update_rows(Rows::<fulfilment::Entity>::of(works), &[Order, LineNo], Change::Set).await?;
    change_refunds_in(tx, orders).await
}

async fn change_refunds_in(tx: &WriteTx<TenantScope>, changed: &[&KnownOrder]) -> Result<(), StoreError> {
    let tenant_id = tx.scope().id().uuid();
    let (mut new, mut settled) = (Vec::new(), Rows::of_columns(&[refund::Column::OrderId, refund::Column::SettledAt]));
    for order in changed {
        let Some(known) = &order.refund else { continue };
        match known.news {
            News::None => {}
            News::New => new.push(refund::Model {
                tenant_id,
                order_id: order.id.uuid(),
                site_id: order.site.uuid(),
                refund_id: known.refund.map(|refund| refund.uuid()),
                amount_minor: known.amount.minor(),
                currency: known.amount.currency().code().to_owned(),
                reason: known.reason.clone(),
                requested_by: known.by.uuid(),
                requested_at: known.at,
                settled_at: known.settled_at,
            }),
            News::Changed => settled.push([order.id.uuid().into(), known.settled_at.into()]),
        }
    }
    tx.insert::<refund::Entity>(new).await?;
    tx.update_rows::<refund::Entity>(settled, &[refund::Column::OrderId], Change::Set).await?;
    Ok(())
}
