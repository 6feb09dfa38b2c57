//! The versions of the rules.

use chrono::{DateTime, Utc};
use kernel::TenantScope;
use sea_orm::ColumnTrait;
use store::{Tx, WriteTx};

use crate::error::WithdrawalError;
use crate::model::{Rules, RulesVersion};
use crate::table::rules;

/// At most `limit` versions before this number, the latest first.
pub(crate) async fn page(tx: &impl Tx, before: Option<i64>, limit: u64) -> Result<Vec<RulesVersion>, WithdrawalError> {
    let mut find = tx.find::<rules::Entity>().descending(rules::Column::Version).limit(limit);
    if let Some(before) = before {
        find = find.filter(rules::Column::Version.lt(before));
    }
    find.all().await?.into_iter().map(read).collect()
}

/// The version in force at `at`, the highest that has begun; the usual rules, as version 0, if there is none.
pub(crate) async fn in_force(tx: &impl Tx, at: DateTime<Utc>) -> Result<(i64, Rules), WithdrawalError> {
    let find = tx.find::<rules::Entity>().filter(rules::Column::EffectiveFrom.lte(at));
    let found = find.descending(rules::Column::Version).limit(1).one().await?.map(read).transpose()?;
    Ok(found.map_or((0, Rules::USUAL), |found| (found.version, found.rules)))
}

/// These versions.
pub(crate) async fn these(tx: &impl Tx, versions: &[i64]) -> Result<Vec<RulesVersion>, WithdrawalError> {
    let find = tx.find::<rules::Entity>().among(rules::Column::Version, versions.iter().copied());
    find.all().await?.into_iter().map(read).collect()
}

pub(crate) async fn insert(tx: &WriteTx<TenantScope>, new: &RulesVersion) -> Result<(), WithdrawalError> {
    let row = rules::Model {
        tenant_id: tx.scope().id().uuid(),
        version: new.version,
        effective_from: new.effective_from,
        rules: serde_json::to_string(&new.rules).expect("rules are plain data"),
        created_at: new.created_at,
        created_by: new.created_by,
    };
    Ok(tx.insert::<rules::Entity>([row]).await?)
}

fn read(row: rules::Model) -> Result<RulesVersion, WithdrawalError> {
    let unreadable =
        |error: serde_json::Error| WithdrawalError::Corrupt { table: "withdrawal_rules", what: error.to_string() };
    Ok(RulesVersion {
        version: row.version,
        effective_from: row.effective_from,
        created_at: row.created_at,
        created_by: row.created_by,
        rules: serde_json::from_str(&row.rules).map_err(unreadable)?,
    })
}
