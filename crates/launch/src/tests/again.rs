//! Applying a pack to a shop that is there.

use catalog::{CategoryDraft, GoodsDraft, OnSale};
use identity::Login;
use kernel::Wording;

use super::*;

async fn sku(house: &House, db: &TestDb, scope: &TenantScope, goods: &str) -> catalog::Sku {
    let tx = db.store.read(scope).await.expect("a reader");
    let code = Code::parse(goods).expect("a code");
    let (_, mut skus) = house.catalog.goods_by_code_in(&tx, &code).await.expect("goods").expect("on sale");
    skus.pop().expect("a SKU")
}

testkit::on_both! {
    async fn a_second_apply_changes_nothing_and_posts_nothing(db) {
        let house = House::new(&db);
        house.apply(&pack(&[])).await;
        let scope = house.scope("demo-two").await;
        let before = audited(&db, &scope).await;
        let again = house.apply(&pack(&[])).await;
        assert!(again.plan.is_empty(), "{:?}", again.plan.changes);
        assert_eq!((again.cards_added, again.duplicates, again.logins.len()), (0, 60, 0));
        assert_eq!(audited(&db, &scope).await, before);
    }

    async fn a_price_change_is_shown_old_and_new_and_raises_the_epoch(db) {
        let house = House::new(&db);
        house.apply(&pack(&[])).await;
        let scope = house.scope("demo-two").await;
        let before = sku(&house, &db, &scope, "starfall").await;
        let applied = house.apply(&pack(&[("goods.csv", "9.02,9.70", "9.02,9.75")])).await;
        let price = FieldChange { field: "price", old: "9.70 CNY".to_owned(), new: "9.75 CNY".to_owned() };
        assert_eq!(change(&applied.plan, Thing::Sku, "starfall-100"), Some(&What::Changed(vec![price])));
        assert_eq!(applied.plan.changes.len(), 1);
        let after = sku(&house, &db, &scope, "starfall").await;
        assert_eq!((after.price.minor(), after.epoch), (975, before.epoch + 1));
    }

    async fn changed_rows_are_shown_in_the_words_of_the_pack(db) {
        let house = House::new(&db);
        house.apply(&pack(&[])).await;
        let plan = house.launch.plan(&pack(&[
            ("tenant.toml", "name = \"松果卡铺\"", "name = \"松针卡铺\""),
            ("sites/breeze.toml", "mode = \"dark\"", "mode = \"light\""),
            ("sites/breeze.toml", "value = \"6\"", "value = \"6.5\""),
            ("sites/main.toml", "name = \"何宁\"", "name = \"何安\""),
            ("goods.csv", "chestnut,digital,", "chestnut,games,"),
        ])).await.expect("a plan");
        let told: Vec<String> = plan.changes.iter().map(|change| match &change.what {
            What::Created => format!("{} {} is new", change.thing, change.name),
            What::Changed(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|field| format!("{}: {} -> {}", field.field, field.old, field.new)).collect();
                format!("{} {} {}", change.thing, change.name, fields.join(", "))
            }
        }).collect();
        assert_eq!(told, [
            "tenant demo-two name: 松果卡铺 -> 松针卡铺",
            "site breeze mode: dark -> light",
            "customer he@two.localhost name: 何宁 -> 何安",
            "goods chestnut category: digital -> games",
            "price breeze retail site value: 6 % -> 6.5 %",
        ]);
    }

    async fn a_new_front_is_shown_by_its_kinds_and_written(db) {
        let house = House::new(&db);
        house.apply(&pack(&[])).await;
        let front = "[tokens]\naccent = \"#1F4FBF\"\n\n[[section]]\nkind = \"best\"\n\n[[section]]\nkind = \"guide\"\n\n[[price]]";
        let edits = [("sites/breeze.toml", "[[price]]", front)];
        let applied = house.apply(&pack(&edits)).await;
        let told = |old: &str, new: &str, field| FieldChange { field, old: old.to_owned(), new: new.to_owned() };
        let sections = told("hero notice categories shelves guide", "best guide", "sections");
        assert_eq!(
            change(&applied.plan, Thing::Site, "breeze"),
            Some(&What::Changed(vec![sections, told("", "#1F4FBF", "tokens")]))
        );
        assert!(house.apply(&pack(&edits)).await.plan.is_empty());
        let shop = house.tenancy.resolve("breeze.two.localhost").expect("a shop");
        assert_eq!(shop.site.front.sections().len(), 2);
    }

    async fn an_opening_balance_is_posted_only_once(db) {
        let house = House::new(&db);
        house.apply(&pack(&[])).await;
        let scope = house.scope("demo-two").await;
        house.apply(&pack(&[
            ("sites/main.toml", "wallet = \"200.00\"", "wallet = \"999.00\""),
            ("sites/breeze.toml", "prepaid = \"1000.00\"", "prepaid = \"9999.00\""),
        ])).await;
        let tx = db.store.read(&scope).await.expect("a reader");
        let login = Login::parse("he@two.localhost").expect("a login");
        let customer = house.customers.find_in(&tx, &login).await.expect("customers").expect("a customer");
        drop(tx);
        let wallet = Account::of(AccountKind::Wallet, customer.id.uuid(), Currency::CNY);
        assert_eq!(balance(&db, &scope, wallet).await, 20_000);
    }

    async fn new_cards_of_a_pack_are_added_to_the_stock_at_cost(db) {
        let house = House::new(&db);
        house.apply(&pack(&[])).await;
        let scope = house.scope("demo-two").await;
        let before = balance(&db, &scope, own(AccountKind::StockAtCost)).await;
        let more = pack(&[("cards/quillnote-1.csv", "expires_on\n", "expires_on\nNEW-1,\nNEW-2,2030-01-31\n")]);
        let applied = house.apply(&more).await;
        assert_eq!((applied.cards_added, applied.duplicates), (2, 60));
        assert_eq!(balance(&db, &scope, own(AccountKind::StockAtCost)).await, before - 2 * 16_800);
        assert_eq!(audited(&db, &scope).await.1, 62);
    }

    async fn what_was_taken_off_sale_stays_off(db) {
        let house = House::new(&db);
        house.apply(&pack(&[])).await;
        let scope = house.scope("demo-two").await;
        let off = db.store.transact(&scope, async |tx| {
            let category = CategoryDraft {
                code: Code::parse("digital").expect("a code"),
                name: Wording::new("会员与软件", "Memberships and software"),
                sort: 20,
            };
            let (category, _) = house.catalog.save_category_in(tx, &category).await?;
            let code = Code::parse("quillnote").expect("a code");
            let (goods, _) = house.catalog.goods_by_code_in(tx, &code).await?.expect("on sale");
            let state = OnSale::Off;
            let catalog::Goods { code, kind, fulfilment, refunds, site_levels, title, description, art, sort, .. } = goods;
            let draft = GoodsDraft { code, category, kind, fulfilment, refunds, site_levels, state, title, description, art, sort };
            house.catalog.save_goods_in(tx, &draft).await
        });
        off.await.expect("taken off");
        let applied = house.apply(&pack(&[])).await;
        assert!(applied.plan.is_empty(), "{:?}", applied.plan.changes);
        let tx = db.store.read(&scope).await.expect("a reader");
        let code = Code::parse("quillnote").expect("a code");
        assert_eq!(house.catalog.goods_by_code_in(&tx, &code).await.expect("goods"), None);
    }

    async fn a_site_moves_under_its_new_parent(db) {
        let house = House::new(&db);
        let third = "slug = \"dusk\"\nparent = \"main\"\nlevel = \"bronze\"\nname = { zh = \"黄昏\" }\n\
                     tagline = { en = \"Late\" }\nhosts = [\"dusk.two.localhost\"]\ntheme = \"clay\"\nmode = \"auto\"\n";
        let folder = pack_folder(&[]);
        fs::write(folder.path().join("sites/dusk.toml"), third).expect("written");
        house.apply(&Pack::read(folder.path()).expect("a sound pack")).await;
        fs::write(folder.path().join("sites/dusk.toml"), third.replace("\"main\"", "\"breeze\"")).expect("written");
        let applied = house.apply(&Pack::read(folder.path()).expect("a sound pack")).await;
        let parent = FieldChange { field: "parent", old: "main".to_owned(), new: "breeze".to_owned() };
        assert_eq!(change(&applied.plan, Thing::Site, "dusk"), Some(&What::Changed(vec![parent])));
        assert_eq!(house.tenancy.resolve("dusk.two.localhost").expect("a shop").chain.len(), 3);
    }
}
