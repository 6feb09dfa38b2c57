//! The whole service over real HTTP, with a shop that receives its callbacks.

mod world;

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use chrono::TimeDelta;
use kernel::FakeClock;
use serde_json::json;

use crate::GatewaySettings;
use world::{OUT_NO, Sandbox, Shop};

#[tokio::test]
async fn a_buyer_who_pays_is_sent_back_and_the_shop_hears_a_genuine_callback() {
    let (sandbox, mut shop) = world::open().await;
    let trade = shop.create(&sandbox, OUT_NO).await;
    let paid = sandbox.post(&format!("{}/pay", trade["pay_url"].as_str().unwrap()), json!({})).await;
    assert_eq!(paid.status, StatusCode::SEE_OTHER);
    assert_eq!(paid.location, format!("{}/back?from=cashier&out_no={OUT_NO}", shop.url));
    let heard = shop.hear().await;
    assert!(heard.is_genuine);
    assert_eq!((&heard.body["event"], &heard.body["amount"]), (&json!("trade.paid"), &json!("12.50")));
    assert_eq!(heard.body["trade_no"], trade["trade_no"]);
    let read = shop.get(&sandbox, &format!("/v1/trades/{OUT_NO}")).await;
    assert_eq!((&read.body["status"], &read.body["paid_amount"]), (&json!("paid"), &json!("12.50")));
    let again = sandbox.post(&format!("{}/pay", trade["pay_url"].as_str().unwrap()), json!({})).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "a second click goes the same way");
}

#[tokio::test]
async fn a_callback_that_is_not_taken_comes_again_with_the_same_event_and_a_fresh_nonce() {
    let (sandbox, mut shop) = world::open().await;
    shop.create(&sandbox, OUT_NO).await;
    shop.refuse_next(1);
    sandbox.control(&format!("trades/{OUT_NO}/pay"), json!({})).await;
    let (first, second) = (shop.hear().await, shop.hear().await);
    assert_eq!(first.body, second.body);
    assert_ne!(first.nonce, second.nonce);
    assert!(second.is_genuine);
}

#[tokio::test]
async fn copies_of_a_callback_carry_one_event() {
    let (sandbox, mut shop) = world::open().await;
    shop.create(&sandbox, OUT_NO).await;
    sandbox.control(&format!("trades/{OUT_NO}/pay"), json!({ "times": 3 })).await;
    let heard = [shop.hear().await, shop.hear().await, shop.hear().await];
    assert!(heard.iter().all(|callback| callback.is_genuine && callback.body == heard[0].body));
}

#[tokio::test]
async fn a_forged_callback_does_not_verify() {
    let (sandbox, mut shop) = world::open().await;
    shop.create(&sandbox, OUT_NO).await;
    let order = json!({ "forge": true, "wait": true, "times": 2 });
    let sent = sandbox.control(&format!("trades/{OUT_NO}/notify"), order).await;
    assert_eq!(sent.body, json!({ "statuses": [401, 401] }));
    assert!(!shop.hear().await.is_genuine);
}

#[tokio::test]
async fn a_lying_callback_is_genuine_and_the_trade_still_waits() {
    let (sandbox, mut shop) = world::open().await;
    shop.create(&sandbox, OUT_NO).await;
    let lies = json!({ "wait": true, "amount": "0.01", "payee": "mallory", "event_id": "e1", "trade_no": "T9" });
    let sent = sandbox.control(&format!("trades/{OUT_NO}/notify"), lies).await;
    assert_eq!(sent.body, json!({ "statuses": [200] }));
    let heard = shop.hear().await;
    assert!(heard.is_genuine);
    let told = ["amount", "payee", "event_id", "trade_no"].map(|field| heard.body[field].as_str().unwrap().to_owned());
    assert_eq!(told, ["0.01", "mallory", "e1", "T9"]);
    assert_eq!(shop.get(&sandbox, &format!("/v1/trades/{OUT_NO}")).await.body["status"], "waiting");
}

