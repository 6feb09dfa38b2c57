//! Settlement: when what was earned may be taken out.
//!
//! A delivered line credits each earner (a site or an agent) on an account of the day on which it falls due. That day follows
//! from the [`Term`] which the order froze and the tenant's calendar; once it has come, [`ReleaseDue`] pays debts with it
//! and makes the rest available. So a release costs by earners and days, however many orders there were.
//!
//! A refund takes back by [`rules::take_back`]: what the line itself has pending, what else is pending (the nearest day
//! first), what is available, what is locked by a withdrawal, and what is missing then is owed. New earnings pay what is owed first.
//!
//! Invariants: what is pending, available or owed of an earner is what he has earned less what was clawed back and paid out;
//! nothing is released before its day, twice, or to somebody else; terms are never changed, and ones that pay later are told
//! seven days ahead; an earner on hold keeps what falls due pending.

mod audit;
mod command;
mod error;
mod job;
mod model;
mod repo;
pub mod rules;
mod service;
mod table;

pub use audit::{SettlementAudit, audit_in};
pub use command::{ReleaseDue, Released};
pub use error::SettlementError;
pub use job::{Releaser, SettleDue};
pub use model::{
    Calendar, CalendarDay, Cause, EarnerRef, Hold, HoldId, NewHold, Paydays, Term, TermRule, TermTarget, Terms,
    TermsVersion,
};
pub use service::{Settlement, TEXT_CHARS_MAX, held_in, paydays_in};
