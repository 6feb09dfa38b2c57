//! Writing: inserts and changes that carry the scope, one row or a whole batch a statement.

use sea_orm::sea_query::{IntoCondition, SimpleExpr};
use sea_orm::{
    EntityTrait, IdenStatic, IntoSimpleExpr, Iterable, ModelTrait, PrimaryKeyToColumn, QueryFilter, TryGetable, Value,
};

use crate::dialect::{BatchInsert, BatchUpdate, Built};
use crate::error::StoreError;
use crate::owned::{Inside, TenantOwned};
use crate::rows::Rows;
use crate::tx::{Conn, Door, Tx, WriteTx, scope_filter};

/// How a batch changes a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The column becomes the given value.
    Set,
    /// The given value is added to the column.
    Add,
}

impl<S: Inside> WriteTx<S> {
    /// Writes whole rows in one statement; the tenant's column is the scope's, whatever the rows say.
    pub fn insert<E: TenantOwned>(
        &self,
        rows: impl IntoIterator<Item = E::Model>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send
    where
        E::Model: ModelTrait<Entity = E>,
    {
        // The rows are taken before anything is awaited, so that the caller's iterator need not live on.
        self.insert_rows(Rows::<E>::of(rows))
    }

    /// Writes rows in one statement.
    pub async fn insert_rows<E: TenantOwned>(&self, rows: Rows<E>) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let insert = batch_insert(self.scope(), rows, false).statement(self.conn().backend, None);
        self.conn().tx.execute_built(insert, self.conn().backend).await?;
        Ok(())
    }

    /// Writes the rows that are not there yet, waiting for other transactions that write the same ones;
    /// answers the `returning` column of the rows that are new.
    pub async fn insert_new<E: TenantOwned, T: TryGetable>(
        &self,
        rows: Rows<E>,
        returning: E::Column,
    ) -> Result<Vec<T>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let insert = batch_insert(self.scope(), rows, true);
        self.returned(insert.statement(self.conn().backend, Some(returning.as_str()))).await
    }

    /// Changes many rows by their key in one statement; answers how many were found.
    ///
    /// `rows` holds the key columns and the changed ones; the scope's own columns never change. Locks nothing in
    /// order: lock the rows before ([`crate::Find::locked`]) where two nodes may change the same ones.
    pub async fn update_rows<E: TenantOwned>(
        &self,
        rows: Rows<E>,
        key: &[E::Column],
        change: Change,
    ) -> Result<u64, StoreError> {
        if rows.is_empty() {
            return Ok(0);
        }
        let update = batch_update(self.scope(), rows, key, change, false);
        self.conn().tx.execute_built(update.statement(self.conn().backend), self.conn().backend).await
    }

    /// Starts a change of the rows that a condition names.
    pub fn update<E: TenantOwned>(&self) -> Update<'_, E> {
        let update = E::update_many().filter(scope_filter::<E>(self.scope()));
        Update { conn: self.conn(), update, own: own_columns::<E>(self.scope()).1, is_leaving: false }
    }

    /// Starts the removal of the rows that a condition names.
    pub fn delete<E: TenantOwned>(&self) -> Delete<'_, E> {
        Delete { conn: self.conn(), delete: E::delete_many().filter(scope_filter::<E>(self.scope())) }
    }

    pub(crate) async fn returned<T: TryGetable>(&self, built: Built) -> Result<Vec<T>, StoreError> {
        let rows = self.conn().tx.fetch_built(built, self.conn().backend).await?;
        rows.iter().map(|row| row.try_get_by_index(0).map_err(StoreError::from)).collect()
    }
}

pub(crate) fn batch_insert<E: TenantOwned>(scope: &impl Inside, rows: Rows<E>, is_new_only: bool) -> BatchInsert {
    let (fixed, except) = own_columns::<E>(scope);
    let table = E::default().table_name().to_owned();
    BatchInsert { table, fixed, cells: rows.into_cells(&except), is_new_only }
}

