//! Commissions: the agents who bring buyers, and what the plan pays them.
//!
//! An agent is a customer of a site who brings others to it, and may have an upper agent there. A tenant's [`Plan`] says
//! what an agent earns; its versions are kept for ever, and one that pays somebody less takes effect only after its
//! notice. [`rules::cascade`] is pure: the price chain of a line, the agents and the plan become amounts, which an order
//! freezes when it is placed and the ledger posts when the line is delivered.
//!
//! When the margin of the selling site is short, the site gives way first, down to nothing; then the agent who stands
//! farthest from the buyer, and so on; he who brought the buyer gives way last. What rounding leaves is the site's. The main
//! site's own margin is what is left of the price after what the goods cost it, by the day's cost or by what these very
//! goods were put in stock for, whichever is more. A code that a buyer says counts before any link that he has followed.
//! Levels choose rates from the moment they are given.
//!
//! Invariants: commissions of a line are at most the selling site's margin, never below zero; no more agents earn than
//! the depth of both trees allows; nobody earns from what his own account buys, for recruiting, or from a line that
//! was not delivered; an agent is of one site and never stands above himself.

mod audit;
mod error;
mod model;
mod repo;
pub mod rules;
mod service;
mod table;
#[cfg(test)]
mod tests;

pub use audit::{AgentAudit, audit_in};
pub use error::CommissionError;
pub use model::{
    Agent, AgentChange, AgentCode, AgentId, AgentState, Base, Campaign, Earning, How, Link, LinkId, Mode, NewAgent,
    Plan, PlanVersion, Referral, Referrer, Rule, Target, Terms, Touch,
};
pub use service::{AGENT_NAME_CHARS_MAX, Agents, PlanAuthor, Plans, places_in, plan_in};
