//! One batch: from what was queued to what every caller is told.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use kernel::{TenantId, TenantScope};
use store::{Batch, Outcome, Store, StoreError};
use tokio::sync::oneshot;

use crate::command::{Answered, CommandKey, ErasedCommand};
use crate::error::{BatchFault, LaneError};
use crate::keys::{self, Decided};
use crate::lanes::{LaneStats, Queued};
use crate::part::{Claimed, LaneTx, Look, Parts};

/// A batch that others disturb is run this often before the commands are tried one by one.
const ATTEMPTS_MAX: u32 = 4;
/// How long a disturbed batch waits before it is run again; twice as long each time.
const AGAIN_AFTER: Duration = Duration::from_millis(5);
/// A commit that takes longer has lost its connection.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(30);
/// Tenants whose parts a lane keeps in memory (on SQLite one lane serves all of them).
const TENANTS_KEPT_MAX: usize = 1_000;
/// How often the database is asked what became of a commit, with growing pauses (about 30 s in all).
const OUTCOME_TRIES_MAX: u32 = 12;
/// A batch of more commands is never decided by heart: many share the readings, and one wrong guess would cost all of them.
const BY_HEART_MAX: usize = 16;

/// Carries out the batches of one lane.
pub(crate) struct Runner {
    store: Store,
    make_parts: Box<dyn Fn(TenantScope) -> Parts + Send + Sync>,
    parts: HashMap<TenantId, Parts>,
    stats: Arc<LaneStats>,
}

/// A command inside a batch, with the callers who wait for it (a key may be asked for twice at once).
struct Work {
    scope: TenantScope,
    command: Arc<dyn ErasedCommand>,
    key: CommandKey,
    fingerprint: Vec<u8>,
    replies: Vec<(Vec<u8>, Reply)>,
}

type Reply = oneshot::Sender<Result<Answered<String>, LaneError>>;
/// For each command what is kept under its key, and whether it was before.
type Answers = Vec<Result<(Decided, bool), LaneError>>;

impl Runner {
    pub fn new(
        store: Store,
        make_parts: Box<dyn Fn(TenantScope) -> Parts + Send + Sync>,
        stats: Arc<LaneStats>,
    ) -> Self {
        Self { store, make_parts, parts: HashMap::new(), stats }
    }

    /// Carries out what was queued; every caller gets an answer, whatever happens.
    pub async fn run(&mut self, queued: Vec<Queued>) {
        let mut waiting = vec![gather(queued)];
        while let Some(work) = waiting.pop() {
            match self.attempts(&work).await {
                Ok(answers) => deliver(work, answers),
                Err(BatchFault::Gone(error)) => {
                    tracing::warn!(%error, commands = work.len(), "a batch found no database");
                    refuse(work, &LaneError::Unavailable);
                }
                Err(BatchFault::Again(reason)) if work.len() == 1 => {
                    tracing::warn!(reason, "a command was disturbed too often");
                    refuse(work, &LaneError::Unavailable);
                }
                Err(BatchFault::Poisoned(reason) | BatchFault::Barred(reason)) if work.len() == 1 => {
                    tracing::error!(reason, command.key = work[0].key.as_str(), "a command cannot be carried out");
                    self.stats.poisoned.fetch_add(1, Ordering::Relaxed);
                    metrics::counter!("cardgrove_lane_poisoned_total").increment(1);
                    refuse(work, &LaneError::Failed);
                }
                Err(_) => waiting.extend(divide(work)),
            }
        }
    }

