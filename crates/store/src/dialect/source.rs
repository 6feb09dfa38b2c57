//! A batch of rows as something a statement can select from.

use std::fmt::Write;

use sea_orm::{Statement, Value};

use super::Backend;
use crate::column::{Column, Kind, List};
use crate::rows::Cells;

/// A parameter of a statement.
pub(crate) enum Bind {
    One(Value),
    List(List),
}

/// A statement with its parameters as the batches make it.
pub(crate) struct Built {
    pub sql: String,
    pub binds: Vec<Bind>,
}

impl Built {
    /// For a connection that takes its parameters from the query builder.
    pub fn into_statement(self, backend: Backend) -> Statement {
        let values = self.binds.into_iter().map(|bind| match bind {
            Bind::One(value) => value,
            Bind::List(list) => list.into_array(),
        });
        Statement::from_sql_and_values(backend.of_sea(), self.sql, values)
    }
}

impl Kind {
    pub const fn postgres(self) -> &'static str {
        match self {
            Self::Uuid => "uuid",
            Self::Text => "text",
            Self::Bytes => "bytea",
            Self::Int => "integer",
            Self::BigInt => "bigint",
            Self::Bool => "boolean",
            Self::Moment => "timestamptz",
        }
    }
}

/// A select that yields the rows, its columns named as in the table; its parameters are pushed onto `binds`.
pub(super) fn select(backend: Backend, cells: Vec<Cells>, binds: &mut Vec<Bind>) -> String {
    match backend {
        Backend::Postgres => select_unnest(cells, binds),
        Backend::Sqlite => select_json(&cells, binds),
    }
}

fn select_unnest(cells: Vec<Cells>, binds: &mut Vec<Bind>) -> String {
    if cells.first().is_some_and(|cells| cells.column.len() == 1) {
        return select_one(cells, binds);
    }
    let (mut shown, mut arrays, mut names) = (String::new(), String::new(), String::new());
    let mut bind = |list: List, kind: Kind, name: std::fmt::Arguments<'_>| {
        binds.push(Bind::List(list));
        let comma = if arrays.is_empty() { "" } else { ", " };
        let _ = write!(arrays, "{comma}${}::{}[]", binds.len(), kind.postgres());
        let _ = write!(names, "{comma}{name}");
    };
    for (index, Cells { name, nullable, column }) in cells.into_iter().enumerate() {
        let kind = column.kind();
        let comma = if index == 0 { "" } else { ", " };
        let Column { list, nulls } = column;
        bind(list, kind, format_args!("c{index}"));
        // One text whatever is null: statements are planned once for each text. Arrays of the driver hold no nulls. What
        // must not be null and is, the database is to refuse.
        if nullable || nulls.contains(&true) {
            bind(List::Bool(nulls), Kind::Bool, format_args!("n{index}"));
            let _ = write!(shown, "{comma}CASE WHEN u.n{index} THEN NULL ELSE u.c{index} END AS {name}");
        } else {
            let _ = write!(shown, "{comma}u.c{index} AS {name}");
        }
    }
    format!("SELECT {shown} FROM unnest({arrays}) AS u({names})")
}

/// A single row needs no arrays.
fn select_one(cells: Vec<Cells>, binds: &mut Vec<Bind>) -> String {
    let mut shown = String::from("SELECT ");
    for (index, Cells { name, column, .. }) in cells.into_iter().enumerate() {
        let kind = column.kind().postgres();
        binds.push(Bind::One(column.into_value()));
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(shown, "{comma}${}::{kind} AS {name}", binds.len());
    }
    shown
}

fn select_json(cells: &[Cells], binds: &mut Vec<Bind>) -> String {
    let mut shown = String::new();
    for (index, cells) in cells.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = match cells.column.kind() {
            Kind::Uuid | Kind::Bytes => write!(shown, "{comma}unhex(value ->> {index}) AS {}", cells.name),
            _ => write!(shown, "{comma}value ->> {index} AS {}", cells.name),
        };
    }
    let rows = cells.first().map_or(0, |cells| cells.column.len());
    let mut json = String::with_capacity(rows * cells.len() * 24);
    json.push('[');
    for row in 0..rows {
        json.push_str(if row == 0 { "[" } else { ",[" });
        for (index, cells) in cells.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            cells.column.write_json(row, &mut json);
        }
        json.push(']');
    }
    json.push(']');
    binds.push(Bind::One(json.into()));
    format!("SELECT {shown} FROM jsonb_each(${})", binds.len())
}

/// The values of `column` as one JSON array.
pub(super) fn json_array(column: &Column) -> String {
    let mut json = String::from("[");
    for row in 0..column.len() {
        if row > 0 {
            json.push(',');
        }
        column.write_json(row, &mut json);
    }
    json.push(']');
    json
}
