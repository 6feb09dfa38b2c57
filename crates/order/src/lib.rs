//! Orders: from a choice on a page to a code in the buyer's hands, with every cent posted.
//!
//! [`machine`] says which states there are and what leads from one to the next; [`sale`] says what a sale costs and
//! earns whom. Both are pure. [`Place`] is the command that a lane carries out: it prices, checks the money and the
//! stock, and only then takes anything; [`Desk`] is the room's part in the lane and writes the rows.
//!
//! | phase of the lane | what this room does |
//! |---|---|
//! | read | price epoch, rules of the chains, SKUs and goods: 4 queries whatever the batch |
//! | decide | resolve the price, compare with what the buyer saw, post, pick |
//! | write | orders, lines, hops, events: one statement each; one job a batch |
//!
//! Invariants: a price comes from the resolver and never from the caller; a refused command has changed nothing;
//! an order is seen by its own site and its own buyer only; a code is shown only after the view is logged.

mod audit;
mod command;
mod desk;
mod error;
mod job;
pub mod machine;
mod model;
mod repo;
pub mod sale;
mod service;
mod table;
#[cfg(test)]
mod tests;

pub use audit::{OrderAudit, audit_in};
pub use command::{Chain, Place, PlaceAnswer, Placed, Refusal};
pub use desk::Desk;
pub use error::OrderError;
pub use job::{LowStock, OrdersDelivered};
pub use model::{Device, Event, LineView, Order, OrderId, OrderPage, OrderView, Revealed, Wanted};
pub use service::Orders;
