//! Orders that are refunded: whatever was delivered, by whom it was paid, and whoever else is at it.

pub(super) mod pays_back;

use catalog::{Formula, Rounding};
use chrono::TimeDelta;
use identity::OperatorId;
use inventory::StockCount;
use kernel::Rate;
use lane::Answered;
use ledger::AccountKind;
use outbox::{Outbox, Runner};
use payment::{Cashier, MoveRefund, RefundEvent, RefundId, RefundState};
use testkit::on_both;

use super::desk::{failure, proof, visitor};
use super::fixture::{Shop, cents, filled};
use super::phone;
use crate::machine::{DeliveryState, OrderEvent, OrderState, PaymentState};
use crate::{
    EndRefund, FulfilAct, FulfilRefusal, FulfilState, LinePart, LineWish, OrderError, OrderId, Orders, Proof, Receipt,
    RefundAsked, RefundCloser, RefundEnded, RefundOf, RefundRefusal, RefundTo, RefundWish, SweepHolds, Sweeper, Wanted,
};
use pays_back::PaysBack;

impl Shop {
    pub(super) async fn refund(&self, order: OrderId, key: &str) -> Result<Answered<RefundAsked>, OrderError> {
        self.refund_on(&self.orders, order, (self.boss, key)).await
    }

    /// A part of an order goes back.
    pub(super) async fn gives_back(
        &self,
        order: OrderId,
        lines: Vec<(i32, LinePart)>,
        (to, key): (RefundTo, &str),
    ) -> Result<Answered<RefundAsked>, OrderError> {
        let of = RefundOf { reason: "a part of it".to_owned(), by: self.boss };
        let lines = lines.into_iter().map(|(line, part)| LineWish { line, part }).collect();
        self.orders.refund(&self.scope, (order, RefundWish { lines, to }), of, key).await
    }

    async fn refund_on(
        &self,
        orders: &Orders,
        order: OrderId,
        (by, key): (OperatorId, &str),
    ) -> Result<Answered<RefundAsked>, OrderError> {
        let of = RefundOf { reason: "the buyer is right".to_owned(), by };
        orders.refund(&self.scope, (order, RefundWish::default()), of, key).await
    }

    /// The channel is asked for a refund, and this is what comes of it.
    pub(super) async fn channel_says(&self, refund: RefundId, tries: u32, outcome: RefundEvent) {
        let submit = MoveRefund { refund, event: RefundEvent::Submit, tries: tries - 1 };
        self.lanes.run(&self.scope, submit).await.expect("run").answer.expect("submitted");
        let told = MoveRefund { refund, event: outcome, tries };
        self.lanes.run(&self.scope, told).await.expect("run").answer.expect("told");
    }

    /// A guest's order of one card, paid by `channel` and refunded; the channel has not been asked yet.
    async fn refunded_by(&self, channel: payment::ChannelId, number: u8) -> (OrderId, RefundId) {
        let placed = self.order((0, channel), (1, 10_00), number).await.expect("placed");
        self.receive(self.money((0, channel), &placed, &format!("T{number}"))).await;
        let asked = self.refund(placed.order, "r").await.expect("asked").answer;
        (placed.order, asked.refund.expect("by channel"))
    }

    /// The clock lets the sweeper look, and what it finds is carried out.
    async fn sweeps(&self) {
        let outbox = Outbox::new();
        let tx = self.store.write(&self.scope).await.expect("a writer");
        outbox.enqueue_in(&tx, &SweepHolds {}).await.expect("written");
        tx.commit().await.expect("committed");
        let runner = Runner::new(self.store.clone(), "node", &outbox).handle(Sweeper(self.orders.clone()));
        let runner = runner.handle(RefundCloser(self.orders.clone()));
        for _ in 0..2 {
            runner.run_once().await.expect("ran");
        }
    }

    /// The jobs of refunds that are done are carried out.
    pub(super) async fn hears(&self) {
        let runner = Runner::new(self.store.clone(), "node", &Outbox::new());
        runner.handle(RefundCloser(self.orders.clone())).run_once().await.expect("ran");
    }

