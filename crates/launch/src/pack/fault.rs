//! Faults: where and what, for the person who wrote the pack.

use std::cell::RefCell;
use std::fmt;

/// Something in a pack that cannot be meant so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackFault {
    /// The file, from the pack's folder on.
    pub file: String,
    /// The line, from 1; 1 as well for what concerns the whole file.
    pub line: u64,
    /// What is wrong, in words; never a card's code.
    pub what: String,
}

impl fmt::Display for PackFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Faults kept; of more only the number is told.
const FAULTS_MAX: usize = 200;

/// Collects what is found while the files are read.
#[derive(Default)]
pub(super) struct Faults {
    kept: RefCell<Vec<PackFault>>,
    left_out: RefCell<u64>,
}

impl Faults {
    pub(super) fn report(&self, file: &str, line: u64, what: impl Into<String>) {
        let mut kept = self.kept.borrow_mut();
        if kept.len() < FAULTS_MAX {
            kept.push(PackFault { file: file.to_owned(), line, what: what.into() });
        } else {
            *self.left_out.borrow_mut() += 1;
        }
    }

    /// The faults by file and line.
    pub(super) fn into_sorted(self) -> Vec<PackFault> {
        let mut faults = self.kept.into_inner();
        faults.sort();
        let left_out = self.left_out.into_inner();
        if let Some(last) = faults.last().filter(|_| left_out > 0).cloned() {
            faults.push(PackFault { what: format!("there are {left_out} more faults"), ..last });
        }
        faults
    }
}

/// The start of a text of the pack, safe to print.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(60).collect()
}
