//! The gateway's bill of a day beside our rows.

use chrono::{NaiveDate, TimeDelta};
use payment::{BillKind, BillReport, Difference, GatewayError, PaymentError};
use serde_json::json;
use testkit::on_both;

use super::super::world::cents;
use super::shop::Shop;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

/// The day on which tests begin, in the afternoon of Beijing.
fn today() -> NaiveDate {
    day("2026-11-21")
}

fn agreed(agreed: usize) -> BillReport {
    BillReport { agreed, differences: Vec::new() }
}

/// A top-up that was paid and taken; its trade's number.
async fn paid(shop: &mut Shop, minor: i64) -> String {
    let (opened, _) = shop.started(minor).await;
    shop.control_trade(opened.out_no, "pay", json!({})).await;
    let seen = shop.heard().await.seen.expect("money");
    let trade_no = seen.trade_no.clone();
    shop.take(seen).await;
    trade_no
}

on_both! {
    async fn a_day_on_which_both_sides_saw_the_same_has_no_difference(db) {
        let mut shop = Shop::open(&db).await;
        paid(&mut shop, 50_00).await;
        shop.stray(20_00).await;
        shop.run_all().await;
        assert_eq!(shop.compare(today()).await, agreed(3), "two payments and the refund of the wrong one");
        assert_eq!(shop.compare(day("2026-11-20")).await, agreed(0));
        assert_eq!(shop.compare(day("2026-11-22")).await, agreed(0));
    }

    async fn a_payment_we_never_heard_of_is_missing_here_until_it_is_found(db) {
        let mut shop = Shop::open(&db).await;
        paid(&mut shop, 50_00).await;
        let (opened, _) = shop.started(12_00).await;
        shop.control_trade(opened.out_no, "pay", json!({ "notify": false })).await;
        let report = shop.compare(today()).await;
        let [Difference::MissingHere(line)] = report.differences.as_slice() else { panic!("{report:?}") };
        assert_eq!((line.kind, line.amount, &line.out_no), (BillKind::Payment, cents(12_00), &opened.out_no.to_string()));
        assert_eq!(report.agreed, 1);
        db.clock.advance(TimeDelta::seconds(5));
        shop.run_all().await;
        assert_eq!(shop.compare(today()).await, agreed(2));
    }

    async fn a_payment_that_only_we_know_is_missing_there(db) {
        let mut shop = Shop::open(&db).await;
        let trade_no = paid(&mut shop, 50_00).await;
        db.tamper("UPDATE payments SET trade_no = 'invented'").await.expect("changed");
        let report = shop.compare(today()).await;
        let [Difference::MissingHere(theirs), Difference::MissingThere(ours)] = report.differences.as_slice() else {
            panic!("{report:?}")
        };
        assert_eq!((&theirs.number, ours.number.as_str(), report.agreed), (&trade_no, "invented", 0));
    }

    async fn an_amount_that_is_not_the_gateways_is_told_with_both(db) {
        let mut shop = Shop::open(&db).await;
        paid(&mut shop, 50_00).await;
        db.tamper("UPDATE payments SET amount_minor = 5001").await.expect("changed");
        let report = shop.compare(today()).await;
        let [Difference::OtherAmount { theirs, ours }] = report.differences.as_slice() else { panic!("{report:?}") };
        assert_eq!((theirs.amount, ours.amount), (cents(50_00), cents(50_01)));
    }

    async fn a_refund_that_we_heard_of_after_midnight_is_no_difference_on_either_day(db) {
        let shop = Shop::open(&db).await;
        shop.stray(20_00).await;
        // Ten seconds to midnight in Beijing.
        db.clock.advance(TimeDelta::hours(8) - TimeDelta::seconds(10));
        shop.sandbox.control("plans", json!({ "refund": "commit_then_timeout", "times": 1 })).await;
        shop.run().await;
        db.clock.advance(TimeDelta::seconds(15));
        shop.run_all().await;
        assert_eq!(shop.compare(today()).await, agreed(2));
        assert_eq!(shop.compare(day("2026-11-22")).await, agreed(0));
    }

    async fn a_refund_that_went_out_and_that_we_hold_for_failed_is_missing_here(db) {
        let shop = Shop::open(&db).await;
        shop.stray(20_00).await;
        shop.run_all().await;
        assert_eq!(shop.compare(today()).await, agreed(2));
        db.tamper("UPDATE refunds SET state = 'failed'").await.expect("changed");
        let report = shop.compare(today()).await;
        let [Difference::MissingHere(line)] = report.differences.as_slice() else { panic!("{report:?}") };
        assert_eq!((line.kind, line.amount, report.agreed), (BillKind::Refund, cents(20_00), 1));
    }

    async fn a_gateway_that_is_away_gives_no_bill(db) {
        let shop = Shop::open(&db).await;
        shop.set_away(true).await;
        let told = shop.payments.compare_bill(&shop.scope, shop.channel(), today()).await;
        assert!(matches!(told, Err(PaymentError::Gateway(GatewayError::NotSent(_)))), "{told:?}");
    }
}
