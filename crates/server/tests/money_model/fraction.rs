//! Exact fractions: nothing is rounded before somebody says so.

use std::cmp::Ordering;
use std::ops::{Add, Mul, Sub};

/// A fraction in lowest terms; what is under the line is above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fraction {
    over: i128,
    under: i128,
}

impl Fraction {
    pub fn new(over: i128, under: i128) -> Self {
        assert!(under > 0, "a fraction of {under} parts");
        let common = common_divisor(over.abs(), under);
        Self { over: over / common, under: under / common }
    }

    pub fn whole(number: i64) -> Self {
        Self { over: i128::from(number), under: 1 }
    }

    pub fn millionths(ppm: u32) -> Self {
        Self::new(i128::from(ppm), 1_000_000)
    }

    /// The greatest whole number that is not above it.
    pub fn floor(self) -> i64 {
        i64::try_from(self.over.div_euclid(self.under)).expect("an amount")
    }

    /// The least whole number that is not under it.
    pub fn ceil(self) -> i64 {
        -Self { over: -self.over, under: self.under }.floor()
    }
}

fn common_divisor(one: i128, other: i128) -> i128 {
    if other == 0 { one } else { common_divisor(other, one % other) }
}

impl Add for Fraction {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::new(self.over * other.under + other.over * self.under, self.under * other.under)
    }
}

impl Sub for Fraction {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self::new(self.over * other.under - other.over * self.under, self.under * other.under)
    }
}

impl Mul for Fraction {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self::new(self.over * other.over, self.under * other.under)
    }
}

impl Ord for Fraction {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.over * other.under).cmp(&(other.over * self.under))
    }
}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
