//! Orders a second: the lane beside the naive way, on both databases, in one run.
//!
//! An order is paid from a wallet, delivered from stock and posted through a chain of four sites. The naive way runs
//! the very same statements with one order a transaction, on as many connections as there are callers (at most 32),
//! hot rows last: the careful version of what shops do. Both write through to the disk.
//!
//! `cargo run --release -p benches` prints medians over rounds. Figures hold for the machine they were made on; the
//! ratio to the naive way of the same run is what counts.

mod shop;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use lane::{LaneSettings, Lanes};
use order::Orders;
use shop::Shop;
use testkit::TestDb;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the order lane beside the naive per-order transaction.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seconds of one round.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Rounds of each measurement; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// How orders reach the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Naive,
    Lane,
}

const CASES: [(Way, usize); 7] = [
    (Way::Naive, 1),
    (Way::Naive, 16),
    (Way::Naive, 64),
    (Way::Lane, 1),
    (Way::Lane, 16),
    (Way::Lane, 64),
    (Way::Lane, 256),
];

/// One round's figures.
#[derive(Debug, Clone, Copy)]
struct Round {
    orders_a_second: u64,
    p50_us: u128,
    p99_us: u128,
    orders_a_batch: u64,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    for database in ["SQLite", "PostgreSQL"] {
        let db = if database == "SQLite" { TestDb::sqlite().await } else { TestDb::durable_postgres().await };
        let shop = Arc::new(Shop::open(&db).await);
        let mut rounds: BTreeMap<(Way, usize), Vec<Round>> = BTreeMap::new();
        // Interleaved, so that a slow minute of the machine hits all cases.
        for _ in 0..arguments.rounds {
            for case in CASES {
                let round = measure(&shop, case, Duration::from_secs(arguments.seconds)).await;
                rounds.entry(case).or_default().push(round);
            }
        }
        print(database, &mut rounds);
        assert_eq!(shop.breaches().await, 0, "every invariant holds after the run");
    }
}

/// Callers that each buy one piece after the other for as long as the round lasts.
async fn measure(shop: &Arc<Shop>, (way, callers): (Way, usize), length: Duration) -> Round {
    let (orders, lanes) = counters(shop, way, callers);
    let end = Instant::now() + length;
    let sold = Arc::new(AtomicU64::new(0));
    let buyers = (0..callers).map(|caller| {
        let (shop, orders, sold) = (Arc::clone(shop), orders[caller % orders.len()].clone(), Arc::clone(&sold));
        tokio::spawn(async move {
            let mut latencies = Vec::new();
            while Instant::now() < end {
                let begun = Instant::now();
                shop.buy(&orders, caller).await;
                latencies.push(begun.elapsed().as_micros());
                sold.fetch_add(1, Ordering::Relaxed);
            }
            latencies
        })
    });
    let begun = Instant::now();
    let mut latencies: Vec<u128> = Vec::new();
    for buyer in futures::future::join_all(buyers.collect::<Vec<_>>()).await {
        latencies.extend(buyer.expect("no buyer panics"));
    }
    let millis = begun.elapsed().as_millis().max(1);
    latencies.sort_unstable();
    let at = |percent: usize| latencies.get(latencies.len() * percent / 100).copied().unwrap_or_default();
    let batches: u64 = lanes.iter().map(|lanes| lanes.stats().batches.load(Ordering::Relaxed)).sum();
    let count = sold.load(Ordering::Relaxed);
    for lanes in lanes {
        lanes.stop().await;
    }
    let orders_a_second = u64::try_from(u128::from(count) * 1000 / millis).unwrap_or(u64::MAX);
    Round { orders_a_second, p50_us: at(50), p99_us: at(99), orders_a_batch: count / batches.max(1) }
}

/// The lane, or as many lanes of batch size one as the naive way has connections.
fn counters(shop: &Shop, way: Way, callers: usize) -> (Vec<Orders>, Vec<Lanes>) {
    let settings = LaneSettings::of(shop.store.backend());
    let lanes: Vec<Lanes> = match way {
        Way::Lane => vec![shop.lanes(settings)],
        Way::Naive => {
            (0..callers.min(32)).map(|_| shop.lanes(LaneSettings { batch_max: 1, ..settings.clone() })).collect()
        }
    };
    (lanes.iter().map(|lanes| shop.orders(lanes)).collect(), lanes)
}

#[expect(clippy::print_stdout, reason = "the figures are what the program is for")]
fn print(database: &str, rounds: &mut BTreeMap<(Way, usize), Vec<Round>>) {
    println!("\n{database}\n  way    callers   orders/s    p50 ms    p99 ms  orders/batch  x naive at 64");
    let mut medians: BTreeMap<(Way, usize), Round> = BTreeMap::new();
    for (case, rounds) in rounds.iter_mut() {
        rounds.sort_by_key(|round| round.orders_a_second);
        medians.insert(*case, rounds[rounds.len() / 2]);
    }
    let naive = medians.get(&(Way::Naive, 64)).map_or(1, |round| round.orders_a_second.max(1));
    for ((way, callers), round) in &medians {
        let tenths = round.orders_a_second * 10 / naive;
        println!(
            "  {:<6} {callers:>7} {:>10} {:>6}.{:02} {:>6}.{:02} {:>13} {:>12}.{}",
            format!("{way:?}").to_lowercase(),
            round.orders_a_second,
            round.p50_us / 1000,
            round.p50_us % 1000 / 10,
            round.p99_us / 1000,
            round.p99_us % 1000 / 10,
            round.orders_a_batch,
            tenths / 10,
            tenths % 10,
        );
    }
}
