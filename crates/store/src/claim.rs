//! Claims: taking rows that others want too.

use kernel::TenantId;
use sea_orm::{IdenStatic, Value};
use uuid::Uuid;

use crate::dialect::BatchClaim;
use crate::error::StoreError;
use crate::owned::{Inside, TenantOwned};
use crate::rows::Rows;
use crate::tx::{Door, Tx, WriteTx};
use crate::write::own_columns;

/// Which rows may be claimed: those whose `column` has `value`.
pub struct Claim<E: TenantOwned> {
    /// The table's key beside the tenant, part of the rows.
    pub key: E::Column,
    /// The column that says whether a row is free.
    pub column: E::Column,
    /// Its value when free.
    pub free: Value,
}

/// A row of work that this node holds the lease of: whose, which, and nothing of what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimedWork {
    /// The tenant.
    pub tenant: TenantId,
    /// The row.
    pub row: Uuid,
}

impl<S: Inside> WriteTx<S> {
    /// Changes those of `rows` that are still free and that no other transaction holds, locking them in
    /// ascending order; answers the keys that were taken. The rows are the truth: a key not answered was lost.
    pub async fn claim<E: TenantOwned>(&self, rows: Rows<E>, claim: Claim<E>) -> Result<Vec<Uuid>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        self.returned(batch_claim(self.scope(), rows, claim).statement(self.conn().backend)).await
    }
}

pub(crate) fn batch_claim<E: TenantOwned>(scope: &impl Inside, rows: Rows<E>, claim: Claim<E>) -> BatchClaim {
    let (fixed, except) = own_columns::<E>(scope);
    BatchClaim {
        table: E::default().table_name().to_owned(),
        fixed,
        key: claim.key.as_str(),
        column: claim.column.as_str(),
        free: claim.free,
        cells: rows.into_cells(&except),
    }
}
