//! The lanes of a process: queues, tasks, their bounds and their end.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use kernel::{TenantId, TenantScope};
use ledger::Book;
use store::{Backend, Store};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tracing::{Instrument, Span};

use crate::batch::Runner;
use crate::command::{Answered, Command, CommandKey, ErasedCommand};
use crate::error::LaneError;
use crate::keys;
use crate::part::{Part, Parts};

/// How many times what another batch needs is gathered while one runs: some of it may have to wait for that one.
const GATHERED: usize = 4;

/// The bounds of the lanes.
#[derive(Debug, Clone)]
pub struct LaneSettings {
    /// Commands that may wait in one queue.
    pub queue_max: usize,
    /// Commands of one batch.
    pub batch_max: usize,
    /// Batches of different tenants that run at the same time.
    pub batches_at_once: usize,
    /// Batches of one tenant that run beside one another.
    pub batches_beside: usize,
    /// Commands that must wait before another batch is begun beside one that runs: two halves are slower than a whole.
    /// It also has to have half the size of the one begun before it, so that many callers make large batches.
    pub beside_from: usize,
    /// An idle lane is closed after this time.
    pub idle: Duration,
}

impl LaneSettings {
    /// What suits the database: SQLite has one writer and gains from larger batches.
    pub const fn of(backend: Backend) -> Self {
        let (batch_max, batches_at_once, batches_beside) = match backend {
            Backend::Sqlite => (1024, 1, 1),
            Backend::Postgres => (256, 6, 3),
        };
        let (queue_max, beside_from, idle) = (4096, 16, Duration::from_secs(60));
        Self { queue_max, batch_max, batches_at_once, batches_beside, beside_from, idle }
    }
}

/// What the lanes did since the start.
#[derive(Debug, Default)]
pub struct LaneStats {
    /// Transactions committed.
    pub batches: AtomicU64,
    /// Commands answered after a commit.
    pub commands: AtomicU64,
    /// Batches that were rolled back and run again.
    pub reruns: AtomicU64,
    /// Batches of which a tenant's share was decided by heart.
    pub by_heart: AtomicU64,
    /// Those of them that did not hold and were run again.
    pub doubts: AtomicU64,
    /// Commands that were found to fail whatever batch they are in.
    pub poisoned: AtomicU64,
}

/// A command on its way.
pub(crate) struct Queued {
    pub scope: TenantScope,
    pub command: Arc<dyn ErasedCommand>,
    pub reply: oneshot::Sender<Result<Answered<String>, LaneError>>,
    /// Whom the command is for.
    pub actors: Vec<u64>,
    /// Where the caller waits.
    pub span: Span,
}

/// Makes the parts of a tenant's lane; the ledger's book is always one of them.
type Factory = dyn Fn(TenantScope) -> Vec<Box<dyn Part>> + Send + Sync;

/// All lanes of this process. Clones share them.
#[derive(Clone)]
pub struct Lanes {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    settings: LaneSettings,
    factory: Arc<Factory>,
    /// Where the commands of a tenant go; on SQLite one lane serves the whole file.
    queues: Mutex<Queues>,
    permits: Arc<Semaphore>,
    stats: Arc<LaneStats>,
}

struct Queues {
    open: HashMap<Option<TenantId>, mpsc::Sender<Queued>>,
    tasks: JoinSet<()>,
    is_stopping: bool,
}

impl Lanes {
    /// Lanes over `store`; `factory` makes the parts of a tenant's lane beside the ledger's book.
    pub fn new(
        store: Store,
        settings: LaneSettings,
        factory: impl Fn(TenantScope) -> Vec<Box<dyn Part>> + Send + Sync + 'static,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(settings.batches_at_once));
        let queues = Queues { open: HashMap::new(), tasks: JoinSet::new(), is_stopping: false };
        let (factory, queues, stats) = (Arc::new(factory), Mutex::new(queues), Arc::default());
        Self { inner: Arc::new(Inner { store, settings, factory, queues, permits, stats }) }
    }

