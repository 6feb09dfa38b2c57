//! Chaos: the real program under load, killed at any moment, and every promise looked at afterwards from outside.
//!
//! Dev-only: it ships nothing. It stands on the test kit for databases and knows the program only as its users do, over
//! HTTP and by its commands. Invariant: no limit of the program is switched off; each request comes from a client address
//! of its own through a configured proxy, and the pack says what one account or contact may do.

mod blow;
mod browser;
mod buyers;
mod campaign;
mod database;
mod dice;
mod installation;
mod pack;
mod promises;
mod purchase;
mod quiet;
mod round;
mod rush;
mod sandbox;
mod shop;

pub use blow::{Blow, Outage, Plan};
pub use campaign::{Campaign, HEAD};
pub use database::Backend;
pub use round::{Outcome, Round};
pub use rush::{Size, rush};
