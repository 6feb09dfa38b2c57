//! A small batch is decided over what the lane knows from earlier ones; what it takes for granted is proved as it is written.

use std::sync::atomic::Ordering;

use ledger::AccountKind;
use testkit::on_both;

use super::fixture::{Shop, cents};
use crate::{OrderError, Refusal};

impl Shop {
    /// How many batches were decided by heart, and how many of those did not hold.
    fn by_heart(&self) -> (u64, u64) {
        let stats = self.lanes.stats();
        (stats.by_heart.load(Ordering::Relaxed), stats.doubts.load(Ordering::Relaxed))
    }
}

fn refusal(error: OrderError) -> Refusal {
    match error {
        OrderError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    }
}

on_both! {
    async fn who_buys_again_is_served_by_heart(db) {
        let shop = Shop::open(&db).await;
        for key in ["one", "two", "three"] {
            shop.buy(1, key).await.expect("bought");
        }
        assert_eq!(shop.by_heart(), (2, 0));
        assert_eq!(shop.balance_of(AccountKind::Wallet, Some(shop.customer.uuid())).await, 970_00);
        shop.is_sound().await;
    }

    async fn the_same_key_is_the_same_order_by_heart_too(db) {
        let shop = Shop::open(&db).await;
        shop.buy(1, "one").await.expect("bought");
        let two = shop.buy(1, "two").await.expect("bought");
        let again = shop.buy(1, "two").await.expect("bought before");
        assert!(again.is_replay);
        assert_eq!(again.answer, two.answer);
        assert_eq!(shop.by_heart(), (2, 1));
        // After a wrong guess the lane reads for a while.
        shop.buy(1, "three").await.expect("bought");
        assert_eq!(shop.by_heart(), (2, 1));
        assert_eq!(shop.stock().await.sold, 3);
        shop.is_sound().await;
    }

    async fn who_has_too_little_is_told_what_he_has(db) {
        let shop = Shop::open_with(&db, 120).await;
        shop.buy(1, "one").await.expect("bought");
        let refused = shop.buy(100, "two").await.expect_err("990.00 are left");
        assert_eq!(refusal(refused), Refusal::InsufficientFunds { available: cents(990_00), wanted: cents(1000_00) });
        assert_eq!(shop.by_heart(), (1, 1));
        shop.is_sound().await;
    }

    async fn money_that_came_by_another_way_is_there(db) {
        let shop = Shop::open_with(&db, 120).await;
        shop.buy(1, "one").await.expect("bought");
        shop.post(AccountKind::Wallet, (shop.customer.uuid(), "by hand"), 10_00).await;
        shop.buy(100, "two").await.expect("1,000.00 are there again");
        assert_eq!(shop.balance_of(AccountKind::Wallet, Some(shop.customer.uuid())).await, 0);
        shop.is_sound().await;
    }

    async fn an_account_that_is_new_is_opened_by_heart_too(db) {
        let shop = Shop::open(&db).await;
        for key in ["one", "two"] {
            shop.buy(1, key).await.expect("bought");
        }
        // The first sale of a sub-site: nobody has posted to its account before.
        shop.buy_at(1, shop.wants(1, 100_00), "three").await.expect("bought");
        assert_eq!(shop.by_heart().1, 0);
        shop.is_sound().await;
    }

    async fn what_was_spent_by_another_way_cannot_be_spent_again(db) {
        let shop = Shop::open_with(&db, 120).await;
        shop.buy(1, "one").await.expect("bought");
        // As another node would: the wallet is empty, and this lane has not heard of it.
        shop.post(AccountKind::Wallet, (shop.customer.uuid(), "by hand"), -990_00).await;
        let refused = shop.buy(1, "two").await.expect_err("nothing is left");
        assert_eq!(refusal(refused), Refusal::InsufficientFunds { available: cents(0), wanted: cents(10_00) });
        assert_eq!(shop.by_heart(), (1, 1));
        assert_eq!(shop.stock().await.sold, 1);
        shop.is_sound().await;
    }
}

#[tokio::test]
async fn two_nodes_that_decide_by_heart_sell_every_card_once() {
    let db = testkit::TestDb::postgres().await;
    let shop = Shop::open_with(&db, 40).await;
    let other = shop.second_node();
    let mut sold = 0;
    for round in 0..20 {
        let (here, there) = (format!("here-{round}"), format!("there-{round}"));
        let (here, there) = tokio::join!(
            shop.buy(1, &here),
            shop.buy_on(&other, &shop.main, shop.chain(0), shop.wants(1, 10_00), &there)
        );
        sold += u64::from(here.is_ok()) + u64::from(there.is_ok());
    }
    assert_eq!((sold, shop.stock().await.sold), (40, 40));
    assert_eq!(shop.balance_of(AccountKind::Wallet, Some(shop.customer.uuid())).await, 600_00);
    shop.is_sound().await;
}
