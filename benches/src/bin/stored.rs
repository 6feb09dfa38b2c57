//! What a year's data costs: a shop of few orders beside one of many, measured in turn.
//! `cargo run --release -p benches --bin stored -- --orders 10000,5000000 --json benches/reports/stored.json`; the report
//! shows that file with its date.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use benches::{Database, Engine, Filler, Look, Measure, Shop, closed, look};
use clap::{Parser, ValueEnum};
use serde_json::json;
use testkit::TestDb;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, default_value = "postgres")]
    database: Database,
    /// How many orders each shop has sold before.
    #[arg(long, value_delimiter = ',', default_value = "10000,1000000")]
    orders: Vec<u64>,
    #[arg(long, default_value_t = 64)]
    callers: usize,
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    #[arg(long, default_value_t = 2_500)]
    milliseconds: u64,
    /// How often each list is read, in turn with those of the other shops.
    #[arg(long, default_value_t = 200)]
    reads: usize,
    /// Fill, wait until this file is there, and measure then: filling needs no quiet machine.
    #[arg(long)]
    when: Option<PathBuf>,
    /// Write the figures here, for the report.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Reads of a list of one shop before those of the next.
const READS_A_TURN: usize = 20;

struct Stage {
    orders: u64,
    shop: Arc<Shop>,
    engine: Arc<Engine>,
    /// Of each round, the slowest first once all are measured.
    measures: Vec<Measure>,
    _db: TestDb,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
async fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let mut stages = Vec::new();
    for orders in &arguments.orders {
        let db = arguments.database.make().await;
        let mut shop = Shop::open(&db).await;
        let took = Filler::fill(&db, &mut shop, *orders).await;
        println!("{orders} orders filled in {} s", took.as_secs());
        let shop = Arc::new(shop);
        let engine = Arc::new(Engine::open(&shop));
        stages.push(Stage { orders: *orders, shop, engine, measures: Vec::new(), _db: db });
    }
    while arguments.when.as_ref().is_some_and(|file| !file.exists()) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let length = Duration::from_millis(arguments.milliseconds);
    let pieces = arguments.milliseconds * 12;
    // The first round warms up and does not count.
    for round in 0..=arguments.rounds {
        for stage in &mut stages {
            stage.shop.stock_up(pieces).await;
            let measure = closed(&stage.engine, arguments.callers, length, pieces).await;
            tell(stage.orders, round, &measure);
            if round > 0 {
                stage.measures.push(measure);
            }
        }
    }
    for stage in &mut stages {
        stage.measures.sort_by_key(Measure::rate);
        println!("{:>9} orders before: median {}/s", stage.orders, stage.median().rate());
    }
    let tables = read_in_turn(&stages, arguments.reads).await;
    for stage in &stages {
        stage.engine.stop().await;
    }
    for (place, first) in tables.first().into_iter().flatten().enumerate() {
        let cells: Vec<String> = tables
            .iter()
            .map(|table| format!("p50 {:>7} p95 {:>7} us", us(table[place].within(50)), us(table[place].within(95))))
            .collect();
        println!("{:<45} {}", first.name, cells.join("   "));
    }
    match &arguments.json {
        Some(file) => std::fs::write(file, told(&arguments, &stages, &tables)),
        None => Ok(()),
    }
}

/// A table for each shop. A few reads of one, then a few of the next, so that a slow minute of the machine hits all.
async fn read_in_turn(stages: &[Stage], reads: usize) -> Vec<Vec<Look>> {
    let mut tables: Vec<Vec<Look>> = Vec::new();
    for turn in 0..reads.div_ceil(READS_A_TURN).max(1) {
        for (place, stage) in stages.iter().enumerate() {
            let table = look(&stage.shop, &stage.engine, READS_A_TURN.min(reads).max(1)).await;
            if turn == 0 {
                tables.push(table);
            } else {
                tables[place].iter_mut().zip(table).for_each(|(all, one)| all.join(one));
            }
        }
    }
    tables
}

impl Stage {
    /// The round in the middle, once they are in order.
    fn median(&self) -> &Measure {
        &self.measures[self.measures.len() / 2]
    }
}

/// What was measured, for the report.
fn told(arguments: &Arguments, stages: &[Stage], tables: &[Vec<Look>]) -> String {
    let orders: Vec<String> = arguments.orders.iter().map(u64::to_string).collect();
    let database = arguments.database.to_possible_value().map_or_else(String::new, |word| word.get_name().to_owned());
    let command = format!("cargo run --release -p benches --bin stored -- --orders {}", orders.join(","));
    let stages = stages.iter().map(|stage| {
        let (rates, median) = (stage.measures.iter().map(Measure::rate).collect::<Vec<_>>(), stage.median());
        json!({
            "orders": stage.orders, "rate": median.rate(), "slowest": rates.first(), "fastest": rates.last(),
            "p50_us": median.latency_us(0.5), "p99_us": median.latency_us(0.99),
        })
    });
    let reads = tables.first().into_iter().flatten().enumerate().map(|(place, first)| {
        let within = |table: &Vec<Look>, share| whole(table[place].within(share));
        let shop = |table: &Vec<Look>| json!({ "p50_us": within(table, 50), "p95_us": within(table, 95) });
        json!({ "name": first.name, "shops": tables.iter().map(shop).collect::<Vec<_>>() })
    });
    let told = json!({
        "date": chrono::Utc::now().format("%Y-%m-%d").to_string(), "command": command, "database": database,
        "callers": arguments.callers, "rounds": arguments.rounds,
        "stages": stages.collect::<Vec<_>>(), "reads": reads.collect::<Vec<_>>(),
    });
    format!("{told:#}\n")
}

fn whole(time: Duration) -> u64 {
    u64::try_from(us(time)).unwrap_or(u64::MAX)
}

fn us(time: Duration) -> u128 {
    time.as_micros()
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn tell(orders: u64, round: u16, measure: &Measure) {
    let (program, database) = measure.cpu_us();
    let (p50, p99, rate) = (measure.latency_us(0.5), measure.latency_us(0.99), measure.rate());
    println!(
        "{orders:>9} round {round}: {rate:>6}/s  p50 {p50:>6} us  p99 {p99:>7} us  cpu/order {program} + {database} us"
    );
}
