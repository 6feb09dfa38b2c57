//! Commissions: the agents who bring buyers, and what the plan pays them.
//!
//! An agent is a customer of a site who brings others to it, and may have an upper agent there. A tenant's [`Plan`] says
//! what an agent earns; its versions are kept for ever, and one that pays somebody less takes effect only after its
//! notice. [`rules::cascade`] is pure: the price chain of a line, the agents and the plan become amounts, which an order
//! freezes when it is placed and the ledger posts when the line is delivered.
//!
//! | who gives way | when the margin is short |
//! |---|---|
//! | the agent who brought the buyer | last |
//! | each agent above him | before the one below |
//! | the selling site | first what rounding leaves is its own; it never pays more than its margin |
//!
//! Invariants: commissions of a line are at most the selling site's margin, never below zero; no more agents earn than
//! the depth of both trees allows; nobody earns from his own purchase, for recruiting, or from a line that was not
//! delivered; an agent is of one site and never stands above himself.

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
pub use service::{Agents, Plans, plan_in};
