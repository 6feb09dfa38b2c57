//! What a clock that ran ahead has left behind: jobs that would wait until the true time is where the wrong one was.
//!
//! A clock that stood two days ahead for a second wrote jobs that are due in two days, among them refunds. Nobody may
//! wait so long for his money, so a job that says that it was made in the future keeps the wait it was given, from now.

use std::collections::BTreeSet;

use kernel::{Platform, TenantId};
use store::{Store, StoreError, Tx};

use crate::repo;
use crate::rules;

/// How many of a tenant's jobs one transaction sets right; the rest comes with the next look.
const ROWS_MAX: u64 = 1_000;

/// Sets the times of such jobs right, of all tenants; answers how many.
pub async fn set_right(store: &Store) -> Result<u64, StoreError> {
    let tenants: BTreeSet<TenantId> = {
        let tx = store.read_platform(&Platform::assume()).await?;
        repo::tenants_from_the_future(&tx).await?.into_iter().collect()
    };
    let mut changed = 0;
    for tenant in tenants {
        let tx = store.write(&Platform::assume().tenant(tenant)).await?;
        let now = tx.now();
        let mut rows = 0;
        for (job, times) in repo::from_the_future(&tx, ROWS_MAX).await? {
            let Some(right) = rules::right_times(times, now) else { continue };
            rows += u64::from(repo::set_times(&tx, job, times, right).await?);
        }
        tx.commit().await?;
        tracing::warn!(tenant.id = %tenant, rows, "{rows} jobs of {tenant} were made by a clock that ran ahead; they are due by the true one now");
        changed += rows;
    }
    Ok(changed)
}
