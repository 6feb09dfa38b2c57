//! The runner: claims what is due, keeps some jobs in the air, plans what comes again, and stops gently.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use store::{ClaimedWork, Store, StoreError};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::attempt::{CLAIM_MAX, Desk};
use crate::clock;
use crate::handler::{Handler, Typed};
use crate::model::{Job, JobId, Tally};
use crate::outbox::Outbox;
use crate::rules;
use crate::schedule::Schedule;

const RUNNING_MAX: usize = 8;
const IDLE_POLL: Duration = Duration::from_millis(500);
const PLAN_EVERY: Duration = Duration::from_secs(2);
const STOP_MAX: Duration = Duration::from_secs(10);
/// How often it is looked whether the clock ran ahead.
const CLOCK_EVERY: Duration = Duration::from_secs(10);
/// How often [`Runner::run_once`] claims, so that jobs that write jobs do not keep it for ever.
const ROUNDS_MAX: usize = 1_000;

/// A node's runner, being put together.
pub struct Runner {
    desk: Desk,
    wake: Arc<Notify>,
    schedules: Vec<Schedule>,
    idle_poll: Duration,
}

/// A runner at work. Dropped, it stops too, but nobody waits for it.
pub struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Runner {
    /// A runner that knows no jobs yet. `node` names this process in leases and is no other process's name.
    pub fn new(store: Store, node: impl Into<String>, outbox: &Outbox) -> Self {
        // The last 32 bits of a new id are random, and nothing hangs on these numbers but the spread of delays.
        let dice = Arc::new(|| u32::try_from(JobId::new().uuid().as_u128() & 0xffff_ffff).unwrap_or_default());
        let desk = Desk { store, node: node.into(), handlers: HashMap::new(), dice };
        Self { desk, wake: outbox.wake(), schedules: Vec::new(), idle_poll: IDLE_POLL }
    }

    /// Hands jobs of the kind `J` to `handler`, the only one for this kind.
    pub fn handle<J: Job>(mut self, handler: impl Handler<J>) -> Self {
        const { assert!(rules::is_kind(J::KIND), "a kind reads room.verb, in lower case") };
        let before = self.desk.handlers.insert(J::KIND, Arc::new(Typed::<J, _>::new(handler)));
        assert!(before.is_none(), "{} has two handlers", J::KIND);
        self
    }

    /// Plans these jobs.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedules.push(schedule);
        self
    }

    /// Looks for due jobs this often while there are none; half a second unless said.
    pub const fn poll_every(mut self, idle_poll: Duration) -> Self {
        self.idle_poll = idle_poll;
        self
    }

    /// Takes the spread of delays from `dice`, for simulations.
    pub fn dice(mut self, dice: impl Fn() -> u32 + Send + Sync + 'static) -> Self {
        self.desk.dice = Arc::new(dice);
        self
    }

    /// Sets clocks right, plans, then runs everything that is due until nothing is; answers how it ended. For tests and tools.
    pub async fn run_once(&self) -> Result<Tally, StoreError> {
        clock::set_right(&self.desk.store).await?;
        for schedule in &self.schedules {
            schedule.plan(&self.desk.store).await?;
        }
        let mut tally = Tally::default();
        for _ in 0..ROUNDS_MAX {
            let claimed = self.desk.claim().await?;
            if claimed.is_empty() {
                break;
            }
            let mut endings = stream::iter(claimed).map(|work| self.desk.attempt(work)).buffer_unordered(RUNNING_MAX);
            while let Some(ending) = endings.next().await {
                tally.count(ending);
            }
        }
        Ok(tally)
    }

    #[cfg(test)]
    pub(crate) const fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Starts working in the background.
    pub fn start(self) -> Running {
        let (stop, stopping) = watch::channel(false);
        let store = self.desk.store.clone();
        let righting = until_stopped(stopping.clone(), set_clock_right(store.clone()));
        let planning = until_stopped(stopping.clone(), plan(store, self.schedules));
        let working = work(Arc::new(self.desk), self.wake, self.idle_poll, stopping);
        let task = tokio::spawn(async {
            tokio::join!(planning, righting, working);
        });
        Running { stop, task }
    }
}

impl Running {
    /// Claims nothing more, waits up to 10 seconds for the jobs that run, and cuts off the rest: their leases end and
    /// they are tried again.
    pub async fn stop(self) {
        // Nobody listens if the task is over already, and then there is nothing to stop.
        let _ = self.stop.send(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the runner of jobs ended before it was stopped");
        }
    }
}

async fn work(desk: Arc<Desk>, wake: Arc<Notify>, idle_poll: Duration, mut stopping: watch::Receiver<bool>) {
    let mut waiting: VecDeque<ClaimedWork> = VecDeque::with_capacity(CLAIM_MAX as usize);
    let mut running = JoinSet::new();
    while !*stopping.borrow() {
        while running.len() < RUNNING_MAX
            && let Some(work) = waiting.pop_front()
        {
            let desk = Arc::clone(&desk);
            running.spawn(async move { desk.attempt(work).await });
        }
        let has_room = running.len() < RUNNING_MAX;
        if has_room {
            match desk.claim().await {
                Ok(claimed) if !claimed.is_empty() => {
                    waiting.extend(claimed);
                    continue;
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "no jobs could be claimed"),
            }
        }
        tokio::select! {
            () = wake.notified(), if has_room => {}
            () = tokio::time::sleep(idle_poll), if has_room => {}
            Some(_) = running.join_next() => {}
            _ = stopping.changed() => break,
        }
    }
    stop(&desk, waiting, running).await;
}

async fn stop<T: 'static>(desk: &Desk, waiting: VecDeque<ClaimedWork>, mut running: JoinSet<T>) {
    let wind_down = async {
        for work in waiting {
            desk.give_back(work).await;
        }
        while running.join_next().await.is_some() {}
    };
    if tokio::time::timeout(STOP_MAX, wind_down).await.is_err() {
        tracing::warn!("jobs that did not end in time are cut off and will be tried again");
        running.shutdown().await;
    }
}

async fn plan(store: Store, schedules: Vec<Schedule>) -> Infallible {
    loop {
        for schedule in &schedules {
            if let Err(error) = schedule.plan(&store).await {
                tracing::warn!(%error, "the schedule could not be planned");
            }
        }
        tokio::time::sleep(PLAN_EVERY).await;
    }
}

async fn set_clock_right(store: Store) -> Infallible {
    let mut watch = clock::Watch::default();
    loop {
        if let Err(error) = watch.look(&store).await {
            tracing::warn!(%error, "it could not be seen whether jobs come from the future");
        }
        tokio::time::sleep(CLOCK_EVERY).await;
    }
}

/// Drops endless work when the runner stops: what it was writing is rolled back and done again by the next one.
async fn until_stopped(mut stopping: watch::Receiver<bool>, work: impl Future<Output = Infallible>) {
    tokio::select! {
        never = work => match never {},
        _ = stopping.changed() => {}
    }
}
