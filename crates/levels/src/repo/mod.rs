//! The room's rows.

pub(crate) mod figures;
pub(crate) mod rules;
pub(crate) mod standings;
