//! Versions of the plan.

use chrono::{DateTime, Utc};
use kernel::TenantScope;
use sea_orm::ColumnTrait;
use store::{Tx, WriteTx};

use crate::error::CommissionError;
use crate::model::PlanVersion;
use crate::table::plan;

/// The version in force at `at`: the highest one that has begun by then.
pub(crate) async fn in_force(tx: &impl Tx, at: DateTime<Utc>) -> Result<Option<PlanVersion>, CommissionError> {
    let find = tx.find::<plan::Entity>().filter(plan::Column::EffectiveFrom.lte(at));
    find.descending(plan::Column::Version).one().await?.map(read).transpose()
}

/// The number of the version in force at `at`.
pub(crate) async fn number_in_force(tx: &impl Tx, at: DateTime<Utc>) -> Result<Option<i64>, CommissionError> {
    let find = tx.find::<plan::Entity>().filter(plan::Column::EffectiveFrom.lte(at));
    let found: Vec<(i64,)> = find.descending(plan::Column::Version).limit(1).columns([plan::Column::Version]).await?;
    Ok(found.first().map(|(version,)| *version))
}

/// The version with this number.
pub(crate) async fn version(tx: &impl Tx, number: i64) -> Result<Option<PlanVersion>, CommissionError> {
    tx.find::<plan::Entity>().filter(plan::Column::Version.eq(number)).one().await?.map(read).transpose()
}

/// At most `limit` versions before this number, the latest first.
pub(crate) async fn page(tx: &impl Tx, before: Option<i64>, limit: u64) -> Result<Vec<PlanVersion>, CommissionError> {
    let mut find = tx.find::<plan::Entity>().descending(plan::Column::Version).limit(limit);
    if let Some(before) = before {
        find = find.filter(plan::Column::Version.lt(before));
    }
    find.all().await?.into_iter().map(read).collect()
}

/// At most `limit` versions that begin later than `at`.
pub(crate) async fn after(tx: &impl Tx, at: DateTime<Utc>, limit: u64) -> Result<Vec<PlanVersion>, CommissionError> {
    let find = tx.find::<plan::Entity>().filter(plan::Column::EffectiveFrom.gt(at));
    find.descending(plan::Column::Version).limit(limit).all().await?.into_iter().map(read).collect()
}

pub(crate) async fn insert(tx: &WriteTx<TenantScope>, new: &PlanVersion) -> Result<(), CommissionError> {
    let row = plan::Model {
        tenant_id: tx.scope().id().uuid(),
        version: new.version,
        effective_from: new.effective_from,
        plan: serde_json::to_string(&new.plan).expect("a plan is plain data"),
        created_at: new.created_at,
        created_by: new.created_by,
    };
    Ok(tx.insert::<plan::Entity>([row]).await?)
}

fn read(row: plan::Model) -> Result<PlanVersion, CommissionError> {
    let unreadable =
        |error: serde_json::Error| CommissionError::Corrupt { table: "commission_plans", what: error.to_string() };
    Ok(PlanVersion {
        version: row.version,
        effective_from: row.effective_from,
        created_at: row.created_at,
        created_by: row.created_by,
        plan: serde_json::from_str(&row.plan).map_err(unreadable)?,
    })
}
