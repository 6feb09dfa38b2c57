//! The house rules as a check: what STYLE.md and ARCHITECTURE.md promise and no compiler enforces.
//!
//! Each rule is a pure function from text to breaches; only `tree` touches the disk.

mod floors;
mod machine;
mod size;
mod tree;
mod words;

use std::fmt;
use std::path::Path;

use anyhow::Result;

use crate::source::Source;
use tree::TextFile;

/// Folders whose Rust files the rules are for.
const RUST_ROOTS: [&str; 4] = ["crates/", "migrations/", "xtask/", "benches/"];

/// One place that breaks one rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Breach {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// What a run found.
pub struct Findings {
    pub files_read: usize,
    /// In the order of path and line.
    pub breaches: Vec<Breach>,
}

/// Checks every text file of the work tree at `root` that git does not ignore.
pub fn run(root: &Path) -> Result<Findings> {
    let files = tree::read(root)?;
    let mut breaches = floors::check(&files)?;
    breaches.extend(files.iter().flat_map(check_file));
    breaches.sort();
    Ok(Findings { files_read: files.len(), breaches })
}

fn check_file(file: &TextFile) -> Vec<Breach> {
    let mut breaches = machine::check(file);
    if file.path.ends_with(".rs") && RUST_ROOTS.iter().any(|root| file.path.starts_with(root)) {
        let source = Source::new(&file.path, &file.text);
        breaches.extend(size::check(&source));
        breaches.extend(words::check(&source));
    }
    breaches
}
