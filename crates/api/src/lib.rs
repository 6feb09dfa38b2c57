//! The JSON API of the console host, `/api/v1`: an operator's session, his tenants and sites, and what is done there; the
//! cashier host, where buyers and gateways meet; and on the shops' own hosts what a buyer's program may ask.
//!
//! Every answer is JSON; every refusal is problem details (RFC 9457). Each handler's first argument says who may
//! call it; what belongs to another's tenant does not exist.
//!
//! Each handler stands in a document ([`openapi`], [`shop_openapi`]) by its `#[utoipa::path]`; tests compare the documents
//! with the routes, and with their copies in this folder.
//!
//! Invariant: no card code leaves through this door.

mod adjustments;
mod agents;
mod asking;
mod balances;
mod body;
mod bonuses;
mod books;
mod calendar;
mod cashier;
mod categories;
mod channels;
mod claims;
mod doc;
mod earnings;
mod explain;
mod fulfilments;
mod goods;
mod intake;
mod levels;
mod orders;
mod own;
mod page;
mod payouts;
mod place;
mod plans;
mod prepaid;
mod prices;
mod recharge;
mod refunds;
mod replacements;
mod returns;
mod routes;
mod rules;
mod session;
mod shop;
mod sites;
mod skus;
mod stock;
mod templates;
mod tenants;
#[cfg(test)]
mod tests;
mod troubles;
mod version;
mod ways;
mod withdrawals;
mod words;

pub use cashier::{CASHIER_HOST, CashierState, cashier_route_list, cashier_router};
pub use routes::{ApiState, CONSOLE_HOST, route_list, router};
pub use shop::{ShopState, shop_route_list, shop_router};

/// The document of the API, OpenAPI 3.1 as JSON.
pub fn openapi() -> &'static str {
    &doc::TEXT
}

/// The document of the buyers' API at the shops' hosts, OpenAPI 3.1 as JSON.
pub fn shop_openapi() -> &'static str {
    &shop::doc::TEXT
}
