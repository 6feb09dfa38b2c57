//! Statements about many rows at once, in both dialects.

use sea_orm::{Statement, Value};
use uuid::Uuid;

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

/// Rows to change by their key.
pub(crate) struct BatchUpdate {
    pub table: String,
    pub tenant: &'static str,
    pub tenant_id: Uuid,
    pub key: Vec<&'static str>,
    pub cells: Vec<Cells<'static>>,
    pub change: Change,
}

/// Rows to change if they are free.
pub(crate) struct BatchClaim {
    pub table: String,
    pub tenant: &'static str,
    pub tenant_id: Uuid,
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
        let mut sql = format!("INSERT INTO {} ({columns}) SELECT {} FROM ({source}) AS i WHERE true", self.table, values.join(", "));
        if let Some(returning) = returning {
            sql.push_str(&format!(" ON CONFLICT DO NOTHING RETURNING {returning}"));
        }
        Statement::from_sql_and_values(backend.of_sea(), sql, binds)
    }
}

impl BatchUpdate {
    pub fn statement(self, backend: Backend) -> Statement {
        let mut binds = vec![self.tenant_id.into()];
        let changed = self.cells.iter().map(|cells| cells.name).filter(|name| !self.key.contains(name));
        let set: Vec<String> = changed
            .map(|name| match self.change {
                Change::Set => format!("{name} = i.{name}"),
                Change::Add => format!("{name} = t.{name} + i.{name}"),
            })
            .collect();
        let found: Vec<String> = self.key.iter().map(|name| format!("t.{name} = i.{name}")).collect();
        let source = select(backend, self.cells, &mut binds);
        let sql = format!(
            "UPDATE {} AS t SET {} FROM ({source}) AS i WHERE t.{} = $1 AND {}",
            self.table,
            set.join(", "),
            self.tenant,
            found.join(" AND "),
        );
        Statement::from_sql_and_values(backend.of_sea(), sql, binds)
    }
}

impl BatchClaim {
    pub fn statement(self, backend: Backend) -> Statement {
        let Self { table, tenant, tenant_id, key, column, free, cells } = self;
        let mut binds = vec![tenant_id.into(), free];
        let set: Vec<String> = cells
            .iter()
            .filter(|cells| cells.name != key)
            .map(|cells| format!("{0} = i.{0}", cells.name))
            .collect();
        let source = select(backend, cells, &mut binds);
        // SQLite returns columns of the changed table only, and does not know it by its alias.
        let (lock, returned) = match backend {
            Backend::Postgres => (" FOR UPDATE SKIP LOCKED", "t."),
            Backend::Sqlite => ("", ""),
        };
        let sql = format!(
            "WITH i AS ({source}), free AS (SELECT {key} FROM {table} WHERE {tenant} = $1 AND {column} = $2 \
             AND {key} IN (SELECT {key} FROM i) ORDER BY {key}{lock}) \
             UPDATE {table} AS t SET {} FROM i WHERE t.{tenant} = $1 AND t.{key} = i.{key} \
             AND t.{key} IN (SELECT {key} FROM free) RETURNING {returned}{key}",
            set.join(", "),
        );
        Statement::from_sql_and_values(backend.of_sea(), sql, binds)
    }
}
