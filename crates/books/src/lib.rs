//! The books as people take them home: days that are closed, statements, who owes what since when, and profit.
//!
//! A **closing** (日结) is the trial balance of a tenant's day, of the chain's links one after another, signed with the
//! tenant's own key. It is made once the day is over, of what each link says that it moved, and only if what is on the
//! accounts now less what was moved since is the same. A **statement** (对账单) is what happened to one site's, agent's or
//! customer's money over days: what was there, each entry, what is left.
//!
//! Invariants: a day is closed once, on however many nodes; the days of a tenant follow one another without a gap, each
//! opening with what the one before closed with, and each link is in exactly one of them; what was signed is never changed.
//! Nothing here moves money.

mod aging;
mod audit;
mod close;
mod error;
mod job;
mod model;
mod paper;
mod profit;
mod repo;
mod seal;
mod service;
mod statement;
mod table;
#[cfg(test)]
mod tests;
mod words;

pub use aging::{Aging, DEBTORS_MAX, DebtAge, Debtor, Due, debt_ages};
pub use audit::{BooksAudit, audit_in};
pub use close::trial;
pub use error::BooksError;
pub use job::{CloseDays, DayCloser};
pub use model::{Closing, ClosingDocument, ClosingKeyId, Party, TrialRow};
pub use paper::{Format, Paper};
pub use profit::{Profit, ProfitBy, ProfitKey, ProfitRow};
pub use seal::{PublicKey, verify};
pub use service::{Books, Closed, closing_in};
pub use statement::Statement;
