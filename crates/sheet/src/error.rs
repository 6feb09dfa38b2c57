//! What can be wrong with a file, and where.

use kernel::{Coded, FaultKind};

/// Why a file cannot be read; `line` counts from 1, line breaks inside quotes included, and is 0 for the whole file.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    #[error("line {line}: the file could not be read on")]
    Unreadable {
        line: u64,
        #[source]
        source: std::io::Error,
    },
    #[error("line {line}: a cell is not UTF-8 text")]
    NotText { line: u64 },
    #[error("line {line}: a NUL byte, the file is not UTF-8 text")]
    Nul { line: u64 },
    #[error("line {line}: text after a closing quote")]
    StrayQuote { line: u64 },
    #[error("line {line}: a quote is opened here and never closed")]
    OpenQuote { line: u64 },
    #[error("line {line}: a cell has more than {bytes_max} bytes")]
    CellTooLong { line: u64, bytes_max: usize },
    #[error("line {line}: more than {columns_max} columns")]
    TooManyColumns { line: u64, columns_max: usize },
    #[error("line {line}: more than {rows_max} rows")]
    TooManyRows { line: u64, rows_max: u64 },
    #[error("line {line}: there is no header row")]
    NoHeader { line: u64 },
    #[error("line {line}: the column {name} is missing")]
    MissingColumn { line: u64, name: String },
    #[error("line {line}: the column {name:?} is not known")]
    UnknownColumn { line: u64, name: String },
    #[error("line {line}: the column {name} is there twice")]
    DoubleColumn { line: u64, name: String },
    #[error("line {line}: {found} cells where the header has {expected}")]
    RowWidth { line: u64, found: usize, expected: usize },
    #[error("the file has more than {bytes_max} bytes")]
    TooManyBytes { bytes_max: u64 },
    #[error("the workbook unpacks to more than {bytes_max} bytes, or to too many parts")]
    TooMuchInside { bytes_max: u64 },
    #[error("the workbook cannot be read: {reason}")]
    DamagedWorkbook { reason: String },
    #[error("the workbook has no sheet")]
    NoSheet,
    #[error("this is a workbook of an old Excel (.xls): save it as .xlsx")]
    OldWorkbook,
    #[error("the text is UTF-16: save it as UTF-8")]
    Utf16,
    #[error("line {line}: a number of more than 15 digits, which Excel has rounded: make the column text")]
    RoundedNumber { line: u64 },
    #[error("line {line}: a cell holds a formula that failed")]
    FailedFormula { line: u64 },
}

impl SheetError {
    /// The same without the line, for reports that show it in a column of its own.
    pub fn without_line(&self) -> String {
        let text = self.to_string();
        let line = format!("line {}: ", self.line());
        text.strip_prefix(&line).map(str::to_owned).unwrap_or(text)
    }

    /// The line it was found in, from 1; 0 if it is about the whole file.
    pub const fn line(&self) -> u64 {
        match self {
            Self::Unreadable { line, .. }
            | Self::NotText { line }
            | Self::Nul { line }
            | Self::StrayQuote { line }
            | Self::OpenQuote { line }
            | Self::CellTooLong { line, .. }
            | Self::TooManyColumns { line, .. }
            | Self::TooManyRows { line, .. }
            | Self::NoHeader { line }
            | Self::MissingColumn { line, .. }
            | Self::UnknownColumn { line, .. }
            | Self::DoubleColumn { line, .. }
            | Self::RowWidth { line, .. }
            | Self::RoundedNumber { line }
            | Self::FailedFormula { line } => *line,
            Self::TooManyBytes { .. }
            | Self::TooMuchInside { .. }
            | Self::DamagedWorkbook { .. }
            | Self::NoSheet
            | Self::OldWorkbook
            | Self::Utf16 => 0,
        }
    }
}

impl Coded for SheetError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } | Self::DamagedWorkbook { .. } => "sheet_unreadable",
            Self::NotText { .. } | Self::Nul { .. } | Self::Utf16 => "sheet_not_text",
            Self::NoSheet | Self::OldWorkbook => "sheet_format",
            Self::RoundedNumber { .. } => "sheet_number_rounded",
            Self::FailedFormula { .. } => "sheet_cell_error",
            Self::StrayQuote { .. } | Self::OpenQuote { .. } => "sheet_quotes",
            Self::CellTooLong { .. }
            | Self::TooManyColumns { .. }
            | Self::TooManyRows { .. }
            | Self::TooManyBytes { .. }
            | Self::TooMuchInside { .. } => "sheet_too_large",
            Self::NoHeader { .. }
            | Self::MissingColumn { .. }
            | Self::UnknownColumn { .. }
            | Self::DoubleColumn { .. }
            | Self::RowWidth { .. } => "sheet_columns",
        }
    }

    fn kind(&self) -> FaultKind {
        FaultKind::Invalid
    }
}
