//! Holds.

use chrono::{DateTime, Utc};
use commission::AgentId;
use kernel::{SiteId, TenantScope};
use sea_orm::{ColumnTrait, Condition};
use store::{Tx, WriteTx};
use uuid::Uuid;

use crate::error::SettlementError;
use crate::model::{Cause, EarnerRef, Hold, HoldId};
use crate::table::hold;

pub(crate) async fn insert(tx: &WriteTx<TenantScope>, new: &Hold) -> Result<(), SettlementError> {
    let agent = match new.earner {
        EarnerRef::Site(_) => None,
        EarnerRef::Agent(_, agent) => Some(agent.uuid()),
    };
    let row = hold::Model {
        tenant_id: tx.scope().id().uuid(),
        site_id: new.earner.site().uuid(),
        id: new.id.uuid(),
        agent_id: agent,
        cause: new.cause.word().to_owned(),
        reason: new.reason.clone(),
        placed_at: new.placed.0,
        placed_by: new.placed.1,
        lifted_at: None,
        lifted_by: None,
        lift_reason: None,
    };
    Ok(tx.insert::<hold::Entity>([row]).await?)
}

/// The hold, locked until the transaction ends.
pub(crate) async fn to_lift(tx: &WriteTx<TenantScope>, id: HoldId) -> Result<Option<Hold>, SettlementError> {
    let find = tx.find::<hold::Entity>().filter(hold::Column::Id.eq(id.uuid()));
    find.locked().one().await?.map(read).transpose()
}

pub(crate) async fn lift(
    tx: &WriteTx<TenantScope>,
    id: HoldId,
    (by, reason): (Uuid, &str),
) -> Result<(), SettlementError> {
    let update = tx.update::<hold::Entity>().set(hold::Column::LiftedAt, tx.now());
    let update = update.set(hold::Column::LiftedBy, by).set(hold::Column::LiftReason, reason);
    update.filter(hold::Column::Id.eq(id.uuid())).run().await?;
    Ok(())
}

/// At most `limit` holds before this one, the newest first; of one site if it is named.
pub(crate) async fn page(
    tx: &impl Tx,
    site: Option<SiteId>,
    before: Option<HoldId>,
    limit: u64,
) -> Result<Vec<Hold>, SettlementError> {
    let mut find = tx.find::<hold::Entity>().descending(hold::Column::Id).limit(limit);
    if let Some(site) = site {
        find = find.filter(hold::Column::SiteId.eq(site.uuid()));
    }
    if let Some(before) = before {
        find = find.filter(hold::Column::Id.lt(before.uuid()));
    }
    find.all().await?.into_iter().map(read).collect()
}

/// The holds of a site and its agents that are not lifted.
pub(crate) async fn open_at(tx: &impl Tx, site: SiteId) -> Result<Vec<Hold>, SettlementError> {
    let find = tx.find::<hold::Entity>().filter(hold::Column::SiteId.eq(site.uuid()));
    let find = find.filter(hold::Column::LiftedAt.is_null()).ascending(hold::Column::Id);
    find.all().await?.into_iter().map(read).collect()
}

/// All holds that are not lifted; how many there can be is bounded where they are placed.
pub(crate) async fn open(tx: &impl Tx) -> Result<Vec<Hold>, SettlementError> {
    let find = tx.find::<hold::Entity>().filter(hold::Column::LiftedAt.is_null()).ascending(hold::Column::Id);
    find.all().await?.into_iter().map(read).collect()
}

/// All holds that are not lifted, or were lifted after this moment.
pub(crate) async fn standing_after(tx: &impl Tx, moment: DateTime<Utc>) -> Result<Vec<Hold>, SettlementError> {
    let condition = Condition::any().add(hold::Column::LiftedAt.is_null()).add(hold::Column::LiftedAt.gt(moment));
    tx.find::<hold::Entity>().filter(condition).all().await?.into_iter().map(read).collect()
}

/// How many holds are not lifted.
pub(crate) async fn open_count(tx: &impl Tx) -> Result<u64, SettlementError> {
    Ok(tx.find::<hold::Entity>().filter(hold::Column::LiftedAt.is_null()).count().await?)
}

fn read(row: hold::Model) -> Result<Hold, SettlementError> {
    let unreadable = || SettlementError::Corrupt { table: "earning_holds", what: row.id.to_string() };
    let site = SiteId::from_uuid(row.site_id);
    let lifted = match (row.lifted_at, row.lifted_by, row.lift_reason) {
        (Some(at), Some(by), Some(reason)) => Some((at, by, reason)),
        (None, None, None) => None,
        _ => return Err(unreadable()),
    };
    Ok(Hold {
        id: HoldId::from_uuid(row.id),
        earner: row.agent_id.map_or(EarnerRef::Site(site), |agent| EarnerRef::Agent(site, AgentId::from_uuid(agent))),
        cause: Cause::parse(&row.cause).ok_or_else(unreadable)?,
        reason: row.reason.clone(),
        placed: (row.placed_at, row.placed_by),
        lifted,
    })
}
