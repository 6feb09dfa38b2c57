//! What the engine is asked beside orders a second: a slow disk, its jobs, a flash sale, and what it does in memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Database};
use store::Backend;
use testkit::TestDb;

use super::{
    CALLERS, MANY, OPEN_CALLERS, Plan, Report, SLOW, Sample, Series, assert_sound, buy, stage_in, stock, warm, word,
};
use crate::callers::Way;
use crate::flash::flash;
use crate::jobs::{Jobs, all_done, waiting};
use crate::load::{closed, open};
use crate::memory::{MEMORY, Memory};
use crate::naive::Naive;
use crate::shop::{Engine, Shop};

/// An outbox is loaded for so many times the length of other series: jobs grow old slowly.
const LONGER: u32 = 5;
/// Buyers of a flash sale, and the pieces that there are.
const BUYERS: usize = 1_024;
const PIECES: u64 = 50;
/// How long each call in memory is measured in a round.
const IN_MEMORY: Duration = Duration::from_millis(50);
const COMMITS: usize = 41;

/// The lane beside the naive way where every sync takes longer.
pub(super) async fn slow_disk(report: &mut Report, plan: &Plan) {
    let swift = TestDb::durable_postgres().await;
    let naive = stage_in(TestDb::slow_postgres().await, async |db, shop| Naive::open(db, shop).await).await;
    let lane = stage_in(TestDb::slow_postgres().await, async |_, shop| Engine::open(shop)).await;
    warm(&naive).await;
    warm(&lane).await;
    for _ in 0..plan.rounds {
        report.note("commit_us", commit_us(&swift).await);
        report.note("commit_slow_us", commit_us(&lane.db).await);
        buy(report, plan, (SLOW, Series::Naive, MANY), &naive).await;
        buy(report, plan, (SLOW, Series::Lane, MANY), &lane).await;
    }
    lane.counter.stop().await;
    assert_sound("naive on a slow disk", &naive.shop.breaches(Way::Naive).await);
    assert_sound("the lane on a slow disk", &lane.shop.breaches(Way::Lane).await);
}

/// The median of some commits of one row, in microseconds: that the slow disk is slow, and by how much.
async fn commit_us(db: &TestDb) -> u64 {
    let connection = Database::connect(&db.owner_url).await.expect("the database opens");
    connection.execute_unprepared("CREATE TABLE IF NOT EXISTS commits (n INT)").await.expect("a table");
    let mut all = Vec::with_capacity(COMMITS);
    for _ in 0..COMMITS {
        let began = Instant::now();
        connection.execute_unprepared("INSERT INTO commits VALUES (1)").await.expect("a row");
        all.push(began.elapsed());
    }
    connection.execute_unprepared("DROP TABLE commits").await.expect("no table");
    all.sort_unstable();
    u64::try_from(all[COMMITS / 2].as_micros()).unwrap_or(u64::MAX)
}

/// How old jobs grow at half of the peak, and whether they are done as fast as the lane writes them.
pub(super) async fn outbox(report: &mut Report, plan: &Plan) {
    let lane = stage_in(TestDb::durable_postgres().await, async |_, shop| Engine::open(shop)).await;
    let jobs = Jobs::of(&lane.shop);
    let peak = CALLERS.map(|callers| report.median((word(Backend::Postgres), Series::Lane, callers)));
    let half = peak.into_iter().flatten().map(|sample| sample.rate / 2).max().unwrap_or(1).max(1);
    let length = plan.length * LONGER;
    warm(&lane).await;
    jobs.drain().await;
    jobs.take_ages();
    for _ in 0..plan.rounds {
        let pieces = half * u64::try_from(length.as_millis()).unwrap_or(u64::MAX) / 1_000 + 1;
        lane.shop.stock_up(pieces).await;
        let running = jobs.start();
        let measure = open(&lane.counter, OPEN_CALLERS, half, length).await;
        all_done(&lane.db).await;
        running.stop().await;
        let ages = jobs.take_ages();
        report.add((word(Backend::Postgres), Series::Busy, OPEN_CALLERS), Sample::of(&measure));
        report.note("outbox_jobs", ages.len());
        report.note("outbox_age_p50_us", ages.value_at_quantile(0.5));
        report.note("outbox_age_p99_us", ages.value_at_quantile(0.99));
        // Nobody does them while the lane writes as fast as it can, then they are done and nobody writes.
        let pieces = stock(report, plan, (word(Backend::Postgres), Series::Lane, MANY), &lane.shop).await;
        let measure = closed(&lane.counter, MANY, plan.length, pieces).await;
        let written = waiting(&lane.db);
        let (done, took) = jobs.drain().await;
        assert_eq!((done, waiting(&lane.db)), (written, 0), "every job is done, once");
        report.note("outbox_written", a_second(written, measure.took));
        report.note("outbox_done", a_second(done, took));
        jobs.take_ages();
    }
    lane.counter.stop().await;
    assert_sound("the lane beside a runner", &lane.shop.breaches(Way::Lane).await);
}

fn a_second(count: u64, time: Duration) -> u64 {
    u64::try_from(u128::from(count) * 1_000_000_000 / time.as_nanos().max(1)).unwrap_or(u64::MAX)
}

/// A crowd for a few pieces, again and again in one shop.
pub(super) async fn flash_sale(report: &mut Report, plan: &Plan) {
    let db = TestDb::durable_postgres().await;
    let shop = Arc::new(Shop::open(&db).await);
    for round in 1..=plan.rounds as u64 {
        shop.lay_in(PIECES).await;
        let sale = flash(&shop, BUYERS, plan.attempts).await;
        let counts = shop.counts().await;
        assert_eq!(sale.sold, PIECES, "of {PIECES} pieces {} were sold", sale.sold);
        assert_eq!(u64::try_from(counts.sold).ok(), Some(round * PIECES), "the database counts what was sold");
        assert_eq!(counts.available, 0, "nothing is left");
        report.note("flash_sold", sale.sold);
        report.note("flash_answers_a_core", sale.answers_a_core());
        report.note("flash_answers", sale.answers());
    }
    assert_sound("a flash sale", &shop.breaches(Way::Lane).await);
}

/// What every request does without a database.
pub(super) async fn in_memory(report: &mut Report, plan: &Plan) {
    let memory = Memory::open().await;
    for _ in 0..plan.rounds {
        for (name, picos) in MEMORY.into_iter().zip(memory.measure(IN_MEMORY)) {
            report.note(name, picos);
        }
    }
}
