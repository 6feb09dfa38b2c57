//! Whole shops as data: packs are checked, compared with what is there, and applied in one transaction.
//!
//! [`Pack::read`] finds all faults of all files before anything is written. [`Launch::plan`] and [`Launch::apply`] run
//! the same code in a write transaction; a plan rolls it back, so the difference that an operator reads is the one that
//! is written. The format is described in `tenants/README.md`.
//!
//! Invariants: a pack is applied as a whole or not at all; applying it again changes nothing and posts nothing; nothing
//! is removed and nothing is put back on sale; no password is hashed inside a transaction; no fault shows a card's code.

mod blank;
mod difference;
mod error;
mod model;
mod pack;
mod people;
mod service;
mod staff;
mod write;

#[cfg(test)]
mod tests;

pub use blank::tenant_new;
pub use catalog::FieldChange;
pub use error::LaunchError;
pub use model::{Applied, CardChange, Change, GeneratedLogin, Mode, Plan, Progress, Thing, What, Who};
pub use pack::{Pack, PackFault};
pub use service::Launch;
