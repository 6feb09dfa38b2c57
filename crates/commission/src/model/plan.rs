//! What agents earn: a tenant's plan, and its versions.

use catalog::{CategoryId, Code, GoodsId, SkuId};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Currency, Money, Rate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::agent::AgentId;
use crate::error::CommissionError;
use crate::rules::DEPTH_MAX;

kernel::words! {
    /// How the agents above the one who brought the buyer earn.
    Mode {
        /// Each tier has rates of its own.
        Tiers = "tiers",
        /// Each agent has a rate; one above earns what his is higher than all below him (极差).
        Difference = "difference",
    }
}

kernel::words! {
    /// Which of several links brought a buyer.
    Touch {
        /// The first one, as long as its window lasts.
        First = "first",
        /// The latest one.
        Last = "last",
    }
}

kernel::words! {
    /// What a share is of.
    Base {
        /// What the buyer pays.
        Price = "price",
        /// What the selling site earns before commissions.
        Margin = "margin",
        /// What is printed on the card; the price of goods that have no face value.
        FaceValue = "face_value",
    }
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "about", content = "id", rename_all = "snake_case")]
pub enum Target {
    /// Everything the tenant sells.
    Tenant,
    /// What sites of this level sell.
    SiteLevel(Code),
    /// What agents of this level earn.
    AgentLevel(Code),
    /// What is in this category.
    Category(CategoryId),
    /// These goods.
    Goods(GoodsId),
    /// This SKU.
    Sku(SkuId),
    /// What this agent earns.
    Agent(AgentId),
}

/// What is earned before bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Earning {
    /// A share.
    Share {
        /// Of what.
        base: Base,
        /// How much of it.
        rate: Rate,
    },
    /// An amount for each piece.
    Fixed {
        /// How much.
        amount: Money,
    },
}

/// What a rule pays; bounds are for each piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What is earned.
    pub earning: Earning,
    /// At least so much.
    pub floor: Option<Money>,
    /// At most so much.
    pub cap: Option<Money>,
}

/// What one tier earns from something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What it is about.
    pub target: Target,
    /// For whom: 0 is the agent who brought the buyer, 1 the one above him; always 0 in the mode of differences.
    pub tier: u8,
    /// What it pays.
    pub terms: Terms,
}

/// What a tenant's agents earn, and how long a link counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// How the agents above earn.
    pub mode: Mode,
    /// Which of several links counts.
    pub touch: Touch,
    /// For how many days a link counts.
    pub window_days: u32,
    /// How many days ahead a change is told that pays somebody less.
    pub notice_days: u32,
    /// What is earned; at most one rule for the same target and tier.
    pub rules: Vec<Rule>,
}

/// A plan at one of its versions; never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanVersion {
    /// Its number, from 1.
    pub version: i64,
    /// From when on, unless a later version is in force by then.
    pub effective_from: DateTime<Utc>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// The operator who wrote it.
    pub created_by: Uuid,
    /// What it says.
    pub plan: Plan,
}

impl Target {
    /// How specific it is: a rule for a single agent comes before one for a SKU, and so on up to the tenant.
    pub const fn rank(&self) -> u8 {
        match self {
            Self::Tenant => 0,
            Self::SiteLevel(_) => 1,
            Self::AgentLevel(_) => 2,
            Self::Category(_) => 3,
            Self::Goods(_) => 4,
            Self::Sku(_) => 5,
            Self::Agent(_) => 6,
        }
    }

    /// The stable word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::SiteLevel(_) => "site_level",
            Self::AgentLevel(_) => "agent_level",
            Self::Category(_) => "category",
            Self::Goods(_) => "goods",
            Self::Sku(_) => "sku",
            Self::Agent(_) => "agent",
        }
    }
}

