//! The page of goods: what there is, what it costs, what the buyer chose.

use catalog::{Category, Goods, GoodsKind, Sku, SkuId, Tier};
use kernel::{Language, Money};
use serde::Serialize;

use super::home::category_href;
use super::tiers::{Fold, TierView, fold, rows};
use super::{FormError, Stock};
use crate::format;
use crate::templates::Files;
use crate::words::Words;

/// A SKU that has a price here.
pub(crate) struct Offer {
    pub sku: Sku,
    pub unit: Money,
    pub left: u64,
    /// What it costs in other quantities.
    pub tiers: Vec<Tier>,
}

/// What the buyer chose, as far as it could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice {
    pub sku: Option<SkuId>,
    pub quantity: u32,
}

impl Default for Choice {
    fn default() -> Self {
        Self { sku: None, quantity: 1 }
    }
}

/// The page's own keys.
#[derive(Serialize)]
pub(crate) struct GoodsView {
    goods: About,
    skus: Vec<SkuView>,
    quantity: Quantity,
    /// The tables of prices by quantity; none if no SKU has one.
    fold: Option<Fold>,
    error: Option<FormError>,
    form: Form,
    /// The same for search machines; none where nothing is sold here.
    ld: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct About {
    title: String,
    art: Option<String>,
    description: Vec<String>,
    kind_line: String,
    category: Option<Shelf>,
    /// Whether a person does it.
    manual: bool,
}

/// Where the goods stand.
#[derive(Serialize)]
struct Shelf {
    name: String,
    href: String,
}

/// Goods as they were read.
pub(crate) struct Looked<'a> {
    pub goods: &'a Goods,
    pub offers: Vec<Offer>,
    pub category: Option<&'a Category>,
}

#[derive(Serialize)]
struct SkuView {
    id: String,
    name: String,
    face_value: Option<String>,
    price: String,
    price_minor: i64,
    stock: Stock,
    checked: bool,
    disabled: bool,
    /// Its prices by quantity, if they differ.
    tiers: Vec<TierView>,
}

#[derive(Serialize)]
struct Quantity {
    value: u32,
    min: u32,
    max: u32,
}

#[derive(Serialize)]
struct Form {
    action: String,
}

/// The most that one order may take of any of these.
pub(crate) fn quantity_max(offers: &[Offer]) -> u32 {
    offers.iter().filter(|offer| offer.left > 0).map(|offer| offer.sku.quantity_max).max().unwrap_or(1)
}

impl GoodsView {
    pub fn new(
        (words, language): (&Words, Language),
        (looked, seller): (&Looked<'_>, &SellerOf<'_>),
        choice: Choice,
        error: Option<FormError>,
    ) -> Self {
        let Looked { goods, offers, category } = looked;
        let shelf =
            |category: &Category| Shelf { name: category.name.get(language).to_owned(), href: category_href(category) };
        let checked = checked(offers, choice.sku);
        let value = choice.quantity.max(1);
        Self {
            goods: About {
                title: goods.title.get(language).to_owned(),
                art: art(goods, language),
                description: paragraphs(goods.description.get(language)),
                kind_line: kind_line(words, goods),
                category: category.map(shelf),
                manual: goods.kind == GoodsKind::Manual,
            },
            ld: product(language, goods, offers, seller),
            fold: fold(words, offers, checked),
            skus: offers.iter().map(|offer| sku((words, language), (goods, offer), checked, value)).collect(),
            quantity: Quantity { value, min: 1, max: quantity_max(offers) },
            error,
            form: Form { action: format!("/goods/{}", goods.code) },
        }
    }
}

/// What a search machine needs beside the goods.
pub(crate) struct SellerOf<'a> {
    /// Scheme, host and port of the shop.
    pub origin: &'a str,
    /// Who sells.
    pub name: &'a str,
}

/// The goods as a product of schema.org.
fn product(language: Language, goods: &Goods, offers: &[Offer], seller: &SellerOf<'_>) -> Option<serde_json::Value> {
    let low = offers.iter().min_by_key(|offer| offer.unit.minor())?.unit;
    let high = offers.iter().max_by_key(|offer| offer.unit.minor())?.unit;
    let there = offers.iter().any(|offer| offer.left > 0);
    let mut offer = serde_json::json!({
        "priceCurrency": low.currency().code(),
        "availability": format!("https://schema.org/{}", if there { "InStock" } else { "OutOfStock" }),
        "url": format!("{}/goods/{}", seller.origin, goods.code),
        "seller": {"@type": "Organization", "name": seller.name},
    });
    let own = if low == high {
        serde_json::json!({"@type": "Offer", "price": format::plain(low)})
    } else {
        let (low, high) = (format::plain(low), format::plain(high));
        serde_json::json!({"@type": "AggregateOffer", "lowPrice": low, "highPrice": high, "offerCount": offers.len()})
    };
    offer.as_object_mut()?.extend(own.as_object()?.clone());
    let mut product = serde_json::json!({
        "@context": "https://schema.org",
        "@type": "Product",
        "name": goods.title.get(language),
        "sku": goods.code.as_str(),
        "description": goods.description.get(language),
        "offers": offer,
    });
    if let Some(file) = art(goods, language) {
        product["image"] = serde_json::json!(format!("{}/assets/art/{file}", seller.origin));
    }
    Some(product)
}

/// The buyer's choice while it can be bought, else the first that can.
fn checked(offers: &[Offer], chosen: Option<SkuId>) -> Option<SkuId> {
    let mut on_sale = offers.iter().filter(|offer| offer.left > 0).map(|offer| offer.sku.id);
    let first = on_sale.clone().next();
    on_sale.find(|sku| Some(*sku) == chosen).or(first)
}

fn sku(
    (words, language): (&Words, Language),
    (goods, offer): (&Goods, &Offer),
    checked: Option<SkuId>,
    quantity: u32,
) -> SkuView {
    let stock = Stock::of(goods, offer.left);
    SkuView {
        id: offer.sku.id.to_string(),
        name: offer.sku.name.get(language).to_owned(),
        face_value: offer.sku.face_value.map(format::money),
        price: format::money(offer.unit),
        price_minor: offer.unit.minor(),
        stock,
        checked: checked == Some(offer.sku.id),
        disabled: stock.is_out(),
        tiers: rows(words, offer, quantity),
    }
}

/// The lines of a text that are not empty.
pub(super) fn paragraphs(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// What kind of goods these are, in a few words.
pub(super) fn kind_line(words: &Words, goods: &Goods) -> String {
    match goods.kind {
        GoodsKind::Card => words.get("goods.kind.card", &[]),
        GoodsKind::Shared => words.get("goods.kind.shared", &[]),
        GoodsKind::Manual => words.get("goods.kind.manual", &[("hours", &goods.fulfilment.within_hours.to_string())]),
    }
}

/// The picture's file, in the buyer's language where there is one; a picture that we do not have is none.
pub(super) fn art(goods: &Goods, language: Language) -> Option<String> {
    let name = goods.art.as_deref()?;
    let exists = |file: &String| Files::get(&format!("assets/art/{file}")).is_some();
    let own = (language == Language::English).then(|| format!("{name}-en.svg")).filter(exists);
    own.or_else(|| Some(format!("{name}.svg")).filter(exists))
}
