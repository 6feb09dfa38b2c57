//! The jobs that orders leave behind, done by the runner with the handlers that a server has for them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::Utc;
use hdrhistogram::Histogram;
use inventory::Inventory;
use order::{LowStock, OrdersDelivered};
use outbox::{Handler, JobContext, JobError, Outbox, Runner, Running};
use store::Store;
use testkit::TestDb;

use crate::load::histogram;
use crate::shop::Shop;

/// How long a runner may take for what is left once nobody writes any more.
const PATIENCE: Duration = Duration::from_secs(60);

/// The runner of a shop's jobs.
pub(crate) struct Jobs {
    store: Store,
    inventory: Inventory,
    ages: Arc<Mutex<Histogram<u64>>>,
}

/// A handler that is watched: how old each job is when it is done, in microseconds.
struct Watched {
    handler: LowStock,
    ages: Arc<Mutex<Histogram<u64>>>,
}

#[async_trait]
impl Handler<OrdersDelivered> for Watched {
    async fn run(&self, context: &JobContext, job: OrdersDelivered) -> Result<(), JobError> {
        self.handler.run(context, job).await?;
        // A job's id begins with the millisecond in which it was written, by this very process.
        let written = context.id().uuid().get_timestamp().map_or((0, 0), |time| time.to_unix());
        let now = u64::try_from(Utc::now().timestamp_micros()).unwrap_or_default();
        let age = now.saturating_sub(written.0 * 1_000_000 + u64::from(written.1) / 1_000).max(1);
        let mut ages = self.ages.lock().unwrap_or_else(PoisonError::into_inner);
        ages.saturating_record(age);
        Ok(())
    }
}

impl Jobs {
    pub fn of(shop: &Shop) -> Self {
        let (store, inventory) = shop.ground();
        Self { store, inventory, ages: Arc::new(Mutex::new(histogram())) }
    }

    fn runner(&self) -> Runner {
        let handler = LowStock::new(self.store.clone(), self.inventory.clone());
        let watched = Watched { handler, ages: Arc::clone(&self.ages) };
        Runner::new(self.store.clone(), "bench", &Outbox::new()).handle(watched)
    }

    /// Begins to do jobs in the background, as a server does.
    pub fn start(&self) -> Running {
        self.runner().start()
    }

    /// Does all that is there with as many hands as a server has; how many that were, and how long it took.
    pub async fn drain(&self) -> (u64, Duration) {
        let began = Instant::now();
        let tally = self.runner().run_once().await.expect("the jobs are done");
        assert_eq!((tally.retried, tally.dead, tally.put_back), (0, 0, 0), "every job can be done at once");
        (u64::from(tally.done), began.elapsed())
    }

    /// How old the jobs were that were done since this was asked before.
    pub fn take_ages(&self) -> Histogram<u64> {
        std::mem::replace(&mut self.ages.lock().unwrap_or_else(PoisonError::into_inner), histogram())
    }
}

/// Waits until no job is left.
pub(crate) async fn all_done(db: &TestDb) {
    let began = Instant::now();
    while waiting(db) > 0 {
        assert!(began.elapsed() < PATIENCE, "{} jobs are not done after {} s", waiting(db), PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// How many jobs there are.
pub(crate) fn waiting(db: &TestDb) -> u64 {
    db.psql("SELECT COUNT(*) FROM jobs").parse().expect("a number")
}
