//! What a site shows: its goods and what they cost here, kept in memory, so that a page asks the database for nothing.
//!
//! A showcase is good for one state of the tenant's catalogue, told by its epoch. The epoch is read at most once a second
//! for each tenant that is looked at, and at once after a change that this process made ([`store::Store::news`]). It is
//! read before the rows, so that a showcase is never older than its epoch says.
//!
//! Invariants: every price comes from [`rules::resolve`]; what another process changed is shown a second later at most;
//! a rule's window begins and ends on time, because prices are worked out anew when one does. An order never asks a
//! showcase: it reads the rows.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use kernel::{Clock, Money, SiteId, SiteScope, TenantScope};
use store::{ScopedCache, Store, StoreError};

use crate::error::CatalogError;
use crate::model::{Category, Code, Goods, RuleBook, SiteLevel, Sku, SkuFacts, SkuId, Subject};
use crate::repo;
use crate::rules::{self, HopInput, PriceRequest, Quote, Tier};
use crate::service::{Catalog, Prices};

/// Tenants whose epoch is remembered.
const EPOCHS_MAX: u64 = 100_000;
/// How long an epoch is believed: what another process changed is shown after that.
const EPOCH_LIFE: Duration = Duration::from_secs(1);
/// What all showcases together take in memory, in bytes, as far as it is known.
const WEIGHT_MAX: u64 = 128 << 20;
/// How long one is kept that nothing made stale: a bound for whatever writes rows past this room.
const LIFE: Duration = Duration::from_secs(60);
/// Roughly what a row takes beside its texts.
const ROW_BYTES: usize = 512;

/// The showcases of all sites. Clones share them.
#[derive(Clone)]
pub struct Showcases {
    store: Store,
    epochs: ScopedCache<u64, i64>,
    kept: ScopedCache<Place, Kept>,
}

/// Which site, in which edition of its shop, at which epoch of the catalogue.
type Place = (SiteId, u64, i64);
/// A catalogue that cannot be read says so to all who wait for it.
type Kept = Result<Arc<Showcase>, Arc<str>>;

/// What a site shows, at one epoch of its tenant's catalogue.
pub struct Showcase {
    categories: Vec<Category>,
    exhibits: Vec<Exhibit>,
    by_code: HashMap<Code, usize>,
    facts: HashMap<SkuId, SkuFacts>,
    chain: Vec<SiteLevel>,
    book: RuleBook,
    /// When any rule begins or ends.
    moments: BTreeSet<DateTime<Utc>>,
    retail: RwLock<Arc<Retail>>,
}

/// Goods on sale with their SKUs on sale, whether they have a price here or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhibit {
    /// The goods.
    pub goods: Goods,
    /// Their SKUs, sorted as they are shown.
    pub skus: Vec<Sku>,
}

/// What guests pay for one piece of everything, for as long as no rule begins or ends.
#[derive(Debug)]
pub struct Retail {
    /// Another number, in this process, for every state of catalogue, chain and rules that are in force: a page made
    /// with it is good for as long as this is the same.
    pub number: u64,
    units: HashMap<SkuId, Money>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// The last number that was given out.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

impl Showcases {
    /// No showcase yet, over this database, by the store's time.
    pub fn new(store: Store) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(store.clone());
        let epochs = ScopedCache::new(Arc::clone(&clock), EPOCHS_MAX, EPOCH_LIFE);
        let kept = ScopedCache::weighing_newest(clock, (WEIGHT_MAX, weigh), LIFE);
        Self { store, epochs, kept }
    }

    /// What the site shows now, whose chain is `chain` in this `edition` of its shop. One reading, however many ask.
    pub async fn of(
        &self,
        scope: &SiteScope,
        (chain, edition): (impl FnOnce() -> Vec<SiteLevel>, u64),
    ) -> Result<Arc<Showcase>, CatalogError> {
        let (engine, own) = (scope.engine(), *scope);
        let place = (scope.site(), edition, self.epoch(&engine).await?);
        if let Some(Ok(showcase)) = self.kept.get(&engine, &place) {
            return Ok(showcase);
        }
        let (store, chain) = (self.store.clone(), chain());
        let read = move |places: Vec<Place>| async move {
            let read = match read(store, own, chain).await {
                Ok(showcase) => Ok(Arc::new(showcase)),
                Err(CatalogError::Store(error)) => return Err(error),
                Err(error) => Err(Arc::from(error.to_string())),
            };
            Ok(places.into_iter().map(|place| (place, read.clone())).collect())
        };
        let mut found = self.kept.get_all(&engine, &[place], read).await?;
        found.remove(&place).unwrap_or_else(|| Err(Arc::from("it was not read"))).map_err(|what| {
            self.kept.remove(&engine, &[place]);
            CatalogError::Corrupt { table: "catalogue", what: what.to_string() }
        })
    }

    /// Makes the next one who asks look at the epoch anew: somebody has met rows that say otherwise.
    pub fn look_again(&self, scope: &TenantScope) {
        self.epochs.remove(scope, &[self.store.news(scope)]);
    }

    async fn epoch(&self, scope: &TenantScope) -> Result<i64, CatalogError> {
        let (store, owner, news) = (self.store.clone(), *scope, self.store.news(scope));
        if let Some(epoch) = self.epochs.get(scope, &news) {
            return Ok(epoch);
        }
        let read = move |news: Vec<u64>| async move {
            let epoch = repo::price::epochs(&store.read(&owner).await?).await?.catalogue;
            Ok::<_, StoreError>(news.into_iter().map(|news| (news, epoch)).collect())
        };
        let found = self.epochs.get_all(scope, &[news], read).await?;
        Ok(found.get(&news).copied().unwrap_or_default())
    }
}

