//! The sandbox payment provider: a separate HTTP service with its own signed protocol.
//!
//! It stands where a real provider will stand, so that shops, demos and tests go through real requests, a real
//! cashier page, real callbacks and real refunds, and can make each of them go wrong (see [`Gateway::router`]).
//! Invariant: no money moves, and nothing here knows a room of ours; only [`sign`] is shared with the adapter that
//! speaks to it.
//!
//! Opening a merchant and the whole of `/control` are unsigned: listen on this machine only.

mod book;
mod courier;
mod error;
mod event;
mod gateway;
mod http;
mod journal;
mod model;
mod nonces;
mod page;
mod plans;
mod serve;
pub mod sign;

#[cfg(test)]
mod tests;

pub use error::GatewayError;
pub use gateway::{Gateway, GatewaySettings};
pub use serve::serve;
