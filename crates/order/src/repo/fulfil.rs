//! What people do for lines, and what buyers filled in for them: read and written by batches.

use std::collections::HashMap;

use catalog::Answer;
use chrono::{DateTime, Utc};
use identity::OperatorId;
use kernel::TenantScope;
use lane::LaneSheaf;
use store::{Change, Rows, StoreError, Tx, WriteTx};
use uuid::Uuid;

use crate::desk::NewOrder;
use crate::error::OrderError;
use crate::fulfil::FulfilState;
use crate::known::{KnownOrder, News, Work};
use crate::model::OrderId;
use crate::table::{form, fulfilment};

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

/// Writes the work on orders that this transaction has locked, as far as it is news. Not every step of it is an event of the
/// order.
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
    Ok(())
}
