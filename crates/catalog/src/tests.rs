//! Writes and reads on both databases.

mod showcases;
mod templates;

use chrono::TimeDelta;
use kernel::{Currency, Money, Platform, Rate, SiteId, TenantId, TenantScope, Wording};
use store::{StoreError, Tx, WriteTx};
use testkit::TestDb;

use crate::*;

/// The rows of tenancy that ours point to; that room is another crate's.
mod table {
    pub mod tenant {
        use sea_orm::entity::prelude::*;

        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "tenants")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub tenant_id: uuid::Uuid,
            pub slug: String,
            pub name: String,
            pub currency: String,
            pub region: String,
            pub state: String,
            pub seller_name: String,
            pub created_at: chrono::DateTime<chrono::Utc>,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}
        impl ActiveModelBehavior for ActiveModel {}
    }

    pub mod site {
        use sea_orm::entity::prelude::*;

        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "sites")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub tenant_id: uuid::Uuid,
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: uuid::Uuid,
            pub parent_id: Option<uuid::Uuid>,
            pub depth: i32,
            pub slug: String,
            pub state: String,
            pub name_zh: String,
            pub name_en: String,
            pub tagline_zh: String,
            pub tagline_en: String,
            pub notice_zh: String,
            pub notice_en: String,
            pub theme: String,
            pub mode: String,
            pub created_at: chrono::DateTime<chrono::Utc>,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}
        impl ActiveModelBehavior for ActiveModel {}
    }

    store::tenant_owned!(tenant, site);
}

/// A tenant with a main site, a sub-site, and one SKU.
struct Shop {
    scope: TenantScope,
    chain: Vec<SiteLevel>,
    category: CategoryId,
    goods: GoodsId,
    sku: SkuId,
    catalog: Catalog,
    prices: Prices,
    db: TestDb,
}

fn yuan(text: &str) -> Money {
    Money::parse(text, Currency::CNY).expect("an amount")
}

fn code(text: &str) -> Code {
    Code::parse(text).expect("a code")
}

fn words(text: &str) -> Wording {
    Wording::new(text, text)
}

fn category_draft() -> CategoryDraft {
    CategoryDraft { code: code("games"), name: words("Game cards"), sort: 10 }
}

fn goods_draft(category: CategoryId) -> GoodsDraft {
    GoodsDraft {
        refunds: Default::default(),
        site_levels: Vec::new(),
        code: code("starfall"),
        category,
        kind: GoodsKind::Card,
        fulfilment: Fulfilment::default(),
        state: OnSale::On,
        title: words("Starfall"),
        description: words("Credits"),
        art: Some("starfall".to_owned()),
        sort: 10,
    }
}

fn sku_draft(goods: GoodsId) -> SkuDraft {
    SkuDraft {
        code: code("starfall-100"),
        goods,
        state: OnSale::On,
        name: words("100 credits"),
        face_value: Some(yuan("10.00")),
        cost: yuan("8.96"),
        price: yuan("9.60"),
        quantity_max: 50,
        sort: 110,
    }
}

fn everywhere(audience: Audience) -> Reach {
    Reach { audience, whom: Whom::Everyone, target: Target::Site, quantity_min: 1, valid_from: None, valid_until: None }
}

fn percent(ppm: u32) -> Terms {
    Terms::Price { formula: Formula::Percent { rate: Rate::from_ppm(ppm) }, rounding: Rounding::UpTenth }
}

async fn insert_tenant(tx: &WriteTx<TenantScope>) -> Vec<SiteId> {
    let tenant_id = tx.scope().id().uuid();
    let text = tenant_id.simple().to_string();
    let tenant = table::tenant::Model {
        tenant_id,
        slug: text.clone(),
        name: text.clone(),
        currency: "CNY".to_owned(),
        region: "CN".to_owned(),
        state: "active".to_owned(),
        seller_name: text,
        created_at: tx.now(),
    };
    tx.insert::<table::tenant::Entity>([tenant]).await.expect("a tenant");
    let sites: Vec<SiteId> = (0..2).map(|_| SiteId::new()).collect();
    for (depth, site) in (0i32..).zip(&sites) {
        let row = table::site::Model {
            tenant_id,
            id: site.uuid(),
            parent_id: (depth > 0).then(|| sites[0].uuid()),
            depth,
            slug: format!("site-{depth}"),
            state: "active".to_owned(),
            name_zh: String::new(),
            name_en: String::new(),
            tagline_zh: String::new(),
            tagline_en: String::new(),
            notice_zh: String::new(),
            notice_en: String::new(),
            theme: "grove".to_owned(),
            mode: "auto".to_owned(),
            created_at: tx.now(),
        };
        tx.insert::<table::site::Entity>([row]).await.expect("a site");
    }
    sites
}

