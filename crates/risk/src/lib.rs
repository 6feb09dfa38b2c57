//! How much of what somebody may do: limits as data, pure rules on facts, and how fast orders come from one address.
//!
//! [`Limits`] are a site's own; their defaults are the product's. The rules say yes or no to counts that others made
//! ([`Limits::check_open`], [`Limits::check_day`]). [`Velocity`] counts itself, in memory, before anything is queued:
//! an address that orders too fast is frozen by a row that every node sees and a person can review.
//!
//! Invariants: a limit refuses and changes nothing else; a freeze outlives a restart; no more than a bounded number of
//! addresses is remembered.

mod error;
mod limits;
mod model;
mod repo;
mod rules;
mod service;
mod table;
#[cfg(test)]
mod tests;

pub use error::RiskError;
pub use limits::{LimitHit, LimitKind, Limits, OpenOrders};
pub use model::{Freeze, FreezeId};
pub use service::Velocity;
