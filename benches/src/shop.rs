//! A shop four sites deep with 256 rich customers, and the engine that sells from it.

use std::ops::Range;
use std::sync::Arc;

use catalog::{
    Audience, Catalog, CategoryDraft, Code, Formula, GoodsDraft, GoodsKind, OnSale, Prices, Reach, Rounding, RuleDraft,
    SiteLevel, SkuDraft, SkuId, Subject, Target, Terms, Whom,
};
use identity::{CustomerId, Customers, Login, LoginLimits, NewCustomer, PasswordHash, Passwords};
use inventory::{CardCode, Inventory, KeyRing, MasterKey, MasterKeys, NewCard, Picks};
use kernel::{Currency, Money, Rate, Secret, SiteId, SystemClock, TenantId, TenantScope, Wording};
use lane::{LaneSettings, Lanes};
use ledger::{Account, AccountKind, Book, Entry, EntryKind, Posting};
use order::{Brought, Buyer, Chain, Desk, OrderError, Orders, SoldBy, Wanted};
use payment::{Gateways, PaymentSettings, Payments, Till};
use risk::Limits;
use store::{Settings, Store, Time, WriteTx};
use tenancy::{Mode, NewSite, Slug, Tenancy, Theme};
use testkit::TestDb;
use tokio::sync::Mutex;
use uuid::Uuid;
use withdrawal::Teller;

use crate::callers::{Counter, Way};

pub(crate) const CNY: Currency = Currency::CNY;
const CUSTOMERS: usize = 256;
/// What one card costs, so that each sale takes it out of the stock.
pub(crate) const COST: Money = Money::new(7_00, CNY);
/// Cards of one import.
const IMPORT_MIN: u64 = 1_000;
const IMPORT_MAX: u64 = 20_000;
/// The invariant of the hash chain.
const CHAIN: u8 = 12;
/// The invariant of what an earner has, and when it falls due.
const EARNINGS: u8 = 9;
const CONNECTIONS: u32 = 32;
/// Customers of one transaction.
const INVITED_AT_ONCE: usize = 2_000;

/// The shop.
pub struct Shop {
    store: Store,
    scope: TenantScope,
    chain: Chain,
    sku: SkuId,
    unit: Money,
    customers: Vec<CustomerId>,
    inventory: Inventory,
    /// More customers, who were filled in.
    invited: Vec<CustomerId>,
    stock: Mutex<Stock>,
}

/// What was imported, and how much of it may be left.
#[derive(Default)]
struct Stock {
    imported: u64,
    left: u64,
}

impl Shop {
    /// Makes it in an empty database.
    pub async fn open(db: &TestDb) -> Self {
        let settings = Settings { time: Time::Database, connections_max: CONNECTIONS, ..db.settings.clone() };
        let store = Store::open(&settings).await.expect("the database opens");
        let inventory = Inventory::new(KeyRing::new(MasterKeys::only(MasterKey::generate())));
        Self::open_beside(db, (store, inventory), CUSTOMERS).await
    }

    /// Makes it as one more shop of a database, with so many customers.
    pub(crate) async fn open_beside(db: &TestDb, (store, inventory): (Store, Inventory), buyers: usize) -> Self {
        let scope = db.tenant().await;
        let tx = store.write(&scope).await.expect("a writer");
        let chain = chain(&store, &tx).await;
        let sku = sku(&store, &tx).await;
        for place in &chain {
            rules(&store, &tx, place.site).await;
        }
        tx.commit().await.expect("committed");
        let customers = customers(&store, &scope, (chain[3].site, &password().await), 0..buyers).await;
        let site = scope.site(chain[3].site);
        let quotes = Prices::new(store.clone()).quotes(&site, &chain, &Subject::default(), &[(sku, 1)]).await;
        let unit = quotes.expect("quoted").pop().and_then(|(_, quote)| quote.ok()).expect("a price").unit;
        Self { store, scope, chain, sku, unit, customers, inventory, invited: Vec::new(), stock: Mutex::default() }
    }

    /// Sees to it that `wanted` pieces can be sold now.
    pub async fn stock_up(&self, wanted: u64) {
        let mut stock = self.stock.lock().await;
        while stock.left < wanted {
            self.import(&mut stock, IMPORT_MAX.min(wanted.max(IMPORT_MIN))).await;
        }
        stock.left -= wanted;
    }

