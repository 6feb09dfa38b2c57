//! Refunds in the lane: the machine, the books, the exception.

use testkit::on_both;

use super::fixture::{Shop, Taken};
use crate::{ExceptionState, PaymentError, RefundEvent, RefundMoved, RefundState, Refusal};

fn unknown() -> RefundEvent {
    RefundEvent::Unknown { reason: "timed out".to_owned() }
}

fn moved(state: RefundState, tries: u32) -> Result<RefundMoved, Refusal> {
    Ok(RefundMoved { state, tries })
}

on_both! {
    async fn a_refund_that_is_done_empties_the_suspense_and_settles_the_exception(db) {
        let shop = Shop::open(&db).await;
        let refund = shop.stray("T1", 20_00).await;
        assert_eq!(shop.main_money().await, [-20_00, 20_00, 0]);
        assert_eq!(shop.move_refund(refund, RefundEvent::Submit, 0).await, moved(RefundState::Submitting, 1));
        assert_eq!(shop.main_money().await, [-20_00, 0, 20_00]);
        assert_eq!(shop.audit().await, Vec::<String>::new());
        assert_eq!(shop.move_refund(refund, RefundEvent::Done, 1).await, moved(RefundState::Done, 1));
        assert_eq!(shop.main_money().await, [0, 0, 0]);
        let page = shop.payments.exceptions(&shop.scope, ExceptionState::Resolved, None).await.expect("a page");
        assert_eq!(page.exceptions[0].cause.as_deref(), Some("refunded"));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_refund_that_fails_waits_again_and_says_why(db) {
        let shop = Shop::open(&db).await;
        let refund = shop.stray("T1", 20_00).await;
        shop.move_refund(refund, RefundEvent::Submit, 0).await.expect("sent");
        let failed = RefundEvent::Failed { reason: "no\u{0}t enough\nmoney".to_owned() };
        assert_eq!(shop.move_refund(refund, failed, 1).await, moved(RefundState::Failed, 1));
        assert_eq!(shop.main_money().await, [-20_00, 20_00, 0]);
        let page = shop.payments.exceptions(&shop.scope, ExceptionState::Open, None).await.expect("a page");
        assert_eq!(page.exceptions[0].cause.as_deref(), Some("not enoughmoney"));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_refund_that_failed_is_approved_and_sent_again(db) {
        let shop = Shop::open(&db).await;
        let refund = shop.stray("T1", 20_00).await;
        for tries in 1..=2 {
            shop.move_refund(refund, RefundEvent::Submit, tries - 1).await.expect("sent");
            let failed = RefundEvent::Failed { reason: "no".to_owned() };
            assert_eq!(shop.move_refund(refund, failed, tries).await, moved(RefundState::Failed, tries));
            assert_eq!((shop.main_money().await, shop.audit().await), ([-20_00, 20_00, 0], Vec::new()));
            let approved = shop.payments.approve_refund(&shop.scope, refund, &crate::RefundId::new().to_string()).await.expect("approved");
            assert_eq!(approved.answer, RefundMoved { state: RefundState::Approved, tries });
            assert_eq!(shop.audit().await, Vec::<String>::new());
        }
        shop.move_refund(refund, RefundEvent::Submit, 2).await.expect("sent");
        assert_eq!(shop.main_money().await, [-20_00, 0, 20_00]);
        assert_eq!(shop.move_refund(refund, RefundEvent::Done, 3).await, moved(RefundState::Done, 3));
        assert_eq!((shop.main_money().await, shop.audit().await), ([0, 0, 0], Vec::new()));
    }

    async fn a_person_who_pressed_too_early_approves_once_the_gateway_has_refused(db) {
        let shop = Shop::open(&db).await;
        let refund = shop.stray("T1", 20_00).await;
        shop.move_refund(refund, RefundEvent::Submit, 0).await.expect("sent");
        for (event, state) in [(None, RefundState::Submitting), (Some(unknown()), RefundState::Unknown)] {
            if let Some(event) = event {
                shop.move_refund(refund, event, 1).await.expect("told");
            }
            let early = shop.payments.approve_refund(&shop.scope, refund, &crate::RefundId::new().to_string()).await;
            let is_refused = matches!(&early, Err(PaymentError::Refused(Refusal::RefundState { state: now })) if *now == state);
            assert!(is_refused, "{early:?}");
        }
        shop.move_refund(refund, RefundEvent::Failed { reason: "no".to_owned() }, 1).await.expect("refused");
        let approved = shop.payments.approve_refund(&shop.scope, refund, &crate::RefundId::new().to_string()).await.expect("approved");
        assert_eq!(approved.answer, RefundMoved { state: RefundState::Approved, tries: 1 });
        // Pressed twice it goes out once.
        let twice = shop.payments.approve_refund(&shop.scope, refund, &crate::RefundId::new().to_string()).await;
        assert!(matches!(twice, Err(PaymentError::Refused(Refusal::RefundState { state: RefundState::Approved }))));
        assert_eq!(shop.move_refund(refund, RefundEvent::Submit, 1).await, moved(RefundState::Submitting, 2));
        assert_eq!((shop.main_money().await, shop.audit().await), ([-20_00, 0, 20_00], Vec::new()));
    }

    async fn an_unknown_refund_sent_again_is_posted_once(db) {
        let shop = Shop::open(&db).await;
        let refund = shop.stray("T1", 20_00).await;
        shop.move_refund(refund, RefundEvent::Submit, 0).await.expect("sent");
        assert_eq!(shop.move_refund(refund, unknown(), 1).await, moved(RefundState::Unknown, 1));
        assert_eq!(shop.move_refund(refund, RefundEvent::SubmitAgain, 1).await, moved(RefundState::Submitting, 2));
        assert_eq!(shop.main_money().await, [-20_00, 0, 20_00]);
        assert_eq!(shop.move_refund(refund, RefundEvent::Done, 1).await, Err(Refusal::RefundMoved { tries: 2 }));
        assert_eq!(shop.move_refund(refund, RefundEvent::Done, 2).await, moved(RefundState::Done, 2));
        assert_eq!((shop.main_money().await, shop.audit().await), ([0, 0, 0], Vec::new()));
    }

    async fn a_sending_that_came_too_late_does_not_stop_the_one_after_a_failure(db) {
        let shop = Shop::open(&db).await;
        let refund = shop.stray("T1", 20_00).await;
        shop.move_refund(refund, RefundEvent::Submit, 0).await.expect("sent");
        shop.move_refund(refund, unknown(), 1).await.expect("told");
        // One job is told that the gateway has no such refund, and another one that it has refused it.
        shop.move_refund(refund, RefundEvent::Failed { reason: "no".to_owned() }, 1).await.expect("told");
        let late = shop.move_refund(refund, RefundEvent::SubmitAgain, 1).await;
        assert_eq!(late, Err(Refusal::RefundState { state: RefundState::Failed }));
        shop.payments.approve_refund(&shop.scope, refund, &crate::RefundId::new().to_string()).await.expect("approved");
        assert_eq!(shop.move_refund(refund, RefundEvent::Submit, 1).await, moved(RefundState::Submitting, 2));
    }

    async fn the_same_news_of_a_refund_counts_once(db) {
        let shop = Shop::open(&db).await;
        let refund = shop.stray("T1", 20_00).await;
        let other = shop.second_node();
        let sent = futures::future::join_all((0..20).map(|n| {
            let node = if n % 2 == 0 { &shop } else { &other };
            node.move_refund(refund, RefundEvent::Submit, 0)
        }))
        .await;
        assert!(sent.iter().all(|answer| *answer == moved(RefundState::Submitting, 1)), "{sent:?}");
        assert_eq!((shop.main_money().await, shop.audit().await), ([-20_00, 0, 20_00], Vec::new()));
    }

    async fn only_what_was_never_sent_is_cancelled(db) {
        let shop = Shop::open(&db).await;
        let (first, second) = (shop.stray("T1", 20_00).await, shop.stray("T2", 30_00).await);
        let cancel = |refund, key| shop.payments.cancel_refund(&shop.scope, refund, key);
        for is_replay in [false, true] {
            let cancelled = cancel(first, "one").await.expect("cancelled");
            assert_eq!((cancelled.answer.state, cancelled.is_replay), (RefundState::Cancelled, is_replay));
        }
        let reused = cancel(second, "one").await.expect_err("another refund");
        assert_eq!(kernel::Coded::code(&reused), "idempotency_key_reused");
        let approved = shop.payments.approve_refund(&shop.scope, first, "one").await.expect_err("another word");
        assert_eq!(kernel::Coded::code(&approved), "idempotency_key_reused");
        shop.move_refund(second, RefundEvent::Submit, 0).await.expect("sent");
        let late = shop.move_refund(second, RefundEvent::Cancel, 1).await;
        assert_eq!(late, Err(Refusal::RefundState { state: RefundState::Submitting }));
        assert_eq!((shop.main_money().await, shop.audit().await), ([-50_00, 20_00, 30_00], Vec::new()));
    }

    async fn money_at_another_merchant_goes_back_without_a_trace_in_our_books(db) {
        let shop = Shop::open(&db).await;
        let seen = crate::Seen { payee: "thief".to_owned(), ..shop.money(shop.opened(9_00).await.out_no, "T1", 9_00) };
        let Taken::Suspended { refund } = shop.take(seen).await else { panic!("not ours") };
        shop.payments.approve_refund(&shop.scope, refund, &crate::RefundId::new().to_string()).await.expect("approved");
        shop.move_refund(refund, RefundEvent::Submit, 0).await.expect("sent");
        assert_eq!(shop.move_refund(refund, RefundEvent::Done, 1).await, moved(RefundState::Done, 1));
        assert_eq!(shop.main_money().await, [0, 0, 0]);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }
}
