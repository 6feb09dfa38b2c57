//! Records: rows whose columns have names.

use std::io::Read;
use std::sync::Arc;

use crate::error::SheetError;
use crate::reader::{Limits, Row, Rows, read};

/// Reads the header and gives the rows under it. The header holds each of `columns` once and nothing else, in any order;
/// blanks around a name do not count.
pub fn table<R: Read>(reader: R, limits: &Limits, columns: &[&'static str]) -> Result<Table<R>, SheetError> {
    let mut rows = read(reader, limits);
    let line = rows.line();
    let header = rows.next().transpose()?.ok_or(SheetError::NoHeader { line })?;
    let columns = order(&header, columns)?;
    rows.count_from_here();
    Ok(Table { rows, columns: columns.into() })
}

/// The records of a file, one at a time. A row of a wrong width is an error and the next row follows; after any other
/// error there is nothing more.
pub struct Table<R> {
    rows: Rows<R>,
    /// The names in the order of the file.
    columns: Arc<[&'static str]>,
}

/// A row under a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    row: Row,
    columns: Arc<[&'static str]>,
}

impl Record {
    /// The line the row begins in, from 1.
    pub const fn line(&self) -> u64 {
        self.row.line
    }

    /// The cell in this column. Asking for a column that [`table`] was not told of is a bug, and stops.
    pub fn get(&self, column: &str) -> &str {
        let index = self.columns.iter().position(|name| *name == column);
        let index = index.unwrap_or_else(|| panic!("the table was not read with a column {column}"));
        &self.row.cells[index]
    }
}

impl<R: Read> Iterator for Table<R> {
    type Item = Result<Record, SheetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match self.rows.next()? {
            Ok(row) => row,
            Err(error) => return Some(Err(error)),
        };
        let (line, found, expected) = (row.line, row.cells.len(), self.columns.len());
        if found != expected {
            return Some(Err(SheetError::RowWidth { line, found, expected }));
        }
        Some(Ok(Record { row, columns: Arc::clone(&self.columns) }))
    }
}

/// The wanted names in the order of the header.
fn order(header: &Row, wanted: &[&'static str]) -> Result<Vec<&'static str>, SheetError> {
    let line = header.line;
    let mut found: Vec<&'static str> = Vec::with_capacity(wanted.len());
    for cell in &header.cells {
        let name = cell.trim();
        let Some(name) = wanted.iter().copied().find(|column| *column == name) else {
            return Err(SheetError::UnknownColumn { line, name: name.chars().take(64).collect() });
        };
        if found.contains(&name) {
            return Err(SheetError::DoubleColumn { line, name: name.to_owned() });
        }
        found.push(name);
    }
    match wanted.iter().find(|column| !found.contains(*column)) {
        Some(name) => Err(SheetError::MissingColumn { line, name: (*name).to_owned() }),
        None => Ok(found),
    }
}
