//! Two main sites, each with a sub-site; goods with two SKUs, cards for the first; a customer with money; a browser.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use catalog::{
    Audience, Catalog, CategoryDraft, Code, Formula, GoodsDraft, GoodsKind, OnSale, Prices, Reach, Rounding, RuleDraft,
    SkuDraft, SkuId, Target, Terms, Whom,
};
use commission::Agents;
use funds::{Funds, Vault};
use identity::{CustomerId, Customers, Login, LoginLimits, NewCustomer, Passwords};
use inventory::{CardCode, Inventory, KeyRing, MasterKey, MasterKeys, NewCard, Picks};
use kernel::{Currency, Money, Platform, Secret, SiteId, TenantId, TenantScope, Wording};
use lane::{LaneSettings, Lanes};
use ledger::{Account, AccountKind, Book, Entry, EntryKind, Posting};
use order::{Desk, Lookups, OrderId, Orders, Receipt};
use payment::{Attempt, ChannelId, Gateways, NewChannel, PaymentSettings, Payments, Till};
use store::{Tx, WriteTx};
use tenancy::{Host, Mode, NewSite, NewTenant, Seller, Slug, Tenancy, Theme};
use testkit::TestDb;
use uuid::Uuid;
use web::{Bounds, Kit, Proxies};

use super::browser::Browser;
use super::gateway::{Counterfeit, seen};
use crate::{DemoPage, DemoSite, Settings, StorefrontState};

pub const PASSWORD: &str = "a long password";
pub const MAIN: &str = "grove.example.com";
pub const SUB: &str = "sub.grove.example.com";
pub const OTHER: &str = "other.example.com";
pub const CASHIER: &str = "http://cashier.example.com:8080";
/// What a guest finds his orders by.
pub const CONTACT: &str = "guest@example.com";
pub const QUERY_PASSWORD: &str = "ocean";

pub fn yuan(text: &str) -> Money {
    Money::parse(text, Currency::CNY).expect("an amount")
}

fn words(zh: &str, en: &str) -> Wording {
    Wording::new(zh, en)
}

/// The whole installation of a test.
pub struct Town {
    pub state: StorefrontState,
    pub grove: Tenant,
    pub gateway: Counterfeit,
    pub clock: kernel::FakeClock,
    router: Router,
}

/// One main site with its sub-site.
pub struct Tenant {
    pub scope: TenantScope,
    pub sku: SkuId,
    pub empty_sku: SkuId,
    pub customer: CustomerId,
    pub sites: [SiteId; 2],
    pub channel: ChannelId,
}

impl Town {
    pub async fn open(db: &TestDb) -> Self {
        Self::open_with(db, Bounds::default(), words("星陨点券", "Starfall")).await
    }

    pub async fn open_with(db: &TestDb, bounds: Bounds, title: Wording) -> Self {
        let store = db.store.clone();
        let passwords = Passwords::new();
        let limits = LoginLimits::new(Arc::new(db.clock.clone()));
        let gateway = Counterfeit::default();
        let inventory = Inventory::new(KeyRing::new(MasterKeys::only(MasterKey::generate())));
        let prices = Prices::new(store.clone());
        let lanes = lanes(&store, &prices);
        let proxies = Proxies::parse(["10.0.0.0/8"]).expect("a network");
        let demo = DemoPage { sites: vec![demo_site()], logins: Vec::new(), note: None };
        let payments = PaymentSettings { notify_base: CASHIER.parse().expect("a URL") };
        let gateways = Gateways::default().with(gateway.clone());
        let payments = Payments::new(store.clone(), lanes.clone(), inventory.clone(), gateways, payments);
        let orders = Orders::new(store.clone(), lanes.clone(), inventory.clone(), payments);
        let state = StorefrontState {
            tenancy: Tenancy::new(store.clone()),
            catalog: Catalog::new(store.clone()),
            prices,
            inventory: inventory.clone(),
            agents: Agents::new(store.clone()),
            lookups: Lookups::new(orders.clone(), passwords.clone()),
            funds: Funds::new(store.clone(), lanes, inventory.clone()),
            orders,
            customers: Customers::new(store.clone(), passwords, limits.clone()),
            limits,
            store,
            settings: Settings {
                kit: Kit::new(proxies, bounds),
                cashier: CASHIER.parse().expect("a URL"),
                demo: Some(Arc::new(demo)),
            },
        };
        let grove = tenant(&state, "grove", [MAIN, SUB], &title).await;
        tenant(&state, "other", [OTHER, "sub.other.example.com"], &title).await;
        state.tenancy.reload().await.expect("the host table");
        let router = crate::router(state.clone());
        Self { state, grove, gateway, clock: db.clock.clone(), router }
    }

