//! What the benches measure: a shop, the engine that sells from it, and the careful naive way beside it.
//!
//! An order is paid from a wallet, delivered from stock and posted through a chain of four sites. Engine and naive way
//! write the same rows of it in databases that are made alike, with the same role and policies, through to the disk.
//! Figures hold for the machine they were made on; the ratio of the same run is what counts.

mod callers;
mod ceiling;
mod cpu;
mod database;
mod flash;
pub mod http;
mod jobs;
mod load;
mod market;
mod memory;
mod naive;
mod plot;
mod report;
mod settling;
mod shop;
mod stored;

pub use callers::{Counter, Figures, Way, buy_at_once};
pub use ceiling::Ceiling;
pub use cpu::Cpu;
pub use database::Database;
pub use flash::{FlashSale, flash};
pub use load::{Measure, closed, open};
pub use market::{ManyLanes, ManyNaive, Market, Seller};
pub use memory::{Bare, Booking, Hosts, Pricing, Run};
pub use naive::Naive;
pub use report::{Plan, Report, run_report};
pub use settling::Settling;
pub use shop::{Engine, Shop};
pub use stored::{Filler, Look, look};
