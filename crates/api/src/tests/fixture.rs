//! Two tenants with a tree of sites each, the people of the first, and the console's side of a conversation.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use catalog::{
    Catalog, CategoryDraft, Code, Fulfilment, GoodsDraft, GoodsKind, OnSale, Prices, SiteLevel, SkuDraft, SkuId,
};
use commission::{Agents, Plans};
use funds::{Funds, Vault};
use identity::{Customers, Login, LoginLimits, Membership, NewCustomer, NewOperator, Operators, Passwords, Role};
use inventory::{CardCode, Intake, Inventory, KeyRing, MasterKey, MasterKeys, NewCard, Picks, Shelf};
use kernel::{Currency, Money, Platform, Secret, SiteId, TenantId, TenantScope, Wording};
use lane::{LaneSettings, Lanes};
use ledger::{Account, AccountKind, Book, Entry, EntryKind, Posting};
use order::{Brought, Buyer, Desk, OrderId, Orders, SoldBy, Wanted};
use payment::{Gateways, PaymentSettings, Payments, Till};
use payment_adapters::SandboxGateway;
use risk::Limits;
use serde_json::{Value, json};
use settlement::Settlement;
use store::{Store, Tx, WriteTx};
use tenancy::{Host, Mode, NewSite, NewTenant, Seller, Slug, Tenancy, Theme};
use testkit::TestDb;
use tower::ServiceExt;
use uuid::Uuid;
use web::{Bounds, Kit, Proxies};
use withdrawal::{Teller, Withdrawals};

use crate::{ApiState, CONSOLE_HOST};

pub const PASSWORD: &str = "a long password";

/// What the sites of a tenant are called, and where they stand: `deep` is under `north`.
const TREE: [(&str, Option<&str>); 4] =
    [("main", None), ("north", Some("main")), ("east", Some("main")), ("deep", Some("north"))];

/// The sites of a tenant.
#[derive(Debug, Clone, Copy)]
pub struct Tree {
    pub main: SiteId,
    pub north: SiteId,
    pub east: SiteId,
    pub deep: SiteId,
}

/// The installation of a test: Ann runs the main site of `grove` and Cid helps her, Sue runs its site `north`, Bob runs
/// `other`.
pub struct Office {
    pub grove: TenantId,
    pub other: TenantId,
    pub tree: Tree,
    pub foreign: Tree,
    pub rooms: ApiState,
    router: Router,
}

/// A console with its cookie.
pub struct Console {
    router: Router,
    /// Sent with every request.
    pub sent: HeaderMap,
    /// Those of the last answer.
    pub headers: HeaderMap,
    pub cookie: String,
    pub set_cookie: String,
}

impl Office {
    pub async fn open(db: &TestDb) -> Self {
        let passwords = Passwords::new();
        let rooms = rooms(db, &passwords);
        let ((grove, tree), (other, foreign)) = (tenant(&rooms, "grove").await, tenant(&rooms, "other").await);
        rooms.tenancy.reload().await.expect("the directory");
        let hash = passwords.hash(&Secret::new(PASSWORD.to_owned())).await.expect("hashed");
        for (name, tenant, site, role) in [
            ("Ann", grove, tree.main, Role::Owner),
            ("Bob", other, foreign.main, Role::Owner),
            ("Cid", grove, tree.main, Role::Clerk),
            ("Sue", grove, tree.north, Role::SiteOwner),
        ] {
            let login = Login::parse(&format!("{name}@example.com")).expect("a login");
            let new = NewOperator { login, name: name.to_owned(), password_hash: hash.clone() };
            rooms.operators.save(&new, Membership { tenant, site, role }).await.expect("an operator");
        }
        let scope = Platform::assume().tenant(grove);
        let tx = rooms.store.write(&scope).await.expect("a writer");
        for (login, site) in [("nora@example.com", tree.north), ("emil@example.com", tree.east)] {
            let login = Login::parse(login).expect("a login");
            let new = NewCustomer { site, login, name: "A buyer".to_owned(), password_hash: hash.clone() };
            rooms.customers.save_in(&tx, &new).await.expect("a customer");
        }
        tx.commit().await.expect("committed");
        Self { grove, other, tree, foreign, router: crate::router(rooms.clone()), rooms }
    }

