//! Buyers who ask for their money back.

use catalog::{Formula, RefundRule, Rounding};
use chrono::TimeDelta;
use identity::OperatorId;
use lane::Answered;
use ledger::AccountKind;
use testkit::on_both;

use super::desk::visitor;
use super::fixture::{Shop, cents};
use super::phone;
use crate::machine::PaymentState;
use crate::{
    ClaimDecided, ClaimId, ClaimRefusal, ClaimState, LinePart, LineWish, OrderError, OrderId, Proof, RefundRefusal,
    RefundTo, RefundWish, Verdict,
};

impl Shop {
    fn own(&self) -> Proof {
        Proof::account(self.customer)
    }

    async fn asks(&self, order: OrderId, proof: &Proof, key: &str) -> Result<ClaimId, OrderError> {
        self.asks_for(order, proof, (RefundWish::default(), key)).await
    }

    async fn asks_for(
        &self,
        order: OrderId,
        proof: &Proof,
        (wish, key): (RefundWish, &str),
    ) -> Result<ClaimId, OrderError> {
        let asked = self.orders.ask_back(&self.main, proof, (order, wish, " it does not work "), key).await?;
        Ok(asked.answer)
    }

    async fn says(&self, claim: ClaimId, verdict: Verdict, key: &str) -> Result<Answered<ClaimDecided>, OrderError> {
        self.orders.decide_claim(&self.scope, claim, verdict, (self.boss, key)).await
    }

    async fn sees_all(&self, order: OrderId) -> usize {
        let (_, shown) = self.orders.reveal(&self.main, (&self.own(), &phone()), order).await.expect("shown");
        shown[0].codes.len()
    }

    async fn claim_states(&self, order: OrderId) -> Vec<ClaimState> {
        let view = self.orders.desk_view(&self.scope, order).await.expect("a view");
        view.claims.iter().map(|claim| claim.state).collect()
    }

    /// What is bought from now on has this rule.
    async fn takes_back(&self, within_hours: u32, until_seen: bool) {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let rule = RefundRule { within_hours, until_seen };
        let goods = catalog::Catalog::new(self.store.clone())
            .goods_of_in(&tx, &[self.sku])
            .await
            .expect("read")
            .remove(&self.sku)
            .expect("goods");
        let draft = catalog::GoodsDraft {
            code: goods.code,
            category: goods.category,
            kind: goods.kind,
            fulfilment: goods.fulfilment,
            refunds: rule,
            site_levels: Vec::new(),
            state: goods.state,
            title: goods.title,
            description: goods.description,
            art: goods.art,
            sort: goods.sort,
        };
        catalog::Catalog::new(self.store.clone()).save_goods_in(&tx, &draft).await.expect("saved");
        tx.commit().await.expect("committed");
    }
}

fn piece(place: u32) -> RefundWish {
    RefundWish { lines: vec![LineWish { line: 1, part: LinePart::Pieces([place].into()) }], to: RefundTo::Source }
}

