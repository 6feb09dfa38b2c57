//! Orders that give back a part of their money: lines, cards, amounts, and what is left to everybody.

use catalog::{Formula, Rounding};
use identity::OperatorId;
use inventory::StockCount;
use ledger::AccountKind;
use payment::RefundEvent;
use testkit::on_both;

use super::desk::{failure, visitor};
use super::fixture::{Shop, cents, filled};
use super::phone;
use crate::machine::{DeliveryState, OrderEvent, OrderState, PaymentState};
use crate::{
    Buyer, EarningState, FulfilAct, FulfilState, LinePart, OrderError, OrderId, Proof, RefundRefusal, RefundTo, Wanted,
};

/// So much of the first line.
fn amount(minor: i64) -> Vec<(i32, LinePart)> {
    vec![(1, LinePart::Amount(cents(minor)))]
}

fn pieces(places: &[u32]) -> Vec<(i32, LinePart)> {
    vec![(1, LinePart::Pieces(places.iter().copied().collect()))]
}

const SOURCE: RefundTo = RefundTo::Source;

impl Shop {
    async fn stands(&self, order: OrderId) -> (OrderState, PaymentState, DeliveryState) {
        let states = self.orders.desk_view(&self.scope, order).await.expect("a view").order.states;
        (states.order, states.payment, states.delivery)
    }

    async fn pending(&self, level: usize) -> i64 {
        self.balance_of(AccountKind::SitePending, Some(self.sites[level].uuid())).await
    }

    /// The places of the codes that the buyer still sees.
    async fn sees(&self, order: OrderId, proof: &Proof) -> Result<Vec<u32>, OrderError> {
        let (_, revealed) = self.orders.reveal(&self.main, (proof, &phone()), order).await?;
        Ok(revealed.iter().flat_map(|line| &line.codes).map(|(place, _)| *place).collect())
    }
}

