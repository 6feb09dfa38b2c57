//! The report of `make bench`: every series in turn, several rounds, medians; tables, plots, and the goals with what was met.

mod engine;
mod front;
mod goals;
mod machine;
mod reasons;
mod render;
mod stored;
mod tenants;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use store::Backend;
use testkit::TestDb;

use crate::callers::{Counter, Way};
use crate::ceiling::Ceiling;
use crate::database::durable;
use crate::load::{Measure, closed, open};
use crate::naive::Naive;
use crate::shop::{Engine, Shop};

pub(crate) const CALLERS: [usize; 4] = [1, 16, 64, 256];
/// Callers where the goals name them.
const MANY: usize = 64;
/// Sizes of the ceiling's batches.
pub(crate) const SIZES: [usize; 2] = [64, 256];
/// Who waits for the answers of an open load.
const OPEN_CALLERS: usize = 1_024;
/// The most callers that many tenants have together.
pub(crate) const CROWD: usize = 1_024;
/// What is done for the first time is done slowly: connections are opened, statements planned. The naive way, the lane
/// and the ceiling are loaded for so long, or for as many orders as they may then make, before they are measured.
const WARM: Duration = Duration::from_millis(500);
/// Orders a second that stock is laid in for before it is known what a series reaches.
const RATE_FIRST: u64 = 4_000;

/// What to measure, and where to write it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How often each series is measured; the report gives medians.
    pub rounds: usize,
    /// How long each measurement takes.
    pub length: Duration,
    /// Which databases.
    pub databases: Vec<Backend>,
    /// Where the report goes.
    pub folder: PathBuf,
    /// The report's name, a date.
    pub name: String,
    /// Where `bin stored` left what it measured; without it that is left out.
    pub stored: Option<PathBuf>,
    /// The program, to load it through its front door; without it that is left out.
    pub program: Option<PathBuf>,
    /// Shops of the measurements of many tenants.
    pub tenants: usize,
    /// Attempts of a flash sale.
    pub attempts: u64,
}

/// How orders were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Series {
    /// A transaction for each.
    Naive,
    /// By the engine's lane.
    Lane,
    /// By the engine's lane, half of what it reaches at most, each order at its own time.
    Open,
    /// The same, beside a runner that does the jobs of the orders.
    Busy,
    /// Rows without rules, over this many connections.
    Ceiling(usize),
    /// Rows without rules on one connection, each order at its own time: at the lane's rate.
    CeilingOpen,
    /// By the lanes of many tenants, some much busier than others.
    Market,
    /// By a transaction for each, for the same many tenants.
    NaiveMarket,
    /// Through the front door of the real program.
    Front(Door),
}

/// What is asked of the real program over sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Door {
    /// Orders from wallets, of one tenant.
    Orders,
    /// Orders that a gateway is paid for and reports: two requests each.
    Paid,
    /// Orders from wallets, of many tenants.
    Town,
    /// Pages of guests, of many tenants.
    Pages,
    /// Pages of buyers who are logged in, of many tenants.
    Rendered,
    /// What a crowd is told when all is sold.
    Flash,
    /// A small file by nginx, the same clients.
    Nginx,
    /// The smallest answer that the program has, before all its layers.
    Health,
    /// Orders accepted while ten times the peak is offered.
    Flood,
}

/// Which measurement: database, series, and callers (of a ceiling: the batch's orders).
pub(crate) type Key = (&'static str, Series, usize);

/// What one measurement saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    pub rate: u64,
    pub p50_us: u64,
    pub p99_us: u64,
    pub program_us: u64,
    pub database_us: u64,
}

/// All that was measured.
#[derive(Debug, Default)]
pub struct Report {
    samples: BTreeMap<Key, Vec<Sample>>,
    /// What was counted, by name.
    pub(crate) counts: BTreeMap<&'static str, u64>,
    /// What is no series, by name, a figure each round.
    figures: BTreeMap<&'static str, Vec<u64>>,
    /// How long the buyers of each of many tenants waited, the busiest tenant first; all rounds together.
    waits: BTreeMap<(Series, usize), Vec<Histogram<u64>>>,
}

impl Sample {
    fn of(measure: &Measure) -> Self {
        let (program_us, database_us) = measure.cpu_us();
        let (p50_us, p99_us) = (measure.latency_us(0.5), measure.latency_us(0.99));
        Self { rate: measure.rate(), p50_us, p99_us, program_us, database_us }
    }
}

impl Report {
    pub(crate) fn add(&mut self, key: Key, sample: Sample) {
        self.samples.entry(key).or_default().push(sample);
    }

    pub(crate) fn note(&mut self, name: &'static str, figure: u64) {
        self.figures.entry(name).or_default().push(figure);
    }

