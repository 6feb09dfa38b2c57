//! What waits, for the sweeper, the audit and the limits.

use chrono::{DateTime, Utc};
use identity::CustomerId;
use sea_orm::ColumnTrait;
use store::{StoreError, Tx};
use uuid::Uuid;

use super::{CALLBACK_RECEIVED, Read, rows, uuids};
use crate::model::{Attempt, AttemptState, CallbackId, IntentId, IntentState, Purpose, Refund, RefundId, RefundState};
use crate::table::{attempt, callback, intent, refund};

/// A message that nobody has dealt with.
pub(crate) struct WaitingCallback {
    pub id: CallbackId,
    /// The money it tells of, as JSON.
    pub seen: Option<String>,
}

/// The top-ups that wait for these customers' money.
pub(crate) async fn open_top_ups_in(tx: &impl Tx, customers: &[CustomerId]) -> Result<Vec<IntentId>, StoreError> {
    if customers.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx.find::<intent::Entity>().among(intent::Column::CustomerId, uuids(customers));
    let rows = rows.filter(intent::Column::ExpiresAt.gt(tx.now()));
    let rows = rows.filter(intent::Column::Purpose.eq(Purpose::TopUp.word()));
    let rows = rows.filter(intent::Column::State.eq(IntentState::Open.word()));
    let rows: Vec<(Uuid,)> = rows.columns([intent::Column::Id]).await?;
    Ok(rows.into_iter().map(|(id,)| IntentId::from_uuid(id)).collect())
}

/// Tries without an end that were made since `made_since`, in the order of their numbers, those after `after`.
pub(crate) async fn endless_attempts_in(
    tx: &impl Tx,
    made_since: DateTime<Utc>,
    after: &str,
    limit: u64,
) -> Read<Attempt> {
    let endless = [AttemptState::New.word(), AttemptState::Waiting.word()];
    let rows = tx.find::<attempt::Entity>().filter(attempt::Column::CreatedAt.gt(made_since));
    let rows = rows.filter(attempt::Column::State.is_in(endless)).filter(attempt::Column::OutNo.gt(after));
    let rows = rows.ascending(attempt::Column::OutNo).limit(limit).all().await?;
    rows.iter().map(rows::attempt_of).collect()
}

/// Messages that came in this time and that nobody has dealt with, those after `after`.
pub(crate) async fn waiting_callbacks_in(
    tx: &impl Tx,
    (since, until): (DateTime<Utc>, DateTime<Utc>),
    after: CallbackId,
    limit: u64,
) -> Result<Vec<WaitingCallback>, StoreError> {
    use callback::Column as C;
    let rows = tx.find::<callback::Entity>().filter(C::State.eq(CALLBACK_RECEIVED)).filter(C::Id.gt(after.uuid()));
    let rows = rows.filter(C::ReceivedAt.gt(since)).filter(C::ReceivedAt.lt(until)).ascending(C::Id).limit(limit);
    let rows: Vec<(Uuid, Option<String>)> = rows.columns([C::Id, C::Seen]).await?;
    Ok(rows.into_iter().map(|(id, seen)| WaitingCallback { id: CallbackId::from_uuid(id), seen }).collect())
}

/// Refunds that are on their way and have not moved since `unmoved_since`, those after `after`.
pub(crate) async fn unmoved_refunds_in(
    tx: &impl Tx,
    unmoved_since: DateTime<Utc>,
    after: RefundId,
    limit: u64,
) -> Read<Refund> {
    let moving = [RefundState::Approved.word(), RefundState::Submitting.word(), RefundState::Unknown.word()];
    let rows = tx.find::<refund::Entity>().filter(refund::Column::State.is_in(moving));
    let rows = rows.filter(refund::Column::ChangedAt.lt(unmoved_since)).filter(refund::Column::Id.gt(after.uuid()));
    let rows = rows.ascending(refund::Column::Id).limit(limit).all().await?;
    rows.iter().map(rows::refund_of).collect()
}

/// Those of these refunds that are done or refused, and have been so since before `moved_before`.
pub(crate) async fn ended_refunds_in(tx: &impl Tx, ids: &[RefundId], moved_before: DateTime<Utc>) -> Read<Refund> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ended = [RefundState::Done.word(), RefundState::Failed.word()];
    let rows = tx.find::<refund::Entity>().among(refund::Column::Id, uuids(ids));
    let rows = rows.filter(refund::Column::State.is_in(ended)).filter(refund::Column::ChangedAt.lt(moved_before));
    rows.all().await?.iter().map(rows::refund_of).collect()
}
