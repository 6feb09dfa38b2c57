//! Categories, goods and SKUs.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::fixture::Office;
use super::{column, get, put, refusals};

fn path(office: &Office, rest: &str) -> String {
    format!("/api/v1/tenants/{}/{rest}", office.grove)
}

fn sku(price: i64) -> Value {
    json!({
        "goods": "starfall", "name": {"en": "300 points"}, "cost": {"amount_minor": 700, "currency": "CNY"},
        "price": {"amount_minor": price, "currency": "CNY"}, "quantity_max": 5,
    })
}

testkit::on_both! {
    async fn a_category_is_made_changed_and_left_as_it_is(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let path = path(&office, "categories");
        let (status, made) = put(&mut ann, &format!("{path}/gifts"), json!({"name": {"zh": "礼品"}, "sort": 2})).await;
        assert_eq!((status, &made["changed"]), (StatusCode::CREATED, &json!([])), "{made}");
        let sent = json!({"name": {"zh": "礼品", "en": "Gifts"}, "sort": 3});
        let (status, changed) = put(&mut ann, &format!("{path}/gifts"), sent.clone()).await;
        assert_eq!((status, &changed["changed"]), (StatusCode::OK, &json!(["name_en", "sort"])));
        assert_eq!(changed["data"]["id"], made["data"]["id"]);
        assert_eq!(put(&mut ann, &format!("{path}/gifts"), sent).await.1["changed"], json!([]));
        assert_eq!(column(&get(&mut ann, &path).await.1, "code"), ["games", "gifts"]);
        assert_eq!(put(&mut ann, &format!("{path}/No_Code"), json!({"name": {"en": "x"}})).await.1["code"], "code_invalid");
    }

    async fn goods_are_made_taken_off_sale_and_still_listed(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let sent = |state: &str| json!({
            "category": "games", "kind": "shared", "state": state, "title": {"en": "Moonrise"},
            "description": {"en": "Two\nlines"}, "art": "moon",
        });
        let (status, made) = put(&mut ann, &path(&office, "goods/moonrise"), sent("on")).await;
        assert_eq!((status, &made["data"]["category"]), (StatusCode::CREATED, &json!("games")), "{made}");
        let (status, off) = put(&mut ann, &path(&office, "goods/moonrise"), sent("off")).await;
        assert_eq!((status, &off["changed"]), (StatusCode::OK, &json!(["state"])));
        assert_eq!(column(&get(&mut ann, &path(&office, "goods")).await.1, "code"), ["starfall", "moonrise"]);
        assert_eq!(column(&get(&mut ann, &path(&office, "goods?state=off")).await.1, "code"), ["moonrise"]);
        assert_eq!(column(&get(&mut ann, &path(&office, "goods?category=nothing")).await.1, "code"), Vec::<&str>::new());
        let (_, first) = get(&mut ann, &path(&office, "goods?limit=1")).await;
        let cursor = first["next_cursor"].as_str().expect("a cursor");
        let (_, second) = get(&mut ann, &path(&office, &format!("goods?limit=1&cursor={cursor}"))).await;
        assert_eq!((column(&second, "code"), &second["has_more"]), (vec!["moonrise"], &json!(false)));
    }

    async fn goods_are_found_by_code_and_by_id_with_their_skus(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        put(&mut ann, &path(&office, "skus/starfall-100"), with_state(sku(1_000), "off")).await;
        let (status, goods) = get(&mut ann, &path(&office, "goods/starfall")).await;
        assert_eq!((status, goods["skus"].as_array().map(Vec::len)), (StatusCode::OK, Some(3)), "{goods}");
        assert_eq!((&goods["skus"][0]["state"], &goods["skus"][0]["cost"]["amount_minor"]), (&json!("off"), &json!(700)));
        let id = goods["id"].as_str().expect("an id");
        assert_eq!(get(&mut ann, &path(&office, &format!("goods/{id}"))).await, (StatusCode::OK, goods.clone()));
        assert_eq!(column(&get(&mut ann, &path(&office, "skus?state=off")).await.1, "code"), ["starfall-100"]);
        assert_eq!(column(&get(&mut ann, &path(&office, "skus?goods=nothing")).await.1, "code"), Vec::<&str>::new());
    }

    async fn a_sku_is_made_and_its_price_changes(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let (status, made) = put(&mut ann, &path(&office, "skus/starfall-9"), sku(900)).await;
        assert_eq!((status, &made["data"]["goods"]), (StatusCode::CREATED, &json!("starfall")), "{made}");
        let (status, changed) = put(&mut ann, &path(&office, "skus/starfall-9"), sku(950)).await;
        assert_eq!((status, &changed["changed"]), (StatusCode::OK, &json!(["price"])));
        assert_eq!(changed["data"]["price"], json!({"amount_minor": 950, "currency": "CNY"}));
        assert_eq!(put(&mut ann, &path(&office, "skus/starfall-9"), sku(950)).await.0, StatusCode::OK);
    }

    async fn amounts_are_in_the_tenants_currency_and_not_below_zero(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let mut sent = sku(-1);
        sent["cost"]["currency"] = json!("USD");
        sent["goods"] = json!("nothing");
        sent["quantity_max"] = json!(0);
        let (status, problem) = put(&mut ann, &path(&office, "skus/starfall-9"), sent).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refusals(&problem), [
            ("/goods", "not_found"), ("/cost/currency", "currency_foreign"), ("/price/amount_minor", "amount_negative"),
            ("/quantity_max", "value_out_of_range"),
        ]);
        let (status, problem) = put(&mut ann, &path(&office, "skus/starfall-9"), json!({"goods": "starfall"})).await;
        assert_eq!((status, problem["code"].as_str()), (StatusCode::BAD_REQUEST, Some("request_unreadable")));
    }

    async fn another_tenants_goods_are_not_there_even_by_id(db) {
        let office = Office::open(&db).await;
        let (mut ann, mut bob) = (office.logged_in().await, office.logged_in_as("bob@example.com").await);
        let (_, theirs) = get(&mut bob, &format!("/api/v1/tenants/{}/goods/starfall", office.other)).await;
        let id = theirs["id"].as_str().expect("an id").to_owned();
        let made_up = catalog::GoodsId::new().to_string();
        for name in [id.as_str(), made_up.as_str(), "nothing", "No_Code"] {
            let (status, problem) = get(&mut ann, &path(&office, &format!("goods/{name}"))).await;
            assert_eq!((status, problem["code"].as_str(), &problem["detail"]), (StatusCode::NOT_FOUND, Some("not_found"), &Value::Null));
        }
    }

    async fn a_clerk_sees_sites_and_no_purchase_prices(db) {
        let office = Office::open(&db).await;
        let mut cid = office.logged_in_as("cid@example.com").await;
        assert_eq!(get(&mut cid, &path(&office, "sites")).await.0, StatusCode::OK);
        for rest in ["goods", "skus", "prices", "channels", "balances", "categories", "templates"] {
            let (status, problem) = get(&mut cid, &path(&office, rest)).await;
            assert_eq!((status, problem["code"].as_str()), (StatusCode::FORBIDDEN, Some("forbidden")), "{rest}");
        }
    }
}

fn with_state(mut sku: Value, state: &str) -> Value {
    sku["state"] = json!(state);
    sku
}
