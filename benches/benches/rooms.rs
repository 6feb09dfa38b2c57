//! What every request does in memory: from host to shop, a price, the shelf, an entry in the book.
//!
//! `cargo bench -p benches --bench rooms`; `-- --quick` is the short form.

use std::hint::black_box;
use std::time::Duration;

use catalog::rules::{hops, resolve};
use catalog::{
    Audience, CategoryId, Formula, GoodsId, OnSale, PriceRequest, PriceRule, Reach, Rounding, RuleBook, RuleId,
    SiteLevel, SkuFacts, SkuId, Subject, Target, Terms, Whom,
};
use chrono::Utc;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use inventory::Shelf;
use kernel::{Currency, Money, Rate, SiteId, TenantId, Wording};
use ledger::{Account, AccountKind, Book, Entry, EntryKind, Posting};
use tenancy::{Host, Mode, NewSite, Slug, Tenancy, Theme};
use testkit::TestDb;
use tokio::runtime::Runtime;
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CNY: Currency = Currency::CNY;
/// Shops of an installation.
const HOSTS: usize = 1_000;

fn short() -> Criterion {
    Criterion::default()
        .without_plots()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

/// From the host of a request to its shop, among a thousand.
fn host(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let made = std::cell::OnceCell::new();
    criterion.bench_function("host_to_shop", |bench| {
        let (tenancy, _db) = made.get_or_init(|| runtime.block_on(installation()));
        bench.iter(|| tenancy.resolve(black_box("shop-500.example.test:8080")).expect("a shop"));
    });
}

async fn installation() -> (Tenancy, TestDb) {
    let db = TestDb::sqlite().await;
    let (tenancy, scope) = (Tenancy::new(db.store.clone()), db.tenant().await);
    let tx = db.store.write(&scope).await.expect("a writer");
    let new = NewSite {
        slug: Slug::parse("main").expect("a slug"),
        parent: None,
        name: Wording::new("店", "Shop"),
        tagline: Wording::default(),
        notice: Wording::default(),
        theme: Theme::Grove,
        mode: Mode::Auto,
        level: None,
        support: None,
        limits: None,
    };
    let site = tenancy.save_site_in(&tx, &new).await.expect("a site").id();
    for number in 0..HOSTS {
        let host = Host::parse(&format!("shop-{number}.example.test")).expect("a host");
        tenancy.save_host_in(&tx, &host, site).await.expect("a host");
    }
    tx.commit().await.expect("committed");
    tenancy.reload().await.expect("read");
    (tenancy, db)
}

/// The price of a SKU at the end of a chain of four sites, each with two rules.
fn quote(criterion: &mut Criterion) {
    let chain: Vec<SiteLevel> = (0..4).map(|_| SiteLevel { site: SiteId::new(), level: None }).collect();
    let rule = |(site, (audience, ppm)): (SiteId, (Audience, u32))| PriceRule {
        id: RuleId::new(),
        site,
        reach: Reach {
            audience,
            whom: Whom::Everyone,
            target: Target::Site,
            quantity_min: 1,
            valid_from: None,
            valid_until: None,
        },
        terms: Terms::Price { formula: Formula::Percent { rate: Rate::from_ppm(ppm) }, rounding: Rounding::None },
        version: 1,
        created_at: Utc::now(),
    };
    let shares = [(Audience::Wholesale, 20_000), (Audience::Retail, 50_000)];
    let book: RuleBook =
        chain.iter().flat_map(|place| shares.map(|share| (place.site, share))).map(rule).collect::<RuleBook>();
    let sku = SkuFacts {
        sku: SkuId::new(),
        goods: GoodsId::new(),
        category: CategoryId::new(),
        cost: Money::new(7_00, CNY),
        list_price: Money::new(8_00, CNY),
        state: OnSale::On,
        quantity_max: 100,
        epoch: 1,
    };
    let (subject, chain) = (Subject::default(), hops(&chain, &book));
    let request = PriceRequest { chain: &chain, sku: &sku, subject: &subject, quantity: 1, now: Utc::now() };
    criterion.bench_function("quote_of_four_sites", |bench| {
        bench.iter(|| resolve(black_box(&request)).expect("a price"));
    });
}

/// What the crowd costs that comes for what is sold out, and how many are left for a page.
fn shelf(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let db = runtime.block_on(TestDb::sqlite());
    let (scope, sku) = (runtime.block_on(db.tenant()), SkuId::new());
    let shelf = Shelf::new(db.store.clone());
    shelf.mark_sold_out(&scope, sku);
    // The first who asks goes on to the lane, to look; the test's clock stands still, so the others are turned away.
    shelf.turns_away(&scope, sku);
    criterion.bench_function("shelf_turns_away", |bench| {
        bench.iter(|| shelf.turns_away(black_box(&scope), black_box(sku)));
    });
    let skus: Vec<SkuId> = (0..20).map(|_| SkuId::new()).collect();
    criterion.bench_function("shelf_counts_of_20_from_memory", |bench| {
        bench.iter(|| runtime.block_on(shelf.counts(black_box(&scope), black_box(&skus))).expect("counts"));
    });
}

/// The two entries of an order, made and posted in the book of a batch.
fn ledger(criterion: &mut Criterion) {
    let tenant = TenantId::new();
    let (wallet, sites) = (Account::of(AccountKind::Wallet, Uuid::now_v7(), CNY), [Uuid::now_v7(), Uuid::now_v7()]);
    let funded = || {
        let mut book = Book::new(tenant);
        book.assume(wallet, 1_000_000_000);
        book
    };
    criterion.bench_function("ledger_posts_an_order", |bench| {
        bench.iter_batched_ref(
            funded,
            |book| {
                let [paid, delivered] = entries(Uuid::now_v7(), wallet, sites);
                book.post(paid).and_then(|_| book.post(delivered)).expect("the money is there")
            },
            BatchSize::SmallInput,
        );
    });
}

fn entries(order: Uuid, wallet: Account, [first, second]: [Uuid; 2]) -> [Entry; 2] {
    let posting = |account, minor| Posting { account, amount: Money::new(minor, CNY) };
    let own = |kind| Account::own(kind, CNY);
    let paid = [posting(wallet, -10_00), posting(own(AccountKind::OrderDeposits), 10_00)];
    let delivered = [
        posting(own(AccountKind::OrderDeposits), -10_00),
        posting(own(AccountKind::Revenue), 8_00),
        posting(Account::of(AccountKind::SitePending, first, CNY), 1_00),
        posting(Account::of(AccountKind::SitePending, second, CNY), 1_00),
        posting(own(AccountKind::CostOfGoods), -7_00),
        posting(own(AccountKind::StockAtCost), 7_00),
    ];
    [
        Entry::try_new(EntryKind::OrderPaid, order, "paid", paid).expect("balanced"),
        Entry::try_new(EntryKind::LineDelivered, order, "delivered:1", delivered).expect("balanced"),
    ]
}

criterion_group! { name = rooms; config = short(); targets = host, quote, shelf, ledger }
criterion_main!(rooms);
