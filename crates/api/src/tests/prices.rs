//! The main site's rules and templates, and what leads to a price.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::fixture::Office;
use super::{column, get, put, refusals};

fn path(office: &Office, rest: &str) -> String {
    format!("/api/v1/tenants/{}/{rest}", office.grove)
}

fn cny(minor: i64) -> Value {
    json!({"amount_minor": minor, "currency": "CNY"})
}

fn wholesale(price: i64) -> Value {
    json!({"audience": "wholesale", "scope": "sku", "target": "starfall-100", "terms": {"kind": "fixed", "price": cny(price)}})
}

testkit::on_both! {
    async fn a_rule_is_made_changed_by_what_it_is_about_and_listed(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let (status, made) = put(&mut ann, &path(&office, "prices"), wholesale(800)).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let (status, changed) = put(&mut ann, &path(&office, "prices"), wholesale(820)).await;
        assert_eq!((status, &changed["changed"]), (StatusCode::OK, &json!(["value"])));
        assert_eq!(changed["data"]["id"], made["data"]["id"]);
        let silver = json!({"level": "silver", "audience": "wholesale", "scope": "category", "target": "games", "quantity_min": 10,
            "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2027-01-01T00:00:00Z",
            "terms": {"kind": "percent", "rate_ppm": 50_000, "rounding": "up_0.1"}});
        let limit = json!({"site": "north", "audience": "retail", "scope": "site", "terms": {"kind": "limit", "floor": cny(500), "markup_max_ppm": 300_000}});
        for sent in [&silver, &limit] {
            let (status, made) = put(&mut ann, &path(&office, "prices"), sent.clone()).await;
            assert_eq!(status, StatusCode::CREATED, "{made}");
            for (field, value) in sent.as_object().expect("an object") {
                if field != "terms" {
                    assert_eq!(&made["data"][field], value, "{field}");
                }
            }
        }
        let (_, all) = get(&mut ann, &path(&office, "prices")).await;
        assert_eq!(column(&all, "scope"), ["sku", "category", "site"]);
        assert_eq!(column(&get(&mut ann, &path(&office, "prices?family=limit")).await.1, "site"), ["north"]);
        assert_eq!(column(&get(&mut ann, &path(&office, "prices?site=north")).await.1, "scope"), ["site"]);
        assert_eq!(column(&get(&mut ann, &path(&office, "prices?audience=wholesale&limit=1")).await.1, "target"), ["starfall-100"]);
    }

    async fn a_rule_that_changed_meanwhile_is_not_overwritten(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let prices = path(&office, "prices");
        let (_, made) = put(&mut ann, &prices, wholesale(800)).await;
        let read = format!("\"{}\"", made["data"]["version"]);
        let (status, changed) = ann.ask_if(Method::PUT, &prices, wholesale(810), Some(read.clone())).await;
        assert_eq!(status, StatusCode::OK, "{changed}");
        let (status, problem) = ann.ask_if(Method::PUT, &prices, wholesale(820), Some(read.clone())).await;
        assert_eq!((status, problem["code"].as_str()), (StatusCode::PRECONDITION_FAILED, Some("version_moved")));
        let mut other = wholesale(800);
        other["target"] = json!("starfall-300");
        assert_eq!(ann.ask_if(Method::PUT, &prices, other, Some(read)).await.0, StatusCode::PRECONDITION_FAILED);
        let (_, all) = get(&mut ann, &prices).await;
        assert_eq!(all["data"].as_array().map(Vec::len), Some(1));
        assert_eq!(all["data"][0]["terms"]["price"], cny(810));
    }

    async fn a_rule_that_cannot_be_meant_is_refused(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let prices = path(&office, "prices");
        let rule = |edit: &dyn Fn(&mut Value)| {
            let mut rule = wholesale(800);
            edit(&mut rule);
            rule
        };
        for (sent, at, code) in [
            (rule(&|rule| rule["audience"] = json!("friends")), "/audience", "word_unknown"),
            (rule(&|rule| rule["valid_from"] = json!("+12000-01-01T00:00:00Z")), "/valid_from", "value_out_of_range"),
            (rule(&|rule| rule["scope"] = json!("planet")), "/scope", "word_unknown"),
            (rule(&|rule| rule["target"] = json!("nothing")), "/target", "catalog_not_found"),
            (rule(&|rule| rule["site"] = json!("deep")), "/site", "not_found"),
            (rule(&|rule| rule["site"] = json!("nowhere")), "/site", "not_found"),
            (rule(&|rule| rule["customer"] = json!("nora@example.com")), "/level", "whom_mixed"),
            (rule(&|rule| rule["terms"]["price"]["currency"] = json!("USD")), "/terms/price/currency", "currency_foreign"),
            (rule(&|rule| rule["terms"]["rounding"] = json!("down")), "/terms/rounding", "word_unknown"),
            (rule(&|rule| rule["terms"] = json!({"kind": "template", "template": "none"})), "/terms/template", "not_found"),
        ] {
            let (status, problem) = put(&mut ann, &prices, sent).await;
            assert_eq!((status, refusals(&problem)), (StatusCode::UNPROCESSABLE_ENTITY, vec![(at, code)]), "{problem}");
        }
        for (sent, code) in [
            (rule(&|rule| rule["quantity_min"] = json!(0)), "value_out_of_range"),
            (rule(&|rule| rule["terms"] = json!({"kind": "limit"})), "rule_limit_empty"),
            (rule(&|rule| rule["terms"]["loss_cap"] = cny(5)), "rule_wholesale_loss"),
        ] {
            let (status, problem) = put(&mut ann, &prices, sent).await;
            assert_eq!((status, problem["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(code)), "{problem}");
        }
        assert_eq!(put(&mut ann, &prices, rule(&|rule| rule["terms"]["kind"] = json!("magic"))).await.0, StatusCode::BAD_REQUEST);
        assert_eq!(get(&mut ann, &prices).await.1["data"], json!([]));
    }

    async fn a_secret_price_is_for_a_buyer_by_his_log_in(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let sent = json!({"audience": "retail", "scope": "site", "customer": "Emil@example.com", "terms": {"kind": "percent", "rate_ppm": 10_000}});
        let (status, made) = put(&mut ann, &path(&office, "prices"), sent).await;
        assert_eq!((status, &made["data"]["customer"]), (StatusCode::CREATED, &json!("emil@example.com")), "{made}");
    }

    async fn a_template_is_made_and_a_rule_names_it(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let steps = |rate: u32| json!({"name": {"en": "Steps"}, "bands": [
            {"from": cny(0), "add": {"kind": "amount", "amount": cny(50)}, "rounding": "none"},
            {"from": cny(500), "add": {"kind": "percent", "rate_ppm": rate}, "rounding": "up_1"},
        ]});
        let (status, made) = put(&mut ann, &path(&office, "templates/steps"), steps(80_000)).await;
        assert_eq!((status, &made["data"]["bands"]), (StatusCode::CREATED, &steps(80_000)["bands"]), "{made}");
        let (status, changed) = put(&mut ann, &path(&office, "templates/steps"), steps(90_000)).await;
        assert_eq!((status, &changed["changed"]), (StatusCode::OK, &json!(["steps"])));
        let sent = json!({"audience": "retail", "scope": "site", "terms": {"kind": "template", "template": "steps"}});
        let (_, rule) = put(&mut ann, &path(&office, "prices"), sent).await;
        assert_eq!(rule["data"]["terms"], json!({"kind": "template", "template": "steps"}));
        assert_eq!(column(&get(&mut ann, &path(&office, "templates")).await.1, "code"), ["steps"]);
        let mut falling = steps(1);
        falling["bands"][1]["from"] = cny(0);
        let (status, problem) = put(&mut ann, &path(&office, "templates/steps"), falling).await;
        assert_eq!((status, problem["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("template_band_order")));
        let mut foreign = steps(1);
        foreign["bands"][1]["from"]["currency"] = json!("JPY");
        let (_, problem) = put(&mut ann, &path(&office, "templates/steps"), foreign).await;
        assert_eq!(refusals(&problem), [("/bands/1/from/currency", "currency_foreign")]);
    }

    async fn the_main_site_sees_every_hop_of_a_price_in_its_tree(db) {
        let office = Office::open(&db).await;
        let (mut ann, mut sue) = (office.logged_in().await, office.logged_in_as("sue@example.com").await);
        put(&mut ann, &path(&office, "prices"), wholesale(800)).await;
        let own = path(&office, &format!("sites/{}/prices", office.tree.north));
        let sent = json!({"audience": "wholesale", "scope": "site", "terms": {"kind": "markup", "amount": cny(33), "rounding": "up_0.1"}});
        assert_eq!(put(&mut sue, &own, sent).await.0, StatusCode::CREATED);
        let (status, told) = get(&mut ann, &path(&office, "prices/explain?site=deep&sku=starfall-100&quantity=2")).await;
        assert_eq!((status, &told["price"]), (StatusCode::OK, &cny(1_000)), "{told}");
        let hops = told["hops"].as_array().expect("hops");
        let figures: Vec<(&str, i64, i64)> = hops
            .iter()
            .map(|hop| (hop["slug"].as_str().unwrap_or_default(), hop["cost"]["amount_minor"].as_i64().unwrap_or(-1), hop["margin"]["amount_minor"].as_i64().unwrap_or(-1)))
            .collect();
        assert_eq!(figures, [("main", 700, 100), ("north", 800, 40), ("deep", 840, 160)]);
        assert_eq!((&hops[0]["steps"][0]["formula"], &hops[0]["steps"][0]["source"]), (&json!("fixed"), &json!("sku")));
        assert_eq!((&hops[1]["steps"][1]["step"], &hops[1]["steps"][1]["rounding"]), (&json!("rounded"), &json!("up_0.1")));
        for unknown in ["site=nowhere&sku=starfall-100", "sku=nothing", &format!("site={}&sku=starfall-100", office.foreign.north)] {
            assert_eq!(get(&mut ann, &path(&office, &format!("prices/explain?{unknown}"))).await.0, StatusCode::NOT_FOUND);
        }
    }

    async fn a_price_that_is_missing_says_why(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let sent = json!({"audience": "retail", "scope": "site", "terms": {"kind": "fixed", "price": cny(100)}});
        put(&mut ann, &path(&office, "prices"), sent).await;
        let (status, told) = get(&mut ann, &path(&office, "prices/explain?sku=starfall-100")).await;
        assert_eq!((status, &told["price"], &told["hidden"]["code"]), (StatusCode::OK, &Value::Null, &json!("price_below_cost")), "{told}");
    }
}