    /// The median of what was noted by this name.
    pub(crate) fn figure(&self, name: &str) -> Option<u64> {
        let mut all = self.figures.get(name)?.clone();
        all.sort_unstable();
        all.get(all.len() / 2).copied()
    }

    /// The least and the most of what was noted by this name.
    pub(crate) fn figures_between(&self, name: &str) -> Option<(u64, u64)> {
        let all = self.figures.get(name)?;
        all.iter().min().copied().zip(all.iter().max().copied())
    }

    pub(crate) fn add_waits(&mut self, key: (Series, usize), waits: Vec<Histogram<u64>>) {
        match self.waits.get_mut(&key) {
            Some(all) => all.iter_mut().zip(waits).for_each(|(all, one)| all.add(one).expect("the same bounds")),
            None => drop(self.waits.insert(key, waits)),
        }
    }

    /// How long buyers waited in shops of different sizes.
    pub(crate) fn fairness(&self, key: (Series, usize)) -> Option<tenants::Fairness> {
        tenants::Fairness::of(self.waits.get(&key)?)
    }

    /// The median of each figure.
    pub(crate) fn median(&self, key: Key) -> Option<Sample> {
        let samples = self.samples.get(&key)?;
        let middle = |figure: fn(&Sample) -> u64| {
            let mut all: Vec<u64> = samples.iter().map(figure).collect();
            all.sort_unstable();
            all[all.len() / 2]
        };
        Some(Sample {
            rate: middle(|sample| sample.rate),
            p50_us: middle(|sample| sample.p50_us),
            p99_us: middle(|sample| sample.p99_us),
            program_us: middle(|sample| sample.program_us),
            database_us: middle(|sample| sample.database_us),
        })
    }

    /// The slowest and the fastest round.
    pub(crate) fn spread(&self, key: Key) -> Option<(u64, u64)> {
        let rates = || self.samples.get(&key).into_iter().flatten().map(|sample| sample.rate);
        rates().min().zip(rates().max())
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        self.samples.keys().copied()
    }

    fn last_rate(&self, key: Key) -> Option<u64> {
        self.samples.get(&key)?.last().map(|sample| sample.rate)
    }
}

/// The name of PostgreSQL's cluster on the slow disk.
pub(crate) const SLOW: &str = "PostgreSQL, every sync 2 ms longer";

/// The database's name in the report.
pub(crate) const fn word(backend: Backend) -> &'static str {
    match backend {
        Backend::Postgres => "PostgreSQL",
        Backend::Sqlite => "SQLite",
    }
}

/// Measures what the plan says and writes the report; answers it as text.
///
/// # Panics
/// If what was sold breaks an invariant: then the figures mean nothing.
pub async fn run_report(plan: &Plan) -> std::io::Result<String> {
    let mut report = Report::default();
    let began = Instant::now();
    engine::in_memory(&mut report, plan).await;
    for backend in &plan.databases {
        say(began, word(*backend));
        measure_database(&mut report, *backend, plan).await;
        if *backend == Backend::Postgres {
            say(began, "a flash sale, jobs, a slow disk");
            engine::flash_sale(&mut report, plan).await;
            engine::outbox(&mut report, plan).await;
            engine::slow_disk(&mut report, plan).await;
        }
        if let Some(program) = &plan.program {
            say(began, "the program's front door");
            front::measure(&mut report, *backend, plan, program).await;
        }
    }
    say(began, "all is measured");
    let goals = goals::of(&report);
    std::fs::create_dir_all(&plan.folder)?;
    let mut text = render::markdown(plan, &report, &goals, &machine::describe());
    let plot = format!("{}-stored.svg", plan.name);
    if let Some((table, svg)) = plan.stored.as_deref().and_then(|json| stored::shown(json, &plot)) {
        text.push_str(&table);
        std::fs::write(plan.folder.join(plot), svg)?;
    }
    std::fs::write(plan.folder.join(format!("{}.md", plan.name)), &text)?;
    for (name, plot) in render::plots(&report) {
        std::fs::write(plan.folder.join(format!("{}-{name}.svg", plan.name)), plot)?;
    }
    std::fs::write(plan.folder.join("latest.json"), goals::json(&plan.name, &goals))?;
    Ok(text)
}

#[expect(clippy::print_stderr, reason = "who waits for half an hour wants to see how far it is")]
fn say(began: Instant, what: &str) {
    eprintln!("{:>5} s  {what}", began.elapsed().as_secs());
}

/// A database with a shop of its own for each way.
struct Stage<C> {
    shop: Arc<Shop>,
    counter: Arc<C>,
    db: TestDb,
}

/// A new shop in an empty database, and its counter.
async fn stage_in<C>(db: TestDb, open: impl AsyncFnOnce(&TestDb, &Arc<Shop>) -> C) -> Stage<C> {
    let shop = Arc::new(Shop::open(&db).await);
    Stage { counter: Arc::new(open(&db, &shop).await), shop, db }
}

