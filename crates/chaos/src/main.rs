//! `cardgrove-chaos`: what `cargo xtask chaos` runs.
#![expect(clippy::print_stdout, reason = "a command-line tool speaks on standard output")]

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use chaos::{Backend, Campaign, Fault, HEAD, Run, faults};
use chrono::Utc;
use clap::{Parser, ValueEnum};

/// How often each fault happens on each database in a full run.
const TURNS_FULL: u64 = 5;
/// How often the short form kills the program on each database.
const KILLS_SHORT: u64 = 20;

#[derive(Parser)]
#[command(name = "cargo xtask chaos", about = "Hurts the program under load and looks at every promise afterwards")]
struct Arguments {
    /// The program; the one that was built beside this tool unless given
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Each fault once on each database in place of five times, and the program killed twenty times on each
    #[arg(long)]
    short: bool,
    /// Which databases; with both they take turns
    #[arg(long, value_enum, default_value = "both")]
    database: Which,
    /// Which fault; may be said several times, and all happen if it is not
    #[arg(long, value_name = "NAME")]
    fault: Vec<String>,
    /// Only list the faults
    #[arg(long)]
    list: bool,
    /// How many rounds in all
    #[arg(long)]
    rounds: Option<u64>,
    /// What everything follows from; the time of day unless given
    #[arg(long)]
    seed: Option<u64>,
    /// Where the report is written
    #[arg(long)]
    report: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    Sqlite,
    Postgres,
    Both,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.list {
        for fault in faults::ALL {
            println!("{:<17}  {}", fault.name, fault.number);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut campaign = campaign(&arguments)?;
    let left_out = campaign.leave_out_impossible().await;
    let turns = if arguments.short { 1 } else { TURNS_FULL };
    campaign.rounds = arguments.rounds.unwrap_or(turns * campaign.turn());
    println!("chaos: {} rounds, seed {}", campaign.rounds, campaign.seed);
    for reason in &left_out {
        println!("not possible here: {reason}");
    }
    println!("\n{HEAD}");
    let mut outcomes = campaign.run(|outcome| println!("{outcome}")).await;
    if arguments.short && arguments.fault.is_empty() && arguments.rounds.is_none() {
        outcomes.extend(kills(&campaign).run(|outcome| println!("{outcome}")).await);
    }
    let broken = outcomes.iter().filter(|outcome| !outcome.is_good()).count();
    let orders: usize = outcomes.iter().map(|outcome| outcome.acknowledged).sum();
    println!("\nchaos: {} rounds with {orders} orders, seed {}, broken: {broken}", outcomes.len(), campaign.seed);
    if let Some(file) = &arguments.report {
        let command = command(&arguments, &campaign);
        let run = Run { command, on: Utc::now().date_naive(), left_out };
        std::fs::write(file, chaos::page(&run, &outcomes)).context("the report cannot be written")?;
    }
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The rest of twenty kills on each database; the short form has one by then.
fn kills(campaign: &Campaign) -> Campaign {
    let faults = faults::named("kill").into_iter().collect();
    let rounds = (KILLS_SHORT - 1) * campaign.backends.len() as u64;
    Campaign {
        faults,
        rounds,
        seed: campaign.seed + 1,
        binary: campaign.binary.clone(),
        backends: campaign.backends.clone(),
    }
}

fn campaign(arguments: &Arguments) -> Result<Campaign> {
    let backends = match arguments.database {
        Which::Sqlite => vec![Backend::Sqlite],
        Which::Postgres => vec![Backend::Postgres],
        Which::Both => vec![Backend::Sqlite, Backend::Postgres],
    };
    let binary = match &arguments.binary {
        Some(binary) => binary.clone(),
        None => std::env::current_exe()?.with_file_name("cardgrove"),
    };
    let named: Result<Vec<&'static Fault>> = arguments
        .fault
        .iter()
        .map(|name| faults::named(name).with_context(|| format!("there is no fault {name}; see --list")))
        .collect();
    let named = named?;
    let faults = if named.is_empty() { faults::ALL.to_vec() } else { named };
    let seed = arguments.seed.unwrap_or_else(time_of_day);
    Ok(Campaign { binary, backends, faults, rounds: 0, seed })
}

/// The words that repeat a campaign.
fn command(arguments: &Arguments, campaign: &Campaign) -> String {
    let length = match arguments.rounds {
        None if arguments.short => "--short".to_owned(),
        _ => format!("--rounds {}", campaign.rounds),
    };
    let mut words = format!("cargo xtask chaos {length} --seed {}", campaign.seed);
    let database = arguments.database.to_possible_value().filter(|_| arguments.database != Which::Both);
    if let Some(database) = database {
        let _ = write!(words, " --database {}", database.get_name());
    }
    for fault in &arguments.fault {
        let _ = write!(words, " --fault {fault}");
    }
    words
}

fn time_of_day() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
