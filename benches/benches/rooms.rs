//! What every request does in memory: from host to shop, a price, the shelf, an entry in the book.
//!
//! `cargo bench -p benches --bench rooms`; `-- --quick` is the short form. The report measures the first of them itself.

use std::hint::black_box;
use std::time::Duration;

use benches::{Bare, Booking, Hosts, Pricing, Run};
use catalog::SkuId;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn short() -> Criterion {
    Criterion::default()
        .without_plots()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

/// From the host of a request to its shop, among a thousand.
fn host(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let made = std::cell::OnceCell::new();
    criterion.bench_function("host_to_shop", |bench| {
        let hosts = made.get_or_init(|| runtime.block_on(Hosts::open()));
        bench.iter(|| hosts.resolve());
    });
}

/// The price of a SKU at the end of a chain of four sites, each with two rules.
fn quote(criterion: &mut Criterion) {
    let pricing = Pricing::default();
    pricing.with(|quote| criterion.bench_function("quote_of_four_sites", |bench| bench.iter(quote)));
}

/// What the crowd costs that comes for what is sold out, how many are left for a page, and the cards of a batch.
fn shelf(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let bare = runtime.block_on(Bare::open());
    criterion.bench_function("shelf_turns_away", |bench| bench.iter(|| bare.turns_away()));
    let (shelf, scope) = bare.shelf();
    let skus: Vec<SkuId> = (0..20).map(|_| SkuId::new()).collect();
    criterion.bench_function("shelf_counts_of_20_from_memory", |bench| {
        bench.iter(|| runtime.block_on(shelf.counts(black_box(scope), black_box(&skus))).expect("counts"));
    });
    let run = Run::default();
    criterion.bench_function("shelf_sells_256_cards", |bench| {
        bench.iter_batched_ref(|| run.fill(), |picks| run.sell(picks), BatchSize::SmallInput);
    });
}

/// The two entries of an order, made and posted in the book of a batch.
fn ledger(criterion: &mut Criterion) {
    let booking = Booking::default();
    criterion.bench_function("ledger_posts_an_order", |bench| {
        bench.iter_batched_ref(|| booking.book(), |book| booking.post(book), BatchSize::SmallInput);
    });
}

criterion_group! { name = rooms; config = short(); targets = host, quote, shelf, ledger }
criterion_main!(rooms);
