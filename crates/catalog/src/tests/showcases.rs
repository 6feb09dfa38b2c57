//! What pages show from memory: one reading for each state of the catalogue.

use std::sync::Arc;

use super::*;

impl Shop {
    async fn catalog_epoch(&self) -> i64 {
        let tx = self.db.store.read(&self.scope).await.expect("a transaction");
        crate::repo::price::epochs(&tx).await.expect("read").catalogue
    }

    async fn showcase(&self, cases: &Showcases, edition: u64) -> Arc<Showcase> {
        let site = self.scope.site(self.chain[1].site);
        cases.of(&site, (|| self.chain.clone(), edition)).await.expect("a showcase")
    }
}

testkit::on_both! {
    async fn whatever_a_page_may_show_raises_the_catalogues_epoch_once(db) {
        let shop = Shop::open(db).await;
        let mut last = shop.catalog_epoch().await;
        assert_eq!(last, 3, "a category, goods and a SKU");
        let mut raised = async |what: &str, by: i64| {
            let now = shop.catalog_epoch().await;
            assert_eq!(now - last, by, "{what}");
            last = now;
        };
        shop.save_goods(&GoodsDraft { sort: 9, ..goods_draft(shop.category) }).await.unwrap();
        raised("goods", 1).await;
        shop.save_goods(&GoodsDraft { sort: 9, ..goods_draft(shop.category) }).await.unwrap();
        shop.save_sku(&sku_draft(shop.goods)).await.unwrap();
        raised("nothing new", 0).await;
        shop.save_sku(&SkuDraft { name: words("Other"), ..sku_draft(shop.goods) }).await.unwrap();
        raised("a SKU's name", 1).await;
        let category = CategoryDraft { sort: 9, ..category_draft() };
        shop.db.store.transact(&shop.scope, async |tx| shop.catalog.save_category_in(tx, &category).await).await.unwrap();
        raised("a category", 1).await;
        shop.save_rule(0, everywhere(Audience::Retail), percent(26_000)).await.unwrap();
        shop.save_rule(0, everywhere(Audience::Retail), percent(27_000)).await.unwrap();
        raised("rules", 2).await;
        let band = |amount| Band { from: yuan("0.00"), addition: Addition::Amount { amount: yuan(amount) }, rounding: Rounding::None };
        shop.save_template(0, &[band("1.00")]).await.unwrap();
        raised("a template that no rule names yet", 0).await;
        shop.save_template(0, &[band("2.00")]).await.unwrap();
        raised("a template", 1).await;
        assert_eq!(shop.epochs().await.1, 3, "rules and templates alone");
    }

    async fn a_showcase_is_read_once_for_each_state(db) {
        let shop = Shop::open(db).await;
        let cases = Showcases::new(shop.db.store.clone());
        let first = shop.showcase(&cases, 1).await;
        for millis in [0, 999, 1, 1_500] {
            shop.db.clock.advance(TimeDelta::milliseconds(millis));
            assert!(Arc::ptr_eq(&first, &shop.showcase(&cases, 1).await), "nothing has changed");
        }
        let (one, two) = (first.retail(shop.db.store.time()), first.retail(shop.db.store.time()));
        assert_eq!((one.number, one.unit(shop.sku)), (two.number, Some(shop.quote(1).await.unwrap().unit)));
        assert!(!Arc::ptr_eq(&first, &shop.showcase(&cases, 2).await), "another edition of the shop");
        shop.save_sku(&SkuDraft { price: yuan("19.90"), ..sku_draft(shop.goods) }).await.unwrap();
        let second = shop.showcase(&cases, 1).await;
        assert!(!Arc::ptr_eq(&first, &second), "what this process changed is seen at once");
        let now = shop.db.store.time();
        assert_ne!(second.retail(now).number, one.number);
        assert_eq!(second.retail(now).unit(shop.sku), Some(shop.quote(1).await.unwrap().unit));
    }

    async fn a_showcase_answers_as_the_rows_do(db) {
        let shop = Shop::open(db).await;
        let at_ten = Reach { quantity_min: 10, ..everywhere(Audience::Retail) };
        shop.save_rule(1, everywhere(Audience::Retail), percent(500_000)).await.unwrap();
        shop.save_rule(1, at_ten, percent(100_000)).await.unwrap();
        let showcase = shop.showcase(&Showcases::new(shop.db.store.clone()), 1).await;
        let exhibit = showcase.find(&code("starfall")).expect("on sale");
        let tx = shop.db.store.read(&shop.scope).await.unwrap();
        let rows = shop.catalog.goods_by_code_in(&tx, &code("starfall")).await.unwrap();
        assert_eq!(rows, Some((exhibit.goods.clone(), exhibit.skus.clone())));
        assert_eq!(showcase.categories(), shop.catalog.categories_in(&tx).await.unwrap());
        let guest = (&Subject::default(), tx.now());
        for quantity in [1, 9, 10, 50] {
            assert_eq!(showcase.quote(guest, shop.sku, quantity), shop.quote(quantity).await.ok(), "{quantity}");
        }
        let mut tiers = Vec::new();
        for (from, to) in [(1, 9), (10, 50)] {
            tiers.push(Tier { from, to, unit: shop.quote(from).await.unwrap().unit });
        }
        assert_eq!(showcase.tiers(guest, shop.sku), tiers);
        assert_eq!((showcase.find(&code("nothing")), showcase.quote(guest, SkuId::new(), 1)), (None, None));
    }

    async fn what_is_off_sale_is_not_shown(db) {
        let shop = Shop::open(db).await;
        let cases = Showcases::new(shop.db.store.clone());
        shop.save_sku(&SkuDraft { state: OnSale::Off, ..sku_draft(shop.goods) }).await.unwrap();
        let showcase = shop.showcase(&cases, 1).await;
        assert!(showcase.exhibits()[0].skus.is_empty() && showcase.retail(shop.db.store.time()).unit(shop.sku).is_none());
        shop.save_goods(&GoodsDraft { state: OnSale::Off, ..goods_draft(shop.category) }).await.unwrap();
        assert!(shop.showcase(&cases, 1).await.exhibits().is_empty());
    }

    async fn nobody_is_shown_another_tenants_goods(db) {
        let shop = Shop::open(db).await;
        let cases = Showcases::new(shop.db.store.clone());
        assert_eq!(shop.showcase(&cases, 1).await.exhibits().len(), 1);
        // Even under the same site's id a stranger's scope reads his own rows, which are none.
        let stranger = Platform::assume().tenant(TenantId::new()).site(shop.chain[1].site);
        let showcase = cases.of(&stranger, (|| shop.chain.clone(), 1)).await.expect("a showcase");
        assert!(showcase.exhibits().is_empty() && showcase.categories().is_empty());
    }
}
