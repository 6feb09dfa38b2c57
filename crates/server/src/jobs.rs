//! What comes again by the clock.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use books::CloseDays;
use chrono::TimeDelta;
use funds::WatchPrepaid;
use kernel::TenantId;
use levels::JudgeLevels;
use order::SweepHolds;
use outbox::{Handler, Job, JobContext, JobError, Schedule, Tenants};
use payment::Rescue;
use serde::{Deserialize, Serialize};
use settlement::SettleDue;
use store::{Store, StoreError, Tx};
use tenancy::Tenancy;

/// How long a caller's idempotency key is kept.
const REQUEST_KEYS_LIFE: TimeDelta = TimeDelta::hours(72);

/// Keys forgotten in one transaction.
const PRUNED_AT_ONCE: u64 = 2_000;

/// Forgets old idempotency keys.
#[derive(Serialize, Deserialize)]
pub struct PruneKeys {}

impl Job for PruneKeys {
    const KIND: &'static str = "lane.prune_keys";
}

/// Writes the head of the ledger's chain to a file outside the database.
#[derive(Serialize, Deserialize)]
pub struct ExportHead {}

impl Job for ExportHead {
    const KIND: &'static str = "ledger.export_head";
}

/// Handles [`PruneKeys`].
pub struct KeyPruner {
    /// The database.
    pub store: Store,
}

/// Handles [`ExportHead`].
pub struct HeadExporter {
    /// The database.
    pub store: Store,
    /// Where the heads are kept, one file a tenant.
    pub folder: PathBuf,
}

#[async_trait]
impl Handler<PruneKeys> for KeyPruner {
    async fn run(&self, context: &JobContext, _job: PruneKeys) -> Result<(), JobError> {
        // Short transactions: on SQLite nobody else writes meanwhile.
        loop {
            let tx = self.store.write(context.scope()).await?;
            let pruned = lane::prune_in(&tx, tx.now() - REQUEST_KEYS_LIFE, PRUNED_AT_ONCE).await?;
            tx.commit().await?;
            if pruned < PRUNED_AT_ONCE {
                return Ok(());
            }
        }
    }
}

#[async_trait]
impl Handler<ExportHead> for HeadExporter {
    async fn run(&self, context: &JobContext, _job: ExportHead) -> Result<(), JobError> {
        let tx = self.store.read(context.scope()).await?;
        let head = ledger::head_in(&tx).await.map_err(|error| JobError::Retry(error.to_string()))?;
        let Some((sequence, hash)) = head else { return Ok(()) };
        let line = format!("{sequence} {hash} {}\n", tx.now().to_rfc3339());
        let file = self.folder.join(head_file(context.scope().id()));
        let written = std::fs::create_dir_all(&self.folder)
            .and_then(|()| OpenOptions::new().create(true).append(true).open(file))
            .and_then(|mut file| file.write_all(line.as_bytes()));
        written.map_err(|error| JobError::Retry(error.to_string()))
    }
}

/// The name of a tenant's file of heads.
pub fn head_file(tenant: TenantId) -> String {
    format!("{tenant}.heads")
}

/// The active tenants, for the schedule.
pub struct ActiveTenants(pub Tenancy);

#[async_trait]
impl Tenants for ActiveTenants {
    async fn all(&self) -> Result<Vec<TenantId>, StoreError> {
        let mut tenants: Vec<TenantId> = self.0.shops().iter().map(|(_, shop)| shop.tenant.id).collect();
        tenants.sort();
        tenants.dedup();
        Ok(tenants)
    }
}

/// All schedules of the house.
pub fn schedule(tenancy: &Tenancy) -> Schedule {
    Schedule::of(std::sync::Arc::new(ActiveTenants(tenancy.clone())))
        .every("hourly", Duration::from_secs(3600), &ExportHead {})
        .every("daily", Duration::from_secs(24 * 3600), &PruneKeys {})
        .every("settlement", Duration::from_secs(60), &SettleDue { is_whole: false })
        .every("settlement_whole", Duration::from_secs(24 * 3600), &SettleDue { is_whole: true })
        .every("prepaid", Duration::from_secs(300), &WatchPrepaid {})
        .every("closings", Duration::from_secs(600), &CloseDays {})
        .every("levels", Duration::from_secs(600), &JudgeLevels {})
        .every("rescue", Duration::from_secs(600), &Rescue {})
        .every("holds", Duration::from_secs(10), &SweepHolds {})
}
