//! Tables as files: CSV read within limits, a row at a time, and written so that no cell is taken for a formula.
//!
//! [`read`] gives rows, [`table`] gives records whose columns are known by name, [`Writer`] writes.
//! The format is RFC 4180 in UTF-8, with or without a byte order mark, with any of the three line ends. Where a file can
//! be read in two ways it is refused with the line: an import of half the rows, or of rows run together, is worse.
//!
//! Invariants: memory is bounded by one row of the [`Limits`], whatever the file; a cell that a person could have made
//! up is written through [`Cell::text`]; no word of the business is known here.

mod error;
mod reader;
mod table;
mod writer;

#[cfg(test)]
mod tests;

pub use error::SheetError;
pub use reader::{Limits, Row, Rows, read};
pub use table::{Record, Table, table};
pub use writer::{Cell, Writer};
