//! What an agent earns from orders, order by order: values.

use chrono::{DateTime, Utc};
use kernel::{Money, SiteId};

use crate::model::OrderId;
use crate::number::OrderNumber;

/// Where a commission stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarningState {
    /// The line is not delivered yet: nothing is earned.
    Waiting,
    /// The line was delivered, and it is posted.
    Earned,
    /// It went back with the order's money.
    Returned,
    /// The order came to nothing.
    Void,
}

impl EarningState {
    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Earned => "earned",
            Self::Returned => "returned",
            Self::Void => "void",
        }
    }
}

/// What an agent earns from one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentEarning {
    /// The order.
    pub order: OrderId,
    /// What people call it.
    pub number: OrderNumber,
    /// The line's place in it, from 1.
    pub line: i32,
    /// The selling site.
    pub site: SiteId,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// 0 if he brought the buyer himself.
    pub tier: u8,
    /// How much, for all pieces.
    pub amount: Money,
    /// How much of it went back with a part of the line's price, or with all of it.
    pub returned: Money,
    /// By which rule of which version of the plan.
    pub rule: String,
    /// Where it stands.
    pub state: EarningState,
}