    /// A browser that has not been here.
    pub fn browser(&self, host: &'static str) -> Browser {
        self.browser_of(self.router.clone(), host)
    }

    /// A browser that asks another server.
    pub fn browser_of(&self, router: Router, host: &'static str) -> Browser {
        Browser { router, host, cookies: BTreeMap::new() }
    }

    /// A browser whose customer is logged in.
    pub async fn buyer(&self, host: &'static str) -> Browser {
        let mut browser = self.browser(host);
        let answer = browser.post("/login", &[("login", "lin@example.com"), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        browser
    }

    /// Does something in a writing transaction of the grove.
    pub async fn write<T>(&self, work: impl AsyncFnOnce(&WriteTx<TenantScope>) -> T) -> T {
        let tx = self.state.store.write(&self.grove.scope).await.expect("a writer");
        let done = work(&tx).await;
        tx.commit().await.expect("committed");
        done
    }

    pub async fn set_price(&self, price: &str) {
        let tx = self.state.store.read(&self.grove.scope).await.expect("a reader");
        let sku = self.state.catalog.sku_in(&tx, self.grove.sku).await.expect("read").expect("a SKU");
        drop(tx);
        let draft = SkuDraft {
            code: sku.code,
            goods: sku.goods,
            state: sku.state,
            name: sku.name,
            face_value: sku.face_value,
            cost: sku.cost,
            price: yuan(price),
            quantity_max: sku.quantity_max,
            sort: sku.sort,
        };
        self.write(async |tx| self.state.catalog.save_sku_in(tx, &draft).await.expect("saved")).await;
    }

    /// Puts one more SKU of its own goods on sale, at 10.00.
    pub async fn add_goods(&self, name: &str, kind: GoodsKind, form: catalog::Form) -> SkuId {
        let catalog = &self.state.catalog;
        self.write(async |tx| {
            let games = CategoryDraft { code: code("games"), name: words("游戏", "Games"), sort: 1 };
            let (category, _) = catalog.save_category_in(tx, &games).await.expect("a category");
            let goods = GoodsDraft {
                refunds: Default::default(),
                site_levels: Vec::new(),
                code: code(name),
                category,
                kind,
                fulfilment: catalog::Fulfilment { form, within_hours: 12 },
                state: OnSale::On,
                title: words(name, name),
                description: words("", ""),
                art: None,
                sort: 2,
            };
            let (goods, _) = catalog.save_goods_in(tx, &goods).await.expect("goods");
            let sku = SkuDraft {
                code: code(&format!("{name}-1")),
                goods,
                state: OnSale::On,
                name: words("一份", "One"),
                face_value: None,
                cost: yuan("7.00"),
                price: yuan("10.00"),
                quantity_max: 5,
                sort: 1,
            };
            catalog.save_sku_in(tx, &sku).await.expect("a SKU").0
        })
        .await
    }

    pub async fn set_tenant_state(&self, state: tenancy::TenantState) {
        self.write(async |tx| self.state.tenancy.set_tenant_state_in(tx, state).await.expect("set")).await;
        self.state.tenancy.reload().await.expect("the host table");
    }

    pub async fn set_site_state(&self, site: usize, state: tenancy::SiteState) {
        let site = self.grove.sites[site];
        self.write(async |tx| self.state.tenancy.set_site_state_in(tx, site, state).await.expect("set")).await;
        self.state.tenancy.reload().await.expect("the host table");
    }

    /// All tries to pay an order of the grove, the oldest first.
    pub async fn attempts(&self, order: &str) -> Vec<Attempt> {
        let intent = Orders::intent_of(OrderId::parse(order).expect("an order's number"));
        self.state.orders.payments().attempts_of(&self.grove.scope, intent).await.expect("attempts")
    }

    /// The money of the order's last try arrives.
    pub async fn pay(&self, order: &str) -> Receipt {
        let attempt = self.attempts(order).await.pop().expect("a try to pay");
        self.pay_amount(order, attempt.amount).await
    }

    /// Money of another amount arrives for the order's last try.
    pub async fn pay_amount(&self, order: &str, amount: Money) -> Receipt {
        let attempt = self.attempts(order).await.pop().expect("a try to pay");
        let seen = seen(attempt.channel, attempt.out_no, amount);
        self.state.orders.receive(&self.grove.scope, seen).await.expect("received")
    }

    /// Opens a second channel of the main site.
    pub async fn open_second_channel(&self) -> ChannelId {
        let payments = self.state.orders.payments();
        let second = channel(self.grove.sites[0], "merchant-second", "另一种支付");
        self.write(async |tx| payments.save_channel_in(tx, &second).await.expect("a channel").id()).await
    }

    /// Opens a channel of the sub-site's own.
    pub async fn open_own_channel(&self) -> ChannelId {
        let payments = self.state.orders.payments();
        let own = channel(self.grove.sites[1], "merchant-sub", "本店收款");
        self.write(async |tx| payments.save_channel_in(tx, &own).await.expect("a channel").id()).await
    }

    pub async fn wallet(&self) -> Money {
        let tx = self.state.store.read(&self.grove.scope).await.expect("a reader");
        let wallet = Account::of(AccountKind::Wallet, self.grove.customer.uuid(), Currency::CNY);
        ledger::balances_in(&tx, &[wallet]).await.expect("a balance")[0]
    }

    /// Puts money into the customer's wallet, a moment after the last time.
    pub async fn give(&self, amount: &str) {
        self.fund(AccountKind::Wallet, self.grove.customer.uuid(), amount).await;
    }

    /// Puts money into an account of the grove, a moment after the last time.
    pub async fn fund(&self, kind: AccountKind, owner: Uuid, amount: &str) {
        self.clock.advance(chrono::TimeDelta::seconds(1));
        self.fund_now(kind, owner, amount).await;
    }

    /// The same at this very moment.
    pub async fn fund_now(&self, kind: AccountKind, owner: Uuid, amount: &str) {
        let amount = yuan(amount);
        self.write(async |tx| give(tx, (kind, owner), amount, &Uuid::now_v7().to_string()).await).await;
    }

    pub async fn reveals(&self, order: &str) -> u64 {
        let tx = self.state.store.read(&self.grove.scope).await.expect("a reader");
        let id = order::OrderId::parse(order).expect("an order's number");
        self.state.orders.reveals_in(&tx, id).await.expect("counted")
    }
}

fn lanes(store: &store::Store, prices: &Prices) -> Lanes {
    let prices = prices.clone();
    Lanes::new(store.clone(), LaneSettings::of(store.backend()), move |_| {
        vec![
            Box::new(Picks::default()),
            Box::new(Desk::new(prices.clone())),
            Box::new(Till::new()),
            Box::new(Vault::default()),
        ]
    })
}

fn demo_site() -> DemoSite {
    let text = |text: &str| text.to_owned();
    DemoSite { name: text("Grove"), url: text("http://grove.example.com"), level: text("main"), theme: text("grove") }
}

pub fn code(text: &str) -> Code {
    Code::parse(text).expect("a code")
}

async fn tenant(state: &StorefrontState, slug: &str, hosts: [&str; 2], title: &Wording) -> Tenant {
    let scope = Platform::assume().tenant(TenantId::new());
    let hash = Passwords::new().hash(&Secret::new(PASSWORD.to_owned())).await.expect("hashed");
    let tx = state.store.write(&scope).await.expect("a writer");
    let new = NewTenant {
        slug: Slug::parse(slug).expect("a slug"),
        name: slug.to_owned(),
        currency: Currency::CNY,
        region: "CN".to_owned(),
        seller: Seller { name: "Grove Ltd".to_owned(), licence: None },
    };
    state.tenancy.save_tenant_in(&tx, &new).await.expect("a tenant");
    let sites = sites(state, &tx, hosts).await;
    let (sku, empty_sku) = goods(state, &tx, title).await;
    markup_of_sub(state, &tx, sites[1]).await;
    let new = NewCustomer {
        site: sites[0],
        login: Login::parse("lin@example.com").expect("a login"),
        name: "Lin".to_owned(),
        password_hash: hash,
    };
    let customer = state.customers.save_in(&tx, &new).await.expect("a customer").id();
    let cards: Vec<NewCard> = (0..12)
        .map(|n| NewCard { code: CardCode::parse(&format!("CODE-{slug}-{n}")).expect("a code"), expires_at: None })
        .collect();
    state.inventory.import_in(&tx, sku, &cards).await.expect("imported");
    give(&tx, (AccountKind::Wallet, customer.uuid()), yuan("100.00"), "opening").await;
    let main = channel(sites[0], &format!("merchant-{slug}"), "沙箱支付");
    let channel = state.orders.payments().save_channel_in(&tx, &main).await.expect("a channel").id();
    tx.commit().await.expect("committed");
    Tenant { scope, sku, empty_sku, customer, sites, channel }
}

fn channel(site: SiteId, payee: &str, name: &str) -> NewChannel {
    NewChannel {
        site,
        provider: "sandbox".to_owned(),
        name: words(name, "Sandbox"),
        payee: payee.to_owned(),
        currency: Currency::CNY,
        settings: serde_json::json!({}),
        secret: None,
        sort: 1,
    }
}

async fn sites(state: &StorefrontState, tx: &WriteTx<TenantScope>, hosts: [&str; 2]) -> [SiteId; 2] {
    let mut ids = Vec::new();
    for (slug, parent, host) in [("main", None, hosts[0]), ("sub", Some("main"), hosts[1])] {
        let new = NewSite {
            slug: Slug::parse(slug).expect("a slug"),
            parent: parent.map(|slug| Slug::parse(slug).expect("a slug")),
            name: words("树林数卡", "Grove Cards"),
            tagline: words("", ""),
            notice: words("", ""),
            theme: Theme::Grove,
            mode: Mode::Auto,
            level: parent.map(|_| "silver".to_owned()),
            support: None,
            limits: None,
        };
        let site = state.tenancy.save_site_in(tx, &new).await.expect("a site").id();
        let host = Host::parse(host).expect("a host");
        state.tenancy.save_host_in(tx, &host, site).await.expect("a host");
        ids.push(site);
    }
    [ids[0], ids[1]]
}

async fn goods(state: &StorefrontState, tx: &WriteTx<TenantScope>, title: &Wording) -> (SkuId, SkuId) {
    let category = CategoryDraft { code: code("games"), name: words("游戏", "Games"), sort: 1 };
    let (category, _) = state.catalog.save_category_in(tx, &category).await.expect("a category");
    let goods = GoodsDraft {
        refunds: Default::default(),
        site_levels: Vec::new(),
        code: code("starfall"),
        category,
        kind: GoodsKind::Card,
        fulfilment: catalog::Fulfilment::default(),
        state: OnSale::On,
        title: title.clone(),
        description: title.clone(),
        art: Some("starfall".to_owned()),
        sort: 1,
    };
    let (goods, _) = state.catalog.save_goods_in(tx, &goods).await.expect("goods");
    let mut skus = Vec::new();
    for (sort, text) in [(1, "starfall-100"), (2, "starfall-500")] {
        let sku = SkuDraft {
            code: code(text),
            goods,
            state: OnSale::On,
            name: words(text, text),
            face_value: Some(yuan("10.00")),
            cost: yuan("7.00"),
            price: yuan("10.00"),
            quantity_max: 20,
            sort,
        };
        skus.push(state.catalog.save_sku_in(tx, &sku).await.expect("a SKU").0);
    }
    (skus[0], skus[1])
}

/// Sub-sites of the level silver pay 8.00, and this one adds 1.50.
async fn markup_of_sub(state: &StorefrontState, tx: &WriteTx<TenantScope>, sub: SiteId) {
    let tree = state.tenancy.sites_in(tx).await.expect("sites");
    let reach = |audience, whom| Reach {
        audience,
        whom,
        target: Target::Site,
        quantity_min: 1,
        valid_from: None,
        valid_until: None,
    };
    let price = |formula| Terms::Price { formula, rounding: Rounding::None };
    let fixed = Formula::Fixed { price: yuan("8.00"), loss_cap: None };
    let silver = Whom::Level(code("silver"));
    for draft in [
        RuleDraft { site: tree[0].id, reach: reach(Audience::Wholesale, silver), terms: price(fixed) },
        RuleDraft {
            site: sub,
            reach: reach(Audience::Retail, Whom::Everyone),
            terms: price(Formula::Markup { amount: yuan("1.50") }),
        },
    ] {
        state.catalog.save_rule_in(tx, &draft).await.expect("a rule");
    }
}

async fn give(tx: &WriteTx<TenantScope>, (kind, owner): (AccountKind, Uuid), amount: Money, act: &str) {
    let mut book = Book::new(tx.scope().id());
    let back = Money::new(-amount.minor(), Currency::CNY);
    let postings = [
        Posting { account: Account::of(kind, owner, Currency::CNY), amount },
        Posting { account: Account::own(AccountKind::Opening, Currency::CNY), amount: back },
    ];
    for posting in &postings {
        book.want(posting.account);
    }
    book.read_in(tx).await.expect("balances");
    let entry = Entry::try_new(EntryKind::Adjustment, owner, act, postings).expect("balanced");
    book.post(entry.because("opening balance of the test")).expect("posted");
    book.write_in(tx, Uuid::now_v7()).await.expect("written");
}
