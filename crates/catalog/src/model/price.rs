//! Price rules as values: whom a rule is for, what it is about, and what it says.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use kernel::clock::whole_micros;
use kernel::{Money, Rate, SiteId};
use serde::Serialize;
use uuid::Uuid;

use super::code::{Code, word_of};
use super::template::Band;
use super::{CategoryId, GoodsId, RuleId, SkuId, TemplateId};
use crate::error::CatalogError;

/// The highest percentage a rule may add, 10,000 %: more is a slip of the hand.
pub const RATE_PPM_MAX: u32 = 100_000_000;

/// Who pays a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The sites right below.
    Wholesale,
    /// The site's own buyers.
    Retail,
}

/// Whom of its audience a rule is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Whom {
    /// All of them.
    Everyone,
    /// Sites or members of this level, as the rule's site gave it.
    Level(Code),
    /// This very site or buyer: a secret price.
    Subject(Uuid),
}

/// What a rule is about; a later variant is more specific.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// All that the site sells.
    Site,
    /// A category.
    Category(CategoryId),
    /// Goods, all their SKUs.
    Goods(GoodsId),
    /// One SKU.
    Sku(SkuId),
}

/// Where and when a rule exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// Who pays.
    pub audience: Audience,
    /// Whom of them.
    pub whom: Whom,
    /// For what.
    pub target: Target,
    /// From how many of one SKU on; at least 1.
    pub quantity_min: u32,
    /// From when on, this moment included.
    pub valid_from: Option<DateTime<Utc>>,
    /// Until when, this moment excluded.
    pub valid_until: Option<DateTime<Utc>>,
}

/// How a price is made from what the site itself pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Formula {
    /// This price. Under the site's own purchase price it hides the SKU, unless the loss of each unit is within the cap.
    Fixed { price: Money, loss_cap: Option<Money> },
    /// The purchase price and this amount.
    Markup { amount: Money },
    /// The purchase price and this share of it.
    Percent { rate: Rate },
    /// The purchase price and what the site's template adds to one as high as it; the template's band rounds.
    Template { template: TemplateId },
}

/// To which amounts a price is rounded, always up. Digits that a currency does not have round to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Rounding {
    /// Not at all.
    #[serde(rename = "none")]
    None,
    /// To tenths.
    #[serde(rename = "up_0.1")]
    UpTenth,
    /// To halves.
    #[serde(rename = "up_0.5")]
    UpHalf,
    /// To whole units.
    #[serde(rename = "up_1")]
    UpWhole,
    /// To the next amount that ends in .9.
    #[serde(rename = "end_9")]
    EndNine,
    /// To the next amount that ends in .99.
    #[serde(rename = "end_99")]
    EndNinetyNine,
}

/// What a rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terms {
    /// The site's own price.
    Price { formula: Formula, rounding: Rounding },
    /// What all sites of the branch below keep to: no price under the floor, none above their own purchase price
    /// and this share of it. At least one of both is set.
    Limit { floor: Option<Money>, markup_max: Option<Rate> },
}

/// What a rule is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleDraft {
    /// The site whose rule it is.
    pub site: SiteId,
    /// Where and when it exists.
    pub reach: Reach,
    /// What it says.
    pub terms: Terms,
}

/// A rule as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceRule {
    /// Its id.
    pub id: RuleId,
    /// The site whose rule it is.
    pub site: SiteId,
    /// Where and when it exists.
    pub reach: Reach,
    /// What it says.
    pub terms: Terms,
    /// The tenant's price epoch that the last change of this rule, or of the template it names, made.
    pub version: i64,
    /// When it was first written.
    pub created_at: DateTime<Utc>,
}

/// A site of a chain, with the level that the site above gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteLevel {
    /// The site.
    pub site: SiteId,
    /// Its level as seen from its parent; the main site has none.
    pub level: Option<String>,
}

/// Who buys, as far as prices care. The default is a guest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// The very buyer, for secret prices.
    pub buyer: Option<Uuid>,
    /// His member level on the selling site.
    pub level: Option<String>,
}

/// The rules of one site, found by what they are about, with the bands of the templates that they name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SiteRules {
    prices: ByTarget,
    limits: ByTarget,
    bands: HashMap<TemplateId, Vec<Band>>,
}

/// Rules of one kind. Those about the whole site stand apart: most sites have no others, and a price asks each site of
/// its chain for all four targets, and each of them for the limits on all sites below.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct ByTarget {
    site: Vec<PriceRule>,
    narrower: HashMap<Target, Vec<PriceRule>>,
}

impl ByTarget {
    fn about(&self, target: Target) -> &[PriceRule] {
        match target {
            Target::Site => &self.site,
            target => self.narrower.get(&target).map_or(&[], Vec::as_slice),
        }
    }