    /// Hands `command` to its tenant's lane and waits for the answer, which comes after the commit. If the caller
    /// goes away the command is carried out all the same.
    pub async fn run<C: Command>(&self, scope: &TenantScope, command: C) -> Result<Answered<C::Answer>, LaneError> {
        let (reply, answer) = oneshot::channel();
        let span = tracing::debug_span!("lane.command", tenant.id = %scope.id());
        let actors = command.actors();
        let queued = Queued { scope: *scope, command: Arc::new(command), reply, actors, span: span.clone() };
        self.offer(queued).inspect_err(|_| metrics::counter!("cardgrove_lane_refused_total").increment(1))?;
        let answered = answer.instrument(span).await.map_err(|_| LaneError::Unavailable)??;
        let decoded = serde_json::from_str(&answered.answer).map_err(|error| {
            tracing::error!(%error, "an answer cannot be read back");
            LaneError::Failed
        })?;
        Ok(Answered { answer: decoded, is_replay: answered.is_replay })
    }

    /// Whether a command of this key was decided before: then [`Lanes::run`] gives its first answer.
    pub async fn has_decided(&self, scope: &TenantScope, key: &CommandKey) -> Result<bool, LaneError> {
        let tx = self.inner.store.read(scope).await.map_err(|_| LaneError::Unavailable)?;
        keys::is_known_in(&tx, key).await.map_err(|_| LaneError::Unavailable)
    }

    /// What the lanes did since the start.
    pub fn stats(&self) -> &LaneStats {
        &self.inner.stats
    }

    /// Commands that wait in the queues, beside those that a lane has gathered for its next batch.
    pub fn waiting(&self) -> usize {
        let queues = self.inner.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.open.values().map(|queue| queue.max_capacity() - queue.capacity()).sum()
    }

    /// Takes no more commands, carries out what is queued, and ends.
    pub async fn stop(&self) {
        let mut tasks = {
            let mut queues = self.inner.queues.lock().unwrap_or_else(PoisonError::into_inner);
            queues.is_stopping = true;
            queues.open.clear();
            std::mem::take(&mut queues.tasks)
        };
        while tasks.join_next().await.is_some() {}
    }

    fn offer(&self, queued: Queued) -> Result<(), LaneError> {
        let lane = match self.inner.store.backend() {
            Backend::Sqlite => None,
            Backend::Postgres => Some(queued.scope.id()),
        };
        // The lock is held while sending, so that a lane never closes with a command in its queue.
        let mut queues = self.inner.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if queues.is_stopping {
            return Err(LaneError::Stopping);
        }
        // A lane that is gone without having closed itself (it panicked) is replaced by a new one.
        if queues.open.get(&lane).is_none_or(mpsc::Sender::is_closed) {
            let (sender, receiver) = mpsc::channel(self.inner.settings.queue_max);
            queues.tasks.spawn(serve(Arc::clone(&self.inner), lane, receiver));
            queues.open.insert(lane, sender);
            while queues.tasks.try_join_next().is_some() {}
        }
        queues.open[&lane].try_send(queued).map_err(|_| LaneError::Full)
    }
}

