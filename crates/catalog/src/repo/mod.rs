//! Queries on this room's tables. They take a transaction and answer model values.

pub(crate) mod goods;
pub(crate) mod listing;
pub(crate) mod price;
pub(crate) mod template;

use kernel::{Currency, Money};

use crate::error::CatalogError;

/// Names the table of a stored word or code that cannot be read.
fn stored<T>(table: &'static str, read: Result<T, impl std::fmt::Display>) -> Result<T, CatalogError> {
    read.map_err(|error| CatalogError::Corrupt { table, what: error.to_string() })
}

fn currency(table: &'static str, code: &str) -> Result<Currency, CatalogError> {
    stored(table, Currency::parse(code))
}

/// A number of ours in a column that has a sign.
fn signed(count: u32) -> i32 {
    i32::try_from(count).expect("quantities are checked before they are stored")
}

fn unsigned(table: &'static str, count: i32) -> Result<u32, CatalogError> {
    stored(table, u32::try_from(count))
}

fn money(minor: Option<i64>, currency: Option<Currency>) -> Option<Money> {
    Some(Money::new(minor?, currency?))
}
