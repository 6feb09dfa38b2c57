//! Reading rows, byte by byte, so that every limit is kept before memory is taken.

use std::io::{BufReader, Bytes, Read};

use crate::error::SheetError;

/// How much of a file is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows, the header not counted.
    pub rows_max: u64,
    /// Bytes of one cell.
    pub cell_bytes_max: usize,
    /// Cells of one row.
    pub columns_max: usize,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line it begins in, from 1.
    pub line: u64,
    /// Its cells, at least one.
    pub cells: Vec<String>,
}

/// Reads rows of any width; empty lines are passed over. After an error there is nothing more.
pub fn read<R: Read>(reader: R, limits: &Limits) -> Rows<R> {
    Rows {
        bytes: BufReader::new(reader).bytes(),
        ahead: Vec::new(),
        limits: *limits,
        line: 1,
        rows: 0,
        is_begun: false,
        is_over: false,
    }
}

/// The rows of a file, one at a time.
pub struct Rows<R> {
    bytes: Bytes<BufReader<R>>,
    /// Bytes that were read to see what comes next, the last one first; three at most.
    ahead: Vec<u8>,
    limits: Limits,
    line: u64,
    rows: u64,
    is_begun: bool,
    is_over: bool,
}

/// What ended a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Comma,
    Line,
    File,
}

const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

impl<R: Read> Iterator for Rows<R> {
    type Item = Result<Row, SheetError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let row = self.row().transpose();
        self.is_over = !matches!(row, Some(Ok(_)));
        row
    }
}

impl<R: Read> Rows<R> {
    /// The line that would be read next.
    pub(crate) const fn line(&self) -> u64 {
        self.line
    }

    /// Takes the rows read so far out of the count.
    pub(crate) const fn count_from_here(&mut self) {
        self.rows = 0;
    }

    fn row(&mut self) -> Result<Option<Row>, SheetError> {
        if !self.is_begun {
            self.is_begun = true;
            self.pass_byte_order_mark()?;
        }
        if !self.find_row()? {
            return Ok(None);
        }
        let line = self.line;
        if self.rows == self.limits.rows_max {
            return Err(SheetError::TooManyRows { line, rows_max: self.limits.rows_max });
        }
        self.rows += 1;
        let mut cells = Vec::new();
        loop {
            if cells.len() == self.limits.columns_max {
                return Err(SheetError::TooManyColumns { line, columns_max: self.limits.columns_max });
            }
            let (cell, stop) = self.cell()?;
            cells.push(cell);
            if stop != Stop::Comma {
                return Ok(Some(Row { line, cells }));
            }
        }
    }

    /// Passes over empty lines; answers whether a row begins.
    fn find_row(&mut self) -> Result<bool, SheetError> {
        loop {
            match self.next_byte()? {
                None => return Ok(false),
                Some(byte @ (b'\r' | b'\n')) => self.end_line(byte)?,
                Some(byte) => {
                    self.ahead.push(byte);
                    return Ok(true);
                }
            }
        }
    }

    fn cell(&mut self) -> Result<(String, Stop), SheetError> {
        let line = self.line;
        let mut cell = Vec::new();
        let stop = match self.next_byte()? {
            Some(b'"') => self.quoted(&mut cell)?,
            first => self.plain(first, &mut cell)?,
        };
        let text = String::from_utf8(cell).map_err(|_| SheetError::NotText { line })?;
        Ok((text, stop))
    }

    /// A cell without quotes around it; a quote inside stands for itself.
    fn plain(&mut self, first: Option<u8>, cell: &mut Vec<u8>) -> Result<Stop, SheetError> {
        let mut next = first;
        loop {
            match next {
                None => return Ok(Stop::File),
                Some(b',') => return Ok(Stop::Comma),
                Some(byte @ (b'\r' | b'\n')) => {
                    self.end_line(byte)?;
                    return Ok(Stop::Line);
                }
                Some(byte) => self.push(cell, byte)?,
            }
            next = self.next_byte()?;
        }
    }

    /// A cell whose opening quote was read.
    fn quoted(&mut self, cell: &mut Vec<u8>) -> Result<Stop, SheetError> {
        let opened = self.line;
        loop {
            match self.next_byte()? {
                None => return Err(SheetError::OpenQuote { line: opened }),
                Some(b'"') => match self.next_byte()? {
                    Some(b'"') => self.push(cell, b'"')?,
                    None => return Ok(Stop::File),
                    Some(b',') => return Ok(Stop::Comma),
                    Some(byte @ (b'\r' | b'\n')) => {
                        self.end_line(byte)?;
                        return Ok(Stop::Line);
                    }
                    Some(_) => return Err(SheetError::StrayQuote { line: self.line }),
                },
                Some(byte) => {
                    self.push(cell, byte)?;
                    if byte == b'\n' || (byte == b'\r' && !self.is_next(b'\n')?) {
                        self.line += 1;
                    }
                }
            }
        }
    }

    fn push(&self, cell: &mut Vec<u8>, byte: u8) -> Result<(), SheetError> {
        if cell.len() == self.limits.cell_bytes_max {
            return Err(SheetError::CellTooLong { line: self.line, bytes_max: self.limits.cell_bytes_max });
        }
        cell.push(byte);
        Ok(())
    }

    /// Counts a line that ended with `byte`, and takes the second half of CR LF with it.
    fn end_line(&mut self, byte: u8) -> Result<(), SheetError> {
        if byte == b'\r' && self.is_next(b'\n')? {
            self.ahead.pop();
        }
        self.line += 1;
        Ok(())
    }

    fn is_next(&mut self, wanted: u8) -> Result<bool, SheetError> {
        let next = self.next_byte()?;
        self.ahead.extend(next);
        Ok(next == Some(wanted))
    }

    /// Other letters begin with the mark's first byte too (the full-width ones), so all three are looked at.
    fn pass_byte_order_mark(&mut self) -> Result<(), SheetError> {
        let mut seen = Vec::with_capacity(BYTE_ORDER_MARK.len());
        while seen.len() < BYTE_ORDER_MARK.len()
            && let Some(byte) = self.next_byte()?
        {
            seen.push(byte);
        }
        if seen != BYTE_ORDER_MARK {
            self.ahead.extend(seen.into_iter().rev());
        }
        Ok(())
    }

    fn next_byte(&mut self) -> Result<Option<u8>, SheetError> {
        if let Some(byte) = self.ahead.pop() {
            return Ok(Some(byte));
        }
        match self.bytes.next() {
            None => Ok(None),
            Some(Ok(0)) => Err(SheetError::Nul { line: self.line }),
            Some(Ok(byte)) => Ok(Some(byte)),
            Some(Err(source)) => Err(SheetError::Unreadable { line: self.line, source }),
        }
    }
}