impl Shop {
    async fn open(db: TestDb) -> Self {
        let scope = Platform::assume().tenant(TenantId::new());
        let (catalog, prices) = (Catalog::new(db.store.clone()), Prices::new(db.store.clone()));
        let tx = db.store.write(&scope).await.expect("a transaction");
        let sites = insert_tenant(&tx).await;
        let category = catalog.save_category_in(&tx, &category_draft()).await.expect("saved").0;
        let goods = catalog.save_goods_in(&tx, &goods_draft(category)).await.expect("saved").0;
        let sku = catalog.save_sku_in(&tx, &sku_draft(goods)).await.expect("saved").0;
        tx.commit().await.expect("committed");
        let level = |depth: usize| (depth > 0).then(|| "silver".to_owned());
        let chain = sites.iter().enumerate().map(|(depth, &site)| SiteLevel { site, level: level(depth) }).collect();
        Self { scope, chain, category, goods, sku, catalog, prices, db }
    }

    async fn save_rule(&self, place: usize, reach: Reach, terms: Terms) -> Result<(RuleId, Saved), CatalogError> {
        let draft = RuleDraft { site: self.chain[place].site, reach, terms };
        self.db.store.transact(&self.scope, async |tx| self.catalog.save_rule_in(tx, &draft).await).await
    }

    async fn save_template(&self, place: usize, bands: &[Band]) -> Result<(TemplateId, Saved), CatalogError> {
        let (site, bands) = (self.chain[place].site, bands.to_vec());
        let draft = TemplateDraft { site, code: code("small-cards"), name: words("Small cards"), bands };
        self.db.store.transact(&self.scope, async |tx| self.catalog.save_template_in(tx, &draft).await).await
    }

    async fn save_sku(&self, draft: &SkuDraft) -> Result<(SkuId, Saved), CatalogError> {
        self.db.store.transact(&self.scope, async |tx| self.catalog.save_sku_in(tx, draft).await).await
    }

    async fn save_goods(&self, draft: &GoodsDraft) -> Result<(GoodsId, Saved), CatalogError> {
        self.db.store.transact(&self.scope, async |tx| self.catalog.save_goods_in(tx, draft).await).await
    }

    async fn quote(&self, quantity: u32) -> Result<Quote, Hidden> {
        let asked = [(self.sku, quantity)];
        let quotes = self.prices.quotes(&self.scope, &self.chain, &Subject::default(), &asked).await;
        quotes.expect("an answer").remove(0).1
    }

    /// The SKU's epoch, and the tenant's.
    async fn epochs(&self) -> (i64, i64) {
        let tx = self.db.store.read(&self.scope).await.expect("a transaction");
        let sku = self.catalog.sku_in(&tx, self.sku).await.expect("read").expect("there");
        (sku.epoch, self.prices.epochs_in(&tx).await.expect("read").prices)
    }
}

fn change(field: &'static str, old: &str, new: &str) -> FieldChange {
    FieldChange { field, old: old.to_owned(), new: new.to_owned() }
}

