//! Measures the order path and writes benches/reports: `make bench`, or `make bench ARGS=--quick` for the short form.

use std::path::PathBuf;
use std::time::Duration;

use benches::http::Program;
use benches::{Plan, run_report};
use clap::Parser;
use store::Backend;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
struct Arguments {
    /// The short form: fewer and shorter rounds, written beside the real reports' folder.
    #[arg(long)]
    quick: bool,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    #[arg(long, default_value_t = 1_500)]
    milliseconds: u64,
    /// The report's name; today's date if none is said.
    #[arg(long)]
    name: Option<String>,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
async fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("../target"), PathBuf::from);
    let (rounds, milliseconds, folder) = match arguments.quick {
        true => (1, 500, target.join("bench-report")),
        false => (arguments.rounds, arguments.milliseconds, root.join("reports")),
    };
    let today = chrono::Utc::now().format("%Y-%m-%d").to_string();
    let plan = Plan {
        rounds,
        length: Duration::from_millis(milliseconds),
        databases: vec![Backend::Postgres, Backend::Sqlite],
        folder,
        name: arguments.name.unwrap_or(today),
        stored: Some(root.join("reports/stored.json")),
        program: Program::built(),
        tenants: if arguments.quick { 10 } else { 100 },
        attempts: if arguments.quick { 100_000 } else { 1_000_000 },
    };
    println!("{}", run_report(&plan).await?);
    Ok(())
}
