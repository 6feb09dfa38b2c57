//! `cargo xtask chaos`: builds the program and the driver that kills it, and lets the driver go.
//!
//! The driver is a crate of its own (`chaos`), so that the other tasks stay quick to build.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

/// Hands `arguments` to the driver; it has its own help.
pub fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let build = ["build", "--locked", "--bin", "cardgrove", "--bin", "cardgrove-chaos"];
    if !cargo(root, &build, &[])? {
        return Ok(ExitCode::FAILURE);
    }
    let is_good = cargo(root, &["run", "--quiet", "--locked", "--bin", "cardgrove-chaos", "--"], arguments)?;
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether cargo did as it was told; what is wrong it says itself.
pub fn cargo(root: &Path, words: &[&str], arguments: &[String]) -> Result<bool> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(program).args(words).args(arguments).current_dir(root).status();
    Ok(status.context("starting cargo")?.success())
}
