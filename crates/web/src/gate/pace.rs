//! How fast each address asks, in as much memory for a million addresses as for one.
//!
//! Each address has a place in each of two rows of moments: until when what it has asked is paid for (GCRA). It may ask
//! as long as one of its two moments is not too far ahead. Two addresses that share a place in one row hardly ever share
//! the other one too, and who shares which depends on a secret of this process.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kernel::{Allowance, network};

/// Moments of one row: half a megabyte each.
const PLACES: usize = 1 << 16;
const NANOS: u64 = 1_000_000_000;

/// The paces of all addresses.
pub(crate) struct Pace {
    began: Instant,
    /// What one request costs, in nanoseconds.
    each: u64,
    /// How far ahead a moment may be.
    ahead: u64,
    burst: u32,
    rows: [(RandomState, Box<[AtomicU64]>); 2],
}

impl Pace {
    /// So many requests a second, and `burst` of them at once.
    pub fn new(rate: u32, burst: u32) -> Self {
        let (each, burst) = (NANOS / u64::from(rate.max(1)), burst.max(1));
        let row = || (RandomState::new(), (0..PLACES).map(|_| AtomicU64::new(0)).collect());
        Self { began: Instant::now(), each, ahead: each * u64::from(burst), burst, rows: [row(), row()] }
    }

    /// Counts a request of `address`, unless it comes too fast.
    pub fn lets(&self, address: IpAddr) -> bool {
        self.lets_at(address, self.now())
    }

    /// Whether a request of `address` would be let in; it is not counted.
    pub fn is_open(&self, address: IpAddr) -> bool {
        self.is_open_at(address, self.now())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn is_open_at(&self, address: IpAddr, now: u64) -> bool {
        let address = network(address);
        self.rows.iter().any(|(secret, row)| {
            let until = row[place_of(secret, address)].load(Ordering::Relaxed);
            until.max(now) + self.each <= now + self.ahead
        })
    }

    fn lets_at(&self, address: IpAddr, now: u64) -> bool {
        let address = network(address);
        let mut is_let = false;
        for (secret, row) in &self.rows {
            let place = place_of(secret, address);
            let next = |until: u64| {
                let until = until.max(now) + self.each;
                (until <= now + self.ahead).then_some(until)
            };
            is_let |= row[place].fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok();
        }
        is_let
    }

    /// What an address is told that is refused.
    pub fn allowance(&self) -> Allowance {
        let (window, resets_after) = (Duration::from_nanos(self.ahead), Duration::from_nanos(self.each));
        Allowance { name: "requests", most: self.burst, window, left: 0, resets_after }
    }
}

fn place_of(secret: &RandomState, network: IpAddr) -> usize {
    usize::try_from(secret.hash_one(network)).unwrap_or_default() % PLACES
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([203, 0, 113, last])
    }

    #[test]
    fn a_burst_passes_and_then_one_for_each_moment_that_goes_by() {
        let pace = Pace::new(10, 5);
        let passed = |now, asked: u32| (0..asked).filter(|_| pace.lets_at(address(1), now)).count();
        assert_eq!(passed(NANOS, 100), 5);
        assert_eq!(passed(NANOS + NANOS / 10, 100), 1);
        assert_eq!(passed(NANOS + NANOS / 2, 100), 4);
        assert_eq!(passed(100 * NANOS, 100), 5, "what is not used is not saved up");
    }

    #[test]
    fn looking_whether_an_address_is_let_in_counts_nothing() {
        let pace = Pace::new(1, 1);
        assert!((0..5).all(|_| pace.is_open_at(address(1), NANOS)) && pace.lets_at(address(1), NANOS));
        assert!(!pace.is_open_at(address(1), NANOS) && pace.is_open_at(address(1), 3 * NANOS));
    }

    #[test]
    fn neighbours_of_version_six_are_counted_together_and_others_apart() {
        let pace = Pace::new(1, 2);
        let lets = |text: &str| pace.lets_at(text.parse().expect("an address"), NANOS);
        assert!(lets("2001:db8:1:2::1") && lets("2001:db8:1:2::2"));
        assert!(!lets("2001:db8:1:2:ffff::3"));
        assert!(lets("2001:db8:1:3::1") && lets("198.51.100.7"));
    }

    #[test]
    fn ten_thousand_floods_keep_hardly_anybody_else_away() {
        let pace = Pace::new(1, 1);
        let lets = |number: u32| pace.lets_at(IpAddr::from((number + (1 << 24)).to_be_bytes()), NANOS);
        let _ = (0..10_000).map(lets).filter(|let_in| *let_in).count();
        let turned_away = (20_000..21_000).filter(|number| !lets(*number)).count();
        assert!(turned_away < 60, "{turned_away} of 1000 strangers");
    }

    proptest! {
        #[test]
        fn no_second_passes_more_than_burst_and_rate(
            pauses in proptest::collection::vec(0u64..200_000_000, 1..300), rate in 1u32..50, burst in 1u32..50
        ) {
            let (pace, mut now, mut passed) = (Pace::new(rate, burst), NANOS, Vec::new());
            for pause in pauses {
                now += pause;
                if pace.lets_at(address(9), now) {
                    passed.push(now);
                }
            }
            for (index, first) in passed.iter().enumerate() {
                let in_second = passed[index..].iter().take_while(|at| **at < first + NANOS).count();
                prop_assert!(in_second <= (rate + burst) as usize + 1);
            }
        }
    }
}