testkit::on_both! {
    async fn what_is_saved_reads_back(db) {
        let shop = Shop::open(db).await;
        let tx = shop.db.store.read(&shop.scope).await.unwrap();
        let catalogue = shop.catalog.catalogue_in(&tx).await.unwrap();
        assert_eq!((catalogue.categories.len(), catalogue.goods.len(), catalogue.skus.len()), (1, 1, 1));
        let (sku, draft) = (&catalogue.skus[0], sku_draft(shop.goods));
        assert_eq!((sku.face_value, sku.cost, sku.price), (draft.face_value, draft.cost, draft.price));
        assert_eq!((sku.quantity_max, sku.epoch), (50, 1));
        let found = shop.catalog.goods_by_code_in(&tx, &code("starfall")).await.unwrap();
        assert_eq!(found, Some((catalogue.goods[0].clone(), catalogue.skus)));
        assert_eq!(catalogue.goods[0].category, shop.category);
    }

    async fn saving_the_same_again_writes_nothing(db) {
        let shop = Shop::open(db).await;
        shop.save_rule(0, everywhere(Audience::Wholesale), percent(26_000)).await.unwrap();
        let before = shop.epochs().await;
        assert_eq!(shop.save_sku(&sku_draft(shop.goods)).await.unwrap(), (shop.sku, Saved::Same));
        assert_eq!(shop.save_goods(&goods_draft(shop.category)).await.unwrap(), (shop.goods, Saved::Same));
        let rule = shop.save_rule(0, everywhere(Audience::Wholesale), percent(26_000)).await.unwrap();
        assert_eq!(rule.1, Saved::Same);
        assert_eq!(shop.epochs().await, before);
    }

    async fn a_window_finer_than_the_database_is_still_the_same_when_saved_again(db) {
        let shop = Shop::open(db).await;
        let from = shop.db.store.time() + TimeDelta::nanoseconds(1_234);
        let until = from + TimeDelta::nanoseconds(5_678_901);
        let reach = Reach { valid_from: Some(from), valid_until: Some(until), ..everywhere(Audience::Retail) };
        shop.save_rule(0, reach.clone(), percent(1)).await.unwrap();
        assert_eq!(shop.save_rule(0, reach, percent(1)).await.unwrap().1, Saved::Same);
    }

    async fn a_change_tells_old_and_new_and_raises_the_skus_epoch(db) {
        let shop = Shop::open(db).await;
        let dearer = SkuDraft { price: yuan("9.90"), ..sku_draft(shop.goods) };
        let saved = shop.save_sku(&dearer).await.unwrap();
        assert_eq!(saved, (shop.sku, Saved::Changed(vec![change("price", "9.60 CNY", "9.90 CNY")])));
        assert_eq!(shop.epochs().await, (2, 0));
    }

    async fn goods_taken_off_sale_raise_their_skus_epochs_and_leave_the_shop(db) {
        let shop = Shop::open(db).await;
        let off = GoodsDraft { state: OnSale::Off, ..goods_draft(shop.category) };
        let saved = shop.save_goods(&off).await.unwrap();
        assert_eq!(saved.1, Saved::Changed(vec![change("state", "on", "off")]));
        assert_eq!(shop.epochs().await, (2, 0));
        assert_eq!(shop.quote(1).await.unwrap_err().reason, HiddenReason::NotOnSale);
        let catalogue = shop.catalog.catalogue(&shop.scope).await.unwrap();
        assert_eq!((catalogue.goods.len(), catalogue.skus.len()), (0, 0));
    }

    async fn a_changed_rule_takes_the_next_epoch_as_its_version(db) {
        let shop = Shop::open(db).await;
        let (id, saved) = shop.save_rule(0, everywhere(Audience::Wholesale), percent(26_000)).await.unwrap();
        assert_eq!((saved, shop.epochs().await), (Saved::Created, (1, 1)));
        shop.save_rule(1, everywhere(Audience::Retail), percent(60_000)).await.unwrap();
        let (again, saved) = shop.save_rule(0, everywhere(Audience::Wholesale), percent(30_000)).await.unwrap();
        assert_eq!((again, saved), (id, Saved::Changed(vec![change("value", "2.6 %", "3 %")])));
        assert_eq!(shop.epochs().await, (1, 3));
        let hop = shop.quote(1).await.unwrap().hops[0];
        assert_eq!(hop.rule, Some(RuleRef { id, version: 3 }));
    }

    async fn every_kind_of_rule_reads_back(db) {
        let shop = Shop::open(db).await;
        let site = shop.chain[0].site;
        let loss = Formula::Fixed { price: yuan("9.00"), loss_cap: Some(yuan("0.50")) };
        let markup = Formula::Markup { amount: yuan("0.35") };
        let window = (Some(shop.db.store.time()), Some(shop.db.store.time() + TimeDelta::days(3)));
        let retail = everywhere(Audience::Retail);
        let level = Whom::Level(code("gold"));
        let drafts = [
            (Reach { target: Target::Sku(shop.sku), ..retail.clone() }, Terms::Price { formula: loss, rounding: Rounding::EndNine }),
            (Reach { target: Target::Goods(shop.goods), whom: level, ..retail.clone() }, Terms::Price { formula: markup, rounding: Rounding::EndNinetyNine }),
            (Reach { target: Target::Category(shop.category), quantity_min: 10, ..retail.clone() }, percent(55_000)),
            (Reach { whom: Whom::Subject(site.uuid()), ..everywhere(Audience::Wholesale) }, percent(1)),
            (Reach { valid_from: window.0, valid_until: window.1, ..retail.clone() }, percent(0)),
            (retail.clone(), Terms::Limit { floor: Some(yuan("9.10")), markup_max: None }),
            (everywhere(Audience::Wholesale), Terms::Limit { floor: None, markup_max: Some(Rate::from_ppm(200_000)) }),
        ];
        for (reach, terms) in &drafts {
            shop.save_rule(0, reach.clone(), *terms).await.unwrap();
        }
        let tx = shop.db.store.read(&shop.scope).await.unwrap();
        let book = shop.prices.rules_in(&tx, &[site]).await.unwrap();
        for (reach, terms) in drafts {
            let rules = book.of_site(site);
            let mut all = rules.prices(reach.target).iter().chain(rules.limits(reach.target));
            let found = all.find(|rule| rule.reach == reach && rule.terms == terms);
            assert!(found.is_some(), "{reach:?} {terms:?}");
        }
    }

    async fn a_price_is_the_same_in_a_list_alone_and_explained(db) {
        let shop = Shop::open(db).await;
        shop.save_rule(0, everywhere(Audience::Wholesale), percent(26_000)).await.unwrap();
        shop.save_rule(1, everywhere(Audience::Retail), percent(60_000)).await.unwrap();
        let unknown = SkuId::new();
        let guest = Subject::default();
        let asked = [(unknown, 1), (shop.sku, 1), (shop.sku, 20)];
        let tx = shop.db.store.read(&shop.scope).await.unwrap();
        let list = shop.prices.quotes_in(&tx, &shop.chain, &guest, &asked).await.unwrap();
        let explained = shop.prices.explain_in(&tx, &shop.chain, &guest, (shop.sku, 1)).await.unwrap();
        assert_eq!(list[0].1.as_ref().unwrap_err().reason, HiddenReason::NotOnSale);
        // 8.96 and 2.6 % is 9.1930, up to 9.20; 9.20 and 6 % is 9.7520, up to 9.80.
        assert_eq!(list[1].1.as_ref().unwrap().unit, yuan("9.80"));
        assert_eq!(list[1].1, explained.outcome);
        assert_eq!(list[1].1, shop.quote(1).await);
        assert_eq!(list[2].1.as_ref().unwrap().quantity, 20);
    }

    async fn a_rule_ends_by_the_transactions_time(db) {
        let shop = Shop::open(db).await;
        let until = shop.db.store.time() + TimeDelta::hours(1);
        let reach = Reach { valid_until: Some(until), target: Target::Sku(shop.sku), ..everywhere(Audience::Wholesale) };
        shop.save_rule(0, reach, percent(0)).await.unwrap();
        assert_eq!(shop.quote(1).await.unwrap().hops[0].price, yuan("9.00"));
        shop.db.clock.advance(TimeDelta::hours(1));
        assert_eq!(shop.quote(1).await.unwrap().hops[0].price, yuan("9.60"));
    }

    async fn a_windows_price_goes_before_the_standing_one_even_if_that_changed_later(db) {
        let shop = Shop::open(db).await;
        let from = shop.db.store.time();
        let window = Reach { valid_from: Some(from), valid_until: Some(from + TimeDelta::hours(1)), ..everywhere(Audience::Wholesale) };
        shop.save_rule(0, window, percent(0)).await.unwrap();
        shop.save_rule(0, everywhere(Audience::Wholesale), percent(26_000)).await.unwrap();
        assert_eq!(shop.quote(1).await.unwrap().hops[0].price, yuan("9.00"));
        shop.db.clock.advance(TimeDelta::hours(1));
        assert_eq!(shop.quote(1).await.unwrap().hops[0].price, yuan("9.20"));
    }

    async fn another_tenant_sees_and_changes_nothing(db) {
        let shop = Shop::open(db).await;
        shop.save_rule(0, everywhere(Audience::Wholesale), percent(26_000)).await.unwrap();
        let stranger = Platform::assume().tenant(TenantId::new());
        let store = &shop.db.store;
        let tx = store.read(&stranger).await.unwrap();
        assert_eq!(shop.catalog.catalogue_in(&tx).await.unwrap(), Catalogue::default());
        assert_eq!(shop.catalog.skus_in(&tx, &[shop.sku]).await.unwrap(), []);
        assert_eq!(shop.prices.rules_in(&tx, &[shop.chain[0].site]).await.unwrap(), RuleBook::default());
        assert_eq!(shop.prices.epochs_in(&tx).await.unwrap(), Epochs::default());
        drop(tx);
        let tx = store.write(&stranger).await.unwrap();
        insert_tenant(&tx).await;
        let foreign = shop.catalog.save_sku_in(&tx, &sku_draft(shop.goods)).await;
        assert!(matches!(foreign, Err(CatalogError::Missing { .. })), "{foreign:?}");
    }

    async fn a_rule_about_a_foreign_sku_is_refused(db) {
        let shop = Shop::open(db).await;
        let reach = Reach { target: Target::Sku(SkuId::new()), ..everywhere(Audience::Retail) };
        let refused = shop.save_rule(0, reach, percent(1)).await;
        assert!(matches!(refused, Err(CatalogError::Missing { what: "sku" })), "{refused:?}");
        assert_eq!(shop.epochs().await, (1, 0), "nothing is left of it");
    }

    async fn two_tenants_use_the_same_codes(db) {
        let first = Shop::open(db).await;
        let scope = Platform::assume().tenant(TenantId::new());
        let tx = first.db.store.write(&scope).await.unwrap();
        insert_tenant(&tx).await;
        let (category, saved) = first.catalog.save_category_in(&tx, &category_draft()).await.unwrap();
        assert_eq!(saved, Saved::Created);
        assert_ne!(category, first.category);
    }

    async fn the_database_refuses_a_second_rule_for_the_same(db) {
        let shop = Shop::open(db).await;
        shop.save_rule(0, everywhere(Audience::Retail), percent(1)).await.unwrap();
        let copied = shop.db.store.transact(&shop.scope, async |tx| {
            use crate::table::price_rule;
            let mut row = tx.find::<price_rule::Entity>().one().await?.expect("a rule");
            row.id = RuleId::new().uuid();
            tx.insert::<price_rule::Entity>([row]).await
        }).await;
        assert!(matches!(&copied, Err(error) if error.is_taken("price_rules_tenant_id_code_key")), "{copied:?}");
        assert!(matches!(CatalogError::from(copied.unwrap_err() as StoreError), CatalogError::ChangedMeanwhile));
    }
}

