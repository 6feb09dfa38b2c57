//! What the demo pack's prices come to: each kind of rule is used once, and each is seen to work.

use std::collections::HashMap;
use std::fmt::Write;

use catalog::{Explanation, Prices, Quote, Quoted, SkuId, Step};
use chrono::TimeDelta;
use identity::Login;
use uuid::Uuid;

use super::*;

const SITES: [&str; 6] = ["main", "north", "aqing", "nanqiao", "harbor", "clay"];

/// The demo shop without its cards: prices need none, and sealing them takes long.
struct Demo {
    prices: Prices,
    scope: TenantScope,
    chains: HashMap<String, Vec<SiteLevel>>,
    /// In the order of the shop.
    skus: Vec<(Code, SkuId)>,
    house: House,
    db: TestDb,
}

fn demo_pack() -> Pack {
    let folder = tempfile::tempdir().expect("a folder");
    for under in ["sites", "forms"] {
        fs::create_dir(folder.path().join(under)).expect("a folder");
    }
    for under in ["", "sites", "forms"] {
        for entry in fs::read_dir(Path::new(TENANTS).join("demo").join(under)).expect("the demo pack").flatten() {
            if entry.path().is_file() {
                fs::copy(entry.path(), folder.path().join(under).join(entry.file_name())).expect("copied");
            }
        }
    }
    Pack::read(folder.path()).expect("a sound pack")
}

fn yuan(text: &str) -> Money {
    Money::parse(text, Currency::CNY).expect("an amount")
}

impl Demo {
    async fn open(db: TestDb) -> Self {
        let house = House::new(&db);
        house.apply(&demo_pack()).await;
        let scope = house.scope("demo").await;
        let tx = db.store.read(&scope).await.expect("a reader");
        let sites = house.tenancy.sites_in(&tx).await.expect("sites");
        let mut chains: HashMap<String, Vec<SiteLevel>> = HashMap::new();
        // Parents come before their children.
        for site in &sites {
            let above = sites.iter().find(|above| Some(above.id) == site.parent);
            let mut chain = above.map(|above| chains[above.slug.as_str()].clone()).unwrap_or_default();
            chain.push(SiteLevel { site: site.id, level: site.level.clone() });
            chains.insert(site.slug.to_string(), chain);
        }
        let shown = house.catalog.catalogue_in(&tx).await.expect("a catalogue");
        let goods = shown
            .categories
            .iter()
            .flat_map(|category| shown.goods.iter().filter(move |goods| goods.category == category.id));
        let skus = goods.flat_map(|goods| shown.skus_of(goods.id)).map(|sku| (sku.code.clone(), sku.id)).collect();
        drop(tx);
        Self { prices: Prices::new(db.store.clone()), scope, chains, skus, house, db }
    }

    fn sku(&self, code: &str) -> SkuId {
        self.skus.iter().find(|(sku, _)| sku.as_str() == code).expect("a SKU of the demo").1
    }

    async fn quotes(&self, site: &str, subject: &Subject, asked: &[(SkuId, u32)]) -> Vec<Quoted> {
        let tx = self.db.store.read(&self.scope).await.expect("a reader");
        self.prices.quotes_in(&tx, &self.chains[site], subject, asked).await.expect("quotes")
    }

    async fn quote(&self, site: &str, sku: &str, buyer: Option<Uuid>, quantity: u32) -> Quote {
        let subject = Subject { buyer, level: None };
        self.quotes(site, &subject, &[(self.sku(sku), quantity)]).await.remove(0).1.expect("a price")
    }

    /// What a guest pays for one.
    async fn retail(&self, site: &str, sku: &str) -> Money {
        self.quote(site, sku, None, 1).await.unit
    }

    async fn explain(&self, site: &str, sku: &str) -> Explanation {
        let tx = self.db.store.read(&self.scope).await.expect("a reader");
        let asked = (self.sku(sku), 1);
        self.prices.explain_in(&tx, &self.chains[site], &Subject::default(), asked).await.expect("an explanation")
    }

    async fn customer(&self, login: &str) -> Uuid {
        let tx = self.db.store.read(&self.scope).await.expect("a reader");
        let login = Login::parse(login).expect("a login");
        self.house.customers.find_in(&tx, &login).await.expect("customers").expect("a customer").id.uuid()
    }

    /// A line a SKU and a column a site; below it what is hidden, and why.
    async fn price_list(&self) -> String {
        let asked: Vec<(SkuId, u32)> = self.skus.iter().map(|(_, sku)| (*sku, 1)).collect();
        let mut columns = Vec::new();
        for site in SITES {
            columns.push(self.quotes(site, &Subject::default(), &asked).await);
        }
        let heads: String = SITES.iter().map(|site| format!("{site:>9}")).collect();
        let mut list = format!("What a guest pays for one, in yuan\n\n{:<24}{heads}\n", "");
        let mut hidden = String::new();
        for (row, (code, _)) in self.skus.iter().enumerate() {
            let _ = write!(list, "{:<24}", code.as_str());
            for (site, column) in SITES.iter().zip(&columns) {
                let cell = match &column[row].1 {
                    Ok(quote) => quote.unit.to_string().replace(" CNY", ""),
                    Err(why) => {
                        let _ = writeln!(hidden, "{site} hides {code}: {}", why.reason);
                        "-".to_owned()
                    }
                };
                let _ = write!(list, "{cell:>9}");
            }
            list.push('\n');
        }
        let nothing = "Nothing is hidden.\n";
        format!("{list}\n{}", if hidden.is_empty() { nothing } else { &hidden })
    }
}

