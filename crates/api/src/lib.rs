//! The JSON API of the console host: an operator's session, his tenants, their stock.
//!
//! Every answer is JSON; every refusal is problem details (RFC 9457). Each handler's first argument says who may
//! call it; what belongs to another's tenant does not exist.
//!
//! Invariant: no card code leaves through this door.

mod routes;
mod session;
mod stock;
mod tenants;
#[cfg(test)]
mod tests;

pub use routes::{ApiState, CONSOLE_HOST, route_list, router};
