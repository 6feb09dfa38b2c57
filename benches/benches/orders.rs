//! Orders a second: the lane beside the careful naive way, on both databases, in one run.
//!
//! `cargo bench -p benches --bench orders`; `-- --quick` is the short form, `-- postgres` one database only. An iteration
//! is one order of each caller, and callers do not wait for one another. After each database stands a table with the
//! ratios, and every invariant is checked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use benches::{Counter, Database, Engine, Figures, Naive, Shop, Way, buy_at_once};
use criterion::{BenchmarkId, Criterion, Throughput};
use testkit::TestDb;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CALLERS: [usize; 4] = [1, 16, 64, 256];

/// A database with a shop, made when the first measurement that is not filtered out asks for it.
struct Stage<C> {
    runtime: Arc<Runtime>,
    made: Mutex<Option<Made<C>>>,
}

/// A shop, where it is bought from, and the database that goes with them.
struct Made<C> {
    shop: Arc<Shop>,
    counter: Arc<C>,
    _db: TestDb,
}

impl<C: Counter> Stage<C> {
    fn new(runtime: &Arc<Runtime>) -> Self {
        Self { runtime: Arc::clone(runtime), made: Mutex::default() }
    }

    /// Buys, with goods enough; stocking up is not measured.
    fn sample(&self, make: impl AsyncFn() -> (Arc<Shop>, C, TestDb), callers: usize, rounds: u64) -> Duration {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let made = made.get_or_insert_with(|| {
            let (shop, counter, db) = self.runtime.block_on(make());
            Made { shop, counter: Arc::new(counter), _db: db }
        });
        self.runtime.block_on(async {
            made.shop.stock_up(callers as u64 * rounds).await;
            buy_at_once(&made.counter, callers, rounds).await
        })
    }

    /// Checks every invariant of what was sold.
    fn check(&self, way: Way) {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(made) = made.as_ref() else { return };
        let breaches = self.runtime.block_on(made.shop.breaches(way));
        assert!(breaches.is_empty(), "{} breaks what must hold: {breaches:#?}", way.word());
    }
}

async fn naive(kind: Database) -> (Arc<Shop>, Naive, TestDb) {
    let db = kind.make().await;
    let shop = Arc::new(Shop::open(&db).await);
    let counter = Naive::open(&db, &shop).await;
    (shop, counter, db)
}

async fn engine(kind: Database) -> (Arc<Shop>, Engine, TestDb) {
    let db = kind.make().await;
    let shop = Arc::new(Shop::open(&db).await);
    let counter = Engine::open(&shop);
    (shop, counter, db)
}

/// Measures one database, the two ways in turn, so that a slow minute of the machine hits both.
fn measure(criterion: &mut Criterion, runtime: &Arc<Runtime>, (name, kind): (&str, Database)) -> Figures {
    let (naive_stage, lane_stage) = (Stage::new(runtime), Stage::new(runtime));
    let mut figures = Figures::default();
    let mut group = criterion.benchmark_group(format!("orders_{name}"));
    for callers in CALLERS {
        group.throughput(Throughput::Elements(callers as u64));
        for way in [Way::Naive, Way::Lane] {
            group.bench_function(BenchmarkId::new(way.word(), callers), |bench| {
                bench.iter_custom(|rounds| {
                    let took = match way {
                        Way::Naive => naive_stage.sample(async || naive(kind).await, callers, rounds),
                        Way::Lane => lane_stage.sample(async || engine(kind).await, callers, rounds),
                    };
                    figures.add(way, callers, callers as u64 * rounds, took);
                    took
                });
            });
        }
    }
    group.finish();
    if let Some(made) = lane_stage.made.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
        runtime.block_on(made.counter.stop());
    }
    naive_stage.check(Way::Naive);
    lane_stage.check(Way::Lane);
    figures
}

#[expect(clippy::print_stdout, reason = "the ratios are what the bench is for")]
fn main() {
    let runtime = Arc::new(Runtime::new().expect("a runtime"));
    let criterion = Criterion::default().without_plots().sample_size(10).warm_up_time(Duration::from_secs(1));
    let mut criterion = criterion.measurement_time(Duration::from_secs(3)).configure_from_args();
    for (name, kind) in [("sqlite", Database::Sqlite), ("postgres", Database::Postgres)] {
        let figures = measure(&mut criterion, &runtime, (name, kind));
        if let Some(table) = figures.table(name) {
            println!("{table}");
        }
    }
    criterion.final_summary();
}
