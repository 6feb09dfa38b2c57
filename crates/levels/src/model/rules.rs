//! Ladders, and when they are climbed.

use catalog::Code;
use chrono::{DateTime, Utc};
use kernel::{Day, Wording};
use ledger::Side;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::standing::Figures;
use crate::error::LevelError;

kernel::words! {
    /// When everybody is judged.
    Schedule {
        /// Every day.
        Daily = "daily",
        /// On Mondays.
        Weekly = "weekly",
        /// On the first of a month.
        Monthly = "monthly",
    }
}

impl Schedule {
    /// Whether everybody is judged on this day.
    pub fn names(self, day: Day) -> bool {
        match self {
            Self::Daily => true,
            Self::Weekly => day.is_monday(),
            Self::Monthly => day.is_first_of_month(),
        }
    }
}

/// What a rung needs, within the window of the rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// At least so much sold and not given back, in minor units of the tenant's currency.
    pub sales_minor: i64,
    /// At least so many buyers.
    pub buyers: u32,
    /// At most so many orders with a complaint of a million; counts from [`Needs::ORDERS_MIN`] orders on.
    pub complaints_ppm_max: Option<u32>,
}

impl Needs {
    /// Of fewer orders one complaint would say too much.
    pub const ORDERS_MIN: u64 = 20;

    /// Whether these figures reach it.
    pub fn are_met_by(&self, figures: &Figures) -> bool {
        let is_quiet = self.complaints_ppm_max.is_none_or(|most| {
            figures.orders < Self::ORDERS_MIN
                || u128::from(figures.complaints) * 1_000_000 <= u128::from(most) * u128::from(figures.orders)
        });
        // What went back may be more than what was sold, and the lowest rung still holds him.
        figures.sales_minor.max(0) >= self.sales_minor && figures.buyers >= u64::from(self.buyers) && is_quiet
    }

    /// Whether whoever reaches this one reaches `other` too.
    pub fn are_no_less_than(&self, other: &Self) -> bool {
        let is_no_looser = match (self.complaints_ppm_max, other.complaints_ppm_max) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(other)) => own <= other,
        };
        self.sales_minor >= other.sales_minor && self.buyers >= other.buyers && is_no_looser
    }
}

/// A rung of a ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// The level's code, by which prices, rates and terms know it.
    pub level: Code,
    /// What it is called.
    pub name: Wording,
    /// What it needs.
    pub needs: Needs,
}

/// How sites and agents of a tenant rise and fall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelRules {
    /// The ladder of sub-sites, the lowest rung first; without rungs no site is judged.
    pub sites: Vec<Rung>,
    /// The ladder of agents, the lowest rung first; without rungs no agent is judged.
    pub agents: Vec<Rung>,
    /// The days that are looked at, up to yesterday.
    pub window_days: u16,
    /// When everybody is judged.
    pub judged: Schedule,
    /// For so many days from when he had his level nobody is warned.
    pub grace_days: u16,
    /// So many days ahead somebody is told that he falls.
    pub notice_days: u16,
}

impl LevelRules {
    /// The most rungs of a ladder.
    pub const RUNGS_MAX: usize = 10;
    /// The longest window, in days.
    pub const WINDOW_MAX: u16 = 180;
    const WINDOW_MIN: u16 = 7;
    const GRACE_MAX: u16 = 366;
    const NOTICE: std::ops::RangeInclusive<u16> = 7..=90;

    /// The ladder of this side.
    pub fn ladder(&self, side: Side) -> &[Rung] {
        match side {
            Side::Site => &self.sites,
            Side::Agent => &self.agents,
        }
    }

    /// The window that ends with `last`, both days included.
    pub fn window(&self, last: Day) -> (Day, Day) {
        (last.before(self.window_days.saturating_sub(1)), last)
    }

    /// Says whether they can be judged by.
    pub fn check(&self) -> Result<(), LevelError> {
        let days = [
            ("window_days", self.window_days, Self::WINDOW_MIN..=Self::WINDOW_MAX),
            ("grace_days", self.grace_days, 0..=Self::GRACE_MAX),
            ("notice_days", self.notice_days, Self::NOTICE),
        ];
        for (what, days, range) in days {
            if !range.contains(&days) {
                return Err(LevelError::Days { what, least: *range.start(), most: *range.end() });
            }
        }
        for (what, rungs) in [("sites", &self.sites), ("agents", &self.agents)] {
            if rungs.len() > Self::RUNGS_MAX {
                return Err(LevelError::TooMany { what: "rungs", limit: Self::RUNGS_MAX as u64 });
            }
            if rungs.first().is_some_and(|lowest| lowest.needs != Needs::default()) {
                return Err(LevelError::LowestNeeds { what });
            }
            for (place, rung) in rungs.iter().enumerate() {
                if rung.needs.complaints_ppm_max.is_some_and(|most| most > 1_000_000) {
                    return Err(LevelError::Share { what, place });
                }
                if rungs[..place].iter().any(|below| below.level == rung.level) {
                    return Err(LevelError::RungTwice { what, place });
                }
                if place > 0 && !rung.needs.are_no_less_than(&rungs[place - 1].needs) {
                    return Err(LevelError::EasierAbove { what, place });
                }
            }
        }
        Ok(())
    }
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
    pub rules: LevelRules,
}
