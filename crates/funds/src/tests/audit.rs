//! What somebody changes behind the program's back is found.

use testkit::on_both;

use super::fixture::Shop;
use crate::*;

on_both! {
    async fn a_card_that_says_it_was_redeemed_and_was_not_is_found(db) {
        let shop = Shop::open(&db).await;
        let (_, codes) = shop.cards(2, Origin::Sold).await;
        shop.redeem(0, &codes[0], "one").await.expect("redeemed");
        shop.all_holds().await;
        db.tamper("UPDATE recharge_cards SET state = 'ready', customer_id = NULL, site_id = NULL, redeemed_at = NULL WHERE number = 1").await.expect("tampered");
        let findings = shop.findings().await;
        assert!(findings.len() == 1 && findings[0].contains("the books say"), "{findings:?}");
    }

    async fn another_face_value_is_found(db) {
        let shop = Shop::open(&db).await;
        let (_, codes) = shop.cards(1, Origin::Sold).await;
        shop.redeem(0, &codes[0], "one").await.expect("redeemed");
        db.tamper("UPDATE recharge_batches SET face_minor = 1").await.expect("tampered");
        assert_eq!(shop.findings().await.len(), 1);
    }

    async fn an_adjustment_that_nobody_approved_is_found(db) {
        let shop = Shop::open(&db).await;
        let id = shop.ask(Target::Prepaid(shop.sites[1]), 5_00, Cause::Deposit).await.expect("asked");
        shop.decide(id, AdjustmentWord::Approve, 1).await.expect("approved");
        shop.all_holds().await;
        db.tamper("UPDATE adjustments SET amount_minor = 4").await.expect("tampered");
        assert_eq!(shop.findings().await.len(), 1);
        db.tamper("UPDATE adjustments SET amount_minor = 500, state = 'rejected'").await.expect("tampered");
        assert_eq!(shop.findings().await.len(), 1);
    }

    async fn another_credit_than_was_lent_is_found(db) {
        let shop = Shop::open(&db).await;
        shop.lend(1, 10_00, None).await.expect("lent");
        shop.all_holds().await;
        db.tamper("UPDATE site_credits SET credit_minor = 900").await.expect("tampered");
        assert_eq!(shop.findings().await.len(), 1);
    }
}
