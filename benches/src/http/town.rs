//! A database full of shops, with buyers who are logged in.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use catalog::{
    Catalog, CategoryDraft, Code, Fulfilment, GoodsDraft, GoodsKind, OnSale, Prices, SiteLevel, SkuDraft, SkuId,
    Subject,
};
use identity::{CustomerId, PasswordHash, Token};
use inventory::{CardCode, Inventory, KeyRing, MasterKey, MasterKeys, NewCard};
use kernel::{Money, Secret, SiteId, TenantScope, Wording, hex};
use lane::{LaneSettings, Lanes};
use order::Chain;
use payment::{Gateways, NewChannel, PaymentSettings, Payments, PublicChannel};
use risk::Limits;
use sea_orm::{ConnectionTrait, Statement};
use sha2::{Digest, Sha256};
use store::{Backend, Owner, Settings, Store, Time, WriteTx};
use tenancy::{Host, Mode, NewSite, Slug, Tenancy, Theme};
use testkit::TestDb;
use uuid::Uuid;

use super::drive::Zipf;
use crate::database::durable;
use crate::shop::{CNY, COST, customers, login, password, rules};

/// The host that gateways report to.
pub(crate) const CASHIER: &str = "cashier.localhost";
/// Sites from the main one down to the one that sells, as in the engine's figures.
const DEPTH: usize = 4;
const CATEGORIES: usize = 3;
const GOODS: usize = 12;
const IMPORT_MAX: u64 = 10_000;
/// Statements behind the rooms' backs name so many rows at a time.
const ROWS_MAX: usize = 200;

/// How large a town is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Tenants, each with a shop four sites deep.
    pub tenants: usize,
    /// Buyers of each shop, with a wallet and a session each.
    pub buyers: usize,
}

/// A shop as its buyers know it, and its gateway.
#[derive(Debug, Clone)]
pub(crate) struct Stall {
    pub scope: TenantScope,
    pub host: String,
    /// What there is plenty of.
    pub sku: String,
    /// What there are a few of.
    pub rare: String,
    /// What a piece of either costs here.
    pub unit: Money,
    pub goods: Vec<String>,
    pub categories: Vec<String>,
    pub sessions: Vec<String>,
    pub channel: String,
    pub notify: String,
    pub payee: String,
    pub secret: [u8; 32],
    skus: (SkuId, SkuId),
}

impl Stall {
    /// What a buyer logs in with.
    pub fn login(&self, buyer: usize) -> String {
        login(buyer)
    }
}

/// A town, and the database that it is in.
pub struct Town {
    db: TestDb,
    store: Store,
    inventory: Inventory,
    master: Secret<String>,
    stalls: Arc<Vec<Stall>>,
    cards: AtomicU64,
    loads: AtomicU64,
}

impl Town {
    /// Builds one in an empty database.
    pub async fn build(backend: Backend, size: Size) -> Self {
        Self::build_in(durable(backend).await, size).await
    }

    pub(crate) async fn build_in(db: TestDb, size: Size) -> Self {
        let settings = Settings { time: Time::Database, connections_max: 4, ..db.settings.clone() };
        let store = Store::open(&settings).await.expect("the database opens");
        let key = MasterKey::generate();
        let (master, inventory) = (key.export(), Inventory::new(KeyRing::new(MasterKeys::only(key))));
        let password_hash = password().await;
        let builder = Builder { db: &db, store: &store, inventory: &inventory, password_hash };
        let mut stalls = Vec::with_capacity(size.tenants);
        for number in 0..size.tenants {
            stalls.push(builder.stall(number, size.buyers).await);
        }
        let stalls = Arc::new(stalls);
        Self { db, store, inventory, master, stalls, cards: AtomicU64::new(0), loads: AtomicU64::new(0) }
    }

