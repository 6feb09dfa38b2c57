//! Reading: a select that already carries the scope's predicate.

use sea_orm::sea_query::{Expr, ExprTrait, Func, LockBehavior, LockType, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, Select, TryGetable,
    TryGetableMany, Value,
};

use crate::error::StoreError;
use crate::tx::Conn;

/// A select on the table `E` inside the scope of its transaction.
#[must_use = "a find does nothing until it is run"]
pub struct Find<'t, E: EntityTrait> {
    conn: &'t Conn,
    select: Select<E>,
}

impl<'t, E: EntityTrait> Find<'t, E> {
    pub(crate) fn new(conn: &'t Conn, scope_filter: Condition) -> Self {
        Self { conn, select: E::find().filter(scope_filter) }
    }

    /// Keeps the rows for which `condition` holds.
    pub fn filter(mut self, condition: impl sea_orm::sea_query::IntoCondition) -> Self {
        self.select = self.select.filter(condition);
        self
    }

    /// Keeps the rows whose `column` is one of `values`, bound as one parameter however many they are.
    pub fn among<V: Into<Value>>(self, column: E::Column, values: impl IntoIterator<Item = V>) -> Self {
        let values: Vec<Value> = values.into_iter().map(Into::into).collect();
        let kind = column.def().get_column_type().clone();
        let one_of: SimpleExpr = self.conn.backend.one_of(column.as_column_ref().into(), &kind, values);
        self.filter(one_of)
    }

    /// Keeps the rows whose `column` is one of these words. They stand in the statement itself and are no parameters: a
    /// plan that is made for all parameters cannot use an index on the rows of some words.
    pub fn of_words(self, column: E::Column, words: &[&'static str]) -> Self {
        let is = |word: &&'static str| Expr::col(column.as_column_ref()).eq(Expr::Constant((*word).into()));
        self.filter(words.iter().map(is).fold(Condition::any(), Condition::add))
    }

    /// Sorts ascending by `column`, after the sorts asked for before.
    pub fn ascending(mut self, column: E::Column) -> Self {
        self.select = self.select.order_by(column, Order::Asc);
        self
    }

    /// Sorts descending by `column`, after the sorts asked for before.
    pub fn descending(mut self, column: E::Column) -> Self {
        self.select = self.select.order_by(column, Order::Desc);
        self
    }

    /// At most `rows` rows.
    pub fn limit(mut self, rows: u64) -> Self {
        self.select = self.select.limit(rows);
        self
    }

    /// Locks the rows until the transaction ends. Sort ascending by key, or two nodes will deadlock.
    /// SQLite has one writer at a time and needs no row locks.
    pub fn locked(mut self) -> Self {
        self.select = self.select.lock_exclusive();
        self
    }

    /// Locks the rows as [`Find::locked`] does, and leaves out those that another transaction holds: it never waits.
    pub fn locked_if_free(mut self) -> Self {
        self.select = self.select.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        self
    }

    /// All rows. Say a [`Find::limit`] wherever the number is not bounded otherwise.
    pub async fn all(self) -> Result<Vec<E::Model>, StoreError> {
        Ok(self.select.all(&self.conn.tx).await?)
    }

    /// The first row, if there is one.
    pub async fn one(self) -> Result<Option<E::Model>, StoreError> {
        Ok(self.select.one(&self.conn.tx).await?)
    }

    /// Only these columns, as tuples.
    pub async fn columns<T: TryGetableMany>(
        self,
        columns: impl IntoIterator<Item = E::Column>,
    ) -> Result<Vec<T>, StoreError> {
        let select = columns.into_iter().fold(self.select.select_only(), |select, column| select.column(column));
        Ok(select.into_tuple().all(&self.conn.tx).await?)
    }

    /// How many rows there are of each value of `column`.
    pub async fn count_by<T: TryGetable + Send>(self, column: E::Column) -> Result<Vec<(T, i64)>, StoreError> {
        let counted = sea_orm::sea_query::Expr::cust("COUNT(*)");
        let select = self.select.select_only().column(column).expr_as(counted, "count").group_by(column);
        Ok(select.into_tuple::<(T, i64)>().all(&self.conn.tx).await?)
    }

    /// The sum of the whole numbers `summed` over the rows of each value of `column`.
    pub async fn sum_by<T: TryGetable + Send>(
        self,
        column: E::Column,
        summed: E::Column,
    ) -> Result<Vec<(T, i64)>, StoreError> {
        let sum = Func::sum(Expr::col(summed)).cast_as("bigint");
        let select = self.select.select_only().column(column).expr_as(sum, "sum").group_by(column);
        Ok(select.into_tuple::<(T, i64)>().all(&self.conn.tx).await?)
    }

    /// How many rows there are.
    pub async fn count(self) -> Result<u64, StoreError> {
        let counted = sea_orm::sea_query::Expr::cust("COUNT(*)");
        let count: Option<i64> =
            self.select.select_only().expr_as(counted, "count").into_tuple().one(&self.conn.tx).await?;
        Ok(count.map_or(0, i64::unsigned_abs))
    }
}
