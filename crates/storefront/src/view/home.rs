//! The home page: the sections that the site has, filled with what is for sale.

use catalog::{Category, CategoryId, Goods, SkuId};
use kernel::{Language, Money, Wording};
use serde::Serialize;
use tenancy::{Section, Site};

use super::Stock;
use super::goods::{art, kind_line, paragraphs};
use crate::format;
use crate::words::Words;

/// Goods with those of their SKUs that have a price here.
pub(crate) struct Sold<'a> {
    pub goods: &'a Goods,
    /// With what a piece costs, and how many there are.
    pub skus: Vec<(SkuId, Money, u64)>,
    /// Pieces sold on this site lately.
    pub pieces: u64,
}

/// The page's own keys.
#[derive(Serialize)]
pub(crate) struct HomeView {
    sections: Vec<SectionView>,
    /// Whether the page shows any goods.
    has_goods: bool,
    /// Whether a section brings the headline; a page has one in any case.
    has_hero: bool,
}

/// A section as the template shows it; what its kind has no use for is empty.
#[derive(Default, Serialize)]
struct SectionView {
    kind: &'static str,
    title: String,
    paragraphs: Vec<String>,
    link: Option<LinkView>,
    categories: Vec<CategoryLink>,
    goods: Vec<Card>,
}

#[derive(Serialize)]
struct LinkView {
    href: String,
    label: String,
}

#[derive(Serialize)]
struct CategoryLink {
    name: String,
    href: String,
}

impl Sold<'_> {
    /// The lowest and the highest price of a piece; none if nothing of it is sold here.
    pub fn prices(&self) -> Option<(Money, Money)> {
        let prices = || self.skus.iter().map(|(_, unit, _)| *unit);
        Some((prices().min_by_key(Money::minor)?, prices().max_by_key(Money::minor)?))
    }

    /// How many pieces there are of all SKUs.
    pub fn left(&self) -> u64 {
        self.skus.iter().map(|(.., left)| *left).fold(0, u64::saturating_add)
    }
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

/// What is there to be shown.
pub(crate) struct Shown<'a> {
    pub words: &'a Words,
    pub language: Language,
    pub site: &'a Site,
    pub categories: &'a [Category],
    pub sold: &'a [Sold<'a>],
}

impl HomeView {
    /// The site's sections in their order. Goods without a price here are left out, and a row without goods too.
    pub fn new(shown: &Shown<'_>) -> Self {
        let sections: Vec<SectionView> =
            shown.site.front.sections().iter().flat_map(|section| shown.section(section)).collect();
        Self {
            has_goods: sections.iter().any(|section| !section.goods.is_empty()),
            has_hero: sections.iter().any(|section| section.kind == "hero"),
            sections,
        }
    }
}

impl Shown<'_> {
    fn section(&self, section: &Section) -> Vec<SectionView> {
        let kind = section.kind();
        let text = |wording: &Wording| wording.get(self.language).to_owned();
        let plain = || SectionView { kind, ..SectionView::default() };
        match section {
            Section::Hero { title, text: lead, link } => vec![SectionView {
                title: self.headline(title),
                paragraphs: if lead.is_empty() {
                    vec![self.words.get("home.lead", &[])]
                } else {
                    paragraphs(&text(lead))
                },
                link: link.as_ref().map(|link| LinkView { href: link.href.clone(), label: text(&link.label) }),
                ..plain()
            }],
            Section::Notice if self.site.notice.is_empty() => Vec::new(),
            Section::Notice => vec![SectionView { paragraphs: paragraphs(&text(&self.site.notice)), ..plain() }],
            Section::Categories => {
                let filled = self.categories.iter().filter(|category| self.of(category.id).next().is_some());
                let name = |category: &Category| text(&category.name);
                let link = |category| CategoryLink { name: name(category), href: category_href(category) };
                vec![SectionView { categories: filled.map(link).collect(), ..plain() }]
            }
            Section::Shelves => self.categories.iter().map(|category| self.shelf(category, "", usize::MAX)).collect(),
            Section::Category { title, category, count } => {
                let category = self.categories.iter().find(|found| found.code.as_str() == category);
                category.map(|category| self.shelf(category, &text(title), *count as usize)).into_iter().collect()
            }
            Section::Goods { title, codes } => {
                let found =
                    codes.iter().filter_map(|code| self.sold.iter().find(|sold| sold.goods.code.as_str() == code));
                vec![self.row(&text(title), found, usize::MAX)]
            }
            Section::Best { title, count } => {
                // Nothing is called often bought that nobody has bought.
                let (word, sort) =
                    if self.sold.iter().any(|sold| sold.pieces > 0) { ("best", "?sort=sold") } else { ("picked", "") };
                let title = if title.is_empty() { self.words.get(&format!("home.{word}"), &[]) } else { text(title) };
                let mut best: Vec<&Sold<'_>> = self.sold.iter().collect();
                // Where little was sold, the shop's own order decides.
                best.sort_by_key(|sold| std::cmp::Reverse((sold.left() > 0, sold.pieces)));
                let all = LinkView { href: format!("/search{sort}"), label: self.words.get("home.all", &[]) };
                vec![SectionView { link: Some(all), ..self.row(&title, best.into_iter(), *count as usize) }]
            }
            Section::Text { title, text: lines } => {
                vec![SectionView { title: text(title), paragraphs: paragraphs(&text(lines)), ..plain() }]
            }
            Section::Guide => vec![plain()],
        }
    }

    fn headline(&self, title: &Wording) -> String {
        let own = [title, &self.site.tagline, &self.site.name].map(|wording| wording.get(self.language));
        own.into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned()
    }

    fn shelf(&self, category: &Category, title: &str, count: usize) -> SectionView {
        let title = if title.is_empty() { category.name.get(self.language) } else { title };
        let all = LinkView { href: category_href(category), label: self.words.get("home.all", &[]) };
        SectionView { link: Some(all), ..self.row(title, self.of(category.id), count) }
    }

    fn row<'s>(&self, title: &str, sold: impl Iterator<Item = &'s Sold<'s>>, count: usize) -> SectionView {
        let goods = sold.filter_map(|sold| card((self.words, self.language), sold)).take(count).collect();
        SectionView { kind: "goods", title: title.to_owned(), goods, ..SectionView::default() }
    }

    fn of(&self, category: CategoryId) -> impl Iterator<Item = &Sold<'_>> {
        self.sold.iter().filter(move |sold| sold.goods.category == category && sold.prices().is_some())
    }
}

/// The address of a category's page.
pub(super) fn category_href(category: &Category) -> String {
    format!("/categories/{}", category.code)
}

pub(super) fn card((words, language): (&Words, Language), sold: &Sold<'_>) -> Option<Card> {
    let (low, high) = sold.prices()?;
    Some(Card {
        href: format!("/goods/{}", sold.goods.code),
        title: sold.goods.title.get(language).to_owned(),
        art: art(sold.goods, language),
        kind_line: kind_line(words, sold.goods),
        price_from: format::money(low),
        price_varies: low != high,
        stock: Stock::of(sold.goods, sold.left()),
    })
}
