//! The rows of jobs. Whoever changes a claimed row proves that its lease is still his.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Platform, TenantId, TenantScope};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, Condition};
use store::{Change, Inside, ReadTx, Rows, Sheaf, StoreError, Tx, WriteTx};
use uuid::Uuid;

use crate::audit::Waiting;
use crate::model::{ClaimedJob, DeadJob, JobId, Lease, NewJob, State};
use crate::rules::{self, Times};
use crate::table::{job_ages, jobs};

/// Writes jobs, queued.
pub async fn insert<S: Inside>(tx: &WriteTx<S>, new: impl IntoIterator<Item = NewJob>) -> Result<(), StoreError> {
    tx.insert::<jobs::Entity>(new.into_iter().map(|job| row(tx, job))).await
}

/// Puts jobs into `sheaf`, queued.
pub fn insert_into(tx: &WriteTx<TenantScope>, sheaf: &mut Sheaf<TenantScope>, new: impl IntoIterator<Item = NewJob>) {
    sheaf.insert::<jobs::Entity>(new.into_iter().map(|job| row(tx, job)).collect::<Vec<_>>());
}

/// Writes jobs whose ids are not there already; answers how many are new.
pub async fn insert_new<S: Inside>(
    tx: &WriteTx<S>,
    new: impl IntoIterator<Item = NewJob>,
) -> Result<usize, StoreError> {
    let rows = Rows::<jobs::Entity>::of(new.into_iter().map(|job| row(tx, job)));
    let written: Vec<Uuid> = tx.insert_new(rows, jobs::Column::Id).await?;
    Ok(written.len())
}

/// Removes those of the jobs that nobody has begun.
pub async fn withdraw(tx: &WriteTx<TenantScope>, jobs: &[JobId]) -> Result<(), StoreError> {
    let mut ids: Vec<Uuid> = jobs.iter().map(|job| job.uuid()).collect();
    ids.sort_unstable();
    let queued = jobs::Column::State.eq(State::Queued.word());
    tx.delete::<jobs::Entity>().among(jobs::Column::Id, ids).filter(queued).run().await?;
    Ok(())
}

fn row<S: Inside>(tx: &WriteTx<S>, new: NewJob) -> jobs::Model {
    jobs::Model {
        tenant_id: tx.scope().tenant().uuid(),
        id: new.id.uuid(),
        kind: new.kind.to_owned(),
        payload: new.payload,
        state: State::Queued.word().to_owned(),
        run_at: new.run_at,
        attempts: 0,
        lease_node: None,
        lease_until: None,
        last_error: None,
        created_at: tx.now(),
    }
}

/// What a job is doing, held so until the transaction ends: no node can claim it before.
pub async fn state_locked<S: Inside>(tx: &WriteTx<S>, job: JobId) -> Result<Option<State>, StoreError> {
    let found = tx.find::<jobs::Entity>().filter(jobs::Column::Id.eq(job.uuid())).locked().one().await?;
    Ok(found.and_then(|job| State::parse(&job.state)))
}

/// The job that `node` has claimed; nothing if another tenant's, or no longer its own.
pub async fn claimed(tx: &impl Tx, job: JobId, node: &str) -> Result<Option<ClaimedJob>, StoreError> {
    let found = tx
        .find::<jobs::Entity>()
        .filter(jobs::Column::Id.eq(job.uuid()))
        .filter(jobs::Column::State.eq(State::Running.word()))
        .filter(jobs::Column::LeaseNode.eq(node))
        .one()
        .await?;
    Ok(found.and_then(|job| {
        let attempt = job.attempts.unsigned_abs();
        Some(ClaimedJob { kind: job.kind, payload: job.payload, attempt, lease_until: job.lease_until? })
    }))
}

/// Removes a job whose work is done; answers whether the lease still held.
pub async fn remove(tx: &WriteTx<TenantScope>, lease: &Lease) -> Result<bool, StoreError> {
    Ok(tx.delete::<jobs::Entity>().filter(still_held(lease)).run().await? == 1)
}

/// Queues a failed job for its next attempt.
pub async fn retry(
    tx: &WriteTx<TenantScope>,
    lease: &Lease,
    delay: TimeDelta,
    error: String,
) -> Result<bool, StoreError> {
    let change = release(tx, State::Queued).set(jobs::Column::RunAt, tx.now() + delay);
    let change = change.set(jobs::Column::LastError, error);
    Ok(change.filter(still_held(lease)).run().await? == 1)
}

/// Makes a failed job a dead letter.
pub async fn bury(tx: &WriteTx<TenantScope>, lease: &Lease, error: String) -> Result<bool, StoreError> {
    let change = release(tx, State::Dead).set(jobs::Column::LastError, error);
    Ok(change.filter(still_held(lease)).run().await? == 1)
}

