//! What an import did or would do, row by row. Invariant: no code is in it.

use std::collections::HashMap;

use kernel::Coded;
use serde::{Deserialize, Serialize};
use sheet::{Format, SheetError};

use crate::batch::BatchId;

/// What an import did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IntakeReport {
    /// The batch; none of a dry run.
    pub batch: Option<BatchId>,
    /// What the file is.
    pub format: Format,
    /// Rows read, a header not counted.
    pub rows: u64,
    /// Cards put in stock, or that would be.
    pub added: u64,
    /// Rows that hold no card.
    pub faults: Listed<RowFault>,
    /// Rows whose code is known.
    pub duplicates: Listed<Duplicate>,
    /// Whether this is the answer of a request that was carried out before: then nothing is listed.
    pub is_replay: bool,
}

/// How many there are, and the first of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed<T> {
    /// All of them.
    pub total: u64,
    /// The first, [`LISTED_MAX`] at most.
    pub first: Vec<T>,
}

/// Rows that a report lists.
pub const LISTED_MAX: usize = 1_000;

/// A row that holds no card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowFault {
    /// The row or line, from 1.
    pub row: u64,
    /// What it is, stable.
    pub code: &'static str,
    /// What it is, in words.
    pub message: String,
}

/// A row whose code is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// The row or line, from 1.
    pub row: u64,
    /// From where.
    pub of: DuplicateOf,
}

/// Where a code stands already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateOf {
    /// In this row of the same file.
    Row(u64),
    /// In stock, or it was sold before.
    Stock,
}

/// Told how far an import is.
pub trait IntakeProgress: Send + Sync {
    /// A chunk is in stock, or was looked at.
    fn moved(&self, step: IntakeStep);
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntakeStep {
    /// Rows looked at.
    pub rows_done: u64,
    /// Rows of the file.
    pub rows_total: u64,
    /// Cards put in stock.
    pub added: u64,
}

/// Nobody watches.
impl IntakeProgress for () {
    fn moved(&self, _: IntakeStep) {}
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { total: 0, first: Vec::new() }
    }
}

impl<T> Listed<T> {
    /// So many, of which none is listed.
    pub(crate) const fn only(total: u64) -> Self {
        Self { total, first: Vec::new() }
    }

    pub(crate) fn push(&mut self, item: T) {
        self.total += 1;
        if self.first.len() < LISTED_MAX {
            self.first.push(item);
        }
    }
}

impl RowFault {
    pub(crate) fn new(row: u64, error: &impl Coded) -> Self {
        Self { row, code: error.code(), message: error.to_string() }
    }

    pub(crate) fn of_sheet(error: &SheetError) -> Self {
        let code = if matches!(error, SheetError::CellTooLong { .. }) { "sheet_cell_too_long" } else { error.code() };
        Self { row: error.line(), code, message: error.without_line() }
    }

    pub(crate) fn unreadable_day(row: u64) -> Self {
        let message = "what stands beside the code is no day such as 2029-12-31".to_owned();
        Self { row, code: "card_expiry_unreadable", message }
    }

    pub(crate) fn run_out(row: u64) -> Self {
        Self { row, code: "card_run_out", message: "the card has run out already".to_owned() }
    }

    pub(crate) fn wide(row: u64) -> Self {
        let message = "more cells than a code and a day: name the columns in a first row".to_owned();
        Self { row, code: "card_row_wide", message }
    }
}

/// What is known of a file while it is read: faults, duplicates, and the hash of every code with its row.
#[derive(Default)]
pub(crate) struct Tally {
    pub rows: u64,
    pub faults: Listed<RowFault>,
    pub duplicates: Vec<Duplicate>,
    seen: HashMap<Vec<u8>, u64>,
}

impl Tally {
    /// Whether the file has shown this hash for the first time; if not, the row is noted as a duplicate.
    pub fn is_new(&mut self, row: u64, hash: &[u8]) -> bool {
        if let Some(before) = self.seen.get(hash) {
            self.duplicates.push(Duplicate { row, of: DuplicateOf::Row(*before) });
            return false;
        }
        self.seen.insert(hash.to_vec(), row);
        true
    }

    /// The duplicates in the order of their rows.
    pub fn listed(mut self) -> (u64, Listed<RowFault>, Listed<Duplicate>) {
        self.duplicates.sort_by_key(|duplicate| duplicate.row);
        let total = self.duplicates.len() as u64;
        self.duplicates.truncate(LISTED_MAX);
        (self.rows, self.faults, Listed { total, first: self.duplicates })
    }
}
