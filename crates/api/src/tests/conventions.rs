//! What every answer of the API has, whatever it is about.

use axum::http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::fixture::{Console, Office, PASSWORD};
use super::{filled, get};

fn header(console: &Console, name: &str) -> String {
    console.headers.get(name).map(|value| value.to_str().expect("a text").to_owned()).unwrap_or_default()
}

/// POSTs that move neither money nor stock. A new one stands here, or asks for a key.
const WITHOUT_KEY: [&str; 31] = [
    "/api/v1/session",
    "/api/v1/tenants/{tenant}/agents",
    "/api/v1/tenants/{tenant}/agents/{agent}/links",
    "/api/v1/tenants/{tenant}/calendar-days",
    "/api/v1/tenants/{tenant}/channels/{channel}/state",
    "/api/v1/tenants/{tenant}/commission-plans",
    "/api/v1/tenants/{tenant}/earning-holds",
    "/api/v1/tenants/{tenant}/earning-holds/{hold}/lift",
    "/api/v1/tenants/{tenant}/level-rules",
    "/api/v1/tenants/{tenant}/level-rules/preview",
    "/api/v1/tenants/{tenant}/levels/pin",
    "/api/v1/tenants/{tenant}/levels/unpin",
    "/api/v1/tenants/{tenant}/payee-names/forget",
    "/api/v1/tenants/{tenant}/payouts/{payout}/file",
    "/api/v1/tenants/{tenant}/recharge-batches/{recharge_batch}/file",
    "/api/v1/tenants/{tenant}/recharge-batches/{recharge_batch}/void",
    "/api/v1/tenants/{tenant}/recharge-cards/find",
    "/api/v1/tenants/{tenant}/refunds/{refund}/ask",
    "/api/v1/tenants/{tenant}/settlement-terms",
    "/api/v1/tenants/{tenant}/sites",
    "/api/v1/tenants/{tenant}/sites/{site}/agents",
    "/api/v1/tenants/{tenant}/sites/{site}/agents/{agent}/links",
    "/api/v1/tenants/{tenant}/sites/{site}/channels/{channel}/state",
    "/api/v1/tenants/{tenant}/sites/{site}/hosts",
    "/api/v1/tenants/{tenant}/sites/{site}/owners",
    "/api/v1/tenants/{tenant}/sites/{site}/payees",
    "/api/v1/tenants/{tenant}/sites/{site}/payees/{payee}/remove",
    "/api/v1/tenants/{tenant}/sites/{site}/state",
    "/api/v1/tenants/{tenant}/top-up-rules",
    "/api/v1/tenants/{tenant}/withdrawal-rules",
    "/api/v1/tenants/{tenant}/withdrawals/{withdrawal}/payee",
];

#[test]
fn the_document_is_of_the_version_that_answers_say() {
    let document: Value = serde_json::from_str(crate::openapi()).expect("JSON");
    assert_eq!(document["info"]["version"], crate::version::VERSION);
    for operation in document["paths"].as_object().expect("paths").values() {
        for operation in operation.as_object().expect("operations").values() {
            let asked = operation["parameters"].as_array().expect("parameters").iter();
            assert_eq!(asked.filter(|one| one["name"] == crate::version::HEADER).count(), 1, "{operation}");
        }
    }
}