/// Queues a job that was claimed and not tried, for later if there is a delay: the claim counted an attempt that was
/// none.
pub async fn put_back(tx: &WriteTx<TenantScope>, lease: &Lease, delay: Option<TimeDelta>) -> Result<bool, StoreError> {
    let mut change = release(tx, State::Queued).add(jobs::Column::Attempts, -1);
    if let Some(delay) = delay {
        // As if it were made now: a delay by a clock that runs ahead can be told from one that is meant.
        change = change.set(jobs::Column::RunAt, tx.now() + delay).set(jobs::Column::CreatedAt, tx.now());
    }
    Ok(change.filter(still_held(lease)).run().await? == 1)
}

fn release(tx: &WriteTx<TenantScope>, state: State) -> store::Update<'_, jobs::Entity> {
    tx.update::<jobs::Entity>()
        .set(jobs::Column::State, state.word())
        .set(jobs::Column::LeaseNode, None::<String>)
        .set(jobs::Column::LeaseUntil, None::<DateTime<Utc>>)
}

/// Each claim counts an attempt, so node and attempt name one claim.
fn still_held(lease: &Lease) -> Condition {
    Condition::all()
        .add(jobs::Column::Id.eq(lease.job.uuid()))
        .add(jobs::Column::State.eq(State::Running.word()))
        .add(jobs::Column::LeaseNode.eq(lease.node.as_str()))
        .add(jobs::Column::Attempts.eq(i64::from(lease.attempt)))
}

/// Gives a dead job's row to a new job of the same name.
pub async fn replace_dead<S: Inside>(tx: &WriteTx<S>, new: NewJob) -> Result<(), StoreError> {
    tx.update::<jobs::Entity>()
        .set(jobs::Column::State, State::Queued.word())
        .set(jobs::Column::Attempts, 0)
        .set(jobs::Column::RunAt, new.run_at)
        .set(jobs::Column::Payload, new.payload)
        .set(jobs::Column::CreatedAt, tx.now())
        .filter(jobs::Column::Id.eq(new.id.uuid()))
        .run()
        .await?;
    Ok(())
}

/// Queues a dead job with all its attempts before it; answers whether it was dead.
pub async fn revive(tx: &WriteTx<TenantScope>, job: JobId) -> Result<bool, StoreError> {
    let changed = tx
        .update::<jobs::Entity>()
        .set(jobs::Column::State, State::Queued.word())
        .set(jobs::Column::Attempts, 0)
        .set(jobs::Column::RunAt, tx.now())
        .set(jobs::Column::CreatedAt, tx.now())
        .filter(jobs::Column::Id.eq(job.uuid()))
        .filter(jobs::Column::State.eq(State::Dead.word()))
        .run()
        .await?;
    Ok(changed == 1)
}

/// Up to `limit` dead letters. Their payloads stay in the table.
pub async fn dead(tx: &impl Tx, limit: u64) -> Result<Vec<DeadJob>, StoreError> {
    use jobs::Column::{Attempts, CreatedAt, Id, Kind, LastError, State as StateColumn};
    type Columns = (Uuid, String, i32, Option<String>, DateTime<Utc>);
    let rows: Vec<Columns> = tx
        .find::<jobs::Entity>()
        .of_words(StateColumn, &[State::Dead.word()])
        .ascending(CreatedAt)
        .ascending(Id)
        .limit(limit)
        .columns([Id, Kind, Attempts, LastError, CreatedAt])
        .await?;
    let dead = rows.into_iter().map(|(id, kind, attempts, last_error, created_at)| DeadJob {
        id: JobId::from_uuid(id),
        kind,
        attempts: attempts.unsigned_abs(),
        last_error: last_error.unwrap_or_default(),
        created_at,
    });
    Ok(dead.collect())
}

/// How many dead letters there are.
pub async fn count_dead(tx: &impl Tx) -> Result<u64, StoreError> {
    tx.find::<jobs::Entity>().of_words(jobs::Column::State, &[State::Dead.word()]).count().await
}

