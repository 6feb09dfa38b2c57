//! Statements about many rows at once, in both dialects.

use sea_orm::{Statement, Value};

use super::Backend;
use super::source::select;
use crate::rows::Cells;
use crate::write::Change;

/// Rows to insert; `fixed` columns have one value for all of them.
pub(crate) struct BatchInsert {
    pub table: String,
    pub fixed: Vec<(&'static str, Value)>,
    pub cells: Vec<Cells<'static>>,
}

/// Rows to change by their key; only those whose `fixed` columns have these values.
pub(crate) struct BatchUpdate {
    pub table: String,
    pub fixed: Vec<(&'static str, Value)>,
    pub key: Vec<&'static str>,
    pub cells: Vec<Cells<'static>>,
    pub change: Change,
}

/// Rows to change if they are free; only those whose `fixed` columns have these values.
pub(crate) struct BatchClaim {
    pub table: String,
    pub fixed: Vec<(&'static str, Value)>,
    pub key: &'static str,
    pub column: &'static str,
    pub free: Value,
    pub cells: Vec<Cells<'static>>,
}

impl BatchInsert {
    /// With `returning`, rows that are there already are passed over and the new ones answered.
    pub fn statement(self, backend: Backend, returning: Option<&str>) -> Statement {
        let mut binds = Vec::new();
        let mut columns = Vec::new();
        let mut values = Vec::new();
        for (name, value) in self.fixed {
            binds.push(value);
            columns.push(name);
            values.push(format!("${}", binds.len()));
        }
        for cells in &self.cells {
            columns.push(cells.name);
            values.push(format!("i.{}", cells.name));
        }
        let columns = columns.join(", ");
        let source = select(backend, self.cells, &mut binds);
        // `WHERE true` keeps SQLite from reading ON CONFLICT as a join condition.
        let mut sql = format!(
            "INSERT INTO {} ({columns}) SELECT {} FROM ({source}) AS i WHERE true",
            self.table,
            values.join(", ")
        );
        if let Some(returning) = returning {
            sql.push_str(&format!(" ON CONFLICT DO NOTHING RETURNING {returning}"));
        }
        Statement::from_sql_and_values(backend.of_sea(), sql, binds)
    }
}

impl BatchUpdate {
    pub fn statement(self, backend: Backend) -> Statement {
        let mut binds = Vec::new();
        let own = conditions(backend, self.fixed, &mut binds);
        let changed = self.cells.iter().map(|cells| cells.name).filter(|name| !self.key.contains(name));
        let set: Vec<String> = changed
            .map(|name| match self.change {
                Change::Set => format!("{name} = i.{name}"),
                Change::Add => format!("{name} = t.{name} + i.{name}"),
            })
            .collect();
        let found: Vec<String> = self.key.iter().map(|name| format!("t.{name} = i.{name}")).collect();
        let rows = rows_once(backend, self.cells, &mut binds);
        let sql = format!(
            "WITH {rows} UPDATE {} AS t SET {} FROM i WHERE {own} AND {}",
            self.table,
            set.join(", "),
            found.join(" AND "),
        );
        Statement::from_sql_and_values(backend.of_sea(), sql, binds)
    }
}

impl BatchClaim {
    pub fn statement(self, backend: Backend) -> Statement {
        let Self { table, fixed, key, column, free, cells } = self;
        let mut binds = vec![free];
        let own = conditions(backend, fixed, &mut binds);
        let set: Vec<String> =
            cells.iter().filter(|cells| cells.name != key).map(|cells| format!("{0} = i.{0}", cells.name)).collect();
        let rows = rows_once(backend, cells, &mut binds);
        // SQLite returns columns of the changed table only, and does not know it by its alias.
        let (lock, returned) = match backend {
            Backend::Postgres => (" FOR UPDATE SKIP LOCKED", "t."),
            Backend::Sqlite => ("", ""),
        };
        let sql = format!(
            "WITH {rows}, free AS (SELECT t.{key} FROM {table} AS t WHERE {own} AND t.{column} = $1 \
             AND t.{key} IN (SELECT {key} FROM i) ORDER BY t.{key}{lock}) \
             UPDATE {table} AS t SET {} FROM i WHERE {own} AND t.{key} = i.{key} \
             AND t.{key} IN (SELECT {key} FROM free) RETURNING {returned}{key}",
            set.join(", "),
        );
        Statement::from_sql_and_values(backend.of_sea(), sql, binds)
    }
}

/// The batch under the name `i`. SQLite would otherwise read the JSON text again for every row of the table.
fn rows_once(backend: Backend, cells: Vec<Cells<'static>>, binds: &mut Vec<Value>) -> String {
    let source = select(backend, cells, binds);
    match backend {
        Backend::Sqlite => format!("i AS MATERIALIZED ({source})"),
        Backend::Postgres => format!("i AS ({source})"),
    }
}

/// The condition that the `fixed` columns of the table `t` have their values, which are pushed onto `binds`.
///
/// SQLite is told that it excludes nothing: it guesses that a tenant has ten rows, and would begin with all of them.
fn conditions(backend: Backend, fixed: Vec<(&'static str, Value)>, binds: &mut Vec<Value>) -> String {
    let mut conditions = Vec::new();
    for (name, value) in fixed {
        binds.push(value);
        let place = binds.len();
        conditions.push(match backend {
            Backend::Sqlite => format!("likelihood(t.{name} = ${place}, 1.0)"),
            Backend::Postgres => format!("t.{name} = ${place}"),
        });
    }
    conditions.join(" AND ")
}

#[cfg(test)]
mod tests {
    use sea_orm::{ColumnType, ConnectionTrait};
    use uuid::Uuid;

    use super::*;
    use crate::store::Owner;

    fn cells() -> Vec<Cells<'static>> {
        let cell = |name, kind, value| Cells { name, kind, nullable: false, values: vec![value] };
        vec![cell("id", ColumnType::Uuid, Uuid::nil().into()), cell("state", ColumnType::Text, "taken".into())]
    }

    fn fixed() -> Vec<(&'static str, Value)> {
        vec![("tenant_id", Uuid::nil().into())]
    }

    /// How SQLite would run the statement.
    async fn plan(mut statement: Statement) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let owner =
            Owner::open(&format!("sqlite://{}", folder.path().join("plan.db").display())).await.expect("opened");
        let table = "CREATE TABLE rows (tenant_id BLOB NOT NULL, id BLOB NOT NULL, state TEXT NOT NULL, \
                     PRIMARY KEY (tenant_id, id)) STRICT, WITHOUT ROWID";
        owner.connection().execute_unprepared(table).await.expect("made");
        statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
        let steps = owner.connection().query_all_raw(statement).await.expect("explained");
        let steps: Vec<String> = steps.iter().map(|row| row.try_get("", "detail").expect("text")).collect();
        steps.join("\n")
    }

    /// A tenant's table is entered by whole keys, never row by row, and the batch's text is read once.
    fn assert_by_key(plan: &str) {
        assert!(!plan.contains("(tenant_id=?)"), "{plan}");
        assert!(plan.contains("SEARCH t USING PRIMARY KEY (tenant_id=? AND id=?)"), "{plan}");
        assert_eq!(plan.matches("json_each").count(), 1, "{plan}");
    }

    #[tokio::test]
    async fn sqlite_changes_a_batch_by_key() {
        let (table, key) = ("rows".to_owned(), vec!["id"]);
        let update = BatchUpdate { table, fixed: fixed(), key, cells: cells(), change: Change::Set };
        assert_by_key(&plan(update.statement(Backend::Sqlite)).await);
    }

    #[tokio::test]
    async fn sqlite_claims_a_batch_by_key() {
        let (table, free) = ("rows".to_owned(), "free".into());
        let claim = BatchClaim { table, fixed: fixed(), key: "id", column: "state", free, cells: cells() };
        assert_by_key(&plan(claim.statement(Backend::Sqlite)).await);
    }
}
