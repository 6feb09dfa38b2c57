//! A chain of sites, a SKU and a buyer, for tests.

use std::collections::HashMap;

use chrono::{DateTime, TimeZone, Utc};
use kernel::{Currency, Money, Rate, SiteId};
use uuid::Uuid;

use super::{Explanation, Hidden, PriceRequest, Quote, Tier, explain, hops, resolve, tiers};
use crate::model::{
    Addition, Audience, Band, CategoryId, Code, Formula, GoodsId, OnSale, PriceRule, Reach, Rounding, RuleBook, RuleId,
    SiteLevel, SkuFacts, SkuId, Subject, Target, TemplateId, Terms, Whom,
};

/// A question to the resolver that owns its parts.
#[derive(Debug, Clone)]
pub struct Case {
    pub chain: Vec<SiteLevel>,
    pub rules: Vec<PriceRule>,
    pub templates: HashMap<TemplateId, Vec<Band>>,
    pub sku: SkuFacts,
    pub subject: Subject,
    pub quantity: u32,
    pub now: DateTime<Utc>,
}

pub const CATEGORY: CategoryId = CategoryId::from_uuid(Uuid::from_u128(3));
pub const GOODS: GoodsId = GoodsId::from_uuid(Uuid::from_u128(4));
pub const SKU: SkuId = SkuId::from_uuid(Uuid::from_u128(5));
pub const BUYER: Uuid = Uuid::from_u128(6);

/// `text` yuan.
pub fn yuan(text: &str) -> Money {
    Money::parse(text, Currency::CNY).expect("an amount")
}

/// `minor` fen.
pub const fn fen(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

/// The site at `place` of every chain.
pub fn site(place: usize) -> SiteId {
    SiteId::from_uuid(Uuid::from_u128(100 + place as u128))
}

pub fn percent(ppm: u32, rounding: Rounding) -> Terms {
    Terms::Price { formula: Formula::Percent { rate: Rate::from_ppm(ppm) }, rounding }
}

pub fn markup(amount: &str, rounding: Rounding) -> Terms {
    Terms::Price { formula: Formula::Markup { amount: yuan(amount) }, rounding }
}

pub fn fixed(price: &str) -> Terms {
    Terms::Price { formula: Formula::Fixed { price: yuan(price), loss_cap: None }, rounding: Rounding::None }
}

pub fn fixed_at_a_loss(price: &str, loss_cap: &str) -> Terms {
    let formula = Formula::Fixed { price: yuan(price), loss_cap: Some(yuan(loss_cap)) };
    Terms::Price { formula, rounding: Rounding::None }
}

/// A rule that names the template `number` of its case.
pub const fn by_template(number: usize) -> Terms {
    Terms::Price { formula: Formula::Template { template: template(number) }, rounding: Rounding::None }
}

/// The template `number` of every case.
pub const fn template(number: usize) -> TemplateId {
    TemplateId::from_uuid(Uuid::from_u128(500 + number as u128))
}

/// From this purchase price on this amount.
pub fn adds(from: &str, amount: &str, rounding: Rounding) -> Band {
    Band { from: yuan(from), addition: Addition::Amount { amount: yuan(amount) }, rounding }
}

/// From this purchase price on this share.
pub fn adds_share(from: &str, ppm: u32, rounding: Rounding) -> Band {
    Band { from: yuan(from), addition: Addition::Percent { rate: Rate::from_ppm(ppm) }, rounding }
}

pub fn floor(price: &str) -> Terms {
    Terms::Limit { floor: Some(yuan(price)), markup_max: None }
}

pub fn markup_max(ppm: u32) -> Terms {
    Terms::Limit { floor: None, markup_max: Some(Rate::from_ppm(ppm)) }
}

/// A rule for everyone and everything, that is valid for ever.
pub fn everywhere(audience: Audience) -> Reach {
    Reach { audience, whom: Whom::Everyone, target: Target::Site, quantity_min: 1, valid_from: None, valid_until: None }
}

pub fn level(text: &str) -> Whom {
    Whom::Level(Code::parse(text).expect("a code"))
}

impl Case {
    /// A chain of `sites` sites without rules.
    pub fn of(sites: usize, cost: &str, list_price: &str) -> Self {
        let chain = (0..sites).map(|place| SiteLevel { site: site(place), level: None }).collect();
        let sku = SkuFacts {
            sku: SKU,
            goods: GOODS,
            category: CATEGORY,
            cost: yuan(cost),
            list_price: yuan(list_price),
            face_value: None,
            site_levels: Vec::new(),
            state: OnSale::On,
            quantity_max: 50,
            epoch: 1,
        };
        let now = Utc.with_ymd_and_hms(2026, 11, 21, 8, 0, 0).single().expect("a moment");
        Self { chain, rules: Vec::new(), templates: HashMap::new(), sku, subject: Subject::default(), quantity: 1, now }
    }

    /// With these bands for the template `number`.
    pub fn template(mut self, number: usize, bands: impl IntoIterator<Item = Band>) -> Self {
        self.templates.insert(template(number), bands.into_iter().collect());
        self
    }

    /// With one more rule of the site at `place`, newer than those before.
    pub fn rule(self, place: usize, audience: Audience, terms: Terms) -> Self {
        self.rule_for(place, everywhere(audience), terms)
    }

    /// With one more rule about `target`.
    pub fn rule_about(self, place: usize, audience: Audience, target: Target, terms: Terms) -> Self {
        self.rule_for(place, Reach { target, ..everywhere(audience) }, terms)
    }

    /// With one more rule of this reach.
    pub fn rule_for(mut self, place: usize, reach: Reach, terms: Terms) -> Self {
        let version = i64::try_from(self.rules.len()).expect("few") + 1;
        let id = RuleId::from_uuid(Uuid::from_u128(1_000 + self.rules.len() as u128));
        self.rules.push(PriceRule { id, site: site(place), reach, terms, version, created_at: self.now });
        self
    }

    pub fn resolve(&self) -> Result<Quote, Hidden> {
        self.ask(resolve)
    }

    pub fn explain(&self) -> Explanation {
        self.ask(explain)
    }

    pub fn tiers(&self) -> Vec<Tier> {
        self.ask(tiers)
    }

    /// What the buyer pays.
    pub fn retail(&self) -> Money {
        self.resolve().unwrap_or_else(|hidden| panic!("{hidden}")).unit
    }

    fn ask<T>(&self, question: impl FnOnce(&PriceRequest<'_>) -> T) -> T {
        let book = self.rules.iter().cloned().collect::<RuleBook>().with_bands(self.templates.clone());
        let chain = hops(&self.chain, &book);
        let Self { sku, subject, quantity, now, .. } = self;
        question(&PriceRequest { chain: &chain, sku, subject, quantity: *quantity, now: *now })
    }
}
