//! Queries on the room's own tables; each reads or writes any number of rows in one statement.

mod bill;
mod bonus;
mod kept;
mod rows;
mod stuck;
mod topups;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::{SiteId, TenantScope};
use sea_orm::ColumnTrait;
use store::{Change, Inside, Rows, Sheaf, StoreError, Tx, WriteTx};
use uuid::Uuid;

use crate::error::PaymentError;
use crate::model::{
    Attempt, AttemptState, CallbackId, Channel, ChannelId, Exception, ExceptionId, ExceptionState, Intent, IntentId,
    IntentState, Payment, PaymentId, Refund, RefundId, RefundState,
};
use crate::number::OutNo;
use crate::table::{attempt, callback, channel, exception, handover, intent, payment, refund};

pub(crate) use bill::{all_channels_in, bill_lines_in, bill_lines_of_in};
pub(crate) use bonus::{
    bonus_rules_in, bonus_versions_in, bonuses_after_in, bonuses_in, grant_bonuses_in, granted_in,
    insert_bonus_version_in, insert_bonuses,
};
pub(crate) use kept::{exceptions_after_in, handed_over_in, order_intents_in};
pub(crate) use stuck::{
    ended_refunds_in, endless_attempts_in, open_top_ups_in, unmoved_refunds_in, waiting_callbacks_in,
};
pub(crate) use topups::top_ups_of_in;

/// A channel with its sealed secret.
pub(crate) struct SealedChannel {
    pub channel: Channel,
    pub sealed: Vec<u8>,
    pub key_version: i32,
}

type Read<T> = Result<Vec<T>, PaymentError>;

fn uuids<T: Copy + Into<Uuid>>(ids: &[T]) -> impl Iterator<Item = Uuid> + '_ {
    ids.iter().map(|id| (*id).into())
}

pub(crate) async fn channels_in(tx: &impl Tx, ids: &[ChannelId]) -> Read<Channel> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx.find::<channel::Entity>().among(channel::Column::Id, uuids(ids)).all().await?;
    rows.iter().map(rows::channel_of).collect()
}

/// The channels of these sites, in the order buyers see them.
pub(crate) async fn channels_of_in(tx: &impl Tx, sites: &[SiteId]) -> Read<Channel> {
    let rows = tx.find::<channel::Entity>().among(channel::Column::SiteId, uuids(sites));
    let rows = rows.ascending(channel::Column::Sort).ascending(channel::Column::Id).all().await?;
    rows.iter().map(rows::channel_of).collect()
}

pub(crate) async fn sealed_channel_in(tx: &impl Tx, id: ChannelId) -> Result<Option<SealedChannel>, PaymentError> {
    let row = tx.find::<channel::Entity>().filter(channel::Column::Id.eq(id.uuid())).one().await?;
    row.map(|row| {
        let channel = rows::channel_of(&row)?;
        Ok(SealedChannel { channel, sealed: row.sealed, key_version: row.key_version })
    })
    .transpose()
}

/// The channel of a merchant, locked.
pub(crate) async fn channel_of_payee_in(
    tx: &impl Tx,
    provider: &str,
    payee: &str,
) -> Result<Option<Channel>, PaymentError> {
    let row = tx.find::<channel::Entity>().filter(channel::Column::Provider.eq(provider));
    let row = row.filter(channel::Column::Payee.eq(payee)).locked().one().await?;
    row.as_ref().map(rows::channel_of).transpose()
}

pub(crate) async fn insert_channel_in(tx: &WriteTx<TenantScope>, new: SealedChannel) -> Result<(), StoreError> {
    tx.insert::<channel::Entity>([rows::channel_row(tx.scope().id(), new, tx.now())]).await
}