async fn measure_database(report: &mut Report, backend: Backend, plan: &Plan) {
    let naive = stage_in(durable(backend).await, async |db, shop| Naive::open(db, shop).await).await;
    let lane = stage_in(durable(backend).await, async |_, shop| Engine::open(shop)).await;
    let ceiling = stage_in(durable(backend).await, async |db, shop| Ceiling::open(db, shop).await).await;
    let market = tenants::Bazaar::open(backend, plan).await;
    warm(&naive).await;
    warm(&lane).await;
    ceiling.shop.stock_up(warming()).await;
    ceiling.counter.measure(SIZES[0], 2.min(writers(backend).len()), WARM, warming()).await;
    for _ in 0..plan.rounds {
        // In turn, so that a slow minute of the machine hits all of them.
        for callers in CALLERS {
            buy(report, plan, (word(backend), Series::Naive, callers), &naive).await;
            buy(report, plan, (word(backend), Series::Lane, callers), &lane).await;
        }
        for size in SIZES {
            for writers in writers(backend) {
                fill(report, plan, (word(backend), Series::Ceiling(*writers), size), &ceiling).await;
            }
        }
        if let Some(market) = &market {
            buy(report, plan, (word(backend), Series::Lane, CROWD), &lane).await;
            market.buy(report, plan).await;
        }
        let rates = CALLERS.map(|callers| report.last_rate((word(backend), Series::Lane, callers)));
        let half = rates.into_iter().flatten().max().map_or(1, |peak| (peak / 2).max(1));
        stock(report, plan, (word(backend), Series::Open, OPEN_CALLERS), &lane.shop).await;
        let measure = open(&lane.counter, OPEN_CALLERS, half, plan.length).await;
        report.add((word(backend), Series::Open, OPEN_CALLERS), Sample::of(&measure));
        ceiling.shop.stock_up(half * u64::try_from(plan.length.as_millis()).unwrap_or(u64::MAX) / 1_000 + 1).await;
        let measure = ceiling.counter.measure_open(half, SIZES[1], plan.length).await;
        report.add((word(backend), Series::CeilingOpen, OPEN_CALLERS), Sample::of(&measure));
    }
    lane.counter.stop().await;
    // The ceiling writes no chain either.
    for (shop, way) in [(&naive.shop, Way::Naive), (&lane.shop, Way::Lane), (&ceiling.shop, Way::Naive)] {
        assert_sound(way.word(), &shop.breaches(way).await);
    }
    if let Some(market) = market {
        market.close().await;
    }
}

fn assert_sound(who: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{who} breaks what must hold: {breaches:#?}");
}

/// Half as much again as the series sold before, so that nobody finds it sold out.
fn pieces(report: &Report, plan: &Plan, key: Key) -> u64 {
    let rate = report.last_rate(key).map_or(RATE_FIRST, |rate| rate * 3 / 2);
    rate * u64::try_from(plan.length.as_millis()).unwrap_or(u64::MAX) / 1_000 + 2_048
}

/// Lays in what the series may sell; how much that is.
async fn stock(report: &Report, plan: &Plan, key: Key, shop: &Shop) -> u64 {
    let pieces = pieces(report, plan, key);
    shop.stock_up(pieces).await;
    pieces
}

async fn buy<C: Counter>(report: &mut Report, plan: &Plan, key: Key, stage: &Stage<C>) {
    let pieces = stock(report, plan, key, &stage.shop).await;
    let measure = closed(&stage.counter, key.2, plan.length, pieces).await;
    report.add(key, Sample::of(&measure));
}

/// Connections of the ceiling.
const fn writers(backend: Backend) -> &'static [usize] {
    match backend {
        Backend::Postgres => &[1, 2],
        Backend::Sqlite => &[1],
    }
}

/// Orders of one warming up.
fn warming() -> u64 {
    RATE_FIRST * u64::try_from(WARM.as_millis()).unwrap_or(u64::MAX) / 1_000
}

async fn warm<C: Counter>(stage: &Stage<C>) {
    for callers in [1, MANY] {
        stage.shop.stock_up(warming()).await;
        closed(&stage.counter, callers, WARM, warming()).await;
    }
}

async fn fill(report: &mut Report, plan: &Plan, key: Key, stage: &Stage<Ceiling>) {
    let pieces = stock(report, plan, key, &stage.shop).await;
    let Series::Ceiling(writers) = key.1 else { unreachable!("only ceilings are filled") };
    let measure = stage.counter.measure(key.2, writers, plan.length, pieces).await;
    report.add(key, Sample::of(&measure));
}

#[cfg(test)]
mod tests;