    /// Lays in exactly so many more pieces, all of them for sale.
    pub async fn lay_in(&self, pieces: u64) {
        let mut stock = self.stock.lock().await;
        self.import(&mut stock, pieces).await;
        stock.left -= pieces;
    }

    async fn import(&self, stock: &mut Stock, pieces: u64) {
        let first = stock.imported;
        let cards: Vec<NewCard> = (first..first + pieces).map(card).collect();
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let valued = inventory::Stock { unit_cost: Some(COST), ..inventory::Stock::from(self.sku) };
        self.inventory.import_in(&tx, valued, &cards).await.expect("imported");
        tx.commit().await.expect("committed");
        stock.imported += pieces;
        stock.left += pieces;
    }

    /// How many pieces are free, held and sold, as the database counts them.
    pub async fn counts(&self) -> inventory::StockCount {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        self.inventory.counts_in(&tx, &[self.sku]).await.expect("counts").remove(&self.sku).unwrap_or_default()
    }

    /// Sells one piece by the engine to the first customer; the order's id.
    pub(crate) async fn buy_by_engine(&self) -> Uuid {
        self.stock_up(1).await;
        let lanes = self.lanes();
        let order = self.place(&self.orders(&lanes), 0).await;
        lanes.stop().await;
        order
    }

    /// The tenant.
    pub(crate) const fn tenant(&self) -> TenantId {
        self.scope.id()
    }

    /// What it stands on, for another shop beside it.
    pub(crate) fn ground(&self) -> (Store, Inventory) {
        (self.store.clone(), self.inventory.clone())
    }

    /// What is sold.
    pub(crate) const fn sku(&self) -> Uuid {
        self.sku.uuid()
    }

    /// Each customer with his wallet.
    pub(crate) fn customers(&self) -> Vec<(Uuid, Uuid)> {
        self.customers.iter().map(|id| (id.uuid(), self.wallet(*id))).collect()
    }

    /// Each customer who was filled in with his wallet.
    pub(crate) fn invited(&self) -> Vec<(Uuid, Uuid)> {
        self.invited.iter().map(|id| (id.uuid(), self.wallet(*id))).collect()
    }

    fn wallet(&self, customer: CustomerId) -> Uuid {
        Account::of(AccountKind::Wallet, customer.uuid(), CNY).id(self.tenant()).uuid()
    }

    /// Lets that many more customers in, each with money; from then on it is they who buy.
    pub(crate) async fn invite(&mut self, count: usize) {
        let (first, hash) = (CUSTOMERS + self.invited.len(), password().await);
        for begin in (first..first + count).step_by(INVITED_AT_ONCE) {
            let numbers = begin..(begin + INVITED_AT_ONCE).min(first + count);
            self.invited.extend(customers(&self.store, &self.scope, (self.chain[3].site, &hash), numbers).await);
        }
    }

    /// Books cards into the stock's value that nobody imported: those of orders that are filled in.
    pub(crate) async fn value_stock(&self, cards: u32) {
        let value = COST.times(cards).expect("a bench is not so rich");
        let postings = [
            Posting { account: Account::own(AccountKind::StockAtCost, CNY), amount: Money::new(-value.minor(), CNY) },
            Posting { account: Account::own(AccountKind::Opening, CNY), amount: value },
        ];
        let act = format!("filled:{}", Uuid::now_v7());
        let entry = Entry::try_new(EntryKind::Adjustment, self.sku.uuid(), &act, postings).expect("balanced");
        let (tx, mut book) = (self.store.write(&self.scope).await.expect("a writer"), Book::new(self.scope.id()));
        book.post(entry.because("cards of filled orders")).expect("posted");
        book.write_in(&tx, Uuid::now_v7()).await.expect("written");
        tx.commit().await.expect("committed");
    }

    /// The database, the tenant and the site that sells.
    pub(crate) const fn rooms(&self) -> (&Store, &TenantScope, &Chain) {
        (&self.store, &self.scope, &self.chain)
    }

    pub(crate) fn lanes(&self) -> Lanes {
        let prices = Prices::new(self.store.clone());
        Lanes::new(self.store.clone(), LaneSettings::of(self.store.backend()), move |_| {
            vec![
                Box::new(Desk::new(prices.clone())),
                Box::new(Till::default()),
                Box::new(Teller::default()),
                Box::new(funds::Vault::default()),
                Box::new(Picks::default()),
            ]
        })
    }