impl Plan {
    /// The most rules.
    pub const RULES_MAX: usize = 500;
    /// Tiers above the agent who brought the buyer, at most: the cap over both trees.
    pub const TIER_MAX: u8 = DEPTH_MAX as u8;
    /// The longest window.
    pub const WINDOW_DAYS_MAX: u32 = 365;
    /// The longest notice.
    pub const NOTICE_DAYS_MAX: u32 = 90;
    /// The shortest notice: what a shop's rules promise is not taken back overnight (E-Commerce Law of the PRC, art. 34).
    pub const NOTICE_DAYS_MIN: u32 = 7;

    /// A plan that pays nothing: what a tenant without one has.
    pub const fn nothing() -> Self {
        Self {
            mode: Mode::Tiers,
            touch: Touch::Last,
            window_days: 30,
            notice_days: Self::NOTICE_DAYS_MIN,
            rules: Vec::new(),
        }
    }

    /// For how long a link counts.
    pub fn window(&self) -> TimeDelta {
        TimeDelta::days(i64::from(self.window_days))
    }

    /// Says whether the plan can be paid by, in this currency.
    pub fn check(&self, currency: Currency) -> Result<(), CommissionError> {
        if self.rules.len() > Self::RULES_MAX {
            return Err(CommissionError::TooMany { what: "rules", limit: Self::RULES_MAX as u64 });
        }
        if !(1..=Self::WINDOW_DAYS_MAX).contains(&self.window_days) {
            return Err(CommissionError::Range { field: "window_days" });
        }
        if !(Self::NOTICE_DAYS_MIN..=Self::NOTICE_DAYS_MAX).contains(&self.notice_days) {
            return Err(CommissionError::Range { field: "notice_days" });
        }
        for (place, rule) in self.rules.iter().enumerate() {
            let is_same = |other: &Rule| (&other.target, other.tier) == (&rule.target, rule.tier);
            if self.rules[..place].iter().any(is_same) {
                return Err(CommissionError::RuleTwice { place });
            }
            let most = if self.mode == Mode::Difference { 0 } else { Self::TIER_MAX };
            if rule.tier > most {
                return Err(CommissionError::TierTooDeep { place, most });
            }
            rule.terms.check(currency)?;
        }
        Ok(())
    }
}

impl Terms {
    /// A share without bounds.
    pub const fn share(base: Base, rate: Rate) -> Self {
        Self { earning: Earning::Share { base, rate }, floor: None, cap: None }
    }

    fn check(&self, currency: Currency) -> Result<(), CommissionError> {
        let amount = match self.earning {
            Earning::Share { rate, .. } if rate.ppm() > 1_000_000 => {
                return Err(CommissionError::Range { field: "rate_ppm" });
            }
            Earning::Share { .. } => None,
            Earning::Fixed { amount } => Some(amount),
        };
        for (field, amount) in [("amount", amount), ("floor", self.floor), ("cap", self.cap)] {
            let Some(amount) = amount else { continue };
            if amount.currency() != currency {
                return Err(CommissionError::Currency);
            }
            if amount.is_negative() {
                return Err(CommissionError::Range { field });
            }
        }
        let is_crossed = self.floor.zip(self.cap).is_some_and(|(floor, cap)| floor.minor() > cap.minor());
        if is_crossed { Err(CommissionError::Range { field: "floor" }) } else { Ok(()) }
    }

    /// Whether these pay at least what `old` do, whatever is sold.
    pub(crate) fn are_as_good_as(&self, old: &Self) -> bool {
        let earns = match (self.earning, old.earning) {
            (Earning::Share { base, rate }, Earning::Share { base: old_base, rate: old_rate }) => {
                (base == old_base || old_rate == Rate::ZERO) && rate >= old_rate
            }
            (Earning::Fixed { amount }, Earning::Fixed { amount: old }) => amount.minor() >= old.minor(),
            (_, Earning::Share { rate, .. }) => rate == Rate::ZERO,
            (_, Earning::Fixed { amount }) => amount.minor() == 0,
        };
        let minor = |money: Option<Money>| money.map_or(0, |money| money.minor());
        let is_no_tighter = match (self.cap, old.cap) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(cap), Some(old)) => cap.minor() >= old.minor(),
        };
        earns && is_no_tighter && minor(self.floor) >= minor(old.floor)
    }
}
