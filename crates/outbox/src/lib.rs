//! What is to happen after a commit: typed jobs, written in the caller's transaction, run by a [`Runner`].
//!
//! A job is a row. [`Outbox::enqueue_in`] writes it beside the rows it is about, so that it exists exactly if the
//! transaction does. A [`Runner`] leases due rows of all tenants, loads each in its tenant's own scope and hands it to
//! the [`Handler`] of its kind. A failure is tried again with backoff; what keeps failing becomes a dead letter that an
//! operator can read ([`Outbox::dead_in`]) and send again ([`Outbox::retry_dead_in`]).
//!
//! | what | limit |
//! |---|---|
//! | a lease, and so a handler's time | 60 s, of which at least 30 s are left when the handler starts |
//! | jobs claimed at once, running at once | 32, 8 |
//! | attempts | [`Job::ATTEMPTS_MAX`], 12 unless the kind says otherwise: about half an hour |
//! | payload | 1 MiB |
//!
//! Invariants: at least once, and exactly once for a handler whose every effect is in the transaction that calls
//! [`JobContext::finish_in`]; a payload is read in its tenant's scope only and is never logged nor copied into an
//! error; nothing is dropped silently: a row goes when its work is done, and only then; what a clock that ran ahead wrote
//! is due by the true one soon after that is back (10 s if this process wrote it, else five minutes).

mod attempt;
mod audit;
mod clock;
mod error;
mod handler;
mod model;
mod outbox;
mod repo;
mod rules;
mod runner;
mod schedule;
mod table;

#[cfg(test)]
mod tests;

pub use audit::{OutboxAudit, audit_in};
pub use error::OutboxError;
pub use handler::{Handler, JobContext, JobError};
pub use model::{DeadJob, Job, JobId, JobKind, Tally};
pub use outbox::Outbox;
pub use runner::{Runner, Running};
pub use schedule::{Schedule, Tenants};
