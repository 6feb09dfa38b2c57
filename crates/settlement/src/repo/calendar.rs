//! Days that are not what their place in the week says.

use kernel::{Day, TenantScope};
use sea_orm::ColumnTrait;
use store::{Tx, WriteTx};
use uuid::Uuid;

use crate::error::SettlementError;
use crate::model::CalendarDay;
use crate::table::calendar_day;

/// At most `limit` days from this one on, ascending.
pub(crate) async fn from(tx: &impl Tx, day: Day, limit: u64) -> Result<Vec<CalendarDay>, SettlementError> {
    let find = tx.find::<calendar_day::Entity>().filter(calendar_day::Column::Day.gte(day.number()));
    find.ascending(calendar_day::Column::Day).limit(limit).all().await?.into_iter().map(read).collect()
}

/// How many days from this one on are named.
pub(crate) async fn count_from(tx: &impl Tx, day: Day) -> Result<u64, SettlementError> {
    Ok(tx.find::<calendar_day::Entity>().filter(calendar_day::Column::Day.gte(day.number())).count().await?)
}

/// Makes the day what it is to be.
pub(crate) async fn save(tx: &WriteTx<TenantScope>, day: &CalendarDay, by: Uuid) -> Result<(), SettlementError> {
    remove(tx, day.day).await?;
    let row = calendar_day::Model {
        tenant_id: tx.scope().id().uuid(),
        day: day.day.number(),
        is_business: day.is_business,
        name: day.name.clone(),
        changed_at: tx.now(),
        changed_by: by,
    };
    Ok(tx.insert::<calendar_day::Entity>([row]).await?)
}

/// Makes the day what its place in the week says; answers whether it was not.
pub(crate) async fn remove(tx: &WriteTx<TenantScope>, day: Day) -> Result<bool, SettlementError> {
    let removed = tx.delete::<calendar_day::Entity>().filter(calendar_day::Column::Day.eq(day.number())).run().await?;
    Ok(removed > 0)
}

fn read(row: calendar_day::Model) -> Result<CalendarDay, SettlementError> {
    let what = || SettlementError::Corrupt { table: "calendar_days", what: row.day.to_string() };
    let day = Day::from_number(row.day).ok_or_else(what)?;
    Ok(CalendarDay { day, is_business: row.is_business, name: row.name })
}
