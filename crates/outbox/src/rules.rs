//! Pure decisions: what a failure leads to, when to try again, which scheduled job must exist.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::TenantId;
use sha2::{Digest, Sha256};

use crate::attempt::LEASE;
use crate::handler::JobError;
use crate::model::{JobId, State};

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

/// When a job was made and when somebody may take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    pub state: State,
    pub attempts: u32,
    pub created_at: DateTime<Utc>,
    pub run_at: DateTime<Utc>,
    pub lease_until: Option<DateTime<Utc>>,
}

/// Times that no clock that is right at `now` can have written, given that nothing about jobs lies beyond them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizon {
    /// Nothing was made after it.
    pub made: DateTime<Utc>,
    /// Nothing that failed is tried again after it.
    pub retry: DateTime<Utc>,
    /// No lease lasts longer.
    pub lease: DateTime<Utc>,
}

/// What lies beyond these was written by a clock that ran ahead, and not by one of a node's that is a little off.
pub fn horizon(now: DateTime<Utc>) -> Horizon {
    let made = now + SKEW_MAX;
    let delay_max = Duration::from_millis(DELAY_MS_MAX * (1_000 + SPREAD_PERMILLE) / 1_000);
    Horizon { made, retry: made + delay_max, lease: made + LEASE }
}

/// The times of a job that a clock running ahead has written, set right; none if they can be right.
///
/// What was made in the future waits from now as long as it was to wait, what had failed is tried now, and a lease
/// lasts no longer than one that is taken now: what runs was due before.
pub fn right_times(times: Times, now: DateTime<Utc>) -> Option<Times> {
    let horizon = horizon(now);
    match times.state {
        State::Queued if times.attempts > 0 && times.run_at > horizon.retry => {
            Some(Times { created_at: times.created_at.min(now), run_at: now, ..times })
        }
        State::Queued if times.created_at > horizon.made && times.run_at > horizon.made => {
            let wait = (times.run_at - times.created_at).max(TimeDelta::zero());
            Some(Times { created_at: now, run_at: now + wait, ..times })
        }
        State::Running if times.lease_until > Some(horizon.lease) || times.run_at > horizon.made => {
            let lease_until = times.lease_until.map(|until| until.min(now + LEASE));
            Some(Times { created_at: times.created_at.min(now), run_at: times.run_at.min(now), lease_until, ..times })
        }
        State::Queued | State::Running | State::Dead => None,
    }
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

    /// Seconds from the present.
    fn times(state: State, attempts: u32, created: i64, run: i64, lease: Option<i64>) -> Times {
        let at = |s: i64| DateTime::UNIX_EPOCH + TimeDelta::seconds(s);
        Times { state, attempts, created_at: at(created), run_at: at(run), lease_until: lease.map(at) }
    }

    fn righted(times: Times) -> Option<Times> {
        right_times(times, DateTime::UNIX_EPOCH)
    }

    const TWO_DAYS: i64 = 172_800;

    #[test]
    fn a_job_from_the_future_keeps_its_wait() {
        let at_once = times(State::Queued, 0, TWO_DAYS, TWO_DAYS, None);
        assert_eq!(righted(at_once), Some(times(State::Queued, 0, 0, 0, None)));
        let in_a_minute = times(State::Queued, 0, TWO_DAYS, TWO_DAYS + 60, None);
        assert_eq!(righted(in_a_minute), Some(times(State::Queued, 0, 0, 60, None)));
    }

    #[test]
    fn a_failed_job_that_waits_longer_than_any_delay_is_tried_now() {
        let failed = times(State::Queued, 1, -60, TWO_DAYS, None);
        assert_eq!(righted(failed), Some(times(State::Queued, 1, -60, 0, None)));
        // Without a failure it may have been put off on purpose.
        assert_eq!(righted(times(State::Queued, 0, -60, TWO_DAYS, None)), None);
    }

    #[test]
    fn a_lease_from_the_future_lasts_as_long_as_a_new_one() {
        let leased = times(State::Running, 1, -60, -50, Some(TWO_DAYS));
        assert_eq!(righted(leased), Some(times(State::Running, 1, -60, -50, Some(60))));
        // One that was made by that clock as well has to be due when its lease ends.
        let made = times(State::Running, 1, TWO_DAYS, TWO_DAYS, Some(TWO_DAYS + 60));
        assert_eq!(righted(made), Some(times(State::Running, 1, 0, 0, Some(60))));
    }

    proptest! {
        #[test]
        fn what_a_right_clock_wrote_is_left_alone(
            age_s in -10_i64..100_000, wait_s in 0_i64..100_000, attempts in 1_u32..12, dice: u32, skew_s in 0_i64..10,
        ) {
            // A queued job, one that failed a moment ago, and one that was claimed a moment ago, all by a clock that is a
            // little ahead.
            let delay = i64::try_from(backoff(attempts, dice).as_secs()).expect("ten minutes");
            for job in [
                times(State::Queued, 0, -age_s, wait_s - age_s, None),
                times(State::Queued, attempts, -age_s, skew_s + delay, None),
                times(State::Running, attempts, -age_s, 0, Some(60 + skew_s)),
            ] {
                prop_assert_eq!(righted(job), None);
            }
        }

        #[test]
        fn what_is_set_right_stays_right(
            created in -TWO_DAYS..TWO_DAYS, run in -TWO_DAYS..TWO_DAYS, lease in -TWO_DAYS..TWO_DAYS, attempts in 0_u32..3,
        ) {
            for job in [
                times(State::Queued, attempts, created, run, None),
                times(State::Running, attempts, created, run, Some(lease)),
            ] {
                let Some(right) = righted(job) else { continue };
                prop_assert_eq!(righted(right), None);
                prop_assert!(right.run_at <= job.run_at && right.lease_until <= job.lease_until);
            }
        }
    }

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
