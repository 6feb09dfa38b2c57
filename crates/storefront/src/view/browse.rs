//! The page of goods that were looked for: in a category, by words, by price.

use catalog::Category;
use kernel::Language;
use serde::Serialize;

use super::home::{Card, card, category_href};
use crate::browse::{Filter, Found, Sort};
use crate::format;
use crate::words::Words;

/// The page's own keys.
#[derive(Serialize)]
pub(crate) struct BrowseView {
    /// The category's name; none on the page of the search.
    category: Option<String>,
    action: String,
    text: String,
    categories: Vec<Choice>,
    sorts: Vec<Choice>,
    min: String,
    max: String,
    in_stock: bool,
    narrow: bool,
    count: usize,
    goods: Vec<Card>,
    page: usize,
    pages: usize,
    previous_href: Option<String>,
    next_href: Option<String>,
    clear_href: String,
}

#[derive(Serialize)]
struct Choice {
    value: String,
    name: String,
    href: String,
    chosen: bool,
}

impl BrowseView {
    /// With the category of the path, if the path names one.
    pub fn new(
        (words, language): (&Words, Language),
        filter: &Filter,
        found: &Found<'_>,
        (categories, own): (&[Category], Option<&Category>),
    ) -> Self {
        let action = own.map_or("/search".to_owned(), category_href);
        let turn = |page: usize| format!("{action}?{}", filter.query((page, own.is_some())));
        let choice = |category: &Category| Choice {
            value: category.code.to_string(),
            name: category.name.get(language).to_owned(),
            href: category_href(category),
            chosen: filter.category.as_ref() == Some(&category.code),
        };
        let sort = |sort: Sort| Choice {
            value: sort.word().to_owned(),
            name: words.get(&format!("browse.sort.{}", if sort == Sort::Shop { "shop" } else { sort.word() }), &[]),
            href: String::new(),
            chosen: sort == filter.sort,
        };
        Self {
            category: own.map(|category| category.name.get(language).to_owned()),
            text: filter.text.clone(),
            categories: categories.iter().map(choice).collect(),
            sorts: Sort::ALL.map(sort).into(),
            min: filter.least.map(format::plain).unwrap_or_default(),
            max: filter.most.map(format::plain).unwrap_or_default(),
            in_stock: filter.is_in_stock,
            narrow: filter.is_narrow(),
            count: found.count,
            goods: found.goods.iter().filter_map(|sold| card((words, language), sold)).collect(),
            page: found.page,
            pages: found.pages,
            previous_href: (found.page > 1).then(|| turn(found.page - 1)),
            next_href: (found.page < found.pages).then(|| turn(found.page + 1)),
            clear_href: action.clone(),
            action,
        }
    }
}
