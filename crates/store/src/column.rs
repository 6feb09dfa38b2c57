//! The values of one column of many rows, each kind in a list of its own: what a statement carries as one parameter.

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::sea_query::ArrayType;
use sea_orm::{ColumnType, Value};
use uuid::Uuid;

/// What the columns of our tables can be; anything else is a mistake in a `table.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Uuid,
    Text,
    Bytes,
    Int,
    BigInt,
    Bool,
    Moment,
}

/// The values of one column. Where there is nothing stands a filler, and `nulls` says so.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub list: List,
    pub nulls: Vec<bool>,
}

/// Values of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum List {
    Uuid(Vec<Uuid>),
    Text(Vec<String>),
    Bytes(Vec<Vec<u8>>),
    Int(Vec<i32>),
    BigInt(Vec<i64>),
    Bool(Vec<bool>),
    Moment(Vec<DateTime<Utc>>),
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
}

impl Column {
    pub const fn of(kind: Kind) -> Self {
        let list = match kind {
            Kind::Uuid => List::Uuid(Vec::new()),
            Kind::Text => List::Text(Vec::new()),
            Kind::Bytes => List::Bytes(Vec::new()),
            Kind::Int => List::Int(Vec::new()),
            Kind::BigInt => List::BigInt(Vec::new()),
            Kind::Bool => List::Bool(Vec::new()),
            Kind::Moment => List::Moment(Vec::new()),
        };
        Self { list, nulls: Vec::new() }
    }

    /// All of `values`, which are of this kind.
    pub fn from_values(kind: Kind, values: impl IntoIterator<Item = Value>) -> Self {
        let mut column = Self::of(kind);
        values.into_iter().for_each(|value| column.push(value));
        column
    }

    pub const fn kind(&self) -> Kind {
        match self.list {
            List::Uuid(_) => Kind::Uuid,
            List::Text(_) => Kind::Text,
            List::Bytes(_) => Kind::Bytes,
            List::Int(_) => Kind::Int,
            List::BigInt(_) => Kind::BigInt,
            List::Bool(_) => Kind::Bool,
            List::Moment(_) => Kind::Moment,
        }
    }

    pub const fn len(&self) -> usize {
        self.nulls.len()
    }

    pub fn push(&mut self, value: Value) {
        let is_null = match (&mut self.list, value) {
            (List::Uuid(list), Value::Uuid(value)) => add(list, value),
            (List::Text(list), Value::String(value)) => add(list, value),
            (List::Bytes(list), Value::Bytes(value)) => add(list, value),
            (List::Int(list), Value::Int(value)) => add(list, value),
            (List::BigInt(list), Value::BigInt(value)) => add(list, value),
            (List::Bool(list), Value::Bool(value)) => add(list, value),
            (List::Moment(list), Value::ChronoDateTimeUtc(value)) => add(list, value),
            (list, value) => panic!("a column cannot hold {value:?} beside {list:?}"),
        };
        self.nulls.push(is_null);
    }

    /// The only value, as a parameter of its own.
    pub fn into_value(self) -> Value {
        let is_null = self.nulls.first().copied().unwrap_or(true);
        match self.list {
            List::Uuid(list) => Value::Uuid(only(list, is_null)),
            List::Text(list) => Value::String(only(list, is_null)),
            List::Bytes(list) => Value::Bytes(only(list, is_null)),
            List::Int(list) => Value::Int(only(list, is_null)),
            List::BigInt(list) => Value::BigInt(only(list, is_null)),
            List::Bool(list) => Value::Bool(only(list, is_null)),
            List::Moment(list) => Value::ChronoDateTimeUtc(only(list, is_null)),
        }
    }

    /// Writes the value of `row` as JSON, as SQLite is to read it.
    pub fn write_json(&self, row: usize, json: &mut String) {
        if self.nulls[row] {
            return json.push_str("null");
        }
        let _ = match &self.list {
            List::Uuid(list) => write!(json, "\"{}\"", list[row].simple()),
            List::Text(list) => {
                json.push_str(&serde_json::Value::from(list[row].as_str()).to_string());
                Ok(())
            }
            List::Bytes(list) => {
                json.push('"');
                list[row].iter().try_for_each(|byte| write!(json, "{byte:02x}")).map(|()| json.push('"'))
            }
            List::Int(list) => write!(json, "{}", list[row]),
            List::BigInt(list) => write!(json, "{}", list[row]),
            List::Bool(list) => write!(json, "{}", i32::from(list[row])),
            // A moment as the driver writes it, so that texts of both origins compare.
            List::Moment(list) => write!(json, "\"{}\"", list[row].to_rfc3339_opts(SecondsFormat::AutoSi, false)),
        };
    }
}

impl List {
    /// Ascending, and nothing twice.
    pub fn sort_each_once(&mut self) {
        fn sort<T: Ord>(list: &mut Vec<T>) {
            list.sort_unstable();
            list.dedup();
        }
        match self {
            Self::Uuid(list) => sort(list),
            Self::Text(list) => sort(list),
            Self::Bytes(list) => sort(list),
            Self::Int(list) => sort(list),
            Self::BigInt(list) => sort(list),
            Self::Bool(list) => sort(list),
            Self::Moment(list) => sort(list),
        }
    }

    /// As one parameter of the query builder.
    pub fn into_array(self) -> Value {
        fn array<T: Into<Value>>(kind: ArrayType, list: Vec<T>) -> Value {
            Value::Array(kind, Some(Box::new(list.into_iter().map(Into::into).collect())))
        }
        match self {
            Self::Uuid(list) => array(ArrayType::Uuid, list),
            Self::Text(list) => array(ArrayType::String, list),
            Self::Bytes(list) => array(ArrayType::Bytes, list),
            Self::Int(list) => array(ArrayType::Int, list),
            Self::BigInt(list) => array(ArrayType::BigInt, list),
            Self::Bool(list) => array(ArrayType::Bool, list),
            Self::Moment(list) => array(ArrayType::ChronoDateTimeUtc, list),
        }
    }
}

/// Whether there was nothing to add, and a filler was.
fn add<T: Default>(list: &mut Vec<T>, value: Option<T>) -> bool {
    let is_null = value.is_none();
    list.push(value.unwrap_or_default());
    is_null
}

fn only<T>(list: Vec<T>, is_null: bool) -> Option<T> {
    list.into_iter().next().filter(|_| !is_null)
}
