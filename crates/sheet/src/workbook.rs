//! Excel workbooks: the rows of the first sheet, unpacked as they are read.

mod guard;

use std::io::{BufReader, Read, Seek};
use std::ops::ControlFlow;

use calamine::{DataRef, ExcelDateTime, Reader, SheetType, Xlsx, XlsxError};

use crate::error::SheetError;
use crate::file::Found;
use crate::reader::{Limits, Row};

/// Numbers from here on have lost digits: Excel keeps fifteen.
const EXACT_BELOW: f64 = 1e15;

/// Gives `take` the rows of the first sheet that have anything in them, dates as `2029-12-31`, moments as
/// `2029-12-31T10:00:00`. A number that Excel has rounded and a failed formula concern their row alone.
pub(crate) fn each<F: Read + Seek>(
    file: F,
    limits: &Limits,
    take: &mut dyn FnMut(Found) -> ControlFlow<()>,
) -> Result<(), SheetError> {
    let mut file = BufReader::new(file);
    guard::check(&mut file)?;
    let mut workbook = Xlsx::new(file).map_err(damaged)?;
    let sheets = workbook.sheets_metadata().iter();
    let first = sheets.filter(|sheet| sheet.typ == SheetType::WorkSheet).map(|sheet| sheet.name.clone()).next();
    let mut cells = workbook.worksheet_cells_reader(&first.ok_or(SheetError::NoSheet)?).map_err(damaged)?;
    let mut rows = Rows { open: None, count: 0, limits: *limits };
    while let Some(cell) = cells.next_cell().map_err(damaged)? {
        let (row, column) = cell.get_position();
        if rows.turn_to(u64::from(row) + 1, take)?.is_break() {
            return Ok(());
        }
        rows.put(column as usize, cell.get_value());
    }
    let _ = rows.turn_to(u64::MAX, take)?;
    Ok(())
}

fn damaged(error: XlsxError) -> SheetError {
    // The library's own words may quote a cell, and a cell may be a code.
    let reason = match error {
        XlsxError::Io(_) | XlsxError::Zip(_) => "it is no whole archive",
        XlsxError::Xml(_) | XlsxError::XmlAttr(_) | XlsxError::XmlEof(_) => "its XML cannot be read",
        XlsxError::FileNotFound(_) | XlsxError::RelationshipNotFound => "a part of it is missing",
        XlsxError::ParseInt(_) | XlsxError::ParseFloat(_) | XlsxError::Parse(_) => "a number in it cannot be read",
        XlsxError::Password => "it is locked with a password",
        _ => "it is not as workbooks are",
    };
    SheetError::DamagedWorkbook { reason: reason.to_owned() }
}

/// The row that is being filled, and how many were given.
struct Rows {
    open: Option<(u64, Result<Vec<String>, SheetError>)>,
    count: u64,
    limits: Limits,
}

impl Rows {
    /// Gives the open row away if `line` is not its own.
    fn turn_to(
        &mut self,
        line: u64,
        take: &mut dyn FnMut(Found) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, SheetError> {
        let before = self.open.as_ref().map(|(line, _)| *line);
        if before == Some(line) {
            return Ok(ControlFlow::Continue(()));
        }
        if before.is_some_and(|before| before > line) {
            return Err(SheetError::DamagedWorkbook { reason: format!("row {line} stands behind a later one") });
        }
        let Some((before, cells)) = self.open.replace((line, Ok(Vec::new()))) else {
            return Ok(ControlFlow::Continue(()));
        };
        let is_blank = matches!(&cells, Ok(cells) if cells.iter().all(|cell| cell.trim().is_empty()));
        if is_blank {
            return Ok(ControlFlow::Continue(()));
        }
        if self.count == self.limits.rows_max {
            return Err(SheetError::TooManyRows { line: before, rows_max: self.limits.rows_max });
        }
        self.count += 1;
        Ok(take(cells.map(|cells| Row { line: before, cells })))
    }

    fn put(&mut self, column: usize, value: &DataRef<'_>) {
        let Some((line, cells)) = self.open.as_mut() else { return };
        if let Ok(row) = cells
            && let Err(fault) = place(row, (*line, column), value, &self.limits)
        {
            *cells = Err(fault);
        }
    }
}

fn place(
    cells: &mut Vec<String>,
    (line, column): (u64, usize),
    value: &DataRef<'_>,
    limits: &Limits,
) -> Result<(), SheetError> {
    let text = text_of(line, value)?;
    if text.is_empty() {
        return Ok(());
    }
    if text.len() > limits.cell_bytes_max {
        return Err(SheetError::CellTooLong { line, bytes_max: limits.cell_bytes_max });
    }
    if column >= limits.columns_max {
        return Err(SheetError::TooManyColumns { line, columns_max: limits.columns_max });
    }
    if cells.len() <= column {
        cells.resize(column + 1, String::new());
    }
    cells[column] = text;
    Ok(())
}

fn text_of(line: u64, value: &DataRef<'_>) -> Result<String, SheetError> {
    match value {
        DataRef::Empty => Ok(String::new()),
        DataRef::String(text) => Ok(text.clone()),
        DataRef::SharedString(text) => Ok((*text).to_owned()),
        DataRef::Int(number) => Ok(number.to_string()),
        DataRef::Float(number) if number.abs() < EXACT_BELOW => Ok(number.to_string()),
        DataRef::Float(_) => Err(SheetError::RoundedNumber { line }),
        DataRef::Bool(value) => Ok(if *value { "TRUE" } else { "FALSE" }.to_owned()),
        DataRef::DateTime(moment) if moment.is_datetime() => Ok(date(moment)),
        DataRef::DateTime(duration) => Ok(duration.as_f64().to_string()),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Ok(text.clone()),
        DataRef::Error(_) => Err(SheetError::FailedFormula { line }),
    }
}

fn date(moment: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    let day = format!("{year:04}-{month:02}-{day:02}");
    if (hour, minute, second) == (0, 0, 0) { day } else { format!("{day}T{hour:02}:{minute:02}:{second:02}") }
}
