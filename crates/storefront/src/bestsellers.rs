//! What a shop sold lately: a sum over all its orders of 30 days, which a page hardly ever waits for.
//!
//! The figures are read again every ten minutes. Whoever comes first then waits for them a moment; everybody else, and
//! he too if it takes longer, is shown those of before. So a site with millions of orders has pages as fast as any.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use catalog::SkuId;
use chrono::TimeDelta;
use kernel::{SiteId, SiteScope};
use store::{ScopedCache, Store, StoreError, Tx};

/// Pieces sold, by SKU.
pub(crate) type Pieces = HashMap<SkuId, u64>;

/// How far back is looked.
const SOLD_LATELY: TimeDelta = TimeDelta::days(30);
/// Sites whose figures are kept in memory.
const SITES_MAX: u64 = 2_000;
/// How long figures are new.
const NEW_FOR: Duration = Duration::from_secs(600);
/// How long they are shown while nobody succeeds in reading them again.
const SHOWN_FOR: Duration = Duration::from_secs(3600);
/// How long a page waits for a reading, which goes on without it.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// The figures of all sites. Clones share them.
#[derive(Clone)]
pub(crate) struct Bestsellers {
    store: Store,
    known: ScopedCache<SiteId, Arc<Pieces>>,
    /// Sites whose figures are new, or being read.
    new: ScopedCache<SiteId, ()>,
}

impl Bestsellers {
    /// Knows nothing yet.
    pub fn new(store: Store) -> Self {
        let cache = Arc::new(store.clone());
        let known = ScopedCache::new(cache.clone(), SITES_MAX, SHOWN_FOR);
        Self { store, known, new: ScopedCache::new(cache, SITES_MAX, NEW_FOR) }
    }

    /// How many pieces of each SKU the site sold in 30 days, as it was known in the last minutes; none while the first
    /// reading takes longer than a page may.
    pub async fn of(&self, scope: &SiteScope) -> Result<Arc<Pieces>, StoreError> {
        let (engine, site) = (scope.engine(), scope.site());
        let known = self.known.get(&engine, &site);
        if let Some(known) = known.as_ref().filter(|_| self.new.get(&engine, &site).is_some()) {
            return Ok(Arc::clone(known));
        }
        self.new.insert(&engine, site, ());
        let (this, scope, is_first) = (self.clone(), *scope, known.is_none());
        let reading = tokio::spawn(async move { this.read(&scope, is_first).await });
        match tokio::time::timeout(WAIT_MAX, reading).await {
            Ok(Ok(Err(error))) if known.is_none() => Err(error),
            _ => Ok(self.known.get(&engine, &site).or(known).unwrap_or_default()),
        }
    }

    /// The first reading of a site is one, however many wait for it.
    async fn read(&self, scope: &SiteScope, is_first: bool) -> Result<(), StoreError> {
        let (engine, site) = (scope.engine(), scope.site());
        let read = if is_first {
            let (store, scope) = (self.store.clone(), *scope);
            let read = move |sites: Vec<SiteId>| async move {
                let sold = sold(&store, &scope).await?;
                Ok(sites.into_iter().map(|site| (site, Arc::clone(&sold))).collect())
            };
            self.known.get_all(&engine, &[site], read).await.map(|_| ())
        } else {
            sold(&self.store, scope).await.map(|sold| self.known.insert(&engine, site, sold))
        };
        if let Err(error) = &read {
            tracing::warn!(%error, site.id = %site, "what sold lately cannot be read: {error}");
            self.new.remove(&engine, &[site]);
        }
        read
    }
}

async fn sold(store: &Store, scope: &SiteScope) -> Result<Arc<Pieces>, StoreError> {
    let tx = store.read(scope).await?;
    Ok(Arc::new(order::sold_since_in(&tx, tx.now() - SOLD_LATELY).await?))
}
