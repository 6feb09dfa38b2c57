//! A pack in memory: read from its folder, with all faults of all files, or known to be sound.

mod cards;
mod fault;
mod fields;
mod files;
mod form;
mod front;
mod goods;
mod price;
mod site;
mod tenant;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::Path;

use catalog::{Audience, Band, CategoryDraft, Code, Fulfilment, GoodsKind, Terms};
use chrono::{DateTime, Utc};
use identity::Login;
use inventory::NewCard;
use kernel::{Currency, Money, Wording};
use tenancy::{Host, NewSite, NewTenant, Slug};

use fault::Faults;
pub use fault::PackFault;
use files::Files;
pub(crate) use front::PackFront;
use tree::Known;

const NAME_CHARS_MAX: usize = 200;
const NOTICE_CHARS_MAX: usize = 1_000;
const DESCRIPTION_CHARS_MAX: usize = 5_000;

/// A main site with all that is under it, known to be sound in itself. It holds card codes: `Debug` shows numbers only.
pub struct Pack {
    pub(crate) tenant: NewTenant,
    pub(crate) operator: PackPerson,
    pub(crate) categories: Vec<CategoryDraft>,
    pub(crate) goods: Vec<PackGoods>,
    /// A parent before its children.
    pub(crate) sites: Vec<PackSite>,
    pub(crate) cards: BTreeMap<Code, Vec<NewCard>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackPerson {
    pub login: Login,
    pub name: String,
}

#[derive(Debug)]
pub(crate) struct PackCustomer {
    pub person: PackPerson,
    pub wallet: Option<Money>,
    pub line: u64,
}

#[derive(Debug)]
pub(crate) struct PackSite {
    pub file: String,
    /// Where its parent stands.
    pub line: u64,
    pub new: NewSite,
    pub hosts: Vec<(Host, u64)>,
    /// What its home page shows, and its own colours.
    pub front: PackFront,
    pub prepaid: Option<Money>,
    /// Who runs a sub-site.
    pub owner: Option<PackPerson>,
    pub templates: Vec<PackTemplate>,
    pub prices: Vec<PackPrice>,
    pub customers: Vec<PackCustomer>,
    pub channels: Vec<PackChannel>,
}

/// A way to pay that a site collects by. Its secret is no part of a pack: it is generated, or set elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackChannel {
    pub provider: String,
    pub payee: String,
    pub name: Wording,
    pub sort: i32,
}

#[derive(Debug)]
pub(crate) struct PackTemplate {
    pub code: Code,
    pub name: Wording,
    pub bands: Vec<Band>,
}

/// A price or a limit.
#[derive(Debug)]
pub(crate) struct PackPrice {
    pub reach: PackReach,
    pub terms: PackTerms,
    pub line: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PackReach {
    pub audience: Audience,
    pub whom: PackWhom,
    pub target: PackTarget,
    pub quantity_min: u32,
    pub valid_from: Option<DateTime<Utc>>,
    pub valid_until: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum PackWhom {
    Everyone,
    Level(Code),
    /// A customer of the pack.
    Customer(Login),
    /// A site of the pack, right below.
    Site(Slug),
}

#[derive(Debug)]
pub(crate) enum PackTerms {
    Given(Terms),
    /// A template of the same site.
    Template(Code),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum PackTarget {
    Site,
    Category(Code),
    Goods(Code),
    Sku(Code),
}

#[derive(Debug)]
pub(crate) struct PackGoods {
    pub code: Code,
    pub category: Code,
    pub kind: GoodsKind,
    pub fulfilment: Fulfilment,
    pub title: Wording,
    pub description: Wording,
    pub art: Option<String>,
    pub sort: i32,
    pub line: u64,
    pub skus: Vec<PackSku>,
}

#[derive(Debug)]
pub(crate) struct PackSku {
    pub code: Code,
    pub name: Wording,
    pub face_value: Option<Money>,
    pub cost: Money,
    pub price: Money,
    pub quantity_max: u32,
    pub sort: i32,
}

impl Pack {
    /// Reads the pack in the folder `path`, or tells all that is wrong with it. Reads files and writes nothing.
    pub fn read(path: &Path) -> Result<Self, Vec<PackFault>> {
        let faults = Faults::default();
        let pack = read(path, &faults);
        let faults = faults.into_sorted();
        match pack {
            Some(pack) if faults.is_empty() => Ok(pack),
            _ => {
                assert!(!faults.is_empty(), "a pack that cannot be made has a fault");
                Err(faults)
            }
        }
    }

    /// The slug, the pack's identity.
    pub const fn slug(&self) -> &Slug {
        &self.tenant.slug
    }

    /// How many cards it holds.
    pub fn card_count(&self) -> u64 {
        self.cards.values().map(|cards| cards.len() as u64).sum()
    }
}

impl fmt::Debug for Pack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sites, goods, cards) = (self.sites.len(), self.goods.len(), self.card_count());
        write!(f, "Pack({}: {sites} sites, {goods} goods, {cards} cards)", self.tenant.slug)
    }
}