/// Changes what an operator may change of a channel; merchant and currency it keeps for life.
pub(crate) async fn change_channel_in(tx: &WriteTx<TenantScope>, channel: &Channel) -> Result<(), StoreError> {
    let update = tx.update::<channel::Entity>().filter(channel::Column::Id.eq(channel.id.uuid()));
    let update = update.set(channel::Column::NameZh, channel.name.zh.clone());
    let update = update.set(channel::Column::NameEn, channel.name.en.clone());
    let update = update.set(channel::Column::Settings, channel.settings.to_string());
    let update = update.set(channel::Column::State, channel.state.word());
    update.set(channel::Column::Sort, channel.sort).run().await?;
    Ok(())
}

pub(crate) async fn change_secret_in(
    tx: &WriteTx<TenantScope>,
    id: ChannelId,
    (sealed, key_version): (Vec<u8>, i32),
) -> Result<(), StoreError> {
    let update = tx.update::<channel::Entity>().filter(channel::Column::Id.eq(id.uuid()));
    update.set(channel::Column::Sealed, sealed).set(channel::Column::KeyVersion, key_version).run().await?;
    Ok(())
}

pub(crate) async fn intents_in(tx: &impl Tx, ids: &[IntentId]) -> Read<Intent> {
    let rows = tx.find::<intent::Entity>().among(intent::Column::Id, uuids(ids)).all().await?;
    rows.iter().map(rows::intent_of).collect()
}

pub(crate) async fn intent_in(tx: &impl Tx, id: IntentId) -> Result<Option<Intent>, PaymentError> {
    let row = tx.find::<intent::Entity>().filter(intent::Column::Id.eq(id.uuid())).one().await?;
    row.as_ref().map(rows::intent_of).transpose()
}

/// The intents, their rows locked in ascending order.
pub(crate) async fn lock_intents_in(tx: &impl Tx, ids: &[IntentId]) -> Read<Intent> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx.find::<intent::Entity>().among(intent::Column::Id, uuids(ids));
    let rows = rows.ascending(intent::Column::Id).locked().all().await?;
    rows.iter().map(rows::intent_of).collect()
}

/// What these tries pay.
pub(crate) async fn intents_of_in(tx: &impl Tx, out_nos: &[OutNo]) -> Result<Vec<IntentId>, StoreError> {
    if out_nos.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx.find::<attempt::Entity>().among(attempt::Column::OutNo, out_nos.iter().map(OutNo::to_string));
    let rows: Vec<(Uuid,)> = rows.columns([attempt::Column::IntentId]).await?;
    Ok(rows.into_iter().map(|(id,)| IntentId::from_uuid(id)).collect())
}

pub(crate) async fn attempt_in(tx: &impl Tx, out_no: OutNo) -> Result<Option<Attempt>, PaymentError> {
    let row = tx.find::<attempt::Entity>().filter(attempt::Column::OutNo.eq(out_no.to_string())).one().await?;
    row.as_ref().map(rows::attempt_of).transpose()
}

pub(crate) async fn attempts_in(tx: &impl Tx, out_nos: &[OutNo]) -> Read<Attempt> {
    let rows = tx.find::<attempt::Entity>().among(attempt::Column::OutNo, out_nos.iter().map(OutNo::to_string));
    rows.all().await?.iter().map(rows::attempt_of).collect()
}

/// Tries in the order of their numbers, those after `after`.
pub(crate) async fn attempt_page_in(tx: &impl Tx, after: &str, limit: u64) -> Read<Attempt> {
    let rows = tx.find::<attempt::Entity>().filter(attempt::Column::OutNo.gt(after));
    let rows = rows.ascending(attempt::Column::OutNo).limit(limit).all().await?;
    rows.iter().map(rows::attempt_of).collect()
}

/// All tries to pay these intents, the oldest first.
pub(crate) async fn attempts_of_in(tx: &impl Tx, intents: &[IntentId]) -> Read<Attempt> {
    if intents.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx.find::<attempt::Entity>().among(attempt::Column::IntentId, uuids(intents));
    let rows = rows.ascending(attempt::Column::OutNo).all().await?;
    rows.iter().map(rows::attempt_of).collect()
}

