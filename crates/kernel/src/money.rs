//! Money: whole minor units with their currency, checked in every operation.
//!
//! Invariant: there is no way from money to a float and none back.

use std::fmt;
use std::num::NonZero;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An ISO 4217 code together with the number of digits after the point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: [u8; 3],
}

/// What can be wrong with an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("{left} and {right} are different currencies")]
    CurrencyMismatch { left: Currency, right: Currency },
    #[error("the amount does not fit")]
    Overflow,
    #[error("{0:?} is not a currency we know")]
    UnknownCurrency(String),
    #[error("{0:?} is not an amount of this currency")]
    Unreadable(String),
}

/// Codes with their number of decimals (ISO 4217:2015, table A.1, the ones we sell in).
const KNOWN: [([u8; 3], u32); 10] = [
    (*b"CNY", 2),
    (*b"EUR", 2),
    (*b"GBP", 2),
    (*b"HKD", 2),
    (*b"JPY", 0),
    (*b"KRW", 0),
    (*b"MYR", 2),
    (*b"SGD", 2),
    (*b"TWD", 2),
    (*b"USD", 2),
];

impl Currency {
    /// Renminbi, the default of the product.
    pub const CNY: Self = Self { code: *b"CNY" };
    /// US dollar.
    pub const USD: Self = Self { code: *b"USD" };
    /// Japanese yen, which has no minor unit.
    pub const JPY: Self = Self { code: *b"JPY" };

    /// Reads a three-letter code.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        KNOWN
            .iter()
            .find(|(code, _)| code.as_slice() == text.as_bytes())
            .map(|(code, _)| Self { code: *code })
            .ok_or_else(|| MoneyError::UnknownCurrency(text.chars().take(16).collect()))
    }

    /// The three-letter code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).expect("known codes are ASCII")
    }

    /// Digits after the decimal point: 2 for CNY, 0 for JPY.
    pub fn decimals(&self) -> u32 {
        KNOWN.iter().find(|(code, _)| *code == self.code).map_or(2, |(_, decimals)| *decimals)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}
impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// An amount in minor units (fen, cents) of one currency; may be negative.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// `minor` units of `currency`.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The amount in minor units.
    pub const fn minor(&self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Whether the amount is below zero.
    pub const fn is_negative(&self) -> bool {
        self.minor < 0
    }

    /// The sum, if both are of one currency and it fits.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        self.minor.checked_add(other.minor).map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }

    /// The difference, if both are of one currency and it fits.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        self.minor.checked_sub(other.minor).map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }

    /// `count` times the amount.
    pub fn times(self, count: u32) -> Result<Self, MoneyError> {
        self.minor.checked_mul(i64::from(count)).map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }

    /// Splits a non-negative amount by weights into parts that sum to the whole.
    ///
    /// Each part is within one minor unit of its exact share; the units left over by rounding down go to
    /// the parts with the largest remainders, the earlier one first. With no positive weight the first part takes all.
    pub fn allocate(self, weights: &[u32]) -> Vec<Self> {
        assert!(!self.is_negative(), "only a non-negative amount is allocated");
        let Some(total) = NonZero::new(weights.iter().map(|&weight| u128::from(weight)).sum::<u128>()) else {
            let mut parts = vec![Self { minor: 0, ..self }; weights.len()];
            if let Some(first) = parts.first_mut() {
                *first = self;
            }
            return parts;
        };
        let whole = u128::from(self.minor.unsigned_abs());
        let exact = |&weight: &u32| whole * u128::from(weight);
        let mut parts: Vec<u128> = weights.iter().map(|weight| exact(weight) / total).collect();
        let mut by_remainder: Vec<usize> = (0..parts.len()).collect();
        by_remainder.sort_by_key(|&index| std::cmp::Reverse(exact(&weights[index]) % total));
        let left = whole - parts.iter().sum::<u128>();
        for &index in by_remainder.iter().take(usize::try_from(left).expect("less than one unit a part is left")) {
            parts[index] += 1;
        }
        parts
            .into_iter()
            .map(|part| Self { minor: i64::try_from(part).expect("a part is not more than the whole"), ..self })
            .collect()
    }

    /// Reads a decimal text (`12`, `12.5`, `-0.05`); more digits than the currency has, a sign other than
    /// minus, an exponent or a separator is refused.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let fail = || MoneyError::Unreadable(text.chars().take(32).collect());
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(fail()),
            Some((whole, fraction)) => (whole, fraction),
            None => (digits, ""),
        };
        let decimals = currency.decimals() as usize;
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || fraction.len() > decimals || !all_digits(whole) || !all_digits(fraction) {
            return Err(fail());
        }
        let mut text_minor = format!("{whole}{fraction}");
        text_minor.extend(std::iter::repeat_n('0', decimals - fraction.len()));
        let minor: i64 = text_minor.parse().map_err(|_| MoneyError::Overflow)?;
        Ok(Self { minor: if negative { -minor } else { minor }, currency })
    }

    fn same(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            return Ok(());
        }
        Err(MoneyError::CurrencyMismatch { left: self.currency, right: other.currency })
    }
}

impl fmt::Display for Money {
    /// `12.50 CNY`; plain digits for logs and files. Pages format money themselves.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = self.currency.decimals() as usize;
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.minor.unsigned_abs(), width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        if fraction.is_empty() {
            write!(f, "{sign}{whole} {}", self.currency)
        } else {
            write!(f, "{sign}{whole}.{fraction} {}", self.currency)
        }
    }
}
impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn allocated_parts_sum_to_the_whole_and_are_fair(
            minor in 0..=i64::MAX, weights in prop::collection::vec(0u32..1000, 1..9)
        ) {
            let parts = Money::new(minor, Currency::CNY).allocate(&weights);
            let sum: i128 = parts.iter().map(|p| i128::from(p.minor())).sum();
            prop_assert_eq!(sum, i128::from(minor));
            let total: i128 = weights.iter().map(|&w| i128::from(w)).sum();
            for (part, &weight) in parts.iter().zip(&weights) {
                prop_assert!(!part.is_negative());
                if total > 0 {
                    let exact = i128::from(minor) * i128::from(weight) / total;
                    prop_assert!((i128::from(part.minor()) - exact).abs() <= 1);
                }
            }
        }

        #[test]
        fn printed_money_reads_back(minor in any::<i32>(), yen in any::<bool>()) {
            let currency = if yen { Currency::JPY } else { Currency::CNY };
            let money = Money::new(i64::from(minor), currency);
            let text = money.to_string();
            let (amount, _) = text.split_once(' ').expect("an amount and a code");
            prop_assert_eq!(Money::parse(amount, currency), Ok(money));
        }

        #[test]
        fn plus_and_minus_undo_each_other(a in any::<i32>(), b in any::<i32>()) {
            let (a, b) = (Money::new(a.into(), Currency::USD), Money::new(b.into(), Currency::USD));
            prop_assert_eq!(a.plus(b).and_then(|sum| sum.minus(b)), Ok(a));
        }
    }

    #[test]
    fn unclear_amounts_are_refused() {
        for text in ["", "1,000", "1.", ".5", "1.005", "+1", "1e3", "--1", " 1", "9999999999999999999"] {
            assert!(Money::parse(text, Currency::CNY).is_err(), "{text}");
        }
    }

    #[test]
    fn currencies_do_not_mix() {
        let mixed = Money::new(1, Currency::CNY).plus(Money::new(1, Currency::USD));
        assert!(matches!(mixed, Err(MoneyError::CurrencyMismatch { .. })));
    }
}
