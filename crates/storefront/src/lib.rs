//! The shop pages that a buyer sees, rendered here and complete without scripts.
//!
//! A request's host says whose shop it is (see `web`); everything it reads and writes then happens in that site's
//! scope. Pages are built in two steps: a handler reads rows through the rooms' services, a pure view turns them into
//! texts in the buyer's language, and a template of `web-ui/storefront` shows them.
//!
//! Invariants: templates escape whatever they show, and refuse a key that is not there; a price on a page comes from
//! the resolver that the order asks; a page that shows somebody's data is kept by no cache, ours
//! included; a code leaves only as the
//! answer to the post that logged the view; the word in an order's address shows how it stands and no code; nothing a
//! browser brings back from a cashier is taken for a payment.

mod app;
mod assets;
mod bestsellers;
mod browse;
mod cache;
mod complaint;
mod face;
mod form;
mod format;
mod frame;
mod pages;
mod proof;
mod routes;
mod rows;
mod templates;
#[cfg(test)]
mod tests;
mod theme;
mod view;
mod words;

pub use app::{DemoLogin, DemoPage, DemoSite, Settings, StorefrontState};
pub use routes::{route_list, router};
