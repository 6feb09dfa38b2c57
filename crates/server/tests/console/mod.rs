//! What the main site's people do by the API, and what buyers see of it.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::TestDb;

use super::isolation::fixture::{Fixture, HOME, Sent, Target};

/// An operator at the console.
struct Desk<'f> {
    fixture: &'f Fixture,
    cookie: String,
    tenant: String,
}

impl<'f> Desk<'f> {
    fn of(fixture: &'f Fixture, role: &'static str) -> Self {
        let cookie = format!("session={}", fixture.staff[&(HOME, role)]);
        let tenant = format!("/api/v1/tenants/{}", fixture.target(HOME, "main").tenant);
        Self { fixture, cookie, tenant }
    }

    async fn ask(&self, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        let kind = if path.contains("/imports") { "application/octet-stream" } else { "application/json" };
        let path = format!("{}{path}", self.tenant);
        let sent = Sent { method, host: api::CONSOLE_HOST, path: &path, cookie: &self.cookie, kind, body };
        let (status, text) = self.fixture.ask(sent).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask(Method::GET, path, "").await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.ask(Method::POST, path, &body.to_string()).await
    }
}

/// The page of an order as its customer sees it.
async fn page(fixture: &Fixture, site: &Target, order: &str) -> String {
    let (path, cookie) = (format!("/orders/{order}"), format!("session={}", site.customer));
    let sent =
        Sent { method: Method::GET, host: &site.host, path: &path, cookie: &cookie, kind: "text/plain", body: "" };
    let (status, text) = fixture.ask(sent).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    text
}

/// What the customer is shown who asks for the codes.
async fn codes(fixture: &Fixture, site: &Target, order: &str) -> (StatusCode, String) {
    let (path, cookie) = (format!("/orders/{order}/codes"), format!("session={}", site.customer));
    let kind = "application/x-www-form-urlencoded";
    let sent = Sent { method: Method::POST, host: &site.host, path: &path, cookie: &cookie, kind, body: "" };
    fixture.ask(sent).await
}

async fn open(db: &TestDb) -> (Fixture, Target) {
    let fixture = Fixture::open(db).await;
    let north = fixture.target(HOME, "north").clone();
    (fixture, north)
}