/// Stores what the gateway said of a new try, or of one that had failed by what another conversation heard: it lives.
/// Answers whether it was so.
pub(crate) async fn set_waiting_in(
    tx: &WriteTx<TenantScope>,
    out_no: OutNo,
    (pay_url, trade_no): (&str, Option<&str>),
) -> Result<bool, StoreError> {
    let update = tx.update::<attempt::Entity>().filter(attempt::Column::OutNo.eq(out_no.to_string()));
    let unregistered = [AttemptState::New.word(), AttemptState::Failed.word()];
    let update = update.filter(attempt::Column::State.is_in(unregistered));
    let update = update.set(attempt::Column::State, AttemptState::Waiting.word());
    let update = update.set(attempt::Column::PayUrl, pay_url).set(attempt::Column::TradeNo, trade_no);
    Ok(update.run().await? == 1)
}

/// Ends a try to which no money came, if it is in one of the states `from`.
pub(crate) async fn end_attempt_in(
    tx: &WriteTx<TenantScope>,
    out_no: OutNo,
    (from, state): (&[AttemptState], AttemptState),
) -> Result<(), StoreError> {
    let update = tx.update::<attempt::Entity>().filter(attempt::Column::OutNo.eq(out_no.to_string()));
    let update = update.filter(attempt::Column::State.is_in(from.iter().map(|state| state.word())));
    update.set(attempt::Column::State, state.word()).run().await?;
    Ok(())
}

pub(crate) async fn payments_in(tx: &impl Tx, ids: &[PaymentId]) -> Read<Payment> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx.find::<payment::Entity>().among(payment::Column::Id, uuids(ids)).all().await?;
    rows.iter().map(rows::payment_of).collect()
}

/// Payments by the gateways' numbers; another channel's of the same number may be among them.
pub(crate) async fn payments_by_trade_in(tx: &impl Tx, trades: &[(ChannelId, String)]) -> Read<Payment> {
    if trades.is_empty() {
        return Ok(Vec::new());
    }
    let numbers = trades.iter().map(|(_, trade_no)| trade_no.clone());
    let rows = tx.find::<payment::Entity>().among(payment::Column::TradeNo, numbers);
    let rows = rows.among(payment::Column::ChannelId, trades.iter().map(|(channel, _)| channel.uuid())).all().await?;
    rows.iter().map(rows::payment_of).collect()
}

/// The money that came for these intents, the oldest first.
pub(crate) async fn payments_of_in(tx: &impl Tx, intents: &[IntentId]) -> Read<Payment> {
    if intents.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx.find::<payment::Entity>().among(payment::Column::IntentId, uuids(intents));
    let rows = rows.ascending(payment::Column::Id).all().await?;
    rows.iter().map(rows::payment_of).collect()
}

/// Payments in the order of their ids, those after `after`.
pub(crate) async fn payment_page_in(tx: &impl Tx, after: PaymentId, limit: u64) -> Read<Payment> {
    let rows = tx.find::<payment::Entity>().filter(payment::Column::Id.gt(after.uuid()));
    let rows = rows.ascending(payment::Column::Id).limit(limit).all().await?;
    rows.iter().map(rows::payment_of).collect()
}

pub(crate) async fn exceptions_in(tx: &impl Tx, ids: &[ExceptionId]) -> Read<Exception> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx.find::<exception::Entity>().among(exception::Column::Id, uuids(ids)).all().await?;
    rows.iter().map(rows::exception_of).collect()
}

/// Exceptions in this state, newest first, from `before` on.
pub(crate) async fn exception_page_in(
    tx: &impl Tx,
    state: ExceptionState,
    before: Option<ExceptionId>,
    limit: u64,
) -> Read<Exception> {
    let mut find = tx.find::<exception::Entity>().filter(exception::Column::State.eq(state.word()));
    if let Some(before) = before {
        find = find.filter(exception::Column::Id.lt(before.uuid()));
    }
    let rows = find.descending(exception::Column::Id).limit(limit).all().await?;
    rows.iter().map(rows::exception_of).collect()
}

