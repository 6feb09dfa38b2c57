//! Levels: how sites and agents rise and fall by what they sell.
//!
//! A tenant's [`LevelRules`] hold a ladder for its sites and one for its agents: rungs with names of the tenant's choice,
//! each with what it needs within a window of days: sales, active buyers, and how few complaints. Days are counted once they
//! are over, from the books; on the days that the rules name everybody is judged by [`rules::judge`], which is pure. What
//! a level gives (rates, goods, prices, the term of settlement) is said elsewhere, by its code.
//!
//! Who has reached a higher rung has it at once. Who does not reach his own any more is warned, and keeps it for the days of
//! the notice; then he falls, no lower than he was told. Somebody's own sales count and nobody else's: there is no way
//! from whom he recruits, or from what those sell, to his level.
//!
//! Invariants: a day is counted once and a judgment made once, on however many nodes; nobody falls without having been
//! warned as long before as the rules say; a level that an operator has pinned stays; every change is in the history, with
//! the figures it was made by, and the last of each says what the level is, unless somebody gave another one by hand since.

mod audit;
mod error;
mod job;
mod model;
mod repo;
pub mod rules;
mod service;
mod table;
#[cfg(test)]
mod tests;

pub use audit::{LevelAudit, audit_in};
pub use error::LevelError;
pub use job::{Judge, JudgeLevels};
pub use model::{
    Change, ChangeId, Figures, LevelRules, Needs, Pin, RulesVersion, Rung, Schedule, Standing, Warning, What,
};
pub use service::{Foretold, Ladder, Levels, PinWanted, REASON_CHARS_MAX};