    /// Lays in cards for so many orders of the whole town, and some more for chance. Not beside a program that serves a
    /// SQLite file: that is its own.
    pub async fn stock_up(&self, orders: u64) {
        let zipf = Zipf::of(self.stalls.len());
        for (place, stall) in self.stalls.iter().enumerate() {
            let share = orders.saturating_mul(zipf.share_ppm(place)) / 1_000_000;
            self.lay_in(stall, stall.skus.0, share + share / 4 + 64).await;
        }
    }

    /// Lays in so many of what is rare in the first shop.
    pub async fn stock_rare(&self, pieces: u64) {
        self.lay_in(&self.stalls[0], self.stalls[0].skus.1, pieces).await;
    }

    async fn lay_in(&self, stall: &Stall, sku: SkuId, mut pieces: u64) {
        while pieces > 0 {
            let part = pieces.min(IMPORT_MAX);
            let first = self.cards.fetch_add(part, Ordering::Relaxed);
            let cards = (first..first + part).map(|number| {
                let code = CardCode::parse(&format!("TOWN-{number}")).expect("a code");
                NewCard { code, expires_at: None }
            });
            let tx = self.store.write(&stall.scope).await.expect("a writer");
            let valued = inventory::Stock { unit_cost: Some(COST), ..inventory::Stock::from(sku) };
            self.inventory.import_in(&tx, valued, &cards.collect::<Vec<_>>()).await.expect("imported");
            tx.commit().await.expect("committed");
            pieces -= part;
        }
    }

    /// What does not hold in any of its shops.
    pub async fn breaches(&self) -> Vec<String> {
        let mut all = Vec::new();
        for stall in self.stalls.iter() {
            let tx = self.store.snapshot(&stall.scope).await.expect("a reader");
            let ledger = ledger::audit_in(&tx).await.expect("an audit");
            let stock = inventory::audit_in(&tx).await.expect("an audit");
            let orders = order::audit_in(&tx, &stock).await.expect("an audit");
            all.extend(ledger.breaches.into_iter().map(|breach| breach.finding));
            all.extend(stock.breaches);
            all.extend(orders.breaches.into_iter().map(|(_, finding)| finding));
        }
        all
    }

    /// Rows of a table that fit the condition, of all shops.
    pub async fn count(&self, table: &str, condition: &str) -> u64 {
        let sql = format!("SELECT COUNT(*) AS rows FROM {table} WHERE {condition}");
        if self.db.backend == Backend::Postgres {
            return self.db.psql(&sql).parse().expect("a number");
        }
        let owner = Owner::open(&self.db.owner_url).await.expect("the file opens");
        let connection = owner.connection();
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        let row = connection.query_one_raw(statement).await.expect("counted").expect("a row");
        let rows: i64 = row.try_get("", "rows").expect("a number");
        owner.close().await.expect("the file closes");
        u64::try_from(rows).expect("not below zero")
    }

