//! Writing workbooks (xlsx) of one sheet.

use std::io;

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

/// A cell of a workbook. Text is text whatever it begins with: it is never a formula.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GridCell {
    /// Words that stand out.
    Heading(String),
    /// Any text.
    Text(String),
    /// An amount in minor units, of which so many digits stand behind the point; a number that can be summed up.
    Amount { minor: i64, decimals: u32 },
}

/// A workbook that is written row by row; its rows leave memory as they are written.
pub struct Grid {
    workbook: Workbook,
    row: u32,
    heading: Format,
    amounts: [Format; 4],
    failed: Option<XlsxError>,
}

/// Excel keeps fifteen digits of a number: longer ones are written as text.
const EXACT_BELOW: u64 = 1_000_000_000_000_000;
/// Wide enough for a moment, an order's number and most names.
const COLUMN_WIDTH: f64 = 22.0;
const COLUMNS: u16 = 12;

impl Default for Grid {
    fn default() -> Self {
        let mut workbook = Workbook::new();
        let widened = workbook.add_worksheet_with_constant_memory().and_then(|sheet| {
            (0..COLUMNS).try_for_each(|column| sheet.set_column_width(column, COLUMN_WIDTH).map(|_| ()))
        });
        let amount = |look: &str| Format::new().set_num_format(look);
        let amounts = ["#,##0", "#,##0.0", "#,##0.00", "#,##0.000"].map(amount);
        Self { workbook, row: 0, heading: Format::new().set_bold(), amounts, failed: widened.err() }
    }
}

impl Grid {
    /// Writes the next row. What fails is told at the end.
    pub fn row(&mut self, cells: impl IntoIterator<Item = GridCell>) {
        if self.failed.is_none() {
            let written = self.try_row(cells);
            self.failed = written.err();
        }
        self.row += 1;
    }

    fn try_row(&mut self, cells: impl IntoIterator<Item = GridCell>) -> Result<(), XlsxError> {
        let Self { workbook, row, heading, amounts, .. } = self;
        let sheet: &mut Worksheet = workbook.worksheet_from_index(0)?;
        for (cell, column) in cells.into_iter().zip(0u16..) {
            match cell {
                GridCell::Heading(text) => sheet.write_string_with_format(*row, column, text, heading)?,
                GridCell::Text(text) => sheet.write_string(*row, column, text)?,
                GridCell::Amount { minor, decimals } => {
                    let text = decimal(minor, decimals);
                    let look = amounts.get(decimals as usize).filter(|_| minor.unsigned_abs() < EXACT_BELOW);
                    // A workbook knows no other numbers than these; nothing is reckoned with it here.
                    match (text.parse::<f64>(), look) {
                        (Ok(number), Some(look)) => sheet.write_number_with_format(*row, column, number, look)?,
                        _ => sheet.write_string(*row, column, text)?,
                    }
                }
            };
        }
        Ok(())
    }

    /// The bytes of the file.
    pub fn finish(mut self) -> io::Result<Vec<u8>> {
        let written = match self.failed.take() {
            Some(error) => Err(error),
            None => self.workbook.save_to_buffer(),
        };
        written.map_err(io::Error::other)
    }
}

/// `12.50` of 1250 and two decimals.
fn decimal(minor: i64, decimals: u32) -> String {
    let decimals = decimals as usize;
    let (sign, digits) = (if minor < 0 { "-" } else { "" }, format!("{:0>1$}", minor.unsigned_abs(), decimals + 1));
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::ops::ControlFlow;

    use super::*;
    use crate::{Limits, each};

    #[test]
    fn a_workbook_is_read_as_it_was_written() {
        let mut grid = Grid::default();
        grid.row([GridCell::Heading("金额".to_owned()), GridCell::Text("=1+1".to_owned())]);
        grid.row([]);
        let amounts = [(1_250, 2), (-5, 2), (7, 0), (i64::MAX, 2)];
        grid.row(amounts.map(|(minor, decimals)| GridCell::Amount { minor, decimals }));
        let file = grid.finish().expect("a workbook");
        let limits = Limits { rows_max: 10, columns_max: 10, cell_bytes_max: 100 };
        let mut rows = Vec::new();
        let take = &mut |found: crate::Found| {
            if let Ok(row) = found {
                rows.push(row.cells);
            }
            ControlFlow::Continue(())
        };
        each(Cursor::new(file), &limits, take).expect("read");
        assert_eq!(rows, [vec!["金额", "=1+1"], vec!["12.5", "-0.05", "7", "92233720368547758.07"]]);
    }
}
