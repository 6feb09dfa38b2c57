//! Intents, tries and money in the lane.

use std::collections::HashSet;

use testkit::on_both;

use super::fixture::{Shop, Taken, cents, later};
use crate::{
    AttemptState, ExceptionKind, ExceptionState, IntentState, OutNo, PaymentError, Purpose, RefundState, Refusal,
    StartAttempt, TopUpOpened, Use,
};

impl Shop {
    async fn start(&self, opened: TopUpOpened, channel: crate::ChannelId) -> Result<OutNo, PaymentError> {
        let start = StartAttempt { key: self.key(), intent: opened.intent, channel, out_no: OutNo::new() };
        self.payments.start_attempt(&self.main, start).await
    }
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, PaymentError>) -> Refusal {
    match answer {
        Err(PaymentError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

on_both! {
    async fn money_for_a_top_up_is_in_the_wallet_once(db) {
        let shop = Shop::open(&db).await;
        let opened = shop.opened(50_00).await;
        let seen = shop.money(opened.out_no, "T1", 50_00);
        let copies = futures::future::join_all((0..50).map(|_| shop.take(seen.clone()))).await;
        assert_eq!(copies.iter().filter(|taken| **taken == Taken::ToppedUp).count(), 1);
        assert_eq!(copies.iter().filter(|taken| **taken == Taken::Known).count(), 49);
        assert_eq!(shop.wallet().await, 50_00);
        assert_eq!(shop.main_money().await, [-50_00, 0, 0]);
        let intent = shop.payments.intent(&shop.main, opened.intent).await.expect("found");
        let attempts = shop.payments.attempts_of(&shop.main, opened.intent).await.expect("found");
        assert_eq!((intent.state, intent.purpose, attempts[0].state), (IntentState::Paid, Purpose::TopUp, AttemptState::Paid));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn an_opened_top_up_has_its_jobs_and_a_repeated_key_no_others(db) {
        let shop = Shop::open(&db).await;
        let top_up = shop.top_up(50_00);
        let first = shop.payments.open_top_up(&shop.main, top_up.clone()).await.expect("opened");
        let again = shop.payments.open_top_up(&shop.main, crate::OpenTopUp { ids: TopUpOpened::new(), ..top_up }).await;
        assert_eq!(again.expect("the same"), first);
        assert_eq!(shop.jobs().await, 0, "the buyer's own request creates the trade");
        db.clock.advance(chrono::TimeDelta::seconds(3));
        assert_eq!(shop.jobs().await, 1, "it did not, so the job does");
        later(&db);
        assert_eq!(shop.jobs().await, 2, "the lease of the first is over, and the watch is due");
    }

    async fn wrong_money_is_kept_apart_and_goes_back(db) {
        let shop = Shop::open(&db).await;
        let opened = shop.opened(50_00).await;
        let taken = shop.take(shop.money(opened.out_no, "T1", 49_99)).await;
        assert!(matches!(taken, Taken::Suspended { .. }));
        assert_eq!((shop.wallet().await, shop.main_money().await), (0, [-49_99, 49_99, 0]));
        let attempts = shop.payments.attempts_of(&shop.main, opened.intent).await.expect("found");
        assert_eq!(attempts[0].state, AttemptState::Mismatched);
        let page = shop.payments.exceptions(&shop.main, ExceptionState::Open, None).await.expect("a page");
        assert_eq!((page.exceptions.len(), page.exceptions[0].kind), (1, ExceptionKind::WrongAmount));
        let refunds = shop.payments.refunds_of(&shop.scope, page.exceptions[0].payment).await.expect("found");
        assert_eq!((refunds[0].state, refunds[0].amount), (RefundState::Approved, cents(49_99)));
        let right = shop.take(shop.money(opened.out_no, "T2", 50_00)).await;
        assert_eq!((right, shop.wallet().await), (Taken::ToppedUp, 50_00));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_second_payment_by_another_try_is_not_used(db) {
        let shop = Shop::open(&db).await;
        let opened = shop.opened(50_00).await;
        let second = shop.start(opened, shop.channel).await.expect("a second try");
        assert_eq!(shop.take(shop.money(second, "T2", 50_00)).await, Taken::ToppedUp);
        assert!(matches!(shop.take(shop.money(opened.out_no, "T1", 50_00)).await, Taken::Suspended { .. }));
        let payments = shop.payments.payments_of(&shop.scope, opened.intent).await.expect("found");
        let uses: Vec<Use> = payments.iter().map(|payment| payment.use_).collect();
        assert_eq!(uses, [Use::TopUp, Use::Exception]);
        assert_eq!((shop.wallet().await, shop.audit().await), (50_00, Vec::new()));
    }

    async fn money_at_another_merchant_is_posted_nowhere_and_waits_for_a_person(db) {
        let shop = Shop::open(&db).await;
        let opened = shop.opened(50_00).await;
        let seen = crate::Seen { payee: "thief".to_owned(), ..shop.money(opened.out_no, "T1", 50_00) };
        assert!(matches!(shop.take(seen).await, Taken::Suspended { .. }));
        assert_eq!((shop.wallet().await, shop.main_money().await), (0, [0, 0, 0]));
        let page = shop.payments.exceptions(&shop.main, ExceptionState::Open, None).await.expect("a page");
        let refunds = shop.payments.refunds_of(&shop.scope, page.exceptions[0].payment).await.expect("found");
        assert_eq!(refunds[0].state, RefundState::Requested);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn two_nodes_take_the_same_money_once(db) {
        let shop = Shop::open(&db).await;
        let opened = shop.opened(50_00).await;
        let other = shop.second_node();
        let (good, stray) = (shop.money(opened.out_no, "T1", 50_00), shop.money(OutNo::new(), "T9", 7_00));
        let takes = (0..40).map(|n| {
            let node = if n % 2 == 0 { &shop } else { &other };
            node.take(if n % 4 < 2 { good.clone() } else { stray.clone() })
        });
        let taken = futures::future::join_all(takes).await;
        assert_eq!(taken.iter().filter(|taken| **taken == Taken::ToppedUp).count(), 1);
        assert_eq!(taken.iter().filter(|taken| matches!(taken, Taken::Suspended { .. })).count(), 1);
        assert_eq!((shop.wallet().await, shop.audit().await), (50_00, Vec::new()));
    }

    async fn a_top_up_has_limits(db) {
        let shop = Shop::open(&db).await;
        let open = |minor| shop.payments.open_top_up(&shop.main, shop.top_up(minor));
        for minor in [-1_00, 0, 99, 5_000_01] {
            assert!(matches!(refusal(open(minor).await), Refusal::TopUpLimit { .. }), "{minor}");
        }
        let opened = open(4_000_00).await.expect("opened");
        shop.take(shop.money(opened.out_no, "T1", 4_000_00)).await;
        let limit = Refusal::TopUpLimit { least: cents(1_00), most: cents(1_000_00) };
        assert_eq!(refusal(open(1_000_01).await), limit);
        open(1_000_00).await.expect("up to the cap");
    }

    async fn what_may_still_come_counts_for_the_cap(db) {
        let shop = Shop::open(&db).await;
        let open = |minor| shop.payments.open_top_up(&shop.main, shop.top_up(minor));
        let first = open(4_000_00).await.expect("opened");
        let limit = Refusal::TopUpLimit { least: cents(1_00), most: cents(1_000_00) };
        assert_eq!(refusal(open(1_000_01).await), limit);
        open(500_00).await.expect("there is room");
        open(500_00).await.expect("up to the cap");
        shop.take(shop.money(first.out_no, "T1", 4_000_00)).await;
        assert!(matches!(refusal(open(1_00).await), Refusal::TopUpLimit { .. }), "paid or open, it counts once");
        later(&db);
        open(1_000_00).await.expect("what nobody paid for is over");
    }

    async fn three_top_ups_wait_at_a_time(db) {
        let shop = Shop::open(&db).await;
        let open = || shop.payments.open_top_up(&shop.main, shop.top_up(1_00));
        let opened = futures::future::join_all((0..6).map(|_| open())).await;
        assert_eq!(opened.iter().filter(|answer| answer.is_ok()).count(), 3);
        assert_eq!(refusal(open().await), Refusal::TooManyTopUps { most: 3 });
        later(&db);
        open().await.expect("they are over");
    }

    async fn an_intent_is_tried_ten_times_and_only_while_it_waits(db) {
        let shop = Shop::open(&db).await;
        let opened = shop.opened(50_00).await;
        for _ in 0..9 {
            shop.start(opened, shop.channel).await.expect("a further try");
        }
        assert_eq!(refusal(shop.start(opened, shop.channel).await), Refusal::TooManyAttempts { most: 10 });
        let other = shop.opened(10_00).await;
        shop.take(shop.money(other.out_no, "T1", 10_00)).await;
        assert_eq!(refusal(shop.start(other, shop.channel).await), Refusal::NotOpen { state: IntentState::Paid });
        let third = shop.opened(10_00).await;
        later(&db);
        assert_eq!(refusal(shop.start(third, shop.channel).await), Refusal::Expired);
    }

    async fn wallet_money_is_collected_by_the_main_site_only(db) {
        let shop = Shop::open(&db).await;
        let own = shop.open_channel(&shop.sub, "merchant-sub").await;
        let top_up = crate::OpenTopUp { channel: own, site: shop.sub.site(), ..shop.top_up(50_00) };
        assert_eq!(refusal(shop.payments.open_top_up(&shop.sub, top_up).await), Refusal::NoChannel);
        let opened = shop.opened(50_00).await;
        assert_eq!(refusal(shop.start(opened, own).await), Refusal::NoChannel);
    }

    async fn another_site_sees_nothing_of_an_intent(db) {
        let shop = Shop::open(&db).await;
        let opened = shop.opened(50_00).await;
        assert!(matches!(shop.payments.intent(&shop.sub, opened.intent).await, Err(PaymentError::NotFound(_))));
        assert_eq!(shop.payments.attempts_of(&shop.sub, opened.intent).await.expect("read"), []);
        let start = StartAttempt { key: shop.key(), intent: opened.intent, channel: shop.channel, out_no: OutNo::new() };
        assert!(matches!(shop.payments.start_attempt(&shop.sub, start).await, Err(PaymentError::NotFound(_))));
    }

    async fn a_changed_payment_is_found_by_the_audit(db) {
        let shop = Shop::open(&db).await;
        let opened = shop.opened(50_00).await;
        shop.take(shop.money(opened.out_no, "T1", 50_00)).await;
        shop.stray("T2", 20_00).await;
        assert_eq!(shop.audit().await, Vec::<String>::new());
        db.tamper("UPDATE payments SET amount_minor = amount_minor - 1").await.expect("tampered");
        let found: HashSet<String> = shop.audit().await.into_iter().collect();
        assert_eq!(found.len(), 5, "{found:?}");
    }

    async fn money_in_a_wallet_that_nobody_paid_is_found(db) {
        let shop = Shop::open(&db).await;
        let opened = shop.opened(50_00).await;
        shop.take(shop.money(opened.out_no, "T1", 50_00)).await;
        assert_eq!(shop.audit().await, Vec::<String>::new());
        db.tamper("DELETE FROM payments").await.expect("tampered");
        let found = shop.audit().await;
        assert!(found.len() == 1 && found[0].starts_with("ent_") && found[0].ends_with("is no payment"), "{found:?}");
    }

    async fn a_payment_that_pays_what_is_not_there_is_found(db) {
        let shop = Shop::open(&db).await;
        let opened = shop.opened(50_00).await;
        shop.take(shop.money(opened.out_no, "T1", 50_00)).await;
        db.tamper("UPDATE intents SET state = 'open'").await.expect("tampered");
        assert!(shop.audit().await.iter().any(|found| found.ends_with("and what it pays says otherwise")));
        db.tamper("DELETE FROM intents").await.expect("tampered");
        let found = shop.audit().await;
        assert!(found.iter().any(|found| found.ends_with("pays nothing that exists")), "{found:?}");
        assert!(found.iter().any(|found| found.ends_with("and what it pays says otherwise")), "{found:?}");
    }

    async fn exceptions_and_refunds_that_lost_what_they_are_about_are_found(db) {
        let shop = Shop::open(&db).await;
        let opened = shop.opened(50_00).await;
        shop.take(shop.money(opened.out_no, "T1", 49_99)).await;
        assert_eq!(shop.audit().await, Vec::<String>::new());
        db.tamper("UPDATE exceptions SET intent_id = NULL").await.expect("tampered");
        assert!(shop.audit().await.iter().any(|found| found.ends_with("does not say what its payment says")));
        db.tamper("UPDATE exceptions SET intent_id = (SELECT id FROM intents)").await.expect("tampered");
        db.tamper("UPDATE refunds SET exception_id = id").await.expect("tampered");
        assert!(shop.audit().await.iter().any(|found| found.ends_with("of another payment, or none")));
        db.tamper("UPDATE refunds SET out_no = 'another'").await.expect("tampered");
        assert!(shop.audit().await.iter().any(|found| found.ends_with("site or number than its payment")));
        db.tamper("UPDATE payments SET intent_id = id").await.expect("tampered");
        assert!(shop.audit().await.iter().any(|found| found.ends_with("was meant to pay what is not there")));
    }

    async fn a_hand_over_to_no_try_is_found(db) {
        let shop = Shop::open(&db).await;
        let opened = shop.opened(50_00).await;
        shop.payments.hand_over(&shop.scope, &opened.out_no).await.expect("handed over");
        assert_eq!(shop.audit().await, Vec::<String>::new());
        db.tamper("UPDATE handovers SET out_no = 'nothing'").await.expect("tampered");
        assert_eq!(shop.audit().await, ["a hand-over leads to nothing, which is no try to pay"]);
    }
}
