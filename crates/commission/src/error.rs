//! What the room refuses.

use chrono::{DateTime, Utc};
use kernel::{Coded, FaultKind, MoneyError};
use store::StoreError;

/// Why an agent, a link or a plan is not as it was wanted.
#[derive(Debug, thiserror::Error)]
pub enum CommissionError {
    #[error("a code has 4 to 16 letters and digits")]
    AgentCode,
    #[error("{what} is one line of 1 to {chars_max} characters")]
    Text { what: &'static str, chars_max: usize },
    #[error("{field} is out of range")]
    Range { field: &'static str },
    #[error("everything here is in the tenant's currency")]
    Currency,
    #[error("rule {place} is about what another rule of the same tier is about")]
    RuleTwice { place: usize },
    #[error("rule {place} is for a tier above {most}: that deep nobody may earn")]
    TierTooDeep { place: usize, most: u8 },
    #[error("somebody would earn less: that takes effect on {earliest} at the earliest")]
    NoticeTooShort { earliest: DateTime<Utc> },
    #[error("what begins in the past would change what was promised")]
    InThePast,
    #[error("an agent never stands above himself")]
    AboveHimself,
    #[error("{most} agents above another are the most")]
    TooDeep { most: usize },
    #[error("this customer is an agent already")]
    AgentAlready,
    #[error("who is closed stays so, and has nobody under him")]
    Closed,
    #[error("there is no such {what}")]
    Missing { what: &'static str },
    #[error("there can be {limit} {what} at most")]
    TooMany { what: &'static str, limit: u64 },
    #[error("this was changed by somebody else meanwhile")]
    ChangedMeanwhile,
    #[error("a row of {table} cannot be read: {what}")]
    Corrupt { table: &'static str, what: String },
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for CommissionError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken { .. } => Self::ChangedMeanwhile,
            StoreError::Reference => Self::Missing { what: "parent" },
            other => Self::Store(other),
        }
    }
}

impl Coded for CommissionError {
    fn code(&self) -> &'static str {
        match self {
            Self::AgentCode => "agent_code_invalid",
            Self::Text { .. } => "text_length",
            Self::Range { .. } => "value_out_of_range",
            Self::Currency => "currency_mixed",
            Self::RuleTwice { .. } => "plan_rule_twice",
            Self::TierTooDeep { .. } => "depth_exceeded",
            Self::NoticeTooShort { .. } => "plan_notice_too_short",
            Self::InThePast => "plan_in_the_past",
            Self::AboveHimself => "agent_above_himself",
            Self::TooDeep { .. } => "agent_too_deep",
            Self::AgentAlready => "agent_already",
            Self::Closed => "agent_closed",
            Self::Missing { .. } => "commission_not_found",
            Self::TooMany { .. } => "commission_limit_reached",
            Self::ChangedMeanwhile => "changed_meanwhile",
            Self::Corrupt { .. } => "internal",
            Self::Money(_) => "amount_too_large",
            Self::Store(error) => error.code(),
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Missing { .. } => FaultKind::NotFound,
            Self::TooMany { .. } | Self::AboveHimself | Self::TooDeep { .. } | Self::Closed => FaultKind::Refused,
            Self::NoticeTooShort { .. } | Self::InThePast => FaultKind::Refused,
            Self::AgentAlready | Self::ChangedMeanwhile => FaultKind::Conflict,
            Self::Corrupt { .. } => FaultKind::Internal,
            Self::Store(error) => error.kind(),
            _ => FaultKind::Invalid,
        }
    }
}
