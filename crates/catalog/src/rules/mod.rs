//! The price resolver: what a SKU costs here, for this buyer, in this quantity, now. Pure.
//!
//! A sale runs down a chain of sites, the main site first. What a site pays is the **wholesale** price of the site
//! above (the main site pays the SKU's cost); what it asks from the site below is its own wholesale price, and what
//! the last site asks from the buyer is its retail price. So each site's price starts from its own purchase price
//! and never from anybody's retail price.
//!
//! **Which rule.** Of the site's rules that are for this audience, this subject, this SKU, this quantity and this
//! moment, the most specific: a secret price before all others, then SKU, goods, category, site default; among
//! equals the larger quantity break, then the one for a level, then the one that began later ([`lookup`]): a rule
//! with a beginning goes before one that was always there.
//!
//! **Templates.** A rule may name a template of its site: of its bands the last one counts that begins at or under
//! what the site pays, and it adds its amount or share and rounds. Under the first band nothing is added and nothing
//! rounded: the price is the purchase price ([`bands`]).
//!
//! **Without a rule.** The main site asks the SKU's list price, from buyers and from the sites below alike, and it
//! stands like a fixed price. A sub-site asks its buyers the main site's list price or its own purchase price,
//! whichever is higher, and passes its purchase price on to the sites below.
//!
//! **In this order** ([`hop`]): the rule; the lift to the purchase price (a fixed price is not lifted: under the
//! purchase price it hides the SKU, or is sold at a covered loss where the owner allowed one); rounding, always up;
//! the floor; the cap. Floors and highest markups are limits that the sites above set for the branch below them, the
//! tightest of all counts ([`limits`]). A price above the cap becomes the cap, rounded down to the step of the rule:
//! the cap wins over rounding. A cap below the floor, or a capped price below floor or purchase price, hides the SKU.
//!
//! **Levels.** Goods may be for sub-sites of some levels only: of others they are hidden, and of all below those.
//!
//! A loss may be allowed only on retail prices: it is the seller's balance that covers it. A site whose wholesale
//! price hides the SKU hides it from the whole branch below; a site's hidden retail price hides it on that site only.
//!
//! Invariants: integers only; the margins sum to retail less cost; with the same rules, wherever both prices exist, a
//! higher cost never gives a lower price, except where it leads from one band of a template into another, which may add
//! less.

mod bands;
mod changes;
mod explain;
mod hop;
mod limits;
mod lookup;
mod quote;
mod rounding;
mod tiers;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use kernel::SiteId;

pub(crate) use changes::{category_changes, goods_changes, rule_changes, sku_changes, template_changes};
pub use explain::{Explanation, HopSteps, Step};
pub use quote::{Hidden, HiddenReason, Hop, Quote, RuleRef, Source};
pub use tiers::{Tier, tiers};

use crate::model::{RuleBook, SiteLevel, SiteRules, SkuFacts, Subject};

/// One site of the chain as the resolver sees it. The limits from above are among the rules of the sites above.
#[derive(Debug, Clone, Copy)]
pub struct HopInput<'a> {
    /// The site.
    pub site: SiteId,
    /// Its level as seen from its parent.
    pub level: Option<&'a str>,
    /// Its own rules.
    pub rules: &'a SiteRules,
}

/// A question to the resolver.
#[derive(Debug, Clone, Copy)]
pub struct PriceRequest<'a> {
    /// The main site first, the selling site last; never empty.
    pub chain: &'a [HopInput<'a>],
    /// The SKU.
    pub sku: &'a SkuFacts,
    /// The buyer.
    pub subject: &'a Subject,
    /// How many of it; lists ask for one, and none counts as one.
    pub quantity: u32,
    /// When.
    pub now: DateTime<Utc>,
}

impl PriceRequest<'_> {
    fn seller(&self) -> SiteId {
        self.chain.last().expect("a chain has at least the main site").site
    }
}

/// The chain with each site's rules out of `book`.
pub fn hops<'a>(chain: &'a [SiteLevel], book: &'a RuleBook) -> Vec<HopInput<'a>> {
    chain
        .iter()
        .map(|place| HopInput { site: place.site, level: place.level.as_deref(), rules: book.of_site(place.site) })
        .collect()
}

/// The price with its whole chain, or why there is none.
pub fn resolve(request: &PriceRequest<'_>) -> Result<Quote, Hidden> {
    walk(request, |_, _| {})
}

/// The same answer with every step that led to it.
pub fn explain(request: &PriceRequest<'_>) -> Explanation {
    let seller = request.seller();
    let mut hops: Vec<HopSteps> = Vec::with_capacity(request.chain.len());
    let outcome = walk(request, |site, step| match hops.last_mut() {
        Some(last) if last.site == site => last.steps.push(step),
        _ => hops.push(HopSteps { site, steps: vec![step] }),
    });
    Explanation { seller, hops, outcome }
}

fn walk(request: &PriceRequest<'_>, mut note: impl FnMut(SiteId, Step)) -> Result<Quote, Hidden> {
    if !request.sku.state.is_on() {
        return Err(Hidden { site: request.seller(), reason: HiddenReason::NotOnSale });
    }
    let mut hops = Vec::with_capacity(request.chain.len());
    let mut cost = request.sku.cost;
    for (place, input) in request.chain.iter().enumerate() {
        let levels = &request.sku.site_levels;
        let is_among = |level: &str| levels.iter().any(|one| one.as_str() == level);
        if place > 0 && !levels.is_empty() && !input.level.is_some_and(is_among) {
            return Err(Hidden { site: input.site, reason: HiddenReason::OtherLevels });
        }
        let hop = hop::price(request, place, cost, &mut |step| note(input.site, step))
            .map_err(|reason| Hidden { site: input.site, reason })?;
        cost = hop.price;
        hops.push(hop);
    }
    let quote = Quote::of(request.sku, request.quantity, hops);
    assert!(quote.is_balanced(), "the margins of a quote sum to retail less cost");
    Ok(quote)
}