#[tokio::test]
async fn another_amount_to_another_payee_is_told_as_it_was_paid() {
    let (sandbox, mut shop) = world::open().await;
    shop.create(&sandbox, OUT_NO).await;
    let paid = json!({ "amount": "12.49", "payee": "mallory" });
    sandbox.control(&format!("trades/{OUT_NO}/pay"), paid).await;
    let heard = shop.hear().await;
    assert_eq!((&heard.body["amount"], &heard.body["payee"]), (&json!("12.49"), &json!("mallory")));
    let read = shop.get(&sandbox, &format!("/v1/trades/{OUT_NO}")).await.body;
    assert_eq!(
        (&read["amount"], &read["paid_amount"], &read["payee"]),
        (&json!("12.50"), &json!("12.49"), &json!("mallory"))
    );
}

#[tokio::test]
async fn closing_after_payment_is_refused() {
    let (sandbox, shop) = world::open().await;
    shop.create(&sandbox, OUT_NO).await;
    sandbox.control(&format!("trades/{OUT_NO}/pay"), json!({ "notify": false })).await;
    let closed = shop.post(&sandbox, &format!("/v1/trades/{OUT_NO}/close"), json!({})).await;
    closed.is_refused(StatusCode::CONFLICT, "already_paid");
}

#[tokio::test]
async fn a_refund_that_gave_no_answer_was_made_once() {
    let (sandbox, mut shop) = world::open().await;
    shop.create(&sandbox, OUT_NO).await;
    sandbox.control(&format!("trades/{OUT_NO}/pay"), json!({ "notify": false })).await;
    sandbox.control("plans", json!({ "merchant": "shop", "refund": "commit_then_timeout" })).await;
    let refund = json!({ "out_no": OUT_NO, "refund_no": "R1", "amount": "2.50", "reason": "late" });
    assert!(shop.post_impatiently(&sandbox, "/v1/refunds", refund.clone()).await.is_none());
    let heard = shop.hear().await;
    assert_eq!((&heard.body["event"], &heard.body["refund_no"]), (&json!("refund.done"), &json!("R1")));
    assert_eq!(shop.get(&sandbox, "/v1/refunds/R1").await.body["status"], "done");
    assert_eq!(shop.post(&sandbox, "/v1/refunds", refund).await.body["amount"], "2.50");
    let read = shop.get(&sandbox, &format!("/v1/trades/{OUT_NO}")).await.body;
    assert_eq!(read["refunded_amount"], "2.50");
}