fn read(path: &Path, faults: &Faults) -> Option<Pack> {
    let files = Files::find(path, faults);
    let tenant_text = files.text(tenant::FILE, faults);
    let (tenant, facts) = match &tenant_text {
        Some(text) => tenant::read(text, faults),
        None => (None, tenant::TenantFacts { currency: None, categories: None }),
    };
    // Without a currency the amounts are read as those of the default one, so that their other faults are found too.
    let currency = facts.currency.unwrap_or(Currency::CNY);
    let goods_file = files.open(goods::FILE, files::GOODS_BYTES_MAX, faults);
    let is_goods_there = goods_file.is_some();
    let mut goods = goods_file.map(|reader| goods::read(reader, currency, faults)).unwrap_or_default();
    if is_goods_there && !goods.is_cut {
        form::check(&mut goods.goods, read_forms(&files, faults), faults);
    }
    let sites = files
        .sites
        .iter()
        .filter_map(|(slug, file)| site::read(file, slug, &files.text(file, faults)?, currency, faults));
    let slugs: HashSet<Slug> = files.sites.iter().map(|(slug, _)| slug.clone()).collect();
    let sites = tree::in_order(sites.collect(), &slugs, faults);
    tree::check_distinct(&sites, faults);
    let is_whole = is_goods_there && !goods.is_cut;
    let known = Known {
        categories: facts.categories.as_ref().map(|codes| codes.iter().collect()),
        goods: is_whole.then(|| goods.goods_lines.keys().collect()),
        skus: is_whole.then(|| goods.sku_lines.keys().collect()),
    };
    tree::check_targets(&sites, &known, faults);
    front::check_sections(&sites, &known, faults);
    tree::check_people(&sites, &slugs, faults);
    check_categories(&goods.goods, &known, faults);
    let cards = read_cards(&files, &known, faults);
    check_cards(&goods.goods, &files, faults);
    let tenant = tenant?;
    Some(Pack {
        tenant: tenant.new,
        operator: tenant.operator,
        categories: tenant.categories,
        goods: goods.goods,
        sites,
        cards,
    })
}

fn check_categories(goods: &[PackGoods], known: &Known<'_>, faults: &Faults) {
    for goods in goods {
        if known.categories.as_ref().is_some_and(|codes| !codes.contains(&goods.category)) {
            faults.report(goods::FILE, goods.line, format!("there is no category {} in the pack", goods.category));
        }
    }
}

fn read_forms(files: &Files, faults: &Faults) -> Vec<(Code, String, Option<Fulfilment>)> {
    let read = |(goods, file): &(Code, String)| {
        let form = files.text(file, faults).and_then(|text| form::read(file, &text, faults));
        (goods.clone(), file.clone(), form)
    };
    files.forms.iter().map(read).collect()
}

/// What a person does has no cards.
fn check_cards(goods: &[PackGoods], files: &Files, faults: &Faults) {
    let manual = goods.iter().filter(|goods| !goods.kind.is_counted()).flat_map(|goods| &goods.skus);
    for sku in manual {
        if let Some((_, file)) = files.cards.iter().find(|(code, _)| *code == sku.code) {
            faults.report(file, 1, format!("the SKU {} is fulfilled by a person and has no cards", sku.code));
        }
    }
}

fn read_cards(files: &Files, known: &Known<'_>, faults: &Faults) -> BTreeMap<Code, Vec<NewCard>> {
    let mut read = Vec::new();
    let mut left = files::CARDS_MAX;
    for (sku, file) in &files.cards {
        if known.skus.as_ref().is_some_and(|codes| !codes.contains(sku)) {
            faults.report(file, 1, format!("there is no SKU {sku} in the pack"));
        }
        let Some(reader) = files.open(file, files::CARDS_BYTES_MAX, faults) else { continue };
        let cards = cards::read(file, sku.clone(), reader, faults);
        match left.checked_sub(cards.cards.len()) {
            Some(rest) => left = rest,
            None => {
                faults.report(file, 1, format!("the pack has more than {} cards", files::CARDS_MAX));
                break;
            }
        }
        read.push(cards);
    }
    cards::check_distinct(&read, faults);
    read.into_iter().map(|file| (file.sku, file.cards)).collect()
}
