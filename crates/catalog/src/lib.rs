//! What is sold, and for how much: categories, goods, SKUs, price rules, and the one price resolver.
//!
//! Lists, pages, carts, the API and orders all ask [`rules::resolve`]; nobody else computes a price. The resolver is
//! pure: the lane reads [`Prices::rules_in`] and [`Prices::facts_in`] in its batch and decides in memory.
//!
//! Invariants: a price of a site starts from what that site pays, never from a retail price; nothing is sold under
//! the seller's own purchase price, unless the owner allowed that loss; the margins of a quote sum to its retail
//! price less the main site's cost. Pages ask [`Showcases`], which keeps in memory what it read; whatever changes
//! raises an epoch. This room never touches stock, money or orders.

mod error;
mod model;
mod repo;
pub mod rules;
mod service;
mod showcase;
mod table;

#[cfg(test)]
mod tests;

pub use error::CatalogError;
pub use model::{
    Addition, Answer, Audience, BANDS_MAX, Band, Catalogue, Category, CategoryDraft, CategoryId, Choice, Code, Epochs,
    FIELD_CHARS_MAX, FIELDS_MAX, FieldChange, FieldFault, FieldFaultKind, FieldKey, FieldKind, Filled, Form, FormField,
    Formula, Fulfilment, Goods, GoodsDraft, GoodsId, GoodsKind, OnSale, PriceRule, QUANTITY_MAX, RATE_PPM_MAX, Reach,
    RefundRule, Rounding, RuleBook, RuleDraft, RuleId, Saved, SiteLevel, SiteRules, Sku, SkuDraft, SkuFacts, SkuId,
    Subject, Target, Template, TemplateDraft, TemplateId, Terms, Ware, Whom,
};
pub use rules::{Explanation, Hidden, HiddenReason, Hop, HopInput, PriceRequest, Quote, RuleRef, Source, Step, Tier};
pub use service::{Catalog, GoodsFilter, Prices, Quoted, RuleFamily, RuleFilter, SkuFilter};
pub use showcase::{Exhibit, Retail, Showcase, Showcases};