    /// Waits until so many rows fit the condition; how many there are in the end.
    pub(crate) async fn await_count(&self, (table, condition): (&str, &str), least: u64, patience: Duration) -> u64 {
        let began = Instant::now();
        loop {
            let count = self.count(table, condition).await;
            if count >= least || began.elapsed() > patience {
                return count;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Tells the planner how large tables have become. PostgreSQL does so by itself after a while (`autovacuum_naptime`,
    /// 15 s in our example), and a load here is over before.
    pub async fn tell_planner(&self) {
        if self.db.backend == Backend::Postgres {
            self.db.tamper("ANALYZE").await.expect("the planner listens");
        }
    }

    /// Which database it is in.
    pub const fn backend(&self) -> Backend {
        self.db.backend
    }

    pub(crate) fn stalls(&self) -> Arc<Vec<Stall>> {
        Arc::clone(&self.stalls)
    }

    /// A name for a load that no other one of this town has.
    pub(crate) fn run(&self) -> String {
        format!("load-{}", self.loads.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.db.folder()
    }

    pub(crate) const fn database(&self) -> &Settings {
        &self.db.settings
    }

    pub(crate) fn master_key(&self) -> String {
        self.master.expose().clone()
    }
}

fn code(text: &str) -> Code {
    Code::parse(text).expect("a code")
}

struct Builder<'t> {
    db: &'t TestDb,
    store: &'t Store,
    inventory: &'t Inventory,
    password_hash: PasswordHash,
}

impl Builder<'_> {
    async fn stall(&self, number: usize, buyers: usize) -> Stall {
        let scope = self.db.tenant().await;
        let host = format!("shop-{number}.bench.test");
        let tx = self.store.write(&scope).await.expect("a writer");
        let chain = self.chain(&tx, &host).await;
        let (categories, goods, skus) = self.goods(&tx).await;
        for place in &chain {
            rules(self.store, &tx, place.site).await;
        }
        let (channel, payee, secret) = self.channel(&tx, chain[0].site, number).await;
        tx.commit().await.expect("committed");
        let (seller, subject) = (scope.site(chain[DEPTH - 1].site), Subject::default());
        let quotes = Prices::new(self.store.clone()).quotes(&seller, &chain, &subject, &[(skus.0, 1)]).await;
        let unit = quotes.expect("quoted").pop().and_then(|(_, quote)| quote.ok()).expect("a price").unit;
        let ids = customers(self.store, &scope, (seller.site(), &self.password_hash), 0..buyers).await;
        let sessions = self.sessions(&scope, seller.site(), &ids).await;
        let (sku, rare) = (skus.0.to_string(), skus.1.to_string());
        let notify = format!("/pay/notify/sandbox/{}", PublicChannel::new(scope.id(), channel));
        let channel = channel.to_string();
        Stall { scope, host, sku, rare, unit, goods, categories, sessions, channel, notify, payee, secret, skus }
    }

    async fn chain(&self, tx: &WriteTx<TenantScope>, host: &str) -> Chain {
        let tenancy = Tenancy::new(self.store.clone());
        // A few hundred accounts stand for as many as such a day would have.
        let limits = Limits {
            open_orders_per_visitor: u32::MAX,
            open_orders_per_contact: u32::MAX,
            open_orders_per_address: u32::MAX,
            orders_per_address_and_minute: u32::MAX,
            orders_per_account_and_day: u32::MAX,
            ..Limits::default()
        };
        let (mut chain, mut parent) = (Chain::new(), None);
        for depth in 0..DEPTH {
            let slug = Slug::parse(&format!("level-{depth}")).expect("a slug");
            let new = NewSite {
                slug: slug.clone(),
                parent: parent.replace(slug),
                name: Wording::new("店", "Shop"),
                tagline: Wording::new("卡密即时发货", "Codes at once"),
                notice: Wording::default(),
                theme: Theme::Grove,
                mode: Mode::Auto,
                level: None,
                support: None,
                limits: Some(limits.text()),
            };
            let site = tenancy.save_site_in(tx, &new).await.expect("a site").id();
            chain.push(SiteLevel { site, level: None });
        }
        let host = Host::parse(host).expect("a host");
        tenancy.save_host_in(tx, &host, chain[DEPTH - 1].site).await.expect("a host");
        chain
    }

    /// Categories, goods, and of the first goods what there is plenty of and what is rare.
    async fn goods(&self, tx: &WriteTx<TenantScope>) -> (Vec<String>, Vec<String>, (SkuId, SkuId)) {
        let catalog = Catalog::new(self.store.clone());
        let (mut categories, mut goods, mut skus) = (Vec::new(), Vec::new(), Vec::new());
        let mut ids = Vec::new();
        for number in 0..CATEGORIES {
            let draft =
                CategoryDraft {
                    code: code(&format!("games-{number}")), name: Wording::new("游戏", "Games"), sort: 1
                };
            categories.push(draft.code.to_string());
            ids.push(catalog.save_category_in(tx, &draft).await.expect("a category").0);
        }
        for number in 0..GOODS {
            let draft = GoodsDraft {
                refunds: Default::default(),
                site_levels: Vec::new(),
                code: code(&format!("credits-{number}")),
                category: ids[number % CATEGORIES],
                kind: GoodsKind::Card,
                fulfilment: Fulfilment::default(),
                state: OnSale::On,
                title: Wording::new("点券", "Game credits"),
                description: Wording::new("付款后立即显示卡密。", "The code is shown as soon as it is paid."),
                art: None,
                sort: 1,
            };
            goods.push(draft.code.to_string());
            let own = catalog.save_goods_in(tx, &draft).await.expect("goods").0;
            for size in [100, 500] {
                let draft = SkuDraft {
                    code: code(&format!("credits-{number}-{size}")),
                    goods: own,
                    state: OnSale::On,
                    name: Wording::new("点", "credits"),
                    face_value: None,
                    cost: COST,
                    price: Money::new(8_00, CNY),
                    quantity_max: 100,
                    sort: 1,
                };
                skus.push(catalog.save_sku_in(tx, &draft).await.expect("a sku").0);
            }
        }
        (categories, goods, (skus[0], skus[1]))
    }

    async fn channel(
        &self,
        tx: &WriteTx<TenantScope>,
        site: SiteId,
        number: usize,
    ) -> (payment::ChannelId, String, [u8; 32]) {
        let lanes = Lanes::new(self.store.clone(), LaneSettings::of(self.store.backend()), |_| Vec::new());
        let settings = PaymentSettings { notify_base: format!("http://{CASHIER}").parse().expect("a URL") };
        let payments = Payments::new(self.store.clone(), lanes, self.inventory.clone(), Gateways::default(), settings);
        let (payee, secret) = (format!("m_bench_{number}"), random());
        let new = NewChannel {
            site,
            provider: "sandbox".to_owned(),
            name: Wording::new("沙箱", "Sandbox"),
            payee: payee.clone(),
            currency: CNY,
            settings: serde_json::json!({}),
            secret: Some(Secret::new(hex(&secret))),
            sort: 1,
        };
        (payments.save_channel_in(tx, &new).await.expect("a channel").id(), payee, secret)
    }

    /// A session for each, as a log-in leaves it behind: hundreds of passwords would take longer than the measurement.
    async fn sessions(&self, scope: &TenantScope, site: SiteId, buyers: &[CustomerId]) -> Vec<String> {
        let is_postgres = self.db.backend == Backend::Postgres;
        let uuid = |id: Uuid| match is_postgres {
            true => format!("'{id}'::uuid"),
            false => format!("x'{}'", id.simple()),
        };
        let mut tokens = Vec::with_capacity(buyers.len());
        for part in buyers.chunks(ROWS_MAX) {
            let mut rows = Vec::with_capacity(part.len());
            for buyer in part {
                let token = Token::new();
                let hash = hex(&token.hash());
                let hash = if is_postgres { format!("'\\x{hash}'::bytea") } else { format!("x'{hash}'") };
                let (tenant, site, buyer) = (uuid(scope.id().uuid()), uuid(site.uuid()), uuid(buyer.uuid()));
                rows.push(format!(
                    "({tenant}, {site}, {hash}, {buyer}, '2026-01-01T00:00:00+00:00', '2099-01-01T00:00:00+00:00')"
                ));
                tokens.push(token.text().expose().clone());
            }
            let sql = format!(
                "INSERT INTO customer_sessions (tenant_id, site_id, token_hash, customer_id, created_at, expires_at) \
                 VALUES {}",
                rows.join(", ")
            );
            self.db.tamper(&sql).await.unwrap_or_else(|error| panic!("no sessions: {error}"));
        }
        tokens
    }
}

/// 32 bytes that nobody else has.
fn random() -> [u8; 32] {
    Sha256::digest(Token::new().text().expose().as_bytes()).into()
}
