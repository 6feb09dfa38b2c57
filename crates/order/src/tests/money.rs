//! The job that gives money its place, when something is in its way.

use chrono::TimeDelta;
use outbox::{Outbox, Runner, Tally};
use payment::{CallbackId, MoneySeen, Payments, PublicChannel, Received, Seen};
use testkit::on_both;

use super::fixture::Shop;
use super::refunds::pays_back::PaysBack;
use crate::{MoneyReceiver, Receipt};

impl Shop {
    async fn see(&self, seen: Seen) {
        let job = MoneySeen { seen, callback: Some(CallbackId::new()), round: 0 };
        let tx = self.store.write(&self.scope).await.expect("a writer");
        Outbox::new().enqueue_once_in(&tx, &job.name(), &job, store::Tx::now(&tx)).await.expect("written");
        tx.commit().await.expect("committed");
    }
}

/// A message of this name tells of the money.
async fn heard(shop: &Shop, payments: &Payments, name: &str, seen: &Seen) -> Received {
    let body = serde_json::to_vec(&(name, seen)).expect("written");
    let channel = PublicChannel::new(shop.scope.id(), seen.channel);
    payments.receive(&channel, "sandbox", Vec::new(), body, "/pay/notify").await.expect("taken")
}

on_both! {
    async fn a_message_is_dealt_with_where_its_money_gets_its_place(db) {
        let shop = Shop::open(&db).await;
        let payments = shop.payments_by(PaysBack(None));
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
        let seen = shop.money((0, channel), &placed, "T1");
        // The second is answered from the first one's key, and the third is offered by its job alone.
        for name in ["first", "second"] {
            let Received { scope, seen: offered, message, .. } = heard(&shop, &payments, name, &seen).await;
            let receipt = shop.orders.receive_message(&scope, offered.expect("money"), message).await.expect("received");
            assert_eq!(receipt, Receipt::Delivered { order: placed.order });
        }
        heard(&shop, &payments, "third", &seen).await;
        db.clock.advance(TimeDelta::seconds(2));
        let runner = Runner::new(shop.store.clone(), "node", &Outbox::new());
        let tally = runner.handle(MoneyReceiver(shop.orders.clone())).run_once().await.expect("ran");
        assert_eq!((tally.done, tally.retried), (1, 0), "{tally:?}");
        for name in ["first", "second", "third"] {
            assert_eq!(heard(&shop, &payments, name, &seen).await.seen, None, "{name} is dealt with");
        }
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_message_that_comes_shortly_before_the_end_still_finds_goods(db) {
        let shop = Shop::open(&db).await;
        let payments = shop.payments_by(PaysBack(None));
        let channel = shop.open_channel(0).await;
        for (visitor, left_s) in [(1, 121), (2, 119), (3, 59)] {
            let placed = shop.order((0, channel), (1, 10_00), visitor).await.expect("placed");
            let seen = shop.money((0, channel), &placed, &format!("T{visitor}"));
            db.clock.advance(TimeDelta::minutes(15) - TimeDelta::seconds(left_s));
            let Received { scope, message, .. } = heard(&shop, &payments, &format!("M{visitor}"), &seen).await;
            assert_eq!(message.intent.is_some(), left_s > 120, "{left_s} s are left");
            let receipt = shop.orders.receive_message(&scope, seen, message).await.expect("received");
            assert_eq!(receipt, Receipt::Delivered { order: placed.order });
        }
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn late_money_waits_a_day_for_the_gateways_word_and_then_for_a_person(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
        db.clock.advance(TimeDelta::minutes(16));
        shop.orders.sweep(&shop.scope).await.expect("swept");
        // No gateway is installed, so nobody confirms it.
        shop.see(shop.money((0, channel), &placed, "T1")).await;
        let receiver = MoneyReceiver(shop.orders.clone());
        let runner = Runner::new(shop.store.clone(), "node", &Outbox::new()).handle(receiver);
        let mut dead_after = None;
        for hour in 0..40 {
            let tally: Tally = runner.run_once().await.expect("ran");
            assert_eq!((tally.retried, tally.lost), (0, 0), "no attempt is used up: {tally:?}");
            if tally.dead == 1 {
                dead_after = Some(hour);
                break;
            }
            db.clock.advance(TimeDelta::hours(1));
        }
        assert!(dead_after.is_some_and(|hours| (25..=30).contains(&hours)), "{dead_after:?}");
    }
}
