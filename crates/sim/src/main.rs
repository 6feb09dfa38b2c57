//! `cardgrove-sim`: what `cargo xtask sim` runs.
#![expect(clippy::print_stdout, reason = "a command-line tool speaks on standard output")]

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::{Parser, ValueEnum};
use sim::{Failure, Plan, Totals};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(
    name = "cargo xtask sim",
    about = "Runs the rules over a simulated database, with everything that can go wrong"
)]
struct Arguments {
    /// What everything follows from; the time of day unless given
    #[arg(long)]
    seed: Option<u64>,
    /// Steps in all
    #[arg(long, conflicts_with = "minutes")]
    steps: Option<u64>,
    /// Steps of one world
    #[arg(long)]
    world: Option<u64>,
    /// Runs whole worlds for so long
    #[arg(long)]
    minutes: Option<u64>,
    /// Worlds that live at the same time; as many as the machine has processors unless given
    #[arg(long)]
    threads: Option<usize>,
    /// How much, if neither steps nor minutes are given
    #[arg(long, value_enum, default_value = "ci")]
    profile: Profile,
}

#[derive(Clone, Copy, ValueEnum)]
enum Profile {
    /// 100,000 steps
    Ci,
    /// 30 minutes
    Nightly,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(time_of_day);
    let (steps, minutes) = match (arguments.steps, arguments.minutes, arguments.profile) {
        (Some(steps), _, _) => (steps, None),
        (None, Some(minutes), _) => (0, Some(minutes)),
        (None, None, Profile::Ci) => (100_000, None),
        (None, None, Profile::Nightly) => (0, Some(30)),
    };
    println!("sim: seed {seed}");
    // A panic of a rule is a finding, which is told with its seed.
    std::panic::set_hook(Box::new(|panic| println!("sim: {panic}")));
    let usual = Plan::new(seed, steps);
    let plan = Plan { world_steps: arguments.world.unwrap_or(usual.world_steps), ..usual };
    let threads = arguments.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let began = Instant::now();
    let outcome = match minutes {
        Some(minutes) => plan.run_for(Duration::from_secs(minutes * 60), threads),
        None => plan.run_on(threads),
    };
    report(outcome, began.elapsed())
}

fn report(outcome: Result<Totals, Failure>, took: Duration) -> ExitCode {
    match outcome {
        Ok(totals) => {
            let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
            println!("{totals}");
            println!("sim: {} orders a minute, nothing found", totals.orders * 60_000 / millis);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("sim: FOUND: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn time_of_day() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
