//! A gateway that is away for hours, or refuses to close, and what comes of it when it is back.

use chrono::TimeDelta;
use payment::{AttemptState, RefundState, Rescue};
use serde_json::json;
use testkit::on_both;

use super::shop::Shop;

on_both! {
    async fn money_is_found_after_the_gateway_was_away_for_half_a_day(db) {
        let shop = Shop::open(&db).await;
        let (opened, _) = shop.started(50_00).await;
        shop.control_trade(opened.out_no, "pay", json!({ "notify": false })).await;
        shop.set_away(true).await;
        for _ in 0..12 {
            shop.run_all().await;
            db.clock.advance(TimeDelta::hours(1));
        }
        shop.set_away(false).await;
        shop.run_all().await;
        assert_eq!((shop.wallet().await, shop.audit().await), (50_00, Vec::new()));
    }

    async fn a_trade_nobody_answers_for_becomes_a_dead_letter_after_a_day(db) {
        let shop = Shop::open(&db).await;
        shop.started(50_00).await;
        shop.set_away(true).await;
        for _ in 0..26 {
            assert_eq!(shop.tally().await.dead, 0);
            db.clock.advance(TimeDelta::hours(1));
        }
        assert_eq!(shop.tally().await.dead, 1);
    }

    async fn a_trade_that_is_not_closed_is_not_taken_for_closed(db) {
        let shop = Shop::open(&db).await;
        let (opened, _) = shop.started(50_00).await;
        shop.sandbox.control("plans", json!({ "close": "refuse", "times": 1 })).await;
        db.clock.advance(TimeDelta::minutes(15));
        shop.run_all().await;
        let state = async || shop.payments.attempts_of(&shop.scope, opened.intent).await.expect("read")[0].state;
        assert_eq!(state().await, AttemptState::Waiting);
        db.clock.advance(TimeDelta::minutes(1));
        shop.run_all().await;
        assert_eq!(state().await, AttemptState::Closed);
    }

    async fn a_refund_is_sent_after_days_without_a_gateway(db) {
        let shop = Shop::open(&db).await;
        shop.stray(20_00).await;
        shop.set_away(true).await;
        for _ in 0..40 {
            shop.run_all().await;
            db.clock.advance(TimeDelta::hours(1));
        }
        assert_eq!(shop.refund().await.state, RefundState::Unknown);
        assert!(!shop.audit().await.is_empty(), "it shows that it does not move");
        shop.set_away(false).await;
        shop.payments.ask_refund_again(&shop.scope, shop.refund().await.id).await.expect("asked");
        shop.run_all().await;
        assert_eq!(shop.refund().await.state, RefundState::Done);
        assert_eq!((shop.channel_money().await, shop.audit().await), ([0, 0, 0], Vec::new()));
    }

    async fn a_message_whose_job_was_lost_shows_in_the_audit_and_is_worked_on_again(db) {
        let mut shop = Shop::open(&db).await;
        let (opened, _) = shop.started(50_00).await;
        shop.control_trade(opened.out_no, "pay", json!({})).await;
        shop.heard().await;
        db.tamper("DELETE FROM jobs").await.expect("lost");
        db.clock.advance(TimeDelta::minutes(61));
        assert_eq!((shop.wallet().await, shop.audit().await.len()), (0, 1));
        shop.enqueue(&Rescue {}).await;
        shop.run_all().await;
        assert_eq!(shop.wallet().await, 50_00);
    }
}
