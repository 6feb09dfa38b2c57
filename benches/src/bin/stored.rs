//! What a year's data costs: a shop of few orders beside one of many, measured in turn.
//! `cargo run --release -p benches --bin stored -- --orders 10000,5000000`.

use std::sync::Arc;
use std::time::Duration;

use benches::{Engine, Filler, Look, Measure, Shop, closed, look};
use clap::{Parser, ValueEnum};
use testkit::TestDb;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, default_value = "postgres")]
    database: Database,
    /// How many orders each shop has sold before.
    #[arg(long, value_delimiter = ',', default_value = "10000,1000000")]
    orders: Vec<u64>,
    #[arg(long, default_value_t = 64)]
    callers: usize,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    #[arg(long, default_value_t = 2_500)]
    milliseconds: u64,
    /// How often each list is read.
    #[arg(long, default_value_t = 40)]
    reads: usize,
    /// Fill, wait until this file is there, and measure then: filling needs no quiet machine.
    #[arg(long)]
    when: Option<std::path::PathBuf>,
}

struct Stage {
    orders: u64,
    shop: Arc<Shop>,
    engine: Arc<Engine>,
    rates: Vec<u64>,
    _db: TestDb,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
async fn main() {
    let arguments = Arguments::parse();
    let mut stages = Vec::new();
    for orders in &arguments.orders {
        let db = match arguments.database {
            Database::Sqlite => TestDb::sqlite().await,
            Database::Postgres => TestDb::durable_postgres().await,
        };
        let mut shop = Shop::open(&db).await;
        let took = Filler::fill(&db, &mut shop, *orders).await;
        println!("{orders} orders filled in {} s", took.as_secs());
        let shop = Arc::new(shop);
        let engine = Arc::new(Engine::open(&shop));
        stages.push(Stage { orders: *orders, shop, engine, rates: Vec::new(), _db: db });
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
                stage.rates.push(measure.rate());
            }
        }
    }
    for stage in &mut stages {
        stage.rates.sort_unstable();
        let median = stage.rates.get(stage.rates.len() / 2).copied().unwrap_or_default();
        println!("{:>9} orders before: median {median}/s", stage.orders);
    }
    let mut tables: Vec<Vec<Look>> = Vec::new();
    for stage in &stages {
        tables.push(look(&stage.shop, &stage.engine, arguments.reads).await);
        stage.engine.stop().await;
    }
    for (place, first) in tables.first().into_iter().flatten().enumerate() {
        let cells: Vec<String> = tables
            .iter()
            .map(|table| format!("p50 {:>7} p95 {:>7} us", us(table[place].p50), us(table[place].p95)))
            .collect();
        println!("{:<45} {}", first.name, cells.join("   "));
    }
}

fn us(time: Duration) -> u128 {
    time.as_micros()
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn tell(orders: u64, round: usize, measure: &Measure) {
    let (program, database) = measure.cpu_us();
    let (p50, p99, rate) = (measure.latency_us(0.5), measure.latency_us(0.99), measure.rate());
    println!(
        "{orders:>9} round {round}: {rate:>6}/s  p50 {p50:>6} us  p99 {p99:>7} us  cpu/order {program} + {database} us"
    );
}
