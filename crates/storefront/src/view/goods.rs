//! The page of goods: what there is, what it costs, what the buyer chose.

use catalog::{Goods, GoodsKind, Sku, SkuId};
use kernel::{Language, Money};
use serde::Serialize;

use super::{FormError, Stock};
use crate::format;
use crate::templates::Files;
use crate::words::Words;

/// A SKU that has a price here.
pub(crate) struct Offer {
    pub sku: Sku,
    pub unit: Money,
    pub left: u64,
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
    error: Option<FormError>,
    form: Form,
}

#[derive(Serialize)]
struct About {
    title: String,
    art: Option<String>,
    description: Vec<String>,
    kind_line: String,
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
        goods: &Goods,
        offers: &[Offer],
        choice: Choice,
        error: Option<FormError>,
    ) -> Self {
        let checked = checked(offers, choice.sku);
        let value = choice.quantity.max(1);
        Self {
            goods: About {
                title: goods.title.get(language).to_owned(),
                art: art(goods, language),
                description: paragraphs(goods.description.get(language)),
                kind_line: kind_line(words, goods.kind),
            },
            skus: offers.iter().map(|offer| sku(offer, checked, language)).collect(),
            quantity: Quantity { value, min: 1, max: quantity_max(offers) },
            error,
            form: Form { action: format!("/goods/{}", goods.code) },
        }
    }
}

/// The buyer's choice while it can be bought, else the first that can.
fn checked(offers: &[Offer], chosen: Option<SkuId>) -> Option<SkuId> {
    let mut on_sale = offers.iter().filter(|offer| offer.left > 0).map(|offer| offer.sku.id);
    let first = on_sale.clone().next();
    on_sale.find(|sku| Some(*sku) == chosen).or(first)
}

fn sku(offer: &Offer, checked: Option<SkuId>, language: Language) -> SkuView {
    let stock = Stock::of(offer.left);
    SkuView {
        id: offer.sku.id.to_string(),
        name: offer.sku.name.get(language).to_owned(),
        face_value: offer.sku.face_value.map(format::money),
        price: format::money(offer.unit),
        price_minor: offer.unit.minor(),
        stock,
        checked: checked == Some(offer.sku.id),
        disabled: stock.is_out(),
    }
}

fn paragraphs(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// What kind of goods these are, in a few words.
pub(super) fn kind_line(words: &Words, kind: GoodsKind) -> String {
    match kind {
        GoodsKind::Card => words.get("goods.kind.card", &[]),
        GoodsKind::Shared => words.get("goods.kind.shared", &[]),
        GoodsKind::Manual => words.get("goods.kind.manual", &[]),
    }
}

/// The picture's file, in the buyer's language where there is one; a picture that we do not have is none.
pub(super) fn art(goods: &Goods, language: Language) -> Option<String> {
    let name = goods.art.as_deref()?;
    let exists = |file: &String| Files::get(&format!("assets/art/{file}")).is_some();
    let own = (language == Language::English).then(|| format!("{name}-en.svg")).filter(exists);
    own.or_else(|| Some(format!("{name}.svg")).filter(exists))
}
