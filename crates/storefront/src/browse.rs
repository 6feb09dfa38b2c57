//! Looking for goods: what was asked in an address, and which goods that is. Pure; nothing a browser sends is believed.

use catalog::Code;
use kernel::{Currency, Language, Money};
use serde::Deserialize;

use crate::format;
use crate::view::Sold;

/// Goods of one page.
pub(crate) const PAGE: usize = 24;
/// No shop has more pages of goods.
const PAGES_MAX: usize = 250;
/// The longest text that is looked for, in characters; the rest of it is not read.
const TEXT_CHARS_MAX: usize = 60;

/// The query as the browser sends it.
#[derive(Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    min: String,
    #[serde(default)]
    max: String,
    #[serde(default)]
    stock: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    page: String,
}

/// In which order goods are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sort {
    /// As the shop arranged them.
    #[default]
    Shop,
    Cheapest,
    Dearest,
    /// What sold most in 30 days first.
    Sold,
    Newest,
}

impl Sort {
    pub const ALL: [Self; 5] = [Self::Shop, Self::Sold, Self::Newest, Self::Cheapest, Self::Dearest];

    /// The word in an address; the shop's own order has none.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Shop => "",
            Self::Cheapest => "price",
            Self::Dearest => "price_down",
            Self::Sold => "sold",
            Self::Newest => "new",
        }
    }
}

/// What is looked for. What could not be read is not looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Filter {
    pub text: String,
    pub category: Option<Code>,
    pub least: Option<Money>,
    pub most: Option<Money>,
    pub is_in_stock: bool,
    pub sort: Sort,
    /// Counted from one.
    pub page: usize,
}

/// One page of what was found.
pub(crate) struct Found<'a> {
    pub goods: Vec<&'a Sold<'a>>,
    /// Of all pages.
    pub count: usize,
    pub page: usize,
    pub pages: usize,
}

impl Filter {
    /// Reads the query; a category in the path is the one that counts.
    pub fn read(asked: &Asked, category: Option<Code>, currency: Currency) -> Self {
        let price = |text: &str| Money::parse(text.trim(), currency).ok().filter(|price| !price.is_negative());
        Self {
            text: asked.q.trim().chars().take(TEXT_CHARS_MAX).collect(),
            category: category.or_else(|| Code::parse(&asked.category).ok()),
            least: price(&asked.min),
            most: price(&asked.max),
            is_in_stock: asked.stock == "in",
            sort: Sort::ALL.into_iter().find(|sort| sort.word() == asked.sort).unwrap_or_default(),
            page: asked.page.parse().unwrap_or(1).max(1),
        }
    }

    /// Whether anything beside the category and the order is asked.
    pub const fn is_narrow(&self) -> bool {
        !self.text.is_empty() || self.least.is_some() || self.most.is_some() || self.is_in_stock
    }

    /// The address of what is looked for, if it is one of the few that many ask for: a category that there is, in an
    /// order, on a page that there may be. `category` is the one of the path, if the path has one.
    pub fn address(&self, category: Option<&Code>, is_known: bool) -> Option<String> {
        if self.is_narrow() || self.page > PAGES_MAX || !is_known {
            return None;
        }
        let path = category.map_or("/search".to_owned(), |code| format!("/categories/{code}"));
        let query = self.query((self.page, category.is_some()));
        Some(if query.is_empty() { path } else { format!("{path}?{query}") })
    }

    /// The goods that are meant. `category` is the one of `self.category`; goods without a price here are not sold.
    pub fn find<'a>(&self, sold: &'a [Sold<'a>], category: Option<catalog::CategoryId>) -> Found<'a> {
        let words: Vec<String> = self.text.split_whitespace().map(str::to_lowercase).collect();
        let is_meant = |sold: &&Sold<'_>| {
            let Some((low, high)) = sold.prices() else { return false };
            let is_dear_enough = self.least.is_none_or(|least| high.minor() >= least.minor());
            let is_cheap_enough = self.most.is_none_or(|most| low.minor() <= most.minor());
            self.category.as_ref().is_none_or(|_| category == Some(sold.goods.category))
                && is_dear_enough
                && is_cheap_enough
                && (!self.is_in_stock || sold.left() > 0)
                && has_all(sold, &words)
        };
        let mut goods: Vec<&Sold<'_>> = sold.iter().filter(is_meant).collect();
        let low = |sold: &&Sold<'_>| sold.prices().map_or(0, |(low, _)| low.minor());
        match self.sort {
            Sort::Shop => {}
            Sort::Cheapest => goods.sort_by_key(low),
            Sort::Dearest => goods.sort_by_key(|sold| std::cmp::Reverse(low(sold))),
            Sort::Sold => goods.sort_by_key(|sold| std::cmp::Reverse(sold.pieces)),
            // An id begins with the time it was made at.
            Sort::Newest => goods.sort_by_key(|sold| std::cmp::Reverse(sold.goods.id)),
        }
        let (count, pages) = (goods.len(), goods.len().div_ceil(PAGE).max(1));
        let page = self.page.min(pages);
        let goods = goods.into_iter().skip((page - 1) * PAGE).take(PAGE).collect();
        Found { goods, count, page, pages }
    }