/// Jobs that wait or run, those after `after`. Their payloads stay in the table.
pub async fn waiting_after(tx: &impl Tx, after: JobId, limit: u64) -> Result<Vec<Waiting>, StoreError> {
    use jobs::Column::{CreatedAt, Id, Kind, LeaseUntil, RunAt, State as StateColumn};
    type Columns = (Uuid, String, DateTime<Utc>, Option<DateTime<Utc>>, DateTime<Utc>);
    let find = tx.find::<jobs::Entity>().filter(Id.gt(after.uuid())).filter(StateColumn.ne(State::Dead.word()));
    let find = find.ascending(Id).limit(limit);
    let rows: Vec<Columns> = find.columns([Id, Kind, RunAt, LeaseUntil, CreatedAt]).await?;
    let waiting = rows.into_iter().map(|(id, kind, run_at, lease_until, created_at)| Waiting {
        id: JobId::from_uuid(id),
        kind,
        run_at,
        lease_until,
        created_at,
    });
    Ok(waiting.collect())
}

/// Since when the longest waiting job of any tenant could have been run.
pub async fn oldest_due(tx: &ReadTx<Platform>) -> Result<Option<DateTime<Utc>>, StoreError> {
    use job_ages::Column::{LeaseUntil, RunAt, State as StateColumn};
    let waits = Condition::all().add(StateColumn.eq(State::Queued.word())).add(RunAt.lte(tx.time()));
    let abandoned = Condition::all().add(StateColumn.eq(State::Running.word())).add(LeaseUntil.lte(tx.time()));
    let oldest = tx
        .list::<job_ages::Entity>()
        .of_words(StateColumn, &[State::Queued.word(), State::Running.word()])
        .filter(Condition::any().add(waits).add(abandoned))
        // Whoever is abandoned was due once: nothing that is due later is looked at.
        .filter(RunAt.lte(tx.time()))
        .ascending(RunAt)
        .limit(1)
        .columns([RunAt])
        .await?;
    Ok(oldest.into_iter().map(|(run_at,): (DateTime<Utc>,)| run_at).next())
}

/// Up to `limit` jobs of all tenants whose times no clock that is right now can have written, those after a place.
pub async fn from_the_future(
    tx: &ReadTx<Platform>,
    after: Option<(TenantId, JobId)>,
    limit: u64,
) -> Result<Vec<(TenantId, JobId, Times)>, StoreError> {
    use job_ages::Column::{Attempts, CreatedAt, Id, LeaseUntil, RunAt, State as StateColumn, TenantId as Tenant};
    let horizon = rules::horizon(tx.time());
    let is_late = Condition::any()
        .add(CreatedAt.gt(horizon.made).and(RunAt.gt(horizon.made)))
        .add(Attempts.gt(0).and(RunAt.gt(horizon.retry)));
    let waits = Condition::all().add(StateColumn.eq(State::Queued.word())).add(is_late);
    let is_held = Condition::any().add(LeaseUntil.gt(horizon.lease)).add(RunAt.gt(horizon.made));
    let runs = Condition::all().add(StateColumn.eq(State::Running.word())).add(is_held);
    let follows = after.map(|(tenant, job)| {
        let same = Tenant.eq(tenant.uuid()).and(Id.gt(job.uuid()));
        Condition::any().add(Tenant.gt(tenant.uuid())).add(same)
    });
    let found = tx
        .list::<job_ages::Entity>()
        .of_words(StateColumn, &[State::Queued.word(), State::Running.word()])
        .filter(Condition::any().add(waits).add(runs))
        .filter(Condition::all().add_option(follows))
        .ascending(Tenant)
        .ascending(Id)
        .limit(limit)
        .all()
        .await?;
    let times = found.into_iter().filter_map(|job| {
        let state = State::parse(&job.state)?;
        let attempts = job.attempts.unsigned_abs();
        let times =
            Times { state, attempts, created_at: job.created_at, run_at: job.run_at, lease_until: job.lease_until };
        Some((TenantId::from_uuid(job.tenant_id), JobId::from_uuid(job.id), times))
    });
    Ok(times.collect())
}

/// Gives jobs other times, each from the first to the second; answers how many were still in the state and attempt of
/// the first.
pub async fn set_times(tx: &WriteTx<TenantScope>, jobs: &[(JobId, Times, Times)]) -> Result<u64, StoreError> {
    use jobs::Column::{Attempts, CreatedAt, Id, LeaseUntil, RunAt, State as StateColumn};
    let mut rows = Rows::<jobs::Entity>::of_columns(&[Id, StateColumn, Attempts, CreatedAt, RunAt, LeaseUntil]);
    for (job, before, after) in jobs {
        let attempts = i32::try_from(before.attempts).unwrap_or(i32::MAX);
        let times = [after.created_at.into(), after.run_at.into(), after.lease_until.into()];
        let [created_at, run_at, lease_until] = times;
        rows.push([job.uuid().into(), before.state.word().into(), attempts.into(), created_at, run_at, lease_until]);
    }
    tx.update_rows(rows, &[Id, StateColumn, Attempts], Change::Set).await
}
