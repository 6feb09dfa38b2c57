//! The crowd for what is sold out, and those in it who have bought.

use std::sync::atomic::Ordering;

use testkit::on_both;

use super::fixture::Shop;
use crate::{OrderError, Refusal};

impl Shop {
    fn commands(&self) -> u64 {
        self.lanes.stats().commands.load(Ordering::Relaxed)
    }
}

fn is_sold_out<T>(answer: &Result<T, OrderError>) -> bool {
    matches!(answer, Err(OrderError::Refused(Refusal::OutOfStock { available: 0, .. })))
}

on_both! {
    async fn an_attempt_carries_little_along_until_it_is_let_through(db) {
        let shop = Shop::open_with(&db, 1).await;
        let attempt = shop.buy_at(0, shop.wants(1, 10_00), "one");
        // It is moved from layer to layer of a server, and a crowd has a million of them.
        assert!(size_of_val(&attempt) < 4 * 1_024, "{} bytes", size_of_val(&attempt));
    }

    async fn a_crowd_with_new_keys_uses_up_the_budget_and_a_known_buyer_still_passes(db) {
        let shop = Shop::open_with(&db, 1).await;
        shop.buy(1, "last").await.expect("the last one");
        assert!(is_sold_out(&shop.buy(1, "probe").await));
        for number in 0..200 {
            assert!(is_sold_out(&shop.buy(1, &format!("late-{number}")).await));
        }
        assert!(shop.buy(1, "last").await.expect("his own").is_replay, "his key is in memory");
    }

    async fn a_process_that_began_anew_finds_a_key_as_long_as_the_budget_lasts(db) {
        let shop = Shop::open_with(&db, 1).await;
        shop.buy(1, "last").await.expect("the last one");
        let anew = shop.second_node();
        let buy = async |key: &str| shop.buy_on(&anew, &shop.main, shop.chain_of_main(), shop.wants(1, 10_00), key).await;
        assert!(is_sold_out(&buy("probe").await));
        assert!(buy("last").await.expect("his own").is_replay, "it is looked up");
        for number in 0..50 {
            assert!(is_sold_out(&buy(&format!("late-{number}")).await));
        }
        assert!(buy("last").await.expect("his own").is_replay, "what was looked up is remembered");
        let other = shop.second_node();
        let buy = async |key: &str| shop.buy_on(&other, &shop.main, shop.chain_of_main(), shop.wants(1, 10_00), key).await;
        assert!(is_sold_out(&buy("another-probe").await));
        for number in 0..50 {
            assert!(is_sold_out(&buy(&format!("later-{number}")).await));
        }
        assert!(is_sold_out(&buy("last").await), "the clock stands still, and the budget is gone");
        db.clock.advance(chrono::TimeDelta::milliseconds(20));
        assert!(buy("last").await.expect("his own").is_replay);
    }

    async fn a_refused_key_is_not_let_through_again(db) {
        let shop = Shop::open_with(&db, 0).await;
        assert!(is_sold_out(&shop.buy(1, "first").await));
        for number in 0..30 {
            assert!(is_sold_out(&shop.buy(1, &format!("late-{number}")).await));
        }
        let before = shop.commands();
        assert!(is_sold_out(&shop.buy(1, "first").await));
        assert_eq!(shop.commands(), before);
    }
}