    /// The query of another page of the same.
    pub fn query(&self, (page, has_category): (usize, bool)) -> String {
        let category = self.category.as_ref().filter(|_| !has_category).map(ToString::to_string);
        let price = |price: Option<Money>| price.map(format::plain).unwrap_or_default();
        let pairs = [
            ("q", self.text.clone()),
            ("category", category.unwrap_or_default()),
            ("min", price(self.least)),
            ("max", price(self.most)),
            ("stock", if self.is_in_stock { "in".to_owned() } else { String::new() }),
            ("sort", self.sort.word().to_owned()),
            ("page", if page > 1 { page.to_string() } else { String::new() }),
        ];
        let said = pairs.iter().filter(|(_, value)| !value.is_empty());
        said.map(|(name, value)| format!("{name}={}", format::query_value(value))).collect::<Vec<_>>().join("&")
    }
}

/// Whether every word stands somewhere in what buyers read of the goods, in whichever language.
fn has_all(sold: &Sold<'_>, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let goods = sold.goods;
    let texts = Language::ALL.map(|language| [goods.title.get(language), goods.description.get(language)]);
    let text = format!("{} {}", texts.concat().join("\n"), goods.code).to_lowercase();
    words.iter().all(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asked(pairs: &[(&str, &str)]) -> Asked {
        let is = |name| pairs.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| *value).to_owned();
        Asked {
            q: is("q"),
            category: is("category"),
            min: is("min"),
            max: is("max"),
            stock: is("stock"),
            sort: is("sort"),
            page: is("page"),
        }
    }

    fn read(pairs: &[(&str, &str)]) -> Filter {
        Filter::read(&asked(pairs), None, Currency::CNY)
    }

    #[test]
    fn what_cannot_be_read_is_not_looked_for() {
        let plain = Filter { page: 1, ..Filter::default() };
        assert_eq!(read(&[]), plain);
        assert_eq!(read(&[("min", "x"), ("max", "-1"), ("sort", "y"), ("page", "0"), ("category", "?")]), plain);
        assert!(!plain.is_narrow() && read(&[("min", "1")]).is_narrow());
    }

    #[test]
    fn a_query_of_another_page_asks_the_same() {
        let filter =
            read(&[("q", "点 券"), ("min", "1.50"), ("stock", "in"), ("sort", "price"), ("category", "games")]);
        let query = filter.query((3, false));
        assert_eq!(query, "q=%E7%82%B9%20%E5%88%B8&category=games&min=1.50&stock=in&sort=price&page=3");
        assert_eq!(filter.query((1, true)), "q=%E7%82%B9%20%E5%88%B8&min=1.50&stock=in&sort=price");
    }

    #[test]
    fn only_what_many_ask_for_has_an_address() {
        let games = Code::parse("games").expect("a code");
        let of = |pairs: &[(&str, &str)]| read(pairs).address(None, true);
        assert_eq!(of(&[]), Some("/search".to_owned()));
        assert_eq!(of(&[("sort", "price"), ("page", "2")]), Some("/search?sort=price&page=2".to_owned()));
        assert_eq!(of(&[("sort", "x"), ("page", "1"), ("q", " ")]), Some("/search".to_owned()));
        for narrow in [("q", "x"), ("min", "1"), ("max", "2"), ("stock", "in"), ("page", "251")] {
            assert_eq!(of(&[narrow]), None, "{narrow:?}");
        }
        let own = Filter::read(&asked(&[("category", "other"), ("page", "3")]), Some(games.clone()), Currency::CNY);
        assert_eq!(own.address(Some(&games), true), Some("/categories/games?page=3".to_owned()));
        assert_eq!(own.address(Some(&games), false), None);
    }

    proptest! {
        #[test]
        fn no_query_is_too_much(q in "\\PC{0,200}", price in "\\PC{0,40}", page in any::<u64>()) {
            let filter = read(&[("q", &q), ("min", &price), ("max", &price), ("page", &page.to_string())]);
            prop_assert!(filter.text.chars().count() <= TEXT_CHARS_MAX && filter.page >= 1);
            let found = filter.find(&[], None);
            prop_assert_eq!((found.count, found.page, found.pages), (0, 1, 1));
        }
    }
}
