//! What a SKU costs by quantity: where its price changes, for the table beside the price.

use std::collections::BTreeSet;

use kernel::Money;
use serde::Serialize;

use super::{PriceRequest, resolve};
use crate::model::Target;

/// The most quantities at which a price is looked at anew; a table that is longer ends there.
const BREAKS_MAX: usize = 64;

/// A range of quantities with one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tier {
    /// The first quantity.
    pub from: u32,
    /// The last one.
    pub to: u32,
    /// What each piece costs.
    pub unit: Money,
}

/// The answers of [`resolve`] to this question, whatever its quantity, for all quantities that one order may take:
/// ascending, each range as long as its price holds. A quantity without a price is in none.
pub fn tiers(request: &PriceRequest<'_>) -> Vec<Tier> {
    let most = request.sku.quantity_max;
    let breaks = breaks(request);
    let ends = breaks.iter().skip(1).map(|next| next - 1).chain([most]);
    let mut tiers: Vec<Tier> = Vec::new();
    for (&from, to) in breaks.iter().zip(ends).take(BREAKS_MAX) {
        let Ok(quote) = resolve(&PriceRequest { quantity: from, ..*request }) else { continue };
        match tiers.last_mut() {
            Some(last) if last.unit == quote.unit && last.to + 1 == from => last.to = to,
            _ => tiers.push(Tier { from, to, unit: quote.unit }),
        }
    }
    tiers
}

/// One, and every quantity at which a rule about this SKU begins, a limit too.
fn breaks(request: &PriceRequest<'_>) -> BTreeSet<u32> {
    let sku = request.sku;
    let targets = [Target::Sku(sku.sku), Target::Goods(sku.goods), Target::Category(sku.category), Target::Site];
    let rules = request.chain.iter().flat_map(|hop| {
        targets.into_iter().flat_map(|target| hop.rules.prices(target).iter().chain(hop.rules.limits(target)))
    });
    let begins = rules.map(|rule| rule.reach.quantity_min);
    [1].into_iter().chain(begins).filter(|begin| *begin <= sku.quantity_max).collect()
}
