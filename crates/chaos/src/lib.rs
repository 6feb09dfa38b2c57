//! Chaos: the real program under load, hurt in every way we know, and every promise looked at afterwards from outside.
//!
//! Dev-only: it ships nothing. It stands on the test kit for databases and knows the program only as its users do, over
//! HTTP and by its commands. What happens is a [`Fault`], each in a file of the folder `faults`. Invariant: no limit of the
//! program is switched off; each request comes from a client address of its own through a configured proxy, and the pack
//! says what one account or contact may do.

mod browser;
mod buyers;
mod campaign;
mod clock;
mod database;
mod dice;
mod disk;
pub mod faults;
mod history;
mod installation;
mod node;
mod pack;
mod process;
mod promises;
mod proxy;
mod purchase;
mod quiet;
mod report;
mod round;
mod rush;
mod sandbox;
mod server;
mod shop;

pub use campaign::{Campaign, HEAD};
pub use database::Backend;
pub use faults::Fault;
pub use report::{Run, page};
pub use round::{Outcome, Round};
pub use rush::{Size, rush};
