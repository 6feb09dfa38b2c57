//! What operators and owners see: lists, one order, and nothing that is not theirs.

use catalog::{Formula, Rounding};
use chrono::TimeDelta;
use ledger::AccountKind;
use testkit::on_both;

use super::fixture::{Shop, cents};
use crate::machine::{OrderState, PaymentState};
use crate::{OrderError, OrderFilter, OrderId, OrderNumber};

impl Shop {
    async fn listed(&self, filter: &OrderFilter) -> Vec<OrderId> {
        let list = self.orders.list(&self.scope, filter, None, 100).await.expect("a list");
        list.rows.iter().map(|row| row.id).collect()
    }
}

on_both! {
    async fn orders_are_listed_by_what_is_asked(db) {
        // Keys are made by the machine's clock, and a list looks for them within a day of the rows' times.
        db.clock.advance(kernel::Clock::now(&kernel::SystemClock) - kernel::Clock::now(&db.clock));
        let shop = Shop::open(&db).await;
        let (sku, channel) = (shop.manual().await, shop.open_channel(0).await);
        let cards = shop.buy(2, "cards").await.expect("bought").answer.order;
        db.clock.advance(TimeDelta::hours(1));
        let begins = kernel::Clock::now(&db.clock);
        let work = shop.buys(vec![shop.service(sku, 1), shop.wants(1, 10_00).remove(0)], "work").await.expect("bought");
        let below = shop.buy_at(1, shop.wants(1, 10_00), "below").await.expect("bought").answer.order;
        let open = shop.order((0, channel), (1, 10_00), 1).await.expect("placed").order;
        assert_eq!(shop.listed(&OrderFilter::default()).await, [open, below, work, cards]);
        let of = |filter: OrderFilter| { let shop = &shop; async move { shop.listed(&filter).await } };
        assert_eq!(of(OrderFilter { sku: Some(sku), ..Default::default() }).await, [work]);
        assert_eq!(of(OrderFilter { site: Some(shop.sites[1]), ..Default::default() }).await, [below]);
        assert_eq!(of(OrderFilter { orders: vec![OrderState::Open], ..Default::default() }).await, [open, work]);
        assert_eq!(of(OrderFilter { payments: vec![PaymentState::Paying], ..Default::default() }).await, [open]);
        assert_eq!(of(OrderFilter { placed_to: Some(begins), ..Default::default() }).await, [cards]);
        assert_eq!(of(OrderFilter { placed_from: Some(begins), ..Default::default() }).await, [open, below, work]);
        let number = OrderNumber::of(shop.scope.id(), work);
        assert_eq!(of(OrderFilter { number: Some(number), ..Default::default() }).await, [work]);
        assert_eq!(of(OrderFilter { number: Some(number), site: Some(shop.sites[1]), ..Default::default() }).await, []);
        let nobodys = OrderNumber::of(shop.scope.id(), OrderId::new());
        assert_eq!(of(OrderFilter { number: Some(nobodys), ..Default::default() }).await, []);
        let foreign = OrderNumber::of(kernel::TenantId::new(), work);
        assert_eq!(of(OrderFilter { number: Some(foreign), ..Default::default() }).await, []);
        // A site sees its own.
        let own = shop.orders.list(&shop.scope.site(shop.sites[1]), &OrderFilter::default(), None, 10).await;
        assert_eq!(own.expect("a list").rows.iter().map(|row| row.id).collect::<Vec<_>>(), [below]);
        let row = &shop.orders.list(&shop.scope, &OrderFilter::default(), None, 10).await.expect("a list").rows[2];
        assert_eq!((row.lines, row.pieces, row.total), (2, 2, cents(30_00)));
    }

    async fn a_list_is_paged_and_ends(db) {
        let shop = Shop::open(&db).await;
        let mut placed = Vec::new();
        for n in 0..7 {
            placed.push(shop.buy(1, &n.to_string()).await.expect("bought").answer.order);
        }
        placed.reverse();
        for sku in [None, Some(shop.sku)] {
            let filter = OrderFilter { sku, ..OrderFilter::default() };
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let list = shop.orders.list(&shop.scope, &filter, after, 3).await.expect("a list");
                assert!(list.rows.len() <= 3);
                seen.extend(list.rows.iter().map(|row| row.id));
                after = list.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, placed, "{sku:?}");
        }
    }

    async fn the_desk_sees_every_hop_and_no_buyer(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        shop.rule(0, false, Formula::Fixed { price: cents(8_00), loss_cap: None }, Rounding::None).await;
        let placed = shop.order((1, channel), (1, 10_00), 1).await.expect("placed");
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        let view = shop.orders.desk_view(&shop.scope, placed.order).await.expect("a view");
        let hops: Vec<(i64, i64)> =
            view.lines[0].hops.iter().map(|hop| (hop.cost.minor(), hop.price.minor())).collect();
        assert_eq!(hops[0], (7_00, 8_00));
        assert_eq!(hops.len(), 2);
        assert_eq!((view.payments.len(), view.payments[0].trade_no.as_str()), (1, "T1"));
        assert_eq!(view.events[0].actor, "buyer");
        let text = format!("{view:?}");
        let link = placed.due.expect("due").link;
        for secret in ["guest-1", "visitor:", link.as_str(), "crd_", "CODE-"] {
            assert!(!text.contains(secret), "{secret} stands in {text}");
        }
        let foreign = shop.orders.desk_view(&db.tenant().await, placed.order).await;
        assert!(matches!(foreign, Err(OrderError::NotFound)));
    }

    async fn an_owner_sees_his_buyer_and_no_upper_cost(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        shop.rule(0, false, Formula::Fixed { price: cents(8_11), loss_cap: None }, Rounding::None).await;
        shop.rule(1, false, Formula::Markup { amount: cents(1) }, Rounding::None).await;
        shop.rule(2, true, Formula::Fixed { price: cents(9_50), loss_cap: None }, Rounding::None).await;
        let placed = shop.order((2, channel), (1, 9_50), 1).await.expect("placed");
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        let own = shop.scope.site(shop.sites[2]);
        let view = shop.orders.own_view(&own, placed.order).await.expect("a view");
        assert_eq!(view.contact.as_deref(), Some("guest-1@example.test"));
        let [hop] = view.desk.lines[0].hops.as_slice() else { panic!("one hop is his") };
        assert_eq!((hop.cost, hop.price), (cents(8_12), cents(9_50)));
        let text = format!("{view:?}");
        for upper in [cents(8_11), cents(7_00)] {
            assert!(!text.contains(&upper.to_string()), "{upper} stands in {text}");
        }
        assert!(text.contains(&cents(8_12).to_string()), "amounts are written so");
        // Neither the site above nor the one beside sees it.
        for level in [0, 1, 3] {
            let other = shop.scope.site(shop.sites[level]);
            assert!(matches!(shop.orders.own_view(&other, placed.order).await, Err(OrderError::NotFound)));
        }
        assert_eq!(shop.balance_of(AccountKind::SitePending, Some(shop.sites[2].uuid())).await, 1_38);
    }
}
