//! The API as the console meets it, on both databases.

mod agents;
mod books;
mod catalogue;
mod conventions;
mod earnings;
mod fixture;
mod funds;
mod levels;
mod money;
mod own;
mod prices;
mod replacements;
mod sites;
mod walls;
mod withdrawals;

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use payment::ChannelId;
use serde_json::{Value, json};

use fixture::{Console, Office, PASSWORD};

#[test]
fn every_route_has_the_policy_that_the_snapshot_says() {
    let list = crate::route_list();
    let lines: Vec<String> =
        list.iter().map(|route| format!("{:<68} {:<6} {}", route.path, route.method, route.policy)).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn every_route_of_the_cashier_has_the_policy_that_the_snapshot_says() {
    let list = crate::cashier_route_list();
    let lines: Vec<String> =
        list.iter().map(|route| format!("{:<36} {:<4} {}", route.path, route.method, route.policy)).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    /cashier/back/{channel}/{out_no}     GET  guest
    /cashier/{token}                     GET  guest
    /pay/notify/{provider}/{channel}     POST guest
    ");
}

/// The documents' copies in this folder, for those who build on them: `UPDATE_DOCS=1` writes them anew.
#[test]
fn the_committed_documents_are_those_that_are_served() {
    for (name, served) in [("openapi.json", crate::openapi()), ("openapi-shop.json", crate::shop_openapi())] {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&file, served).expect("written");
        }
        let committed = std::fs::read_to_string(&file).expect("the copy is there");
        assert!(committed == served, "run the tests with UPDATE_DOCS=1 and commit crates/api/{name}");
    }
}

#[test]
fn every_route_is_in_its_document_and_no_other() {
    for (document, own, routes) in [
        (crate::openapi(), crate::doc::DOCUMENT, crate::route_list()),
        (crate::shop_openapi(), crate::shop::doc::DOCUMENT, crate::shop_route_list()),
    ] {
        let document: Value = serde_json::from_str(document).expect("JSON");
        assert_eq!(document["openapi"], "3.1.0");
        let of_api = |path: &str| path.starts_with("/api/v1/") && path != own;
        let of_api = routes.iter().filter(|route| of_api(route.path));
        let mut routes: Vec<String> =
            of_api.map(|route| format!("{} {}", route.path, route.method.to_lowercase())).collect();
        let mut documented = Vec::new();
        let mut names = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().expect("paths") {
            let operations = operations.as_object().expect("operations");
            names.extend(operations.values().map(|one| one["operationId"].to_string()));
            documented.extend(operations.keys().map(|method| format!("{path} {method}")));
        }
        routes.sort();
        documented.sort();
        assert_eq!(documented, routes);
        assert_eq!(names.len(), routes.len(), "no two operations have one name");
    }
}

/// A route's path with these names in it; what else it names is somebody's.
fn filled(path: &str, tenant: &str, site: &str) -> String {
    let path = path.replace("{tenant}", tenant).replace("{site}", site);
    path.replace("{goods}", "starfall")
        .replace("{code}", "starfall")
        .replace("{channel}", &ChannelId::new().to_string())
}

async fn put(console: &mut Console, path: &str, body: Value) -> (StatusCode, Value) {
    console.ask(Method::PUT, path, body).await
}

async fn post(console: &mut Console, path: &str, body: Value) -> (StatusCode, Value) {
    console.ask(Method::POST, path, body).await
}

/// These fields of the rows of a list.
fn column<'l>(list: &'l Value, field: &str) -> Vec<&'l str> {
    list["data"].as_array().expect("a list").iter().filter_map(|row| row[field].as_str()).collect()
}

/// Where the body was refused, and by which code.
fn refusals(problem: &Value) -> Vec<(&str, &str)> {
    let errors = problem["errors"].as_array().expect("refused fields").iter();
    errors.filter_map(|error| Some((error["pointer"].as_str()?, error["code"].as_str()?))).collect()
}

async fn get(console: &mut Console, path: &str) -> (StatusCode, Value) {
    console.ask(Method::GET, path, Value::Null).await
}

