//! What every request does in memory: from host to shop, a price, the shelf, an entry in the book. The stages here serve
//! the report's own loops and criterion's benches.

use std::hint::black_box;
use std::time::{Duration, Instant};

use catalog::rules::{hops, resolve};
use catalog::{
    Audience, CategoryId, Formula, GoodsId, OnSale, PriceRequest, PriceRule, Quote, Reach, Rounding, RuleBook, RuleId,
    SiteLevel, SkuFacts, SkuId, Subject, Target, Terms, Whom,
};
use chrono::{DateTime, Utc};
use inventory::{CardId, Picks, Shelf, Taking};
use kernel::{Money, Rate, SiteId, TenantId, TenantScope};
use ledger::{Account, AccountKind, Book, Entry, EntryKind, Posting};
use tenancy::{Host, Shop as HostShop, Slug, Tenancy};
use testkit::TestDb;
use uuid::Uuid;

use crate::shop::{CNY, site};

/// Shops of an installation.
const HOSTS: usize = 1_000;
/// Free cards in hand, as many as a lane reads ahead.
const RUN: usize = 512;
/// Cards of one batch.
const BATCH: usize = 256;
/// Calls between two looks at the clock.
const CALLS: u32 = 1_000;

/// An installation of a thousand hosts.
pub struct Hosts {
    tenancy: Tenancy,
    _db: TestDb,
}

impl Hosts {
    /// Makes it, in a database of its own.
    pub async fn open() -> Self {
        let db = TestDb::sqlite().await;
        let (tenancy, scope) = (Tenancy::new(db.store.clone()), db.tenant().await);
        let tx = db.store.write(&scope).await.expect("a writer");
        let main = site(Slug::parse("main").expect("a slug"), None);
        let site = tenancy.save_site_in(&tx, &main).await.expect("a site").id();
        for number in 0..HOSTS {
            let host = Host::parse(&format!("shop-{number}.example.test")).expect("a host");
            tenancy.save_host_in(&tx, &host, site).await.expect("a host");
        }
        tx.commit().await.expect("committed");
        tenancy.reload().await.expect("read");
        Self { tenancy, _db: db }
    }

    /// The shop of one host, as a request names it.
    pub fn resolve(&self) -> std::sync::Arc<HostShop> {
        self.tenancy.resolve(black_box("shop-500.example.test:8080")).expect("a shop")
    }
}

/// A SKU at the end of a chain of four sites, each with two rules, all of it read before.
pub struct Pricing {
    chain: Vec<SiteLevel>,
    book: RuleBook,
    sku: SkuFacts,
    subject: Subject,
}

impl Default for Pricing {
    fn default() -> Self {
        let chain: Vec<SiteLevel> = (0..4).map(|_| SiteLevel { site: SiteId::new(), level: None }).collect();
        let shares = [(Audience::Wholesale, 20_000), (Audience::Retail, 50_000)];
        let book = chain.iter().flat_map(|place| shares.map(|share| rule(place.site, share))).collect();
        let sku = SkuFacts {
            sku: SkuId::new(),
            goods: GoodsId::new(),
            category: CategoryId::new(),
            cost: Money::new(7_00, CNY),
            list_price: Money::new(8_00, CNY),
            face_value: None,
            site_levels: Vec::new(),
            state: OnSale::On,
            quantity_max: 100,
            epoch: 1,
        };
        Self { chain, book, sku, subject: Subject::default() }
    }
}

impl Pricing {
    /// Hands `run` what answers one price after the other.
    pub fn with<R>(&self, run: impl FnOnce(&dyn Fn() -> Quote) -> R) -> R {
        let (chain, now) = (hops(&self.chain, &self.book), Utc::now());
        let request = PriceRequest { chain: &chain, sku: &self.sku, subject: &self.subject, quantity: 1, now };
        run(&|| resolve(black_box(&request)).expect("a price"))
    }
}

fn rule(site: SiteId, (audience, ppm): (Audience, u32)) -> PriceRule {
    let reach = Reach {
        audience,
        whom: Whom::Everyone,
        target: Target::Site,
        quantity_min: 1,
        valid_from: None,
        valid_until: None,
    };
    let formula = Formula::Percent { rate: Rate::from_ppm(ppm) };
    let terms = Terms::Price { formula, rounding: Rounding::None };
    PriceRule { id: RuleId::new(), site, reach, terms, version: 1, created_at: Utc::now() }
}

/// A shelf on which one SKU is sold out.
pub struct Bare {
    shelf: Shelf,
    scope: TenantScope,
    sku: SkuId,
    _db: TestDb,
}

impl Bare {
    /// Makes it, in a database of its own.
    pub async fn open() -> Self {
        let db = TestDb::sqlite().await;
        let (scope, sku, shelf) = (db.tenant().await, SkuId::new(), Shelf::new(db.store.clone()));
        shelf.mark_sold_out(&scope, sku);
        // The first who asks goes on to the lane, to look; the test's clock stands still, so the others are turned away.
        shelf.turns_away(&scope, sku);
        Self { shelf, scope, sku, _db: db }
    }