pub(crate) fn batch_update<E: TenantOwned>(
    scope: &impl Inside,
    rows: Rows<E>,
    key: &[E::Column],
    change: Change,
    is_ordered: bool,
) -> BatchUpdate {
    let (fixed, except) = own_columns::<E>(scope);
    let is_fixed = |name: &&str| fixed.iter().any(|(column, _)| column == name);
    BatchUpdate {
        table: E::default().table_name().to_owned(),
        key: key.iter().map(IdenStatic::as_str).filter(|name| !is_fixed(name)).collect(),
        fixed,
        cells: rows.into_cells(&except),
        change,
        is_ordered,
        columns: E::Column::iter().map(|column| column.as_str()).collect(),
        primary: E::PrimaryKey::iter().map(|key| key.into_column().as_str()).collect(),
    }
}

/// The columns that hold the scope, with its values: a row keeps them for life.
pub(crate) fn own_columns<E: TenantOwned>(scope: &impl Inside) -> (Vec<(&'static str, Value)>, Vec<E::Column>) {
    let site = E::site_column().zip(scope.site_id()).map(|(column, site)| (column, site.uuid()));
    let own = std::iter::once((E::tenant_column(), scope.tenant().uuid())).chain(site);
    own.map(|(column, id)| ((column.as_str(), Value::from(id)), column)).unzip()
}

/// A change of the rows that its filters name.
#[must_use = "an update does nothing until it is run"]
pub struct Update<'t, E: EntityTrait> {
    conn: &'t Conn,
    update: sea_orm::UpdateMany<E>,
    own: Vec<E::Column>,
    is_leaving: bool,
}

impl<E: EntityTrait> Update<'_, E> {
    /// Sets `column`. No row leaves its scope: setting the tenant, or inside a site the site, is refused when run.
    pub fn set(mut self, column: E::Column, value: impl Into<Value>) -> Self {
        self.is_leaving |= self.own.iter().any(|own| own.as_str() == column.as_str());
        self.update = self.update.col_expr(column, SimpleExpr::Value(value.into()));
        self
    }

    /// Adds `delta` to `column`.
    pub fn add(mut self, column: E::Column, delta: impl Into<Value>) -> Self {
        let sum = sea_orm::sea_query::ExprTrait::add(column.into_simple_expr(), SimpleExpr::Value(delta.into()));
        self.update = self.update.col_expr(column, sum);
        self
    }

    /// Keeps to the rows for which `condition` holds.
    pub fn filter(mut self, condition: impl IntoCondition) -> Self {
        self.update = self.update.filter(condition);
        self
    }

    /// Runs it; answers how many rows were changed.
    pub async fn run(self) -> Result<u64, StoreError> {
        if self.is_leaving {
            return Err(StoreError::Forbidden);
        }
        Ok(self.update.exec(&self.conn.tx).await?.rows_affected)
    }
}

/// The removal of the rows that its filters name.
#[must_use = "a delete does nothing until it is run"]
pub struct Delete<'t, E: EntityTrait> {
    conn: &'t Conn,
    delete: sea_orm::DeleteMany<E>,
}

impl<E: EntityTrait> Delete<'_, E> {
    /// Keeps to the rows whose `column` is one of `values`.
    pub fn among<V: Into<Value>>(self, column: E::Column, values: impl IntoIterator<Item = V>) -> Self {
        let values: Vec<Value> = values.into_iter().map(Into::into).collect();
        let kind = sea_orm::ColumnTrait::def(&column).get_column_type().clone();
        let one_of = self.conn.backend.one_of(sea_orm::ColumnTrait::as_column_ref(&column).into(), &kind, values);
        self.filter(one_of)
    }

    /// Keeps to the rows for which `condition` holds.
    pub fn filter(mut self, condition: impl IntoCondition) -> Self {
        self.delete = self.delete.filter(condition);
        self
    }

    /// Runs it; answers how many rows went.
    pub async fn run(self) -> Result<u64, StoreError> {
        Ok(self.delete.exec(&self.conn.tx).await?.rows_affected)
    }
}