    /// Every account but the stock and what it cost is empty, or as it was opened.
    async fn is_as_before(&self, prepaid: [i64; 2]) {
        for kind in [
            AccountKind::OrderDeposits,
            AccountKind::Revenue,
            AccountKind::PaymentSuspense,
            AccountKind::RefundsInTransit,
        ] {
            assert_eq!(self.balance_of(kind, None).await, 0, "{kind:?}");
        }
        for level in 1..4 {
            let site = Some(self.sites[level].uuid());
            for kind in [
                AccountKind::SitePending,
                AccountKind::SitePrepaidHeld,
                AccountKind::OwnTakings,
                AccountKind::PaymentSuspense,
                AccountKind::RefundsInTransit,
            ] {
                assert_eq!(self.balance_of(kind, site).await, 0, "{kind:?} of level {level}");
            }
        }
        assert_eq!([self.prepaid(1).await, self.prepaid(2).await], prepaid);
        assert_eq!(self.wallet().await, 1000_00);
    }

    async fn states_of(&self, order: OrderId) -> (OrderState, PaymentState, DeliveryState) {
        let states = self.orders.desk_view(&self.scope, order).await.expect("a view").order.states;
        (states.order, states.payment, states.delivery)
    }

    /// Each site of the chain earns: 1.00 on the way down and 2.00 at the end, on cards and on work.
    pub(super) async fn everybody_earns(&self) {
        for level in 0..2 {
            self.rule(level, false, Formula::Markup { amount: cents(1_00) }, Rounding::None).await;
        }
        self.rule(2, true, Formula::Percent { rate: Rate::from_ppm(100_000) }, Rounding::UpTenth).await;
    }
}

