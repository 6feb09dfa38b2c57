//! Goods that a person fulfils: asked, paid, taken, done, failed, tried again.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use catalog::{FieldFault, FieldFaultKind, Filled, Formula, Rounding, SkuId};
use chrono::TimeDelta;
use identity::OperatorId;
use lane::Answered;
use ledger::AccountKind;
use outbox::{Handler, JobContext, JobError, Outbox, Runner};
use testkit::on_both;

use super::fixture::{Shop, cents, filled};
use super::phone;
use crate::machine::{DeliveryState, OrderEvent, OrderState, PaymentState};
use crate::{
    FulfilAct, FulfilBy, FulfilRefusal, FulfilState, Fulfilled, LineRef, LinkToken, OrderError, OrderId, Orders,
    OrdersDelivered, Proof, Receipt, RefundOf, Refusal, Sight, Wanted,
};

/// What was told of deliveries.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<OrdersDelivered>>>);

#[async_trait]
impl Handler<OrdersDelivered> for Heard {
    async fn run(&self, _context: &JobContext, job: OrdersDelivered) -> Result<(), JobError> {
        self.0.lock().expect("nobody panicked").push(job);
        Ok(())
    }
}

pub(super) fn visitor(number: u8) -> Proof {
    Proof { visitor: Some(vec![number; 32]), ..Proof::default() }
}

pub(super) fn proof() -> FulfilAct {
    FulfilAct::Complete { proof: "https://files.test/a.png".to_owned() }
}

pub(super) fn failure() -> FulfilAct {
    FulfilAct::Fail { reason: "the account does not exist".to_owned() }
}

impl Shop {
    pub(super) fn service(&self, sku: SkuId, quantity: u32) -> Wanted {
        Wanted::new(sku, quantity, cents(20_00)).with_form(filled("lin-88"))
    }

    /// The wallet's customer buys on the main site.
    pub(super) async fn buys(&self, lines: Vec<Wanted>, key: &str) -> Result<OrderId, OrderError> {
        let bought = self.buy_on(&self.orders, &self.main, self.chain(0), lines, key).await;
        bought.map(|bought| bought.answer.order)
    }

    pub(super) async fn fulfil(
        &self,
        at: (OrderId, i32),
        act: FulfilAct,
        (operator, key): (OperatorId, &str),
    ) -> Result<Answered<Fulfilled>, OrderError> {
        self.fulfil_on(&self.orders, at, act, (operator, key)).await
    }

    pub(super) async fn fulfil_on(
        &self,
        orders: &Orders,
        (order, line): (OrderId, i32),
        act: FulfilAct,
        (operator, key): (OperatorId, &str),
    ) -> Result<Answered<Fulfilled>, OrderError> {
        orders.fulfil(&self.scope, LineRef { order, line }, act, FulfilBy { operator, key }).await
    }

    /// Takes the line and does it.
    pub(super) async fn does(&self, order: OrderId, line: i32, by: OperatorId) -> Fulfilled {
        self.fulfil((order, line), FulfilAct::Take, (by, "take")).await.expect("taken");
        self.fulfil((order, line), proof(), (by, "done")).await.expect("done").answer
    }

    pub(super) async fn events_of(&self, order: OrderId) -> Vec<OrderEvent> {
        let view = self.orders.desk_view(&self.scope, order).await.expect("a view");
        view.events.iter().map(|event| event.event).collect()
    }
}