/// The refunds, their rows locked in ascending order.
pub(crate) async fn lock_refunds_in(tx: &impl Tx, ids: &[RefundId]) -> Read<Refund> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx.find::<refund::Entity>().among(refund::Column::Id, uuids(ids));
    let rows = rows.ascending(refund::Column::Id).locked().all().await?;
    rows.iter().map(rows::refund_of).collect()
}

pub(crate) async fn refund_in(tx: &impl Tx, id: RefundId) -> Result<Option<Refund>, PaymentError> {
    let row = tx.find::<refund::Entity>().filter(refund::Column::Id.eq(id.uuid())).one().await?;
    row.as_ref().map(rows::refund_of).transpose()
}

pub(crate) async fn refund_by_number_in(tx: &impl Tx, number: OutNo) -> Result<Option<Refund>, PaymentError> {
    let row = tx.find::<refund::Entity>().filter(refund::Column::RefundNo.eq(number.to_string())).one().await?;
    row.as_ref().map(rows::refund_of).transpose()
}

pub(crate) async fn refunds_of_in(tx: &impl Tx, payments: &[PaymentId]) -> Read<Refund> {
    let rows = tx.find::<refund::Entity>().among(refund::Column::PaymentId, uuids(payments));
    let rows = rows.ascending(refund::Column::Id).all().await?;
    rows.iter().map(rows::refund_of).collect()
}

/// These refunds; unknown ones are left out.
pub(crate) async fn refunds_in(tx: &impl Tx, ids: &[RefundId]) -> Read<Refund> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx.find::<refund::Entity>().among(refund::Column::Id, uuids(ids)).all().await?;
    rows.iter().map(rows::refund_of).collect()
}

pub(crate) async fn refunds_of_exceptions_in(tx: &impl Tx, exceptions: &[ExceptionId]) -> Read<Refund> {
    if exceptions.is_empty() {
        return Ok(Vec::new());
    }
    // By the payments, which have an index: an exception is about one of them.
    let payments: Vec<PaymentId> =
        exceptions_in(tx, exceptions).await?.into_iter().map(|exception| exception.payment).collect();
    let mut refunds = refunds_of_in(tx, &payments).await?;
    refunds.retain(|refund| refund.exception.is_some_and(|exception| exceptions.contains(&exception)));
    Ok(refunds)
}

/// Refunds in this state, newest first, from `before` on.
pub(crate) async fn refund_page_in(
    tx: &impl Tx,
    state: RefundState,
    before: Option<RefundId>,
    limit: u64,
) -> Read<Refund> {
    let mut find = tx.find::<refund::Entity>().filter(refund::Column::State.eq(state.word()));
    if let Some(before) = before {
        find = find.filter(refund::Column::Id.lt(before.uuid()));
    }
    let rows = find.descending(refund::Column::Id).limit(limit).all().await?;
    rows.iter().map(rows::refund_of).collect()
}

pub(crate) fn insert_intents(sheaf: &mut Sheaf<TenantScope>, new: Vec<&Intent>) {
    let tenant = sheaf.scope().id();
    sheaf.insert::<intent::Entity>(new.into_iter().map(|intent| rows::intent_row(tenant, intent)));
}

pub(crate) fn insert_attempts(sheaf: &mut Sheaf<TenantScope>, new: Vec<&Attempt>) {
    let tenant = sheaf.scope().id();
    sheaf.insert::<attempt::Entity>(new.into_iter().map(|attempt| rows::attempt_row(tenant, attempt)));
}

pub(crate) fn insert_payments(sheaf: &mut Sheaf<TenantScope>, new: Vec<&Payment>) {
    let tenant = sheaf.scope().id();
    sheaf.insert::<payment::Entity>(new.into_iter().map(|payment| rows::payment_row(tenant, payment)));
}

pub(crate) fn insert_exceptions(sheaf: &mut Sheaf<TenantScope>, now: DateTime<Utc>, new: Vec<&Exception>) {
    let tenant = sheaf.scope().id();
    sheaf.insert::<exception::Entity>(new.into_iter().map(|exception| rows::exception_row(tenant, exception, now)));
}