on_both! {
    async fn a_late_trade_has_no_place_because_another_one_of_its_number_is_confirmed(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
        db.clock.advance(TimeDelta::minutes(16));
        let money = |trade| shop.money((0, channel), &placed, trade);
        let confirmed = payment::Seen { is_confirmed: true, ..money("T1") };
        let payments = shop.payments_by(PaysBack(Some(confirmed)));
        let orders = Orders::new(shop.store.clone(), shop.lanes.clone(), shop.inventory.clone(), payments);
        let second = orders.receive(&shop.scope, money("T2")).await.expect("received");
        assert_eq!(second, Receipt::Unconfirmed);
        // The confirmed one has bought the goods: its own news say nothing new.
        let delivered = (OrderState::Completed, PaymentState::Paid, DeliveryState::Delivered);
        assert_eq!(shop.states_of(placed.order).await, delivered);
        assert_eq!(orders.receive(&shop.scope, money("T1")).await.expect("received"), Receipt::Known);
    }

    async fn what_was_not_delivered_goes_back_to_the_wallet_at_once(db) {
        let shop = Shop::open(&db).await;
        let (sku, operator) = (shop.manual().await, OperatorId::new());
        let order = shop.buys(vec![shop.service(sku, 2)], "key").await.expect("bought");
        shop.fulfil((order, 1), FulfilAct::Take, (operator, "a")).await.expect("taken");
        let asked = shop.refund(order, "r").await.expect("refunded").answer;
        assert_eq!((asked.amount, asked.refund), (cents(40_00), None));
        let states = (OrderState::Cancelled, PaymentState::Refunded, DeliveryState::None);
        assert_eq!(shop.states_of(order).await, states);
        shop.is_as_before([0, 0]).await;
        let late = shop.fulfil((order, 1), proof(), (operator, "b")).await;
        assert!(matches!(late, Err(OrderError::Fulfil(FulfilRefusal::Refunded))), "{late:?}");
        let page = shop.orders.fulfilments(&shop.scope, FulfilState::Cancelled, None, 50).await.expect("a page");
        assert_eq!(page.rows.len(), 1);
        let (view, _) = shop.orders.view(&shop.main, &Proof::account(shop.customer), order).await.expect("seen");
        assert!(view.refunds.first().expect("a refund").settled_at.is_some());
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn what_was_delivered_is_clawed_back_from_everybody(db) {
        let shop = Shop::open(&db).await;
        shop.everybody_earns().await;
        let order = shop.buy_at(2, shop.wants(3, 20_00), "key").await.expect("bought").answer.order;
        assert!(shop.balance_of(AccountKind::SitePending, Some(shop.sites[2].uuid())).await > 0);
        let cost = shop.balance_of(AccountKind::CostOfGoods, None).await;
        assert_eq!(cost, -21_00);
        shop.refund(order, "r").await.expect("refunded");
        shop.is_as_before([0, 0]).await;
        // The codes are gone: what they cost stays spent, and nobody gets or sees them again.
        assert_eq!(shop.balance_of(AccountKind::CostOfGoods, None).await, cost);
        assert_eq!(shop.stock().await, StockCount { available: 57, void: 3, ..StockCount::default() });
        let states = (OrderState::Completed, PaymentState::Refunded, DeliveryState::Delivered);
        assert_eq!(shop.states_of(order).await, states);
        let site = shop.scope.site(shop.sites[2]);
        let hidden = shop.orders.reveal(&site, (&Proof::account(shop.customer), &phone()), order).await;
        assert!(matches!(hidden, Err(OrderError::NothingToShow)));
        assert_eq!(shop.events_of(order).await, [OrderEvent::Paid, OrderEvent::Delivered, OrderEvent::Refunded]);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_part_delivered_order_goes_back_as_a_whole(db) {
        let shop = Shop::open(&db).await;
        let (sku, operator) = (shop.manual().await, OperatorId::new());
        shop.everybody_earns().await;
        let work = |account| Wanted::new(sku, 1, cents(40_00)).with_form(filled(account));
        let lines = vec![work("one"), shop.wants(1, 20_00).remove(0), work("two"), work("three")];
        let order = shop.buy_at(2, lines, "key").await.expect("bought").answer.order;
        shop.does(order, 1, operator).await;
        shop.fulfil((order, 3), FulfilAct::Take, (operator, "a")).await.expect("taken");
        shop.fulfil((order, 3), failure(), (operator, "b")).await.expect("failed");
        assert_eq!(shop.audit().await, Vec::<String>::new());
        shop.refund(order, "r").await.expect("refunded");
        shop.is_as_before([0, 0]).await;
        let view = shop.orders.desk_view(&shop.scope, order).await.expect("a view");
        let work: Vec<Option<FulfilState>> =
            view.lines.iter().map(|line| line.manual.as_ref().and_then(|manual| manual.state)).collect();
        let (done, cancelled) = (Some(FulfilState::Done), Some(FulfilState::Cancelled));
        assert_eq!(work, [done, None, cancelled, cancelled]);
        assert_eq!((view.order.states.order, view.order.states.delivery), (OrderState::Completed, DeliveryState::PartDelivered));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_channel_sends_the_money_back_and_then_the_order_is_refunded(db) {
        let shop = Shop::open(&db).await;
        let (sku, channel) = (shop.manual().await, shop.open_channel(0).await);
        let lines = vec![shop.service(sku, 1), shop.wants(1, 10_00).remove(0)];
        let placed = shop.order_on(&shop.orders, (0, channel), lines, shop.guest(1)).await.expect("placed");
        let order = placed.order;
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        let asked = shop.refund(order, "r").await.expect("asked").answer;
        let refund = asked.refund.expect("it goes out by the channel");
        assert_eq!(asked.states.payment, PaymentState::Paid);
        assert_eq!(shop.balance_of(AccountKind::PaymentSuspense, None).await, 30_00);
        assert_eq!(shop.stock().await, StockCount { available: 59, void: 1, ..StockCount::default() });
        assert_eq!(shop.audit().await, Vec::<String>::new());
        let (view, _) = shop.orders.view(&shop.main, &visitor(1), order).await.expect("seen");
        assert_eq!(view.refunds.first().expect("a refund").settled_at, None);

        shop.channel_says(refund, 1, RefundEvent::Done).await;
        assert_eq!(shop.audit().await, Vec::<String>::new());
        shop.hears().await;
        assert_eq!(shop.states_of(order).await, (OrderState::Completed, PaymentState::Refunded, DeliveryState::PartDelivered));
        assert_eq!(shop.balance_of(AccountKind::ChannelClearing, Some(channel.uuid())).await, 0);
        shop.is_as_before([0, 0]).await;
        assert_eq!(
            shop.events_of(order).await.split_off(1),
            [OrderEvent::Paid, OrderEvent::PartDelivered, OrderEvent::RefundRequested, OrderEvent::Refunded]
        );
        let desk = shop.orders.desk_view(&shop.scope, order).await.expect("a view").refunds.remove(0);
        let told = (desk.state, desk.by, desk.reason.as_deref());
        assert_eq!(told, (RefundState::Done, Some(shop.boss), Some("the buyer is right")));
        // Told again, it stays as it is.
        let told = payment::OrdersReturned { refunds: vec![(refund, Orders::intent_of(order))] };
        shop.orders.end_refunds(&shop.scope, &told).await.expect("nothing new");
        // Money that comes for it once more goes back as ever.
        let twice = shop.receive(shop.money((0, channel), &placed, "T2")).await;
        assert!(matches!(twice, Receipt::Suspended { kind: payment::ExceptionKind::Double }), "{twice:?}");
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_refund_that_the_channel_refuses_is_asked_for_again(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (2, 10_00), 1).await.expect("placed");
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        let refund = shop.refund(placed.order, "r").await.expect("asked").answer.refund.expect("by channel");
        let cancelled = shop.payments.cancel_refund(&shop.scope, refund, &payment::RefundId::new().to_string()).await;
        assert!(matches!(cancelled, Err(payment::PaymentError::Refused(_))), "{cancelled:?}");
        shop.channel_says(refund, 1, RefundEvent::Failed { reason: "no money".to_owned() }).await;
        shop.hears().await;
        let view = shop.orders.desk_view(&shop.scope, placed.order).await.expect("a view");
        let seen = view.refunds.first().expect("a refund");
        assert_eq!((view.order.states.payment, seen.state), (PaymentState::Paid, RefundState::Failed));
        assert_eq!(seen.error.as_deref(), Some("no money"));
        assert_eq!(shop.audit().await, Vec::<String>::new());
        assert!(matches!(
            shop.refund(placed.order, "again").await,
            Err(OrderError::Refund(RefundRefusal::Refunded))
        ));
        shop.payments.approve_refund(&shop.scope, refund, &payment::RefundId::new().to_string()).await.expect("approved");
        shop.channel_says(refund, 2, RefundEvent::Done).await;
        shop.hears().await;
        assert_eq!(shop.states_of(placed.order).await.1, PaymentState::Refunded);
        shop.is_as_before([0, 0]).await;
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn the_audit_names_a_refund_that_nobody_sends_again(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let (order, refund) = shop.refunded_by(channel, 1).await;
        shop.channel_says(refund, 1, RefundEvent::Failed { reason: "no money".to_owned() }).await;
        db.clock.advance(payment::REFUND_WAITS_MAX);
        assert_eq!(shop.audit().await, Vec::<String>::new());
        db.clock.advance(TimeDelta::seconds(1));
        let late = format!("15 the refund of order {} has been failed for more than a day, and is not over", order.uuid());
        assert_eq!(shop.audit().await, [late]);
        shop.payments.approve_refund(&shop.scope, refund, &payment::RefundId::new().to_string()).await.expect("approved");
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn an_order_that_did_not_hear_of_its_money_is_told_by_the_sweeper(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let (order, refund) = shop.refunded_by(channel, 1).await;
        let (other, on_its_way) = shop.refunded_by(channel, 2).await;
        shop.channel_says(refund, 1, RefundEvent::Done).await;
        db.tamper("DELETE FROM jobs").await.expect("tampered");
        shop.sweeps().await;
        assert_eq!(shop.states_of(order).await.1, PaymentState::Paid, "its own job has two minutes");
        db.clock.advance(payment::REFUND_WAITS_MAX + TimeDelta::seconds(1));
        let late = format!("15 the refund of order {} has been done for more than a day, and is not over", order.uuid());
        assert_eq!(shop.audit().await, [late, format!("15 refund {on_its_way} has been approved for more than a day")]);
        shop.sweeps().await;
        assert_eq!(shop.states_of(order).await.1, PaymentState::Refunded);
        assert_eq!(shop.states_of(other).await.1, PaymentState::Paid);
        shop.channel_says(on_its_way, 1, RefundEvent::Done).await;
        shop.hears().await;
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn an_order_that_cannot_be_ended_keeps_no_other_one_waiting(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let (first, stuck) = shop.refunded_by(channel, 1).await;
        let (second, refund) = shop.refunded_by(channel, 2).await;
        // Under the name of the first refund's end another order was ended: the first can be ended no more.
        let wrong = EndRefund { order: second, refund: stuck };
        assert_eq!(shop.lanes.run(&shop.scope, wrong).await.expect("run").answer, RefundEnded::Nothing);
        for refund in [stuck, refund] {
            shop.channel_says(refund, 1, RefundEvent::Done).await;
        }
        let refunds = vec![(stuck, Orders::intent_of(first)), (refund, Orders::intent_of(second))];
        let ended = shop.orders.end_refunds(&shop.scope, &payment::OrdersReturned { refunds }).await;
        assert!(matches!(ended, Err(OrderError::Lane(_))), "{ended:?}");
        assert_eq!(shop.states_of(first).await.1, PaymentState::Paid);
        assert_eq!(shop.states_of(second).await.1, PaymentState::Refunded);
    }

    async fn an_owner_is_not_told_who_refunded_and_why(db) {
        let shop = Shop::open(&db).await;
        let order = shop.buy_at(2, shop.wants(1, 10_00), "key").await.expect("bought").answer.order;
        shop.refund(order, "r").await.expect("refunded");
        let view = shop.orders.own_view(&shop.scope.site(shop.sites[2]), order).await.expect("a view");
        let refund = view.desk.refunds.first().expect("a refund");
        assert_eq!((refund.amount, refund.reason.as_deref(), refund.by), (cents(10_00), None, None));
        assert_eq!(view.desk.events.last().expect("an event").actor, "operator");
        let text = format!("{view:?}");
        assert!(!text.contains("opr_") && !text.contains("the buyer is right"), "{text}");
        let desk = shop.orders.desk_view(&shop.scope, order).await.expect("a view");
        assert_eq!(desk.events.last().expect("an event").actor, shop.boss.to_string());
        assert_eq!(desk.refunds.first().expect("a refund").by, Some(shop.boss));
    }

    async fn the_proof_is_called_back_with_the_money(db) {
        let shop = Shop::open(&db).await;
        let sku = shop.manual().await;
        let order = shop.buys(vec![shop.service(sku, 1)], "key").await.expect("bought");
        shop.does(order, 1, OperatorId::new()).await;
        let line = async || {
            let (view, _) = shop.orders.view(&shop.main, &Proof::account(shop.customer), order).await.expect("seen");
            view.lines[0].manual.clone().expect("a person's")
        };
        assert!(line().await.proof.is_some());
        shop.refund(order, "r").await.expect("refunded");
        let line = line().await;
        assert_eq!((line.state, line.proof, line.answers.len()), (Some(FulfilState::Done), None, 1));
    }

    async fn a_refund_goes_its_whole_way_by_jobs(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        shop.refund(placed.order, "r").await.expect("asked");
        let cashier = Cashier::new(shop.store.clone(), shop.payments_by(PaysBack(None)));
        let runner = cashier.handle(Runner::new(shop.store.clone(), "node", &Outbox::new()));
        let runner = runner.handle(RefundCloser(shop.orders.clone()));
        for _ in 0..2 {
            runner.run_once().await.expect("ran");
        }
        assert_eq!(shop.states_of(placed.order).await.1, PaymentState::Refunded);
        shop.is_as_before([0, 0]).await;
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_site_that_collected_itself_gets_its_purchase_price_back(db) {
        let shop = Shop::open(&db).await;
        let (sku, operator) = (shop.manual().await, OperatorId::new());
        shop.everybody_earns().await;
        let own = shop.open_channel(2).await;
        shop.fund_prepaid(2, 200_00).await;
        let work = |account| Wanted::new(sku, 1, cents(40_00)).with_form(filled(account));
        for (number, delivered) in [(1u8, false), (2, true)] {
            let lines = vec![work("lin"), shop.wants(1, 20_00).remove(0)];
            let placed = shop.order_on(&shop.orders, (2, own), lines, shop.guest(number)).await.expect("placed");
            let trade = format!("T{number}");
            shop.receive(shop.money((2, own), &placed, &trade)).await;
            if delivered {
                shop.does(placed.order, 1, operator).await;
            }
            assert!(shop.prepaid(2).await < 200_00);
            let refund = shop.refund(placed.order, "r").await.expect("asked").answer.refund.expect("by channel");
            let site = Some(shop.sites[2].uuid());
            assert_eq!(shop.balance_of(AccountKind::PaymentSuspense, site).await, placed.total.minor());
            // The buyer's money is still at the site's channel: so is what the site paid for it.
            let held = shop.balance_of(AccountKind::SitePrepaidHeld, site).await;
            assert!(held > 0 && held + shop.prepaid(2).await == 200_00, "{held}");
            assert_eq!(shop.audit().await, Vec::<String>::new());
            shop.channel_says(refund, 1, RefundEvent::Done).await;
            shop.hears().await;
            assert_eq!(shop.balance_of(AccountKind::OwnClearing, Some(own.uuid())).await, 0);
            shop.is_as_before([0, 200_00]).await;
            assert_eq!(shop.audit().await, Vec::<String>::new());
        }
    }

    async fn the_purchase_price_waits_as_long_as_the_buyers_money_does(db) {
        let shop = Shop::open(&db).await;
        let own = shop.open_channel(2).await;
        shop.fund_prepaid(2, 10_00).await;
        let placed = shop.order((2, own), (1, 10_00), 1).await.expect("placed");
        shop.receive(shop.money((2, own), &placed, "T1")).await;
        let held = async || shop.balance_of(AccountKind::SitePrepaidHeld, Some(shop.sites[2].uuid())).await;
        assert_eq!((shop.prepaid(2).await, held().await), (0, 0));
        let refund = shop.refund(placed.order, "r").await.expect("asked").answer.refund.expect("by channel");
        // The channel refuses, and then nobody knows: the site cannot buy with this money meanwhile.
        shop.channel_says(refund, 1, RefundEvent::Failed { reason: "no money".to_owned() }).await;
        shop.hears().await;
        assert_eq!((shop.prepaid(2).await, held().await), (0, 10_00));
        let refused = shop.order((2, own), (1, 10_00), 2).await.expect_err("no free prepaid money");
        assert!(matches!(refused, OrderError::Refused(crate::Refusal::ShopNotFunded)), "{refused:?}");
        shop.payments.approve_refund(&shop.scope, refund, &payment::RefundId::new().to_string()).await.expect("approved");
        shop.channel_says(refund, 2, RefundEvent::Unknown { reason: "no answer".to_owned() }).await;
        shop.hears().await;
        assert_eq!((shop.prepaid(2).await, held().await), (0, 10_00));
        assert_eq!(shop.audit().await, Vec::<String>::new());
        // Given back too early, the audit says so.
        db.tamper("UPDATE orders SET held_minor = 0").await.expect("tampered");
        let breaches = shop.audit().await;
        assert!(breaches.len() == 2 && breaches.iter().all(|breach| breach.starts_with("2 ")), "{breaches:?}");
        db.tamper("UPDATE orders SET held_minor = 1000").await.expect("tampered");
        let told = MoveRefund { refund, event: RefundEvent::Done, tries: 2 };
        shop.lanes.run(&shop.scope, told).await.expect("run").answer.expect("told");
        assert_eq!((shop.prepaid(2).await, held().await), (0, 10_00));
        shop.hears().await;
        assert_eq!((shop.prepaid(2).await, held().await), (10_00, 0));
        assert_eq!(shop.states_of(placed.order).await.1, PaymentState::Refunded);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn the_audit_finds_a_refund_of_somebody_elses_money(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let (order, refund) = shop.refunded_by(channel, 1).await;
        let other = shop.order((0, channel), (1, 10_00), 2).await.expect("placed");
        shop.receive(shop.money((0, channel), &other, "T2")).await;
        assert_eq!(shop.audit().await, Vec::<String>::new());
        // Same channel, same amount: another buyer's payment.
        let theirs = "(SELECT id FROM payments WHERE trade_no = 'T2')";
        let out_no = "(SELECT out_no FROM payments WHERE trade_no = 'T2')";
        let sql = format!("UPDATE refunds SET payment_id = {theirs}, out_no = {out_no}");
        db.tamper(&sql).await.expect("tampered");
        let breach = [format!("7 the refund of order {} is not of its money", order.uuid())];
        assert_eq!(shop.audit().await, breach);
        // The right payment under another number is sent back to somebody else as well.
        let ours = "(SELECT id FROM payments WHERE trade_no = 'T1')";
        db.tamper(&format!("UPDATE refunds SET payment_id = {ours}")).await.expect("tampered");
        assert_eq!(shop.audit().await, [breach[0].clone(), format!("13 refund {refund} is of another site or number than its payment")]);
        let out_no = "(SELECT out_no FROM payments WHERE trade_no = 'T1')";
        db.tamper(&format!("UPDATE refunds SET out_no = {out_no}")).await.expect("tampered");
        assert_eq!(shop.audit().await, Vec::<String>::new());
        shop.channel_says(refund, 1, RefundEvent::Done).await;
        shop.hears().await;
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_loss_comes_back_to_who_covered_it(db) {
        let shop = Shop::open(&db).await;
        let (sku, channel) = (shop.manual().await, shop.open_channel(0).await);
        let at_loss = Formula::Fixed { price: cents(9_00), loss_cap: Some(cents(11_00)) };
        shop.rule(1, true, at_loss, Rounding::None).await;
        shop.fund_prepaid(1, 50_00).await;
        let lines = || vec![
            Wanted::new(sku, 1, cents(9_00)).with_form(filled("lin-88")),
            Wanted::new(shop.sku, 1, cents(9_00)),
        ];
        let order = shop.buy_at(1, lines(), "key").await.expect("bought").answer.order;
        assert_eq!(shop.prepaid(1).await, 38_00);
        shop.refund(order, "r").await.expect("refunded");
        shop.is_as_before([50_00, 0]).await;
        let placed = shop.order_on(&shop.orders, (1, channel), lines(), shop.guest(1)).await.expect("placed");
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        shop.does(placed.order, 1, OperatorId::new()).await;
        assert_eq!(shop.prepaid(1).await, 38_00);
        let refund = shop.refund(placed.order, "r").await.expect("asked").answer.refund.expect("by channel");
        shop.channel_says(refund, 1, RefundEvent::Done).await;
        shop.hears().await;
        shop.is_as_before([50_00, 0]).await;
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn an_order_is_refunded_once_however_many_ask(db) {
        let shop = Shop::open(&db).await;
        let (channel, other) = (shop.open_channel(0).await, shop.second_node());
        let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        let operators: Vec<OperatorId> = (0..10).map(|_| OperatorId::new()).collect();
        let asks = operators.iter().enumerate().map(|(n, by)| {
            let node = if n % 2 == 0 { &shop.orders } else { &other };
            shop.refund_on(node, placed.order, (*by, "r"))
        });
        let answers = futures::future::join_all(asks).await;
        let winners: Vec<usize> = (0..10).filter(|n| answers[*n].is_ok()).collect();
        let [winner] = winners.as_slice() else { panic!("{winners:?} refunded it") };
        let lost = answers.iter().filter(|answer| matches!(answer, Err(OrderError::Refund(RefundRefusal::Refunded))));
        assert_eq!(lost.count(), 9);
        let first = answers[*winner].as_ref().expect("refunded").answer.clone();
        let again = shop.refund_on(&other, placed.order, (operators[*winner], "r")).await.expect("his own");
        assert!(again.is_replay && again.answer == first);
        assert_eq!(shop.balance_of(AccountKind::PaymentSuspense, None).await, 10_00);
        let page = shop.payments.refunds(&shop.scope, RefundState::Approved, None).await.expect("a page");
        assert_eq!(page.refunds.len(), 1);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_refund_beside_the_work_leaves_one_truth(db) {
        let shop = Shop::open(&db).await;
        let (sku, other, operator) = (shop.manual().await, shop.second_node(), OperatorId::new());
        for round in 0..6 {
            let order = shop.buys(vec![shop.service(sku, 1)], &format!("{round}")).await.expect("bought");
            shop.fulfil((order, 1), FulfilAct::Take, (operator, "take")).await.expect("taken");
            // In one batch of one lane, and from two nodes.
            let node = if round % 2 == 0 { &shop.orders } else { &other };
            let (done, refunded) = tokio::join!(
                shop.fulfil((order, 1), proof(), (operator, "done")),
                shop.refund_on(node, order, (shop.boss, "r")),
            );
            refunded.expect("it is refunded either way");
            let delivery = shop.states_of(order).await.2;
            match done {
                Ok(_) => assert_eq!(delivery, DeliveryState::Delivered),
                Err(OrderError::Fulfil(FulfilRefusal::Refunded)) => assert_eq!(delivery, DeliveryState::None),
                Err(error) => panic!("{error:?}"),
            }
        }
        shop.is_as_before([0, 0]).await;
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn only_a_paid_order_of_the_tenant_is_refunded(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let waiting = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
        let not_paid = |answer| matches!(answer, Err(OrderError::Refund(RefundRefusal::NotPaid)));
        assert!(not_paid(shop.refund(waiting.order, "a").await));
        db.clock.advance(TimeDelta::minutes(16));
        shop.orders.sweep(&shop.scope).await.expect("swept");
        assert!(not_paid(shop.refund(waiting.order, "b").await));
        let unknown = shop.refund(OrderId::new(), "c").await;
        assert!(matches!(unknown, Err(OrderError::Refund(RefundRefusal::NotFound))));
        let order = shop.buy(1, "key").await.expect("bought").answer.order;
        let stranger = db.tenant().await;
        let of = RefundOf { reason: "mine now".to_owned(), by: shop.boss };
        let foreign = shop.orders.refund(&stranger, (order, RefundWish::default()), of, "d").await;
        assert!(matches!(foreign, Err(OrderError::Refund(RefundRefusal::NotFound))));
        let of = RefundOf { reason: " ".to_owned(), by: shop.boss };
        assert!(matches!(shop.orders.refund(&shop.scope, (order, RefundWish::default()), of, "e").await, Err(OrderError::Text { .. })));
        assert_eq!(shop.wallet().await, 990_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_shared_code_stays_with_everybody(db) {
        let shop = Shop::open_with(&db, 0).await;
        shop.import_shared(&["SHARED"]).await;
        let order = shop.buy(1, "mine").await.expect("bought").answer.order;
        shop.refund(order, "r").await.expect("refunded");
        shop.buy(1, "next").await.expect("it is still sold");
        assert_eq!(shop.balance_of(AccountKind::Revenue, None).await, 10_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn the_audit_finds_a_refund_that_left_something_behind(db) {
        let shop = Shop::open(&db).await;
        let order = shop.buy(1, "key").await.expect("bought").answer.order;
        shop.refund(order, "r").await.expect("refunded");
        db.tamper("UPDATE cards SET state = 'sold' WHERE state = 'void'").await.expect("tampered");
        db.tamper("UPDATE card_counts SET sold = sold + void, void = 0").await.expect("tampered");
        assert!(shop.audit().await.iter().any(|breach| breach.starts_with("3 ")));
        db.tamper("UPDATE cards SET state = 'void' WHERE state = 'sold'").await.expect("tampered");
        db.tamper("UPDATE card_counts SET void = sold, sold = 0").await.expect("tampered");
        assert_eq!(shop.audit().await, Vec::<String>::new());
        db.tamper("UPDATE order_returns SET amount_minor = amount_minor - 1").await.expect("tampered");
        assert!(shop.audit().await.iter().any(|breach| breach.starts_with("7 ")));
    }
}
