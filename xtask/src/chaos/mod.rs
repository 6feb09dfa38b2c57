//! `cargo xtask chaos`: builds the program and the driver that hurts it, and lets the driver go.
//!
//! The driver is a crate of its own (`chaos`), so that the other tasks stay quick to build. What a campaign over all
//! faults finds is kept in the repository.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

/// Where the report is kept.
const REPORT: &str = "docs/reports/chaos.md";

/// Hands `arguments` to the driver; it has its own help.
pub fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let build = ["build", "--locked", "--bin", "cardgrove", "--bin", "cardgrove-chaos"];
    if !cargo(root, &build, &[])? {
        return Ok(ExitCode::FAILURE);
    }
    let mut run = vec!["run", "--quiet", "--locked", "--bin", "cardgrove-chaos", "--"];
    // Part of a campaign does not replace the report of a whole one.
    let is_part = |word: &String| ["--fault", "--database", "--report"].iter().any(|part| word.starts_with(part));
    if !arguments.iter().any(is_part) {
        run.extend(["--report", REPORT]);
    }
    let is_good = cargo(root, &run, arguments)?;
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether cargo did as it was told; what is wrong it says itself.
pub fn cargo(root: &Path, words: &[&str], arguments: &[String]) -> Result<bool> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(program).args(words).args(arguments).current_dir(root).status();
    Ok(status.context("starting cargo")?.success())
}
