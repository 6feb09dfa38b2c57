//! A batch of rows as something a statement can select from.

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::sea_query::ArrayType;
use sea_orm::{ColumnType, Value};

use super::Backend;
use crate::rows::Cells;

/// What the columns of our tables can be; anything else is a mistake in a `table.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Uuid,
    Text,
    Bytes,
    Int,
    BigInt,
    Bool,
    Moment,
}

impl Kind {
    pub fn of(column: &ColumnType) -> Self {
        match column {
            ColumnType::Uuid => Self::Uuid,
            ColumnType::Text | ColumnType::String(_) | ColumnType::Char(_) => Self::Text,
            ColumnType::Blob | ColumnType::Binary(_) | ColumnType::VarBinary(_) => Self::Bytes,
            ColumnType::Integer => Self::Int,
            ColumnType::BigInteger => Self::BigInt,
            ColumnType::Boolean => Self::Bool,
            ColumnType::TimestampWithTimeZone => Self::Moment,
            other => panic!("a batch cannot carry a column of type {other:?}"),
        }
    }

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

    const fn array(self) -> ArrayType {
        match self {
            Self::Uuid => ArrayType::Uuid,
            Self::Text => ArrayType::String,
            Self::Bytes => ArrayType::Bytes,
            Self::Int => ArrayType::Int,
            Self::BigInt => ArrayType::BigInt,
            Self::Bool => ArrayType::Bool,
            Self::Moment => ArrayType::ChronoDateTimeUtc,
        }
    }

    /// Stands in an array where there is nothing; a second array says so.
    fn filler(self) -> Value {
        match self {
            Self::Uuid => uuid::Uuid::nil().into(),
            Self::Text => "".into(),
            Self::Bytes => Vec::<u8>::new().into(),
            Self::Int => 0i32.into(),
            Self::BigInt => 0i64.into(),
            Self::Bool => false.into(),
            Self::Moment => DateTime::<Utc>::UNIX_EPOCH.into(),
        }
    }
}

/// `values` as one array parameter. Arrays of the driver hold no nulls.
pub(super) fn array(kind: Kind, values: Vec<Value>) -> Value {
    Value::Array(kind.array(), Some(Box::new(values)))
}

/// A select that yields the rows, its columns named as in the table; its parameters are pushed onto `binds`.
pub(super) fn select(backend: Backend, cells: Vec<Cells<'_>>, binds: &mut Vec<Value>) -> String {
    match backend {
        Backend::Postgres => select_unnest(cells, binds),
        Backend::Sqlite => select_json(cells, binds),
    }
}

fn select_unnest(cells: Vec<Cells<'_>>, binds: &mut Vec<Value>) -> String {
    if cells.first().is_some_and(|cells| cells.values.len() == 1) {
        return select_one(cells, binds);
    }
    let (mut shown, mut arrays, mut names) = (String::new(), String::new(), String::new());
    let mut bind = |values: Value, kind: Kind, name: &str| {
        binds.push(values);
        let comma = if arrays.is_empty() { "" } else { ", " };
        let _ = write!(arrays, "{comma}${}::{}[]", binds.len(), kind.postgres());
        let _ = write!(names, "{comma}{name}");
    };
    for (index, cells) in cells.into_iter().enumerate() {
        let kind = Kind::of(&cells.kind);
        let comma = if index == 0 { "" } else { ", " };
        let name = cells.name;
        // One text whatever is null: statements are planned once for each text.
        if cells.nullable {
            let nulls = cells.values.iter().map(|value| is_null(value).into()).collect();
            let values = cells.values.into_iter().map(|value| if is_null(&value) { kind.filler() } else { value });
            bind(array(kind, values.collect()), kind, &format!("c{index}"));
            bind(array(Kind::Bool, nulls), Kind::Bool, &format!("n{index}"));
            let _ = write!(shown, "{comma}CASE WHEN u.n{index} THEN NULL ELSE u.c{index} END AS {name}");
        } else {
            bind(array(kind, cells.values), kind, &format!("c{index}"));
            let _ = write!(shown, "{comma}u.c{index} AS {name}");
        }
    }
    format!("SELECT {shown} FROM unnest({arrays}) AS u({names})")
}

/// A single row needs no arrays.
fn select_one(cells: Vec<Cells<'_>>, binds: &mut Vec<Value>) -> String {
    let mut shown = String::from("SELECT ");
    for (index, cells) in cells.into_iter().enumerate() {
        binds.extend(cells.values);
        let comma = if index == 0 { "" } else { ", " };
        let kind = Kind::of(&cells.kind).postgres();
        let _ = write!(shown, "{comma}${}::{kind} AS {}", binds.len(), cells.name);
    }
    shown
}

fn select_json(cells: Vec<Cells<'_>>, binds: &mut Vec<Value>) -> String {
    let mut shown = String::new();
    for (index, cells) in cells.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = match Kind::of(&cells.kind) {
            Kind::Uuid | Kind::Bytes => write!(shown, "{comma}unhex(value ->> {index}) AS {}", cells.name),
            _ => write!(shown, "{comma}value ->> {index} AS {}", cells.name),
        };
    }
    let rows = cells.first().map_or(0, |cells| cells.values.len());
    let mut json = String::with_capacity(rows * cells.len() * 24);
    json.push('[');
    for row in 0..rows {
        json.push_str(if row == 0 { "[" } else { ",[" });
        for (index, cells) in cells.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            push_json(&mut json, &cells.values[row]);
        }
        json.push(']');
    }
    json.push(']');
    binds.push(json.into());
    format!("SELECT {shown} FROM json_each(${})", binds.len())
}

/// `values` as one JSON array.
pub(super) fn json_array(values: &[Value]) -> String {
    let mut json = String::from("[");
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        push_json(&mut json, value);
    }
    json.push(']');
    json
}

fn push_json(json: &mut String, value: &Value) {
    match value {
        Value::Uuid(Some(id)) => {
            let _ = write!(json, "\"{}\"", id.simple());
        }
        Value::Bytes(Some(bytes)) => {
            json.push('"');
            for byte in bytes {
                let _ = write!(json, "{byte:02x}");
            }
            json.push('"');
        }
        Value::String(Some(text)) => json.push_str(&serde_json::Value::from(text.as_str()).to_string()),
        Value::Int(Some(number)) => {
            let _ = write!(json, "{number}");
        }
        Value::BigInt(Some(number)) => {
            let _ = write!(json, "{number}");
        }
        Value::Bool(Some(truth)) => json.push(if *truth { '1' } else { '0' }),
        Value::ChronoDateTimeUtc(Some(moment)) => {
            let _ = write!(json, "\"{}\"", moment_text(*moment));
        }
        value if is_null(value) => json.push_str("null"),
        other => panic!("a batch cannot carry {other:?}"),
    }
}

/// A moment as the driver writes it in SQLite, so that texts of both origins compare.
fn moment_text(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

/// Whether it is the null of one of the kinds above.
const fn is_null(value: &Value) -> bool {
    matches!(
        value,
        Value::Uuid(None)
            | Value::String(None)
            | Value::Bytes(None)
            | Value::Int(None)
            | Value::BigInt(None)
            | Value::Bool(None)
            | Value::ChronoDateTimeUtc(None)
    )
}