pub(crate) fn insert_refunds(sheaf: &mut Sheaf<TenantScope>, now: DateTime<Utc>, new: Vec<&Refund>) {
    let tenant = sheaf.scope().id();
    sheaf.insert::<refund::Entity>(new.into_iter().map(|refund| rows::refund_row(tenant, refund, now)));
}

pub(crate) async fn change_intents_in(tx: &WriteTx<TenantScope>, changed: Vec<&Intent>) -> Result<(), StoreError> {
    let mut rows = Rows::of_columns(&[intent::Column::Id, intent::Column::State]);
    for intent in changed {
        rows.push([intent.id.uuid().into(), intent.state.word().into()]);
    }
    tx.update_rows::<intent::Entity>(rows, &[intent::Column::Id], Change::Set).await?;
    Ok(())
}

/// Closes those of the intents that still wait.
pub(crate) async fn close_intents_in(tx: &WriteTx<TenantScope>, ids: &BTreeSet<IntentId>) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let closed = tx.update::<intent::Entity>().set(intent::Column::State, IntentState::Closed.word());
    let closed = closed.filter(intent::Column::Id.is_in(ids.iter().map(|id| id.uuid())));
    closed.filter(intent::Column::State.eq(IntentState::Open.word())).run().await?;
    Ok(())
}

/// Changes states only: addresses and numbers belong to whoever asked the gateway.
pub(crate) async fn change_attempts_in(tx: &WriteTx<TenantScope>, changed: Vec<&Attempt>) -> Result<(), StoreError> {
    let mut rows = Rows::of_columns(&[attempt::Column::OutNo, attempt::Column::State]);
    for attempt in changed {
        rows.push([attempt.out_no.to_string().into(), attempt.state.word().into()]);
    }
    tx.update_rows::<attempt::Entity>(rows, &[attempt::Column::OutNo], Change::Set).await?;
    Ok(())
}

pub(crate) async fn change_exceptions_in(
    tx: &WriteTx<TenantScope>,
    changed: Vec<&Exception>,
) -> Result<(), StoreError> {
    use exception::Column as C;
    let mut rows = Rows::of_columns(&[C::Id, C::State, C::Cause, C::ResolvedAt]);
    for exception in changed {
        let resolved_at = (exception.state == ExceptionState::Resolved).then(|| tx.now());
        let cause = exception.cause.clone();
        rows.push([exception.id.uuid().into(), exception.state.word().into(), cause.into(), resolved_at.into()]);
    }
    tx.update_rows::<exception::Entity>(rows, &[C::Id], Change::Set).await?;
    Ok(())
}

pub(crate) async fn change_refunds_in(tx: &WriteTx<TenantScope>, changed: Vec<&Refund>) -> Result<(), StoreError> {
    use refund::Column as C;
    let mut rows = Rows::of_columns(&[C::Id, C::State, C::Tries, C::Error, C::ChangedAt]);
    for refund in changed {
        let tries = i32::try_from(refund.tries).unwrap_or(i32::MAX);
        let (id, state) = (refund.id.uuid(), refund.state.word());
        rows.push([id.into(), state.into(), tries.into(), refund.error.clone().into(), tx.now().into()]);
    }
    tx.update_rows::<refund::Entity>(rows, &[C::Id], Change::Set).await?;
    Ok(())
}

/// A verified message about to be stored.
pub(crate) struct NewCallback {
    pub channel: ChannelId,
    pub event_key: String,
    pub headers: String,
    pub body: Vec<u8>,
    /// The money it tells of, as JSON.
    pub seen: Option<String>,
    pub state: &'static str,
}