testkit::on_both! {
    async fn the_page_of_the_document_needs_nothing_that_the_content_policy_refuses(db) {
        let office = Office::open(&db).await;
        let mut console = office.console();
        let index = console.text("/api/docs/").await;
        assert!(!index.contains("<style") && !index.contains(" style=") && !index.contains("<script>"), "{index}");
        assert_eq!(index.matches("<script").count(), index.matches("<script src=\"./").count(), "{index}");
        assert!(!header(&console, "content-security-policy").contains("unsafe"));
        // The bar on top has a logo with a style of its own.
        assert!(console.text("/api/docs/swagger-initializer.js").await.contains("\"layout\": \"BaseLayout\""));
    }

    async fn whatever_moves_money_or_stock_asks_for_a_key(db) {
        let office = Office::open(&db).await;
        let (mut ann, mut sue) = (office.logged_in().await, office.logged_in_as("sue@example.com").await);
        let posts = crate::route_list().into_iter().filter(|route| route.method == "POST");
        let (without, with): (Vec<_>, Vec<_>) = posts.partition(|route| WITHOUT_KEY.contains(&route.path));
        assert_eq!((without.len(), with.len()), (WITHOUT_KEY.len(), 25));
        for route in with {
            let path = filled(route.path, &office.grove.to_string(), &office.tree.north.to_string());
            let path = path.replace("{sku}", &catalog::SkuId::new().to_string());
            let path = path.replace("{batch}", &inventory::BatchId::new().to_string());
            let path = path.replace("{withdrawal}", &withdrawal::WithdrawalId::new().to_string());
            let path = path.replace("{payout}", &withdrawal::PayoutId::new().to_string());
            let path = path.replace("{adjustment}", &funds::AdjustmentId::new().to_string());
            let path = path.replace("{claim}", &order::ClaimId::new().to_string());
            let path = path.replace("{refund}", &payment::RefundId::new().to_string());
            let path = path.replace("{order}", &order::OrderId::new().to_string()).replace("{line}", "ord_1-1");
            let path = path.replace("{line_no}", "1");
            let console = if route.policy.starts_with("site-operator") { &mut sue } else { &mut ann };
            let (status, problem) = console.ask(Method::POST, &path, json!({})).await;
            let required = json!("idempotency_key_required");
            assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &required), "{path}: {problem}");
        }
    }

    async fn every_answer_says_its_version_and_no_other_is_known(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        assert_eq!(header(&ann, "api-version"), "2026-11-01");
        for (path, is_api) in [("/api/v1/tenants", true), ("/api/v1/nothing", true), ("/api/v1/openapi.json", true), ("/", false)] {
            get(&mut ann, path).await;
            assert_eq!(header(&ann, "api-version") == "2026-11-01", is_api, "{path}");
        }
        get(&mut office.console(), "/api/v1/tenants").await;
        ann.sent.insert("api-version", HeaderValue::from_static("2026-11-01"));
        assert_eq!(get(&mut ann, "/api/v1/tenants").await.0, StatusCode::OK);
        for other in ["2025-01-01", "", "1"] {
            ann.sent.insert("api-version", HeaderValue::from_static(other));
            let (status, problem) = get(&mut ann, "/api/v1/tenants").await;
            assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("api_version_unknown")), "{problem}");
            assert_eq!(header(&ann, "api-version"), "2026-11-01");
            assert_eq!(get(&mut ann, "/").await.0, StatusCode::OK);
        }
    }

    async fn who_logs_in_is_told_how_often_he_still_may(db) {
        let office = Office::open(&db).await;
        let mut console = office.console();
        let wrong = json!({"login": "ann@example.com", "password": "wrong password"});
        for left in (0..5).rev() {
            let (status, _) = console.ask(Method::POST, "/api/v1/session", wrong.clone()).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED);
            assert_eq!(header(&console, "ratelimit-policy"), "\"login\";q=5;w=900, \"address\";q=20;w=900");
            let told = format!("\"login\";r={left};t=900, \"address\";r={};t=900", left + 15);
            assert_eq!(header(&console, "ratelimit"), told);
        }
        let (status, problem) = console.ask(Method::POST, "/api/v1/session", wrong).await;
        assert_eq!((status, &problem["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("too_many_tries")));
        assert!(header(&console, "ratelimit").starts_with("\"login\";r=0;t=900, "), "{}", header(&console, "ratelimit"));
        assert_eq!(header(&console, "retry-after"), "900");
        let bob = json!({"login": "bob@example.com", "password": PASSWORD});
        assert_eq!(console.ask(Method::POST, "/api/v1/session", bob).await.0, StatusCode::CREATED);
        assert!(header(&console, "ratelimit").starts_with("\"login\";r=5;t=0, "), "{}", header(&console, "ratelimit"));
    }

    async fn a_problem_is_called_what_its_reader_understands(db) {
        let office = Office::open(&db).await;
        let mut ann = office.logged_in().await;
        let (_, english) = get(&mut ann, "/api/v1/nothing").await;
        ann.sent.insert("accept-language", HeaderValue::from_static("zh-CN,en;q=0.5"));
        let (_, chinese) = get(&mut ann, "/api/v1/nothing").await;
        assert_eq!((&english["title"], &chinese["title"]), (&json!("Not found"), &json!("没有找到")));
        assert_eq!(english["code"], chinese["code"]);
    }
}
