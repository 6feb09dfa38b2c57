//! Random sets of price rules over a street of three sites, each of them for half an hour.

use catalog::{
    Addition, Audience, Band, CategoryId, Code, Formula, GoodsId, Reach, Rounding, SkuId, Target, TemplateId, Terms,
    Whom,
};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Currency, Money, Rate, SiteId};
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

/// Templates of a deal.
pub const TEMPLATES: usize = 2;
const SITES: usize = 3;

/// What rules may be about.
pub struct Wares {
    pub sites: Vec<SiteId>,
    pub category: CategoryId,
    pub goods: GoodsId,
    pub skus: [SkuId; 2],
    pub buyer: Uuid,
}

/// For whom a rule is.
#[derive(Debug, Clone, Copy)]
enum People {
    Everyone,
    Silver,
    Gold,
    Buyer,
    Site(usize),
}

/// About what a rule is.
#[derive(Debug, Clone, Copy)]
enum About {
    Site,
    Category,
    Goods,
    Sku(usize),
}

/// A rule of the site at `place`, in minutes from now.
#[derive(Debug, Clone)]
pub struct Clause {
    pub place: usize,
    pub terms: Terms,
    /// The template that stands for the formula.
    pub template: Option<usize>,
    audience: Audience,
    people: People,
    about: About,
    quantity_min: u32,
    window: (i64, i64),
}

/// What a buyer wants of the site at `place`, under which rules.
#[derive(Debug, Clone)]
pub struct Deal {
    pub place: usize,
    pub quantity: u32,
    pub clauses: Vec<Clause>,
    pub templates: Vec<Vec<Band>>,
}

impl Clause {
    pub fn reach(&self, wares: &Wares, now: DateTime<Utc>) -> Reach {
        let whom = match self.people {
            People::Everyone => Whom::Everyone,
            People::Silver => Whom::Level(Code::parse("silver").expect("a code")),
            People::Gold => Whom::Level(Code::parse("gold").expect("a code")),
            People::Buyer => Whom::Subject(wares.buyer),
            People::Site(place) => Whom::Subject(wares.sites[place].uuid()),
        };
        let target = match self.about {
            About::Site => Target::Site,
            About::Category => Target::Category(wares.category),
            About::Goods => Target::Goods(wares.goods),
            About::Sku(number) => Target::Sku(wares.skus[number]),
        };
        let at = |minutes| Some(now + TimeDelta::minutes(minutes));
        Reach {
            audience: self.audience,
            whom,
            target,
            quantity_min: self.quantity_min,
            valid_from: at(self.window.0),
            valid_until: at(self.window.1),
        }
    }
}

/// Terms by this template; its bands round.
pub const fn by_template(template: TemplateId) -> Terms {
    Terms::Price { formula: Formula::Template { template }, rounding: Rounding::None }
}

const fn fen(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

fn rounding() -> impl Strategy<Value = Rounding> {
    prop::sample::select(Rounding::ALL.to_vec())
}

fn price(audience: Audience) -> impl Strategy<Value = Terms> {
    let loss_cap = option::of(0i64..800).prop_map(move |cap| cap.filter(|_| audience == Audience::Retail));
    let formula = prop_oneof![
        (500i64..2_500, loss_cap).prop_map(|(price, cap)| Formula::Fixed { price: fen(price), loss_cap: cap.map(fen) }),
        (0i64..600).prop_map(|amount| Formula::Markup { amount: fen(amount) }),
        (0u32..400_000).prop_map(|ppm| Formula::Percent { rate: Rate::from_ppm(ppm) }),
    ];
    (formula, rounding()).prop_map(|(formula, rounding)| Terms::Price { formula, rounding })
}

fn limit() -> impl Strategy<Value = Terms> {
    let (floor, markup_max) = (option::of(0i64..1_500), 0u32..600_000);
    (floor, markup_max, any::<bool>()).prop_map(|(floor, ppm, is_both)| Terms::Limit {
        floor: floor.map(fen),
        markup_max: (is_both || floor.is_none()).then_some(Rate::from_ppm(ppm)),
    })
}

fn bands() -> impl Strategy<Value = Vec<Band>> {
    let addition = prop_oneof![
        (0i64..600).prop_map(|amount| Addition::Amount { amount: fen(amount) }),
        (0u32..400_000).prop_map(|ppm| Addition::Percent { rate: Rate::from_ppm(ppm) }),
    ];
    prop::collection::btree_map(0i64..2_000, (addition, rounding()), 1..4).prop_map(|bands| {
        let band = |(from, (addition, rounding))| Band { from: fen(from), addition, rounding };
        bands.into_iter().map(band).collect()
    })
}

fn clause() -> impl Strategy<Value = Clause> {
    let audience = prop_oneof![Just(Audience::Wholesale), Just(Audience::Retail)];
    let people = prop_oneof![
        3 => Just(People::Everyone),
        1 => Just(People::Silver),
        1 => Just(People::Gold),
        1 => Just(People::Buyer),
        1 => (1..SITES).prop_map(People::Site),
    ];
    let about =
        prop_oneof![Just(About::Site), Just(About::Category), Just(About::Goods), (0..2usize).prop_map(About::Sku),];
    // Those that count now; one that ends at this very moment; one that has not begun.
    let window = prop_oneof![6 => Just((0, 30)), 3 => Just((-60, 30)), 1 => Just((-60, 0)), 1 => Just((60, 90))];
    let reach = (0..SITES, people, about, 1u32..4, window);
    (audience, reach).prop_flat_map(|(audience, (place, people, about, quantity_min, window))| {
        let terms = prop_oneof![
            4 => price(audience).prop_map(|terms| (terms, None)),
            2 => (price(audience), 0..TEMPLATES).prop_map(|(terms, number)| (terms, Some(number))),
            1 => limit().prop_map(|terms| (terms, None)),
        ];
        let clause = move |(terms, template)| {
            let audience = audience;
            Clause { place, terms, template, audience, people, about, quantity_min, window }
        };
        terms.prop_map(clause)
    })
}

/// Any deal.
pub fn deal() -> impl Strategy<Value = Deal> {
    let templates = prop::collection::vec(bands(), TEMPLATES);
    (0..SITES, 1u32..6, prop::collection::vec(clause(), 1..9), templates)
        .prop_map(|(place, quantity, clauses, templates)| Deal { place, quantity, clauses, templates })
}

/// The site at `place` adds 1.00, from three pieces on 0.50, and for the buyer 0.30.
pub fn plain(place: usize, quantity: u32) -> Deal {
    let clause = |people, quantity_min, amount| Clause {
        place,
        terms: Terms::Price { formula: Formula::Markup { amount: fen(amount) }, rounding: Rounding::None },
        template: None,
        audience: Audience::Retail,
        people,
        about: About::Site,
        quantity_min,
        window: (0, 30),
    };
    let everyone = People::Everyone;
    let clauses = vec![clause(everyone, 1, 100), clause(everyone, 3, 50), clause(People::Buyer, 1, 30)];
    Deal { place, quantity, clauses, templates: Vec::new() }
}
