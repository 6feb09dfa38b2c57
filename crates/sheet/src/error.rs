//! What can be wrong with a file, and where.

use kernel::{Coded, FaultKind};

/// Why a file cannot be read; `line` counts from 1, line breaks inside quotes included.
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
}

impl SheetError {
    /// The line it was found in, from 1.
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
            | Self::RowWidth { line, .. } => *line,
        }
    }
}

impl Coded for SheetError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "sheet_unreadable",
            Self::NotText { .. } | Self::Nul { .. } => "sheet_not_text",
            Self::StrayQuote { .. } | Self::OpenQuote { .. } => "sheet_quotes",
            Self::CellTooLong { .. } | Self::TooManyColumns { .. } | Self::TooManyRows { .. } => "sheet_too_large",
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
