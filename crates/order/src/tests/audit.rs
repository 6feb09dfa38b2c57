//! The audit finds what an intruder or a broken disk did.

use catalog::{Formula, Rounding};
use kernel::Rate;
use testkit::{TestDb, on_both};

use super::fixture::{Shop, cents};
use super::phone;
use crate::{OrderId, Proof, RefundOf};

/// Rows that are only added: on SQLite a trigger keeps them.
async fn change_hops(db: &TestDb, sql: &str) {
    if db.backend == store::Backend::Sqlite {
        db.tamper("DROP TRIGGER IF EXISTS order_hops_no_update").await.expect("an intruder owns the file");
    }
    db.tamper(sql).await.expect("tampered");
}

impl Shop {
    async fn finds(&self, finding: &str) {
        let breaches = self.audit().await;
        assert!(breaches.iter().any(|breach| breach.contains(finding)), "no {finding:?} in {breaches:#?}");
    }

    /// One finding only, which begins so.
    async fn finds_only(&self, finding: &str) {
        let breaches = self.audit().await;
        assert!(breaches.len() == 1 && breaches[0].starts_with(finding), "{finding:?} is not all of {breaches:#?}");
    }

    async fn finds_nothing(&self) {
        assert_eq!(self.audit().await, Vec::<String>::new());
    }
}

/// A shop where four sites have earned from one order: 8.50, 0.17, 0.18 and 0.95.
async fn sold_through_the_tree(db: &TestDb) -> (Shop, OrderId) {
    let shop = Shop::open(db).await;
    let percent = |ppm| Formula::Percent { rate: Rate::from_ppm(ppm) };
    shop.rule(0, false, Formula::Fixed { price: cents(8_50), loss_cap: None }, Rounding::None).await;
    shop.rule(1, false, percent(20_000), Rounding::None).await;
    shop.rule(2, false, percent(20_000), Rounding::None).await;
    shop.rule(3, true, percent(100_000), Rounding::UpTenth).await;
    let order = shop.buy_at_level_three("key", 9_80).await.expect("bought").answer.order;
    shop.finds_nothing().await;
    (shop, order)
}

