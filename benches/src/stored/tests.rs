//! What is filled in holds like what was sold.

use std::sync::Arc;

use super::{Filler, look};
use crate::callers::{Counter, Way};
use crate::shop::{Engine, Shop};

testkit::on_both! {
    async fn the_audit_finds_nothing_in_what_was_filled_and_the_engine_sells_on(db) {
        let mut shop = Shop::open(&db).await;
        Filler::fill(&db, &mut shop, 2_500).await;
        assert_eq!(shop.breaches(Way::Lane).await, Vec::<String>::new());
        let shop = Arc::new(shop);
        shop.stock_up(8).await;
        let engine = Engine::open(&shop);
        for caller in 0..8 {
            engine.buy(caller).await;
        }
        let looks = look(&shop, &engine, 2).await;
        assert!(looks.iter().all(|look| look.within(95) >= look.within(50)), "{looks:?}");
        engine.stop().await;
        assert_eq!(shop.breaches(Way::Lane).await, Vec::<String>::new());
    }
}
