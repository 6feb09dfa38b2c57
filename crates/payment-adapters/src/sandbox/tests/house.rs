//! Payments with their jobs, the adapter, and the real gateway over real HTTP, on both databases.

mod bills;
mod outage;
mod shop;

use std::time::Duration;

use chrono::TimeDelta;
use payment::{AttemptState, ExceptionState, RefundState, TradeState};
use serde_json::json;
use testkit::on_both;

use shop::Shop;

on_both! {
    async fn a_buyer_pays_and_the_callback_fills_the_wallet(db) {
        let mut shop = Shop::open(&db).await;
        let (opened, url) = shop.started(50_00).await;
        assert!(url.starts_with(shop.sandbox.url.as_str()));
        shop.control_trade(opened.out_no, "pay", json!({ "times": 5 })).await;
        let first = shop.heard().await;
        for _ in 1..5 {
            assert_eq!(shop.heard().await.message.callback, first.message.callback, "one fact is stored once");
        }
        let seen = first.seen.expect("money");
        assert!(!seen.is_confirmed);
        shop.take(seen).await;
        assert_eq!((shop.wallet().await, shop.audit().await), (50_00, Vec::new()));
        // The job that stands in for a lost offer finds the money known.
        db.clock.advance(TimeDelta::seconds(2));
        shop.run().await;
        assert_eq!((shop.wallet().await, shop.audit().await), (50_00, Vec::new()));
    }

    async fn a_message_that_was_dealt_with_tells_of_no_money_again(db) {
        let mut shop = Shop::open(&db).await;
        let (opened, _) = shop.started(50_00).await;
        shop.control_trade(opened.out_no, "pay", json!({})).await;
        let first = shop.heard().await;
        shop.payments.processed(&shop.scope, first.message.callback).await.expect("noted");
        db.clock.advance(TimeDelta::seconds(2));
        assert_eq!(shop.run().await, 0, "the job that stood in for the offer is gone");
        shop.control_trade(opened.out_no, "notify", json!({})).await;
        let again = shop.heard().await;
        assert_eq!((again.message.callback, again.seen), (first.message.callback, None));
    }

    async fn a_forged_message_leaves_nothing_behind(db) {
        let mut shop = Shop::open(&db).await;
        let (opened, _) = shop.started(50_00).await;
        shop.run().await;
        let answer = shop.control_trade(opened.out_no, "notify", json!({ "forge": true, "wait": true })).await;
        assert!(answer.to_string().contains("400"), "{answer}");
        assert!(tokio::time::timeout(Duration::from_millis(50), shop.heard()).await.is_err());
        db.clock.advance(TimeDelta::seconds(2));
        assert_eq!(shop.run().await, 0, "no job was written");
    }

    async fn money_without_a_callback_is_found_by_asking(db) {
        let shop = Shop::open(&db).await;
        let (opened, _) = shop.started(50_00).await;
        shop.control_trade(opened.out_no, "pay", json!({ "notify": false })).await;
        db.clock.advance(TimeDelta::seconds(5));
        shop.run_all().await;
        assert_eq!((shop.wallet().await, shop.audit().await), (50_00, Vec::new()));
    }

    async fn an_unpaid_trade_is_closed_at_its_end_and_late_money_is_still_found(db) {
        let shop = Shop::open(&db).await;
        let (opened, _) = shop.started(50_00).await;
        for seconds in [5, 10, 15, 30, 60, 180, 300, 300] {
            db.clock.advance(TimeDelta::seconds(seconds));
            shop.run_all().await;
        }
        let attempts = shop.payments.attempts_of(&shop.scope, opened.intent).await.expect("read");
        assert_eq!(attempts[0].state, AttemptState::Closed);
        assert_eq!(shop.payments.query(&shop.scope, &opened.out_no).await.expect("asked"), TradeState::Closed);
        shop.control_trade(opened.out_no, "pay", json!({ "late": true, "notify": false })).await;
        db.clock.advance(TimeDelta::seconds(60));
        shop.run_all().await;
        assert_eq!((shop.wallet().await, shop.audit().await), (50_00, Vec::new()));
    }

    async fn money_that_came_just_before_the_end_is_found_by_closing(db) {
        let shop = Shop::open(&db).await;
        let (opened, _) = shop.started(50_00).await;
        shop.control_trade(opened.out_no, "pay", json!({ "notify": false })).await;
        db.clock.advance(TimeDelta::minutes(15));
        shop.run_all().await;
        assert_eq!((shop.wallet().await, shop.audit().await), (50_00, Vec::new()));
    }

    async fn a_trade_that_the_gateway_refuses_has_failed(db) {
        let shop = Shop::open(&db).await;
        shop.sandbox.control("plans", json!({ "create": "refuse", "times": 1 })).await;
        let opened = shop.opened(50_00).await;
        let attempt = shop.payments.create(&shop.scope, &opened.out_no).await.expect("answered");
        assert_eq!((attempt.state, attempt.pay_url), (AttemptState::Failed, None));
    }

    async fn a_refund_that_was_refused_once_goes_out_again(db) {
        let shop = Shop::open(&db).await;
        shop.stray(20_00).await;
        shop.sandbox.control("plans", json!({ "refund": "refuse", "times": 1 })).await;
        shop.run_all().await;
        let refund = shop.refund().await;
        assert_eq!(refund.state, RefundState::Failed);
        shop.payments.approve_refund(&shop.scope, refund.id, &payment::RefundId::new().to_string()).await.expect("approved");
        shop.run_all().await;
        assert_eq!(shop.refund().await.state, RefundState::Done);
        assert_eq!((shop.channel_money().await, shop.audit().await), ([0, 0, 0], Vec::new()));
    }

    async fn twenty_who_create_the_same_trade_get_one_address(db) {
        let shop = Shop::open(&db).await;
        let opened = shop.opened(50_00).await;
        let made = (0..20).map(|_| shop.payments.create(&shop.scope, &opened.out_no));
        let urls: std::collections::HashSet<_> = futures::future::join_all(made)
            .await
            .into_iter()
            .map(|made| made.expect("created").pay_url.expect("an address"))
            .collect();
        assert_eq!(urls.len(), 1);
    }

    async fn wrong_money_goes_back_by_itself(db) {
        let mut shop = Shop::open(&db).await;
        let (opened, _) = shop.started(50_00).await;
        shop.control_trade(opened.out_no, "pay", json!({ "amount": "49.99" })).await;
        let seen = shop.heard().await.seen.expect("money");
        shop.take(seen).await;
        shop.run_all().await;
        assert_eq!(shop.refund().await.state, RefundState::Done);
        assert_eq!((shop.wallet().await, shop.channel_money().await), (0, [0, 0, 0]));
        let resolved = shop.payments.exceptions(&shop.scope, ExceptionState::Resolved, None).await.expect("a page");
        assert_eq!((resolved.exceptions.len(), shop.audit().await), (1, Vec::new()));
    }

    async fn a_refund_that_was_never_begun_is_sent_again_under_its_number(db) {
        let shop = Shop::open(&db).await;
        shop.stray(20_00).await;
        shop.sandbox.control("plans", json!({ "refund": "timeout", "times": 1 })).await;
        shop.run().await;
        let refund = shop.refund().await;
        assert_eq!((refund.state, refund.tries), (RefundState::Unknown, 1));
        assert_eq!(shop.audit().await, Vec::<String>::new());
        db.clock.advance(TimeDelta::seconds(5));
        shop.run_all().await;
        let sent = shop.refund().await;
        assert_eq!((sent.state, sent.tries, sent.refund_no), (RefundState::Done, 2, refund.refund_no));
        assert_eq!((shop.channel_money().await, shop.audit().await), ([0, 0, 0], Vec::new()));
    }

    async fn a_refund_whose_answer_was_lost_is_not_sent_again(db) {
        let shop = Shop::open(&db).await;
        shop.stray(20_00).await;
        shop.sandbox.control("plans", json!({ "refund": "commit_then_timeout", "times": 1 })).await;
        // Whether our question or the gateway's own news comes first does not matter.
        shop.run().await;
        db.clock.advance(TimeDelta::seconds(5));
        shop.run_all().await;
        let refund = shop.refund().await;
        assert_eq!((refund.state, refund.tries), (RefundState::Done, 1));
        assert_eq!((shop.channel_money().await, shop.audit().await), ([0, 0, 0], Vec::new()));
    }

    async fn a_refund_that_the_gateway_thinks_about_may_still_fail(db) {
        let shop = Shop::open(&db).await;
        shop.stray(20_00).await;
        shop.sandbox.control("plans", json!({ "refund_result": "processing", "times": 1 })).await;
        shop.run_all().await;
        let refund = shop.refund().await;
        assert_eq!(refund.state, RefundState::Submitting);
        let settle = format!("refunds/{}/settle", refund.refund_no);
        shop.sandbox.control(&settle, json!({ "status": "failed" })).await;
        db.clock.advance(TimeDelta::seconds(5));
        shop.run_all().await;
        assert_eq!(shop.refund().await.state, RefundState::Failed);
        assert_eq!(shop.channel_money().await, [-20_00, 20_00, 0]);
        let open = shop.payments.exceptions(&shop.scope, ExceptionState::Open, None).await.expect("a page");
        assert!(open.exceptions[0].cause.is_some());
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }
}