    pub fn console(&self) -> Console {
        let (sent, headers) = (HeaderMap::new(), HeaderMap::new());
        Console { router: self.router.clone(), sent, headers, cookie: String::new(), set_cookie: String::new() }
    }

    /// Nora buys a piece at `north` for 10.00, from a wallet that just got so much.
    pub async fn nora_buys(&self) -> OrderId {
        let (rooms, scope) = (&self.rooms, Platform::assume().tenant(self.grove));
        let tx = rooms.store.write(&scope).await.expect("a writer");
        let login = Login::parse("nora@example.com").expect("a login");
        let nora = rooms.customers.find_in(&tx, &login).await.expect("read").expect("she is there").id;
        let sku = Code::parse("starfall-100").expect("a code");
        let sku = rooms.catalog.sku_by_code_in(&tx, &sku).await.expect("read").expect("it is there");
        let wallet = Account::of(AccountKind::Wallet, nora.uuid(), Currency::CNY);
        pay_in(&tx, (wallet, nora.uuid()), 1_000).await;
        tx.commit().await.expect("committed");
        let place = |site, level: Option<&str>| SiteLevel { site, level: level.map(str::to_owned) };
        let chain = vec![place(self.tree.main, None), place(self.tree.north, Some("gold"))];
        let (currency, limits, brought) = (Currency::CNY, Limits::default(), Brought::Nobody);
        let north = SoldBy { chain, currency, limits, brought };
        let wanted = vec![Wanted::new(sku.id, 1, sku.price)];
        let (site, buyer) = (scope.site(self.tree.north), Buyer::account(nora));
        rooms.orders.place(&site, north, buyer, wanted, "nora").await.expect("bought").answer.order
    }

    /// The main site's owner.
    pub async fn logged_in(&self) -> Console {
        self.logged_in_as("ann@example.com").await
    }

    pub async fn logged_in_as(&self, login: &str) -> Console {
        let mut console = self.console();
        let sent = json!({"login": login, "password": PASSWORD});
        assert_eq!(console.ask(Method::POST, "/api/v1/session", sent).await.0, StatusCode::CREATED);
        console
    }
}

impl Console {
    pub async fn ask(&mut self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        self.ask_if(method, path, body, None).await
    }