testkit::on_both! {
    async fn every_sku_of_the_demo_has_its_price_on_every_site(db) {
        let demo = Demo::open(db).await;
        assert_eq!((demo.skus.len(), demo.chains.len()), (42, SITES.len()));
        insta::assert_snapshot!("demo_prices", demo.price_list().await);
    }

    async fn what_people_do_is_for_sale_in_the_whole_tree(db) {
        let demo = Demo::open(db).await;
        let tx = demo.db.store.read(&demo.scope).await.expect("a reader");
        for (code, asked, hours) in [("feige-member", 3, 12), ("camellia-avatar", 3, 72)] {
            let code = Code::parse(code).expect("a code");
            let (goods, skus) = demo.house.catalog.goods_by_code_in(&tx, &code).await.expect("goods").expect("on sale");
            assert_eq!((goods.kind, goods.fulfilment.form.fields().len()), (catalog::GoodsKind::Manual, asked));
            assert_eq!(goods.fulfilment.within_hours, hours);
            assert!(!skus.is_empty() && !goods.kind.is_counted(), "it cannot run out");
        }
        drop(tx);
        for site in SITES {
            for sku in ["feige-month", "feige-year", "camellia-avatar"] {
                assert!(demo.retail(site, sku).await.minor() > 0, "{site} does not sell {sku}");
            }
        }
    }

    async fn the_demo_applied_again_changes_nothing(db) {
        let demo = Demo::open(db).await;
        let again = demo.house.apply(&demo_pack()).await;
        assert!(again.plan.is_empty(), "{:?}", again.plan.changes);
    }

    async fn the_licences_of_harbor_are_priced_by_its_template(db) {
        let demo = Demo::open(db).await;
        for (sku, from, price) in [
            ("cloudbin-quarter", "0.00", "52.90"),
            ("framewell-1", "60.00", "81.90"),
            ("quillnote-1", "150.00", "189.00"),
            ("quillnote-3", "250.00", "318.00"),
        ] {
            let explanation = demo.explain("harbor", sku).await;
            let Step::Rule { band, .. } = explanation.hops[1].steps[0] else { panic!("the rule comes first") };
            assert_eq!(band.expect("a band").from, yuan(from), "{sku}");
            assert_eq!(explanation.outcome.expect("a price").unit, yuan(price), "{sku}");
        }
    }

    async fn ten_of_one_kind_are_cheaper_at_north(db) {
        let demo = Demo::open(db).await;
        let mut units = Vec::new();
        for quantity in [1, 9, 10, 50] {
            units.push(demo.quote("north", "starfall-100", None, quantity).await.unit);
        }
        assert_eq!(units, ["9.90", "9.90", "9.60", "9.60"].map(yuan));
    }

    async fn a_regular_customer_of_harbor_has_a_price_of_his_own(db) {
        let demo = Demo::open(db).await;
        let (chen, lin) = (demo.customer("chen@demo.localhost").await, demo.customer("lin@demo.localhost").await);
        let own = demo.quote("harbor", "mogrid-pro", Some(chen), 1).await;
        assert_eq!((own.unit, own.hops[1].source), (yuan("122.00"), catalog::Source::Secret));
        assert_eq!(demo.quote("harbor", "mogrid-pro", Some(lin), 1).await.unit, yuan("128.00"));
        assert_eq!(demo.retail("harbor", "mogrid-pro").await, yuan("128.00"));
        assert_eq!(demo.quote("main", "mogrid-pro", Some(chen), 1).await.unit, yuan("126.00"), "it is harbor's price");
    }

    async fn a_gold_site_pays_less_for_games_than_a_silver_one(db) {
        let demo = Demo::open(db).await;
        let (gold, silver) =
            (demo.quote("north", "starfall-1000", None, 1).await, demo.quote("harbor", "starfall-1000", None, 1).await);
        assert_eq!((gold.hops[1].cost, silver.hops[1].cost), (yuan("91.60"), yuan("92.00")));
    }

    async fn the_main_site_keeps_its_own_course_between_floor_and_highest_price(db) {
        let demo = Demo::open(db).await;
        let sku = "shiguang-speaking-30d";
        // clay pays 39.00 and would ask 47.00; 20 % on 39.00 is 46.80, rounded down to clay's step.
        let capped = demo.explain("clay", sku).await.hops.remove(1).steps;
        assert!(capped.iter().any(|step| matches!(
            step, Step::Capped { from, result, .. } if (*from, *result) == (yuan("47.00"), yuan("46.00"))
        )), "{capped:?}");
        let floored = demo.explain("harbor", sku).await.hops.remove(1).steps;
        assert!(floored.iter().any(|step| matches!(
            step, Step::Floored { from, result, .. } if (*from, *result) == (yuan("42.00"), yuan("42.50"))
        )), "{floored:?}");
        assert_eq!(demo.retail("clay", sku).await, yuan("46.00"));
        assert_eq!(demo.retail("harbor", sku).await, yuan("42.50"));
        assert_eq!(demo.retail("clay", "shiguang-writing-1y").await, yuan("96.00"), "no other course is bound");
    }

    async fn clays_holiday_prices_begin_and_end_by_themselves(db) {
        let demo = Demo::open(db).await;
        let mut prices = vec![demo.retail("clay", "orangescreen-month").await];
        // From 21 November, 16:00 in China: to 20 December, 00:00, and to 4 January, 00:00, a moment before each.
        for step in [TimeDelta::hours(28 * 24 + 8) - TimeDelta::seconds(1), TimeDelta::seconds(1),
            TimeDelta::days(15) - TimeDelta::seconds(1), TimeDelta::seconds(1)] {
            demo.db.clock.advance(step);
            prices.push(demo.retail("clay", "orangescreen-month").await);
        }
        assert_eq!(prices, ["17.90", "17.90", "17.20", "17.20", "17.90"].map(yuan));
    }
}
