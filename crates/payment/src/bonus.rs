//! What a customer is given beside his top-up: rules as immutable versions, and the bonus that a top-up was promised.

use chrono::{DateTime, TimeDelta, Utc};
use identity::CustomerId;
use kernel::{Money, Rate, SiteId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::PaymentError;
use crate::model::IntentId;

/// What is given from an amount on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Gives {
    /// So much, in minor units.
    Fixed {
        /// How much.
        minor: i64,
    },
    /// A part of the top-up, in millionths; rounded down.
    Share {
        /// The part.
        rate_ppm: u32,
    },
}

/// From which amount on what is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BonusTier {
    /// From which amount on, in minor units.
    pub from_minor: i64,
    /// What.
    pub gives: Gives,
}

/// By which rules top-ups are given a bonus. Amounts are minor units of the tenant's currency.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BonusRules {
    /// The tiers, the lowest first: the highest that a top-up reaches counts. Without any nothing is given.
    pub tiers: Vec<BonusTier>,
    /// The most for one top-up.
    pub most_minor: Option<i64>,
    /// The most for one customer in any 30 days.
    pub month_minor: Option<i64>,
}

/// Rules at one of their versions; never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BonusVersion {
    /// Its number, from 1.
    pub version: i64,
    /// From when on; not before the version below it.
    pub effective_from: DateTime<Utc>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// The operator who wrote it.
    pub created_by: Uuid,
    /// What it says.
    pub rules: BonusRules,
}

/// What a top-up was promised when it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bonus {
    /// The top-up.
    pub intent: IntentId,
    /// The site that it was opened on.
    pub site: SiteId,
    /// Whose wallet.
    pub customer: CustomerId,
    /// How much.
    pub amount: Money,
    /// By which version of the rules.
    pub rules_version: i64,
    /// When it was promised.
    pub opened_at: DateTime<Utc>,
    /// When the top-up was paid and the bonus given with it.
    pub granted_at: Option<DateTime<Utc>>,
}

impl BonusRules {
    /// Tiers of one version.
    pub const TIERS_MAX: usize = 10;
    /// The window of what a customer is given.
    pub(crate) const MONTH: TimeDelta = TimeDelta::days(30);

    /// Refuses rules that no shop can mean: tiers that do not ascend, or that give nothing or more than was paid in.
    pub fn check(&self) -> Result<(), PaymentError> {
        let range = |field| Err(PaymentError::Range { field });
        if self.tiers.len() > Self::TIERS_MAX || !self.tiers.is_sorted_by(|one, next| one.from_minor < next.from_minor)
        {
            return range("tiers");
        }
        let is_sane = |tier: &BonusTier| match tier.gives {
            Gives::Fixed { minor } => (1..=tier.from_minor).contains(&minor),
            Gives::Share { rate_ppm } => tier.from_minor > 0 && (1..=1_000_000).contains(&rate_ppm),
        };
        if !self.tiers.iter().all(is_sane) {
            return range("tiers");
        }
        if self.most_minor.is_some_and(|most| most <= 0) {
            return range("most");
        }
        if self.month_minor.is_some_and(|month| month <= 0) { range("month") } else { Ok(()) }
    }

    /// What a top-up of `amount` is given, in minor units: by the highest tier that it reaches, within the bounds, less what
    /// the customer was `granted` in the last 30 days, and no more than his wallet still takes beside it (`room`).
    pub fn bonus(&self, amount: Money, granted: i64, room: i64) -> i64 {
        let Some(tier) = self.tiers.iter().rev().find(|tier| tier.from_minor <= amount.minor()) else { return 0 };
        let given = match tier.gives {
            Gives::Fixed { minor } => minor,
            Gives::Share { rate_ppm } => Rate::from_ppm(rate_ppm).of_down(amount).map_or(0, |part| part.minor()),
        };
        let most = self.most_minor.unwrap_or(i64::MAX);
        let month = self.month_minor.map_or(i64::MAX, |month| month.saturating_sub(granted));
        given.min(most).min(month).min(room).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Currency;
    use proptest::prelude::*;

    fn rules() -> BonusRules {
        let fixed = BonusTier { from_minor: 100_00, gives: Gives::Fixed { minor: 5_00 } };
        let share = BonusTier { from_minor: 500_00, gives: Gives::Share { rate_ppm: 100_000 } };
        BonusRules { tiers: vec![fixed, share], most_minor: Some(80_00), month_minor: Some(120_00) }
    }

    fn bonus(rules: &BonusRules, minor: i64, granted: i64, room: i64) -> i64 {
        rules.bonus(Money::new(minor, Currency::CNY), granted, room)
    }

    #[test]
    fn the_highest_tier_counts_within_the_bounds() {
        let rules = rules();
        assert!(rules.check().is_ok());
        for (minor, granted, room, expected) in [
            (99_99, 0, 1_000_00, 0),
            (100_00, 0, 1_000_00, 5_00),
            (499_99, 0, 1_000_00, 5_00),
            (500_00, 0, 1_000_00, 50_00),
            (500_09, 0, 1_000_00, 50_00),
            (900_00, 0, 1_000_00, 80_00),
            (900_00, 100_00, 1_000_00, 20_00),
            (900_00, 130_00, 1_000_00, 0),
            (900_00, 0, 7_00, 7_00),
            (900_00, 0, -1, 0),
        ] {
            assert_eq!(bonus(&rules, minor, granted, room), expected, "{minor} {granted} {room}");
        }
        assert_eq!(bonus(&BonusRules::default(), 900_00, 0, 1_000_00), 0);
    }

    #[test]
    fn rules_that_give_more_than_was_paid_or_do_not_ascend_are_refused() {
        let with = |tiers: Vec<BonusTier>| BonusRules { tiers, ..BonusRules::default() };
        let fixed = |from_minor, minor| BonusTier { from_minor, gives: Gives::Fixed { minor } };
        let share = |rate_ppm| BonusTier { from_minor: 1, gives: Gives::Share { rate_ppm } };
        for tiers in [
            vec![fixed(100, 101)],
            vec![fixed(100, 0)],
            vec![fixed(0, 0)],
            vec![share(0)],
            vec![share(1_000_001)],
            vec![fixed(200, 1), fixed(200, 2)],
            vec![fixed(200, 1), fixed(100, 1)],
            (1..=11).map(|from| fixed(from, 1)).collect(),
        ] {
            assert!(with(tiers.clone()).check().is_err(), "{tiers:?}");
        }
        assert!(BonusRules { most_minor: Some(0), ..rules() }.check().is_err());
        assert!(BonusRules { month_minor: Some(-1), ..rules() }.check().is_err());
        assert!(BonusRules::default().check().is_ok());
    }

    proptest! {
        #[test]
        fn a_bonus_is_never_below_nothing_above_the_top_up_or_over_a_bound(
            minor in 1i64..600_000, granted in 0i64..30_000, room in -5i64..600_000,
        ) {
            let given = bonus(&rules(), minor, granted, room);
            prop_assert!(given >= 0 && given <= minor && given <= 80_00);
            prop_assert!(given == 0 || (given <= room && granted + given <= 120_00));
        }
    }
}