#[test]
fn drafts_that_cannot_be_meant_are_refused() {
    let usd = Money::new(1, Currency::USD);
    let sku = |change: fn(&mut SkuDraft)| {
        let mut draft = sku_draft(GoodsId::new());
        change(&mut draft);
        draft.check().unwrap_err().to_string()
    };
    assert_eq!(sku(|draft| draft.cost = yuan("-0.01")), "cost is out of range");
    assert_eq!(sku(|draft| draft.quantity_max = 0), "quantity_max is out of range");
    let mixed = SkuDraft { face_value: Some(usd), ..sku_draft(GoodsId::new()) };
    assert!(matches!(mixed.check(), Err(CatalogError::Currency)));
    let rule = |reach: Reach, terms: Terms| RuleDraft { site: SiteId::new(), reach, terms }.check().unwrap_err();
    let retail = everywhere(Audience::Retail);
    let now = chrono::DateTime::UNIX_EPOCH;
    let window = Reach { valid_from: Some(now), valid_until: Some(now), ..retail.clone() };
    assert!(matches!(rule(window, percent(1)), CatalogError::Window));
    let none = Reach { quantity_min: 0, ..retail.clone() };
    assert!(matches!(rule(none, percent(1)), CatalogError::Range { field: "quantity_min" }));
    let empty = Terms::Limit { floor: None, markup_max: None };
    assert!(matches!(rule(retail.clone(), empty), CatalogError::EmptyLimit));
    assert!(matches!(rule(retail, percent(u32::MAX)), CatalogError::Range { field: "value" }));
    let formula = Formula::Fixed { price: yuan("1.00"), loss_cap: Some(yuan("0.10")) };
    let loss = Terms::Price { formula, rounding: Rounding::None };
    assert!(matches!(rule(everywhere(Audience::Wholesale), loss), CatalogError::WholesaleLoss));
    let template = Formula::Template { template: TemplateId::new() };
    let rounded = Terms::Price { formula: template, rounding: Rounding::UpTenth };
    assert!(matches!(rule(everywhere(Audience::Retail), rounded), CatalogError::Range { field: "rounding" }));
}

#[test]
fn codes_are_short_and_plain() {
    for text in ["", "Games", "a b", "a/b", "卡", &"x".repeat(61)] {
        assert!(Code::parse(text).is_err(), "{text}");
    }
    assert_eq!(code("starfall-100").to_string(), "starfall-100");
}