fn no() -> Verdict {
    Verdict::Reject { answer: "it was used".to_owned() }
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, OrderError>) -> ClaimRefusal {
    match answer {
        Err(OrderError::Claim(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

on_both! {
    async fn a_claim_is_approved_and_refunded_at_once(db) {
        let shop = Shop::open(&db).await;
        let order = shop.buy(3, "key").await.expect("bought").answer.order;
        let claim = shop.asks_for(order, &shop.own(), (piece(2), "a")).await.expect("asked");
        assert_eq!(shop.asks_for(order, &shop.own(), (piece(2), "a")).await.expect("the same"), claim);
        assert_eq!(refusal(shop.asks(order, &shop.own(), "b").await), ClaimRefusal::Waits);
        let waiting = shop.orders.claims(&shop.scope, ClaimState::Open, None, 50).await.expect("a list");
        assert_eq!((waiting.len(), waiting[0].id, waiting[0].reason.as_str()), (1, claim, "it does not work"));
        assert_eq!(shop.audit().await, Vec::<String>::new());
        let decided = shop.says(claim, Verdict::Approve, "yes").await.expect("decided").answer;
        let refund = decided.refund.expect("a refund");
        assert_eq!((decided.state, refund.number, refund.amount), (ClaimState::Approved, 1, cents(10_00)));
        assert!(shop.says(claim, Verdict::Approve, "yes").await.expect("the same").is_replay);
        assert_eq!(refusal(shop.says(claim, no(), "no").await), ClaimRefusal::State { state: ClaimState::Approved });
        let view = shop.orders.desk_view(&shop.scope, order).await.expect("a view");
        let told = (view.claims[0].returned, view.claims[0].decided_by, view.claims[0].asked_by.as_str());
        assert_eq!(told, (Some(1), Some(shop.boss), "buyer"));
        assert_eq!((view.order.states.payment, view.refunds[0].lines[0].pieces.as_slice()), (PaymentState::PartRefunded, &[2][..]));
        assert_eq!(shop.wallet().await, 1000_00 - 20_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_claim_is_rejected_with_an_answer_or_taken_back(db) {
        let shop = Shop::open(&db).await;
        let order = shop.buy(1, "key").await.expect("bought").answer.order;
        let first = shop.asks(order, &shop.own(), "a").await.expect("asked");
        let empty = shop.says(first, Verdict::Reject { answer: " ".to_owned() }, "n").await;
        assert!(matches!(empty, Err(OrderError::Text { .. })), "{empty:?}");
        assert_eq!(shop.says(first, no(), "no").await.expect("decided").answer.refund, None);
        let (view, _) = shop.orders.view(&shop.main, &shop.own(), order).await.expect("seen");
        assert_eq!(view.claims[0].answer.as_deref(), Some("it was used"));
        let second = shop.asks(order, &shop.own(), "b").await.expect("asked once more");
        shop.orders.withdraw_claim(&shop.main, &shop.own(), (order, second)).await.expect("taken back");
        shop.orders.withdraw_claim(&shop.main, &shop.own(), (order, second)).await.expect("once more is the same");
        let late = shop.says(second, Verdict::Approve, "late").await;
        assert_eq!(refusal(late), ClaimRefusal::State { state: ClaimState::Withdrawn });
        assert_eq!(shop.claim_states(order).await, [ClaimState::Rejected, ClaimState::Withdrawn]);
        assert_eq!((shop.wallet().await, refusal(shop.says(ClaimId::new(), no(), "x").await)), (990_00, ClaimRefusal::NotFound));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn what_is_refunded_whole_is_asked_for_no_more(db) {
        let shop = Shop::open(&db).await;
        let order = shop.buy(2, "key").await.expect("bought").answer.order;
        shop.asks_for(order, &shop.own(), (piece(1), "a")).await.expect("asked");
        shop.refund(order, "r").await.expect("refunded");
        assert_eq!(shop.claim_states(order).await, [ClaimState::Approved]);
        let late = shop.asks(order, &shop.own(), "b").await;
        assert_eq!(refusal(late), ClaimRefusal::Refund { refusal: RefundRefusal::Refunded });
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn each_line_has_its_window(db) {
        let shop = Shop::open(&db).await;
        shop.takes_back(2, true).await;
        let seen = shop.buy(1, "seen").await.expect("bought").answer.order;
        let unseen = shop.buy(1, "unseen").await.expect("bought").answer.order;
        shop.takes_back(0, false).await;
        let never = shop.buy(1, "never").await.expect("bought").answer.order;
        shop.orders.reveal(&shop.main, (&shop.own(), &phone()), seen).await.expect("shown");
        assert_eq!(refusal(shop.asks(seen, &shop.own(), "a").await), ClaimRefusal::Seen { line: 1 });
        assert_eq!(refusal(shop.asks(never, &shop.own(), "a").await), ClaimRefusal::Never { line: 1 });
        db.clock.advance(TimeDelta::hours(2));
        let claim = shop.asks(unseen, &shop.own(), "a").await.expect("just in time");
        shop.orders.withdraw_claim(&shop.main, &shop.own(), (unseen, claim)).await.expect("taken back");
        db.clock.advance(TimeDelta::seconds(1));
        assert!(matches!(refusal(shop.asks(unseen, &shop.own(), "b").await), ClaimRefusal::Late { line: 1, .. }));
        // What a person has still to do may always be asked back, whatever the cards beside it.
        let sku = shop.manual().await;
        let order = shop.buys(vec![shop.wants(1, 10_00).remove(0), shop.service(sku, 1)], "both").await.expect("bought");
        assert_eq!(refusal(shop.asks(order, &shop.own(), "c").await), ClaimRefusal::Never { line: 1 });
        let second = RefundWish { lines: vec![LineWish { line: 2, part: LinePart::Rest }], to: RefundTo::Source };
        shop.asks_for(order, &shop.own(), (second, "d")).await.expect("not begun");
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn who_looks_after_asking_and_who_has_had_a_part_is_not_given_it_by_the_claim(db) {
        let shop = Shop::open(&db).await;
        shop.takes_back(24, true).await;
        let order = shop.buy(3, "key").await.expect("bought").answer.order;
        let claim = shop.asks(order, &shop.own(), "a").await.expect("unseen");
        shop.orders.reveal(&shop.main, (&shop.own(), &phone()), order).await.expect("shown");
        assert_eq!(refusal(shop.says(claim, Verdict::Approve, "y").await), ClaimRefusal::Seen { line: 1 });
        shop.says(claim, no(), "n").await.expect("refused");
        shop.takes_back(24, false).await;
        let order = shop.buy(3, "two").await.expect("bought").answer.order;
        let claim = shop.asks_for(order, &shop.own(), (piece(2), "a")).await.expect("asked");
        let part = vec![(1, LinePart::Amount(cents(25_00)))];
        shop.gives_back(order, part, (RefundTo::Source, "part")).await.expect("by hand");
        // 5.00 are left: for the one code the two others would be void.
        assert_eq!(refusal(shop.says(claim, Verdict::Approve, "y").await), ClaimRefusal::Changed { line: 1 });
        assert_eq!(shop.sees_all(order).await, 3);
        // What he asks for is given by hand: the claim is at its end.
        let order = shop.buy(2, "three").await.expect("bought").answer.order;
        shop.asks_for(order, &shop.own(), (piece(2), "a")).await.expect("asked");
        let one = vec![(1, LinePart::Pieces([2].into()))];
        shop.gives_back(order, one, (RefundTo::Source, "one")).await.expect("by hand");
        assert_eq!(shop.claim_states(order).await, [ClaimState::Approved]);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_wallet_that_is_wished_is_filled(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let buyer = crate::Buyer { customer: Some(shop.customer), ..shop.guest(1) };
        let placed = shop.order_on(&shop.orders, (0, channel), shop.wants(1, 10_00), buyer).await.expect("placed");
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        let wish = RefundWish { lines: Vec::new(), to: RefundTo::Wallet };
        let claim = shop.asks_for(placed.order, &shop.own(), (wish, "a")).await.expect("asked");
        let decided = shop.says(claim, Verdict::Approve, "y").await.expect("decided").answer;
        assert_eq!((decided.refund.expect("a refund").refund, shop.wallet().await), (None, 1010_00));
        let (view, _) = shop.orders.view(&shop.main, &shop.own(), placed.order).await.expect("seen");
        assert_eq!((view.claims[0].state, view.claims[0].decided_by), (ClaimState::Approved, None));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn only_the_buyer_asks_and_only_for_what_there_is(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let placed = shop.order((0, channel), (1, 10_00), 1).await.expect("placed");
        let order = placed.order;
        let unpaid = ClaimRefusal::Refund { refusal: RefundRefusal::NotPaid };
        assert_eq!(refusal(shop.asks(order, &visitor(1), "a").await), unpaid);
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        for nobody in [visitor(2), shop.own(), Proof::default()] {
            assert!(matches!(shop.asks(order, &nobody, "b").await, Err(OrderError::NotFound)));
        }
        let link = Proof { link: placed.due.as_ref().and_then(|due| crate::LinkToken::parse(&due.link)), ..Proof::default() };
        assert!(matches!(shop.asks(order, &link, "b").await, Err(OrderError::NotFound)), "the page alone is not enough");
        let money = RefundWish { lines: vec![LineWish { line: 1, part: LinePart::Amount(cents(1_00)) }], to: RefundTo::Source };
        assert_eq!(refusal(shop.asks_for(order, &visitor(1), (money, "c")).await), ClaimRefusal::NoAmount);
        let gone = ClaimRefusal::Refund { refusal: RefundRefusal::Piece { line: 1, piece: 2 } };
        assert_eq!(refusal(shop.asks_for(order, &visitor(1), (piece(2), "d")).await), gone);
        let wallet = RefundWish { lines: Vec::new(), to: RefundTo::Wallet };
        let none = ClaimRefusal::Refund { refusal: RefundRefusal::NoWallet };
        assert_eq!(refusal(shop.asks_for(order, &visitor(1), (wallet, "e")).await), none);
        let claim = shop.asks(order, &visitor(1), "f").await.expect("asked");
        // Another one does not take it back.
        let other = shop.orders.withdraw_claim(&shop.main, &visitor(2), (order, claim)).await;
        assert!(matches!(other, Err(OrderError::NotFound)), "{other:?}");
        let elsewhere = shop.buy(1, "key").await.expect("bought").answer.order;
        let wrong = shop.orders.withdraw_claim(&shop.main, &shop.own(), (elsewhere, claim)).await;
        assert_eq!(refusal(wrong), ClaimRefusal::NotFound);
        // That spoils nothing: he may still take it back, and ask again.
        shop.orders.withdraw_claim(&shop.main, &visitor(1), (order, claim)).await.expect("taken back");
        let claim = shop.asks(order, &visitor(1), "g").await.expect("asked again");
        let decided = shop.says(claim, Verdict::Approve, "yes").await.expect("decided").answer;
        assert!(decided.refund.expect("a refund").refund.is_some(), "it goes the way it came");
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn two_operators_and_two_hundred_buyers_at_once(db) {
        let shop = Shop::open(&db).await;
        shop.everybody_earns().await;
        shop.rule(2, true, Formula::Markup { amount: cents(2_00) }, Rounding::None).await;
        let order = shop.buy(2, "key").await.expect("bought").answer.order;
        let asks = (0..200).map(async |number| shop.asks(order, &shop.own(), &format!("k{number}")).await);
        let asked: Vec<ClaimId> = futures::future::join_all(asks).await.into_iter().filter_map(Result::ok).collect();
        assert_eq!(asked.len(), 1, "one of them waits");
        let decide = async |number: usize| {
            let verdict = if number.is_multiple_of(2) { Verdict::Approve } else { no() };
            let by = (OperatorId::new(), "key");
            shop.orders.decide_claim(&shop.scope, asked[0], verdict, by).await
        };
        let decided = futures::future::join_all((0..200).map(decide)).await;
        let said: Vec<ClaimState> = decided.into_iter().filter_map(|one| Some(one.ok()?.answer.state)).collect();
        assert_eq!(said.len(), 1);
        let back = if said[0] == ClaimState::Approved { 20_00 } else { 0 };
        assert_eq!(shop.wallet().await, 1000_00 - 20_00 + back);
        assert_eq!(shop.balance_of(AccountKind::Revenue, None).await, 20_00 - back);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }
}
