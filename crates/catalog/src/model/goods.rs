//! Categories, goods and SKUs.

use kernel::{Money, Wording};
use serde::{Deserialize, Serialize};

use super::code::{Code, word_of};
use super::form::Fulfilment;
use super::refunds::RefundRule;
use super::{CategoryId, GoodsId, SkuId};
use crate::error::CatalogError;

/// The most of one SKU that a line may ask for, whatever the SKU says.
pub const QUANTITY_MAX: u32 = 10_000;

/// How goods are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoodsKind {
    /// A unique card code from stock.
    Card,
    /// Codes that every buyer gets, in turn if there are several: they are never used up.
    Shared,
    /// Something that a person does for the buyer, by what he filled in.
    Manual,
}

/// Whether goods or a SKU can be bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnSale {
    /// Shown and sold.
    On,
    /// Kept, and neither shown nor sold.
    Off,
}

/// A group of goods in the shop's menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Its id.
    pub id: CategoryId,
    /// Its code, unique in the tenant.
    pub code: Code,
    /// What buyers read.
    pub name: Wording,
    /// Its place, ascending.
    pub sort: i32,
}

/// What a category is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryDraft {
    /// Its code, by which it is found again.
    pub code: Code,
    /// What buyers read.
    pub name: Wording,
    /// Its place, ascending.
    pub sort: i32,
}

/// One page of the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goods {
    /// Their id.
    pub id: GoodsId,
    /// The category they are in.
    pub category: CategoryId,
    /// Their code, unique in the tenant.
    pub code: Code,
    /// How they are delivered.
    pub kind: GoodsKind,
    /// How a person fulfils them; says nothing about other kinds.
    pub fulfilment: Fulfilment,
    /// By when a buyer may ask for his money back.
    pub refunds: RefundRule,
    /// The levels of sub-sites that may sell them; all may if there are none.
    pub site_levels: Vec<Code>,
    /// Whether they are sold.
    pub state: OnSale,
    /// What buyers read.
    pub title: Wording,
    /// The page's text.
    pub description: Wording,
    /// The picture's name.
    pub art: Option<String>,
    /// Their place, ascending.
    pub sort: i32,
}

/// What goods are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodsDraft {
    /// Their code, by which they are found again.
    pub code: Code,
    /// The category they are in.
    pub category: CategoryId,
    /// How they are delivered.
    pub kind: GoodsKind,
    /// How a person fulfils them; only goods of the kind `manual` ask anything.
    pub fulfilment: Fulfilment,
    /// By when a buyer may ask for his money back.
    pub refunds: RefundRule,
    /// The levels of sub-sites that may sell them; all may if there are none.
    pub site_levels: Vec<Code>,
    /// Whether they are sold.
    pub state: OnSale,
    /// What buyers read.
    pub title: Wording,
    /// The page's text.
    pub description: Wording,
    /// The picture's name.
    pub art: Option<String>,
    /// Their place, ascending.
    pub sort: i32,
}

/// What is priced, stocked and sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sku {
    /// Its id.
    pub id: SkuId,
    /// The goods it is a variant of.
    pub goods: GoodsId,
    /// Its code, unique in the tenant.
    pub code: Code,
    /// Whether it is sold (if its goods are).
    pub state: OnSale,
    /// What buyers read beside the goods' title.
    pub name: Wording,
    /// What is printed on the card.
    pub face_value: Option<Money>,
    /// What the main site pays.
    pub cost: Money,
    /// The main site's list price.
    pub price: Money,
    /// The most a line may ask for.
    pub quantity_max: u32,
    /// Its place among its goods' SKUs, ascending.
    pub sort: i32,
    /// Raised by every change that can move a price or stop the sale; part of every key of a cached quote.
    pub epoch: i64,
}

/// What a SKU is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkuDraft {
    /// Its code, by which it is found again.
    pub code: Code,
    /// The goods it is a variant of.
    pub goods: GoodsId,
    /// Whether it is sold (if its goods are).
    pub state: OnSale,
    /// What buyers read beside the goods' title.
    pub name: Wording,
    /// What is printed on the card.
    pub face_value: Option<Money>,
    /// What the main site pays.
    pub cost: Money,
    /// The main site's list price.
    pub price: Money,
    /// The most a line may ask for.
    pub quantity_max: u32,
    /// Its place among its goods' SKUs, ascending.
    pub sort: i32,
}