/// One lane: takes what is queued, runs it as batches, and closes when idle.
///
/// While a batch is under way the next one gathers. It begins when the first is over, or beside it once many wait: what
/// all batches of a tenant want is locked last, so that most of their work is done side by side.
async fn serve(inner: Arc<Inner>, lane: Option<TenantId>, mut queue: mpsc::Receiver<Queued>) {
    let LaneSettings { queue_max, batch_max, batches_beside, beside_from, idle, .. } = inner.settings;
    let (crew, mut running) = (Crew::new(&inner), JoinSet::new());
    let mut waiting: Vec<Queued> = Vec::new();
    let mut busy = Busy::default();
    let (mut is_open, mut size_before) = (true, 0);
    loop {
        let beside_from = beside_from.max(size_before / 2);
        let least = if running.is_empty() { 1 } else { beside_from };
        if running.len() < batches_beside && waiting.iter().filter(|queued| busy.lets(queued)).count() >= least {
            let permit = Arc::clone(&inner.permits).acquire_owned().await;
            // Callers that were answered together ask again together: let them all queue before the batch closes.
            tokio::task::yield_now().await;
            while waiting.len() < batch_max
                && let Ok(queued) = queue.try_recv()
            {
                waiting.push(queued);
            }
            let (batch, later) = waiting.into_iter().partition(|queued| busy.lets(queued));
            waiting = later;
            size_before = batch.len();
            let actors = busy.begin(&batch);
            let crew = crew.clone();
            running.spawn(async move {
                crew.run(batch).await;
                drop(permit);
                actors
            });
            continue;
        }
        let may_wait = if running.is_empty() { batch_max } else { (GATHERED * beside_from).min(queue_max) };
        tokio::select! {
            Some(ended) = running.join_next() => busy.end(ended.ok()),
            next = queue.recv(), if is_open && waiting.len() < may_wait => match next {
                Some(queued) => waiting.push(queued),
                None => is_open = false,
            },
            () = tokio::time::sleep(idle), if is_open && running.is_empty() && waiting.is_empty() => {
                let mut queues = inner.queues.lock().unwrap_or_else(PoisonError::into_inner);
                if queue.is_empty() {
                    queues.open.remove(&lane);
                    return;
                }
            }
            else => return,
        }
    }
}

/// Whom the batches under way are for.
#[derive(Default)]
struct Busy(HashSet<u64>);

impl Busy {
    /// Whether a command can be carried out beside what is under way.
    fn lets(&self, queued: &Queued) -> bool {
        queued.actors.iter().all(|actor| !self.0.contains(actor))
    }

    fn begin(&mut self, batch: &[Queued]) -> HashSet<u64> {
        let actors: HashSet<u64> = batch.iter().flat_map(|queued| queued.actors.iter().copied()).collect();
        self.0.extend(&actors);
        actors
    }

    /// What a batch was for is free again; of one that ended without a word nobody knows.
    fn end(&mut self, actors: Option<HashSet<u64>>) {
        match actors {
            Some(actors) => self.0.retain(|actor| !actors.contains(actor)),
            None => self.0.clear(),
        }
    }
}

/// Who carries out the batches of a lane: one runner for each that runs at a time.
#[derive(Clone)]
struct Crew {
    inner: Arc<Inner>,
    /// Whose parts the runners' are the twins of; on SQLite a lane has many tenants and one runner.
    originals: Arc<Mutex<Option<Parts>>>,
    idle: Arc<Mutex<Vec<Runner>>>,
}

impl Crew {
    fn new(inner: &Arc<Inner>) -> Self {
        Self { inner: Arc::clone(inner), originals: Arc::default(), idle: Arc::default() }
    }

    /// A panic outside of a rule is a bug of ours: this batch's callers are told to try again, and the lane goes on with
    /// nothing of what its runner knew.
    async fn run(&self, batch: Vec<Queued>) {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut runner = idle.unwrap_or_else(|| self.runner());
        let span = span_of(&batch);
        match AssertUnwindSafe(runner.run(batch)).catch_unwind().instrument(span).await {
            Ok(()) => self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(runner),
            Err(_) => tracing::error!("a batch panicked; the lane starts anew"),
        }
    }

    fn runner(&self) -> Runner {
        let (factory, originals) = (Arc::clone(&self.inner.factory), Arc::clone(&self.originals));
        let is_alone = self.inner.settings.batches_beside == 1;
        let make = move |scope: TenantScope| {
            let new = || {
                let mut parts = factory(scope);
                parts.push(Box::new(Book::new(scope.id())));
                Parts::new(parts)
            };
            if is_alone {
                return new();
            }
            originals.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(new).twin()
        };
        Runner::new(self.inner.store.clone(), Box::new(make), Arc::clone(&self.inner.stats))
    }
}

/// A batch of one belongs to its caller's trace; a larger one has a trace of its own, which names all callers.
fn span_of(batch: &[Queued]) -> Span {
    if let [only] = batch {
        return tracing::debug_span!(parent: &only.span, "lane.batch", lane.commands = 1);
    }
    let span = tracing::debug_span!(parent: None, "lane.batch", lane.commands = batch.len());
    for queued in batch {
        span.follows_from(&queued.span);
    }
    span
}