    /// Runs the batch until it commits, fails for good, or was disturbed too often.
    async fn attempts(&mut self, work: &[Work]) -> Result<Answers, BatchFault> {
        if self.parts.len() > TENANTS_KEPT_MAX {
            self.parts.clear();
        }
        let (mut attempt, mut may_be_by_heart, began) = (0, true, Instant::now());
        loop {
            let by_heart = if may_be_by_heart { self.by_heart(work) } else { HashSet::new() };
            self.stats.by_heart.fetch_add(u64::from(!by_heart.is_empty()), Ordering::Relaxed);
            let outcome = self.once(work, attempt, &by_heart).await;
            for tenant in tenants(work) {
                if let Some(parts) = self.parts.get_mut(&tenant.id()) {
                    parts.end(outcome.is_ok());
                }
            }
            may_be_by_heart = false;
            match outcome {
                // Whatever went wrong, it may be because something is not as it was kept: now everything is read.
                Err(fault) if !by_heart.is_empty() && !matches!(fault, BatchFault::Gone(_)) => {
                    tracing::debug!(?fault, "a batch that was decided by heart does not hold");
                    self.stats.doubts.fetch_add(1, Ordering::Relaxed);
                    metrics::counter!("cardgrove_lane_doubts_total").increment(1);
                    for tenant in &by_heart {
                        self.parts.get_mut(tenant).into_iter().for_each(Parts::be_wary);
                    }
                }
                Err(BatchFault::Again(reason) | BatchFault::Barred(reason)) if attempt + 1 < ATTEMPTS_MAX => {
                    tracing::debug!(reason, attempt, "a batch is run again");
                    self.stats.reruns.fetch_add(1, Ordering::Relaxed);
                    metrics::counter!("cardgrove_lane_reruns_total").increment(1);
                    attempt += 1;
                    // Who is in the way is about to commit: at once it would still be there.
                    tokio::time::sleep(AGAIN_AFTER * (1 << attempt)).await;
                }
                Ok(answers) => {
                    self.stats.batches.fetch_add(1, Ordering::Relaxed);
                    self.stats.commands.fetch_add(work.len() as u64, Ordering::Relaxed);
                    metrics::histogram!("cardgrove_lane_batch_seconds").record(began.elapsed());
                    let commands = u32::try_from(work.len()).unwrap_or(u32::MAX);
                    metrics::histogram!("cardgrove_lane_batch_commands").record(commands);
                    return Ok(answers);
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    /// The tenants whose share of the batch is decided by heart.
    fn by_heart(&mut self, work: &[Work]) -> HashSet<TenantId> {
        let mut chosen = HashSet::new();
        // On SQLite the tenants share the batch, and a wrong guess of one of them would cost all.
        if work.len() > BY_HEART_MAX {
            return chosen;
        }
        for tenant in tenants(work) {
            let mut mine = work.iter().filter(|work| work.scope == tenant);
            let parts = self.parts.get_mut(&tenant.id());
            if mine.all(|work| work.command.may_be_by_heart()) && parts.is_some_and(Parts::is_sure) {
                chosen.insert(tenant.id());
            }
        }
        chosen
    }

    async fn once(&mut self, work: &[Work], attempt: u32, by_heart: &HashSet<TenantId>) -> Result<Answers, BatchFault> {
        let batch = self.store.batch().await?;
        let mut answers: Vec<Option<Result<(Decided, bool), LaneError>>> = work.iter().map(|_| None).collect();
        let mut transaction_id = None;
        for tenant in tenants(work) {
            let parts = self.parts.entry(tenant.id()).or_insert_with(|| (self.make_parts)(tenant));
            let mine: Vec<usize> = (0..work.len()).filter(|&index| work[index].scope == tenant).collect();
            let tx = batch.enter(&tenant).await?;
            transaction_id = tx.id().map(str::to_owned);
            let look = Look { attempt, is_by_heart: by_heart.contains(&tenant.id()) };
            for (index, answer) in mine.iter().zip(decide_and_write(&tx, parts, work, &mine, look).await?) {
                answers[*index] = Some(answer);
            }
        }
        self.commit(batch, transaction_id).await?;
        Ok(answers.into_iter().map(|answer| answer.unwrap_or(Err(LaneError::Failed))).collect())
    }

    /// Commits; if the answer is lost, asks until it is known whether it took effect.
    async fn commit(&self, batch: Batch, transaction_id: Option<String>) -> Result<(), BatchFault> {
        let error = match tokio::time::timeout(COMMIT_TIMEOUT, batch.commit()).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_) => StoreError::Lost,
        };
        let (StoreError::Lost, Some(id)) = (&error, transaction_id) else { return Err(error.into()) };
        tracing::warn!(transaction.id = %id, "a commit was not answered; waiting until it is decided");
        for attempt in 0..OUTCOME_TRIES_MAX {
            match self.store.outcome(&id).await {
                // Whatever it says, the keys decide: stored ones come back as replays, missing ones are decided anew.
                // `committed` alone proves nothing, because after a crash another transaction may have got the id.
                Ok(Outcome::Committed | Outcome::Aborted) => {
                    return Err(BatchFault::Again("a commit was not answered".to_owned()));
                }
                Ok(Outcome::InProgress) | Err(_) => {
                    tokio::time::sleep(Duration::from_millis(50 << attempt.min(6))).await;
                }
            }
        }
        // Not known: the callers are told to ask again with the same key, which then finds out.
        Err(BatchFault::Gone(StoreError::Lost))
    }
}

/// The steps of one tenant's share of a batch; answers in the order of `mine`.
async fn decide_and_write(
    tx: &LaneTx,
    parts: &mut Parts,
    work: &[Work],
    mine: &[usize],
    look: Look,
) -> Result<Answers, BatchFault> {
    use store::Tx;
    // By heart every key is taken to be new: one that is not makes the batch fall short.
    let asked = mine.iter().map(|&index| &work[index].key).filter(|_| !look.is_by_heart);
    let decided = keys::decided_in(tx, asked).await?;
    let fresh: Vec<usize> = mine.iter().copied().filter(|&index| !decided.contains_key(&work[index].key)).collect();
    for &index in &fresh {
        work[index].command.want(parts);
    }
    parts.read(tx, look).await?;
    let mut answers: BTreeMap<&CommandKey, (&[u8], String)> = BTreeMap::new();
    for &index in &fresh {
        let work = &work[index];
        let (answer, holds) = decide(&*work.command, parts, tx.now())?;
        if look.is_by_heart && !holds {
            return Err(BatchFault::Doubted);
        }
        answers.insert(&work.key, (&work.fingerprint, answer));
    }
    let mut cold = tx.sheaf();
    keys::answer_into(&mut cold, tx.now(), &answers);
    if parts.carry_out(tx, cold, look).await? == Claimed::Short {
        return Err(BatchFault::Again("another batch has taken a key or a card".to_owned()));
    }
    let answer = |index: &usize| {
        let work = &work[*index];
        if let Some((_, answer)) = answers.get(&work.key) {
            return Ok((Decided { fingerprint: work.fingerprint.clone(), answer: answer.clone() }, false));
        }
        // Of several callers with one key, each is told whether it stands for what he wants.
        let before = decided.get(&work.key).cloned();
        Ok((before.expect("what is not fresh was decided before"), true))
    };
    Ok(mine.iter().map(answer).collect())
}

/// A rule that panics poisons its own command, not the lane.
fn decide(command: &dyn ErasedCommand, parts: &mut Parts, now: DateTime<Utc>) -> Result<(String, bool), BatchFault> {
    match catch_unwind(AssertUnwindSafe(|| command.decide(parts, now))) {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(BatchFault::Poisoned(error.to_string())),
        Err(panic) => {
            let reason = panic.downcast_ref::<String>().cloned();
            let reason = reason.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(BatchFault::Poisoned(reason.unwrap_or_else(|| "a rule panicked".to_owned())))
        }
    }
}

/// Turns the queue into work: the same key asked for twice at once is one piece of work with two callers.
fn gather(queued: Vec<Queued>) -> Vec<Work> {
    let mut work: Vec<Work> = Vec::with_capacity(queued.len());
    let mut places: HashMap<(TenantId, CommandKey), usize> = HashMap::new();
    for queued in queued {
        let (key, fingerprint) = (queued.command.key(), queued.command.fingerprint());
        let place = *places.entry((queued.scope.id(), key.clone())).or_insert(work.len());
        if place == work.len() {
            let (scope, command) = (queued.scope, queued.command);
            work.push(Work { scope, command, key, fingerprint: fingerprint.clone(), replies: Vec::new() });
        }
        work[place].replies.push((fingerprint, queued.reply));
    }
    work
}

/// A batch that fails is divided until the command that does it is alone: by tenant first, so that one tenant's
/// trouble is soon its own, then in halves. The piece to try first comes last.
fn divide(work: Vec<Work>) -> Vec<Vec<Work>> {
    let tenants = tenants(&work);
    if tenants.len() > 1 {
        let mut pieces: HashMap<TenantId, Vec<Work>> = HashMap::new();
        for work in work {
            pieces.entry(work.scope.id()).or_default().push(work);
        }
        return pieces.into_values().collect();
    }
    let mut first = work;
    let second = first.split_off(first.len() / 2);
    vec![second, first]
}

fn tenants(work: &[Work]) -> Vec<TenantScope> {
    let mut tenants: Vec<TenantScope> = work.iter().map(|work| work.scope).collect();
    tenants.sort_by_key(TenantScope::id);
    tenants.dedup();
    tenants
}

fn deliver(work: Vec<Work>, answers: Answers) {
    for (work, answer) in work.into_iter().zip(answers) {
        for (index, (fingerprint, reply)) in work.replies.into_iter().enumerate() {
            let answer = match &answer {
                Ok((decided, _)) if fingerprint != decided.fingerprint => {
                    Err(LaneError::KeyReused { key: work.key.as_str().to_owned() })
                }
                Ok((decided, is_replay)) => {
                    Ok(Answered { answer: decided.answer.clone(), is_replay: *is_replay || index > 0 })
                }
                Err(error) => Err(error.clone()),
            };
            // A caller that went away does not need the answer; the key keeps it.
            let _ = reply.send(answer);
        }
    }
}

fn refuse(work: Vec<Work>, error: &LaneError) {
    for (_, reply) in work.into_iter().flat_map(|work| work.replies) {
        let _ = reply.send(Err(error.clone()));
    }
}
