//! The ledger: double entry, append only, one hash chain a tenant.
//!
//! Sign: an amount above zero credits an account, below zero debits it, so what we owe (wallets, earnings) has a
//! positive balance and what we own (stock, money at a channel) a negative one. An entry sums to zero per currency.
//!
//! One writer writes: [`Book`], used inside the lane's batch and, in the same lock order, by whoever applies a pack.
//! Its phases and their order: accounts and entries ([`Book::insert_in`]), chain head ([`Book::link_in`]),
//! balances, ascending ([`Book::settle_in`]).
//!
//! Invariants: an [`Entry`] that exists is balanced; its id follows from the business fact, so a retry cannot post
//! twice; a spendable account never goes below zero (checked in memory, and by the database last); nothing is
//! ever changed or removed, a correction is a new entry.

mod account;
mod accounts;
mod audit;
mod book;
mod chain;
mod earner;
mod entry;
mod error;
mod period;
mod repo;
mod statement;
mod subjects;
mod table;
#[cfg(test)]
mod tests;
mod turnover;

pub use account::{Account, AccountId, AccountKind};
pub use accounts::{AccountBalance, AccountLine, LineMark, account_in, accounts_in, lines_in};
pub use audit::{Audit, Breach, audit_in};
pub use book::Book;
pub use chain::ChainHash;
pub use earner::{Earner, Purse, Side};
pub use entry::{Entry, EntryId, EntryKind, Posting, entry_id};
pub use error::LedgerError;
pub use period::{PERIOD_ENTRIES_MAX, PERIOD_LINES_MAX, PeriodEntries, PeriodLine, Section, period_in};
pub use repo::{
    balances_in, due_in, entries_of_in, entries_of_kind_in, head_in, link_hash_in, posted_of_in, purses_in, undated_in,
};
pub use statement::{Statement, StatementLine, statement_in};
pub use subjects::subjects_in;
pub use turnover::{MovedLink, Sides, Totals, Turnover, last_untold_in, links_in, totals_in};
