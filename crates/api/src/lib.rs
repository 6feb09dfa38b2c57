//! The JSON API of the console host: an operator's session, his tenants, their stock. And the cashier host, where buyers
//! and gateways meet.
//!
//! Every answer is JSON; every refusal is problem details (RFC 9457). Each handler's first argument says who may
//! call it; what belongs to another's tenant does not exist.
//!
//! Invariant: no card code leaves through this door.

mod cashier;
mod routes;
mod session;
mod stock;
mod tenants;
#[cfg(test)]
mod tests;

pub use cashier::{CASHIER_HOST, CashierState, cashier_route_list, cashier_router};
pub use routes::{ApiState, CONSOLE_HOST, route_list, router};
