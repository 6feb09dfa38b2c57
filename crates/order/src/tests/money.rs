//! The job that gives money its place, when something is in its way.

use chrono::TimeDelta;
use outbox::{Outbox, Runner, Tally};
use payment::{CallbackId, MoneySeen, Seen};
use testkit::on_both;

use super::fixture::Shop;
use crate::MoneyReceiver;

impl Shop {
    async fn see(&self, seen: Seen) {
        let job = MoneySeen { seen, callback: Some(CallbackId::new()), round: 0 };
        let tx = self.store.write(&self.scope).await.expect("a writer");
        Outbox::new().enqueue_once_in(&tx, &job.name(), &job, store::Tx::now(&tx)).await.expect("written");
        tx.commit().await.expect("committed");
    }
}

on_both! {
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
