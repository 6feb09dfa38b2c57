//! Rows that are looked up value by value, whatever the planner believes of their table.

use sea_orm::sea_query::{
    Alias, Asterisk, Condition, Expr, ExprTrait, Func, JoinType, Query, SelectStatement, TableRef,
};
use sea_orm::{ColumnType, Value};

use crate::column::{Column, Kind};

/// The values of a column that rows are to have, each once, ascending.
pub(crate) struct Keys {
    column: &'static str,
    kind: Kind,
    list: Value,
}

impl Keys {
    /// The values of the column `column`.
    pub fn of(column: &'static str, kind: &ColumnType, values: Vec<Value>) -> Self {
        let kind = Kind::of(kind);
        let Column { mut list, nulls } = Column::from_values(kind, values);
        assert!(!nulls.contains(&true), "nothing is equal to null");
        list.sort_each_once();
        Self { column, kind, list: list.into_array() }
    }
}

/// Makes of `select`, which reads `table` under its name, one that meets `condition` and has one of the keys. For
/// PostgreSQL.
///
/// `column = ANY (list)` leaves it to the planner to look up each value or to walk over all rows of a tenant, and it
/// decides once for all tenants, with what it knows then: for a table that was empty it walks. An OFFSET keeps a
/// sub-select from being taken apart, and one for each value can only be looked up. Its rows are locked in the order of
/// the values, and only those that meet the condition.
pub(crate) fn look_up(
    select: &mut SelectStatement,
    (table, name): (TableRef, &'static str),
    condition: Condition,
    Keys { column, kind, list }: Keys,
) {
    let key = Alias::new("k");
    let list = Expr::cust_with_values(format!("$1::{}[]", kind.postgres()), [list]);
    let mut rows = Query::select();
    rows.column(Asterisk).from(table).cond_where(condition);
    rows.and_where(Expr::col((Alias::new(name), Alias::new(column))).eq(Expr::col((key.clone(), key.clone()))))
        .offset(0);
    select.from_clear().from_function(Func::cust("unnest").arg(list), key);
    select.join_lateral(JoinType::InnerJoin, rows, Alias::new(name), Condition::all().add(Expr::val(true)));
}
