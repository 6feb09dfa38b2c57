//! How fast orders come from one address.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use kernel::{Allowance, SiteId, SiteScope, TenantId, network};
use moka::sync::Cache;
use store::Store;

use crate::error::RiskError;
use crate::limits::Limits;
use crate::model::Freeze;
use crate::repo;
use crate::rules::{Verdict, Window};

/// Addresses that are remembered; the one that ordered longest ago goes first.
const ADDRESSES_MAX: u64 = 100_000;
/// How long a node may not know that another one has frozen an address.
const RELOADED_AFTER: Duration = Duration::from_secs(30);
/// Freezes of a list.
const LATEST_MAX: u64 = 100;

type Key = (TenantId, SiteId, IpAddr);

/// Counts orders by site and address. Clones share the counts; several nodes count each for itself and share the
/// freezes.
#[derive(Clone)]
pub struct Velocity {
    store: Store,
    windows: Cache<Key, Arc<Mutex<Window>>>,
    /// Addresses whose freeze was read a short time ago.
    fresh: Cache<Key, ()>,
}

impl Velocity {
    /// Nobody has ordered yet.
    pub fn new(store: Store) -> Self {
        let windows = Cache::builder().max_capacity(ADDRESSES_MAX).build();
        let fresh = Cache::builder().max_capacity(ADDRESSES_MAX).time_to_live(RELOADED_AFTER).build();
        Self { store, windows, fresh }
    }

    /// Counts an order of `address` on the site, unless it is frozen. The last order that may pass freezes it, and
    /// writes a row for a person to review.
    pub async fn order(&self, scope: &SiteScope, address: IpAddr, limits: &Limits) -> Result<(), RiskError> {
        let address = network(address);
        let window = self.window(scope, address).await?;
        let now = self.store.time();
        let verdict = window.lock().unwrap_or_else(PoisonError::into_inner).order(limits, now);
        match verdict {
            Verdict::Pass => Ok(()),
            Verdict::PassAndFreeze { until } => Box::pin(self.freeze(scope, address, until)).await,
            Verdict::Frozen { until } => {
                let retry_after = (until - now).to_std().unwrap_or_default();
                Err(RiskError::Frozen { retry_after })
            }
        }
    }

    async fn freeze(&self, scope: &SiteScope, address: IpAddr, until: DateTime<Utc>) -> Result<(), RiskError> {
        let tx = self.store.write(scope).await?;
        repo::insert_in(&tx, address, until).await?;
        tx.commit().await?;
        tracing::warn!(tenant.id = %scope.tenant(), site.id = %scope.site(), %until, "an address is frozen");
        Ok(())
    }

    /// What is left for orders of `address` on the site, as far as this node has counted.
    pub fn left(&self, scope: &SiteScope, address: IpAddr, limits: &Limits) -> Allowance {
        let known = self.windows.get(&(scope.tenant(), scope.site(), network(address)));
        let now = self.store.time();
        match known {
            Some(window) => window.lock().unwrap_or_else(PoisonError::into_inner).left(limits, now),
            None => Window::default().left(limits, now),
        }
    }

    /// The latest freezes of the site, newest first.
    pub async fn latest(&self, scope: &SiteScope) -> Result<Vec<Freeze>, RiskError> {
        let tx = self.store.read(scope).await?;
        repo::latest_in(&tx, LATEST_MAX).await
    }

    async fn window(&self, scope: &SiteScope, address: IpAddr) -> Result<Arc<Mutex<Window>>, RiskError> {
        let key: Key = (scope.tenant(), scope.site(), address);
        if !self.fresh.contains_key(&key) {
            // What waits for a database is large, and most orders do not.
            let until = Box::pin(self.frozen_until(scope, address)).await?;
            let window = self.windows.get_with(key, || Arc::new(Mutex::new(Window::frozen(until))));
            window.lock().unwrap_or_else(PoisonError::into_inner).freeze(until);
            self.fresh.insert(key, ());
        }
        Ok(self.windows.get_with(key, Arc::default))
    }

    async fn frozen_until(&self, scope: &SiteScope, address: IpAddr) -> Result<Option<DateTime<Utc>>, RiskError> {
        let tx = self.store.read(scope).await?;
        Ok(repo::frozen_until_in(&tx, address).await?)
    }
}
