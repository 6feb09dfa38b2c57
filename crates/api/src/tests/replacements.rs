//! Codes that do not work are replaced, and everybody sees his part of it.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use identity::LoginLimits;
use serde_json::{Value, json};
use testkit::TestDb;
use tower::ServiceExt;

use super::fixture::{Console, Office, PASSWORD};
use super::{get, post};
use crate::ShopState;

impl Console {
    fn under(&mut self, key: &str) -> &mut Self {
        self.sent.insert("idempotency-key", HeaderValue::from_str(key).expect("a key"));
        self
    }
}

/// What Nora's program gets at `north`.
async fn noras_list(office: &Office, db: &TestDb, order: order::OrderId) -> Value {
    let rooms = office.rooms.clone();
    let shop = crate::shop_router(ShopState {
        tenancy: rooms.tenancy,
        customers: rooms.customers,
        limits: LoginLimits::new(Arc::new(db.clock.clone())),
        orders: rooms.orders,
        agents: rooms.agents,
        settlement: rooms.settlement,
        withdrawals: rooms.withdrawals,
        funds: rooms.funds,
        levels: rooms.levels,
        store: rooms.store,
        kit: rooms.kit,
    });
    let ask = async |method: Method, path: &str, cookie: &str, body: Value| {
        let request = Request::builder().method(method).uri(path).header(header::HOST, "north.grove.example");
        let request = request.header(header::COOKIE, cookie).header(header::CONTENT_TYPE, "application/json");
        let response = shop.clone().oneshot(request.body(Body::from(body.to_string())).expect("a request")).await;
        let response = response.expect("an answer");
        let cookie =
            response.headers().get(header::SET_COOKIE).map(|cookie| cookie.to_str().expect("a text").to_owned());
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        (status, cookie, serde_json::from_slice::<Value>(&bytes).unwrap_or(Value::Null))
    };
    let path = format!("/api/v1/shop/orders/{order}/replacements");
    assert_eq!(ask(Method::GET, &path, "", Value::Null).await.0, StatusCode::UNAUTHORIZED);
    let log_in = json!({"login": "nora@example.com", "password": PASSWORD});
    let (status, cookie, said) = ask(Method::POST, "/api/v1/shop/session", "", log_in).await;
    assert_eq!(status, StatusCode::CREATED, "{said}");
    let cookie = cookie.expect("a session");
    let (status, _, list) = ask(Method::GET, &path, cookie.split(';').next().expect("a pair"), Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{list}");
    list
}

testkit::on_both! {
    async fn a_code_is_replaced_once_a_key_and_everybody_sees_his_part(db) {
        let office = Office::open(&db).await;
        let order = office.nora_buys().await;
        let mut ann = office.logged_in().await;
        let orders = format!("/api/v1/tenants/{}/orders/{order}", office.grove);
        let path = format!("{orders}/lines/1/replacements");
        let body = json!({"pieces": [1], "reason": "it was used before"});
        let replaced = json!({"line": 1, "replacements": [{"number": 1, "piece": 1}]});
        for is_replay in [false, true] {
            let (status, said) = post(ann.under("one"), &path, body.clone()).await;
            assert_eq!((status, &said), (StatusCode::OK, &replaced));
            assert_eq!(ann.headers.contains_key("idempotent-replayed"), is_replay);
        }
        let refused = |sent: (StatusCode, Value)| (sent.0.as_u16(), sent.1["code"].as_str().map(str::to_owned));
        let told = |status: u16, code: &str| (status, Some(code.to_owned()));
        let other = json!({"pieces": [1], "reason": "another reason"});
        assert_eq!(refused(post(ann.under("one"), &path, other).await), told(422, "idempotency_key_reused"));
        let all = json!({"pieces": [1, 2], "reason": "none works"});
        assert_eq!(refused(post(ann.under("two"), &path, all).await), told(422, "replace_piece"));
        // The only other code is with Nora by now.
        assert_eq!(refused(post(ann.under("three"), &path, body.clone()).await), told(409, "out_of_stock"));
        let elsewhere = format!("{orders}/lines/2/replacements");
        assert_eq!(refused(post(ann.under("four"), &elsewhere, body.clone()).await), told(422, "replace_line"));
        let none = json!({"pieces": [], "reason": "none"});
        assert_eq!(post(ann.under("five"), &path, none).await.0, StatusCode::UNPROCESSABLE_ENTITY);
        let (_, seen) = get(&mut ann, &orders).await;
        let one = &seen["replacements"][0];
        assert_eq!((&one["number"], &one["line"], &one["piece"]), (&json!(1), &json!(1), &json!(1)), "{seen}");
        assert_eq!(one["reason"], "it was used before");
        assert!(one["by"].as_str().is_some_and(|by| by.starts_with("opr_")), "{seen}");
        assert_eq!(seen["events"].as_array().and_then(|events| events.last()).expect("events")["event"], "codes_replaced");
        assert!(!seen.to_string().contains("CODE-"), "{seen}");
        let own = format!("/api/v1/tenants/{}/sites/{}/orders/{order}", office.grove, office.tree.north);
        let (_, theirs) = get(&mut office.logged_in_as("sue@example.com").await, &own).await;
        let one = &theirs["replacements"][0];
        assert_eq!((&one["piece"], &one["reason"], &one["by"]), (&json!(1), &Value::Null, &Value::Null), "{theirs}");
        assert!(!theirs.to_string().contains("opr_"), "{theirs}");
        let hers = noras_list(&office, &db, order).await;
        let [one] = hers["data"].as_array().expect("a list").as_slice() else { panic!("one: {hers}") };
        assert_eq!((&one["line"], &one["piece"]), (&json!(1), &json!(1)));
        assert_eq!(one.as_object().expect("a row").len(), 3, "{hers}");
    }
}
