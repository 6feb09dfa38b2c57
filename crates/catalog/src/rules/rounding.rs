//! Rounding prices to amounts that people like. Up for prices, down for caps.

use kernel::{Currency, Money, MoneyError};

use crate::model::Rounding;

/// The amounts a rounding leads to: all `a` with `a mod step == rest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Grid {
    step: i64,
    rest: i64,
}

impl Rounding {
    /// The lowest amount of this rounding that is not under `price`.
    pub(super) fn up(self, price: Money) -> Result<Money, MoneyError> {
        let Grid { step, rest } = self.grid(price.currency());
        let past = rest_of(price, rest, step);
        let missing = if past == 0 { 0 } else { step - past };
        price.plus(Money::new(missing, price.currency()))
    }

    /// The highest amount of this rounding that is not above `price`; negative if there is none above zero.
    pub(super) fn down(self, price: Money) -> Result<Money, MoneyError> {
        let Grid { step, rest } = self.grid(price.currency());
        price.minus(Money::new(rest_of(price, rest, step), price.currency()))
    }

    /// A step finer than the currency's minor unit is that unit: yen know neither tenths nor .9.
    fn grid(self, currency: Currency) -> Grid {
        let unit = 10_i64.pow(currency.decimals());
        let step = match self {
            Self::None => 1,
            Self::UpTenth => unit / 10,
            Self::UpHalf => unit / 2,
            Self::UpWhole | Self::EndNine | Self::EndNinetyNine => unit,
        };
        let rest = match self {
            Self::EndNine => unit - unit / 10,
            Self::EndNinetyNine => unit - unit / 100,
            _ => 0,
        };
        if step == 0 { Grid { step: 1, rest: 0 } } else { Grid { step, rest: rest % step } }
    }
}

/// How far `price` is past the last amount of the grid.
fn rest_of(price: Money, rest: i64, step: i64) -> i64 {
    let past = (i128::from(price.minor()) - i128::from(rest)).rem_euclid(i128::from(step));
    i64::try_from(past).expect("a remainder is less than the step")
}
