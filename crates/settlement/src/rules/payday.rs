//! On which day something that is delivered now falls due.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use kernel::Day;

use crate::model::{Calendar, Paydays, Term, Terms};

/// Days that are looked at for a business day: a calendar in which nobody ever works ends here.
const LOOKED_AT_MAX: u16 = 366;

impl Calendar {
    /// Whether business is done on `day`.
    pub fn is_business(&self, day: Day) -> bool {
        self.0.get(&day).copied().unwrap_or_else(|| !day.is_weekend())
    }

    /// The day on which what is delivered on `day` is settled; never before it.
    pub fn due(&self, term: Term, day: Day) -> Day {
        match term {
            Term::Days(days) => day.after(days),
            Term::BusinessDays(days) => {
                let business = (0..LOOKED_AT_MAX).map(|ahead| day.after(ahead)).filter(|day| self.is_business(*day));
                let mut later = business.skip_while(|business| days > 0 && *business == day);
                let wanted = usize::from(days.saturating_sub(1));
                later.nth(wanted).unwrap_or_else(|| day.after(LOOKED_AT_MAX))
            }
        }
    }
}

impl Paydays {
    /// The terms in force at `at`.
    pub fn terms_at(&self, at: DateTime<Utc>) -> Option<&Terms> {
        self.versions.iter().rev().find(|(from, _)| *from <= at).map(|(_, terms)| terms)
    }
}

/// The day of a delivery, with the calendar by which its terms are counted.
#[derive(Debug, Clone)]
pub struct Payday {
    paydays: Arc<Paydays>,
    today: Day,
}

impl Payday {
    /// A delivery at `now`.
    pub fn new(paydays: Arc<Paydays>, now: DateTime<Utc>) -> Self {
        Self { paydays, today: Day::of(now) }
    }

    /// When it is settled.
    pub fn due(&self, term: Term) -> Day {
        self.paydays.calendar.due(term, self.today)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    #[test]
    fn business_days_leave_out_weekends_and_holidays_and_count_weekends_that_are_worked() {
        // The National Day of 2026: Thursday 1 to Wednesday 7 October; Saturday 10 October is worked.
        let mut calendar = Calendar::default();
        calendar.0.extend((0..7).map(|ahead| (day("2026-10-01").after(ahead), false)));
        calendar.0.insert(day("2026-10-10"), true);
        for (term, from, due) in [
            (Term::BusinessDays(1), "2026-09-30", "2026-10-08"),
            (Term::BusinessDays(1), "2026-10-03", "2026-10-08"),
            (Term::BusinessDays(3), "2026-09-30", "2026-10-10"),
            (Term::BusinessDays(4), "2026-09-30", "2026-10-12"),
            (Term::BusinessDays(0), "2026-10-03", "2026-10-08"),
            (Term::BusinessDays(0), "2026-10-08", "2026-10-08"),
            (Term::BusinessDays(1), "2026-11-20", "2026-11-23"),
            (Term::Days(0), "2026-10-03", "2026-10-03"),
            (Term::Days(7), "2026-10-03", "2026-10-10"),
        ] {
            assert_eq!(calendar.due(term, day(from)), day(due), "{term} from {from}");
        }
    }

    proptest! {
        /// Whatever the calendar: never before the day itself, on a business day if one is asked for and there is one, and
        /// never earlier for a longer term or a later delivery.
        #[test]
        fn a_day_that_is_due_is_never_early(
            marked in prop::collection::btree_map(0u16..60, any::<bool>(), 0..40),
            ahead in 0u16..40, days in 0u16..=30, is_business in any::<bool>(),
        ) {
            let start = day("2026-09-01");
            let calendar = Calendar(marked.into_iter().map(|(after, is)| (start.after(after), is)).collect());
            let term = |days| if is_business { Term::BusinessDays(days) } else { Term::Days(days) };
            let from = start.after(ahead);
            let due = calendar.due(term(days), from);
            prop_assert!(due >= from);
            prop_assert!(!is_business || calendar.is_business(due));
            prop_assert!(calendar.due(term(days + 1), from) > due || (is_business && days == 0 && !calendar.is_business(from)));
            prop_assert!(calendar.due(term(days), from.after(1)) >= due);
            if days > 0 && is_business {
                let between = (1..=366).map(|ahead| from.after(ahead)).take_while(|day| *day <= due);
                prop_assert_eq!(between.filter(|day| calendar.is_business(*day)).count(), usize::from(days));
            }
        }

        #[test]
        fn a_term_is_read_as_it_is_written(days in 0u16..100, is_business in any::<bool>()) {
            let term = if is_business { Term::BusinessDays(days) } else { Term::Days(days) };
            let most = if is_business { Term::BUSINESS_DAYS_MAX } else { Term::DAYS_MAX };
            prop_assert_eq!(Term::parse(&term.to_string()), (days <= most).then_some(term));
        }

        /// What may not be later never is, by any calendar.
        #[test]
        fn what_is_no_later_is_no_later_in_any_calendar(
            marked in prop::collection::btree_map(0u16..60, any::<bool>(), 0..40),
            ahead in 0u16..40, new in (0u16..=30, any::<bool>()), old in (0u16..=30, any::<bool>()),
        ) {
            let start = day("2026-09-01");
            let calendar = Calendar(marked.into_iter().map(|(after, is)| (start.after(after), is)).collect());
            let term = |(days, is)| if is { Term::BusinessDays(days) } else { Term::Days(days) };
            let (new, old, from) = (term(new), term(old), start.after(ahead));
            if !new.may_be_later_than(old) {
                prop_assert!(calendar.due(new, from) <= calendar.due(old, from), "{} {}", new, old);
            }
        }
    }

    #[test]
    fn other_words_are_no_terms() {
        for text in ["", "T", "T+", "T+31", "D+91", "T+01", "T+-1", "t+1", "D +1", "T+1 ", "X+1", "T+1+1"] {
            assert_eq!(Term::parse(text), None, "{text:?}");
        }
    }
}
