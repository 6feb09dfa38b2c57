//! Queries on people and sessions.

pub(crate) mod customers;
pub(crate) mod operators;

/// The state of somebody who may log in.
const ACTIVE: &str = "active";
/// Sessions one person may have (a customer on each site): the oldest ends when one more begins.
const SESSIONS_MAX: usize = 20;
