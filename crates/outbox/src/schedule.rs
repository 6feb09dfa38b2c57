//! Jobs that come again: one for each tenant and slot of time, however many nodes plan them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{Platform, TenantId};
use store::{Store, StoreError, Tx};

use crate::model::{Job, NewJob};
use crate::{outbox, repo, rules};

/// Below this the planner, which looks every two seconds, could miss a slot.
const PERIOD_MIN: Duration = Duration::from_secs(10);

/// Whose jobs to plan. The room of tenants stands above this one, so the list is handed in.
#[async_trait]
pub trait Tenants: Send + Sync + 'static {
    /// The active tenants.
    async fn all(&self) -> Result<Vec<TenantId>, StoreError>;
}

/// What comes again, and how often.
///
/// A slot is a whole multiple of the period since 1970, in UTC. Its job is written while the slot before lasts and is
/// due at the slot's start; after a time without any node the last planned job runs once, and missed slots do not pile up.
pub struct Schedule {
    tenants: Arc<dyn Tenants>,
    entries: Vec<Entry>,
    /// The slot this node planned last, by entry and tenant, so that it asks the database once a slot.
    planned: Mutex<HashMap<(usize, TenantId), DateTime<Utc>>>,
}

struct Entry {
    name: &'static str,
    kind: &'static str,
    payload: String,
    period: Duration,
}

impl Schedule {
    /// An empty schedule for these tenants.
    pub fn of(tenants: Arc<dyn Tenants>) -> Self {
        Self { tenants, entries: Vec::new(), planned: Mutex::default() }
    }

    /// Adds `job` for every tenant, each `period` of at least 10 seconds. `name` tells schedules of one kind apart.
    pub fn every<J: Job>(mut self, name: &'static str, period: Duration, job: &J) -> Self {
        assert!(period >= PERIOD_MIN, "{name} comes more often than every {PERIOD_MIN:?}");
        let is_new = self.entries.iter().all(|entry| (entry.kind, entry.name) != (J::KIND, name));
        assert!(is_new, "{name} is scheduled twice");
        let payload = outbox::payload(job).expect("a scheduled job is small and fixed");
        self.entries.push(Entry { name, kind: J::KIND, payload, period });
        self
    }

    /// Writes the jobs of the coming slots that are not there yet; answers how many.
    pub(crate) async fn plan(&self, store: &Store) -> Result<u64, StoreError> {
        if self.entries.is_empty() {
            return Ok(0);
        }
        let tenants = self.tenants.all().await?;
        self.forget_others(&tenants);
        let mut written = 0;
        for tenant in tenants {
            let due = self.unplanned(tenant, store.time());
            if due.is_empty() {
                continue;
            }
            // One tenant's trouble, such as a row that is gone, does not keep the others waiting.
            match self.plan_tenant(store, tenant, &due).await {
                Ok(rows) => written += rows,
                Err(error) => tracing::warn!(tenant.id = %tenant, %error, "no jobs could be planned for {tenant}"),
            }
        }
        Ok(written)
    }

    /// The slots follow from the transaction's time, which all nodes share; this node's own only says when to look.
    async fn plan_tenant(&self, store: &Store, tenant: TenantId, due: &[usize]) -> Result<u64, StoreError> {
        let tx = store.write(&Platform::assume().tenant(tenant)).await?;
        let (mut written, mut planned) = (0, Vec::new());
        for &index in due {
            let entry = &self.entries[index];
            let Some(slot) = rules::slot_to_plan(tx.now(), entry.period) else { continue };
            let name = format!("{}@{}", entry.name, slot.timestamp_micros());
            let id = rules::named_id(tenant, entry.kind, &name, 0);
            let new = NewJob { id, kind: entry.kind, payload: entry.payload.clone(), run_at: slot };
            written += repo::insert_new(&tx, [new]).await? as u64;
            planned.push(((index, tenant), slot));
        }
        tx.commit().await?;
        self.planned().extend(planned);
        Ok(written)
    }

    fn unplanned(&self, tenant: TenantId, now: DateTime<Utc>) -> Vec<usize> {
        let planned = self.planned();
        let is_due = |index: &usize| {
            let slot = rules::slot_to_plan(now, self.entries[*index].period);
            slot.is_some_and(|slot| planned.get(&(*index, tenant)) != Some(&slot))
        };
        (0..self.entries.len()).filter(is_due).collect()
    }

    fn forget_others(&self, tenants: &[TenantId]) {
        let kept: HashSet<&TenantId> = tenants.iter().collect();
        self.planned().retain(|(_, tenant), _| kept.contains(tenant));
    }

    fn planned(&self) -> std::sync::MutexGuard<'_, HashMap<(usize, TenantId), DateTime<Utc>>> {
        self.planned.lock().expect("no holder panics")
    }
}