    pub(crate) fn orders(&self, lanes: &Lanes) -> Orders {
        let settings = PaymentSettings { notify_base: "http://cashier.test".parse().expect("a URL") };
        let (store, inventory) = (self.store.clone(), self.inventory.clone());
        let payments = Payments::new(store.clone(), lanes.clone(), inventory.clone(), Gateways::default(), settings);
        Orders::new(store, lanes.clone(), inventory, payments)
    }

    pub(crate) async fn place(&self, orders: &Orders, caller: usize) -> Uuid {
        self.attempt(orders, caller).await.unwrap_or_else(|error| panic!("an order was refused: {error}"))
    }

    /// One piece for a customer, if there is one.
    async fn attempt(&self, orders: &Orders, caller: usize) -> Result<Uuid, OrderError> {
        let wanted = vec![Wanted::new(self.sku, 1, self.unit)];
        let (site, key) = (self.scope.site(self.chain[3].site), Uuid::now_v7().to_string());
        let customers = if self.invited.is_empty() { &self.customers } else { &self.invited };
        let customer = customers[caller % customers.len()];
        // No limit is switched off: 256 accounts stand for as many as such a day would have.
        let limits = Limits { orders_per_account_and_day: u32::MAX, ..Limits::default() };
        let shop = SoldBy { chain: self.chain.clone(), currency: CNY, limits, brought: Brought::Nobody };
        let bought = orders.place(&site, shop, Buyer::account(customer), wanted, &key).await?;
        Ok(bought.answer.order.uuid())
    }

    /// What does not hold after selling this way. The naive way writes no hash chain, and as it writes an order that was
    /// recorded, its margins fall due as on the day of the recording: another one, if midnight lies between.
    pub async fn breaches(&self, way: Way) -> Vec<String> {
        let tx = self.store.snapshot(&self.scope).await.expect("a reader");
        let ledger = ledger::audit_in(&tx).await.expect("an audit");
        let stock = inventory::audit_in(&tx).await.expect("an audit");
        let orders = order::audit_in(&tx, &stock).await.expect("an audit");
        let is_told = |invariant: u8| way == Way::Lane || invariant != CHAIN;
        let ledger =
            ledger.breaches.into_iter().filter(|breach| is_told(breach.invariant)).map(|breach| breach.finding);
        let orders = orders.breaches.into_iter().filter(|(invariant, _)| way == Way::Lane || *invariant != EARNINGS);
        let orders = orders.map(|(_, finding)| finding);
        ledger.chain(stock.breaches).chain(orders).collect()
    }
}

/// A counter that sells by the lane.
pub struct Engine {
    shop: Arc<Shop>,
    lanes: Lanes,
    orders: Orders,
}

impl Engine {
    /// Opens it over the shop's database.
    pub fn open(shop: &Arc<Shop>) -> Self {
        let lanes = shop.lanes();
        Self { shop: Arc::clone(shop), orders: shop.orders(&lanes), lanes }
    }

    /// Carries out what is queued, and ends.
    pub async fn stop(&self) {
        self.lanes.stop().await;
    }
}

impl Engine {
    /// What else is asked of orders.
    pub(crate) const fn orders(&self) -> &Orders {
        &self.orders
    }

    /// One piece for a caller, or why he gets none.
    pub(crate) async fn attempt(&self, caller: usize) -> Result<Uuid, OrderError> {
        self.shop.attempt(&self.orders, caller).await
    }
}

impl Counter for Engine {
    async fn buy(&self, caller: usize) {
        self.shop.place(&self.orders, caller).await;
    }
}

pub(crate) fn card(number: u64) -> NewCard {
    NewCard { code: CardCode::parse(&format!("BENCH-{number}")).expect("a code"), expires_at: None }
}

/// A site as plain as can be.
pub(crate) fn site(slug: Slug, parent: Option<Slug>) -> NewSite {
    NewSite {
        slug,
        parent,
        name: Wording::new("店", "Shop"),
        tagline: Wording::default(),
        notice: Wording::default(),
        theme: Theme::Grove,
        mode: Mode::Auto,
        level: None,
        support: None,
        limits: None,
    }
}

