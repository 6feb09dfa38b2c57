//! `cardgrove-chaos`: what `cargo xtask chaos` runs.
#![expect(clippy::print_stdout, reason = "a command-line tool speaks on standard output")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use chaos::{Backend, Campaign, HEAD};
use clap::{Parser, ValueEnum};

/// Rounds of a full run: 200 that kill the program and 50 that cut its database connections.
const ROUNDS_FULL: u64 = 250;
const ROUNDS_SHORT: u64 = 20;

#[derive(Parser)]
#[command(name = "cargo xtask chaos", about = "Kills the program under load and looks at every promise afterwards")]
struct Arguments {
    /// The program; the one that was built beside this tool unless given
    #[arg(long)]
    binary: Option<PathBuf>,
    /// 20 rounds in place of 250
    #[arg(long)]
    short: bool,
    /// Which databases; with both they take turns
    #[arg(long, value_enum, default_value = "both")]
    backend: Which,
    /// How many rounds in all
    #[arg(long)]
    rounds: Option<u64>,
    /// What everything follows from; the time of day unless given
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Which {
    Sqlite,
    Postgres,
    Both,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let backends = match arguments.backend {
        Which::Sqlite => vec![Backend::Sqlite],
        Which::Postgres => vec![Backend::Postgres],
        Which::Both => vec![Backend::Sqlite, Backend::Postgres],
    };
    let usual = if arguments.short { ROUNDS_SHORT } else { ROUNDS_FULL };
    let (rounds, seed) = (arguments.rounds.unwrap_or(usual), arguments.seed.unwrap_or_else(time_of_day));
    println!("chaos: {rounds} rounds, seed {seed}\n\n{HEAD}");
    let binary = match arguments.binary {
        Some(binary) => binary,
        None => std::env::current_exe()?.with_file_name("cardgrove"),
    };
    let campaign = Campaign { binary, backends, rounds, seed };
    let outcomes = campaign.run(|outcome| println!("{outcome}")).await?;
    let broken = outcomes.iter().filter(|outcome| !outcome.is_good()).count();
    let orders: usize = outcomes.iter().map(|outcome| outcome.acknowledged).sum();
    println!("\nchaos: {} rounds with {orders} orders, seed {seed}, broken: {broken}", outcomes.len());
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn time_of_day() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
