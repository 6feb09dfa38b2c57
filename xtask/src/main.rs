//! The house tools: `cargo xtask <task>`.
//!
//! Invariant: stays light (no crate of the workspace, nothing that is slow to build), so that a check is never skipped
//! because it takes long.
#![expect(clippy::print_stdout, reason = "a command-line tool speaks on standard output")]

mod chaos;
mod sim;
mod source;
mod tidy;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The house tools")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Checks the house rules that no compiler checks, and lists every breach as file:line
    Tidy,
    /// Kills the program under load, round after round, and looks at every promise afterwards; see `--help`
    #[command(disable_help_flag = true)]
    Chaos {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Runs the rules over a simulated database, with everything that can go wrong, all from one seed; see `--help`
    #[command(disable_help_flag = true)]
    Sim {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> Result<ExitCode> {
    match Arguments::parse().task {
        Task::Tidy => Ok(report(&tidy::run(&workspace_root()?)?)),
        Task::Chaos { arguments } => chaos::run(&workspace_root()?, &arguments),
        Task::Sim { arguments } => sim::run(&workspace_root()?, &arguments),
    }
}

/// Prints what was found; a breach is an answer, not an error of the tool.
fn report(findings: &tidy::Findings) -> ExitCode {
    for breach in &findings.breaches {
        println!("{breach}");
    }
    println!("tidy: {} files read, breaches: {}", findings.files_read, findings.breaches.len());
    if findings.breaches.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The folder of the root Cargo.toml, one above this crate's own.
fn workspace_root() -> Result<PathBuf> {
    let own = env::var_os("CARGO_MANIFEST_DIR").context("run this as `cargo xtask`")?;
    let root = PathBuf::from(own).parent().context("xtask has a folder above it")?.to_path_buf();
    Ok(root)
}
