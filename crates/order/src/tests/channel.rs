//! Orders that are paid by a channel: held, paid, expired, paid late, paid wrongly.

use chrono::TimeDelta;
use inventory::StockCount;
use ledger::AccountKind;
use payment::ExceptionKind;
use risk::LimitKind;
use testkit::on_both;

use super::fixture::{Shop, cents};
use super::phone;
use crate::machine::{OrderState, PaymentState};
use crate::{Buyer, OrderError, Proof, Receipt, Refusal, Sight};

fn visitor(number: u8) -> Proof {
    Proof { visitor: Some(vec![number; 32]), ..Proof::default() }
}

on_both! {
    async fn a_guest_orders_pays_and_reads_the_code(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (2, 10_00), 1).await.expect("placed");
        assert_eq!(shop.stock().await, StockCount { available: 58, held: 2, ..StockCount::default() });
        let (view, sight) = shop.orders.view(&shop.main, &visitor(1), placed.order).await.expect("seen");
        assert_eq!((view.order.states.payment, sight), (PaymentState::Paying, Sight::Codes));
        let hidden = shop.orders.reveal(&shop.main, (&visitor(1), &phone()), placed.order).await;
        assert!(matches!(hidden, Err(OrderError::NothingToShow)), "nothing is paid");
        assert_eq!(shop.audit().await, Vec::<String>::new());

        let money = shop.money((0, channel), &placed, "T1");
        assert_eq!(shop.receive(money.clone()).await, Receipt::Delivered { order: placed.order });
        let (_, revealed) = shop.orders.reveal(&shop.main, (&visitor(1), &phone()), placed.order).await.expect("shown");
        let codes: Vec<&str> = revealed[0].codes.iter().map(|(_, code)| code.reveal()).collect();
        assert_eq!(codes, ["CODE-0", "CODE-1"]);
        assert_eq!(shop.stock().await, StockCount { available: 58, sold: 2, ..StockCount::default() });
        assert_eq!(shop.balance_of(AccountKind::ChannelClearing, Some(channel.uuid())).await, -20_00);
        assert_eq!(shop.balance_of(AccountKind::Revenue, None).await, 20_00);
        // The same callback again, and the same trade confirmed by a query.
        assert_eq!(shop.receive(money.clone()).await, Receipt::Delivered { order: placed.order });
        assert_eq!(shop.receive(payment::Seen { is_confirmed: true, ..money }).await, Receipt::Known);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn the_link_shows_the_state_and_no_code(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        let link = crate::LinkToken::parse(&placed.due.expect("due").link);
        let proof = Proof { link, ..visitor(2) };
        let (_, sight) = shop.orders.view(&shop.main, &proof, placed.order).await.expect("seen");
        assert_eq!(sight, Sight::Status);
        let refused = shop.orders.reveal(&shop.main, (&proof, &phone()), placed.order).await;
        assert!(matches!(refused, Err(OrderError::NotFound)));
        let nobody = shop.orders.view(&shop.main, &visitor(2), placed.order).await;
        assert!(matches!(nobody, Err(OrderError::NotFound)));
        let elsewhere = shop.scope.site(shop.sites[1]);
        assert!(matches!(shop.orders.view(&elsewhere, &proof, placed.order).await, Err(OrderError::NotFound)));
    }

    async fn what_nobody_pays_for_is_free_again(db) {
        let shop = Shop::open_with(&db, 2).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (2, 10_00), 1).await.expect("placed");
        assert_eq!(shop.orders.sweep(&shop.scope).await.expect("swept"), 0);
        db.clock.advance(TimeDelta::minutes(15));
        assert_eq!(shop.orders.sweep(&shop.scope).await.expect("swept"), 1);
        let (view, _) = shop.orders.view(&shop.main, &visitor(1), placed.order).await.expect("seen");
        assert_eq!(view.order.states.order, OrderState::Expired);
        assert_eq!(shop.stock().await, StockCount { available: 2, ..StockCount::default() });
        assert_eq!(shop.orders.sweep(&shop.scope).await.expect("swept"), 0);
        assert_eq!(shop.audit().await, Vec::<String>::new());
        shop.buy(2, "next").await.expect("both are free");
    }

    async fn the_next_buyer_takes_what_has_expired(db) {
        let shop = Shop::open_with(&db, 3).await;
        let channel = shop.open_channel(0).await;
        let first = shop.order((0, channel), (2, 10_00), 1).await.expect("placed");
        let refused = shop.order((0, channel), (2, 10_00), 2).await.expect_err("one is left");
        assert!(matches!(refused, OrderError::Refused(Refusal::OutOfStock { available: 1, wanted: 2, .. })));
        db.clock.advance(TimeDelta::minutes(15));
        // Nobody has swept: the order that wants the goods ends the old one in its own batch.
        let second = shop.order((0, channel), (2, 10_00), 2).await.expect("placed");
        let (view, _) = shop.orders.view(&shop.main, &visitor(1), first.order).await.expect("seen");
        assert_eq!(view.order.states.order, OrderState::Expired);
        assert_eq!(shop.stock().await, StockCount { available: 1, held: 2, ..StockCount::default() });
        let paid = shop.receive(shop.money((0, channel), &second, "T2")).await;
        assert_eq!(paid, Receipt::Delivered { order: second.order });
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn late_money_waits_for_the_gateways_own_word_and_then_buys(db) {
        let shop = Shop::open_with(&db, 1).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
        db.clock.advance(TimeDelta::minutes(16));
        shop.orders.sweep(&shop.scope).await.expect("swept");
        let told = shop.money((0, channel), &placed, "T1");
        let confirmed = payment::Seen { is_confirmed: true, ..told };
        assert_eq!(shop.receive(confirmed).await, Receipt::Delivered { order: placed.order });
        let (view, _) = shop.orders.view(&shop.main, &visitor(1), placed.order).await.expect("seen");
        assert_eq!(view.order.states.order, OrderState::Completed);
        assert_eq!(shop.stock().await.sold, 1);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn late_money_for_goods_that_are_gone_goes_back(db) {
        let shop = Shop::open_with(&db, 1).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
        db.clock.advance(TimeDelta::minutes(16));
        shop.buy(1, "somebody-else").await.expect("it is free again");
        let late = payment::Seen { is_confirmed: true, ..shop.money((0, channel), &placed, "T1") };
        assert_eq!(shop.receive(late).await, Receipt::Suspended { kind: ExceptionKind::Late });
        assert_eq!(shop.balance_of(AccountKind::PaymentSuspense, None).await, 10_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn money_that_comes_a_day_late_goes_back(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
        db.clock.advance(TimeDelta::minutes(15) + TimeDelta::hours(24) + TimeDelta::seconds(1));
        shop.orders.sweep(&shop.scope).await.expect("swept");
        let late = payment::Seen { is_confirmed: true, ..shop.money((0, channel), &placed, "T1") };
        assert_eq!(shop.receive(late).await, Receipt::Suspended { kind: ExceptionKind::Late });
        assert_eq!(shop.stock().await.available, 60);
    }

    async fn money_that_comes_a_day_late_goes_back_though_nobody_has_swept(db) {
        for (seconds, is_sold) in [(0, true), (1, false)] {
            let shop = Shop::open(&db).await;
            let channel = shop.open_channel(0).await;
            let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
            db.clock.advance(TimeDelta::minutes(15) + TimeDelta::hours(24) + TimeDelta::seconds(seconds));
            let late = payment::Seen { is_confirmed: true, ..shop.money((0, channel), &placed, "T1") };
            let receipt = shop.receive(late).await;
            assert_eq!(matches!(receipt, Receipt::Delivered { .. }), is_sold, "{receipt:?}");
            assert_eq!(shop.stock().await.sold, i64::from(is_sold));
            assert_eq!(shop.stock().await.held, 0, "what was over has ended");
            assert_eq!(shop.orders.sweep(&shop.scope).await.expect("swept"), 0);
            assert_eq!(shop.audit().await, Vec::<String>::new());
        }
    }

    async fn late_money_buys_at_the_days_cost_or_goes_back_whether_the_order_was_swept_or_not(db) {
        for is_swept in [true, false] {
            for (cost, is_sold) in [(10_00, true), (10_01, false)] {
                let shop = Shop::open(&db).await;
                let channel = shop.open_channel(0).await;
                let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
                db.clock.advance(TimeDelta::minutes(16));
                if is_swept {
                    assert_eq!(shop.orders.sweep(&shop.scope).await.expect("swept"), 1);
                }
                shop.costs(cost).await;
                let late = payment::Seen { is_confirmed: true, ..shop.money((0, channel), &placed, "T1") };
                let receipt = shop.receive(late).await;
                assert_eq!(matches!(receipt, Receipt::Delivered { .. }), is_sold, "{is_swept}, {cost}: {receipt:?}");
                assert_eq!(shop.stock().await.sold, i64::from(is_sold));
                assert_eq!(shop.audit().await, Vec::<String>::new());
            }
        }
    }

    async fn wrong_money_never_delivers(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
        let right = shop.money((0, channel), &placed, "T0");
        let wrong = |kind, seen| (kind, seen);
        let cases = [
            wrong(ExceptionKind::WrongAmount, payment::Seen { amount: cents(9_99), trade_no: "T1".into(), ..right.clone() }),
            wrong(ExceptionKind::WrongPayee, payment::Seen { payee: "thief".into(), trade_no: "T2".into(), ..right.clone() }),
            wrong(ExceptionKind::Unmatched, payment::Seen { out_no: "nonsense".into(), trade_no: "T3".into(), ..right.clone() }),
        ];
        for (kind, seen) in cases {
            assert_eq!(shop.receive(seen).await, Receipt::Suspended { kind });
        }
        let (view, _) = shop.orders.view(&shop.main, &visitor(1), placed.order).await.expect("seen");
        assert_eq!(view.order.states.payment, PaymentState::Paying);
        // The right money still buys; a second one goes back.
        assert_eq!(shop.receive(right.clone()).await, Receipt::Delivered { order: placed.order });
        let second = payment::Seen { trade_no: "T4".into(), ..right };
        assert_eq!(shop.receive(second).await, Receipt::Suspended { kind: ExceptionKind::Double });
        assert_eq!(shop.stock().await.sold, 1);
        assert_eq!(shop.balance_of(AccountKind::PaymentSuspense, None).await, 9_99 + 10_00 + 10_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn fifty_copies_of_one_callback_deliver_once(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
        let (told, other) = (shop.money((0, channel), &placed, "T1"), shop.second_node());
        let copies = (0..50).map(|copy| {
            let orders = if copy % 2 == 0 { &shop.orders } else { &other };
            orders.receive(&shop.scope, payment::Seen { is_confirmed: copy % 3 == 0, ..told.clone() })
        });
        for receipt in futures::future::join_all(copies).await {
            let receipt = receipt.expect("received");
            assert!(matches!(receipt, Receipt::Delivered { .. } | Receipt::Known), "{receipt:?}");
        }
        assert_eq!(shop.stock().await, StockCount { available: 59, sold: 1, ..StockCount::default() });
        assert_eq!(shop.balance_of(AccountKind::ChannelClearing, Some(channel.uuid())).await, -10_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_site_with_its_own_channel_buys_from_above(db) {
        let shop = Shop::open(&db).await;
        let (_, own) = (shop.open_channel(0).await, shop.open_channel(2).await);
        let refused = shop.order((2, own), (1, 10_00), 1).await.expect_err("no prepaid money");
        assert!(matches!(refused, OrderError::Refused(Refusal::ShopNotFunded)));
        shop.fund_prepaid(2, 25_00).await;
        let first = shop.order((2, own), (1, 10_00), 1).await.expect("placed");
        let second = shop.order((2, own), (1, 10_00), 2).await.expect("placed");
        // The site buys at 10.00, the price of the one above it without a rule of its own.
        assert_eq!(shop.prepaid(2).await, 5_00);
        let held = shop.sites[2].uuid();
        assert_eq!(shop.balance_of(AccountKind::SitePrepaidHeld, Some(held)).await, 20_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());

        assert_eq!(shop.receive(shop.money((2, own), &first, "T1")).await, Receipt::Delivered { order: first.order });
        assert_eq!(shop.balance_of(AccountKind::OwnTakings, Some(held)).await, 10_00);
        assert_eq!(shop.balance_of(AccountKind::OwnClearing, Some(own.uuid())).await, -10_00);
        assert_eq!(shop.balance_of(AccountKind::Revenue, None).await, 10_00);
        assert_eq!(shop.balance_of(AccountKind::SitePending, Some(held)).await, 0);
        db.clock.advance(TimeDelta::minutes(15));
        shop.orders.sweep(&shop.scope).await.expect("swept");
        assert_eq!((shop.prepaid(2).await, shop.balance_of(AccountKind::SitePrepaidHeld, Some(held)).await), (15_00, 0));
        assert_eq!(shop.audit().await, Vec::<String>::new());

        // Late money and not enough prepaid money: the owner is asked, the buyer gets his money back from him.
        shop.order((2, own), (1, 10_00), 3).await.expect("takes 10.00 of the 15.00");
        let late = payment::Seen { is_confirmed: true, ..shop.money((2, own), &second, "T2") };
        assert_eq!(shop.receive(late).await, Receipt::Suspended { kind: ExceptionKind::AwaitingFunds });
        assert_eq!(shop.balance_of(AccountKind::PaymentSuspense, Some(held)).await, 10_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn money_at_another_collector_does_not_buy(db) {
        let shop = Shop::open(&db).await;
        let (main, own) = (shop.open_channel(0).await, shop.open_channel(1).await);
        shop.fund_prepaid(1, 100_00).await;
        let refused = shop.order((1, main), (1, 10_00), 1).await.expect_err("the site collects itself");
        assert!(matches!(refused, OrderError::Refused(Refusal::ChannelClosed)));
        let placed = shop.order((1, own), (1, 10_00), 1).await.expect("placed");
        let foreign = shop.money((0, main), &placed, "T1");
        assert_eq!(shop.receive(foreign).await, Receipt::Suspended { kind: ExceptionKind::Unmatched });
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_loss_is_held_until_the_money_comes(db) {
        use catalog::{Formula, Rounding};
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let at_loss = Formula::Fixed { price: cents(9_00), loss_cap: Some(cents(1_00)) };
        shop.rule(1, true, at_loss, Rounding::None).await;
        let refused = shop.order((1, channel), (1, 9_00), 1).await.expect_err("nothing covers the loss");
        assert!(matches!(refused, OrderError::Refused(Refusal::LossNotCovered { .. })));
        shop.fund_prepaid(1, 1_50).await;
        let placed = shop.order((1, channel), (1, 9_00), 1).await.expect("placed");
        assert_eq!(shop.prepaid(1).await, 50);
        assert_eq!(shop.receive(shop.money((0, channel), &placed, "T1")).await, Receipt::Delivered { order: placed.order });
        assert_eq!(shop.prepaid(1).await, 50);
        assert_eq!(shop.balance_of(AccountKind::Revenue, None).await, 10_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn the_same_key_is_the_same_waiting_order(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let scope = shop.main;
        let orders = (0..5).map(|_| {
            let checkout = crate::Checkout {
                order: crate::OrderId::new(),
                link: crate::LinkToken::new(),
                buyer: shop.guest(1),
                lines: shop.wants(1, 10_00),
                channel,
                return_url: "http://shop.test/".to_owned(),
                hold_for: crate::HOLD_DEFAULT,
            };
            shop.orders.checkout(&scope, crate::tests::fixture::sold_by(shop.chain(0)), checkout, "twin")
        });
        let placed = futures::future::join_all(orders).await;
        let first = placed[0].as_ref().expect("placed").answer.clone();
        assert!(placed.iter().all(|answer| answer.as_ref().expect("placed").answer == first));
        assert_eq!(shop.stock().await.held, 1);
    }

    async fn an_order_that_is_paid_does_not_expire(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        db.clock.advance(TimeDelta::hours(1));
        assert_eq!(shop.orders.sweep(&shop.scope).await.expect("swept"), 0);
        assert_eq!(shop.stock().await.sold, 1);
    }

    async fn three_open_orders_a_visitor_and_five_a_contact(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let order = |buyer| shop.order_on(&shop.orders, (0, channel), shop.wants(1, 10_00), buyer);
        let first = order(shop.guest(1)).await.expect("the first");
        for _ in 0..2 {
            order(shop.guest(1)).await.expect("within the limit");
        }
        let refused = order(shop.guest(1)).await.expect_err("a fourth");
        assert!(matches!(refused, OrderError::Refused(Refusal::Limit(hit)) if hit.kind == LimitKind::OpenPerVisitor));
        // Another browser with the same contact has room for two more.
        for visitor in [2, 3] {
            order(Buyer { visitor: Some(vec![visitor; 32]), ..shop.guest(1) }).await.expect("within the limit");
        }
        let refused = order(Buyer { visitor: Some(vec![4; 32]), ..shop.guest(1) }).await.expect_err("a sixth");
        assert!(matches!(refused, OrderError::Refused(Refusal::Limit(hit)) if hit.kind == LimitKind::OpenPerContact));
        // What is paid is not open any more, and what has expired neither.
        shop.receive(shop.money((0, channel), &first, "T1")).await;
        order(shop.guest(1)).await.expect("one of three was paid");
        db.clock.advance(TimeDelta::minutes(15));
        order(shop.guest(1)).await.expect("all others have expired");
    }

    async fn twenty_open_orders_an_address(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let address = std::net::IpAddr::from([203, 0, 113, 7]);
        let buyer = |number: u8| Buyer { address: Some(address), ..shop.guest(number) };
        for number in 0..20 {
            // Slower than ten a minute, faster than they expire.
            db.clock.advance(TimeDelta::seconds(10));
            let placed = shop.order_on(&shop.orders, (0, channel), shop.wants(1, 10_00), buyer(number)).await;
            placed.expect("within the limit");
        }
        db.clock.advance(TimeDelta::seconds(10));
        let refused = shop.order_on(&shop.orders, (0, channel), shop.wants(1, 10_00), buyer(20)).await;
        let refused = refused.expect_err("the twenty-first");
        assert!(matches!(refused, OrderError::Refused(Refusal::Limit(hit)) if hit.kind == LimitKind::OpenPerAddress));
    }

    async fn ten_orders_in_a_minute_freeze_an_address(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let address = std::net::IpAddr::from([203, 0, 113, 7]);
        let buyer = |number: u8| Buyer { address: Some(address), ..shop.guest(number) };
        for number in 0..10 {
            let placed = shop.order_on(&shop.orders, (0, channel), shop.wants(1, 10_00), buyer(number)).await;
            placed.expect("within the limit");
        }
        let refused = shop.order_on(&shop.orders, (0, channel), shop.wants(1, 10_00), buyer(10)).await;
        assert!(matches!(refused, Err(OrderError::Risk(risk::RiskError::Frozen { .. }))));
        assert_eq!(shop.orders.velocity().latest(&shop.main).await.expect("a list").len(), 1);
        assert_eq!(shop.stock().await.held, 10);
    }

    async fn orders_of_one_batch_count_too(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let tries = (0..8).map(|_| shop.order((0, channel), (1, 10_00), 1));
        let placed = futures::future::join_all(tries).await;
        assert_eq!(placed.iter().filter(|placed| placed.is_ok()).count(), 3);
        assert_eq!(shop.stock().await.held, 3);
    }

    async fn two_hundred_orders_an_account_and_day(db) {
        let shop = Shop::open_with(&db, 300).await;
        shop.fund_wallet(5_000_00).await;
        let keys: Vec<String> = (0..210).map(|number| number.to_string()).collect();
        let placed = futures::future::join_all(keys.iter().map(|key| shop.buy(1, key))).await;
        assert_eq!(placed.iter().filter(|placed| placed.is_ok()).count(), 200);
        // A lane that knows nothing counts the rows.
        let other = shop.second_node();
        let refused = shop.buy_on(&other, &shop.main, shop.chain_of_main(), shop.wants(1, 10_00), "more").await;
        assert!(matches!(refused, Err(OrderError::Refused(Refusal::Limit(hit))) if hit.kind == LimitKind::PerAccountAndDay));
        assert_eq!(shop.stock().await.sold, 200);
    }

    async fn the_crowd_for_what_is_sold_out_is_answered_before_the_lane(db) {
        let shop = Shop::open_with(&db, 1).await;
        shop.buy(1, "last").await.expect("the last one");
        assert!(shop.buy(1, "probe").await.is_err());
        let before = shop.lanes.stats().commands.load(std::sync::atomic::Ordering::Relaxed);
        for number in 0..100 {
            let refused = shop.buy(1, &format!("late-{number}")).await;
            let is_sold_out = matches!(refused, Err(OrderError::Refused(Refusal::OutOfStock { available: 0, .. })));
            assert!(is_sold_out);
        }
        let after = shop.lanes.stats().commands.load(std::sync::atomic::Ordering::Relaxed);
        // The clock stands still, so nobody is sent to look again.
        assert_eq!(after, before);
        // Who bought it and lost the answer gets it again.
        assert!(shop.buy(1, "last").await.expect("his own").is_replay);
        shop.import(&["MORE"], None).await;
        shop.orders.shelf().restocked(&shop.scope, &[shop.sku]);
        shop.buy(1, "more").await.expect("there is one again");
    }

    async fn what_goes_bad_before_the_money_may_come_is_not_held(db) {
        let shop = Shop::open_with(&db, 0).await;
        let channel = shop.open_channel(0).await;
        shop.import(&["SOON"], Some(TimeDelta::minutes(10))).await;
        let refused = shop.order((0, channel), (1, 10_00), 1).await.expect_err("it does not last");
        assert!(matches!(refused, OrderError::Refused(Refusal::OutOfStock { available: 0, .. })));
        shop.import(&["LASTING"], Some(TimeDelta::minutes(20))).await;
        shop.orders.shelf().restocked(&shop.scope, &[shop.sku]);
        let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("this one does");
        // Sold at once, the other one is good enough.
        shop.buy(1, "at-once").await.expect("bought");
        // Paid so late that the held one is bad by now: never delivered.
        db.clock.advance(TimeDelta::minutes(25));
        let late = payment::Seen { is_confirmed: true, ..shop.money((0, channel), &placed, "T1") };
        assert_eq!(shop.receive(late).await, Receipt::Suspended { kind: ExceptionKind::Late });
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn neighbours_of_one_ipv6_network_count_together(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        for number in 0..=20u8 {
            let address = format!("2001:db8:1:2::{number:x}").parse().expect("an address");
            let buyer = Buyer { address: Some(address), ..shop.guest(number) };
            db.clock.advance(TimeDelta::seconds(10));
            let placed = shop.order_on(&shop.orders, (0, channel), shop.wants(1, 10_00), buyer).await;
            assert_eq!(placed.is_ok(), number < 20, "{number}: {placed:?}");
        }
    }

    async fn a_shared_code_is_sold_to_everybody(db) {
        let shop = Shop::open_with(&db, 0).await;
        let channel = shop.open_channel(0).await;
        shop.import_shared(&["SHARED"]).await;
        let mut seen = std::collections::BTreeSet::new();
        for number in 1..=3u8 {
            let placed = shop.order((0, channel), (2, 10_00), number).await.expect("placed");
            shop.receive(shop.money((0, channel), &placed, &format!("T{number}"))).await;
            let proof = visitor(number);
            let (_, revealed) = shop.orders.reveal(&shop.main, (&proof, &phone()), placed.order).await.expect("shown");
            seen.extend(revealed[0].codes.iter().map(|(_, code)| code.reveal().to_owned()));
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["SHARED"]);
        shop.buy(1, "wallet").await.expect("sold at once too");
        shop.order((0, channel), (1, 10_00), 9).await.expect("held");
        db.clock.advance(TimeDelta::minutes(15));
        shop.orders.sweep(&shop.scope).await.expect("swept");
        assert_eq!(shop.balance_of(AccountKind::Revenue, None).await, 3 * 20_00 + 10_00);
        // What is never used up was no stock and costs none.
        assert_eq!(shop.balance_of(AccountKind::StockAtCost, None).await, 0);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn late_money_gets_the_kind_of_code_that_is_there_now(db) {
        let shop = Shop::open_with(&db, 1).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("holds the only piece");
        db.clock.advance(TimeDelta::minutes(16));
        shop.buy(1, "somebody-else").await.expect("it is free again");
        shop.import_shared(&["SHARED"]).await;
        let late = payment::Seen { is_confirmed: true, ..shop.money((0, channel), &placed, "T1") };
        assert_eq!(shop.receive(late).await, Receipt::Delivered { order: placed.order });
        let (_, revealed) = shop.orders.reveal(&shop.main, (&visitor(1), &phone()), placed.order).await.expect("shown");
        assert_eq!(revealed[0].codes[0].1.reveal(), "SHARED");
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }
}
