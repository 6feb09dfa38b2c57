//! The ground floor: the values every room shares.
//!
//! Ids, money, rates, scopes, the clock, days, networks and the kinds of fault live here, and nothing else.
//! Invariant: no I/O, no async, no third-party type in a public signature except `uuid` and `chrono`.

mod allowance;
pub mod clock;
mod day;
pub mod fault;
mod hex;
pub mod id;
pub mod money;
pub mod network;
pub mod notice;
pub mod rate;
pub mod scope;
pub mod secret;
pub mod text;
mod words;

pub use allowance::Allowance;
pub use clock::{Clock, FakeClock, SystemClock};
pub use day::{Day, shop_time};
pub use fault::{Coded, FaultKind};
pub use hex::hex;
pub use id::{Id, Kind, SiteId, TenantId};
pub use money::{Currency, Money, MoneyError};
pub use network::network;
pub use rate::Rate;
pub use scope::{Platform, Scope, SiteScope, TenantScope};
pub use secret::Secret;
pub use text::{Language, Wording};
