//! Whose shop it is: tenants, their sites as a tree, and the hosts that lead to them.
//!
//! A request enters the house here: [`Tenancy::resolve`] turns the `Host` header into a [`Shop`], and the shop's
//! scope is what every later query runs in. The host table lives in memory; a watch reloads it, so that what
//! another node changed arrives within seconds.
//!
//! Invariants: a host leads to one site of one tenant; the sites of a tenant are one tree under its main site,
//! at most [`DEPTH_MAX`] deep; a closed or suspended shop still resolves, because showing its state is the caller's.

mod colour;
mod error;
mod front;
mod model;
mod opening;
mod repo;
mod rules;
mod service;
mod shops;
mod table;

#[cfg(test)]
mod tests;

pub use colour::{CONTRAST_MIN, Colour, Palette, grounds};
pub use error::{TenancyError, UnknownHost};
pub use front::{Accent, Front, FrontError, Link, Radius, Section, SectionDraft, Tokens, TokensDraft};
pub use model::{
    Host, Mode, NewSite, NewTenant, Saved, Seller, Site, SiteState, Slug, Tenant, TenantState, TextError, Theme,
};
pub use opening::{OpenSite, SiteWords};
pub use rules::{DEPTH_MAX, SiteTree};
pub use service::Tenancy;
pub use shops::{Shop, Watch};
