//! The rows of jobs. Whoever changes a claimed row proves that its lease is still his.

use chrono::{DateTime, Utc};
use kernel::{Platform, TenantId, TenantScope};
use sea_orm::{ColumnTrait, Condition};
use store::{Inside, ReadTx, Rows, Sheaf, StoreError, Tx, WriteTx};
use uuid::Uuid;

use crate::audit::Waiting;
use crate::model::{ClaimedJob, DeadJob, JobId, Lease, NewJob, State};
use crate::rules::{self, Times};
use crate::table::{job_ages, jobs};

/// How many rows are looked at to learn whose jobs are not right.
const TENANT_ROWS_MAX: u64 = 10_000;

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
    let ids: Vec<Uuid> = jobs.iter().map(|job| job.uuid()).collect();
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
    run_at: DateTime<Utc>,
    error: String,
) -> Result<bool, StoreError> {
    let change = release(tx, State::Queued).set(jobs::Column::RunAt, run_at).set(jobs::Column::LastError, error);
    Ok(change.filter(still_held(lease)).run().await? == 1)
}

/// Makes a failed job a dead letter.
pub async fn bury(tx: &WriteTx<TenantScope>, lease: &Lease, error: String) -> Result<bool, StoreError> {
    let change = release(tx, State::Dead).set(jobs::Column::LastError, error);
    Ok(change.filter(still_held(lease)).run().await? == 1)
}

/// Queues a job that was claimed and not tried: the claim counted an attempt that was none.
pub async fn put_back(tx: &WriteTx<TenantScope>, lease: &Lease, run_at: DateTime<Utc>) -> Result<bool, StoreError> {
    let change = release(tx, State::Queued).add(jobs::Column::Attempts, -1).set(jobs::Column::RunAt, run_at);
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
        .one()
        .await?;
    Ok(oldest.map(|job| job.run_at))
}

/// Whose jobs a clock that ran ahead has written, or some of them; a tenant may come more than once.
pub async fn tenants_from_the_future(tx: &ReadTx<Platform>) -> Result<Vec<TenantId>, StoreError> {
    use job_ages::Column::{Attempts, CreatedAt, LeaseUntil, RunAt, State as StateColumn, TenantId as Tenant};
    let horizon = rules::horizon(tx.time());
    let made = CreatedAt.gt(horizon.made);
    let failed = Condition::all().add(Attempts.gt(0)).add(RunAt.gt(horizon.retry));
    let waits = Condition::all()
        .add(StateColumn.eq(State::Queued.word()))
        .add(RunAt.gt(horizon.made))
        .add(Condition::any().add(made).add(failed));
    let leased = Condition::all().add(StateColumn.eq(State::Running.word())).add(LeaseUntil.gt(horizon.lease));
    let rows: Vec<(Uuid,)> = tx
        .list::<job_ages::Entity>()
        .of_words(StateColumn, &[State::Queued.word(), State::Running.word()])
        .filter(Condition::any().add(waits).add(leased))
        .limit(TENANT_ROWS_MAX)
        .columns([Tenant])
        .await?;
    Ok(rows.into_iter().map(|(tenant,)| TenantId::from_uuid(tenant)).collect())
}

/// Up to `limit` jobs of which a time lies so far ahead that it may be wrong.
pub async fn from_the_future(tx: &impl Tx, limit: u64) -> Result<Vec<(JobId, Times)>, StoreError> {
    let horizon = rules::horizon(tx.now());
    let ahead =
        Condition::any().add(jobs::Column::RunAt.gt(horizon.made)).add(jobs::Column::LeaseUntil.gt(horizon.lease));
    let suspect = Condition::any().add(jobs::Column::CreatedAt.gt(horizon.made)).add(jobs::Column::Attempts.gt(0));
    let found = tx
        .find::<jobs::Entity>()
        .of_words(jobs::Column::State, &[State::Queued.word(), State::Running.word()])
        .filter(ahead)
        .filter(suspect)
        .limit(limit)
        .all()
        .await?;
    let times = found.into_iter().filter_map(|job| {
        let state = State::parse(&job.state)?;
        let attempts = job.attempts.unsigned_abs();
        let times =
            Times { state, attempts, created_at: job.created_at, run_at: job.run_at, lease_until: job.lease_until };
        Some((JobId::from_uuid(job.id), times))
    });
    Ok(times.collect())
}

/// Gives a job other times; answers whether it was still as `before` says.
pub async fn set_times(tx: &WriteTx<TenantScope>, job: JobId, before: Times, after: Times) -> Result<bool, StoreError> {
    let changed = tx
        .update::<jobs::Entity>()
        .set(jobs::Column::CreatedAt, after.created_at)
        .set(jobs::Column::RunAt, after.run_at)
        .set(jobs::Column::LeaseUntil, after.lease_until)
        .filter(jobs::Column::Id.eq(job.uuid()))
        .filter(jobs::Column::State.eq(before.state.word()))
        .filter(jobs::Column::Attempts.eq(i64::from(before.attempts)))
        .filter(jobs::Column::RunAt.eq(before.run_at))
        .run()
        .await?;
    Ok(changed == 1)
}