on_both! {
    async fn a_day_that_no_term_says_is_found(db) {
        let (shop, _) = sold_through_the_tree(&db).await;
        for term in ["D+9", "T+30", "D+0"] {
            change_hops(&db, &format!("UPDATE order_hops SET term = '{term}' WHERE depth = 2")).await;
            shop.finds_only("9 ").await;
        }
        change_hops(&db, "UPDATE order_hops SET term = NULL WHERE depth = 2").await;
        shop.finds_nothing().await;
    }

    async fn a_margin_of_another_amount_is_found(db) {
        let (shop, order) = sold_through_the_tree(&db).await;
        let shared = format!("8 the ledger shares line 1 of order {} out as", order.uuid());
        // Between two sites, and between the main site and the first: the chain still leads to the price.
        for depth in [1, 0] {
            change_hops(&db, &format!("UPDATE order_hops SET price_minor = price_minor + 1 WHERE depth = {depth}")).await;
            change_hops(&db, &format!("UPDATE order_hops SET cost_minor = cost_minor + 1 WHERE depth = {depth} + 1")).await;
            shop.finds_only(&shared).await;
            change_hops(&db, &format!("UPDATE order_hops SET price_minor = price_minor - 1 WHERE depth = {depth}")).await;
            change_hops(&db, &format!("UPDATE order_hops SET cost_minor = cost_minor - 1 WHERE depth = {depth} + 1")).await;
            shop.finds_nothing().await;
        }
    }

    async fn a_margin_of_another_site_is_found(db) {
        let (shop, order) = sold_through_the_tree(&db).await;
        let other = "(SELECT site_id FROM order_hops WHERE depth = 2)";
        change_hops(&db, &format!("UPDATE order_hops SET site_id = {other} WHERE depth = 1")).await;
        shop.finds_only(&format!("8 the ledger shares line 1 of order {} out as", order.uuid())).await;
    }

    async fn an_entry_of_a_line_that_is_not_there_is_found(db) {
        let (shop, order) = sold_through_the_tree(&db).await;
        for table in ["order_lines", "order_hops"] {
            change_hops(&db, &format!("UPDATE {table} SET line_no = 2")).await;
        }
        shop.finds(&format!("is of a line that order {} does not have", order.uuid())).await;
        shop.finds(&format!("the ledger shares line 2 of order {} out as nothing", order.uuid())).await;
    }

    async fn a_covered_loss_and_an_own_channel_are_shared_out_as_the_hops_say(db) {
        let shop = Shop::open(&db).await;
        let at_loss = Formula::Fixed { price: cents(9_00), loss_cap: Some(cents(1_00)) };
        shop.rule(1, true, at_loss, Rounding::None).await;
        shop.fund_prepaid(1, 10_00).await;
        shop.buy_at(1, shop.wants(1, 9_00), "wallet").await.expect("bought");
        let main = shop.open_channel(0).await;
        let placed = shop.order((1, main), (1, 9_00), 1).await.expect("placed");
        shop.receive(shop.money((0, main), &placed, "T1")).await;
        let own = shop.open_channel(2).await;
        shop.fund_prepaid(2, 10_00).await;
        let placed = shop.order((2, own), (1, 10_00), 2).await.expect("placed");
        shop.receive(shop.money((2, own), &placed, "T2")).await;
        shop.finds_nothing().await;
        // Not who has the loss, and not from which money he has it.
        change_hops(&db, "UPDATE order_hops SET price_minor = price_minor + 1 WHERE price_minor < cost_minor").await;
        let breaches = shop.audit().await;
        let shared = breaches.iter().filter(|breach| breach.starts_with("8 the ledger shares line 1"));
        assert_eq!(shared.count(), 2, "{breaches:#?}");
    }

    async fn a_sale_that_too_many_sites_earn_from_is_found(db) {
        let (shop, order) = sold_through_the_tree(&db).await;
        let columns = "tenant_id, order_id, line_no, depth, site_id, cost_minor, price_minor, rule";
        let row = "tenant_id, order_id, line_no, 4, site_id, price_minor, price_minor, rule";
        db.tamper(&format!("INSERT INTO order_hops ({columns}) SELECT {row} FROM order_hops WHERE depth = 3"))
            .await
            .expect("tampered");
        let seller = format!("the main site and the seller of line 1 of order {}", order.uuid());
        shop.finds_only(&format!("8 3 sites between {seller}")).await;
        change_hops(&db, "UPDATE order_hops SET depth = 5 WHERE depth = 4").await;
        shop.finds(&format!("8 the hops of line 1 of order {} do not lead to its price", order.uuid())).await;
    }

    async fn a_site_above_the_seller_that_loses_is_found(db) {
        let (shop, order) = sold_through_the_tree(&db).await;
        change_hops(&db, "UPDATE order_hops SET price_minor = 800 WHERE depth = 1").await;
        change_hops(&db, "UPDATE order_hops SET cost_minor = 800 WHERE depth = 2").await;
        shop.finds(&format!("above the seller of line 1 of order {} asks less than it pays", order.uuid())).await;
    }

    async fn an_order_that_no_money_or_twice_the_money_bought_is_found(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let mut orders = Vec::new();
        for (visitor, trade) in [(1, "T1"), (2, "T2")] {
            let placed = shop.order((0, channel), (1, 10_00), visitor).await.expect("placed");
            shop.receive(shop.money((0, channel), &placed, trade)).await;
            orders.push(placed.order.uuid());
        }
        shop.finds_nothing().await;
        let first = "(SELECT intent_id FROM payments WHERE trade_no = 'T1')";
        db.tamper(&format!("UPDATE payments SET intent_id = {first} WHERE trade_no = 'T2'")).await.expect("tampered");
        shop.finds(&format!("6 order {} is paid by channel, and 2 payments bought it", orders[0])).await;
        shop.finds(&format!("6 order {} is paid by channel, and 0 payments bought it", orders[1])).await;
    }

    async fn an_order_that_waits_for_another_amount_is_found(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let order = shop.order((0, channel), (1, 10_00), 1).await.expect("placed").order.uuid();
        db.tamper("UPDATE intents SET amount_minor = 1").await.expect("tampered");
        db.tamper("UPDATE attempts SET amount_minor = 1").await.expect("tampered");
        shop.finds_only(&format!("6 what order {order} waits for, or waited for, is not its total")).await;
    }

    async fn money_out_of_another_wallet_is_found(db) {
        let shop = Shop::open(&db).await;
        let order = shop.buy(1, "key").await.expect("bought").answer.order.uuid();
        shop.another_customer().await;
        let other = "(SELECT id FROM customers WHERE login = 'chen@example.test')";
        db.tamper(&format!("UPDATE orders SET customer_id = {other}")).await.expect("tampered");
        shop.finds_only(&format!("16 the ledger did not take the money of order {order} from where it came")).await;
    }

    async fn rows_of_orders_that_are_gone_are_found(db) {
        let shop = Shop::open(&db).await;
        let (sku, channel) = (shop.manual().await, shop.open_channel(0).await);
        let lines = || vec![shop.wants(1, 10_00).remove(0), shop.service(sku, 1)];
        let paid = shop.order_on(&shop.orders, (0, channel), lines(), shop.guest(1)).await.expect("placed");
        shop.receive(shop.money((0, channel), &paid, "T1")).await;
        let proof = Proof { visitor: Some(vec![1; 32]), ..Proof::default() };
        shop.orders.reveal(&shop.main, (&proof, &phone()), paid.order).await.expect("revealed");
        let of = RefundOf { reason: "the buyer is right".to_owned(), by: shop.boss };
        shop.orders.refund(&shop.scope, (paid.order, Default::default()), of, "refund").await.expect("refunded");
        shop.order_on(&shop.orders, (0, channel), lines(), shop.guest(2)).await.expect("placed");
        shop.buy(1, "last").await.expect("bought");
        shop.finds_nothing().await;
        // In the middle of the others, and then behind the last one.
        for gone in ["WHERE payment_state IN ('paid', 'refunded') AND method = 'channel'", ""] {
            db.tamper(&format!("DELETE FROM orders {gone}")).await.expect("tampered");
            let breaches = shop.audit().await;
            let children = [
                "order_lines", "order_hops", "order_events", "order_contacts", "order_forms", "fulfilments",
                "order_returns", "order_return_lines", "reveals", "intents",
            ];
            let held = if gone.is_empty() { &["order_holds"][..] } else { &[] };
            for table in children.iter().chain(held) {
                let named = format!("13 a row of {table} belongs to ");
                let is_named = |breach: &String| breach.starts_with(&named) && breach.ends_with("which is no order");
                assert!(breaches.iter().any(is_named), "{table} is not named in {breaches:#?}");
            }
            assert!(breaches.iter().any(|breach| breach.starts_with("13 ent_") && breach.ends_with("which is no order")));
        }
    }

    async fn rows_of_lines_that_are_gone_and_of_other_sites_are_found(db) {
        let shop = Shop::open(&db).await;
        let (sku, channel) = (shop.manual().await, shop.open_channel(0).await);
        let lines = vec![shop.service(sku, 1)];
        let placed = shop.order_on(&shop.orders, (0, channel), lines, shop.guest(1)).await.expect("placed");
        let order = placed.order.uuid();
        for table in ["order_holds", "order_forms"] {
            db.tamper(&format!("UPDATE {table} SET line_no = 2")).await.expect("tampered");
            shop.finds_only(&format!("13 a row of {table} belongs to line 2 of order {order}")).await;
            db.tamper(&format!("UPDATE {table} SET line_no = 1")).await.expect("tampered");
        }
        db.tamper("UPDATE order_holds SET sku_id = order_id").await.expect("tampered");
        shop.finds_only(&format!("13 a row of order_holds belongs to line 1 of order {order}")).await;
        db.tamper("DELETE FROM order_holds").await.expect("tampered");
        let other = "(SELECT id FROM sites WHERE slug = 'level-1')";
        db.tamper(&format!("UPDATE order_contacts SET site_id = {other}")).await.expect("tampered");
        shop.finds(&format!("13 a row of order_contacts of order {order} is another site's")).await;
    }
}
