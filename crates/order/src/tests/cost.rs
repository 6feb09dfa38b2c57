//! What goods cost to stock: put in by an import, taken out by the sale of those very cards.

use chrono::TimeDelta;
use inventory::StockCount;
use ledger::AccountKind;
use payment::Seen;
use testkit::{TestDb, on_both};

use super::fixture::{Shop, cents};
use crate::{Receipt, RefundOf, Wanted};

impl Shop {
    /// What goods have cost that are gone, and what those cost that are in stock.
    async fn goods(&self) -> (i64, i64) {
        let cost = -self.balance_of(AccountKind::CostOfGoods, None).await;
        (cost, -self.balance_of(AccountKind::StockAtCost, None).await)
    }
}

/// A shop with two cards for 7.00 each and one for 9.00, which every further one costs.
async fn dearer(db: &TestDb) -> Shop {
    let shop = Shop::open_with(db, 2).await;
    db.tamper("UPDATE skus SET cost_minor = 900").await.expect("the cost changes");
    shop.import_at(9_00, &["DEAR"], None).await;
    assert_eq!(shop.goods().await, (0, 23_00));
    shop
}

on_both! {
    async fn a_sale_takes_out_of_the_stock_what_the_import_put_in(db) {
        let shop = dearer(&db).await;
        // Two lines of one SKU: each has its own cards.
        let lines = vec![shop.wants(1, 10_00).remove(0), shop.wants(2, 10_00).remove(0)];
        let order = shop.buys(lines, "key").await.expect("bought");
        assert_eq!(shop.goods().await, (23_00, 0));
        // The price is made of what the goods cost on the day.
        let view = shop.orders.desk_view(&shop.scope, order).await.expect("a view");
        assert!(view.lines.iter().all(|line| line.hops[0].cost == cents(9_00)));
        shop.is_sound().await;
        // The codes are void, not in stock again.
        let of = RefundOf { reason: "wrong goods".to_owned(), by: shop.boss };
        shop.orders.refund(&shop.scope, (order, Default::default()), of, "r").await.expect("refunded");
        assert_eq!(shop.goods().await, (23_00, 0));
        shop.is_sound().await;
    }

    async fn what_is_held_is_in_stock_until_it_is_paid(db) {
        let shop = dearer(&db).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (3, 10_00), 1).await.expect("placed");
        assert_eq!(shop.goods().await, (0, 23_00));
        shop.is_sound().await;
        db.tamper("UPDATE skus SET cost_minor = 100").await.expect("the cost changes");
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        assert_eq!(shop.goods().await, (23_00, 0));
        shop.is_sound().await;
    }

    async fn goods_that_a_hold_gives_back_go_on_at_their_own_cost(db) {
        let shop = dearer(&db).await;
        let channel = shop.open_channel(0).await;
        shop.order((0, channel), (3, 10_00), 1).await.expect("placed");
        db.clock.advance(TimeDelta::minutes(16));
        // Nobody has swept: the next buyer's own batch frees them, and sells the oldest.
        shop.buy(1, "one").await.expect("it is free again");
        assert_eq!(shop.goods().await, (7_00, 16_00));
        assert_eq!(shop.stock().await, StockCount { available: 2, sold: 1, ..StockCount::default() });
        shop.is_sound().await;
        shop.buy(2, "two").await.expect("the rest");
        assert_eq!(shop.goods().await, (23_00, 0));
        shop.is_sound().await;
    }

    async fn late_money_buys_other_goods_at_their_own_cost(db) {
        let shop = Shop::open_with(&db, 1).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
        db.clock.advance(TimeDelta::minutes(16));
        shop.buy(1, "somebody-else").await.expect("it is free again");
        shop.import_at(9_00, &["DEAR"], None).await;
        let late = Seen { is_confirmed: true, ..shop.money((0, channel), &placed, "T1") };
        assert_eq!(shop.receive(late).await, Receipt::Delivered { order: placed.order });
        assert_eq!(shop.goods().await, (16_00, 0));
        shop.is_sound().await;
    }

    async fn what_a_person_does_and_what_everybody_gets_takes_nothing_out_of_the_stock(db) {
        let shop = Shop::open_with(&db, 0).await;
        shop.import_shared(&["SHARED"]).await;
        let sku = shop.manual().await;
        let lines: Vec<Wanted> = vec![shop.service(sku, 1), shop.wants(2, 10_00).remove(0)];
        let order = shop.buys(lines, "key").await.expect("bought");
        shop.does(order, 1, shop.boss).await;
        assert_eq!(shop.goods().await, (0, 0));
        shop.is_sound().await;
    }

    async fn the_audit_finds_goods_that_left_the_stock_for_another_cost(db) {
        let shop = dearer(&db).await;
        let order = shop.buy(2, "key").await.expect("bought").answer.order.uuid();
        shop.is_sound().await;
        db.tamper("UPDATE cards SET cost_minor = cost_minor + 1 WHERE state = 'sold'").await.expect("tampered");
        let said = format!("3 line 1 of order {order} says that its cards were put in stock for");
        assert_eq!(shop.audit().await, [format!("{said} 1400, they say 1402")]);
        db.tamper("UPDATE cards SET cost_minor = cost_minor - 1 WHERE state = 'sold'").await.expect("tampered");
        shop.is_sound().await;
        // As it was posted before: what the SKU cost on the day of the sale.
        db.tamper("UPDATE order_lines SET cost_of_goods_minor = 1800").await.expect("tampered");
        assert_eq!(
            shop.audit().await,
            [
                format!("{said} 1800, they say 1400"),
                format!("16 the ledger did not take the 1800 of order {order} out of the stock"),
            ]
        );
    }
}