    fn push(&mut self, rule: PriceRule) {
        match rule.reach.target {
            Target::Site => self.site.push(rule),
            target => self.narrower.entry(target).or_default().push(rule),
        }
    }

    fn all(&self) -> impl Iterator<Item = &PriceRule> {
        self.site.iter().chain(self.narrower.values().flatten())
    }
}

/// How often what a tenant sells, and for how much, has changed. What was read after an epoch is good while it stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Epochs {
    /// Price rules and templates.
    pub prices: i64,
    /// Anything of the catalogue, these too.
    pub catalogue: i64,
}

/// The rules of the sites of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleBook {
    by_site: HashMap<SiteId, SiteRules>,
    none: SiteRules,
}

impl SiteRules {
    /// The site's own prices for `target`.
    pub fn prices(&self, target: Target) -> &[PriceRule] {
        self.prices.about(target)
    }

    /// The limits about `target` that sites below keep to.
    pub fn limits(&self, target: Target) -> &[PriceRule] {
        self.limits.about(target)
    }

    fn all(&self) -> impl Iterator<Item = &PriceRule> {
        self.prices.all().chain(self.limits.all())
    }

    /// The bands of a template that one of the rules names, the lowest first.
    pub fn bands(&self, template: TemplateId) -> Option<&[Band]> {
        self.bands.get(&template).map(Vec::as_slice)
    }
}

impl FromIterator<PriceRule> for RuleBook {
    fn from_iter<I: IntoIterator<Item = PriceRule>>(rules: I) -> Self {
        let mut book = Self::default();
        for rule in rules {
            let site = book.by_site.entry(rule.site).or_default();
            match rule.terms {
                Terms::Price { .. } => site.prices.push(rule),
                Terms::Limit { .. } => site.limits.push(rule),
            }
        }
        book
    }
}

impl RuleBook {
    /// The rules of `site`; none if the site has none.
    pub fn of_site(&self, site: SiteId) -> &SiteRules {
        self.by_site.get(&site).unwrap_or(&self.none)
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.by_site.values().flat_map(SiteRules::all).count()
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When any of the rules begins or ends.
    pub fn moments(&self) -> BTreeSet<DateTime<Utc>> {
        let rules = self.by_site.values().flat_map(SiteRules::all);
        rules.flat_map(|rule| [rule.reach.valid_from, rule.reach.valid_until]).flatten().collect()
    }

    /// The templates that the rules name, each once, in ascending order.
    pub fn templates(&self) -> BTreeSet<TemplateId> {
        let rules = self.by_site.values().flat_map(SiteRules::all);
        rules.filter_map(|rule| rule.terms.template()).collect()
    }

    /// The same book with these bands beside the rules that name their templates.
    pub fn with_bands(mut self, mut bands: HashMap<TemplateId, Vec<Band>>) -> Self {
        bands.values_mut().for_each(|bands| bands.sort_by_key(|band| band.from.minor()));
        for site in self.by_site.values_mut() {
            let named: BTreeSet<TemplateId> = site.all().filter_map(|rule| rule.terms.template()).collect();
            let found = named.into_iter().filter_map(|template| Some((template, bands.get(&template)?.clone())));
            site.bands.extend(found);
        }
        self
    }
}

impl RuleDraft {
    /// Says whether the rule can be meant so.
    pub fn check(&self) -> Result<(), CatalogError> {
        if self.reach.quantity_min == 0 || i32::try_from(self.reach.quantity_min).is_err() {
            return Err(CatalogError::Range { field: "quantity_min" });
        }
        if matches!((self.reach.valid_from, self.reach.valid_until), (Some(from), Some(until)) if from >= until) {
            return Err(CatalogError::Window);
        }
        let (amounts, rate) = self.terms.figures();
        let mut amounts_given = amounts.iter().flatten();
        if amounts_given.clone().any(Money::is_negative) {
            return Err(CatalogError::Range { field: "value" });
        }
        if let Some(first) = amounts_given.next()
            && amounts_given.any(|amount| amount.currency() != first.currency())
        {
            return Err(CatalogError::Currency);
        }
        if rate.is_some_and(|rate| rate.ppm() > RATE_PPM_MAX) {
            return Err(CatalogError::Range { field: "value" });
        }
        match self.terms {
            Terms::Limit { floor: None, markup_max: None } => Err(CatalogError::EmptyLimit),
            Terms::Price { formula: Formula::Fixed { loss_cap: Some(_), .. }, .. }
                if self.reach.audience == Audience::Wholesale =>
            {
                Err(CatalogError::WholesaleLoss)
            }
            // The bands round; a second rounding would stand there and never count.
            Terms::Price { formula: Formula::Template { .. }, rounding } if rounding != Rounding::None => {
                Err(CatalogError::Range { field: "rounding" })
            }
            _ => Ok(()),
        }
    }

