//! What a settlement costs, by orders: `cargo run --release -p benches --bin settle`.

use std::time::Duration;

use benches::{Database, Settling};
use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, default_value = "postgres")]
    database: Database,
    /// How many orders have earned something.
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
    orders: Vec<u64>,
    #[arg(long, default_value_t = 5_000)]
    earners: u64,
    /// How many orders the naive way settles, of as many as the first figure says.
    #[arg(long, default_value_t = 2_000)]
    naive: u64,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
async fn main() {
    let Arguments { database, orders, earners, naive } = Arguments::parse();
    let first = orders.first().copied().unwrap_or(10_000);
    let db = database.make().await;
    let took = Settling::fill(&db, first, earners).await.settle_naively(naive.min(first)).await;
    let naive_us = took.as_micros() / u128::from(naive.min(first)).max(1);
    println!("order by order: {naive_us} us an order");
    for orders in orders {
        // Each in a database of its own: what one has written is not in the way of the next.
        let db = database.make().await;
        let settling = Settling::fill(&db, orders, earners).await;
        let took = settling.settle().await;
        let naively = Duration::from_micros(u64::try_from(naive_us).unwrap_or(u64::MAX).saturating_mul(orders));
        let ratio = naively.as_millis() / took.as_millis().max(1);
        println!(
            "{orders:>9} orders, {earners} earners: {:>6} ms in one pass; order by order {:>9} ms, {ratio} times as long",
            took.as_millis(),
            naively.as_millis()
        );
        settling.check().await;
    }
    let db = database.make().await;
    let settling = Settling::fill(&db, first, earners).await;
    let took = settling.settle_in_two(Duration::from_millis(60)).await;
    println!("{first:>9} orders, stopped after 60 ms and begun anew: {:>6} ms in all", took.as_millis());
    settling.check().await;
}