testkit::on_both! {
    async fn an_operator_logs_in_is_known_and_logs_out(db) {
        let office = Office::open(&db).await;
        let mut console = office.console();
        let sent = json!({"login": "ann@example.com", "password": PASSWORD});
        let (status, session) = console.ask(Method::POST, "/api/v1/session", sent).await;
        assert_eq!((status, session["name"].as_str()), (StatusCode::CREATED, Some("Ann")), "{session}");
        assert!(console.set_cookie.starts_with("session=") && console.set_cookie.contains("HttpOnly"));
        assert_eq!(get(&mut console, "/api/v1/session").await, (StatusCode::OK, session));
        let kept = console.cookie.clone();
        let (status, _) = console.ask(Method::DELETE, "/api/v1/session", Value::Null).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        console.cookie = kept;
        assert_eq!(get(&mut console, "/api/v1/session").await.0, StatusCode::UNAUTHORIZED);
    }

    async fn a_wrong_password_and_an_unknown_login_look_alike(db) {
        let office = Office::open(&db).await;
        for login in ["ann@example.com", "nobody@example.com"] {
            let sent = json!({"login": login, "password": "wrong password"});
            let (status, problem) = office.console().ask(Method::POST, "/api/v1/session", sent).await;
            assert_eq!((status, problem["code"].as_str()), (StatusCode::UNAUTHORIZED, Some("bad_login")), "{problem}");
        }
    }

    async fn an_operator_sees_his_tenants_only(db) {
        let office = Office::open(&db).await;
        let (status, list) = get(&mut office.logged_in().await, "/api/v1/tenants").await;
        assert_eq!(status, StatusCode::OK);
        let own: Vec<&str> = list["data"].as_array().expect("a list").iter().filter_map(|one| one["slug"].as_str()).collect();
        assert_eq!(own, ["grove"]);
        assert_eq!(list["data"][0]["id"], office.grove.to_string());
    }

    async fn stock_is_counted_and_paged(db) {
        let office = Office::open(&db).await;
        let mut console = office.logged_in().await;
        let path = format!("/api/v1/tenants/{}/stock", office.grove);
        let (status, all) = get(&mut console, &path).await;
        assert_eq!((status, all["data"].as_array().map(Vec::len), &all["has_more"]), (StatusCode::OK, Some(3), &json!(false)));
        let counts: Vec<i64> = all["data"].as_array().expect("a list").iter().filter_map(|one| one["available"].as_i64()).collect();
        assert_eq!(counts, [2, 0, 0]);
        let (_, first) = get(&mut console, &format!("{path}?limit=2")).await;
        let cursor = first["next_cursor"].as_str().expect("a cursor").to_owned();
        let (_, second) = get(&mut console, &format!("{path}?limit=2&cursor={cursor}")).await;
        let paged = [first["data"].as_array().expect("a list").clone(), second["data"].as_array().expect("a list").clone()].concat();
        assert_eq!(json!(paged), all["data"]);
        assert!(!all.to_string().contains("CODE-"));
    }

    async fn anothers_tenant_is_not_there(db) {
        let office = Office::open(&db).await;
        let mut console = office.logged_in().await;
        for tenant in [office.other.to_string(), kernel::TenantId::new().to_string(), "ten_1".to_owned()] {
            let (status, problem) = get(&mut console, &format!("/api/v1/tenants/{tenant}/stock")).await;
            assert_eq!((status, problem["code"].as_str()), (StatusCode::NOT_FOUND, Some("not_found")), "{tenant}");
        }
    }

    async fn a_stranger_is_asked_to_log_in_everywhere(db) {
        let office = Office::open(&db).await;
        for route in crate::route_list().into_iter().filter(|route| route.policy != "guest") {
            let path = filled(route.path, &office.grove.to_string(), &office.tree.north.to_string());
            let method = Method::from_bytes(route.method.as_bytes()).expect("a method");
            let (status, problem) = office.console().ask(method, &path, Value::Null).await;
            assert_eq!((status, problem["code"].as_str()), (StatusCode::UNAUTHORIZED, Some("login_required")), "{path}");
        }
    }

    async fn what_cannot_be_answered_is_a_problem(db) {
        let office = Office::open(&db).await;
        let mut console = office.logged_in().await;
        let stock = format!("/api/v1/tenants/{}/stock", office.grove);
        for (method, path, status, code) in [
            (Method::GET, "/api/v1/nothing", 404, "not_found"),
            (Method::GET, "/somewhere", 404, "not_found"),
            (Method::PUT, "/api/v1/session", 405, "method_not_allowed"),
            (Method::POST, "/api/v1/session", 400, "request_unreadable"),
            (Method::GET, &format!("{stock}?limit=0"), 400, "limit_out_of_range"),
            (Method::GET, &format!("{stock}?limit=101"), 400, "limit_out_of_range"),
            (Method::GET, &format!("{stock}?cursor=x"), 400, "cursor_unknown"),
            (Method::GET, &format!("{stock}?page=2"), 400, "request_unreadable"),
            (Method::GET, &format!("/api/v1/tenants/{}/orders?number=1234", office.grove), 400, "order_number_invalid"),
        ] {
            let (answered, problem) = console.ask(method, path, json!({"login": 1})).await;
            assert_eq!((answered.as_u16(), problem["code"].as_str()), (status, Some(code)), "{path}: {problem}");
            assert!(problem["request_id"].is_string() && problem["title"].is_string(), "{path}");
        }
    }
}
