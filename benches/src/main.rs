//! One measurement by hand, for a profiler or a first look: `cargo run --release -p benches -- --help`.

use std::sync::Arc;
use std::time::Duration;

use benches::{Ceiling, Counter, Database, Engine, Measure, Naive, Shop, closed, flash, open};
use clap::{Parser, ValueEnum};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Way {
    Naive,
    Lane,
    /// Rows without rules, in batches of as many orders as there are callers.
    Ceiling,
    /// A crowd that comes for what is sold out: a million attempts a second of the measured time.
    Crowd,
}

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, default_value = "postgres")]
    database: Database,
    #[arg(long, default_value = "lane")]
    way: Way,
    #[arg(long, value_delimiter = ',', default_value = "64")]
    callers: Vec<usize>,
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Connections of the ceiling.
    #[arg(long, default_value_t = 1)]
    writers: usize,
    /// Orders a second of an open load, in place of callers that wait.
    #[arg(long)]
    rate: Option<u64>,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let db = arguments.database.make().await;
    let shop = Arc::new(Shop::open(&db).await);
    match arguments.way {
        Way::Naive => run(&arguments, &shop, Arc::new(Naive::open(&db, &shop).await)).await,
        Way::Lane => {
            let engine = Arc::new(Engine::open(&shop));
            run(&arguments, &shop, Arc::clone(&engine)).await;
            engine.stop().await;
        }
        Way::Crowd => crowd(&arguments, &shop).await,
        Way::Ceiling => fill(&arguments, &shop, &Arc::new(Ceiling::open(&db, &shop).await)).await,
    }
}

async fn run<C: Counter>(arguments: &Arguments, shop: &Arc<Shop>, counter: Arc<C>) {
    for _ in 0..arguments.rounds {
        for callers in &arguments.callers {
            let pieces = arguments.seconds * 12_000;
            shop.stock_up(pieces).await;
            let length = Duration::from_secs(arguments.seconds);
            let measure = match arguments.rate {
                Some(rate) => open(&counter, *callers, rate, length).await,
                None => closed(&counter, *callers, length, pieces).await,
            };
            tell(*callers, &measure);
        }
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
async fn crowd(arguments: &Arguments, shop: &Arc<Shop>) {
    for _ in 0..arguments.rounds {
        for callers in &arguments.callers {
            let sale = flash(shop, *callers, arguments.seconds * 1_000_000).await;
            println!("{callers:>5} callers {:>9}/s  of one core {:>9}/s", sale.answers(), sale.answers_a_core());
        }
    }
}

async fn fill(arguments: &Arguments, shop: &Shop, ceiling: &Arc<Ceiling>) {
    for _ in 0..arguments.rounds {
        for size in &arguments.callers {
            let pieces = arguments.seconds * 24_000;
            shop.stock_up(pieces).await;
            let length = Duration::from_secs(arguments.seconds);
            tell(*size, &ceiling.measure(*size, arguments.writers, length, pieces).await);
        }
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn tell(callers: usize, measure: &Measure) {
    let (program, database) = measure.cpu_us();
    let (p50, p99) = (measure.latency_us(0.5), measure.latency_us(0.99));
    let rate = measure.rate();
    println!("{callers:>5} callers {rate:>7}/s  p50 {p50:>7} us  p99 {p99:>8} us  cpu/order {program} + {database} us");
}
