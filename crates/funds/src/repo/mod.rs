//! Queries on the room's own tables.

pub(crate) mod accounts;
pub(crate) mod cards;
