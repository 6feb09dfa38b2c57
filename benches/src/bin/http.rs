//! One load through the front door by hand: `cargo run --release -p benches --bin http -- --help`. It needs the program
//! beside it: `cargo build --release --bin cardgrove`.

use std::path::PathBuf;
use std::time::Duration;

use benches::Database;
use benches::http::{
    Answers, Guests, Load, Nginx, Program, Size, Town, flash_sale, overload, pages, paid_orders, wallet_orders,
};
use clap::{Parser, ValueEnum};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Orders from wallets.
    Orders,
    /// Orders that a gateway is paid for.
    Paying,
    /// Pages of guests.
    Pages,
    /// Pages of buyers who are logged in.
    Rendered,
    /// A crowd for a few pieces, and nginx beside it.
    Flash,
    /// Many times the peak.
    Overload,
}

#[derive(Debug, Parser)]
struct Arguments {
    scenario: Scenario,
    #[arg(long, default_value = "postgres")]
    database: Database,
    /// The program; the one that was built beside this one unless given
    #[arg(long)]
    binary: Option<PathBuf>,
    #[arg(long, default_value_t = 1)]
    tenants: usize,
    #[arg(long, value_delimiter = ',', default_value = "64")]
    callers: Vec<usize>,
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Requests a second of an open load, in place of callers that wait
    #[arg(long)]
    rate: Option<u64>,
    /// Pieces of a flash sale
    #[arg(long, default_value_t = 50)]
    stock: u64,
    /// How many times the peak an overload offers
    #[arg(long, default_value_t = 10)]
    times: u64,
    /// Orders a second that stock is laid in for
    #[arg(long, default_value_t = 8_000)]
    orders_max: u64,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let most = arguments.callers.iter().copied().max().unwrap_or(1).clamp(1, 256);
    let size = Size { tenants: arguments.tenants, buyers: (most / arguments.tenants).max(8) };
    let town = Town::build(arguments.database.backend(), size).await;
    let pieces = arguments.orders_max * arguments.seconds * (arguments.callers.len() as u64 + 1);
    match arguments.scenario {
        Scenario::Orders | Scenario::Paying | Scenario::Overload => town.stock_up(pieces).await,
        Scenario::Flash => town.stock_rare(arguments.stock).await,
        Scenario::Pages | Scenario::Rendered => town.stock_up(1_000).await,
    }
    let binary = arguments.binary.clone().or_else(Program::built).expect("build cardgrove with this profile first");
    let program = Program::start(&binary, &town, &[]);
    run(&arguments, &town, &program).await;
    program.stop();
    let breaches = town.breaches().await;
    assert!(breaches.is_empty(), "it breaks what must hold: {breaches:#?}");
}

async fn run(arguments: &Arguments, town: &Town, program: &Program) {
    let length = Duration::from_secs(arguments.seconds);
    // What a process does for the first time it does slowly.
    let warm = Load::closed(16, Duration::from_millis(500));
    match arguments.scenario {
        Scenario::Orders => drop(wallet_orders(town, program, warm).await),
        Scenario::Paying => drop(paid_orders(town, program, warm).await),
        Scenario::Pages | Scenario::Rendered => drop(pages(town, program, warm, Guests::Unknown).await),
        Scenario::Flash | Scenario::Overload => {}
    }
    town.tell_planner().await;
    for callers in &arguments.callers {
        let load = match arguments.rate {
            Some(rate) => Load::open(rate, *callers, length),
            None => Load::closed(*callers, length),
        };
        match arguments.scenario {
            Scenario::Orders => tell(*callers, &wallet_orders(town, program, load).await),
            Scenario::Paying => {
                let paid = paid_orders(town, program, load).await;
                tell(*callers, &paid.answers);
                say(&format!("      acknowledged {}, written {}", paid.acknowledged, paid.written));
            }
            Scenario::Pages => tell(*callers, &pages(town, program, load, Guests::Unknown).await),
            Scenario::Rendered => tell(*callers, &pages(town, program, load, Guests::LoggedIn).await),
            Scenario::Flash => {
                tell(*callers, &flash_sale(town, program, load).await);
                match Nginx::start() {
                    Some(nginx) => tell(*callers, &nginx.file(load).await),
                    None => say("      nginx is not installed"),
                }
            }
            Scenario::Overload => flood(arguments, town, (program, *callers)).await,
        }
    }
}

async fn flood(arguments: &Arguments, town: &Town, (program, callers): (&Program, usize)) {
    let length = Duration::from_secs(arguments.seconds);
    let peak = wallet_orders(town, program, Load::closed(callers.min(256), length)).await;
    tell(callers.min(256), &peak);
    let rate = arguments.rate.unwrap_or_else(|| peak.rate() * arguments.times);
    let flood = overload(town, program, (rate, callers.max(1_024), length), 100).await;
    tell(callers.max(1_024), &flood.answers);
    say(&format!(
        "      offered {}/s; of {} reports {} acknowledged at once, {} in the end, {} written",
        flood.offered, flood.reports, flood.at_once, flood.acknowledged, flood.written
    ));
}

fn tell(callers: usize, answers: &Answers) {
    say(&format!("{callers:>5} callers {answers}"));
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn say(text: &str) {
    println!("{text}");
}
