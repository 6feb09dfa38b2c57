//! The versions of the rules, and the days that were counted and judged.

use chrono::{DateTime, Utc};
use kernel::{Day, TenantScope};
use sea_orm::ColumnTrait;
use store::{Rows, Tx, WriteTx};

use crate::error::LevelError;
use crate::model::RulesVersion;
use crate::table::{day, rules};

/// At most `limit` versions before this number, the latest first.
pub(crate) async fn page(tx: &impl Tx, before: Option<i64>, limit: u64) -> Result<Vec<RulesVersion>, LevelError> {
    let mut find = tx.find::<rules::Entity>().descending(rules::Column::Version).limit(limit);
    if let Some(before) = before {
        find = find.filter(rules::Column::Version.lt(before));
    }
    find.all().await?.into_iter().map(read).collect()
}

/// The version in force at `at`: the highest that has begun.
pub(crate) async fn in_force(tx: &impl Tx, at: DateTime<Utc>) -> Result<Option<RulesVersion>, LevelError> {
    let find = tx.find::<rules::Entity>().filter(rules::Column::EffectiveFrom.lte(at));
    find.descending(rules::Column::Version).limit(1).one().await?.map(read).transpose()
}

pub(crate) async fn insert(tx: &WriteTx<TenantScope>, new: &RulesVersion) -> Result<(), LevelError> {
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

fn read(row: rules::Model) -> Result<RulesVersion, LevelError> {
    let unreadable = |error: serde_json::Error| LevelError::Corrupt { table: "level_rules", what: error.to_string() };
    Ok(RulesVersion {
        version: row.version,
        effective_from: row.effective_from,
        created_at: row.created_at,
        created_by: row.created_by,
        rules: serde_json::from_str(&row.rules).map_err(unreadable)?,
    })
}

/// A day that was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeptDay {
    pub day: Day,
    pub judged_at: Option<DateTime<Utc>>,
    pub is_whole: bool,
}

/// At most `limit` counted days, the latest first.
pub(crate) async fn days(tx: &impl Tx, limit: u64) -> Result<Vec<KeptDay>, LevelError> {
    let rows = tx.find::<day::Entity>().descending(day::Column::Day).limit(limit).all().await?;
    let read = |row: day::Model| {
        let unreadable = || LevelError::Corrupt { table: "level_days", what: format!("{} is no day", row.day) };
        let day = Day::from_number(row.day).ok_or_else(unreadable)?;
        Ok(KeptDay { day, judged_at: row.judged_at, is_whole: row.is_whole })
    };
    rows.into_iter().map(read).collect()
}

/// Says that the day is counted; false if it was before.
pub(crate) async fn insert_day(tx: &WriteTx<TenantScope>, day: Day) -> Result<bool, LevelError> {
    let row = day::Model {
        tenant_id: tx.scope().id().uuid(),
        day: day.number(),
        counted_at: tx.now(),
        judged_at: None,
        is_whole: false,
    };
    let new: Vec<i32> = tx.insert_new(Rows::<day::Entity>::of([row]), day::Column::Day).await?;
    Ok(!new.is_empty())
}

/// Says that it was judged by the days until this one; false if it was before.
pub(crate) async fn judge_day(tx: &WriteTx<TenantScope>, day: Day, is_whole: bool) -> Result<bool, LevelError> {
    let update = tx.update::<day::Entity>().filter(day::Column::Day.eq(day.number()));
    let update = update.filter(day::Column::JudgedAt.is_null());
    let update = update.set(day::Column::JudgedAt, tx.now()).set(day::Column::IsWhole, is_whole);
    Ok(update.run().await? > 0)
}
