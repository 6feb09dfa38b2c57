//! Queries on the room's table.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use kernel::SiteScope;
use sea_orm::ColumnTrait;
use store::{StoreError, Tx, WriteTx};

use crate::error::RiskError;
use crate::model::{Freeze, FreezeId};
use crate::table::freeze;

/// Until when `address` is frozen on the transaction's site, if it is.
pub(crate) async fn frozen_until_in(tx: &impl Tx, address: IpAddr) -> Result<Option<DateTime<Utc>>, StoreError> {
    let find = tx.find::<freeze::Entity>().filter(freeze::Column::Address.eq(address.to_string()));
    let find = find.filter(freeze::Column::Until.gt(tx.now())).descending(freeze::Column::Until);
    Ok(find.one().await?.map(|row| row.until))
}

/// Writes a freeze.
pub(crate) async fn insert_in(
    tx: &WriteTx<SiteScope>,
    address: IpAddr,
    until: DateTime<Utc>,
) -> Result<(), StoreError> {
    tx.insert::<freeze::Entity>([freeze::Model {
        tenant_id: tx.scope().tenant().uuid(),
        id: FreezeId::new().uuid(),
        site_id: tx.scope().site().uuid(),
        address: address.to_string(),
        state: "open".to_owned(),
        opened_at: tx.now(),
        until,
    }])
    .await
}

/// The latest freezes of the transaction's site, newest first.
pub(crate) async fn latest_in(tx: &impl Tx, limit: u64) -> Result<Vec<Freeze>, RiskError> {
    let rows = tx.find::<freeze::Entity>().descending(freeze::Column::Id).limit(limit).all().await?;
    let read = |row: freeze::Model| {
        Ok(Freeze {
            id: FreezeId::from_uuid(row.id),
            address: row.address.parse().map_err(|_| RiskError::Unreadable)?,
            opened_at: row.opened_at,
            until: row.until,
            is_reviewed: row.state == "reviewed",
        })
    };
    rows.into_iter().map(read).collect()
}
