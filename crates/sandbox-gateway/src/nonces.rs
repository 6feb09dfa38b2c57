//! Which nonces were seen in the last ten minutes.
//!
//! A message is taken from five minutes before to five minutes after its timestamp, so ten minutes are enough.
//! The sandbox forgets them when it restarts: a replay is then possible for as long as a timestamp is fresh.

use std::collections::{HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use crate::GatewayError;

const KEPT_FOR: TimeDelta = TimeDelta::minutes(10);
const NONCES_MAX: usize = 500_000;

type Print = [u8; 32];

/// The nonces in use, by their hash, oldest first.
#[derive(Default)]
pub(crate) struct Nonces {
    seen: HashSet<Print>,
    arrivals: VecDeque<(DateTime<Utc>, Print)>,
}

impl Nonces {
    /// Takes a nonce of a merchant; a second time within ten minutes is refused.
    pub(crate) fn take(&mut self, merchant: &str, nonce: &str, now: DateTime<Utc>) -> Result<(), GatewayError> {
        self.forget_before(now - KEPT_FOR);
        if self.arrivals.len() >= NONCES_MAX {
            return Err(GatewayError::Full { what: "nonces" });
        }
        let print: Print = Sha256::digest(format!("{merchant}\n{nonce}")).into();
        if !self.seen.insert(print) {
            return Err(GatewayError::NonceReused);
        }
        self.arrivals.push_back((now, print));
        Ok(())
    }

    fn forget_before(&mut self, limit: DateTime<Utc>) {
        while let Some((_, print)) = self.arrivals.pop_front_if(|(at, _)| *at < limit) {
            self.seen.remove(&print);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_taken_once_per_merchant_in_ten_minutes() {
        let (mut nonces, start) = (Nonces::default(), DateTime::UNIX_EPOCH);
        assert!(nonces.take("shop", "nonce-0001", start).is_ok());
        assert!(nonces.take("other", "nonce-0001", start).is_ok());
        let again = nonces.take("shop", "nonce-0001", start + TimeDelta::minutes(10));
        assert!(matches!(again, Err(GatewayError::NonceReused)));
        assert!(nonces.take("shop", "nonce-0001", start + TimeDelta::seconds(601)).is_ok());
        assert_eq!(nonces.seen.len(), nonces.arrivals.len());
    }
}
