//! Queries on this room's tables. They take a transaction and answer model values.

pub(crate) mod agents;
pub(crate) mod plans;
