//! Rates in parts per million, so that 2.5 % is exact and a float is never needed.

use serde::{Deserialize, Serialize};

use crate::money::{Money, MoneyError};

/// A share in parts per million: 25,000 is 2.5 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rate {
    ppm: u32,
}

const WHOLE: i128 = 1_000_000;

impl Rate {
    /// Nothing.
    pub const ZERO: Self = Self { ppm: 0 };

    /// `ppm` parts of a million; above 1,000,000 it is more than the whole.
    pub const fn from_ppm(ppm: u32) -> Self {
        Self { ppm }
    }

    /// The rate in parts per million.
    pub const fn ppm(self) -> u32 {
        self.ppm
    }

    /// The share of `amount`, rounded up to a whole minor unit (prices round up).
    pub fn of_up(self, amount: Money) -> Result<Money, MoneyError> {
        let exact = i128::from(amount.minor()) * i128::from(self.ppm);
        let rounded = exact.div_euclid(WHOLE) + i128::from(exact.rem_euclid(WHOLE) != 0);
        whole(rounded, amount)
    }

    /// The share of `amount`, rounded down to a whole minor unit (earnings and caps round down).
    pub fn of_down(self, amount: Money) -> Result<Money, MoneyError> {
        whole((i128::from(amount.minor()) * i128::from(self.ppm)).div_euclid(WHOLE), amount)
    }
}

fn whole(minor: i128, like: Money) -> Result<Money, MoneyError> {
    i64::try_from(minor).map(|minor| Money::new(minor, like.currency())).map_err(|_| MoneyError::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn up_and_down_differ_by_one_unit_at_most(minor in any::<i32>(), ppm in 0u32..3_000_000) {
            let amount = Money::new(minor.into(), Currency::CNY);
            let (up, down) = (Rate::from_ppm(ppm).of_up(amount).expect("fits"), Rate::from_ppm(ppm).of_down(amount).expect("fits"));
            prop_assert!((0..=1).contains(&(up.minor() - down.minor())));
        }
    }

    #[test]
    fn a_share_past_the_range_is_an_error() {
        let amount = Money::new(i64::MAX, Currency::CNY);
        assert_eq!(Rate::from_ppm(2_000_000).of_up(amount), Err(MoneyError::Overflow));
    }
}
