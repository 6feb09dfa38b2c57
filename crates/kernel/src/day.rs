//! Days of the calendar by which shops live: that of Beijing (UTC+8, without summer time).

use std::fmt;

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use serde::{Deserialize, Serialize};

const OFFSET_SECONDS: i32 = 8 * 3_600;

fn offset() -> FixedOffset {
    FixedOffset::east_opt(OFFSET_SECONDS).expect("eight hours are an offset")
}

/// The moment on the clocks of the shops.
pub fn shop_time(moment: DateTime<Utc>) -> DateTime<FixedOffset> {
    moment.with_timezone(&offset())
}

/// A day of the shops' calendar; as text `2026-11-23`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(NaiveDate);

/// So long after the end of a day all that was begun on it is committed.
const COMMITTED_BY: TimeDelta = TimeDelta::minutes(10);

/// What is no day of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayError;

/// The years that a column keeps: four digits, and of our time.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;

impl Day {
    /// The day of this moment.
    pub fn of(moment: DateTime<Utc>) -> Self {
        Self(shop_time(moment).date_naive())
    }

    /// Reads `2026-11-23`, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let day = Self(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?);
        (day.to_string() == text && YEARS.contains(&day.0.year())).then_some(day)
    }

    /// The day with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        let (year, rest) = (number.div_euclid(10_000), number.rem_euclid(10_000).unsigned_abs());
        NaiveDate::from_ymd_opt(year, rest / 100, rest % 100).map(Self)
    }

    /// Its number, 20261123, for a column that sorts.
    pub fn number(self) -> i32 {
        let (month, day) = (self.0.month().cast_signed(), self.0.day().cast_signed());
        self.0.year() * 10_000 + month * 100 + day
    }

    /// So many days later.
    pub fn after(self, days: u16) -> Self {
        Self(self.0.checked_add_days(Days::new(u64::from(days))).unwrap_or(NaiveDate::MAX))
    }

    /// So many days before; the first day there is if there are none.
    pub fn before(self, days: u16) -> Self {
        Self(self.0.checked_sub_days(Days::new(u64::from(days))).unwrap_or(NaiveDate::MIN))
    }

    /// Whether it is a Saturday or a Sunday.
    pub fn is_weekend(self) -> bool {
        matches!(self.0.weekday(), Weekday::Sat | Weekday::Sun)
    }

    /// Whether it is a Monday.
    pub fn is_monday(self) -> bool {
        self.0.weekday() == Weekday::Mon
    }

    /// Whether it is the first of a month.
    pub fn is_first_of_month(self) -> bool {
        self.0.day() == 1
    }

    /// Whether it is over at `now`, and what was begun on it is committed as well: ten minutes after its end.
    pub fn is_over(self, now: DateTime<Utc>) -> bool {
        now >= self.after(1).begins() + COMMITTED_BY
    }

    /// Its first moment.
    pub fn begins(self) -> DateTime<Utc> {
        let moment = self.0.and_time(NaiveTime::MIN).and_local_timezone(offset()).single();
        moment.map_or(DateTime::<Utc>::MAX_UTC, |moment| moment.to_utc())
    }
}

impl From<NaiveDate> for Day {
    fn from(date: NaiveDate) -> Self {
        Self(date)
    }
}

impl TryFrom<String> for Day {
    type Error = DayError;

    fn try_from(text: String) -> Result<Self, DayError> {
        Self::parse(&text).ok_or(DayError)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl fmt::Display for DayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a day is written 2026-11-23, of a year from 1970 to 9999")
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;
    use proptest::prelude::*;

    #[test]
    fn a_day_begins_at_midnight_in_beijing() {
        let day = Day::parse("2026-11-23").expect("a day");
        let begins = Utc.with_ymd_and_hms(2026, 11, 22, 16, 0, 0).single().expect("a moment");
        assert_eq!((day.begins(), Day::of(begins)), (begins, day));
        assert_eq!(Day::of(begins - chrono::TimeDelta::seconds(1)), day.before(1));
        assert!(!day.is_weekend() && day.before(1).is_weekend());
    }

    #[test]
    fn only_whole_days_are_read() {
        for text in
            ["2026-11-31", "2026-1-2", "20261123", "", "2026-11-23 ", "+2026-11-23", "1969-12-31", "+12026-01-01"]
        {
            assert_eq!(Day::parse(text), None, "{text:?}");
        }
        assert_eq!(Day::from_number(20_261_301), None);
    }

    proptest! {
        #[test]
        fn numbers_and_texts_lead_back_and_sort_as_days_do(start in 0u16..60_000, more in 1u16..400) {
            let day = Day::from_number(19_700_101).expect("a day").after(start);
            let later = day.after(more);
            prop_assert_eq!(Day::from_number(day.number()), Some(day));
            prop_assert_eq!(Day::parse(&day.to_string()), Some(day));
            prop_assert!(day.number() < later.number() && day < later && later.before(more) == day);
        }
    }
}
