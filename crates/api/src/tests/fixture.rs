//! Two tenants, an operator of the first, and the console's side of a conversation.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use catalog::{Catalog, CategoryDraft, Code, GoodsDraft, GoodsKind, OnSale, SkuDraft, SkuId};
use identity::{Login, LoginLimits, Membership, NewOperator, Operators, Passwords, Role};
use inventory::{CardCode, Inventory, KeyRing, MasterKey, MasterKeys, NewCard};
use kernel::{Currency, Money, Platform, Secret, SiteId, TenantId, TenantScope, Wording};
use serde_json::{Value, json};
use store::WriteTx;
use tenancy::{NewTenant, Seller, Slug, Tenancy};
use testkit::TestDb;
use tower::ServiceExt;
use web::{Bounds, Kit, Proxies};

use crate::{ApiState, CONSOLE_HOST};

pub const PASSWORD: &str = "a long password";

/// The installation of a test.
pub struct Office {
    pub grove: TenantId,
    pub other: TenantId,
    router: Router,
}

/// A console with its cookie.
pub struct Console {
    router: Router,
    pub cookie: String,
    pub set_cookie: String,
}

impl Office {
    pub async fn open(db: &TestDb) -> Self {
        let store = db.store.clone();
        let passwords = Passwords::new();
        let limits = LoginLimits::new(Arc::new(db.clock.clone()));
        let state = ApiState {
            tenancy: Tenancy::new(store.clone()),
            catalog: Catalog::new(store.clone()),
            inventory: Inventory::new(KeyRing::new(MasterKeys::only(MasterKey::generate()))),
            operators: Operators::new(store.clone(), passwords.clone(), limits),
            store,
            kit: Kit::new(Proxies::default(), Bounds::default()),
        };
        let (grove, other) = (tenant(&state, "grove").await, tenant(&state, "other").await);
        for (login, name, tenant) in [("ann@example.com", "Ann", grove), ("bob@example.com", "Bob", other)] {
            let password_hash = passwords.hash(&Secret::new(PASSWORD.to_owned())).await.expect("hashed");
            let login = Login::parse(login).expect("a login");
            let new = NewOperator { login, name: name.to_owned(), password_hash };
            state
                .operators
                .save(&new, Membership { tenant, site: SiteId::new(), role: Role::Owner })
                .await
                .expect("an operator");
        }
        Self { grove, other, router: crate::router(state) }
    }

    pub fn console(&self) -> Console {
        Console { router: self.router.clone(), cookie: String::new(), set_cookie: String::new() }
    }

    pub async fn logged_in(&self) -> Console {
        let mut console = self.console();
        let sent = json!({"login": "ann@example.com", "password": PASSWORD});
        assert_eq!(console.ask(Method::POST, "/api/v1/session", sent).await.0, StatusCode::CREATED);
        console
    }
}

impl Console {
    pub async fn ask(&mut self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).header(header::HOST, CONSOLE_HOST);
        let request = request.header(header::COOKIE, &self.cookie).header(header::CONTENT_TYPE, "application/json");
        let request = request.body(Body::from(body.to_string())).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let status = response.status();
        if let Some(cookie) = response.headers().get(header::SET_COOKIE) {
            self.set_cookie = cookie.to_str().expect("a text").to_owned();
            self.cookie = self.set_cookie.split(';').next().expect("a pair").to_owned();
        }
        let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

async fn tenant(state: &ApiState, slug: &str) -> TenantId {
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
    let first = skus(state, &tx).await;
    let card = |n| NewCard { code: CardCode::parse(&format!("CODE-{n}")).expect("a code"), expires_at: None };
    state.inventory.import_in(&tx, first, &[card(1), card(2)]).await.expect("imported");
    tx.commit().await.expect("committed");
    scope.id()
}

async fn skus(state: &ApiState, tx: &WriteTx<TenantScope>) -> SkuId {
    let code = |text: &str| Code::parse(text).expect("a code");
    let words = |text: &str| Wording::new(text, text);
    let category = CategoryDraft { code: code("games"), name: words("Games"), sort: 1 };
    let (category, _) = state.catalog.save_category_in(tx, &category).await.expect("a category");
    let goods = GoodsDraft {
        code: code("starfall"),
        category,
        kind: GoodsKind::Card,
        fulfilment: catalog::Fulfilment::default(),
        state: OnSale::On,
        title: words("Starfall"),
        description: words(""),
        art: None,
        sort: 1,
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
