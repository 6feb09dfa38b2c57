//! A sub-site as its owner sees it.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::fixture::Office;
use super::{column, get, put, refusals};

fn own(office: &Office, rest: &str) -> String {
    format!("/api/v1/tenants/{}/sites/{}/{rest}", office.grove, office.tree.north)
}

fn cny(minor: i64) -> Value {
    json!({"amount_minor": minor, "currency": "CNY"})
}

/// The main site sells to north at 8.00, and buys at 7.00.
async fn priced(office: &Office) {
    let path = format!("/api/v1/tenants/{}/prices", office.grove);
    let sent = json!({"audience": "wholesale", "scope": "site", "terms": {"kind": "markup", "amount": cny(100)}});
    assert_eq!(put(&mut office.logged_in().await, &path, sent).await.0, StatusCode::CREATED);
}

testkit::on_both! {
    async fn an_owner_sees_and_changes_what_his_site_says(db) {
        let office = Office::open(&db).await;
        let mut sue = office.logged_in_as("sue@example.com").await;
        let (status, site) = get(&mut sue, &own(&office, "profile")).await;
        assert_eq!((status, &site["slug"], &site["hosts"]), (StatusCode::OK, &json!("north"), &json!(["north.grove.example"])), "{site}");
        let sent = json!({"name": {"zh": "北", "en": "North"}, "notice": {"en": "Closed on Monday"}, "theme": "clay", "mode": "dark", "support": "sue"});
        let (status, saved) = put(&mut sue, &own(&office, "profile"), sent.clone()).await;
        assert_eq!((status, &saved["changed"]), (StatusCode::OK, &json!(["name", "notice", "theme", "mode", "support"])), "{saved}");
        let shop = office.rooms.tenancy.resolve("north.grove.example").expect("served");
        assert_eq!((shop.site.notice.en.as_str(), shop.site.level.as_deref()), ("Closed on Monday", Some("gold")));
        let mut with_level = sent;
        with_level["level"] = json!("platinum");
        assert_eq!(put(&mut sue, &own(&office, "profile"), with_level).await.0, StatusCode::BAD_REQUEST);
    }

    async fn who_changes_what_another_has_changed_meanwhile_is_told(db) {
        let office = Office::open(&db).await;
        let mut sue = office.logged_in_as("sue@example.com").await;
        let (profile, words) = (own(&office, "profile"), |name: &str| json!({"name": {"en": name}, "theme": "clay", "mode": "dark"}));
        let (_, read) = get(&mut sue, &profile).await;
        let etag = sue.headers["etag"].to_str().expect("a text").to_owned();
        assert_eq!(etag, format!("\"{}\"", read["version"]));
        let (status, saved) = sue.ask_if(Method::PUT, &profile, words("First"), Some(etag.clone())).await;
        let newer = sue.headers["etag"].to_str().expect("a text").to_owned();
        assert_eq!((status, format!("\"{}\"", saved["data"]["version"])), (StatusCode::OK, newer.clone()));
        assert_ne!(etag, newer);
        let (status, refused) = sue.ask_if(Method::PUT, &profile, words("Second"), Some(etag.clone())).await;
        assert_eq!((status, &refused["code"]), (StatusCode::PRECONDITION_FAILED, &json!("version_moved")), "{refused}");
        assert_eq!(get(&mut sue, &profile).await.1["name"]["en"], "First");
        // The main site's people change the same settings, and see the same version.
        let mut ann = office.logged_in().await;
        let site = format!("/api/v1/tenants/{}/sites/{}", office.grove, office.tree.north);
        let mut level = words("Third");
        level["level"] = json!("gold");
        assert_eq!(ann.ask_if(Method::PUT, &site, level.clone(), Some(etag.clone())).await.0, StatusCode::PRECONDITION_FAILED);
        assert_eq!(ann.ask_if(Method::PUT, &site, level, Some(newer.clone())).await.0, StatusCode::OK);
        let (state, path) = (json!({"state": "suspended"}), format!("{site}/state"));
        let (status, _) = ann.ask_if(Method::POST, &path, state.clone(), Some(newer)).await;
        assert_eq!(status, StatusCode::PRECONDITION_FAILED);
        let (_, sites) = get(&mut ann, &format!("/api/v1/tenants/{}/sites", office.grove)).await;
        let north = sites["data"].as_array().expect("sites").iter().find(|one| one["slug"] == "north").expect("it").clone();
        assert_eq!((&north["state"], &north["name"]["en"]), (&json!("active"), &json!("Third")));
        let current = format!("\"{}\"", north["version"]);
        assert_eq!(ann.ask_if(Method::POST, &path, state.clone(), Some(current.clone())).await.0, StatusCode::OK);
        // Suspended is another version than active.
        assert_eq!(ann.ask_if(Method::POST, &path, state.clone(), Some(current)).await.0, StatusCode::PRECONDITION_FAILED);
        assert_eq!(ann.ask_if(Method::POST, &path, state.clone(), Some("x".to_owned())).await.0, StatusCode::BAD_REQUEST);
        assert_eq!(ann.ask(Method::POST, &path, state).await.0, StatusCode::OK);
    }

    async fn what_cannot_be_bought_is_told_with_its_reason(db) {
        let office = Office::open(&db).await;
        priced(&office).await;
        let mut sue = office.logged_in_as("sue@example.com").await;
        let low = json!({"audience": "retail", "scope": "sku", "target": "starfall-300", "terms": {"kind": "fixed", "price": cny(1)}});
        assert_eq!(put(&mut sue, &own(&office, "prices"), low).await.0, StatusCode::CREATED);
        let told = |list: &Value| -> Vec<(String, Value, bool)> {
            let rows = list["data"].as_array().expect("a list").iter();
            rows.map(|row| (row["code"].as_str().expect("a code").to_owned(), row["hidden"]["code"].clone(), row["is_out_of_stock"] == true)).collect()
        };
        let below = ("starfall-300".to_owned(), json!("price_below_cost"), true);
        let out = |code: &str| (code.to_owned(), Value::Null, true);
        let (status, list) = get(&mut sue, &own(&office, "sku-exceptions")).await;
        assert_eq!((status, told(&list)), (StatusCode::OK, vec![below.clone(), out("starfall-500")]), "{list}");
        let mut ann = office.logged_in().await;
        let path = format!("/api/v1/tenants/{}/sku-exceptions", office.grove);
        assert_eq!(told(&get(&mut ann, &path).await.1), [out("starfall-300"), out("starfall-500")]);
        let (_, first) = get(&mut ann, &format!("{path}?site=north&limit=1")).await;
        assert_eq!((told(&first), &first["data"][0]["hidden_by"]), (vec![below], &json!(office.tree.north.to_string())));
        let cursor = first["next_cursor"].as_str().expect("there is more");
        let (_, rest) = get(&mut ann, &format!("{path}?site=north&limit=1&cursor={cursor}")).await;
        assert_eq!((told(&rest), &rest["has_more"]), (vec![out("starfall-500")], &json!(false)));
        assert_eq!(get(&mut ann, &format!("{path}?site=nowhere")).await.0, StatusCode::NOT_FOUND);
    }

    async fn an_owner_sees_what_he_pays_and_asks_and_no_more(db) {
        let office = Office::open(&db).await;
        priced(&office).await;
        let mut sue = office.logged_in_as("sue@example.com").await;
        let sent = json!({"audience": "retail", "scope": "sku", "target": "starfall-100", "terms": {"kind": "fixed", "price": cny(1_234)}});
        assert_eq!(put(&mut sue, &own(&office, "prices"), sent).await.0, StatusCode::CREATED);
        let low = json!({"audience": "retail", "scope": "sku", "target": "starfall-300", "terms": {"kind": "fixed", "price": cny(1)}});
        assert_eq!(put(&mut sue, &own(&office, "prices"), low).await.0, StatusCode::CREATED);
        let (status, goods) = get(&mut sue, &own(&office, "goods")).await;
        let skus = goods["data"][0]["skus"].as_array().expect("SKUs");
        assert_eq!((status, skus.len()), (StatusCode::OK, 3), "{goods}");
        assert_eq!((&skus[0]["purchase_price"], &skus[0]["retail_price"]), (&cny(800), &cny(1_234)));
        assert_eq!((&skus[1]["retail_price"], &skus[1]["hidden"]["code"]), (&Value::Null, &json!("price_below_cost")));
        assert!(!goods.to_string().contains("700"), "what the main site pays is its own: {goods}");
    }

    async fn what_a_site_above_hides_is_just_not_on_sale(db) {
        let office = Office::open(&db).await;
        let path = format!("/api/v1/tenants/{}/prices", office.grove);
        let sent = json!({"audience": "wholesale", "scope": "site", "terms": {"kind": "fixed", "price": cny(3)}});
        put(&mut office.logged_in().await, &path, sent).await;
        let mut sue = office.logged_in_as("sue@example.com").await;
        let (_, goods) = get(&mut sue, &own(&office, "goods")).await;
        assert_eq!(goods["data"][0]["skus"][0]["hidden"], json!({"code": "not_on_sale", "detail": "it is not on sale"}));
        let (_, told) = get(&mut sue, &own(&office, "prices/explain?sku=starfall-100")).await;
        assert_eq!((&told["hidden"]["code"], &told["hops"]), (&json!("not_on_sale"), &json!([])), "{told}");
    }

    async fn an_owner_prices_for_sites_right_below_and_his_own_buyers_only(db) {
        let office = Office::open(&db).await;
        let mut sue = office.logged_in_as("sue@example.com").await;
        let secret = |field: &str, name: &str| {
            let audience = if field == "site" { "wholesale" } else { "retail" };
            let mut rule = json!({"audience": audience, "scope": "site", "terms": {"kind": "percent", "rate_ppm": 20_000}});
            rule[field] = json!(name);
            rule
        };
        for (field, name) in [("site", "deep"), ("customer", "nora@example.com")] {
            let (status, made) = put(&mut sue, &own(&office, "prices"), secret(field, name)).await;
            assert_eq!((status, &made["data"][field]), (StatusCode::CREATED, &json!(name)), "{made}");
        }
        let mut refused = Vec::new();
        for (field, name) in [("site", "east"), ("site", "main"), ("site", "nowhere"), ("customer", "emil@example.com"), ("customer", "nobody@example.com")] {
            let (status, mut problem) = put(&mut sue, &own(&office, "prices"), secret(field, name)).await;
            assert_eq!((status, refusals(&problem)), (StatusCode::UNPROCESSABLE_ENTITY, vec![(format!("/{field}").as_str(), "not_found")]));
            problem["request_id"] = Value::Null;
            refused.push(problem);
        }
        assert!(refused[0] == refused[2] && refused[1] == refused[2] && refused[3] == refused[4], "another's looks like nobody's");
        let (_, all) = get(&mut sue, &own(&office, "prices")).await;
        assert_eq!(all["data"].as_array().map(Vec::len), Some(2));
        let (_, above) = get(&mut office.logged_in().await, &format!("/api/v1/tenants/{}/prices", office.grove)).await;
        assert_eq!(above["data"], json!([]), "rules of a sub-site are not the main site's");
    }

    async fn an_owners_templates_are_his_sites_own(db) {
        let office = Office::open(&db).await;
        let mut sue = office.logged_in_as("sue@example.com").await;
        let sent = json!({"name": {"en": "Mine"}, "bands": [{"from": cny(0), "add": {"kind": "percent", "rate_ppm": 100_000}, "rounding": "none"}]});
        assert_eq!(put(&mut sue, &own(&office, "templates/mine"), sent).await.0, StatusCode::CREATED);
        assert_eq!(column(&get(&mut sue, &own(&office, "templates")).await.1, "code"), ["mine"]);
        let mut ann = office.logged_in().await;
        let above = format!("/api/v1/tenants/{}", office.grove);
        assert_eq!(get(&mut ann, &format!("{above}/templates")).await.1["data"], json!([]));
        let rule = json!({"audience": "retail", "scope": "site", "terms": {"kind": "template", "template": "mine"}});
        let (_, problem) = put(&mut ann, &format!("{above}/prices"), rule).await;
        assert_eq!(refusals(&problem), [("/terms/template", "not_found")]);
    }

    async fn an_owner_sees_his_own_steps_and_not_who_bound_him(db) {
        let office = Office::open(&db).await;
        priced(&office).await;
        let path = format!("/api/v1/tenants/{}/prices", office.grove);
        let floor = json!({"audience": "retail", "scope": "site", "terms": {"kind": "limit", "floor": cny(1_500)}});
        assert_eq!(put(&mut office.logged_in().await, &path, floor).await.0, StatusCode::CREATED);
        let mut sue = office.logged_in_as("sue@example.com").await;
        let (status, told) = get(&mut sue, &own(&office, "prices/explain?sku=starfall-100")).await;
        assert_eq!((status, &told["price"], told["hops"].as_array().map(Vec::len)), (StatusCode::OK, &cny(1_500), Some(1)), "{told}");
        let hop = &told["hops"][0];
        assert_eq!((&hop["cost"], &hop["margin"]), (&cny(800), &cny(700)));
        let floored = &hop["steps"][1];
        assert_eq!((&floored["step"], &floored["set_by"], &floored["rule"]), (&json!("floored"), &Value::Null, &Value::Null));
        assert!(!told.to_string().contains(&office.tree.main.to_string()), "{told}");
    }

    async fn an_owner_sees_his_accounts_and_the_sites_right_below(db) {
        let office = Office::open(&db).await;
        let mut sue = office.logged_in_as("sue@example.com").await;
        let (status, list) = get(&mut sue, &own(&office, "balances")).await;
        assert_eq!((status, column(&list, "kind")), (StatusCode::OK, vec!["site_available", "site_locked", "site_debt", "site_prepaid", "site_prepaid_held", "site_credit", "own_takings"]));
        assert_eq!((&list["data"][0]["balance"], &list["data"][3]["balance"]), (&cny(0), &cny(5_000)));
        let (_, children) = get(&mut sue, &own(&office, "children")).await;
        assert_eq!((column(&children, "slug"), column(&children, "level")), (vec!["deep"], vec!["gold"]));
    }

    async fn the_main_sites_owner_uses_the_same_doors_for_it(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let main = format!("/api/v1/tenants/{}/sites/{}", office.grove, office.tree.main);
        let (status, site) = get(&mut ann, &format!("{main}/profile")).await;
        assert_eq!((status, &site["slug"]), (StatusCode::OK, &json!("main")));
        let (_, children) = get(&mut ann, &format!("{main}/children")).await;
        assert_eq!(column(&children, "slug"), ["north", "east"]);
        let (_, goods) = get(&mut ann, &format!("{main}/goods")).await;
        assert_eq!(goods["data"][0]["skus"][0]["purchase_price"], cny(700));
    }
}
