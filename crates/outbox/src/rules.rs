//! Pure decisions: what a failure leads to, when to try again, which scheduled job must exist.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::TenantId;
use sha2::{Digest, Sha256};

use crate::handler::JobError;
use crate::model::JobId;

/// The first delay; each further one is twice as long.
const DELAY_MS_MIN: u64 = 1_000;
/// The longest delay, before the spread.
const DELAY_MS_MAX: u64 = 600_000;
/// How far a delay is moved at most, in thousandths, so that jobs that failed together do not come back together.
const SPREAD_PERMILLE: u64 = 200;
/// What is kept of an error.
const ERROR_CHARS_MAX: usize = 500;
/// The longest that the clocks of nodes and database may differ for a scheduled job to be made once.
const SKEW_MAX: Duration = Duration::from_secs(10);

/// What becomes of a job that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Retry(Duration),
    Dead,
}

/// Decides over the `attempt`th failure (the first is 1). `dice` is any number.
pub fn judge(error: &JobError, attempt: u32, attempts_max: u32, dice: u32) -> Verdict {
    match error {
        JobError::Dead(_) => Verdict::Dead,
        JobError::Retry(_) | JobError::Store(_) if attempt >= attempts_max => Verdict::Dead,
        JobError::Retry(_) | JobError::Store(_) => Verdict::Retry(backoff(attempt, dice)),
    }
}

/// How long to wait after the `attempt`th failure: 1 s, 2 s, 4 s .. 10 min, each up to a fifth shorter or longer.
pub fn backoff(attempt: u32, dice: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let delay = (DELAY_MS_MIN << doublings).min(DELAY_MS_MAX);
    let permille = 1_000 - SPREAD_PERMILLE + u64::from(dice) % (2 * SPREAD_PERMILLE + 1);
    Duration::from_millis(delay * permille / 1_000)
}

/// An error's text as it is kept.
pub fn kept(error: &str) -> String {
    error.chars().take(ERROR_CHARS_MAX).collect()
}

/// The id of the job that a tenant knows by kind and name. `place` tells apart jobs of one name.
pub fn named_id(tenant: TenantId, kind: &str, name: &str, place: u8) -> JobId {
    let mut hash = Sha256::new();
    hash.update(tenant.uuid().as_bytes());
    hash.update([place]);
    // A kind holds no blank, so that no two pairs of kind and name run together into one text.
    hash.update(kind.as_bytes());
    hash.update(b" ");
    hash.update(name.as_bytes());
    let digest = hash.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    JobId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// The start of the slot whose job must exist at `now`: the next one, while nobody can have begun it.
///
/// The job is written ahead and its id follows from the slot, so that nodes that plan the same slot write one row.
/// Close to the start there is no answer: a node whose clock is ahead may have run the job and removed its row, and
/// planning it again would run it twice.
pub fn slot_to_plan(now: DateTime<Utc>, period: Duration) -> Option<DateTime<Utc>> {
    let period_us = i64::try_from(period.as_micros()).ok().filter(|period| *period > 0)?;
    let margin_us = (period_us / 4).min(i64::try_from(SKEW_MAX.as_micros()).ok()?);
    let into_slot = now.timestamp_micros().rem_euclid(period_us);
    let left = period_us - into_slot;
    if left <= margin_us {
        return None;
    }
    now.checked_add_signed(TimeDelta::microseconds(left))
}

/// Whether `kind` reads `room.verb`: lower-case letters, digits and underscores around one point.
pub const fn is_kind(kind: &str) -> bool {
    let bytes = kind.as_bytes();
    let (mut index, mut points, mut letters) = (0, 0, 0);
    while index < bytes.len() {
        match bytes[index] {
            b'.' if letters > 0 => {
                points += 1;
                letters = 0;
            }
            b'a'..=b'z' | b'0'..=b'9' | b'_' => letters += 1,
            _ => return false,
        }
        index += 1;
    }
    points == 1 && letters > 0 && bytes.len() <= 64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn delays_double_from_a_second_to_ten_minutes() {
        let middle = u32::try_from(SPREAD_PERMILLE).expect("a small number");
        let seconds: Vec<u64> = (1..=12).map(|attempt| backoff(attempt, middle).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
    }

    #[test]
    fn the_last_attempt_is_the_end() {
        let error = JobError::Retry("no answer".into());
        assert!(matches!(judge(&error, 11, 12, 0), Verdict::Retry(_)));
        assert_eq!(judge(&error, 12, 12, 0), Verdict::Dead);
    }

    #[test]
    fn a_hopeless_job_is_dead_at_once() {
        assert_eq!(judge(&JobError::Dead("no such order".into()), 1, 12, 0), Verdict::Dead);
    }

    #[test]
    fn a_kind_is_room_and_verb() {
        for kind in ["order.deliver", "report_2.fold"] {
            assert!(is_kind(kind), "{kind}");
        }
        for kind in ["", ".", "order", "order.", ".deliver", "order.deliver.now", "Order.deliver", "order deliver"] {
            assert!(!is_kind(kind), "{kind}");
        }
    }

    #[test]
    fn ids_tell_tenant_kind_name_and_place_apart() {
        let (one, two) = (TenantId::new(), TenantId::new());
        let id = named_id(one, "a.b", "c", 0);
        assert_eq!(id, named_id(one, "a.b", "c", 0));
        for other in [named_id(two, "a.b", "c", 0), named_id(one, "a.c", "c", 0), named_id(one, "a.b", "d", 0)] {
            assert_ne!(id, other);
        }
        assert_ne!(id, named_id(one, "a.b", "c", 1));
    }

    #[test]
    fn a_slot_is_planned_ahead_and_not_when_it_could_have_begun() {
        let (minute, start) = (Duration::from_secs(60), DateTime::from_timestamp(600, 0).expect("in range"));
        let plan = |seconds| slot_to_plan(start + TimeDelta::seconds(seconds), minute);
        assert_eq!(plan(0), Some(start + TimeDelta::seconds(60)));
        assert_eq!(plan(49), Some(start + TimeDelta::seconds(60)));
        assert_eq!(plan(50), None);
        assert_eq!(plan(59), None);
    }

    proptest! {
        #[test]
        fn a_delay_is_within_a_fifth_of_its_step(attempt in any::<u32>(), dice in any::<u32>()) {
            let delay = backoff(attempt, dice).as_millis();
            let step = backoff(attempt, u32::try_from(SPREAD_PERMILLE).expect("small")).as_millis();
            prop_assert!(step * 8 <= delay * 10 && delay * 10 <= step * 12);
        }

        #[test]
        fn an_error_is_cut_between_characters(text in "\\PC{0,700}") {
            prop_assert!(text.starts_with(&kept(&text)) && kept(&text).chars().count() <= ERROR_CHARS_MAX);
        }

        #[test]
        fn a_planned_slot_is_the_next_and_not_too_close(seconds in 0i64..4_000_000_000, period in 10u64..100_000) {
            let now = DateTime::from_timestamp(seconds, 0).expect("in range");
            if let Some(slot) = slot_to_plan(now, Duration::from_secs(period)) {
                let ahead = (slot - now).to_std().expect("ahead");
                prop_assert!(ahead <= Duration::from_secs(period));
                prop_assert!(ahead > SKEW_MAX.min(Duration::from_secs(period) / 4));
                prop_assert_eq!(slot.timestamp() % i64::try_from(period).expect("fits"), 0);
            }
        }
    }
}
