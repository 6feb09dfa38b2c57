//! The shelf over real rows.

use std::collections::HashMap;

use futures::future::join_all;

use super::*;
use crate::Shelf;

/// A shop with a shelf.
struct Front {
    shop: Shop,
    shelf: Shelf,
}

impl Front {
    async fn open(db: &TestDb) -> Self {
        let shop = Shop::open(db).await;
        Self { shelf: Shelf::new(shop.store.clone()), shop }
    }

    async fn shown(&self, skus: &[SkuId]) -> HashMap<SkuId, u32> {
        self.shelf.counts(&self.shop.scope, skus).await.expect("counted")
    }

    async fn left(&self) -> u32 {
        self.shown(&[self.shop.sku]).await[&self.shop.sku]
    }
}

testkit::on_both! {
    async fn a_number_is_shown_from_memory_for_less_than_a_second(db) {
        let front = Front::open(&db).await;
        front.shop.import(&["one", "two"]).await;
        assert_eq!(front.left().await, 2);
        // Another node imports.
        front.shop.import(&["three"]).await;
        db.clock.advance(TimeDelta::milliseconds(999));
        assert_eq!(front.left().await, 2);
        db.clock.advance(TimeDelta::milliseconds(1));
        assert_eq!(front.left().await, 3);
    }

    async fn a_fresh_number_needs_no_query(db) {
        let front = Front::open(&db).await;
        front.shop.import(&["one"]).await;
        assert_eq!(front.left().await, 1);
        front.shop.store.close().await.expect("closed");
        db.clock.advance(TimeDelta::milliseconds(999));
        assert_eq!(front.left().await, 1);
        db.clock.advance(TimeDelta::milliseconds(1));
        assert!(front.shelf.counts(&front.shop.scope, &[front.shop.sku]).await.is_err(), "now it asks");
    }

    async fn a_restock_on_this_node_is_shown_at_once(db) {
        let front = Front::open(&db).await;
        assert_eq!(front.left().await, 0);
        front.shelf.mark_sold_out(&front.shop.scope, front.shop.sku);
        front.shop.import(&["one"]).await;
        front.shelf.restocked(&front.shop.scope, &[front.shop.sku]);
        assert_eq!(front.left().await, 1);
        assert!(!front.shelf.turns_away(&front.shop.scope, front.shop.sku));
    }

    async fn a_crowd_is_shown_the_same_numbers_of_several_skus(db) {
        let front = Front::open(&db).await;
        front.shop.import(&["one", "two"]).await;
        front.shop.import_as(front.shop.other, &["three"], None).await;
        let skus = [front.shop.sku, front.shop.other, SkuId::new()];
        let all = HashMap::from([(skus[0], 2), (skus[1], 1), (skus[2], 0)]);
        for shown in join_all((0..50).map(|_| front.shown(&skus))).await {
            assert_eq!(shown, all);
        }
    }

    async fn what_is_held_is_not_left_though_it_is_not_sold(db) {
        let front = Front::open(&db).await;
        front.shop.import(&["one", "two"]).await;
        let (tx, mut picks) = (front.shop.write().await, Picks::default());
        picks.want(front.shop.sku, 1, TimeDelta::zero());
        picks.read(&tx, lane::Look::open(0)).await.expect("read");
        picks.take((front.shop.sku, 1), (Uuid::now_v7(), 0), Taking::Hold, tx.now()).expect("in stock");
        carry_out_in(&tx, &mut picks).await.expect("carried out");
        tx.commit().await.expect("committed");
        assert_eq!(front.left().await, 1);
        assert_eq!(front.shop.count(front.shop.sku).await.held, 1);
    }

    async fn what_the_lane_found_sold_out_is_shown_as_nothing_left(db) {
        let front = Front::open(&db).await;
        // Expired cards are counted until they are taken out, but they are not sold.
        front.shop.import_as(front.shop.sku, &["stale"], Some(TimeDelta::seconds(5))).await;
        db.clock.advance(TimeDelta::seconds(5));
        assert_eq!(front.left().await, 1);
        front.shelf.mark_sold_out(&front.shop.scope, front.shop.sku);
        assert_eq!(front.left().await, 0);
    }

    async fn one_tenants_numbers_and_marks_are_not_anothers(db) {
        let (front, stranger) = (Front::open(&db).await, Shop::open(&db).await);
        front.shop.import(&["one"]).await;
        assert_eq!(front.left().await, 1);
        front.shelf.mark_sold_out(&front.shop.scope, front.shop.sku);
        let sku = front.shop.sku;
        let seen = front.shelf.counts(&stranger.scope, &[sku]).await.expect("counted");
        assert_eq!(seen, HashMap::from([(sku, 0)]));
        assert!(!front.shelf.turns_away(&stranger.scope, sku));
        assert!(front.shelf.turns_away(&front.shop.scope, sku));
    }
}