/// Stores a message unless it is known; answers its id and, if it was known, its state.
pub(crate) async fn insert_callback_in(
    tx: &WriteTx<TenantScope>,
    new: NewCallback,
) -> Result<(CallbackId, Option<String>), PaymentError> {
    let id = CallbackId::new();
    let row = callback::Model {
        tenant_id: tx.scope().id().uuid(),
        id: id.uuid(),
        channel_id: new.channel.uuid(),
        event_key: new.event_key.clone(),
        headers: new.headers,
        body: new.body,
        seen: new.seen,
        state: new.state.to_owned(),
        error: None,
        received_at: tx.now(),
        processed_at: None,
    };
    let made: Vec<Uuid> = tx.insert_new(Rows::<callback::Entity>::of([row]), callback::Column::Id).await?;
    if !made.is_empty() {
        return Ok((id, None));
    }
    let known = tx.find::<callback::Entity>().filter(callback::Column::ChannelId.eq(new.channel.uuid()));
    let known = known.filter(callback::Column::EventKey.eq(new.event_key)).one().await?;
    let known = known.ok_or(PaymentError::NotFound("callback"))?;
    Ok((CallbackId::from_uuid(known.id), Some(known.state)))
}

/// Notes that messages were dealt with.
pub(crate) async fn end_callbacks_in(tx: &WriteTx<TenantScope>, ids: &[CallbackId]) -> Result<(), StoreError> {
    let columns = [callback::Column::Id, callback::Column::State, callback::Column::ProcessedAt];
    let mut rows = Rows::of_columns(&columns);
    for id in ids {
        rows.push([id.uuid().into(), CALLBACK_PROCESSED.into(), Some(tx.now()).into()]);
    }
    tx.update_rows::<callback::Entity>(rows, &[callback::Column::Id], Change::Set).await?;
    Ok(())
}

/// The state of a message that somebody still has to deal with.
pub(crate) const CALLBACK_RECEIVED: &str = "received";
/// The state of a message that needs nothing more.
pub(crate) const CALLBACK_PROCESSED: &str = "processed";

/// A hand-over as its row says it.
pub(crate) struct Handover {
    pub out_no: String,
    pub expires_at: DateTime<Utc>,
    pub is_used: bool,
}

pub(crate) async fn insert_handover_in<S: Inside>(
    tx: &WriteTx<S>,
    token_hash: Vec<u8>,
    out_no: OutNo,
    expires_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (tenant_id, out_no) = (tx.scope().tenant().uuid(), out_no.to_string());
    tx.insert::<handover::Entity>([handover::Model { tenant_id, token_hash, out_no, expires_at, used_at: None }]).await
}

/// Whether there is a hand-over of this token.
pub(crate) async fn has_handover_in(tx: &impl Tx, token_hash: &[u8]) -> Result<bool, StoreError> {
    let found = tx.find::<handover::Entity>().filter(handover::Column::TokenHash.eq(token_hash.to_vec()));
    Ok(found.count().await? > 0)
}

/// The hand-over of this token, locked.
pub(crate) async fn handover_in(tx: &impl Tx, token_hash: &[u8]) -> Result<Option<Handover>, StoreError> {
    let row = tx.find::<handover::Entity>().filter(handover::Column::TokenHash.eq(token_hash.to_vec()));
    let row = row.locked().one().await?;
    Ok(row.map(|row| Handover { out_no: row.out_no, expires_at: row.expires_at, is_used: row.used_at.is_some() }))
}

pub(crate) async fn use_handover_in(tx: &WriteTx<TenantScope>, token_hash: &[u8]) -> Result<(), StoreError> {
    let update = tx.update::<handover::Entity>().filter(handover::Column::TokenHash.eq(token_hash.to_vec()));
    update.set(handover::Column::UsedAt, Some(tx.now())).run().await?;
    Ok(())
}

/// Forgets hand-overs that ended before `before`.
pub(crate) async fn forget_handovers_in(tx: &WriteTx<TenantScope>, before: DateTime<Utc>) -> Result<(), StoreError> {
    tx.delete::<handover::Entity>().filter(handover::Column::ExpiresAt.lt(before)).run().await?;
    Ok(())
}
