//! Withdrawals: how what a site or an agent has earned is paid out.
//!
//! An earner asks for a part of what is available: it is locked. Reviewers approve it, two of them above a threshold; then
//! it is sent with others in one payout, which is a file for the bank, and the bank's answers say what has arrived and what
//! came back. Money to buy with is had at once, without anybody's review.
//!
//! | state | goes on to | where the money is |
//! |---|---|---|
//! | requested | approved, rejected, cancelled | locked |
//! | approved | sent, rejected, cancelled | locked |
//! | sent | paid, returned | in transit, less fee and tax |
//! | paid | returned (banks send back days later) | gone |
//! | rejected, cancelled, returned, converted | | debts first, then available; money to buy with |
//!
//! An earner has one withdrawal at a time that is not sent. So what is locked of him is what is left of it: a refund takes
//! from there after everything else and before it makes a debt ([`settlement::rules::take_back`]), without a word to this
//! room, and what is sent is what is locked then.
//!
//! [`Teller`] is the room's part in the lane. Invariants: a withdrawal is sent once and paid or returned once; what is
//! locked, in transit, paid, kept as fee or tax and given back of it is what was asked for, less what was clawed back;
//! nobody approves what he asked for, or twice; nothing is sent to a payee that is removed, or whose name nobody has
//! checked; account numbers and names are sealed, and whoever opens them is written down.

mod audit;
mod command;
mod error;
mod model;
mod repo;
pub mod rules;
mod service;
mod table;
mod teller;
#[cfg(test)]
mod tests;

pub use audit::{WithdrawalAudit, audit_in};
pub use command::{Asked, Ended, Outcome, Sent, Word};
pub use error::{Refusal, WithdrawalError};
pub use model::{
    Event, EventKind, Means, NewPayee, Payee, PayeeDetails, PayeeId, Payout, PayoutId, Rules, RulesVersion, Split,
    State, Tax, Withdrawal, WithdrawalId,
};
pub use repo::requests::Filter;
pub use service::{Ask, Convert, PayoutLine, SEND_MAX, Withdrawals};
pub use teller::Teller;
