//! Plain text: a line is a row of one cell.

use std::io::{BufReader, Read};
use std::ops::ControlFlow;

use crate::error::SheetError;
use crate::file::Found;
use crate::reader::{Limits, Row};

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Gives `take` the lines that are not blank. A line that is too long concerns that line alone.
pub(crate) fn each<R: Read>(
    reader: R,
    limits: &Limits,
    take: &mut dyn FnMut(Found) -> ControlFlow<()>,
) -> Result<(), SheetError> {
    let mut lines = Lines { line: 1, bytes: Vec::new(), is_too_long: false, rows: 0, limits: *limits };
    let mut last = 0;
    for byte in BufReader::new(reader).bytes() {
        let byte = byte.map_err(|source| SheetError::Unreadable { line: lines.line, source })?;
        match byte {
            0 => return Err(SheetError::Nul { line: lines.line }),
            // The second half of CR LF.
            b'\n' if last == b'\r' => {}
            b'\r' | b'\n' => {
                if lines.end(take)?.is_break() {
                    return Ok(());
                }
            }
            _ => lines.push(byte),
        }
        last = byte;
    }
    let _ = lines.end(take)?;
    Ok(())
}

struct Lines {
    line: u64,
    bytes: Vec<u8>,
    is_too_long: bool,
    rows: u64,
    limits: Limits,
}

impl Lines {
    fn push(&mut self, byte: u8) {
        // The byte order mark is no part of the first cell.
        let marked = if self.line == 1 { BYTE_ORDER_MARK.len() } else { 0 };
        if self.bytes.len() == self.limits.cell_bytes_max + marked {
            self.is_too_long = true;
        } else {
            self.bytes.push(byte);
        }
    }

    fn end(&mut self, take: &mut dyn FnMut(Found) -> ControlFlow<()>) -> Result<ControlFlow<()>, SheetError> {
        let line = self.line;
        self.line += 1;
        let bytes = std::mem::take(&mut self.bytes);
        let found = if std::mem::take(&mut self.is_too_long) {
            Err(SheetError::CellTooLong { line, bytes_max: self.limits.cell_bytes_max })
        } else {
            let text = String::from_utf8(bytes).map_err(|_| SheetError::NotText { line })?;
            let cell = text.strip_prefix(BYTE_ORDER_MARK).filter(|_| line == 1).unwrap_or(&text);
            if cell.trim().is_empty() {
                return Ok(ControlFlow::Continue(()));
            }
            Ok(Row { line, cells: vec![cell.to_owned()] })
        };
        if self.rows == self.limits.rows_max {
            return Err(SheetError::TooManyRows { line, rows_max: self.limits.rows_max });
        }
        self.rows += 1;
        Ok(take(found))
    }
}