/// Why a refund was refused.
fn refusal<T: std::fmt::Debug>(answer: Result<T, OrderError>) -> RefundRefusal {
    match answer {
        Err(OrderError::Refund(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

on_both! {
    async fn a_part_of_the_money_takes_its_part_from_everybody(db) {
        let shop = Shop::open(&db).await;
        shop.everybody_earns().await;
        // Three at 11.00: the main site has 8.00, the sites below 1.00 and 2.00 of each.
        shop.rule(2, true, Formula::Markup { amount: cents(2_00) }, Rounding::None).await;
        let order = shop.buy_at(2, shop.wants(3, 11_00), "key").await.expect("bought").answer.order;
        assert_eq!([shop.pending(1).await, shop.pending(2).await], [3_00, 6_00]);
        let asked = shop.gives_back(order, amount(10_00), (SOURCE, "a")).await.expect("a part").answer;
        assert_eq!((asked.number, asked.amount, asked.refund), (1, cents(10_00), None));
        assert_eq!(shop.stands(order).await, (OrderState::Completed, PaymentState::PartRefunded, DeliveryState::Delivered));
        // 10 of 33: 0.90 of 3.00 and 1.81 of 6.00, rounded down; the main site gives the rest.
        assert_eq!([shop.pending(1).await, shop.pending(2).await], [3_00 - 90, 6_00 - 1_81]);
        assert_eq!(shop.balance_of(AccountKind::Revenue, None).await, 24_00 - (10_00 - 90 - 1_81));
        assert_eq!(shop.wallet().await, 1000_00 - 33_00 + 10_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
        // The goods stay with the buyer.
        let site = shop.scope.site(shop.sites[2]);
        let own = Proof::account(shop.customer);
        let (_, revealed) = shop.orders.reveal(&site, (&own, &phone()), order).await.expect("shown");
        assert_eq!(revealed[0].codes.len(), 3);
        // The second part counts from the first price: 20 of 33 are 1.81 of 3.00 and 3.63 of 6.00 together.
        shop.gives_back(order, amount(10_00), (SOURCE, "b")).await.expect("a part");
        assert_eq!([shop.pending(1).await, shop.pending(2).await], [3_00 - 1_81, 6_00 - 3_63]);
        let again = shop.gives_back(order, amount(10_00), (SOURCE, "b")).await.expect("the same");
        assert!(again.is_replay);
        assert_eq!(shop.audit().await, Vec::<String>::new());
        assert_eq!(
            refusal(shop.gives_back(order, amount(13_01), (SOURCE, "c")).await),
            RefundRefusal::Amount { line: 1, most: cents(13_00) }
        );
        // The last cent makes it a whole.
        let last = shop.gives_back(order, amount(13_00), (SOURCE, "d")).await.expect("the rest").answer;
        assert_eq!((last.number, last.states.payment), (3, PaymentState::Refunded));
        assert_eq!([shop.pending(1).await, shop.pending(2).await, shop.wallet().await], [0, 0, 1000_00]);
        assert_eq!(shop.balance_of(AccountKind::Revenue, None).await, 0);
        assert_eq!(shop.stock().await, StockCount { available: 57, void: 3, ..StockCount::default() });
        let hidden = shop.orders.reveal(&site, (&own, &phone()), order).await;
        assert!(matches!(hidden, Err(OrderError::NothingToShow)));
        assert_eq!(refusal(shop.refund(order, "e").await), RefundRefusal::Refunded);
        let events = shop.events_of(order).await.split_off(2);
        assert_eq!(events, [OrderEvent::PartRefunded, OrderEvent::PartRefunded, OrderEvent::Refunded]);
        let (view, _) = shop.orders.view(&site, &own, order).await.expect("seen");
        assert_eq!(view.refunds.iter().map(|one| one.amount.minor()).collect::<Vec<_>>(), [10_00, 10_00, 13_00]);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn single_cards_go_back_and_are_void(db) {
        let shop = Shop::open(&db).await;
        let order = shop.buy(5, "key").await.expect("bought").answer.order;
        let own = Proof::account(shop.customer);
        let asked = shop.gives_back(order, pieces(&[2, 4]), (SOURCE, "a")).await.expect("two of them").answer;
        assert_eq!(asked.amount, cents(20_00));
        assert_eq!(shop.stock().await, StockCount { available: 55, sold: 3, void: 2, ..StockCount::default() });
        assert_eq!(shop.sees(order, &own).await.expect("the others"), [1, 3, 5]);
        assert_eq!(
            refusal(shop.gives_back(order, pieces(&[1, 4]), (SOURCE, "b")).await),
            RefundRefusal::Piece { line: 1, piece: 4 }
        );
        for (places, wrong) in [(&[0][..], 0), (&[6], 6), (&[], 0)] {
            assert_eq!(
                refusal(shop.gives_back(order, pieces(places), (SOURCE, &format!("w{places:?}").replace(' ', ""))).await),
                RefundRefusal::Piece { line: 1, piece: wrong }
            );
        }
        let desk = shop.orders.desk_view(&shop.scope, order).await.expect("a view");
        assert_eq!((desk.refunds[0].lines[0].pieces.as_slice(), desk.refunds[0].lines[0].is_last), (&[2, 4][..], false));
        assert_eq!(shop.audit().await, Vec::<String>::new());
        // So much was given for the others that the last card has less left than it cost.
        shop.gives_back(order, amount(15_00), (SOURCE, "c")).await.expect("a part");
        shop.gives_back(order, pieces(&[1]), (SOURCE, "d")).await.expect("one");
        let last = shop.gives_back(order, pieces(&[3, 5]), (SOURCE, "e")).await.expect("the others").answer;
        assert_eq!((last.amount, last.states.payment), (cents(5_00), PaymentState::Refunded));
        assert_eq!((shop.wallet().await, shop.stock().await.void), (1000_00, 5));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_line_that_nobody_has_begun_is_called_off_and_the_order_is_done(db) {
        let shop = Shop::open(&db).await;
        let sku = shop.manual().await;
        let order = shop.buys(vec![shop.wants(1, 10_00).remove(0), shop.service(sku, 2)], "key").await.expect("bought");
        let part = vec![(2, LinePart::Amount(cents(1_00)))];
        assert_eq!(
            refusal(shop.gives_back(order, part, (SOURCE, "a")).await),
            RefundRefusal::NotDelivered { line: 2 }
        );
        let asked = shop.gives_back(order, vec![(2, LinePart::Rest)], (SOURCE, "b")).await.expect("called off").answer;
        assert_eq!(asked.amount, cents(40_00));
        let done = (OrderState::Completed, PaymentState::PartRefunded, DeliveryState::Delivered);
        assert_eq!(shop.stands(order).await, done);
        let late = shop.fulfil((order, 2), FulfilAct::Take, (OperatorId::new(), "c")).await;
        assert!(matches!(late, Err(OrderError::Fulfil(crate::FulfilRefusal::Refunded))), "{late:?}");
        assert_eq!(shop.sees(order, &Proof::account(shop.customer)).await.expect("the card"), [1]);
        assert_eq!(
            refusal(shop.gives_back(order, vec![(2, LinePart::Rest)], (SOURCE, "d")).await),
            RefundRefusal::LineRefunded { line: 2 }
        );
        let events = shop.events_of(order).await;
        assert_eq!(events[events.len() - 2..], [OrderEvent::PartRefunded, OrderEvent::Delivered]);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn what_failed_is_called_off_and_the_rest_waits_on(db) {
        let shop = Shop::open(&db).await;
        let (sku, operator) = (shop.manual().await, OperatorId::new());
        shop.everybody_earns().await;
        let work = |account| Wanted::new(sku, 1, cents(40_00)).with_form(filled(account));
        let order = shop.buy_at(2, vec![work("one"), work("two")], "key").await.expect("bought").answer.order;
        shop.fulfil((order, 1), FulfilAct::Take, (operator, "a")).await.expect("taken");
        shop.fulfil((order, 1), failure(), (operator, "b")).await.expect("failed");
        assert_eq!(shop.stands(order).await.2, DeliveryState::Failed);
        shop.gives_back(order, vec![(1, LinePart::Rest)], (SOURCE, "c")).await.expect("called off");
        assert_eq!(shop.stands(order).await, (OrderState::Open, PaymentState::PartRefunded, DeliveryState::Queued));
        assert_eq!(shop.audit().await, Vec::<String>::new());
        shop.does(order, 2, operator).await;
        assert_eq!(shop.stands(order).await.2, DeliveryState::Delivered);
        // What was done may go back in part, and the proof stays until nothing is left.
        let part = vec![(2, LinePart::Amount(cents(3_33)))];
        shop.gives_back(order, part, (SOURCE, "d")).await.expect("a part");
        let view = shop.orders.desk_view(&shop.scope, order).await.expect("a view");
        assert_eq!(view.lines[1].manual.as_ref().and_then(|manual| manual.state), Some(FulfilState::Done));
        assert_eq!(shop.audit().await, Vec::<String>::new());
        shop.refund(order, "e").await.expect("the rest");
        assert_eq!(shop.wallet().await, 1000_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_loss_comes_back_in_proportion(db) {
        let shop = Shop::open(&db).await;
        let at_loss = Formula::Fixed { price: cents(9_00), loss_cap: Some(cents(1_00)) };
        shop.rule(1, true, at_loss, Rounding::None).await;
        shop.fund_prepaid(1, 10_00).await;
        let order = shop.buy_at(1, shop.wants(3, 9_00), "key").await.expect("bought").answer.order;
        assert_eq!((shop.balance_of(AccountKind::Revenue, None).await, shop.prepaid(1).await), (30_00, 7_00));
        // A third of the price: a third of the loss.
        shop.gives_back(order, amount(9_00), (SOURCE, "a")).await.expect("a part");
        assert_eq!((shop.balance_of(AccountKind::Revenue, None).await, shop.prepaid(1).await), (20_00, 8_00));
        assert_eq!(shop.audit().await, Vec::<String>::new());
        shop.refund(order, "b").await.expect("the rest");
        assert_eq!((shop.balance_of(AccountKind::Revenue, None).await, shop.prepaid(1).await), (0, 10_00));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_channel_sends_parts_back_one_by_one(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (3, 10_00), 1).await.expect("placed");
        let order = placed.order;
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        let first = shop.gives_back(order, amount(4_00), (SOURCE, "a")).await.expect("asked").answer;
        let second = shop.gives_back(order, pieces(&[3]), (SOURCE, "b")).await.expect("asked").answer;
        assert_eq!((first.states.payment, second.states.payment), (PaymentState::Paid, PaymentState::Paid));
        assert_eq!(shop.sees(order, &visitor(1)).await.expect("the others"), [1, 2]);
        assert_eq!(shop.balance_of(AccountKind::PaymentSuspense, None).await, 14_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
        // The second is faster, and the first is refused once.
        shop.channel_says(second.refund.expect("by channel"), 1, RefundEvent::Done).await;
        shop.hears().await;
        assert_eq!(shop.stands(order).await.1, PaymentState::PartRefunded);
        let no = RefundEvent::Failed { reason: "later".to_owned() };
        shop.channel_says(first.refund.expect("by channel"), 1, no).await;
        assert_eq!(shop.audit().await, Vec::<String>::new());
        let rest = shop.refund(order, "c").await.expect("the rest").answer;
        assert_eq!((rest.number, rest.amount), (3, cents(16_00)));
        shop.channel_says(rest.refund.expect("by channel"), 1, RefundEvent::Done).await;
        shop.hears().await;
        assert_eq!(shop.stands(order).await.1, PaymentState::PartRefunded, "one of them is still refused");
        assert_eq!(shop.audit().await, Vec::<String>::new());
        let key = OrderId::new().to_string();
        let first = first.refund.expect("by channel");
        shop.payments.approve_refund(&shop.scope, first, &key).await.expect("approved");
        shop.channel_says(first, 2, RefundEvent::Done).await;
        shop.hears().await;
        assert_eq!(shop.stands(order).await, (OrderState::Completed, PaymentState::Refunded, DeliveryState::Delivered));
        assert_eq!(shop.balance_of(AccountKind::ChannelClearing, Some(channel.uuid())).await, 0);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_seller_that_collected_holds_its_part_until_the_buyer_has_his(db) {
        let shop = Shop::open(&db).await;
        shop.everybody_earns().await;
        shop.fund_prepaid(2, 100_00).await;
        let channel = shop.open_channel(2).await;
        let placed = shop.order((2, channel), (2, 20_00), 1).await.expect("placed");
        let order = placed.order;
        shop.receive(shop.money((2, channel), &placed, "T1")).await;
        let before = shop.prepaid(2).await;
        let cost = 100_00 - before;
        let asked = shop.gives_back(order, amount(3_33), (SOURCE, "a")).await.expect("asked").answer;
        assert_eq!(shop.prepaid(2).await, before, "held");
        let held = shop.balance_of(AccountKind::SitePrepaidHeld, Some(shop.sites[2].uuid())).await;
        assert_eq!(held, cost * 3_33 / placed.total.minor());
        assert_eq!(
            refusal(shop.gives_back(order, amount(1_00), (RefundTo::Wallet, "w")).await),
            RefundRefusal::NoWallet
        );
        assert_eq!(shop.audit().await, Vec::<String>::new());
        let rest = shop.refund(order, "b").await.expect("the rest").answer;
        assert_eq!(shop.audit().await, Vec::<String>::new());
        for refund in [rest.refund, asked.refund] {
            shop.channel_says(refund.expect("by channel"), 1, RefundEvent::Done).await;
            shop.hears().await;
            assert_eq!(shop.audit().await, Vec::<String>::new());
        }
        assert_eq!(shop.stands(order).await.1, PaymentState::Refunded);
        assert_eq!(shop.prepaid(2).await, 100_00);
    }

    async fn a_buyer_may_have_it_in_his_wallet_as_far_as_that_holds(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let buyer = || Buyer { customer: Some(shop.customer), ..shop.guest(1) };
        let placed = shop.order_on(&shop.orders, (0, channel), shop.wants(2, 10_00), buyer()).await.expect("placed");
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        shop.fund_wallet(4000_00 - 5_00).await;
        let order = placed.order;
        assert_eq!(
            refusal(shop.gives_back(order, amount(6_00), (RefundTo::Wallet, "a")).await),
            RefundRefusal::WalletFull { room: cents(5_00) }
        );
        let asked = shop.gives_back(order, amount(5_00), (RefundTo::Wallet, "b")).await.expect("in the wallet").answer;
        assert_eq!((asked.refund, asked.states.payment), (None, PaymentState::PartRefunded));
        assert_eq!(shop.wallet().await, 5000_00);
        assert_eq!(shop.balance_of(AccountKind::ChannelClearing, Some(channel.uuid())).await, -20_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
        // The rest goes the way it came; a guest has no wallet.
        let rest = shop.refund(order, "c").await.expect("asked").answer;
        shop.channel_says(rest.refund.expect("by channel"), 1, RefundEvent::Done).await;
        shop.hears().await;
        assert_eq!(shop.stands(order).await.1, PaymentState::Refunded);
        let guest = shop.order((0, channel), (1, 10_00), 2).await.expect("placed");
        shop.receive(shop.money((0, channel), &guest, "T2")).await;
        let refused = shop.gives_back(guest.order, amount(1_00), (RefundTo::Wallet, "d")).await;
        assert_eq!(refusal(refused), RefundRefusal::NoWallet);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn two_hundred_at_once_give_back_no_more_than_there_is(db) {
        let shop = Shop::open(&db).await;
        shop.sells_at_eleven().await;
        let order = shop.buy_at(2, shop.wants(1, 11_00), "key").await.expect("bought").answer.order;
        let second = shop.second_node();
        let ask = async |number: usize| {
            let orders = if number.is_multiple_of(2) { &shop.orders } else { &second };
            let wish = crate::RefundWish {
                lines: vec![crate::LineWish { line: 1, part: LinePart::Amount(cents(70)) }],
                to: SOURCE,
            };
            let of = crate::RefundOf { reason: "asked for".to_owned(), by: shop.boss };
            orders.refund(&shop.scope, (order, wish), of, &format!("k{number}")).await
        };
        let answers = futures::future::join_all((0..200).map(ask)).await;
        let given = answers.iter().filter(|answer| answer.is_ok()).count();
        // 15 times 0.70 are 10.50: then 0.50 are left.
        assert_eq!(given, 15);
        let no = RefundRefusal::Amount { line: 1, most: cents(50) };
        for refused in answers.into_iter().filter(|answer| answer.is_err()) {
            assert_eq!(refusal(refused), no);
        }
        assert_eq!(shop.wallet().await, 1000_00 - 50);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn two_hundred_at_once_send_back_no_more_than_came(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        let ask = async |number: usize| {
            shop.gives_back(placed.order, amount(70), (SOURCE, &format!("k{number}"))).await.map(|asked| asked.answer)
        };
        let asked: Vec<_> = futures::future::join_all((0..200).map(ask)).await.into_iter().filter_map(Result::ok).collect();
        assert_eq!(asked.len(), 14, "14 times 0.70 are 9.80");
        assert_eq!(shop.balance_of(AccountKind::PaymentSuspense, None).await, 9_80);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn what_cost_nothing_is_called_off_without_a_channel(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let free = shop.manual_named("gift", cents(0)).await;
        let gift = || Wanted::new(free, 1, cents(0)).with_form(filled("lin-88"));
        let lines = || vec![shop.wants(1, 10_00).remove(0), gift()];
        for (number, whole) in [(1, false), (2, true)] {
            let placed = shop.order_on(&shop.orders, (0, channel), lines(), shop.guest(number)).await.expect("placed");
            let order = placed.order;
            shop.receive(shop.money((0, channel), &placed, &format!("T{number}"))).await;
            let first = shop.gives_back(order, vec![(1, LinePart::Rest)], (SOURCE, "a")).await.expect("asked").answer;
            let rest = match whole {
                true => shop.refund(order, "b").await,
                false => shop.gives_back(order, vec![(2, LinePart::Rest)], (SOURCE, "b")).await,
            };
            let rest = rest.expect("called off").answer;
            assert_eq!((rest.amount, rest.refund, rest.lines[0].is_last), (cents(0), None, true));
            assert_eq!(shop.audit().await, Vec::<String>::new());
            shop.channel_says(first.refund.expect("by channel"), 1, RefundEvent::Done).await;
            shop.hears().await;
            assert_eq!(shop.stands(order).await.1, PaymentState::Refunded);
            assert_eq!(shop.audit().await, Vec::<String>::new());
        }
    }

    async fn what_is_on_its_way_into_the_wallet_counts(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let buyer = Buyer { customer: Some(shop.customer), ..shop.guest(1) };
        let placed = shop.order_on(&shop.orders, (0, channel), shop.wants(2, 10_00), buyer).await.expect("placed");
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        let top_up = payment::OpenTopUp {
            key: "top-up".to_owned(),
            customer: shop.customer,
            site: shop.sites[0],
            amount: cents(3_990_00),
            channel,
            return_url: String::new(),
            ids: payment::TopUpOpened::new(),
        };
        shop.lanes.run(&shop.scope, top_up).await.expect("run").answer.expect("opened");
        assert_eq!(
            refusal(shop.gives_back(placed.order, amount(10_01), (RefundTo::Wallet, "a")).await),
            RefundRefusal::WalletFull { room: cents(10_00) }
        );
        shop.gives_back(placed.order, amount(10_00), (RefundTo::Wallet, "b")).await.expect("it fits");
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn an_order_is_not_cut_into_more_than_fifty(db) {
        let shop = Shop::open(&db).await;
        let order = shop.buy(1, "key").await.expect("bought").answer.order;
        for number in 0..49 {
            shop.gives_back(order, amount(1), (SOURCE, &format!("k{number}"))).await.expect("a cent");
        }
        let one_more = shop.gives_back(order, amount(1), (SOURCE, "one-more")).await;
        assert_eq!(refusal(one_more), RefundRefusal::TooMany { most: 50 });
        // Nothing is locked in: the last one is all that is left.
        let rest = shop.refund(order, "rest").await.expect("the rest").answer;
        assert_eq!((rest.number, rest.amount, shop.wallet().await), (50, cents(9_51), 1000_00));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn the_audit_names_returns_that_are_not_what_they_say(db) {
        let shop = Shop::open(&db).await;
        shop.everybody_earns().await;
        let order = shop.buy_at(2, shop.wants(3, 20_00), "key").await.expect("bought").answer.order;
        shop.gives_back(order, amount(5_00), (SOURCE, "a")).await.expect("a part");
        shop.gives_back(order, pieces(&[2]), (SOURCE, "b")).await.expect("one");
        assert_eq!(shop.audit().await, Vec::<String>::new());
        if db.backend == store::Backend::Sqlite {
            db.tamper("DROP TRIGGER order_return_lines_no_update").await.expect("an intruder owns the file");
        }
        for (broken, mended, said) in [
            ("UPDATE order_returns SET amount_minor = amount_minor + 1 WHERE number = 1",
             "UPDATE order_returns SET amount_minor = amount_minor - 1 WHERE number = 1", "is not what its lines say"),
            ("UPDATE order_return_lines SET amount_minor = amount_minor + 1 WHERE number = 1",
             "UPDATE order_return_lines SET amount_minor = amount_minor - 1 WHERE number = 1", "after what went back"),
            ("UPDATE order_return_lines SET is_last = TRUE WHERE number = 1",
             "UPDATE order_return_lines SET is_last = FALSE WHERE number = 1", "of it went back"),
            ("UPDATE orders SET payment_state = 'paid'", "UPDATE orders SET payment_state = 'part_refunded'", "its returns say"),
            ("UPDATE order_returns SET settled_at = NULL WHERE number = 2",
             "UPDATE order_returns SET settled_at = requested_at WHERE number = 2", "its money is elsewhere"),
        ] {
            db.tamper(broken).await.expect("tampered");
            let found = shop.audit().await;
            assert!(found.iter().any(|finding| finding.contains(said)), "{broken}: {found:?}");
            db.tamper(mended).await.expect("mended");
            assert_eq!(shop.audit().await, Vec::<String>::new());
        }
    }
}

on_both! {
    async fn an_agent_sees_what_went_back_of_his_earning(db) {
        let shop = Shop::open(&db).await;
        shop.sells_at_eleven().await;
        shop.pays([10, 5, 5]).await;
        let team = shop.team(2).await;
        let placed = shop.buy_brought((2, &team), shop.customer, shop.wants(3, 11_00)).await.expect("bought");
        shop.gives_back(placed.order, amount(10_00), (SOURCE, "a")).await.expect("a part");
        // 10 of 33 of 3.30 and of 1.65.
        assert_eq!(shop.earned(&team).await, [2_30, 1_15, 0]);
        let earnings = shop.orders.earnings(&shop.scope, team.ids()[0], None, 10).await.expect("read");
        let seen = (earnings[0].state, earnings[0].amount, earnings[0].returned);
        assert_eq!(seen, (EarningState::Earned, cents(3_30), cents(1_00)));
        assert_eq!(shop.audit().await, Vec::<String>::new());
        shop.refund(placed.order, "b").await.expect("the rest");
        let earnings = shop.orders.earnings(&shop.scope, team.ids()[0], None, 10).await.expect("read");
        assert_eq!((earnings[0].state, earnings[0].returned), (EarningState::Returned, cents(3_30)));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }
}