    /// One of the crowd asks.
    pub fn turns_away(&self) -> bool {
        self.shelf.turns_away(black_box(&self.scope), black_box(self.sku))
    }

    /// The shelf, and whose it is.
    pub const fn shelf(&self) -> (&Shelf, &TenantScope) {
        (&self.shelf, &self.scope)
    }
}

/// A run of free cards that a batch sells from.
pub struct Run {
    sku: SkuId,
    cards: Vec<CardId>,
    until: DateTime<Utc>,
}

impl Default for Run {
    fn default() -> Self {
        Self { sku: SkuId::new(), cards: (0..RUN).map(|_| CardId::new()).collect(), until: Utc::now() }
    }
}

impl Run {
    /// The run in the hand of a lane.
    pub fn fill(&self) -> Picks {
        let mut picks = Picks::default();
        picks.assume(self.sku, self.cards.iter().copied());
        picks
    }

    /// Sells the cards of one batch, each to an order of its own.
    pub fn sell(&self, picks: &mut Picks) {
        for order in 0..BATCH as u128 {
            let line = (Uuid::from_u128(order), 1);
            let taken = picks.take((self.sku, 1), line, Taking::Sell, self.until).expect("there are enough");
            black_box(taken);
        }
    }
}

/// What an order posts: a wallet with money, and the sites that earn.
pub struct Booking {
    tenant: TenantId,
    wallet: Account,
    sites: [Uuid; 2],
}

impl Default for Booking {
    fn default() -> Self {
        let wallet = Account::of(AccountKind::Wallet, Uuid::now_v7(), CNY);
        Self { tenant: TenantId::new(), wallet, sites: [Uuid::now_v7(), Uuid::now_v7()] }
    }
}

impl Booking {
    /// The book of a batch that knows the wallet.
    pub fn book(&self) -> Book {
        let mut book = Book::new(self.tenant);
        book.assume(self.wallet, 1_000_000_000);
        book
    }

    /// Makes and posts the two entries of an order.
    pub fn post(&self, book: &mut Book) {
        let [paid, delivered] = self.entries(Uuid::now_v7());
        book.post(paid).and_then(|_| book.post(delivered)).expect("the money is there");
    }

    fn entries(&self, order: Uuid) -> [Entry; 2] {
        let posting = |account, minor| Posting { account, amount: Money::new(minor, CNY) };
        let own = |kind| Account::own(kind, CNY);
        let paid = [posting(self.wallet, -10_00), posting(own(AccountKind::OrderDeposits), 10_00)];
        let delivered = [
            posting(own(AccountKind::OrderDeposits), -10_00),
            posting(own(AccountKind::Revenue), 8_00),
            posting(Account::of(AccountKind::SitePending, self.sites[0], CNY), 1_00),
            posting(Account::of(AccountKind::SitePending, self.sites[1], CNY), 1_00),
            posting(own(AccountKind::CostOfGoods), -7_00),
            posting(own(AccountKind::StockAtCost), 7_00),
        ];
        [
            Entry::try_new(EntryKind::OrderPaid, order, "paid", paid).expect("balanced"),
            Entry::try_new(EntryKind::LineDelivered, order, "delivered:1", delivered).expect("balanced"),
        ]
    }
}

/// All of it, for loops without criterion.
pub(crate) struct Memory {
    hosts: Hosts,
    pricing: Pricing,
    bare: Bare,
    run: Run,
}

/// What [`Memory::measure`] names, in its order: figures are picoseconds a call.
pub(crate) const MEMORY: [&str; 4] = ["host_to_site", "quote", "shelf_reserve", "shelf_refusal"];

impl Memory {
    pub async fn open() -> Self {
        Self { hosts: Hosts::open().await, pricing: Pricing::default(), bare: Bare::open().await, run: Run::default() }
    }

    /// Each in turn, measured for `length`.
    pub fn measure(&self, length: Duration) -> [u64; 4] {
        [
            each(length, || drop(black_box(self.hosts.resolve()))),
            self.pricing.with(|quote| each(length, || drop(black_box(quote())))),
            self.reserve(length),
            each(length, || assert!(self.bare.turns_away(), "nothing is left")),
        ]
    }

    /// A card off the shelf; filling the run anew does not count.
    fn reserve(&self, length: Duration) -> u64 {
        let (mut took, mut sold) = (Duration::ZERO, 0);
        while took < length {
            let mut picks = self.run.fill();
            let began = Instant::now();
            self.run.sell(&mut picks);
            took += began.elapsed();
            sold += BATCH as u64;
        }
        picos(took, sold)
    }
}

/// Picoseconds of a call that is made again and again for `length`, after some to warm up.
fn each(length: Duration, mut call: impl FnMut()) -> u64 {
    (0..CALLS).for_each(|_| call());
    let (began, mut calls) = (Instant::now(), 0);
    while began.elapsed() < length {
        (0..CALLS).for_each(|_| call());
        calls += u64::from(CALLS);
    }
    picos(began.elapsed(), calls)
}

fn picos(took: Duration, calls: u64) -> u64 {
    u64::try_from(took.as_nanos() * 1_000 / u128::from(calls.max(1))).unwrap_or(u64::MAX)
}
