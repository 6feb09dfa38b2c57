//! How many keys may be looked up for those who are turned away. A crowd has a new key for every attempt, and each of
//! them is unknown: without a bound it would reach the database after all.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use kernel::Clock;
use tokio::sync::{Semaphore, SemaphorePermit};

/// At the same time.
const AT_ONCE: usize = 4;
/// What one costs of the budget, in microseconds: a hundred a second of this process.
const EACH_MICROS: i64 = 10_000;
/// How many may come at once after a pause.
const BURST: i64 = 20;

/// The budget of a process.
pub(super) struct Budget {
    places: Semaphore,
    /// Until when what was looked up is paid for, in microseconds.
    paid_until: AtomicI64,
    clock: Arc<dyn Clock>,
}

impl Budget {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { places: Semaphore::new(AT_ONCE), paid_until: AtomicI64::new(0), clock }
    }

    /// A turn to look, if there is one; it is over when it goes.
    pub fn take(&self) -> Option<SemaphorePermit<'_>> {
        let turn = self.places.try_acquire().ok()?;
        let now = self.clock.now().timestamp_micros();
        let next = |until| next(until, now);
        self.paid_until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok().map(|_| turn)
    }
}

/// Until when one more is paid for, if it may be looked up at `now`. What lies further ahead than the burst tells of a
/// clock that was set back.
fn next(until: i64, now: i64) -> Option<i64> {
    let ahead = EACH_MICROS * BURST;
    let until = if until > now + ahead { now } else { until.max(now) };
    (until + EACH_MICROS <= now + ahead).then_some(until + EACH_MICROS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How many of `asked` may look at `now`.
    fn let_in(until: &mut i64, now: i64, asked: usize) -> usize {
        let lets = |until: &mut i64| next(*until, now).map(|later| *until = later).is_some();
        (0..asked).filter(|_| lets(until)).count()
    }

    #[test]
    fn a_burst_and_then_a_hundred_a_second() {
        let mut until = 0;
        assert_eq!(let_in(&mut until, 1_000_000, 1_000), 20);
        assert_eq!(let_in(&mut until, 1_100_000, 1_000), 10);
        assert_eq!(let_in(&mut until, 99_000_000, 1_000), 20, "what is not used is not saved up");
    }

    #[test]
    fn a_clock_that_was_set_back_stops_nobody() {
        let mut until = 0;
        assert_eq!(let_in(&mut until, 5_000_000_000, 5), 5);
        assert_eq!(let_in(&mut until, 1_000_000, 5), 5);
    }

    proptest! {
        #[test]
        fn no_second_has_more_than_rate_and_burst(pauses in proptest::collection::vec(0i64..30_000, 1..500)) {
            let (mut until, mut now, mut looked) = (0, 1_000_000, Vec::new());
            for pause in pauses {
                now += pause;
                if let_in(&mut until, now, 1) == 1 {
                    looked.push(now);
                }
            }
            for (index, first) in looked.iter().enumerate() {
                let in_second = looked[index..].iter().take_while(|at| **at < first + 1_000_000).count();
                prop_assert!(in_second <= 121);
            }
        }
    }
}
