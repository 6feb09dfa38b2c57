//! Queries on the room's tables.

pub(crate) mod calendar;
pub(crate) mod holds;
pub(crate) mod terms;
