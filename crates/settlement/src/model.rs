//! Values of the room: terms and their versions, the calendar, holds.

use std::collections::BTreeMap;
use std::fmt;

use catalog::{Code, GoodsId};
use chrono::{DateTime, Utc};
use commission::AgentId;
use kernel::{Day, SiteId};
use ledger::Side;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::SettlementError;

kernel::kinds! {
    /// A hold on what an earner is due.
    HoldId = HoldMark "hld";
}

/// How long after its delivery a line is settled. As text `T+1` (business days) or `D+7` (days).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Term {
    /// After so many business days; with none of them on the day itself, or the first business day after it.
    BusinessDays(u16),
    /// After so many days, such as a window for complaints; with none of them on the day itself.
    Days(u16),
}

impl Term {
    /// What counts where nobody says anything else.
    pub const USUAL: Self = Self::BusinessDays(1);
    /// The most business days.
    pub const BUSINESS_DAYS_MAX: u16 = 30;
    /// The most days.
    pub const DAYS_MAX: u16 = 90;

    /// Reads `T+n` or `D+n`.
    pub fn parse(text: &str) -> Option<Self> {
        let (word, days) = text.split_once('+')?;
        let days = days.parse().ok().filter(|days: &u16| days.to_string() == text[word.len() + 1..])?;
        match word {
            "T" if days <= Self::BUSINESS_DAYS_MAX => Some(Self::BusinessDays(days)),
            "D" if days <= Self::DAYS_MAX => Some(Self::Days(days)),
            _ => None,
        }
    }

    /// Whether a line could be settled later by this than by `old`, in any calendar. So many business days are never sooner
    /// than so many days, and may be much later.
    pub const fn may_be_later_than(self, old: Self) -> bool {
        match (self, old) {
            (Self::BusinessDays(_), Self::Days(_)) => true,
            (Self::Days(new) | Self::BusinessDays(new), Self::Days(old) | Self::BusinessDays(old)) => new > old,
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BusinessDays(days) => write!(f, "T+{days}"),
            Self::Days(days) => write!(f, "D+{days}"),
        }
    }
}

impl TryFrom<String> for Term {
    type Error = SettlementError;

    fn try_from(text: String) -> Result<Self, SettlementError> {
        Self::parse(&text).ok_or(SettlementError::Term)
    }
}

impl From<Term> for String {
    fn from(term: Term) -> Self {
        term.to_string()
    }
}

/// What a rule of the terms is about. The first that fits counts, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "about", content = "id", rename_all = "snake_case")]
pub enum TermTarget {
    /// What is earned from these goods.
    Goods(GoodsId),
    /// What agents of this level earn.
    AgentLevel(Code),
    /// What sites of this level earn.
    SiteLevel(Code),
}

/// When something is settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermRule {
    /// What it is about.
    pub target: TermTarget,
    /// When.
    pub term: Term,
}

/// When a tenant settles what its sites and agents earn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What no rule is about.
    pub usual: Term,
    /// The exceptions; at most one about the same.
    pub rules: Vec<TermRule>,
}

impl Terms {
    /// The most rules.
    pub const RULES_MAX: usize = 100;

    /// What counts as long as a tenant says nothing: the next business day.
    pub const fn usual() -> Self {
        Self { usual: Term::USUAL, rules: Vec::new() }
    }

    /// The term of what a site or an agent of this level earns from these goods.
    pub fn of(&self, goods: GoodsId, side: Side, level: Option<&str>) -> Term {
        let rule = |wanted: &dyn Fn(&TermTarget) -> bool| self.rules.iter().find(|rule| wanted(&rule.target));
        let of_level = |target: &TermTarget| match (side, target) {
            (Side::Agent, TermTarget::AgentLevel(code)) | (Side::Site, TermTarget::SiteLevel(code)) => {
                level == Some(code.as_str())
            }
            _ => false,
        };
        let found = rule(&|target| *target == TermTarget::Goods(goods)).or_else(|| rule(&of_level));
        found.map_or(self.usual, |rule| rule.term)
    }

    /// Says whether they can be kept to.
    pub fn check(&self) -> Result<(), SettlementError> {
        if self.rules.len() > Self::RULES_MAX {
            return Err(SettlementError::TooMany { what: "rules", limit: Self::RULES_MAX as u64 });
        }
        let is_twice = |place: &usize| self.rules[..*place].iter().any(|rule| rule.target == self.rules[*place].target);
        match (0..self.rules.len()).find(is_twice) {
            Some(place) => Err(SettlementError::RuleTwice { place }),
            None => Ok(()),
        }
    }
}

/// Terms at one of their versions; never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsVersion {
    /// Its number, from 1.
    pub version: i64,
    /// From when on; not before the version below it.
    pub effective_from: DateTime<Utc>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// The operator who wrote it.
    pub created_by: Uuid,
    /// What it says.
    pub terms: Terms,
}

/// A day that is not what its place in the week says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarDay {
    /// The day.
    pub day: Day,
    /// Whether business is done on it.
    pub is_business: bool,
    /// What it is called: a holiday, or the weekend that is worked through for one.
    pub name: String,
}

/// Which days are business days: Monday to Friday, but for the days that the tenant names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar(pub BTreeMap<Day, bool>);

/// What a delivery needs to know: the terms that come after each other, the one in force first, and the calendar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paydays {
    /// From when on which terms count, ascending.
    pub versions: Vec<(DateTime<Utc>, Terms)>,
    /// Which days are business days.
    pub calendar: Calendar,
}

kernel::words! {
    /// Why an earner's money is held back.
    Cause {
        /// A buyer disputes what was sold.
        Dispute = "dispute",
        /// Something looks wrong.
        Risk = "risk",
        /// An operator's decision.
        Operator = "operator",
    }
}

/// A site or an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EarnerRef {
    /// A site.
    Site(SiteId),
    /// An agent of this site.
    Agent(SiteId, AgentId),
}

impl EarnerRef {
    /// The site, or the agent's.
    pub const fn site(&self) -> SiteId {
        match self {
            Self::Site(site) | Self::Agent(site, _) => *site,
        }
    }

    /// How the ledger names it.
    pub fn key(&self) -> (Side, Uuid) {
        match self {
            Self::Site(site) => (Side::Site, site.uuid()),
            Self::Agent(_, agent) => (Side::Agent, agent.uuid()),
        }
    }
}

/// What falls due of an earner stays pending until it is lifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// Whose money.
    pub earner: EarnerRef,
    /// Why, as a word.
    pub cause: Cause,
    /// Why, in words.
    pub reason: String,
    /// When it was placed, and by which operator.
    pub placed: (DateTime<Utc>, Uuid),
    /// When it was lifted, by which operator, and why.
    pub lifted: Option<(DateTime<Utc>, Uuid, String)>,
}

/// A hold that is to be placed.
#[derive(Debug, Clone)]
pub struct NewHold {
    /// Whose money.
    pub earner: EarnerRef,
    /// Why, as a word.
    pub cause: Cause,
    /// Why, in words.
    pub reason: String,
    /// The operator.
    pub by: Uuid,
}
