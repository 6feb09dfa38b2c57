//! Payees and the recorded names of earners.

use std::collections::HashSet;

use commission::AgentId;
use kernel::{SiteId, TenantScope};
use sea_orm::ColumnTrait;
use settlement::EarnerRef;
use store::{Tx, WriteTx};
use uuid::Uuid;

use crate::error::WithdrawalError;
use crate::model::{Means, Payee, PayeeId};
use crate::table::{payee, payee_name};

/// Sealed bytes, and the version of the key.
pub(crate) type Sealed = (Vec<u8>, i32);

/// The name that is recorded for an earner.
pub(crate) struct Recorded {
    pub sealed: Sealed,
    pub is_checked: bool,
}

pub(crate) fn agent_of(earner: EarnerRef) -> Option<Uuid> {
    match earner {
        EarnerRef::Site(_) => None,
        EarnerRef::Agent(_, agent) => Some(agent.uuid()),
    }
}

pub(crate) fn earner_of(site: Uuid, agent: Option<Uuid>) -> EarnerRef {
    let site = SiteId::from_uuid(site);
    agent.map_or(EarnerRef::Site(site), |agent| EarnerRef::Agent(site, AgentId::from_uuid(agent)))
}

pub(crate) async fn insert(
    tx: &WriteTx<TenantScope>,
    new: &Payee,
    (sealed, key_version): Sealed,
) -> Result<(), WithdrawalError> {
    let row = payee::Model {
        tenant_id: tx.scope().id().uuid(),
        site_id: new.earner.site().uuid(),
        id: new.id.uuid(),
        earner_id: new.earner.key().1,
        agent_id: agent_of(new.earner),
        means: new.means.word().to_owned(),
        sealed,
        key_version,
        holder_masked: new.holder.clone(),
        number_masked: new.number.clone(),
        usable_from: new.usable_from,
        created_at: new.created_at,
        created_by: new.created_by,
        removed_at: None,
    };
    Ok(tx.insert::<payee::Entity>([row]).await?)
}

/// The payees of an earner that are not removed, the newest first.
pub(crate) async fn of(tx: &impl Tx, earner: EarnerRef) -> Result<Vec<Payee>, WithdrawalError> {
    let find = tx.find::<payee::Entity>().filter(payee::Column::EarnerId.eq(earner.key().1));
    let find = find.filter(payee::Column::RemovedAt.is_null()).descending(payee::Column::Id);
    find.all().await?.into_iter().map(read).collect()
}

/// These payees, removed or not.
pub(crate) async fn these(tx: &impl Tx, ids: &[PayeeId]) -> Result<Vec<Payee>, WithdrawalError> {
    let find = tx.find::<payee::Entity>().among(payee::Column::Id, ids.iter().map(|id| id.uuid()));
    find.all().await?.into_iter().map(read).collect()
}

/// These payees, sealed as they are.
pub(crate) async fn sealed(tx: &impl Tx, ids: &[PayeeId]) -> Result<Vec<(PayeeId, Means, Sealed)>, WithdrawalError> {
    let find = tx.find::<payee::Entity>().among(payee::Column::Id, ids.iter().map(|id| id.uuid()));
    let sealed = |row: payee::Model| {
        let read = read(row.clone())?;
        Ok((read.id, read.means, (row.sealed, row.key_version)))
    };
    find.all().await?.into_iter().map(sealed).collect()
}

/// The payee, locked until the transaction ends.
pub(crate) async fn locked(tx: &WriteTx<TenantScope>, id: PayeeId) -> Result<Option<Payee>, WithdrawalError> {
    tx.find::<payee::Entity>().filter(payee::Column::Id.eq(id.uuid())).locked().one().await?.map(read).transpose()
}

pub(crate) async fn remove(tx: &WriteTx<TenantScope>, id: PayeeId) -> Result<(), WithdrawalError> {
    let update = tx.update::<payee::Entity>().set(payee::Column::RemovedAt, tx.now());
    update.filter(payee::Column::Id.eq(id.uuid())).run().await?;
    Ok(())
}

/// The name that is recorded for an earner, locked until the transaction ends.
pub(crate) async fn name(tx: &WriteTx<TenantScope>, earner: EarnerRef) -> Result<Option<Recorded>, WithdrawalError> {
    let find = tx.find::<payee_name::Entity>().filter(payee_name::Column::EarnerId.eq(earner.key().1));
    let found = find.locked().one().await?;
    Ok(found.map(|row| Recorded { sealed: (row.sealed, row.key_version), is_checked: row.checked_at.is_some() }))
}

pub(crate) async fn record_name(
    tx: &WriteTx<TenantScope>,
    earner: EarnerRef,
    (sealed, key_version): Sealed,
) -> Result<(), WithdrawalError> {
    let row = payee_name::Model {
        tenant_id: tx.scope().id().uuid(),
        site_id: earner.site().uuid(),
        earner_id: earner.key().1,
        agent_id: agent_of(earner),
        sealed,
        key_version,
        checked_at: None,
        checked_by: None,
    };
    Ok(tx.insert::<payee_name::Entity>([row]).await?)
}

/// Forgets the recorded name; false if there is none.
pub(crate) async fn forget_name(tx: &WriteTx<TenantScope>, earner: EarnerRef) -> Result<bool, WithdrawalError> {
    let delete = tx.delete::<payee_name::Entity>().filter(payee_name::Column::EarnerId.eq(earner.key().1));
    Ok(delete.run().await? > 0)
}

/// Those of these earners whose name somebody has checked.
pub(crate) async fn checked(tx: &impl Tx, earners: &[Uuid]) -> Result<HashSet<Uuid>, WithdrawalError> {
    let find = tx.find::<payee_name::Entity>().among(payee_name::Column::EarnerId, earners.iter().copied());
    let find = find.filter(payee_name::Column::CheckedAt.is_not_null());
    let found: Vec<(Uuid,)> = find.columns([payee_name::Column::EarnerId]).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

pub(crate) async fn check_name(tx: &WriteTx<TenantScope>, earner: Uuid, by: Uuid) -> Result<(), WithdrawalError> {
    let update = tx.update::<payee_name::Entity>().set(payee_name::Column::CheckedAt, tx.now());
    let update = update.set(payee_name::Column::CheckedBy, by);
    update.filter(payee_name::Column::EarnerId.eq(earner)).run().await?;
    Ok(())
}

fn read(row: payee::Model) -> Result<Payee, WithdrawalError> {
    let unreadable = || WithdrawalError::Corrupt { table: "payees", what: row.id.to_string() };
    Ok(Payee {
        id: PayeeId::from_uuid(row.id),
        earner: earner_of(row.site_id, row.agent_id),
        means: Means::parse(&row.means).ok_or_else(unreadable)?,
        holder: row.holder_masked,
        number: row.number_masked,
        usable_from: row.usable_from,
        created_at: row.created_at,
        created_by: row.created_by,
        removed_at: row.removed_at,
    })
}
