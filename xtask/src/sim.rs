//! `cargo xtask sim`: builds the simulator with optimisation and lets it go.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::chaos::cargo;

/// Hands `arguments` to the simulator; it has its own help.
pub fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let run = ["run", "--quiet", "--locked", "--release", "--package", "sim", "--bin", "cardgrove-sim", "--"];
    Ok(if cargo(root, &run, arguments)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
