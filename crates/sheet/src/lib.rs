//! Tables as files: read within limits, a row at a time, and written so that no cell is taken for a formula.
//!
//! [`each`] gives the rows of plain text, CSV and Excel workbooks, whichever it is; [`read`] gives rows of CSV,
//! [`table`] records whose columns are known by name; [`Writer`] writes CSV, [`Grid`] workbooks.
//! CSV is RFC 4180 in UTF-8, with or without a byte order mark, with any of the three line ends. Where a file can
//! be read in two ways it is refused with the line: an import of half the rows, or of rows run together, is worse.
//!
//! Invariants: memory is bounded by one row of the [`Limits`], whatever the file, and by what a workbook of
//! [`FILE_BYTES_MAX`] may unpack to (`workbook/guard.rs`), which is looked at first; a cell that a person could have made
//! up is written through [`Cell::text`]; no word of the business is known here.

mod error;
mod file;
mod grid;
mod reader;
mod table;
mod text;
mod workbook;
mod writer;

#[cfg(test)]
mod tests;

pub use error::SheetError;
pub use file::{FILE_BYTES_MAX, Format, Found, each, format_of};
pub use grid::{Grid, GridCell};
pub use reader::{Limits, Row, Rows, read};
pub use table::{Record, Table, table};
pub use writer::{Cell, Writer};
