//! Whether new rules take something away.

use crate::model::{Rules, Tax};

/// Whether an earner may have less by `new`, or later, than by `old`.
pub fn takes_away(old: &Rules, new: &Rules) -> bool {
    // No bound is the widest one.
    let is_narrower = |old: Option<i64>, new: Option<i64>| new.unwrap_or(i64::MAX) < old.unwrap_or(i64::MAX);
    let is_taxed_more = match (old.tax, new.tax) {
        (_, Tax::None) => false,
        (Tax::Withhold { rate_ppm, free_minor }, Tax::Withhold { rate_ppm: new_rate, free_minor: new_free }) => {
            new_rate > rate_ppm || new_free < free_minor
        }
        (old, new) => old != new,
    };
    let is_dearer = new.fee_rate_ppm > old.fee_rate_ppm
        || new.fee_minimum_minor > old.fee_minimum_minor
        || is_narrower(new.fee_maximum_minor, old.fee_maximum_minor);
    new.minimum_minor > old.minimum_minor
        || is_narrower(old.maximum_minor, new.maximum_minor)
        || is_dearer
        || new.daily_count < old.daily_count
        || is_narrower(old.daily_minor, new.daily_minor)
        || new.cool_down_hours > old.cool_down_hours
        || is_taxed_more
        || (old.may_convert && !new.may_convert)
}

/// Whether more goes out on one person's word by `new` than by `old`: who writes such rules must not be able to use them
/// before others could read them.
pub fn loosens_review(old: &Rules, new: &Rules) -> bool {
    new.two_persons_from_minor.unwrap_or(i64::MAX) > old.two_persons_from_minor.unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_on_one_persons_word_loosens_the_review() {
        let from = |minor| Rules { two_persons_from_minor: minor, ..Rules::USUAL };
        let (low, high, never) = (from(Some(1)), from(Some(2)), from(None));
        for (old, new, loosens) in
            [(low, high, true), (high, never, true), (never, high, false), (high, low, false), (low, low, false)]
        {
            assert_eq!(loosens_review(&old, &new), loosens, "{old:?} {new:?}");
        }
    }

    #[test]
    fn what_costs_more_comes_later_or_is_forbidden_takes_away_and_its_contrary_does_not() {
        let base = Rules {
            maximum_minor: Some(1_000_00),
            fee_rate_ppm: 1_000,
            fee_minimum_minor: 1_00,
            fee_maximum_minor: Some(10_00),
            daily_minor: Some(5_000_00),
            tax: Tax::Withhold { rate_ppm: 10, free_minor: 10 },
            ..Rules::USUAL
        };
        let harder = [
            Rules { minimum_minor: base.minimum_minor + 1, ..base },
            Rules { maximum_minor: Some(999_00), ..base },
            Rules { fee_rate_ppm: 1_001, ..base },
            Rules { fee_minimum_minor: 1_01, ..base },
            Rules { fee_maximum_minor: None, ..base },
            Rules { daily_count: base.daily_count - 1, ..base },
            Rules { daily_minor: Some(4_999_00), ..base },
            Rules { cool_down_hours: base.cool_down_hours + 1, ..base },
            Rules { tax: Tax::Withhold { rate_ppm: 11, free_minor: 10 }, ..base },
            Rules { tax: Tax::Withhold { rate_ppm: 10, free_minor: 9 }, ..base },
            Rules { may_convert: false, ..base },
        ];
        for rules in harder {
            assert!(takes_away(&base, &rules), "{rules:?}");
            assert!(!takes_away(&rules, &base), "{rules:?}");
        }
        assert!(!takes_away(&base, &base));
        assert!(!takes_away(&base, &Rules { two_persons_from_minor: None, tax: Tax::None, ..base }));
        assert!(takes_away(&base, &Rules { tax: Tax::Invoice, ..base }));
    }
}
