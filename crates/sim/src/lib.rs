//! The simulator: the rules that ship, over a database of plain maps, under a clock that somebody else moves.
//!
//! Dev-only: it ships nothing. The commands of the order and payment rooms decide over the parts of real lanes; what a
//! batch reads and writes goes to a [`Database`] that locks, refuses and forgets as a real one does. Two nodes work on it
//! with interleaved batches, gateways pay late, twice and wrongly, callers lose their answers and ask again, and nodes
//! die at named points. Whatever a run does follows from its seed; names that the rooms choose themselves (payments,
//! exceptions, refunds) differ from run to run, and nothing depends on them but their order.
//!
//! | what is checked | when |
//! |---|---|
//! | what a batch has touched: entries, balances, cards, orders, counts, answers | after each commit and answer |
//! | everything, counted anew without the rooms' help | every 10,000 steps |
//! | the same, and that nothing is left to do and the gateways agree | at the end of a world, once it is quiet |
//!
//! Not simulated: the hash chain, limits of open orders (they are set wide), imports of files, the shelf's marks.

mod act;
mod agenda;
mod batch;
mod database;
mod dice;
mod gateway;
mod recount;

mod layout;
mod map;
mod money;
mod people;
mod run;
mod task;
mod totals;
mod touched;
mod world;

pub use run::{Failure, Mutation, Plan};
pub use totals::Totals;