async fn read(store: Store, scope: SiteScope, chain: Vec<SiteLevel>) -> Result<Showcase, CatalogError> {
    let tx = store.read(&scope).await?;
    let sites: Vec<SiteId> = chain.iter().map(|place| place.site).collect();
    let book = Prices::new(store.clone()).rules_in(&tx, &sites).await?;
    let catalogue = Catalog::new(store).catalogue_in(&tx).await?;
    let mut skus: HashMap<_, Vec<Sku>> = HashMap::new();
    catalogue.skus.into_iter().for_each(|sku| skus.entry(sku.goods).or_default().push(sku));
    let exhibit = |goods: Goods| Exhibit { skus: skus.remove(&goods.id).unwrap_or_default(), goods };
    let exhibits: Vec<Exhibit> = catalogue.goods.into_iter().map(exhibit).collect();
    Ok(Showcase::new(catalogue.categories, exhibits, (chain, book)))
}

impl Showcase {
    fn new(categories: Vec<Category>, exhibits: Vec<Exhibit>, (chain, book): (Vec<SiteLevel>, RuleBook)) -> Self {
        let by_code = exhibits.iter().enumerate().map(|(place, one)| (one.goods.code.clone(), place)).collect();
        let facts = |one: &Exhibit| -> Vec<_> { one.skus.iter().map(|sku| (sku.id, sku.facts(&one.goods))).collect() };
        let facts = exhibits.iter().flat_map(facts).collect();
        let (moments, never) = (book.moments(), DateTime::<Utc>::MIN_UTC);
        // Good for no moment at all: the first who asks works it out.
        let retail = Retail { number: 0, units: HashMap::new(), from: never, until: never };
        let retail = RwLock::new(Arc::new(retail));
        Self { categories, exhibits, by_code, facts, chain, book, moments, retail }
    }

    /// All categories, sorted as they are shown.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// All goods on sale, sorted as they are shown.
    pub fn exhibits(&self) -> &[Exhibit] {
        &self.exhibits
    }

    /// The goods on sale with this code.
    pub fn find(&self, code: &Code) -> Option<&Exhibit> {
        self.by_code.get(code).map(|place| &self.exhibits[*place])
    }

    /// What guests pay at `now`.
    pub fn retail(&self, now: DateTime<Utc>) -> Arc<Retail> {
        let known = Arc::clone(&self.retail.read().expect("no holder panics"));
        if known.is_good(now) {
            return known;
        }
        let mut kept = self.retail.write().expect("no holder panics");
        if !kept.is_good(now) {
            *kept = Arc::new(self.work_out(now));
        }
        Arc::clone(&kept)
    }

    /// What this buyer pays for each of so many pieces; none if it is not sold here.
    pub fn quote(&self, (subject, now): (&Subject, DateTime<Utc>), sku: SkuId, quantity: u32) -> Option<Quote> {
        self.asked(sku, |hops, sku| rules::resolve(&PriceRequest { chain: hops, sku, subject, quantity, now }).ok())?
    }

    /// What the SKU costs this buyer by quantity.
    pub fn tiers(&self, (subject, now): (&Subject, DateTime<Utc>), sku: SkuId) -> Vec<Tier> {
        let tiers = |hops: &[HopInput<'_>], sku: &SkuFacts| {
            rules::tiers(&PriceRequest { chain: hops, sku, subject, quantity: 1, now })
        };
        self.asked(sku, tiers).unwrap_or_default()
    }

    fn asked<T>(&self, sku: SkuId, answer: impl FnOnce(&[HopInput<'_>], &SkuFacts) -> T) -> Option<T> {
        let facts = self.facts.get(&sku)?;
        Some(answer(&rules::hops(&self.chain, &self.book), facts))
    }

    fn work_out(&self, now: DateTime<Utc>) -> Retail {
        let (hops, subject) = (rules::hops(&self.chain, &self.book), Subject::default());
        let unit = |sku: &SkuFacts| {
            let request = PriceRequest { chain: &hops, sku, subject: &subject, quantity: 1, now };
            Some((sku.sku, rules::resolve(&request).ok()?.unit))
        };
        Retail {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed) + 1,
            units: self.facts.values().filter_map(unit).collect(),
            from: self.moments.range(..=now).next_back().copied().unwrap_or(DateTime::<Utc>::MIN_UTC),
            until: self.moments.range((Excluded(now), Unbounded)).next().copied().unwrap_or(DateTime::<Utc>::MAX_UTC),
        }
    }

    fn weight(&self) -> usize {
        let texts = |goods: &Goods| {
            let texts = [&goods.title.zh, &goods.title.en, &goods.description.zh, &goods.description.en];
            texts.into_iter().map(String::len).sum::<usize>()
        };
        let of = |one: &Exhibit| ROW_BYTES * (1 + 2 * one.skus.len()) + texts(&one.goods);
        let goods: usize = self.exhibits.iter().map(of).sum();
        goods + ROW_BYTES * (self.categories.len() + self.book.len() + 1)
    }
}

impl Retail {
    /// What a guest pays for one piece; none if it is not sold here.
    pub fn unit(&self, sku: SkuId) -> Option<Money> {
        self.units.get(&sku).copied()
    }

    fn is_good(&self, now: DateTime<Utc>) -> bool {
        self.from <= now && now < self.until
    }
}

fn weigh(kept: &Kept) -> u32 {
    let bytes = kept.as_ref().map_or(ROW_BYTES, |showcase| showcase.weight());
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
