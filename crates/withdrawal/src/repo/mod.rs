//! Queries on the room's own tables.

pub(crate) mod payees;
pub(crate) mod requests;
pub(crate) mod rules;
