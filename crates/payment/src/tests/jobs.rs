//! Jobs that outlive what is in their way.

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use outbox::{Outbox, Runner, Tally};
use testkit::on_both;

use super::fixture::Shop;
use super::scripted::Scripted;
use crate::{AttemptState, Cashier, Gateways, RefundState, Rescue, TradeState};

impl Shop {
    fn runner(&self) -> Runner {
        let runner = Runner::new(self.store.clone(), "node", &Outbox::new());
        Cashier::new(self.store.clone(), self.payments.clone()).handle(runner)
    }

    async fn rescue(&self) {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        Outbox::new().enqueue_in(&tx, &Rescue {}).await.expect("written");
        tx.commit().await.expect("committed");
    }
}

async fn run(runner: &Runner) -> Tally {
    runner.run_once().await.expect("ran")
}

on_both! {
    async fn a_refund_without_a_gateway_keeps_its_job_and_shows_in_the_audit(db) {
        let shop = Shop::open(&db).await;
        shop.stray("T1", 20_00).await;
        let runner = shop.runner();
        for hour in 0..40 {
            let tally = run(&runner).await;
            assert_eq!((tally.dead, tally.retried), (0, 0), "hour {hour}");
            db.clock.advance(TimeDelta::hours(1));
        }
        assert_eq!(shop.audit().await.len(), 1, "more than a day without a move");
        db.clock.advance(TimeDelta::days(2));
        assert_eq!(run(&runner).await.done, 1, "it is asked after once a day, for ever");
    }

    async fn a_buyer_who_pays_at_once_leaves_no_job_to_his_trade(db) {
        let gateway = Scripted::default();
        let shop = Shop::open_with(&db, Gateways::default().with(gateway.clone())).await;
        let (paid, open) = (shop.opened(50_00).await, shop.opened(20_00).await);
        shop.payments.create(&shop.scope, &paid.out_no).await.expect("registered");
        db.clock.advance(TimeDelta::seconds(3));
        let runner = shop.runner();
        assert_eq!(run(&runner).await.done, 1, "the trade that nobody has registered");
        shop.take(shop.money(paid.out_no, "T1", 50_00)).await;
        db.clock.advance(TimeDelta::seconds(2));
        assert_eq!(run(&runner).await.done, 3, "two watches, and a question after the trade that is open");
        let attempts = shop.payments.attempts_of(&shop.main, open.intent).await.expect("found");
        assert_eq!(attempts[0].state, AttemptState::Waiting);
        db.clock.advance(TimeDelta::seconds(10));
        assert_eq!(run(&runner).await.done, 1, "the next question");
    }

    async fn a_trade_that_is_open_after_it_was_closed_is_closed_once_more(db) {
        let gateway = Scripted::default();
        let shop = Shop::open_with(&db, Gateways::default().with(gateway.clone())).await;
        let opened = shop.opened(50_00).await;
        shop.payments.create(&shop.scope, &opened.out_no).await.expect("registered");
        let runner = shop.runner();
        db.clock.advance(TimeDelta::minutes(16));
        run(&runner).await;
        assert_eq!(gateway.closed.load(Ordering::SeqCst), 1);
        gateway.say([TradeState::Waiting, TradeState::Closed]);
        for _ in 0..2 {
            db.clock.advance(TimeDelta::minutes(1));
            run(&runner).await;
        }
        assert_eq!(gateway.closed.load(Ordering::SeqCst), 2);
        db.clock.advance(TimeDelta::days(1));
        assert_eq!(run(&runner).await, Tally::default(), "its end is known");
        let attempts = shop.payments.attempts_of(&shop.main, opened.intent).await.expect("found");
        assert_eq!(attempts[0].state, AttemptState::Closed);
    }

    async fn a_refused_create_beside_a_good_one_does_not_end_the_try(db) {
        let gateway = Scripted::default();
        let shop = Shop::open_with(&db, Gateways::default().with(gateway.clone())).await;
        for script in [[true, false], [false, true]] {
            let opened = shop.opened(50_00).await;
            gateway.refusals.lock().expect("unharmed").extend(script);
            let create = || shop.payments.create(&shop.scope, &opened.out_no);
            let (first, second) = futures::join!(create(), create());
            assert!(first.is_ok() && second.is_ok());
            let attempts = shop.payments.attempts_of(&shop.scope, opened.intent).await.expect("read");
            assert_eq!((attempts[0].state, attempts[0].pay_url.is_some()), (AttemptState::Waiting, true));
        }
    }

    async fn jobs_talk_twice_by_a_channel_and_the_rest_wait_without_an_attempt(db) {
        let gateway = Scripted::default();
        let shop = Shop::open_with(&db, Gateways::default().with(gateway.clone())).await;
        let opened = shop.opened(50_00).await;
        for _ in 0..7 {
            let start = crate::StartAttempt {
                key: shop.key(), intent: opened.intent, channel: shop.channel, out_no: crate::OutNo::new(),
            };
            shop.payments.start_attempt(&shop.main, start).await.expect("a further try");
        }
        let runner = shop.runner();
        for _ in 0..20 {
            db.clock.advance(TimeDelta::seconds(10));
            let tally = run(&runner).await;
            assert_eq!((tally.dead, tally.retried), (0, 0), "{tally:?}");
        }
        let most = gateway.most_talking.load(Ordering::SeqCst);
        assert!((1..=2).contains(&most), "{most}");
    }

    async fn the_sweeper_gives_back_jobs_that_were_lost_and_no_more_than_one_each(db) {
        let shop = Shop::open(&db).await;
        shop.opened(50_00).await;
        shop.stray("T1", 20_00).await;
        db.clock.advance(TimeDelta::minutes(18));
        db.tamper("DELETE FROM jobs").await.expect("lost");
        let runner = shop.runner();
        shop.rescue().await;
        // The sweeper itself, the try that has no gateway, the refund that has none.
        assert_eq!(run(&runner).await.done, 3);
        for _ in 0..5 {
            shop.rescue().await;
            assert_eq!(run(&runner).await.done, 1, "both wait for their next turn");
        }
        let waiting = { db.clock.advance(TimeDelta::hours(2)); shop.jobs().await };
        assert_eq!(waiting, 2);
    }

    async fn a_refund_that_is_over_is_not_asked_after_again(db) {
        let shop = Shop::open(&db).await;
        let refund = shop.stray("T1", 20_00).await;
        shop.payments.ask_refund_again(&shop.scope, refund).await.expect("it is on its way");
        shop.payments.cancel_refund(&shop.scope, refund, &crate::RefundId::new().to_string()).await.expect("cancelled");
        let again = shop.payments.ask_refund_again(&shop.scope, refund).await;
        let refused = crate::Refusal::RefundState { state: RefundState::Cancelled };
        assert!(matches!(again, Err(crate::PaymentError::Refused(refusal)) if refusal == refused));
    }
}
