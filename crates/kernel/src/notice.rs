//! When a version of rules that somebody was promised may begin.

use chrono::{DateTime, TimeDelta, Utc};

/// How many days ahead rules are told that take something away (E-Commerce Law of the PRC, art. 34).
const NOTICE: TimeDelta = TimeDelta::days(7);
/// How far ahead a version may begin.
const AHEAD_MAX: TimeDelta = TimeDelta::days(366);

/// Why a version may not begin when it is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeError {
    /// Versions begin one after the other.
    BeforeTheLast {
        /// When it may.
        earliest: DateTime<Utc>,
    },
    /// Somebody has less by it, and was not told in time.
    TooShort {
        /// When it may.
        earliest: DateTime<Utc>,
    },
    /// What begins more than a year ahead is forgotten by then.
    TooFarAhead,
}

/// From when on a version counts that is written at `now`. Without `wanted` it begins as soon as it may: at once or with the
/// `last` version that is announced, or, if anybody has less by it than by that one, after seven days.
pub fn begins_at(
    wanted: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    last: Option<DateTime<Utc>>,
    takes_away: bool,
) -> Result<DateTime<Utc>, NoticeError> {
    let after_last = last.map_or(now, |last| last.max(now));
    let earliest = if takes_away { after_last.max(now + NOTICE) } else { after_last };
    let at = wanted.unwrap_or(earliest);
    match at {
        _ if at < after_last => Err(NoticeError::BeforeTheLast { earliest: after_last }),
        _ if at < earliest => Err(NoticeError::TooShort { earliest }),
        _ if at > now + AHEAD_MAX => Err(NoticeError::TooFarAhead),
        _ => Ok(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_begins_after_the_last_and_after_its_notice() {
        let now = DateTime::UNIX_EPOCH;
        let day = |days| now + TimeDelta::days(days);
        assert_eq!(begins_at(None, now, None, false), Ok(now));
        assert_eq!(begins_at(None, now, Some(day(-3)), false), Ok(now));
        assert_eq!(begins_at(None, now, Some(day(3)), false), Ok(day(3)));
        assert_eq!(begins_at(None, now, Some(day(3)), true), Ok(day(7)));
        assert_eq!(
            begins_at(Some(day(2)), now, Some(day(3)), false),
            Err(NoticeError::BeforeTheLast { earliest: day(3) })
        );
        assert_eq!(begins_at(Some(day(6)), now, None, true), Err(NoticeError::TooShort { earliest: day(7) }));
        assert_eq!(begins_at(Some(day(8)), now, None, true), Ok(day(8)));
        assert_eq!(begins_at(Some(day(367)), now, None, false), Err(NoticeError::TooFarAhead));
    }
}