#[tokio::test]
async fn a_creation_that_times_out_or_is_refused_leaves_no_trade() {
    let (sandbox, shop) = world::open().await;
    sandbox.control("plans", json!({ "create": "timeout" })).await;
    sandbox.control("plans", json!({ "create": "refuse" })).await;
    let trade = shop.trade(OUT_NO);
    assert!(shop.post_impatiently(&sandbox, "/v1/trades", trade.clone()).await.is_none());
    shop.post(&sandbox, "/v1/trades", trade.clone()).await.is_refused(StatusCode::CONFLICT, "refused");
    let missing = shop.get(&sandbox, &format!("/v1/trades/{OUT_NO}")).await;
    missing.is_refused(StatusCode::NOT_FOUND, "trade_not_found");
    assert_eq!(shop.post(&sandbox, "/v1/trades", trade.clone()).await.status, StatusCode::CREATED);
    assert_eq!(shop.post(&sandbox, "/v1/trades", trade).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_processing_refund_ends_when_it_is_settled() {
    let (sandbox, mut shop) = world::open().await;
    shop.create(&sandbox, OUT_NO).await;
    sandbox.control(&format!("trades/{OUT_NO}/pay"), json!({ "notify": false })).await;
    sandbox.control("plans", json!({ "refund_result": "processing" })).await;
    let refund = json!({ "out_no": OUT_NO, "refund_no": "R1", "amount": "12.5", "reason": "" });
    assert_eq!(shop.post(&sandbox, "/v1/refunds", refund).await.body["status"], "processing");
    sandbox.control("refunds/R1/settle", json!({ "status": "done" })).await;
    assert_eq!(shop.hear().await.body["event"], "refund.done");
    let read = shop.get(&sandbox, &format!("/v1/trades/{OUT_NO}")).await.body;
    assert_eq!(read["status"], "refunded");
}

#[tokio::test]
async fn plans_lose_and_reorder_callbacks() {
    let (sandbox, mut shop) = world::open().await;
    let numbers = [1, 2, 3].map(|number| format!("01JD000000000000000000000{number}"));
    sandbox.control("plans", json!({ "drop_notify": 1, "reorder": true })).await;
    for out_no in &numbers {
        shop.create(&sandbox, out_no).await;
        sandbox.control(&format!("trades/{out_no}/pay"), json!({})).await;
    }
    let heard = [shop.hear().await, shop.hear().await].map(|callback| callback.body["out_no"].clone());
    assert_eq!(heard, [json!(numbers[2]), json!(numbers[1])]);
}

#[tokio::test]
async fn a_restart_keeps_merchants_trades_and_refunds() {
    let folder = tempfile::tempdir().unwrap();
    let settings = GatewaySettings { public_url: None, journal: Some(folder.path().join("sandbox/journal.jsonl")) };
    let shop = Shop::open().await;
    let sandbox = Sandbox::start(settings.clone(), world::clock()).await;
    shop.register(&sandbox).await;
    let trade = shop.create(&sandbox, OUT_NO).await;
    sandbox.control(&format!("trades/{OUT_NO}/pay"), json!({ "notify": false })).await;
    let refund = json!({ "out_no": OUT_NO, "refund_no": "R1", "amount": "2.50", "reason": "late" });
    shop.post(&sandbox, "/v1/refunds", refund).await;
    let before = shop.get(&sandbox, &format!("/v1/trades/{OUT_NO}")).await.body;
    sandbox.stop().await;

    let sandbox = Sandbox::start(settings, world::clock()).await;
    assert_eq!(shop.get(&sandbox, &format!("/v1/trades/{OUT_NO}")).await.body, before);
    assert_eq!(shop.get(&sandbox, "/v1/refunds/R1").await.body["status"], "done");
    assert_eq!(shop.create(&sandbox, OUT_NO).await["trade_no"], trade["trade_no"]);
}

#[tokio::test]
async fn stopping_lets_go_of_a_held_call() {
    let (sandbox, shop) = world::open().await;
    sandbox.control("plans", json!({ "create": "timeout", "times": 1 })).await;
    assert!(shop.post_impatiently(&sandbox, "/v1/trades", shop.trade(OUT_NO)).await.is_none());
    tokio::time::timeout(Duration::from_secs(10), sandbox.stop()).await.expect("stops at once");
}

#[tokio::test]
async fn a_request_is_refused_unless_it_is_signed_fresh_and_new() {
    let (sandbox, shop) = world::open().await;
    let path = format!("/v1/trades/{OUT_NO}");
    let unauthorized = StatusCode::UNAUTHORIZED;
    let now = world::clock_start().timestamp();
    sandbox.get(&path).await.is_refused(unauthorized, "bad_signature");
    shop.named("nobody").get(&sandbox, &path).await.is_refused(unauthorized, "unknown_merchant");
    shop.with_secret(9).get(&sandbox, &path).await.is_refused(unauthorized, "bad_signature");
    shop.get_signed(&sandbox, &path, now - 301, "nonce-0001").await.is_refused(unauthorized, "timestamp");
    let found = shop.get_signed(&sandbox, &path, now - 299, "nonce-0001").await;
    found.is_refused(StatusCode::NOT_FOUND, "trade_not_found");
    shop.get_signed(&sandbox, &path, now, "nonce-0001").await.is_refused(unauthorized, "nonce_reused");
    let taken = json!({ "merchant": "shop", "secret": "09".repeat(32) });
    sandbox.post("/v1/merchants", taken).await.is_refused(StatusCode::CONFLICT, "merchant_taken");
}

#[tokio::test]
async fn a_body_over_the_bound_is_refused() {
    let (sandbox, shop) = world::open().await;
    let large = json!({ "subject": "x".repeat(65 * 1024) });
    shop.post(&sandbox, "/v1/trades", large).await.is_refused(StatusCode::BAD_REQUEST, "validation");
}

#[tokio::test]
async fn the_cashier_page_escapes_the_subject_and_says_that_no_money_moves() {
    let (sandbox, shop) = world::open().await;
    let mut trade = shop.trade(OUT_NO);
    trade["subject"] = json!("<script>alert(1)</script>");
    let created = shop.post(&sandbox, "/v1/trades", trade).await.body;
    let page = sandbox.get(created["pay_url"].as_str().unwrap()).await.text;
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    assert!(page.contains("沙盒") && page.contains("¥12.50") && page.contains("15"));
    assert!(page.contains(&format!("/cashier/{}/cancel", created["trade_no"].as_str().unwrap())));
}

#[tokio::test]
async fn an_expired_trade_is_not_paid_at_the_cashier_but_late_by_control() {
    let clock = world::clock();
    let (sandbox, mut shop) = world::open_at(clock.clone()).await;
    let trade = shop.create(&sandbox, OUT_NO).await;
    clock.advance(TimeDelta::minutes(16));
    let pay_url = trade["pay_url"].as_str().unwrap();
    let paid = sandbox.post(&format!("{pay_url}/pay"), json!({})).await;
    assert_eq!(paid.status, StatusCode::CONFLICT);
    assert!(paid.text.contains("已过期") && paid.text.contains(&format!("out_no={OUT_NO}")));
    let refused = sandbox.post(&format!("/control/trades/{OUT_NO}/pay"), json!({})).await;
    refused.is_refused(StatusCode::CONFLICT, "trade_closed");
    sandbox.control(&format!("trades/{OUT_NO}/pay"), json!({ "late": true })).await;
    assert_eq!(shop.hear().await.body["out_no"], OUT_NO);
}

#[tokio::test]
async fn cancelling_closes_the_trade_and_sends_the_buyer_back() {
    let (sandbox, shop) = world::open().await;
    let trade = shop.create(&sandbox, OUT_NO).await;
    let cancelled = sandbox.post(&format!("{}/cancel", trade["pay_url"].as_str().unwrap()), json!({})).await;
    assert_eq!(cancelled.status, StatusCode::SEE_OTHER);
    assert_eq!(shop.get(&sandbox, &format!("/v1/trades/{OUT_NO}")).await.body["status"], "closed");
}

#[tokio::test]
async fn a_bill_is_csv_for_its_merchant() {
    let (sandbox, shop) = world::open().await;
    shop.create(&sandbox, OUT_NO).await;
    sandbox.control(&format!("trades/{OUT_NO}/pay"), json!({ "notify": false })).await;
    let bill = shop.get(&sandbox, "/v1/bills/2026-11-22").await;
    assert_eq!(bill.status, StatusCode::OK);
    assert_eq!(bill.text.lines().count(), 2, "{}", bill.text);
    let wrong = shop.get(&sandbox, "/v1/bills/22-11-2026").await;
    wrong.is_refused(StatusCode::BAD_REQUEST, "validation");
}

#[test]
fn a_journal_that_was_cut_off_loses_its_last_line_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let merchant = json!({ "merchant": { "name": "shop", "secret": "07".repeat(32) } }).to_string();
    let opened = |text: String| {
        std::fs::write(&path, text).unwrap();
        let settings = GatewaySettings { public_url: None, journal: Some(path.clone()) };
        crate::Gateway::open_at(settings, Arc::new(FakeClock::at(world::clock_start())))
    };
    assert!(opened(format!("{merchant}\n{{\"trade\":{{")).unwrap().merchant("shop").is_ok());
    let broken = opened(format!("{{\"tra\n{merchant}\n"));
    assert!(matches!(broken, Err(crate::GatewayError::JournalLine { line: 1 })));
}
