//! Prices by quantity: a small table for each SKU whose price changes with it.

use catalog::{SkuId, Tier};
use kernel::Money;
use serde::Serialize;

use super::Offer;
use crate::format;
use crate::words::Words;

/// What stands above the tables.
#[derive(Serialize)]
pub(super) struct Fold {
    title: String,
    /// Whether the chosen SKU has no table.
    hidden: bool,
}

/// A line of a table.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct TierView {
    from: u32,
    to: u32,
    minor: i64,
    range: String,
    price: String,
    /// What each piece is cheaper than the first; none if it is not.
    save: Option<String>,
    /// Whether the chosen quantity is one of these.
    now: bool,
}

/// What stands above the tables, if there are any. Prices that rise with the quantity are not praised.
pub(super) fn fold(words: &Words, offers: &[Offer], checked: Option<SkuId>) -> Option<Fold> {
    let has_table = |offer: &&Offer| offer.tiers.len() > 1;
    let tables: Vec<&Offer> = offers.iter().filter(has_table).collect();
    let falls = |offer: &&Offer| offer.tiers.windows(2).all(|pair| pair[1].unit.minor() < pair[0].unit.minor());
    let title = if tables.iter().all(falls) { "goods.tiers" } else { "goods.tiers_any" };
    let hidden = !tables.iter().any(|offer| Some(offer.sku.id) == checked);
    (!tables.is_empty()).then(|| Fold { title: words.get(title, &[]), hidden })
}

/// The lines of the SKU's table; none if it has one price.
pub(super) fn rows(words: &Words, offer: &Offer, quantity: u32) -> Vec<TierView> {
    let [first, _, ..] = offer.tiers.as_slice() else { return Vec::new() };
    let saved = |tier: &Tier| first.unit.minus(tier.unit).ok().filter(|saved| saved.minor() > 0);
    let row = |tier: &Tier| TierView {
        from: tier.from,
        to: tier.to,
        minor: tier.unit.minor(),
        range: range(words, tier, offer.sku.quantity_max),
        price: format::money(tier.unit),
        save: saved(tier).map(format::money as fn(Money) -> String),
        now: (tier.from..=tier.to).contains(&quantity),
    };
    offer.tiers.iter().map(row).collect()
}

/// `1–9`, `10+`, or `50` alone.
fn range(words: &Words, tier: &Tier, most: u32) -> String {
    let Tier { from, to, .. } = *tier;
    let range = match to {
        _ if from == to => from.to_string(),
        _ if to == most => format!("{from}+"),
        _ => format!("{from}–{to}"),
    };
    words.get("goods.tiers_range", &[("range", &range)])
}
