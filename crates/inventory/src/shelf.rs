//! The shelf: what is known of the stock without asking the database.
//!
//! It shows how many are left, and it turns away the crowd that comes for what is sold out before the lane's queue:
//! a hundred losers cost a microsecond each there, and a place in a batch each behind it.
//!
//! Invariants: the row is the truth, so the shelf can only say no early, never yes; it knows "nothing left", never
//! whether there is enough; nothing it says is older than a second; one tenant's mark says nothing to another.

mod marks;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use catalog::{GoodsKind, SkuId};
use chrono::{DateTime, Utc};
use kernel::{Clock, TenantScope};
use metrics::Counter;
use store::{ScopedCache, Store, StoreError};

use crate::error::InventoryError;
use crate::model::StockCount;
use crate::repo;
use marks::Marks;

/// The stock as it was a moment ago. Clones share what they know.
#[derive(Clone)]
pub struct Shelf {
    store: Store,
    counts: ScopedCache<SkuId, u32>,
    marks: Marks,
    /// Held because a losing buyer of a flash sale costs less than looking them up.
    watched: Watched,
}

/// What became of numbers that were shown before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// They are the same, and as late as this they are not older than a second.
    Same {
        /// When one of them is too old to be shown.
        until: DateTime<Utc>,
    },
    /// One of them is another.
    Other,
    /// One of them is not known any more: [`Shelf::left`] reads it.
    Unknown,
}

#[derive(Clone)]
struct Watched {
    turned_away: Counter,
    asked: Counter,
    read: Counter,
}

/// SKUs whose number is kept.
const COUNTS_MAX: u64 = 100_000;
/// How long a number is shown.
const COUNT_LIFE: Duration = Duration::from_secs(1);

impl Shelf {
    /// An empty shelf over this database, by the store's time.
    pub fn new(store: Store) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(store.clone());
        let counts = ScopedCache::new(Arc::clone(&clock), COUNTS_MAX, COUNT_LIFE);
        let watched = Watched {
            turned_away: metrics::counter!("cardgrove_shelf_turned_away_total"),
            asked: metrics::counter!("cardgrove_shelf_asked_total"),
            read: metrics::counter!("cardgrove_shelf_read_total"),
        };
        Self { store, counts, marks: Marks::new(clock), watched }
    }

    /// How many of each SKU are left to show, 0 if there never were any; never older than a second. What unpaid orders
    /// hold is not left. One query for all that is not in memory, however many ask at the same time.
    pub async fn counts(&self, scope: &TenantScope, skus: &[SkuId]) -> Result<HashMap<SkuId, u32>, InventoryError> {
        let (store, owner, missing) = (self.store.clone(), *scope, self.watched.read.clone());
        self.watched.asked.increment(skus.len() as u64);
        let load = move |skus: Vec<SkuId>| {
            missing.increment(skus.len() as u64);
            read(store, owner, skus)
        };
        let mut counts = self.counts.get_all(scope, skus, load).await?;
        // Cards that have expired are still counted; the lane, which has looked at them, knows better.
        for (sku, count) in counts.iter_mut().filter(|(_, count)| **count > 0) {
            if self.marks.is_marked(scope, *sku) {
                *count = 0;
            }
        }
        Ok(counts)
    }

    /// As [`Shelf::counts`], for SKUs of these kinds: of what a person does there is no end, `u32::MAX`.
    pub async fn left(
        &self,
        scope: &TenantScope,
        skus: &[(SkuId, GoodsKind)],
    ) -> Result<HashMap<SkuId, u32>, InventoryError> {
        let counted: Vec<SkuId> = skus.iter().filter(|(_, kind)| kind.is_counted()).map(|(sku, _)| *sku).collect();
        let mut left = self.counts(scope, &counted).await?;
        left.extend(skus.iter().filter(|(_, kind)| !kind.is_counted()).map(|(sku, _)| (*sku, u32::MAX)));
        Ok(left)
    }

    /// Whether these numbers, none of which counts beyond `most`, are still what is to be shown. Without a query and
    /// without an allocation, so that a page that was made before can ask it again and again.
    pub fn compare(&self, scope: &TenantScope, shown: &[(SkuId, u32)], most: u32) -> Compared {
        self.watched.asked.increment(shown.len() as u64);
        let mut until = self.store.time() + COUNT_LIFE;
        for (sku, left) in shown {
            let Some((is, known_until)) = self.counts.get_until(scope, sku) else { return Compared::Unknown };
            let is = if is > 0 && self.marks.is_marked(scope, *sku) { 0 } else { is };
            if is.min(most) != (*left).min(most) {
                return Compared::Other;
            }
            until = until.min(known_until);
        }
        Compared::Same { until }
    }

    /// Whether an attempt to buy `sku` is refused here and now, because a moment ago the lane had nothing left.
    ///
    /// Ask once an attempt, last of all before the lane: while the SKU is marked one attempt in 250 ms gets `false`
    /// and must go on to the lane, to see whether there is something again; all others get `true`.
    pub fn turns_away(&self, scope: &TenantScope, sku: SkuId) -> bool {
        let is_turned_away = self.marks.turns_away(scope, sku);
        if is_turned_away {
            self.watched.turned_away.increment(1);
        }
        is_turned_away
    }

    /// The lane has answered that nothing is left of `sku`: the next 250 ms nobody needs to ask it.
    pub fn mark_sold_out(&self, scope: &TenantScope, sku: SkuId) {
        metrics::counter!("cardgrove_stock_events_total", "event" => "sold_out").increment(1);
        self.marks.mark(scope, sku);
    }

    /// The lane had some of these SKUs for an attempt that went through here: the others may follow it.
    pub fn found(&self, scope: &TenantScope, skus: &[SkuId]) {
        self.marks.found(scope, skus);
    }

    /// The lane has told somebody another number than was shown: it is read anew for whoever asks next.
    pub fn recount(&self, scope: &TenantScope, sku: SkuId) {
        self.counts.remove(scope, &[sku]);
    }

    /// Cards of these SKUs became free by a commit on this node: whoever asks next is let through, and the number is
    /// read anew.
    pub fn restocked(&self, scope: &TenantScope, skus: &[SkuId]) {
        metrics::counter!("cardgrove_stock_events_total", "event" => "restocked").increment(skus.len() as u64);
        self.marks.clear(scope, skus);
        self.counts.remove(scope, skus);
    }
}

async fn read(store: Store, scope: TenantScope, skus: Vec<SkuId>) -> Result<HashMap<SkuId, u32>, StoreError> {
    let tx = store.read(&scope).await?;
    let rows = repo::counts_in(&tx, &skus).await?;
    let left = |sku: &SkuId| rows.get(sku).map_or(0, StockCount::left);
    Ok(skus.iter().map(|sku| (*sku, left(sku))).collect())
}
