//! The lane: every command that changes money, stock or order state of a tenant goes through one queue, and what
//! is queued together becomes one transaction.
//!
//! | phase | round trips | what it does |
//! |---|---|---|
//! | enter | 2 | begin; tenant, time and transaction id |
//! | keys | 1 | those of the commands' keys that are there: replays, which get their first answer |
//! | read | 1 a part | the facts that the commands asked for, then what follows from them (balances last) |
//! | decide | 0 | each command in queue order, over one in-memory state, by pure rules |
//! | cold rows | 1 | keys with answers, claims, new rows, jobs; what falls short is rolled back and decided again |
//! | hot rows | 2 | chain head, then counts and balances, in this order in every batch |
//! | commit | 1 | then every caller gets its own answer |
//!
//! The lane knows no business word. Rooms take part with a [`Part`] (facts, decisions made, effects) and define
//! [`Command`]s over the parts; the server says which parts there are.
//!
//! Invariants: an answer is given only after its commit; the same key gives the same answer for as long as the key
//! is kept; one command's refusal never fails its neighbours; no command is run again when it is not known whether
//! it took effect.

mod batch;
mod book;
mod command;
mod error;
mod keys;
mod known;
mod lanes;
mod part;
#[cfg(test)]
mod tests;

pub use command::{Answered, Command, CommandKey, actor};
pub use error::LaneError;
pub use keys::{keep_in, kept_in, prune_in};
pub use known::{Known, news};
pub use lanes::{LaneSettings, LaneStats, Lanes};
pub use part::{Claimed, LaneSheaf, LaneTx, Look, Others, Part, PartError, Parts, Step, carry_out_in};
