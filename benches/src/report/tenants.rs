//! Many tenants in one database: what they reach together, beside the naive way under the same load, and whether the
//! busiest one makes the others wait.

use std::sync::Arc;

use hdrhistogram::Histogram;
use store::Backend;
use testkit::TestDb;

use super::{CROWD, Plan, Report, Sample, Series, assert_sound, pieces, word};
use crate::callers::Way;
use crate::load::{closed, histogram};
use crate::market::{ManyLanes, ManyNaive, Market, Seller};

/// Callers of all shops together.
pub(crate) const CROWDS: [usize; 3] = [64, 256, CROWD];
/// Of so many shops one is taken into "the median" and "the smallest" ones: a small shop alone sees few orders a run.
const POOLED_OF: usize = 10;

/// The same shops twice, each in a database of its own.
pub(super) struct Bazaar {
    lanes: Arc<Market<ManyLanes>>,
    naive: Arc<Market<ManyNaive>>,
    _dbs: [TestDb; 2],
}

/// The 99th percentile of how long buyers waited, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fairness {
    pub biggest: u64,
    pub median: u64,
    pub smallest: u64,
}

impl Fairness {
    /// Of the waits of each shop, the busiest first.
    pub fn of(shops: &[Histogram<u64>]) -> Option<Self> {
        let width = (shops.len() / POOLED_OF).max(1);
        let begin = (shops.len() - width.min(shops.len())) / 2;
        let pooled = |shops: &[Histogram<u64>]| {
            let mut all = histogram();
            shops.iter().for_each(|one| all.add(one).expect("the same bounds"));
            all.value_at_quantile(0.99)
        };
        Some(Self {
            biggest: pooled(shops.get(..1)?),
            median: pooled(&shops[begin..begin + width]),
            smallest: pooled(&shops[shops.len() - width..]),
        })
    }
}

impl Bazaar {
    /// On SQLite one lane serves the file whoever the tenants are: there is nothing to see.
    pub async fn open(backend: Backend, plan: &Plan) -> Option<Self> {
        if backend == Backend::Sqlite || plan.tenants < 2 {
            return None;
        }
        let dbs = [TestDb::durable_postgres().await, TestDb::durable_postgres().await];
        let lanes = Arc::new(Market::open(&dbs[0], plan.tenants).await);
        let naive = Arc::new(Market::open_naive(&dbs[1], plan.tenants).await);
        Some(Self { lanes, naive, _dbs: dbs })
    }

    pub async fn buy(&self, report: &mut Report, plan: &Plan) {
        for callers in CROWDS {
            trade(report, plan, (Series::NaiveMarket, callers), &self.naive).await;
            trade(report, plan, (Series::Market, callers), &self.lanes).await;
        }
    }

    /// Ends it and looks at every shop.
    pub async fn close(&self) {
        self.lanes.stop().await;
        assert_sound("a market", &self.lanes.breaches(Way::Lane).await);
        assert_sound("a naive market", &self.naive.breaches(Way::Naive).await);
    }
}

async fn trade<E: Seller>(report: &mut Report, plan: &Plan, (series, callers): (Series, usize), to: &Arc<Market<E>>) {
    let key = (word(Backend::Postgres), series, callers);
    let pieces = pieces(report, plan, key);
    to.stock_up(pieces).await;
    let measure = closed(to, callers, plan.length, pieces).await;
    report.add(key, Sample::of(&measure));
    report.add_waits((series, callers), to.take_waits());
}
