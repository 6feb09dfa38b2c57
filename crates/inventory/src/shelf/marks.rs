//! Marks: of which SKUs the lane had nothing left a moment ago.
//!
//! A mark silences the crowd for 250 ms. Then one attempt, the probe, goes through and the mark is silent for as long
//! again, so that the crowd waits for what the probe finds: nothing (it is marked anew) or something (it is cleared).
//! A probe that never comes back is followed by the next one, and after a second without news from the lane the mark
//! is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use catalog::SkuId;
use kernel::{Clock, TenantScope};
use store::ScopedCache;

/// How long nobody is let through, in microseconds.
pub(super) const SILENCE_MICROS: i64 = 250_000;
/// How long a mark is believed without news.
pub(super) const MARK_LIFE: Duration = Duration::from_secs(1);
/// SKUs that are marked at the same time; a mark that found no room costs its crowd a batch, nothing else.
const MARKS_MAX: u64 = 100_000;

#[derive(Clone)]
pub(super) struct Marks {
    marks: ScopedCache<SkuId, Arc<Mark>>,
    clock: Arc<dyn Clock>,
}

/// One word, so that the crowd needs no lock: until when nobody is let through, in microseconds, times two, plus one
/// if a probe is out.
struct Mark(AtomicI64);

impl Mark {
    const fn of(now: i64) -> Self {
        Self(AtomicI64::new((now + SILENCE_MICROS) << 1))
    }

    const fn until(word: i64) -> i64 {
        word >> 1
    }

    /// Whether an attempt is turned away; once the silence is over, the first one is not.
    fn turns_away(&self, clock: &dyn Clock) -> bool {
        let seen = self.0.load(Ordering::Acquire);
        // The time is read after the word: a probe that went out meanwhile is then never taken for an old one.
        let now = clock.now().timestamp_micros();
        if now < Self::until(seen) {
            return true;
        }
        let probed = ((now + SILENCE_MICROS) << 1) | 1;
        self.0.compare_exchange(seen, probed, Ordering::AcqRel, Ordering::Acquire).is_err()
    }

    fn is_silent(&self, now: i64) -> bool {
        now < Self::until(self.0.load(Ordering::Acquire))
    }

    fn has_probe_out(&self) -> bool {
        self.0.load(Ordering::Acquire) & 1 == 1
    }
}

impl Marks {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { marks: ScopedCache::new(Arc::clone(&clock), MARKS_MAX, MARK_LIFE), clock }
    }

    pub fn mark(&self, scope: &TenantScope, sku: SkuId) {
        let now = self.clock.now().timestamp_micros();
        self.marks.insert(scope, sku, Arc::new(Mark::of(now)));
    }

    pub fn clear(&self, scope: &TenantScope, skus: &[SkuId]) {
        self.marks.remove(scope, skus);
    }

    /// Clears the marks that a probe was sent for. A fresh mark stays: it is younger news than a purchase that was
    /// decided before it and is told of only now.
    pub fn found(&self, scope: &TenantScope, skus: &[SkuId]) {
        for sku in skus {
            if self.marks.get(scope, sku).is_some_and(|mark| mark.has_probe_out()) {
                self.marks.remove(scope, &[*sku]);
            }
        }
    }

    pub fn turns_away(&self, scope: &TenantScope, sku: SkuId) -> bool {
        self.marks.get(scope, &sku).is_some_and(|mark| mark.turns_away(self.clock.as_ref()))
    }

    pub fn is_marked(&self, scope: &TenantScope, sku: SkuId) -> bool {
        self.marks.get(scope, &sku).is_some_and(|mark| mark.is_silent(self.clock.now().timestamp_micros()))
    }
}

#[cfg(test)]
mod tests;
