//! Files of people: plain text, CSV or a workbook, told apart by what is in them.

use std::io::{Read, Seek, SeekFrom};
use std::ops::ControlFlow;

use crate::error::SheetError;
use crate::reader::{Limits, Row, read};
use crate::{text, workbook};

kernel::words! {
    /// What a file is.
    Format {
        /// A cell a line.
        Text = "text",
        /// Cells with commas between.
        Csv = "csv",
        /// An Excel workbook; its first sheet is read.
        Xlsx = "xlsx",
    }
}

/// The largest file.
pub const FILE_BYTES_MAX: u64 = 64 << 20;

/// How much of a file tells what it is.
const HEAD_BYTES: u64 = 64 << 10;

const ZIP: &[u8] = b"PK\x03\x04";
const OLD_EXCEL: &[u8] = &[0xD0, 0xCF, 0x11, 0xE0];
const UTF_16: [&[u8]; 2] = [&[0xFF, 0xFE], &[0xFE, 0xFF]];
const BYTE_ORDER_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];

/// What a row turned out to be: cells, or a fault that concerns this row alone.
pub type Found = Result<Row, SheetError>;

/// Gives `take` the rows of `file` one after the other, from its beginning, until it breaks; rows without anything in
/// them are passed over. An error is one of the file, after which there is nothing more.
///
/// Rows are pushed and not pulled because a workbook's reader borrows what it has unpacked.
pub fn each<F: Read + Seek>(
    mut file: F,
    limits: &Limits,
    take: &mut dyn FnMut(Found) -> ControlFlow<()>,
) -> Result<Format, SheetError> {
    let format = format_of(&mut file)?;
    match format {
        Format::Text => text::each(file, limits, take)?,
        Format::Xlsx => workbook::each(file, limits, take)?,
        Format::Csv => {
            for row in read(file, limits) {
                if take(Ok(row?)).is_break() {
                    break;
                }
            }
        }
    }
    Ok(format)
}

/// What a file is, told from its size and its first bytes; it is at its beginning afterwards.
pub fn format_of<F: Read + Seek>(file: &mut F) -> Result<Format, SheetError> {
    let unreadable = |source| SheetError::Unreadable { line: 0, source };
    let bytes = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
    if bytes > FILE_BYTES_MAX {
        return Err(SheetError::TooManyBytes { bytes_max: FILE_BYTES_MAX });
    }
    file.rewind().map_err(unreadable)?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut head).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    if head.starts_with(ZIP) {
        return Ok(Format::Xlsx);
    }
    if head.starts_with(OLD_EXCEL) {
        return Err(SheetError::OldWorkbook);
    }
    if UTF_16.iter().any(|mark| head.starts_with(mark)) {
        return Err(SheetError::Utf16);
    }
    Ok(if is_csv(&head) { Format::Csv } else { Format::Text })
}

/// The first line that is not empty has a comma, or begins with a quote.
fn is_csv(head: &[u8]) -> bool {
    let head = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
    let mut lines = head.split(|byte| matches!(byte, b'\r' | b'\n')).filter(|line| !line.trim_ascii().is_empty());
    lines.next().is_some_and(|line| line.starts_with(b"\"") || line.contains(&b','))
}
