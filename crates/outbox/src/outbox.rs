//! Writing jobs, and what operators see of them.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Platform, TenantScope};
use store::{Inside, ReadTx, Sheaf, Tx, WriteTx};
use tokio::sync::Notify;

use crate::error::OutboxError;
use crate::model::{DeadJob, Job, JobId, NewJob, State};
use crate::{repo, rules};

const PAYLOAD_BYTES_MAX: usize = 1 << 20;
const DEAD_LIMIT_MAX: u32 = 500;
/// How many jobs of one name have an id that follows from it: one that runs and one that waits.
const PLACES: u8 = 2;

/// Writes jobs in the caller's transaction. Clones wake the same runner.
#[derive(Clone, Default)]
pub struct Outbox {
    wake: Arc<Notify>,
}

impl Outbox {
    /// An outbox; give a clone of it to the runner that it shall wake.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a job that is due at once.
    pub async fn enqueue_in<S: Inside, J: Job>(&self, tx: &WriteTx<S>, job: &J) -> Result<JobId, OutboxError> {
        self.enqueue_at_in(tx, job, tx.now()).await
    }

    /// Writes a job that is due at `run_at`.
    pub async fn enqueue_at_in<S: Inside, J: Job>(
        &self,
        tx: &WriteTx<S>,
        job: &J,
        run_at: DateTime<Utc>,
    ) -> Result<JobId, OutboxError> {
        let new = new_job(JobId::new(), job, run_at)?;
        let id = new.id;
        repo::insert(tx, [new]).await?;
        Ok(id)
    }

    /// Puts a job that is due at once into what `tx` is going to send.
    pub fn enqueue_into<J: Job>(
        &self,
        tx: &WriteTx<TenantScope>,
        sheaf: &mut Sheaf<TenantScope>,
        job: &J,
    ) -> Result<(), OutboxError> {
        repo::insert_into(tx, sheaf, [new_job(JobId::new(), job, tx.now())?]);
        Ok(())
    }

    /// Writes many jobs that are due at once, in one statement; answers their ids in the order of the jobs.
    pub async fn enqueue_all_in<S: Inside, J: Job>(
        &self,
        tx: &WriteTx<S>,
        jobs: &[J],
    ) -> Result<Vec<JobId>, OutboxError> {
        let new: Result<Vec<NewJob>, OutboxError> =
            jobs.iter().map(|job| new_job(JobId::new(), job, tx.now())).collect();
        let new = new?;
        let ids = new.iter().map(|job| job.id).collect();
        repo::insert(tx, new).await?;
        Ok(ids)
    }

    /// Writes a job unless one of this tenant, kind and `name` waits already; answers the one that waits.
    ///
    /// A job that waits will run after this transaction is committed. One that runs may have read before it, so beside
    /// a running job a second one is written. A dead one of this name gives its row to the new one. The payload
    /// should follow from the name: the one written first is run.
    pub async fn enqueue_once_in<S: Inside, J: Job>(
        &self,
        tx: &WriteTx<S>,
        name: &str,
        job: &J,
        run_at: DateTime<Utc>,
    ) -> Result<JobId, OutboxError> {
        let mut place = 0;
        while place < PLACES {
            let new = new_job(rules::named_id(tx.scope().tenant(), J::KIND, name, place), job, run_at)?;
            let id = new.id;
            if repo::insert_new(tx, [new]).await? > 0 {
                return Ok(id);
            }
            match repo::state_locked(tx, id).await? {
                Some(State::Queued) => return Ok(id),
                Some(State::Dead) => {
                    repo::replace_dead(tx, new_job(id, job, run_at)?).await?;
                    return Ok(id);
                }
                // It runs, or was done just now: it may not have seen what this transaction writes.
                Some(State::Running) | None => place += 1,
            }
        }
        // Rather once too often than news that nobody reads.
        self.enqueue_at_in(tx, job, run_at).await
    }

    /// Writes many jobs under their names, in one statement. A job is not written where one of its name is, in whatever
    /// state: for names that are new, or whose jobs take care of themselves.
    pub async fn enqueue_named_at_in<S: Inside, J: Job>(
        &self,
        tx: &WriteTx<S>,
        jobs: &[(String, J)],
        run_at: DateTime<Utc>,
    ) -> Result<(), OutboxError> {
        let id = |name: &str| rules::named_id(tx.scope().tenant(), J::KIND, name, 0);
        let new: Result<Vec<NewJob>, OutboxError> =
            jobs.iter().map(|(name, job)| new_job(id(name), job, run_at)).collect();
        repo::insert_new(tx, new?).await?;
        Ok(())
    }

    /// Takes back what waits under a kind and one of `names`, because it was done without the job; what runs goes on.
    pub async fn withdraw_in<J: Job>(&self, tx: &WriteTx<TenantScope>, names: &[String]) -> Result<(), OutboxError> {
        if names.is_empty() {
            return Ok(());
        }
        let tenant = tx.scope().tenant();
        let places = |name| (0..PLACES).map(move |place| rules::named_id(tenant, J::KIND, name, place));
        let ids: Vec<JobId> = names.iter().flat_map(|name| places(name)).collect();
        Ok(repo::withdraw(tx, &ids).await?)
    }

    /// Wakes the runner of this process: call it after a commit that wrote a job somebody waits for.
    pub fn notify(&self) {
        self.wake.notify_one();
    }

    /// Up to `limit` dead letters of the tenant, the oldest first; 500 at most.
    pub async fn dead_in(&self, tx: &impl Tx, limit: u32) -> Result<Vec<DeadJob>, OutboxError> {
        Ok(repo::dead(tx, u64::from(limit.min(DEAD_LIMIT_MAX))).await?)
    }

    /// Queues a dead job again with all its attempts before it.
    pub async fn retry_dead_in(&self, tx: &WriteTx<TenantScope>, job: JobId) -> Result<(), OutboxError> {
        if repo::revive(tx, job).await? { Ok(()) } else { Err(OutboxError::NotDead { job }) }
    }

    /// How long the longest waiting job of any tenant has been due; zero if nothing is due.
    pub async fn age_max_in(&self, tx: &ReadTx<Platform>) -> Result<TimeDelta, OutboxError> {
        let oldest = repo::oldest_due(tx).await?;
        Ok(oldest.map_or_else(TimeDelta::zero, |due| tx.time() - due))
    }

    pub(crate) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }
}

pub(crate) fn new_job<J: Job>(id: JobId, job: &J, run_at: DateTime<Utc>) -> Result<NewJob, OutboxError> {
    Ok(NewJob { id, kind: J::KIND, payload: payload(job)?, run_at })
}

/// The job as text, within the limit.
pub(crate) fn payload<J: Job>(job: &J) -> Result<String, OutboxError> {
    const { assert!(rules::is_kind(J::KIND), "a kind reads room.verb, in lower case") };
    let payload = serde_json::to_string(job).map_err(|source| OutboxError::Unwritable { kind: J::KIND, source })?;
    let bytes = payload.len();
    if bytes > PAYLOAD_BYTES_MAX {
        return Err(OutboxError::TooLarge { kind: J::KIND, bytes, bytes_max: PAYLOAD_BYTES_MAX });
    }
    Ok(payload)
}