testkit::on_both! {
    async fn what_one_has_taken_nobody_else_does_and_the_buyer_reads_the_proof(db) {
        let (fixture, north) = open(&db).await;
        let (clerk, owner) = (Desk::of(&fixture, "clerk"), Desk::of(&fixture, "owner"));
        let line = north.names["line"].clone();
        let waiting = clerk.get("/fulfilments").await;
        let is_waiting = waiting["data"].as_array().expect("a list").iter().any(|one| one["line"] == line);
        assert!(is_waiting, "{waiting}");
        assert_eq!(clerk.post(&format!("/fulfilments/{line}"), json!({"act": "take"})).await.0, StatusCode::OK);
        let (status, refused) = owner.post(&format!("/fulfilments/{line}"), json!({"act": "take"})).await;
        assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("fulfilment_taken")), "{refused}");
        let proof = json!({"act": "complete", "proof": "Done by hand, receipt 4711"});
        let (status, done) = clerk.post(&format!("/fulfilments/{line}"), proof).await;
        assert_eq!((status, &done["delivery"]), (StatusCode::OK, &json!("delivered")), "{done}");
        let order = line.rsplit_once('-').expect("a line").0;
        assert!(page(&fixture, &north, order).await.contains("receipt 4711"));
        let view = owner.get(&format!("/orders/{order}")).await;
        assert_eq!(view["status"], "completed");
        let number = view["number"].as_str().expect("a number");
        assert!(page(&fixture, &north, order).await.contains(number), "the buyer is shown another number");
        for typed in [number.to_owned(), number.replace('-', "")] {
            let found = owner.get(&format!("/orders?number={typed}")).await;
            assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "{found}");
            assert_eq!(found["data"][0]["id"], order);
        }
    }

    async fn what_is_refunded_is_back_and_void(db) {
        let (fixture, north) = open(&db).await;
        let (clerk, owner) = (Desk::of(&fixture, "clerk"), Desk::of(&fixture, "owner"));
        let (order, why) = (north.names["order"].clone(), json!({"reason": "the code did not work"}));
        assert!(codes(&fixture, &north, &order).await.1.contains("CODE-"));
        let path = format!("/orders/{order}/refund");
        let (status, refused) = clerk.post(&path, why.clone()).await;
        assert_eq!((status, &refused["code"]), (StatusCode::FORBIDDEN, &json!("forbidden")), "{refused}");
        let (status, asked) = owner.post(&path, why.clone()).await;
        assert_eq!((status, &asked["payment"]), (StatusCode::OK, &json!("refunded")), "{asked}");
        let (status, refused) = owner.post(&path, why).await;
        assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("order_refunded")), "{refused}");
        let view = owner.get(&format!("/orders/{order}")).await;
        assert_eq!(view["refunds"][0]["reason"], "the code did not work", "{view}");
        let report = server::audit::run(&db.store, &db.folder()).await.expect("an audit");
        assert_eq!(report.breaches, 0, "{}", report.text);
        let (status, shown) = codes(&fixture, &north, &order).await;
        assert!(!shown.contains("CODE-"), "{status} {shown}");
    }

    async fn an_owner_sees_the_stray_money_of_his_own_site_only(db) {
        let (fixture, north) = open(&db).await;
        let ids = |list: &Value, site: Option<&str>| -> Vec<String> {
            let rows = list["data"].as_array().expect("a list").iter();
            let rows = rows.filter(|row| site.is_none_or(|site| row["site"] == site));
            rows.map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
        };
        let all = Desk::of(&fixture, "owner").get("/exceptions").await;
        let own = Desk::of(&fixture, "north").get(&format!("/sites/{}/exceptions", north.site)).await;
        assert!(!ids(&own, None).is_empty() && ids(&all, None).len() > ids(&own, None).len(), "{own}");
        assert_eq!(ids(&own, None), ids(&all, Some(&north.site.to_string())));
        assert!(!own.to_string().contains("refund_no"), "{own}");
    }

    async fn cards_come_in_as_a_file_once_and_go_out_again(db) {
        let (fixture, north) = open(&db).await;
        let owner = Desk::of(&fixture, "owner");
        let sku = north.names["sku"].clone();
        let free = async || {
            let stock = owner.get("/stock").await;
            let row = stock["data"].as_array().expect("a list").iter().find(|one| one["sku"] == sku).cloned();
            row.expect("the SKU")["available"].as_i64().expect("a count")
        };
        let before = free().await;
        let file = "code,expires_on\nFRESH-1,\nFRESH-2,2030-01-31\nFRESH-1,\nSAME-CODE-1,\nFRESH-3,someday\n";
        let path = format!("/stock/{sku}/imports?file_name=fresh.csv");
        let (status, tried) = owner.ask(Method::POST, &format!("{path}&dry_run=true"), file).await;
        assert_eq!((status, &tried["added"], free().await), (StatusCode::OK, &json!(2), before), "{tried}");
        let (status, done) = owner.ask(Method::POST, &path, file).await;
        assert_eq!((status, &done["added"], free().await), (StatusCode::OK, &json!(2), before + 2), "{done}");
        assert_eq!((&done["duplicates"]["total"], &done["faults"]["total"]), (&json!(2), &json!(1)), "{done}");
        assert!(!done.to_string().contains("FRESH"), "a report holds a code: {done}");
        let batch = done["batch"].as_str().expect("a batch").to_owned();
        let (status, undone) = owner.post(&format!("/batches/{batch}/undo"), json!({"reason": "wrong file"})).await;
        assert_eq!((status, &undone["voided"], free().await), (StatusCode::OK, &json!(2), before), "{undone}");
        let (status, again) = owner.post(&format!("/batches/{batch}/undo"), json!({})).await;
        assert_eq!((status, &again["code"]), (StatusCode::CONFLICT, &json!("batch_undone")), "{again}");
    }
}
