//! The home page: what is for sale, by category.

use catalog::{Category, CategoryId, Goods, Quote};
use kernel::{Language, Money};
use serde::Serialize;

use super::Stock;
use super::goods::{art, kind_line};
use crate::format;
use crate::words::Words;

/// Goods with those of their SKUs that have a price here.
pub(crate) struct Sold {
    pub goods: Goods,
    pub skus: Vec<(Quote, u64)>,
}

/// The page's own keys.
#[derive(Serialize)]
pub(crate) struct HomeView {
    notice: Option<String>,
    categories: Vec<CategoryView>,
}

impl Sold {
    /// The lowest and the highest price of a piece; none if nothing of it is sold here.
    pub fn prices(&self) -> Option<(Money, Money)> {
        let prices = || self.skus.iter().map(|(quote, _)| quote.unit);
        Some((prices().min_by_key(Money::minor)?, prices().max_by_key(Money::minor)?))
    }

    /// How many pieces there are of all SKUs.
    pub fn left(&self) -> u64 {
        self.skus.iter().map(|(_, left)| *left).fold(0, u64::saturating_add)
    }
}

#[derive(Serialize)]
struct CategoryView {
    name: String,
    href: String,
    goods: Vec<Card>,
}

/// Goods as a list shows them.
#[derive(Serialize)]
pub(super) struct Card {
    href: String,
    title: String,
    art: Option<String>,
    kind_line: String,
    price_from: String,
    price_varies: bool,
    stock: Stock,
}

impl HomeView {
    /// Goods without any price are left out, categories without goods too.
    pub fn new((words, language): (&Words, Language), notice: &str, categories: &[Category], sold: &[Sold]) -> Self {
        let view = |category: &Category| CategoryView {
            name: category.name.get(language).to_owned(),
            href: category_href(category),
            goods: of_category(sold, category.id).filter_map(|sold| card((words, language), sold)).collect(),
        };
        let categories = categories.iter().map(view).filter(|category| !category.goods.is_empty()).collect();
        Self { notice: (!notice.is_empty()).then(|| notice.to_owned()), categories }
    }
}

fn of_category(sold: &[Sold], category: CategoryId) -> impl Iterator<Item = &Sold> {
    sold.iter().filter(move |sold| sold.goods.category == category)
}

/// The address of a category's page.
pub(super) fn category_href(category: &Category) -> String {
    format!("/categories/{}", category.code)
}

pub(super) fn card((words, language): (&Words, Language), sold: &Sold) -> Option<Card> {
    let (low, high) = sold.prices()?;
    Some(Card {
        href: format!("/goods/{}", sold.goods.code),
        title: sold.goods.title.get(language).to_owned(),
        art: art(&sold.goods, language),
        kind_line: kind_line(words, sold.goods.kind),
        price_from: format::money(low),
        price_varies: low != high,
        stock: Stock::of(sold.left()),
    })
}
