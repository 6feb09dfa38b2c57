//! What a clock that ran ahead has left behind: jobs that would wait until the true time is where the wrong one was.
//!
//! A clock that stood two days ahead for a second wrote jobs that are due in two days, among them refunds. Nobody may
//! wait so long for his money, so a job that says that it was made in the future keeps the wait it was given, from now.
//! Whether now is wrong or was, nobody can know: after a clock that fell back is right again, waits that were set right
//! by it end early. Jobs bear that, they are run at least once in any case.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use kernel::{Platform, TenantId};
use store::{Store, StoreError};

use crate::model::JobId;
use crate::repo;
use crate::rules::{self, Times};

/// How many jobs are set right at a time.
const ROWS_MAX: u64 = 1_000;
/// They are looked for this often even if this process has written nothing in the future: another one may have.
const LOOK_EVERY: Duration = Duration::from_secs(300);
/// What this process wrote lies so much ahead of the time: the clock ran ahead. Nodes of one database share its clock.
const AHEAD_MIN: TimeDelta = TimeDelta::seconds(1);

/// When it is time to look.
#[derive(Default)]
pub struct Watch {
    looked: Option<Instant>,
}

impl Watch {
    /// Sets jobs right, if this process has written by a time that is still to come, or the last look is long ago.
    pub async fn look(&mut self, store: &Store) -> Result<(), StoreError> {
        let time = store.read_platform(&Platform::assume()).await?.time();
        let is_long_ago = self.looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY);
        if store.was_ahead(time) < AHEAD_MIN && !is_long_ago {
            return Ok(());
        }
        if set_right(store).await?.is_all {
            store.is_right_at(time);
            self.looked = Some(Instant::now());
        }
        Ok(())
    }
}

/// What was set right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Righted {
    /// How many jobs.
    pub jobs: u64,
    /// Whether no tenant's were in the way.
    pub is_all: bool,
}

/// Sets the times of all tenants' jobs right.
pub async fn set_right(store: &Store) -> Result<Righted, StoreError> {
    let (mut righted, mut after) = (Righted { jobs: 0, is_all: true }, None);
    loop {
        let (last, wrong) = find(store, after).await?;
        for (tenant, jobs) in wrong {
            // One tenant's trouble does not keep the others waiting.
            match set_tenant_right(store, tenant, &jobs).await {
                Ok(rows) => righted.jobs += rows,
                Err(error) => {
                    righted.is_all = false;
                    tracing::warn!(tenant.id = %tenant, %error, "jobs of {tenant} stay due in the future");
                }
            }
        }
        if last.is_none() {
            return Ok(righted);
        }
        after = last;
    }
}

/// A job with its times as they are and as they should be.
type Wrong = (JobId, Times, Times);
/// Where a page of jobs ends.
type Place = (TenantId, JobId);

/// A page of the jobs whose times are wrong, those after the place `after`; and its last place, if more may follow.
async fn find(
    store: &Store,
    after: Option<Place>,
) -> Result<(Option<Place>, BTreeMap<TenantId, Vec<Wrong>>), StoreError> {
    let tx = store.read_platform(&Platform::assume()).await?;
    let found = repo::from_the_future(&tx, after, ROWS_MAX).await?;
    let last = found.last().filter(|_| found.len() as u64 == ROWS_MAX).map(|(tenant, job, _)| (*tenant, *job));
    let mut wrong = BTreeMap::<TenantId, Vec<Wrong>>::new();
    for (tenant, job, times) in found {
        if let Some(right) = rules::right_times(times, tx.time()) {
            wrong.entry(tenant).or_default().push((job, times, right));
        }
    }
    Ok((last, wrong))
}

async fn set_tenant_right(store: &Store, tenant: TenantId, jobs: &[Wrong]) -> Result<u64, StoreError> {
    let tx = store.write(&Platform::assume().tenant(tenant)).await?;
    let rows = repo::set_times(&tx, jobs).await?;
    tx.commit().await?;
    tracing::warn!(tenant.id = %tenant, rows, "{rows} jobs of {tenant} were made by a clock that ran ahead");
    Ok(rows)
}
