//! A tenant's rules of paying out.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::Rate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::WithdrawalError;

/// What an earner owes the tax office, or has to bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Tax {
    /// Nothing: he sees to it himself.
    None,
    /// The main site keeps back a part of what is above a free amount, of each withdrawal.
    Withhold {
        /// The part, in millionths; rounded down.
        rate_ppm: u32,
        /// What is free, in minor units.
        free_minor: i64,
    },
    /// He names an invoice.
    Invoice,
}

/// By which rules a tenant pays out. Amounts are minor units of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The least of a withdrawal.
    pub minimum_minor: i64,
    /// The most of one.
    pub maximum_minor: Option<i64>,
    /// What it costs, in millionths; rounded up.
    pub fee_rate_ppm: u32,
    /// The least that it costs.
    pub fee_minimum_minor: i64,
    /// The most that it costs.
    pub fee_maximum_minor: Option<i64>,
    /// How many may be asked for in a day of the shops' calendar. Of conversions always the most that this may be.
    pub daily_count: u32,
    /// How much in a day; what was refused, called off or came back does not count.
    pub daily_minor: Option<i64>,
    /// From which amount on two persons approve; none if one is enough for all.
    pub two_persons_from_minor: Option<i64>,
    /// For how many hours a new payee cannot be used.
    pub cool_down_hours: u32,
    /// What an earner owes the tax office.
    pub tax: Tax,
    /// Whether what is available may be turned into money to buy with.
    pub may_convert: bool,
}

/// Rules at one of their versions; never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesVersion {
    /// Its number, from 1.
    pub version: i64,
    /// From when on; not before the version below it.
    pub effective_from: DateTime<Utc>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// The operator who wrote it.
    pub created_by: Uuid,
    /// What it says.
    pub rules: Rules,
}

impl Rules {
    /// The most withdrawals of a day.
    pub const DAILY_COUNT_MAX: u32 = 20;
    /// The longest that a payee cools down: ten days.
    pub const COOL_DOWN_HOURS_MAX: u32 = 240;
    /// What counts as long as a tenant says nothing: from 10 of a currency of two decimals on, for nothing, three times a
    /// day, two persons from 5,000 on, a new payee after a day.
    pub const USUAL: Self = Self {
        minimum_minor: 10_00,
        maximum_minor: None,
        fee_rate_ppm: 0,
        fee_minimum_minor: 0,
        fee_maximum_minor: None,
        daily_count: 3,
        daily_minor: None,
        two_persons_from_minor: Some(5_000_00),
        cool_down_hours: 24,
        tax: Tax::None,
        may_convert: true,
    };

    /// Says whether they can be kept to.
    pub fn check(&self) -> Result<(), WithdrawalError> {
        let hundred_percent = 1_000_000;
        let whole = |minor: i64| minor >= 0;
        let some = |minor: Option<i64>, least: i64| minor.is_none_or(|minor| minor >= least);
        let tax_is_real = match self.tax {
            Tax::Withhold { rate_ppm, free_minor } => rate_ppm < hundred_percent && whole(free_minor),
            Tax::None | Tax::Invoice => true,
        };
        let checks = [
            (self.minimum_minor > 0, "minimum"),
            (some(self.maximum_minor, self.minimum_minor), "maximum"),
            (self.fee_rate_ppm < hundred_percent, "fee_rate_ppm"),
            (whole(self.fee_minimum_minor), "fee_minimum"),
            (some(self.fee_maximum_minor, self.fee_minimum_minor), "fee_maximum"),
            ((1..=Self::DAILY_COUNT_MAX).contains(&self.daily_count), "daily_count"),
            (some(self.daily_minor, self.minimum_minor), "daily_amount"),
            (some(self.two_persons_from_minor, 1), "two_persons_from"),
            (self.cool_down_hours <= Self::COOL_DOWN_HOURS_MAX, "cool_down_hours"),
            (tax_is_real, "tax"),
        ];
        match checks.into_iter().find(|(holds, _)| !holds) {
            Some((_, field)) => Err(WithdrawalError::Range { field }),
            None => Ok(()),
        }
    }

    /// What a withdrawal costs.
    pub const fn fee_rate(&self) -> Rate {
        Rate::from_ppm(self.fee_rate_ppm)
    }

    /// For how long a new payee cannot be used.
    pub fn cool_down(&self) -> TimeDelta {
        TimeDelta::hours(i64::from(self.cool_down_hours))
    }
}