/// What the price resolver needs to know of a SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkuFacts {
    /// The SKU.
    pub sku: SkuId,
    /// Its goods.
    pub goods: GoodsId,
    /// The goods' category.
    pub category: CategoryId,
    /// What the main site pays.
    pub cost: Money,
    /// The main site's list price.
    pub list_price: Money,
    /// What is printed on the card.
    pub face_value: Option<Money>,
    /// The levels of sub-sites that may sell it; all may if there are none.
    pub site_levels: Vec<Code>,
    /// Whether the SKU and its goods are both on sale.
    pub state: OnSale,
    /// The most a line may ask for.
    pub quantity_max: u32,
    /// The SKU's epoch.
    pub epoch: i64,
}

/// A SKU as an order takes it: what prices it, and the words that are frozen beside the price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ware {
    /// What the resolver needs.
    pub facts: SkuFacts,
    /// The goods' title.
    pub title: Wording,
    /// The SKU's name.
    pub name: Wording,
    /// How it is delivered.
    pub kind: GoodsKind,
    /// How a person fulfils it.
    pub fulfilment: Fulfilment,
    /// By when a buyer may ask for his money back.
    pub refunds: RefundRule,
}

/// All that is on sale, sorted as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalogue {
    /// All categories.
    pub categories: Vec<Category>,
    /// The goods on sale.
    pub goods: Vec<Goods>,
    /// The SKUs on sale of those goods.
    pub skus: Vec<Sku>,
}

impl GoodsKind {
    /// The stored word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Shared => "shared",
            Self::Manual => "manual",
        }
    }

    /// Reads the stored word.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        word_of("kind of goods", &[Self::Card, Self::Shared, Self::Manual], Self::word, text)
    }
}

impl GoodsKind {
    /// Whether it can run out; what a person does is on sale while it is on.
    pub const fn is_counted(self) -> bool {
        !matches!(self, Self::Manual)
    }
}

/// The most levels that goods are for.
const SITE_LEVELS_MAX: usize = 20;

impl GoodsDraft {
    /// Says whether the goods can be fulfilled as they say.
    pub fn check(&self) -> Result<(), CatalogError> {
        if self.kind != GoodsKind::Manual && !self.fulfilment.form.is_empty() {
            return Err(CatalogError::Form { what: "only goods of the kind manual have a form" });
        }
        if !(1..=Fulfilment::WITHIN_HOURS_MAX).contains(&self.fulfilment.within_hours) {
            return Err(CatalogError::Range { field: "fulfil_within_hours" });
        }
        if self.refunds.within_hours > RefundRule::WITHIN_HOURS_MAX {
            return Err(CatalogError::Range { field: "refund_within_hours" });
        }
        if self.site_levels.len() > SITE_LEVELS_MAX {
            return Err(CatalogError::TooMany { what: "levels of goods", limit: SITE_LEVELS_MAX as u64 });
        }
        Ok(())
    }
}

impl OnSale {
    /// The stored word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }

    /// Reads the stored word.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        word_of("state", &[Self::On, Self::Off], Self::word, text)
    }

    /// Whether it is sold.
    pub const fn is_on(self) -> bool {
        matches!(self, Self::On)
    }

    /// On only if both are.
    pub const fn and(self, other: Self) -> Self {
        if self.is_on() { other } else { Self::Off }
    }
}

impl SkuDraft {
    /// Says whether the amounts and the quantity can be sold with.
    pub fn check(&self) -> Result<(), CatalogError> {
        for (field, amount) in [("cost", Some(self.cost)), ("price", Some(self.price)), ("face_value", self.face_value)]
        {
            let Some(amount) = amount else { continue };
            if amount.is_negative() {
                return Err(CatalogError::Range { field });
            }
            if amount.currency() != self.price.currency() {
                return Err(CatalogError::Currency);
            }
        }
        if !(1..=QUANTITY_MAX).contains(&self.quantity_max) {
            return Err(CatalogError::Range { field: "quantity_max" });
        }
        Ok(())
    }
}

impl Sku {
    /// What the resolver needs, together with the SKU's goods.
    pub fn facts(&self, goods: &Goods) -> SkuFacts {
        assert!(self.goods == goods.id, "a SKU is priced with its own goods");
        SkuFacts {
            sku: self.id,
            goods: goods.id,
            category: goods.category,
            cost: self.cost,
            list_price: self.price,
            face_value: self.face_value,
            site_levels: goods.site_levels.clone(),
            state: self.state.and(goods.state),
            quantity_max: self.quantity_max,
            epoch: self.epoch,
        }
    }
}

impl Catalogue {
    /// The SKUs on sale of `goods`, sorted as they are shown.
    pub fn skus_of(&self, goods: GoodsId) -> impl Iterator<Item = &Sku> {
        self.skus.iter().filter(move |sku| sku.goods == goods)
    }
}
