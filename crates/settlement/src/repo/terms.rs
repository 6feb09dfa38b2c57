//! The versions of the terms.

use chrono::{DateTime, Utc};
use kernel::TenantScope;
use sea_orm::ColumnTrait;
use store::{Tx, WriteTx};

use crate::error::SettlementError;
use crate::model::TermsVersion;
use crate::table::terms;

/// At most `limit` versions before this number, the latest first.
pub(crate) async fn page(tx: &impl Tx, before: Option<i64>, limit: u64) -> Result<Vec<TermsVersion>, SettlementError> {
    let mut find = tx.find::<terms::Entity>().descending(terms::Column::Version).limit(limit);
    if let Some(before) = before {
        find = find.filter(terms::Column::Version.lt(before));
    }
    find.all().await?.into_iter().map(read).collect()
}

/// The number of the version in force at `at`: the highest that has begun.
pub(crate) async fn number_in_force(tx: &impl Tx, at: DateTime<Utc>) -> Result<Option<i64>, SettlementError> {
    let find = tx.find::<terms::Entity>().filter(terms::Column::EffectiveFrom.lte(at));
    let find = find.descending(terms::Column::Version).limit(1);
    let found: Vec<(i64,)> = find.columns([terms::Column::Version]).await?;
    Ok(found.first().map(|(version,)| *version))
}

/// The version with this number and those after it, at most `limit`, ascending.
pub(crate) async fn from(tx: &impl Tx, number: i64, limit: u64) -> Result<Vec<TermsVersion>, SettlementError> {
    let find = tx.find::<terms::Entity>().filter(terms::Column::Version.gte(number));
    find.ascending(terms::Column::Version).limit(limit).all().await?.into_iter().map(read).collect()
}

pub(crate) async fn insert(tx: &WriteTx<TenantScope>, new: &TermsVersion) -> Result<(), SettlementError> {
    let row = terms::Model {
        tenant_id: tx.scope().id().uuid(),
        version: new.version,
        effective_from: new.effective_from,
        terms: serde_json::to_string(&new.terms).expect("terms are plain data"),
        created_at: new.created_at,
        created_by: new.created_by,
    };
    Ok(tx.insert::<terms::Entity>([row]).await?)
}

fn read(row: terms::Model) -> Result<TermsVersion, SettlementError> {
    let unreadable =
        |error: serde_json::Error| SettlementError::Corrupt { table: "settlement_terms", what: error.to_string() };
    Ok(TermsVersion {
        version: row.version,
        effective_from: row.effective_from,
        created_at: row.created_at,
        created_by: row.created_by,
        terms: serde_json::from_str(&row.terms).map_err(unreadable)?,
    })
}