    /// What is answered to a GET, as text.
    pub async fn text(&mut self, path: &str) -> String {
        let request = Request::builder().uri(path).header(header::HOST, CONSOLE_HOST);
        let request = request.header(header::COOKIE, &self.cookie);
        let request = request.body(Body::empty()).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        self.headers = response.headers().clone();
        let bytes = to_bytes(response.into_body(), 4 << 20).await.expect("a body");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Posts a file; what is answered, as text.
    pub async fn send(&mut self, path: &str, file: String) -> (StatusCode, String) {
        let request = Request::builder().method(Method::POST).uri(path).header(header::HOST, CONSOLE_HOST);
        let request = request.header(header::COOKIE, &self.cookie);
        let mut request = request.header(header::CONTENT_TYPE, "application/octet-stream").body(Body::from(file));
        let request = request.as_mut().expect("a request");
        request.headers_mut().extend(self.sent.clone());
        let response = self.router.clone().oneshot(std::mem::take(request)).await.expect("an answer");
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 4 << 20).await.expect("a body");
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A file that is asked for with a body.
    pub async fn download(&mut self, path: &str, body: Value) -> String {
        self.sent.insert(header::CONTENT_TYPE, "application/json".parse().expect("a header"));
        let (status, text) = self.send(path, body.to_string()).await;
        self.sent.remove(header::CONTENT_TYPE);
        assert_eq!(status, StatusCode::OK, "{text}");
        text
    }

    /// With this `If-Match`.
    pub async fn ask_if(
        &mut self,
        method: Method,
        path: &str,
        body: Value,
        if_match: Option<String>,
    ) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).header(header::HOST, CONSOLE_HOST);
        let request = match if_match {
            Some(version) => request.header(header::IF_MATCH, version),
            None => request,
        };
        let request = request.header(header::COOKIE, &self.cookie).header(header::CONTENT_TYPE, "application/json");
        let mut request = request.body(Body::from(body.to_string())).expect("a request");
        request.headers_mut().extend(self.sent.clone());
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let status = response.status();
        self.headers = response.headers().clone();
        if let Some(cookie) = response.headers().get(header::SET_COOKIE) {
            self.set_cookie = cookie.to_str().expect("a text").to_owned();
            self.cookie = self.set_cookie.split(';').next().expect("a pair").to_owned();
        }
        let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

fn rooms(db: &TestDb, passwords: &Passwords) -> ApiState {
    let store = db.store.clone();
    let limits = LoginLimits::new(Arc::new(db.clock.clone()));
    let inventory = Inventory::new(KeyRing::new(MasterKeys::only(MasterKey::generate())));
    let prices = Prices::new(store.clone());
    let lanes = lanes(&store, &prices);
    let payments = payments(&store, &lanes, &inventory);
    ApiState {
        tenancy: Tenancy::new(store.clone()),
        catalog: Catalog::new(store.clone()),
        intake: Intake::new(store.clone(), inventory.clone(), prices.clone(), Shelf::new(store.clone())),
        orders: Orders::new(store.clone(), lanes.clone(), inventory.clone(), payments.clone()),
        agents: Agents::new(store.clone()),
        plans: Plans,
        settlement: Settlement::new(store.clone(), lanes.clone(), prices.clone()),
        withdrawals: Withdrawals::new(store.clone(), lanes.clone(), inventory.clone()),
        books: books::Books::new(store.clone(), inventory.clone()),
        levels: levels::Levels::new(store.clone(), Tenancy::new(store.clone()), Agents::new(store.clone())),
        funds: Funds::new(store.clone(), lanes.clone(), inventory.clone()),
        prices,
        payments,
        inventory,
        customers: Customers::new(store.clone(), passwords.clone(), limits.clone()),
        operators: Operators::new(store.clone(), passwords.clone(), limits),
        store,
        kit: Kit::new(Proxies::default(), Bounds::default()),
    }
}

fn lanes(store: &Store, prices: &Prices) -> Lanes {
    let prices = prices.clone();
    Lanes::new(store.clone(), LaneSettings::of(store.backend()), move |_| {
        vec![
            Box::new(Desk::new(prices.clone())),
            Box::new(Till::default()),
            Box::new(Teller::default()),
            Box::new(Vault::default()),
            Box::new(Picks::default()),
        ]
    })
}

/// With one gateway, which nobody talks to.
fn payments(store: &Store, lanes: &Lanes, inventory: &Inventory) -> Payments {
    let gateway = SandboxGateway::try_new(None, Arc::new(kernel::SystemClock)).expect("a gateway");
    let settings = PaymentSettings { notify_base: "http://cashier.test/".parse().expect("a URL") };
    Payments::new(store.clone(), lanes.clone(), inventory.clone(), Gateways::default().with(gateway), settings)
}

async fn tenant(state: &ApiState, slug: &str) -> (TenantId, Tree) {
    let scope = Platform::assume().tenant(TenantId::new());
    let tx = state.store.write(&scope).await.expect("a writer");
    let new = NewTenant {
        slug: Slug::parse(slug).expect("a slug"),
        name: slug.to_owned(),
        currency: Currency::CNY,
        region: "CN".to_owned(),
        seller: Seller { name: "Grove Ltd".to_owned(), licence: None },
    };
    state.tenancy.save_tenant_in(&tx, &new).await.expect("a tenant");
    let mut sites = Vec::new();
    for (name, parent) in TREE {
        let id = state.tenancy.save_site_in(&tx, &site(name, parent)).await.expect("a site").id();
        let host = Host::parse(&format!("{name}.{slug}.example")).expect("a host");
        state.tenancy.save_host_in(&tx, &host, id).await.expect("a host");
        sites.push(id);
    }
    let tree = Tree { main: sites[0], north: sites[1], east: sites[2], deep: sites[3] };
    let first = skus(state, &tx).await;
    let card = |n| NewCard { code: CardCode::parse(&format!("CODE-{n}")).expect("a code"), expires_at: None };
    state.inventory.import_in(&tx, first, &[card(1), card(2)]).await.expect("imported");
    prepay(&tx, tree.north, 5_000).await;
    tx.commit().await.expect("committed");
    (scope.id(), tree)
}

fn site(name: &str, parent: Option<&str>) -> NewSite {
    NewSite {
        slug: Slug::parse(name).expect("a slug"),
        parent: parent.map(|parent| Slug::parse(parent).expect("a slug")),
        name: Wording::new(name, name),
        tagline: Wording::default(),
        notice: Wording::default(),
        theme: Theme::Grove,
        mode: Mode::Auto,
        level: parent.map(|_| "gold".to_owned()),
        support: None,
        limits: None,
    }
}

/// What the site has paid in.
async fn prepay(tx: &WriteTx<TenantScope>, site: SiteId, minor: i64) {
    pay_in(tx, (Account::of(AccountKind::SitePrepaid, site.uuid(), Currency::CNY), site.uuid()), minor).await;
}

/// Puts money on an account of whoever this is.
async fn pay_in(tx: &WriteTx<TenantScope>, (account, whose): (Account, Uuid), minor: i64) {
    let posting = |account, minor| Posting { account, amount: Money::new(minor, Currency::CNY) };
    let postings = [posting(Account::own(AccountKind::Opening, Currency::CNY), -minor), posting(account, minor)];
    let entry = Entry::try_new(EntryKind::Adjustment, whose, "opening", postings).expect("balanced");
    let (mut book, batch) = (Book::new(tx.scope().id()), Uuid::now_v7());
    book.post(entry.because("paid in")).expect("posted");
    book.insert_in(tx, batch).await.expect("inserted");
    book.link_in(tx, batch).await.expect("linked");
    book.settle_in(tx).await.expect("settled");
}

async fn skus(state: &ApiState, tx: &WriteTx<TenantScope>) -> SkuId {
    let code = |text: &str| Code::parse(text).expect("a code");
    let words = |text: &str| Wording::new(text, text);
    let category = CategoryDraft { code: code("games"), name: words("Games"), sort: 1 };
    let (category, _) = state.catalog.save_category_in(tx, &category).await.expect("a category");
    let goods = GoodsDraft {
        refunds: Default::default(),
        site_levels: Vec::new(),
        code: code("starfall"),
        category,
        kind: GoodsKind::Card,
        state: OnSale::On,
        title: words("Starfall"),
        description: words(""),
        art: None,
        sort: 1,
        fulfilment: Fulfilment::default(),
    };
    let (goods, _) = state.catalog.save_goods_in(tx, &goods).await.expect("goods");
    let mut ids = Vec::new();
    for text in ["starfall-100", "starfall-300", "starfall-500"] {
        let sku = SkuDraft {
            code: code(text),
            goods,
            state: OnSale::On,
            name: words(text),
            face_value: None,
            cost: Money::new(700, Currency::CNY),
            price: Money::new(1000, Currency::CNY),
            quantity_max: 20,
            sort: 1,
        };
        ids.push(state.catalog.save_sku_in(tx, &sku).await.expect("a SKU").0);
    }
    ids[0]
}
