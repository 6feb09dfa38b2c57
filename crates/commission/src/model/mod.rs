//! Values of the room.

mod agent;
mod plan;
mod referral;

pub use agent::{Agent, AgentChange, AgentCode, AgentId, AgentState, Campaign, Link, LinkId, NewAgent};
pub use plan::{Base, Earning, Mode, Plan, PlanVersion, Rule, Target, Terms, Touch};
pub use referral::{How, Referral, Referrer};