async fn chain(store: &Store, tx: &WriteTx<TenantScope>) -> Chain {
    let tenancy = Tenancy::new(store.clone());
    let mut chain = Vec::new();
    let mut parent: Option<Slug> = None;
    for level in 0..4 {
        let slug = Slug::parse(&format!("level-{level}")).expect("a slug");
        let new = site(slug.clone(), parent.replace(slug));
        let site = tenancy.save_site_in(tx, &new).await.expect("a site").id();
        chain.push(SiteLevel { site, level: None });
    }
    chain
}

async fn sku(store: &Store, tx: &WriteTx<TenantScope>) -> SkuId {
    let catalog = Catalog::new(store.clone());
    let code = |text: &str| Code::parse(text).expect("a code");
    let category = CategoryDraft { code: code("games"), name: Wording::new("游戏", "Games"), sort: 1 };
    let (category, _) = catalog.save_category_in(tx, &category).await.expect("a category");
    let goods = GoodsDraft {
        refunds: Default::default(),
        site_levels: Vec::new(),
        code: code("starfall"),
        category,
        kind: GoodsKind::Card,
        fulfilment: catalog::Fulfilment::default(),
        state: OnSale::On,
        title: Wording::new("星陨点券", "Starfall credits"),
        description: Wording::default(),
        art: None,
        sort: 1,
    };
    let (goods, _) = catalog.save_goods_in(tx, &goods).await.expect("goods");
    let sku = SkuDraft {
        code: code("starfall-100"),
        goods,
        state: OnSale::On,
        name: Wording::new("100 点", "100 credits"),
        face_value: None,
        cost: COST,
        price: Money::new(8_00, CNY),
        quantity_max: 100,
        sort: 1,
    };
    catalog.save_sku_in(tx, &sku).await.expect("a sku").0
}

/// Every site adds two per cent for the sites below and five for buyers.
pub(crate) async fn rules(store: &Store, tx: &WriteTx<TenantScope>, site: SiteId) {
    for (audience, ppm) in [(Audience::Wholesale, 20_000), (Audience::Retail, 50_000)] {
        let reach = Reach {
            audience,
            whom: Whom::Everyone,
            target: Target::Site,
            quantity_min: 1,
            valid_from: None,
            valid_until: None,
        };
        let formula = Formula::Percent { rate: Rate::from_ppm(ppm) };
        let draft = RuleDraft { site, reach, terms: Terms::Price { formula, rounding: Rounding::None } };
        Catalog::new(store.clone()).save_rule_in(tx, &draft).await.expect("a rule");
    }
}

/// What every customer logs in with.
pub(crate) const PASSWORD: &str = "a long password";

/// It, as it is kept.
pub(crate) async fn password() -> PasswordHash {
    Passwords::new().hash(&Secret::new(PASSWORD.to_owned())).await.expect("hashed")
}

/// What a customer of this number logs in with.
pub(crate) fn login(number: usize) -> String {
    format!("buyer-{number}@bench.test")
}

/// Customers of these numbers, each with the same password and much money.
pub(crate) async fn customers(
    store: &Store,
    scope: &TenantScope,
    (site, password_hash): (SiteId, &PasswordHash),
    numbers: Range<usize>,
) -> Vec<CustomerId> {
    let service = Customers::new(store.clone(), Passwords::new(), LoginLimits::new(Arc::new(SystemClock)));
    let tx = store.write(scope).await.expect("a writer");
    let mut ids = Vec::new();
    let mut book = Book::new(scope.id());
    for number in numbers {
        let login = Login::parse(&login(number)).expect("a login");
        let new = NewCustomer { site, login, name: "Buyer".to_owned(), password_hash: password_hash.clone() };
        let id = service.save_in(&tx, &new).await.expect("a customer").id();
        let money = Money::new(100_000_000, CNY);
        let postings = [
            Posting { account: Account::of(AccountKind::Wallet, id.uuid(), CNY), amount: money },
            Posting { account: Account::own(AccountKind::Opening, CNY), amount: Money::new(-money.minor(), CNY) },
        ];
        let entry = Entry::try_new(EntryKind::Adjustment, id.uuid(), "opening", postings).expect("balanced");
        book.post(entry.because("opening balance of the bench")).expect("posted");
        ids.push(id);
    }
    book.write_in(&tx, Uuid::now_v7()).await.expect("written");
    tx.commit().await.expect("committed");
    ids
}