on_both! {
    async fn a_person_does_what_the_buyer_asked_for(db) {
        let shop = Shop::open(&db).await;
        let (sku, operator) = (shop.manual().await, OperatorId::new());
        let order = shop.buys(vec![shop.service(sku, 2)], "key").await.expect("bought");
        assert_eq!(shop.wallet().await, 1000_00 - 40_00);
        assert_eq!(shop.balance_of(AccountKind::OrderDeposits, None).await, 40_00);
        let desk = shop.orders.fulfilments(&shop.scope, FulfilState::Waiting, None, 50).await.expect("a page");
        let [row] = desk.rows.as_slice() else { panic!("one line waits: {desk:?}") };
        assert_eq!((row.at, row.quantity), (LineRef { order, line: 1 }, 2));
        assert_eq!(row.due_at - row.since, TimeDelta::hours(24));
        let answers: Vec<(&str, &str)> =
            row.answers.iter().map(|answer| (answer.key.as_str(), answer.value.as_str())).collect();
        assert_eq!(answers, [("account", "lin-88")]);
        assert_eq!(shop.audit().await, Vec::<String>::new());

        let taken = shop.fulfil((order, 1), FulfilAct::Take, (operator, "a")).await.expect("taken").answer;
        assert_eq!((taken.state, taken.order.delivery), (FulfilState::Taken, DeliveryState::Delivering));
        let done = shop.fulfil((order, 1), proof(), (operator, "b")).await.expect("done").answer;
        assert_eq!((done.state, done.order.order), (FulfilState::Done, OrderState::Completed));
        assert_eq!(shop.balance_of(AccountKind::OrderDeposits, None).await, 0);
        assert_eq!(shop.balance_of(AccountKind::Revenue, None).await, 40_00);
        let (view, _) = shop.orders.view(&shop.main, &Proof::account(shop.customer), order).await.expect("seen");
        let line = view.lines[0].manual.as_ref().expect("a person's");
        assert_eq!((line.state, line.proof.as_deref()), (Some(FulfilState::Done), Some("https://files.test/a.png")));
        assert!(view.order.is_delivered());
        assert!(matches!(
            shop.orders.reveal(&shop.main, (&Proof::account(shop.customer), &phone()), order).await,
            Err(OrderError::NothingToShow)
        ));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn cards_of_the_same_order_are_delivered_at_once(db) {
        let shop = Shop::open(&db).await;
        let (sku, operator) = (shop.manual().await, OperatorId::new());
        let lines = vec![shop.service(sku, 1), shop.wants(2, 10_00).remove(0)];
        let order = shop.buys(lines, "key").await.expect("bought");
        let account = Proof::account(shop.customer);
        let (view, revealed) = shop.orders.reveal(&shop.main, (&account, &phone()), order).await.expect("codes");
        assert_eq!(view.order.states.delivery, DeliveryState::PartDelivered);
        assert_eq!((revealed.len(), revealed[0].line, revealed[0].codes.len()), (1, 2, 2));
        assert_eq!(shop.balance_of(AccountKind::OrderDeposits, None).await, 20_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
        let done = shop.does(order, 1, operator).await;
        assert_eq!(done.order.delivery, DeliveryState::Delivered);
        assert_eq!(
            shop.events_of(order).await,
            [OrderEvent::Paid, OrderEvent::PartDelivered, OrderEvent::Delivered]
        );
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn what_is_not_filled_in_is_not_sold(db) {
        let shop = Shop::open(&db).await;
        let sku = shop.manual().await;
        let faults_of = |answer: Result<OrderId, OrderError>| match answer {
            Err(OrderError::Refused(Refusal::Form { line, faults })) => (line, faults),
            other => panic!("{other:?}"),
        };
        let fault = |key: &str, fault| FieldFault { key: key.to_owned(), fault };
        let nothing = Wanted::new(sku, 1, cents(20_00));
        let refused = faults_of(shop.buys(vec![shop.wants(1, 10_00).remove(0), nothing], "a").await);
        assert_eq!(refused, (2, vec![fault("account", FieldFaultKind::Required)]));
        let mut odd = filled("lin-88");
        odd.insert("note".to_owned(), "x".repeat(21));
        odd.insert("colour".to_owned(), "red".to_owned());
        let refused = faults_of(shop.buys(vec![Wanted::new(sku, 1, cents(20_00)).with_form(odd)], "b").await);
        assert_eq!(refused.1, [fault("note", FieldFaultKind::TooLong), fault("colour", FieldFaultKind::Unknown)]);
        // Far more than any form asks for is refused before the queue.
        let huge = Filled::from([("account".to_owned(), "x".repeat(100_000))]);
        let refused = faults_of(shop.buys(vec![Wanted::new(sku, 1, cents(20_00)).with_form(huge)], "c").await);
        assert_eq!(refused.1, [fault("account", FieldFaultKind::TooLong)]);
        // Cards ask for nothing.
        let card = shop.wants(1, 10_00).remove(0).with_form(filled("lin-88"));
        assert_eq!(faults_of(shop.buys(vec![card], "d").await).1, [fault("account", FieldFaultKind::Unknown)]);
        assert_eq!(shop.wallet().await, 1000_00);
        // The same key with another form is another wish.
        shop.buys(vec![shop.service(sku, 1)], "e").await.expect("bought");
        let other = Wanted::new(sku, 1, cents(20_00)).with_form(filled("chen-99"));
        assert!(matches!(shop.buys(vec![other], "e").await, Err(OrderError::Lane(lane::LaneError::KeyReused { .. }))));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn what_a_person_does_never_runs_out(db) {
        let shop = Shop::open_with(&db, 0).await;
        let sku = shop.manual().await;
        let kinds = [(sku, catalog::GoodsKind::Manual), (shop.sku, catalog::GoodsKind::Card)];
        let left = shop.orders.shelf().left(&shop.scope, &kinds).await.expect("counted");
        assert_eq!((left[&sku], left[&shop.sku]), (u32::MAX, 0));
        for n in 0..5 {
            shop.buys(vec![shop.service(sku, 5)], &n.to_string()).await.expect("bought");
        }
        assert!(shop.buy(1, "card").await.is_err());
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_guest_pays_by_channel_and_waits_for_a_person(db) {
        let shop = Shop::open(&db).await;
        let (sku, operator, channel) = (shop.manual().await, OperatorId::new(), shop.open_channel(0).await);
        let lines = vec![shop.service(sku, 1), shop.wants(1, 10_00).remove(0)];
        let placed = shop.order_on(&shop.orders, (0, channel), lines, shop.guest(1)).await.expect("placed");
        let order = placed.order;
        let page = shop.orders.fulfilments(&shop.scope, FulfilState::Waiting, None, 50).await.expect("a page");
        assert!(page.rows.is_empty(), "nothing is paid");
        assert_eq!(shop.audit().await, Vec::<String>::new());
        assert_eq!(shop.receive(shop.money((0, channel), &placed, "T1")).await, Receipt::Paid { order });
        let (view, _) = shop.orders.view(&shop.main, &visitor(1), order).await.expect("seen");
        assert_eq!(view.order.states.delivery, DeliveryState::PartDelivered);
        assert_eq!(view.lines[0].manual.as_ref().expect("manual").answers.len(), 1);
        // The link shows how it stands, and nothing that the buyer wrote or got.
        shop.does(order, 1, operator).await;
        let link = LinkToken::parse(&placed.due.expect("due").link);
        let (view, sight) = shop.orders.view(&shop.main, &Proof { link, ..visitor(2) }, order).await.expect("seen");
        let line = view.lines[0].manual.as_ref().expect("manual");
        assert_eq!((sight, line.state), (Sight::Status, Some(FulfilState::Done)));
        assert!(line.answers.is_empty() && line.proof.is_none());
        assert_eq!(shop.balance_of(AccountKind::Revenue, None).await, 30_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn manual_goods_that_nobody_pays_for_expire_and_are_paid_late(db) {
        let shop = Shop::open_with(&db, 0).await;
        let (sku, channel) = (shop.manual().await, shop.open_channel(0).await);
        let placed = shop.order_on(&shop.orders, (0, channel), vec![shop.service(sku, 1)], shop.guest(1)).await;
        let placed = placed.expect("placed");
        db.clock.advance(TimeDelta::minutes(16));
        assert_eq!(shop.orders.sweep(&shop.scope).await.expect("swept"), 1);
        assert_eq!(shop.audit().await, Vec::<String>::new());
        let late = payment::Seen { is_confirmed: true, ..shop.money((0, channel), &placed, "T1") };
        assert_eq!(shop.receive(late).await, Receipt::Paid { order: placed.order });
        let page = shop.orders.fulfilments(&shop.scope, FulfilState::Waiting, None, 50).await.expect("a page");
        assert_eq!(page.rows.len(), 1);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_site_that_collects_itself_sells_what_the_main_site_does(db) {
        let shop = Shop::open(&db).await;
        let (sku, operator) = (shop.manual().await, OperatorId::new());
        shop.rule(1, true, Formula::Markup { amount: cents(3_00) }, Rounding::None).await;
        let own = shop.open_channel(1).await;
        shop.fund_prepaid(1, 50_00).await;
        let wish = Wanted::new(sku, 1, cents(23_00)).with_form(filled("lin-88"));
        let placed = shop.order_on(&shop.orders, (1, own), vec![wish], shop.guest(1)).await.expect("placed");
        assert_eq!(shop.receive(shop.money((1, own), &placed, "T1")).await, Receipt::Paid { order: placed.order });
        let site = Some(shop.sites[1].uuid());
        assert_eq!(shop.balance_of(AccountKind::OrderDeposits, None).await, 20_00);
        assert_eq!((shop.prepaid(1).await, shop.balance_of(AccountKind::SitePrepaidHeld, site).await), (30_00, 0));
        assert_eq!(shop.audit().await, Vec::<String>::new());
        shop.does(placed.order, 1, operator).await;
        assert_eq!(shop.balance_of(AccountKind::Revenue, None).await, 20_00);
        assert_eq!(shop.balance_of(AccountKind::OwnTakings, site).await, 23_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn the_loss_of_what_is_done_later_is_held_until_then(db) {
        let shop = Shop::open(&db).await;
        let (sku, operator) = (shop.manual().await, OperatorId::new());
        let at_loss = Formula::Fixed { price: cents(9_00), loss_cap: Some(cents(11_00)) };
        shop.rule(1, true, at_loss, Rounding::None).await;
        let lines = || vec![
            Wanted::new(sku, 1, cents(9_00)).with_form(filled("lin-88")),
            Wanted::new(shop.sku, 1, cents(9_00)),
        ];
        assert!(matches!(
            shop.buy_at(1, lines(), "poor").await,
            Err(OrderError::Refused(Refusal::LossNotCovered { .. }))
        ));
        shop.fund_prepaid(1, 15_00).await;
        let order = shop.buy_at(1, lines(), "key").await.expect("bought").answer.order;
        // 1.00 is lost with the card, 11.00 wait for the person.
        let held = Some(shop.sites[1].uuid());
        assert_eq!((shop.prepaid(1).await, shop.balance_of(AccountKind::SitePrepaidHeld, held).await), (3_00, 11_00));
        assert_eq!(shop.audit().await, Vec::<String>::new());
        shop.does(order, 1, operator).await;
        assert_eq!((shop.prepaid(1).await, shop.balance_of(AccountKind::SitePrepaidHeld, held).await), (3_00, 0));
        assert_eq!(shop.balance_of(AccountKind::Revenue, None).await, 30_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn the_same_key_is_the_same_act_and_a_second_operator_is_told(db) {
        let shop = Shop::open(&db).await;
        let (sku, other_node) = (shop.manual().await, shop.second_node());
        let order = shop.buys(vec![shop.service(sku, 1)], "key").await.expect("bought");
        let operators: Vec<OperatorId> = (0..10).map(|_| OperatorId::new()).collect();
        let takes = operators.iter().enumerate().map(|(n, operator)| {
            let node = if n % 2 == 0 { &shop.orders } else { &other_node };
            shop.fulfil_on(node, (order, 1), FulfilAct::Take, (*operator, "take"))
        });
        let answers = futures::future::join_all(takes).await;
        let winners: Vec<OperatorId> =
            operators.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()).map(|(by, _)| *by).collect();
        let [winner] = winners.as_slice() else { panic!("{winners:?} have it") };
        let lost = answers.iter().filter(|answer| matches!(
            answer, Err(OrderError::Fulfil(FulfilRefusal::Taken { by, .. })) if by == winner
        ));
        assert_eq!(lost.count(), 9);
        let loser = operators.iter().find(|by| *by != winner).expect("nine lost");
        assert!(matches!(
            shop.fulfil((order, 1), proof(), (*loser, "steal")).await,
            Err(OrderError::Fulfil(FulfilRefusal::Taken { .. }))
        ));
        let again = shop.fulfil((order, 1), FulfilAct::Take, (*winner, "take")).await.expect("his own");
        assert!(again.is_replay);
        let both = [&shop.orders, &other_node].map(|node| {
            shop.fulfil_on(node, (order, 1), proof(), (*winner, "done"))
        });
        let both = futures::future::join_all(both).await;
        assert!(both.iter().all(|answer| answer.as_ref().expect("done").answer.state == FulfilState::Done));
        assert!(matches!(
            shop.fulfil((order, 1), proof(), (*winner, "more")).await,
            Err(OrderError::Fulfil(FulfilRefusal::State { state: FulfilState::Done }))
        ));
        assert_eq!(shop.balance_of(AccountKind::Revenue, None).await, 20_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn what_failed_is_tried_again_by_somebody_else(db) {
        let shop = Shop::open(&db).await;
        let (sku, first, second) = (shop.manual().await, OperatorId::new(), OperatorId::new());
        let order = shop.buys(vec![shop.service(sku, 1), shop.service(sku, 1)], "key").await.expect("bought");
        shop.fulfil((order, 1), FulfilAct::Take, (first, "a")).await.expect("taken");
        let failed = shop.fulfil((order, 1), failure(), (first, "b")).await.expect("failed").answer;
        assert_eq!(failed.order.delivery, DeliveryState::Failed);
        let page = shop.orders.fulfilments(&shop.scope, FulfilState::Failed, None, 50).await.expect("a page");
        assert_eq!(page.rows[0].reason.as_deref(), Some("the account does not exist"));
        assert_eq!(shop.audit().await, Vec::<String>::new());
        // The other line goes on; the order is delivered only when both are.
        let done = shop.does(order, 2, second).await;
        assert_eq!(done.order.delivery, DeliveryState::PartDelivered);
        let again = shop.fulfil((order, 1), FulfilAct::Retry, (second, "c")).await.expect("back").answer;
        assert_eq!((again.state, again.order.delivery), (FulfilState::Waiting, DeliveryState::PartDelivered));
        let done = shop.does(order, 1, second).await;
        assert_eq!((done.order.delivery, done.order.order), (DeliveryState::Delivered, OrderState::Completed));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn an_order_is_not_queued_while_somebody_is_at_a_line_of_it(db) {
        let shop = Shop::open(&db).await;
        let (sku, first, second) = (shop.manual().await, OperatorId::new(), OperatorId::new());
        let lines = (0..3).map(|_| shop.service(sku, 1)).collect();
        let order = shop.buys(lines, "key").await.expect("bought");
        for (line, by) in [(1, first), (2, second)] {
            shop.fulfil((order, line), FulfilAct::Take, (by, "take")).await.expect("taken");
        }
        let failed = shop.fulfil((order, 2), failure(), (second, "fail")).await.expect("failed").answer;
        assert_eq!(failed.order.delivery, DeliveryState::Failed);
        let again = shop.fulfil((order, 2), FulfilAct::Retry, (second, "retry")).await.expect("back").answer;
        assert_eq!(again.order.delivery, DeliveryState::Delivering, "the first is at line 1");
        assert_eq!(shop.audit().await, Vec::<String>::new());
        // Two fail: the order has failed until both are put back, and then it waits.
        for (line, by) in [(1, first), (2, second)] {
            shop.fulfil((order, line), FulfilAct::Take, (by, "take-2")).await.expect("taken");
            shop.fulfil((order, line), failure(), (by, "fail-2")).await.expect("failed");
        }
        for (line, state) in [(1, DeliveryState::Failed), (2, DeliveryState::Queued)] {
            let again = shop.fulfil((order, line), FulfilAct::Retry, (second, "retry-2")).await.expect("back");
            assert_eq!(again.answer.order.delivery, state);
        }
        assert_eq!(shop.audit().await, Vec::<String>::new());
        let done = shop.does(order, 3, first).await;
        assert_eq!(done.order.delivery, DeliveryState::PartDelivered);
        assert_eq!(shop.audit().await, Vec::<String>::new());
        db.tamper("UPDATE orders SET delivery_state = 'queued'").await.expect("tampered");
        let breach = format!("5 order {} is queued, and somebody has begun to work on it", order.uuid());
        assert!(shop.audit().await.contains(&breach));
    }

    async fn what_was_taken_and_left_is_put_back_by_anybody(db) {
        let shop = Shop::open(&db).await;
        let (sku, gone, other) = (shop.manual().await, OperatorId::new(), OperatorId::new());
        let order = shop.buys(vec![shop.service(sku, 1)], "key").await.expect("bought");
        shop.fulfil((order, 1), FulfilAct::Take, (gone, "a")).await.expect("taken");
        shop.fulfil((order, 1), FulfilAct::Retry, (other, "b")).await.expect("put back");
        assert_eq!(shop.does(order, 1, other).await.state, FulfilState::Done);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn the_audit_names_what_is_not_done_in_time(db) {
        let shop = Shop::open(&db).await;
        let sku = shop.manual().await;
        let order = shop.buys(vec![shop.service(sku, 1)], "key").await.expect("bought");
        db.clock.advance(TimeDelta::hours(24) + TimeDelta::seconds(1));
        let late = format!("5 order {} is paid and not delivered in time", order.uuid());
        assert_eq!(shop.audit().await, [late]);
        shop.does(order, 1, OperatorId::new()).await;
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn the_audit_names_what_failed_and_is_neither_tried_again_nor_refunded_in_time(db) {
        let shop = Shop::open(&db).await;
        let (sku, operator) = (shop.manual().await, OperatorId::new());
        let order = shop.buys(vec![shop.service(sku, 1)], "key").await.expect("bought");
        shop.fulfil((order, 1), FulfilAct::Take, (operator, "a")).await.expect("taken");
        shop.fulfil((order, 1), failure(), (operator, "b")).await.expect("failed");
        db.clock.advance(TimeDelta::hours(24));
        assert_eq!(shop.audit().await, Vec::<String>::new());
        db.clock.advance(TimeDelta::seconds(1));
        let late = format!("5 a line of order {} failed, and its money stays", order.uuid());
        assert_eq!(shop.audit().await, [late]);
        let of = RefundOf { reason: "it cannot be done".to_owned(), by: shop.boss };
        shop.orders.refund(&shop.scope, (order, Default::default()), of, "r").await.expect("refunded");
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn what_a_buyer_wrote_and_got_is_shown_to_those_who_need_it(db) {
        let shop = Shop::open(&db).await;
        let (sku, operator) = (shop.manual().await, OperatorId::new());
        let order = shop.buys(vec![shop.service(sku, 1), shop.service(sku, 1)], "key").await.expect("bought");
        // How many answers, and whether a proof, the desk shows of the lines in a state.
        let shown = async |state| {
            let page = shop.orders.fulfilments(&shop.scope, state, None, 50).await.expect("a page");
            page.rows.iter().map(|row| (row.answers.len(), row.proof.is_some())).collect::<Vec<_>>()
        };
        assert_eq!(shown(FulfilState::Waiting).await, [(1, false), (1, false)]);
        shop.fulfil((order, 1), FulfilAct::Take, (operator, "a")).await.expect("taken");
        assert_eq!(shown(FulfilState::Taken).await, [(1, false)]);
        shop.fulfil((order, 1), failure(), (operator, "b")).await.expect("failed");
        assert_eq!(shown(FulfilState::Failed).await, [(1, false)]);
        shop.does(order, 2, operator).await;
        assert_eq!(shown(FulfilState::Done).await, [(0, true)]);
        let desk = shop.orders.desk_view(&shop.scope, order).await.expect("a view");
        let lines = desk.lines.iter().filter_map(|line| line.manual.as_ref());
        let lines: Vec<_> = lines.map(|line| (line.state, line.answers.len(), line.proof.is_some())).collect();
        assert_eq!(lines, [(Some(FulfilState::Failed), 0, false), (Some(FulfilState::Done), 0, false)]);
        let own = shop.orders.own_view(&shop.main, order).await.expect("a view").desk.lines;
        assert_eq!(own[1].manual.as_ref().map(|line| (line.answers.len(), line.proof.is_some())), Some((1, true)));
        let of = RefundOf { reason: "it cannot be done".to_owned(), by: shop.boss };
        shop.orders.refund(&shop.scope, (order, Default::default()), of, "r").await.expect("refunded");
        assert_eq!(shown(FulfilState::Cancelled).await, [(0, false)]);
    }

    async fn cards_that_leave_the_stock_before_the_work_is_done_are_told_of(db) {
        let shop = Shop::open(&db).await;
        let (sku, channel, heard) = (shop.manual().await, shop.open_channel(0).await, Heard::default());
        let hears = async || {
            let runner = Runner::new(shop.store.clone(), "node", &Outbox::new()).handle(heard.clone());
            runner.run_once().await.expect("ran");
            let mut jobs = heard.0.lock().expect("nobody panicked");
            jobs.drain(..).map(|job| (job.orders, job.skus.contains(&shop.sku))).collect::<Vec<_>>()
        };
        let mixed = || vec![shop.service(sku, 1), shop.wants(1, 10_00).remove(0)];
        let order = shop.buys(mixed(), "key").await.expect("bought");
        assert_eq!(hears().await, [(vec![order], true)]);
        let placed = shop.order_on(&shop.orders, (0, channel), mixed(), shop.guest(1)).await.expect("placed");
        assert_eq!(hears().await, []);
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        assert_eq!(hears().await, [(vec![placed.order], true)]);
        let work = shop.buys(vec![shop.service(sku, 1), shop.service(sku, 1)], "work").await.expect("bought");
        shop.does(work, 1, OperatorId::new()).await;
        assert_eq!(hears().await, [], "no card has moved");
    }

    async fn the_desk_is_paged_and_knows_no_buyer(db) {
        let shop = Shop::open(&db).await;
        let (sku, channel) = (shop.manual().await, shop.open_channel(0).await);
        let mut placed = Vec::new();
        for n in 0..5u8 {
            let lines = vec![shop.service(sku, 1), shop.service(sku, 2)];
            let order = shop.order_on(&shop.orders, (0, channel), lines, shop.guest(n)).await.expect("placed");
            shop.receive(shop.money((0, channel), &order, &format!("T{n}"))).await;
            placed.extend([1, 2].map(|line| LineRef { order: order.order, line }));
        }
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = shop.orders.fulfilments(&shop.scope, FulfilState::Waiting, after, 3).await.expect("a page");
            let text = format!("{page:?}");
            assert!(!text.contains("guest-") && !text.contains("example.test"), "{text}");
            seen.extend(page.rows.iter().map(|row| row.at));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, placed);
        let stranger = db.tenant().await;
        let page = shop.orders.fulfilments(&stranger, FulfilState::Waiting, None, 50).await.expect("a page");
        assert!(page.rows.is_empty());
        let at = placed[0];
        let by = FulfilBy { operator: OperatorId::new(), key: "a" };
        let refused = shop.orders.fulfil(&stranger, at, FulfilAct::Take, by).await;
        assert!(matches!(refused, Err(OrderError::Fulfil(FulfilRefusal::NotFound))));
        assert_eq!(shop.orders.view(&shop.main, &visitor(0), at.order).await.expect("seen").0.order.states.payment, PaymentState::Paid);
    }

    async fn texts_of_operators_have_their_limits(db) {
        let shop = Shop::open(&db).await;
        let (sku, operator) = (shop.manual().await, OperatorId::new());
        let order = shop.buys(vec![shop.service(sku, 1)], "key").await.expect("bought");
        for act in [
            FulfilAct::Complete { proof: "  ".to_owned() },
            FulfilAct::Complete { proof: "x".repeat(2_001) },
            FulfilAct::Fail { reason: "x".repeat(501) },
        ] {
            let refused = shop.fulfil((order, 1), act, (operator, "a")).await;
            assert!(matches!(refused, Err(OrderError::Text { .. })), "{refused:?}");
        }
        assert!(matches!(shop.fulfil((order, 1), FulfilAct::Take, (operator, "")).await, Err(OrderError::Key)));
        for line in [0, 2] {
            let refused = shop.fulfil((order, line), FulfilAct::Take, (operator, "a")).await;
            assert!(matches!(refused, Err(OrderError::Fulfil(FulfilRefusal::NotFound))));
        }
        let cards = shop.buy(1, "cards").await.expect("bought").answer.order;
        let refused = shop.fulfil((cards, 1), FulfilAct::Take, (operator, "a")).await;
        assert!(matches!(refused, Err(OrderError::Fulfil(FulfilRefusal::NotFound))), "cards are nobody's work");
    }
}
