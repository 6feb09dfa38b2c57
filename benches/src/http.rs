//! Load through the front door: the real program as a child process, asked over sockets by clients that keep their
//! connections.
//!
//! A [`Town`] is a database full of shops; [`Program`] serves it. Each scenario is a function that answers [`Answers`]:
//! how many of which status, how long the accepted and the refused waited, and what it cost the program, the database
//! and the clients. A closed load has callers that each wait for their answer; an open one has a time at which each
//! request is due, and counts from then, so that a pause of the server is counted for all whom it kept waiting.

mod answers;
mod drive;
mod flash;
mod nginx;
mod orders;
mod overload;
mod pages;
mod paying;
mod program;
mod town;
mod wire;

#[cfg(test)]
mod tests;

pub use answers::Answers;
pub(crate) use drive::{Dice, Zipf};
pub use drive::{Load, Shape};
pub use flash::flash_sale;
pub use nginx::{Nginx, health};
pub use orders::{log_in, wallet_orders};
pub use overload::{Overload, overload};
pub use pages::{Guests, pages};
pub use paying::{Paid, paid_orders};
pub use program::Program;
pub use town::{Size, Town};
