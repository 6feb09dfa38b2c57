//! Reading: a select that already carries the scope's predicate.

use sea_orm::sea_query::{Expr, ExprTrait, Func, LockBehavior, LockType, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IdenStatic, Order, QueryFilter, QueryOrder, QuerySelect, Select, TryGetable,
    TryGetableMany, Value,
};

use crate::dialect::{self, Keys};
use crate::error::StoreError;
use crate::tx::Conn;

/// A select on the table `E` inside the scope of its transaction.
#[must_use = "a find does nothing until it is run"]
pub struct Find<'t, E: EntityTrait> {
    conn: &'t Conn,
    select: Select<E>,
    condition: Condition,
    keys: Option<Keys>,
}

impl<'t, E: EntityTrait> Find<'t, E> {
    pub(crate) fn new(conn: &'t Conn, scope_filter: Condition) -> Self {
        Self { conn, select: E::find(), condition: scope_filter, keys: None }
    }

    /// The select with all that was asked for.
    fn select(self) -> (&'t Conn, Select<E>) {
        let Self { conn, mut select, condition, keys } = self;
        match keys {
            None => select = select.filter(condition),
            Some(keys) => {
                let table = E::default().table_ref();
                dialect::look_up(QuerySelect::query(&mut select), (table, E::default().table_name()), condition, keys);
            }
        }
        (conn, select)
    }

    /// Keeps the rows for which `condition` holds.
    pub fn filter(mut self, condition: impl sea_orm::sea_query::IntoCondition) -> Self {
        self.condition = self.condition.add(condition.into_condition());
        self
    }

    /// Keeps the rows whose `column` is one of `values`, bound as one parameter however many they are.
    ///
    /// A lane's first such list is looked up value by value, whatever the planner believes: its plans live long, are made
    /// for all tenants alike, and a tenant that is larger than most would be walked over as a whole.
    pub fn among<V: Into<Value>>(mut self, column: E::Column, values: impl IntoIterator<Item = V>) -> Self {
        let values: Vec<Value> = values.into_iter().map(Into::into).collect();
        let kind = column.def().get_column_type().clone();
        if self.keys.is_none() && self.conn.tx.is_lane() {
            self.keys = Some(Keys::of(column.as_str(), &kind, values));
            return self;
        }
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
    /// SQLite has one writer at a time and needs no row locks. What a lane looks up by a list ([`Find::among`]) is locked
    /// in the order of the list's values, ascending, whatever it is sorted by.
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
        let (conn, select) = self.select();
        Ok(select.all(&conn.tx).await?)
    }

    /// The first row, if there is one.
    pub async fn one(self) -> Result<Option<E::Model>, StoreError> {
        let (conn, select) = self.select();
        Ok(select.one(&conn.tx).await?)
    }

    /// Only these columns, as tuples.
    pub async fn columns<T: TryGetableMany>(
        self,
        columns: impl IntoIterator<Item = E::Column>,
    ) -> Result<Vec<T>, StoreError> {
        let (conn, select) = self.select();
        let select = columns.into_iter().fold(select.select_only(), |select, column| select.column(column));
        Ok(select.into_tuple().all(&conn.tx).await?)
    }

    /// How many rows there are of each value of `column`.
    pub async fn count_by<T: TryGetable + Send>(self, column: E::Column) -> Result<Vec<(T, i64)>, StoreError> {
        let counted = sea_orm::sea_query::Expr::cust("COUNT(*)");
        let (conn, select) = self.select();
        let select = select.select_only().column(column).expr_as(counted, "count").group_by(column);
        Ok(select.into_tuple::<(T, i64)>().all(&conn.tx).await?)
    }

    /// The sum of the whole numbers `summed` over the rows of each value of `column`.
    pub async fn sum_by<T: TryGetable + Send>(
        self,
        column: E::Column,
        summed: E::Column,
    ) -> Result<Vec<(T, i64)>, StoreError> {
        let sum = Func::sum(Expr::col(summed)).cast_as("bigint");
        let (conn, select) = self.select();
        let select = select.select_only().column(column).expr_as(sum, "sum").group_by(column);
        Ok(select.into_tuple::<(T, i64)>().all(&conn.tx).await?)
    }

    /// How many rows there are.
    pub async fn count(self) -> Result<u64, StoreError> {
        let counted = sea_orm::sea_query::Expr::cust("COUNT(*)");
        let (conn, select) = self.select();
        let count: Option<i64> = select.select_only().expr_as(counted, "count").into_tuple().one(&conn.tx).await?;
        Ok(count.map_or(0, i64::unsigned_abs))
    }
}