    /// The same rule with its window in whole microseconds: a database keeps no more, and a rule that is saved twice
    /// must be the same both times.
    pub fn in_whole_micros(mut self) -> Self {
        self.reach.valid_from = self.reach.valid_from.map(whole_micros);
        self.reach.valid_until = self.reach.valid_until.map(whole_micros);
        self
    }

    /// The text by which the rule is found again: a site has one rule for the same people, things, quantity and
    /// start. What it says, and when it ends, can be changed.
    pub fn code(&self) -> String {
        let Reach { audience, whom, target, quantity_min, valid_from, .. } = &self.reach;
        let about = target.id().map(|id| id.simple().to_string()).unwrap_or_default();
        let whom = match whom {
            Whom::Everyone => String::new(),
            Whom::Level(level) => format!("level:{level}"),
            Whom::Subject(id) => format!("subject:{}", id.simple()),
        };
        let from = valid_from.map(|from| from.timestamp_micros().to_string()).unwrap_or_default();
        let (site, audience, scope) = (self.site.uuid().simple(), audience.word(), target.word());
        format!("{site}/{audience}/{}/{scope}:{about}/{whom}/{quantity_min}/{from}", self.terms.family())
    }
}

impl Terms {
    /// The stored word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Price { formula: Formula::Fixed { .. }, .. } => "fixed",
            Self::Price { formula: Formula::Markup { .. }, .. } => "markup",
            Self::Price { formula: Formula::Percent { .. }, .. } => "percent",
            Self::Price { formula: Formula::Template { .. }, .. } => "template",
            Self::Limit { .. } => "limit",
        }
    }

    /// The template that the price is made by, if it is.
    pub const fn template(&self) -> Option<TemplateId> {
        match *self {
            Self::Price { formula: Formula::Template { template }, .. } => Some(template),
            _ => None,
        }
    }

    const fn family(&self) -> &'static str {
        match self {
            Self::Price { .. } => "price",
            Self::Limit { .. } => "limit",
        }
    }

    /// All amounts, and the rate.
    const fn figures(&self) -> ([Option<Money>; 2], Option<Rate>) {
        match *self {
            Self::Price { formula: Formula::Fixed { price, loss_cap }, .. } => ([Some(price), loss_cap], None),
            Self::Price { formula: Formula::Markup { amount }, .. } => ([Some(amount), None], None),
            Self::Price { formula: Formula::Percent { rate }, .. } => ([None, None], Some(rate)),
            Self::Price { formula: Formula::Template { .. }, .. } => ([None, None], None),
            Self::Limit { floor, markup_max } => ([floor, None], markup_max),
        }
    }
}

impl Audience {
    /// The stored word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Wholesale => "wholesale",
            Self::Retail => "retail",
        }
    }

    /// Reads the stored word.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        word_of("audience", &[Self::Wholesale, Self::Retail], Self::word, text)
    }
}

impl Target {
    /// The stored word for what kind of thing it is.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Category(_) => "category",
            Self::Goods(_) => "goods",
            Self::Sku(_) => "sku",
        }
    }

    /// The id of the thing; a whole site needs none.
    pub const fn id(self) -> Option<Uuid> {
        match self {
            Self::Site => None,
            Self::Category(id) => Some(id.uuid()),
            Self::Goods(id) => Some(id.uuid()),
            Self::Sku(id) => Some(id.uuid()),
        }
    }

    /// Reads the stored pair.
    pub fn parse(word: &str, id: Option<Uuid>) -> Result<Self, CatalogError> {
        match (word, id) {
            ("site", None) => Ok(Self::Site),
            ("category", Some(id)) => Ok(Self::Category(CategoryId::from_uuid(id))),
            ("goods", Some(id)) => Ok(Self::Goods(GoodsId::from_uuid(id))),
            ("sku", Some(id)) => Ok(Self::Sku(SkuId::from_uuid(id))),
            _ => Err(CatalogError::Word { what: "scope", text: word.chars().take(16).collect() }),
        }
    }
}

impl Rounding {
    /// All of them, the gentlest first.
    pub const ALL: [Self; 6] =
        [Self::None, Self::UpTenth, Self::UpHalf, Self::UpWhole, Self::EndNine, Self::EndNinetyNine];

    /// The stored word, the one of packs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::UpTenth => "up_0.1",
            Self::UpHalf => "up_0.5",
            Self::UpWhole => "up_1",
            Self::EndNine => "end_9",
            Self::EndNinetyNine => "end_99",
        }
    }

    /// Reads the stored word.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        word_of("rounding", &Self::ALL, Self::word, text)
    }
}
