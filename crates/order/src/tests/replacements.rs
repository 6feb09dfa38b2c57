//! Codes that do not work, and the new ones in their places.

use chrono::TimeDelta;
use futures::future::join_all;
use identity::OperatorId;
use inventory::StockCount;
use lane::{Answered, LaneError};
use ledger::{AccountKind, EntryKind, entries_of_in};
use testkit::{TestDb, on_both};

use super::desk::visitor;
use super::fixture::{Shop, cents};
use super::phone;
use crate::machine::OrderEvent;
use crate::{
    ClaimState, LinePart, LineWish, OrderError, OrderId, Orders, Proof, RefundTo, RefundWish, ReplaceOf,
    ReplaceRefusal, ReplaceWish, Replaced, Verdict,
};

impl Shop {
    /// Cards of the first line are replaced.
    async fn replaces(&self, order: OrderId, pieces: &[u32], key: &str) -> Result<Answered<Vec<Replaced>>, OrderError> {
        self.replaces_on(&self.orders, (order, 1), pieces, key).await
    }

    async fn replaces_on(
        &self,
        orders: &Orders,
        (order, line): (OrderId, i32),
        pieces: &[u32],
        key: &str,
    ) -> Result<Answered<Vec<Replaced>>, OrderError> {
        let wish = ReplaceWish { line, pieces: pieces.iter().copied().collect() };
        let of = ReplaceOf { reason: "it does not work".to_owned(), by: self.boss };
        orders.replace_codes(&self.scope, (order, wish), of, key).await
    }

    /// Each code that the buyer sees, with its place.
    async fn codes(&self, order: OrderId, proof: &Proof) -> Vec<(u32, String)> {
        let (_, revealed) = self.orders.reveal(&self.main, (proof, &phone()), order).await.expect("shown");
        let codes = revealed.iter().flat_map(|line| &line.codes);
        codes.map(|(place, code)| (*place, code.reveal().to_owned())).collect()
    }

    /// What goods have cost that are gone, and what those cost that are in stock.
    async fn gone_and_left(&self) -> (i64, i64) {
        let cost = -self.balance_of(AccountKind::CostOfGoods, None).await;
        (cost, -self.balance_of(AccountKind::StockAtCost, None).await)
    }

    /// How many entries say that a card of the order was replaced.
    async fn posted_replacements(&self, order: OrderId) -> usize {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        let entries = entries_of_in(&tx, order.uuid()).await.expect("entries");
        entries.iter().filter(|entry| entry.kind() == EntryKind::CodeReplaced).count()
    }
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, OrderError>) -> ReplaceRefusal {
    match answer {
        Err(OrderError::Replace(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn numbered(codes: &[(u32, &str)]) -> Vec<(u32, String)> {
    codes.iter().map(|(place, code)| (*place, (*code).to_owned())).collect()
}

/// Rows that are only added: on SQLite triggers keep them.
async fn lift_triggers(db: &TestDb) {
    if db.backend == store::Backend::Sqlite {
        for act in ["update", "delete"] {
            let drop = format!("DROP TRIGGER order_replacements_no_{act}");
            db.tamper(&drop).await.expect("an intruder owns the file");
        }
    }
}

on_both! {
    async fn a_code_that_does_not_work_gives_its_place_to_a_new_one(db) {
        let shop = Shop::open(&db).await;
        let (order, own) = (shop.buy(3, "key").await.expect("bought").answer.order, Proof::account(shop.customer));
        let asked = shop.replaces(order, &[2], "a").await.expect("replaced");
        assert_eq!((asked.answer, asked.is_replay), (vec![Replaced { number: 1, piece: 2 }], false));
        assert_eq!(shop.stock().await, StockCount { available: 56, sold: 3, void: 1, ..StockCount::default() });
        // The new one stands in its place, though it came to the stock last.
        assert_eq!(shop.codes(order, &own).await, numbered(&[(1, "CODE-0"), (2, "CODE-3"), (3, "CODE-2")]));
        assert_eq!(shop.gone_and_left().await, (4 * 7_00, 56 * 7_00));
        assert_eq!((shop.wallet().await, shop.balance_of(AccountKind::Revenue, None).await), (970_00, 30_00));
        shop.is_sound().await;
        let again = shop.replaces(order, &[2], "a").await.expect("the same");
        assert_eq!((again.answer, again.is_replay), (vec![Replaced { number: 1, piece: 2 }], true));
        let other = shop.replaces(order, &[3], "a").await;
        assert!(matches!(other, Err(OrderError::Lane(LaneError::KeyReused { .. }))), "{other:?}");
        assert_eq!(shop.stock().await.void, 1);
        // Another key is another wish: the new one does not work, either.
        let more = shop.replaces(order, &[1, 2], "b").await.expect("replaced").answer;
        assert_eq!(more, [Replaced { number: 2, piece: 1 }, Replaced { number: 3, piece: 2 }]);
        assert_eq!(shop.stock().await, StockCount { available: 54, sold: 3, void: 3, ..StockCount::default() });
        assert_eq!(shop.codes(order, &own).await, numbered(&[(1, "CODE-4"), (2, "CODE-5"), (3, "CODE-2")]));
        assert_eq!((shop.posted_replacements(order).await, shop.gone_and_left().await.0), (3, 6 * 7_00));
        shop.is_sound().await;
        let events = shop.events_of(order).await;
        assert_eq!(events[events.len() - 2..], [OrderEvent::CodesReplaced, OrderEvent::CodesReplaced]);
        let tx = shop.store.read(&shop.main).await.expect("a reader");
        assert_eq!(shop.orders.reveals_in(&tx, order).await.expect("counted"), 2, "each look is logged");
    }

    async fn buyer_site_and_operator_each_see_their_part_of_it(db) {
        let shop = Shop::open(&db).await;
        shop.everybody_earns().await;
        let order = shop.buy_at(2, shop.wants(2, 20_00), "key").await.expect("bought").answer.order;
        let site = shop.scope.site(shop.sites[2]);
        let own = Proof::account(shop.customer);
        let earned = shop.balance_of(AccountKind::SitePending, Some(shop.sites[2].uuid())).await;
        shop.replaces(order, &[2], "a").await.expect("replaced");
        let (view, _) = shop.orders.view(&site, &own, order).await.expect("seen");
        assert_eq!(view.replacements.iter().map(|one| (one.line, one.piece)).collect::<Vec<_>>(), [(1, 2)]);
        let desk = shop.orders.desk_view(&shop.scope, order).await.expect("a view").replacements;
        assert_eq!((desk[0].number, desk[0].reason.as_deref(), desk[0].by), (1, Some("it does not work"), Some(shop.boss)));
        assert_eq!(desk[0].at, view.replacements[0].at);
        let theirs = shop.orders.own_view(&site, order).await.expect("a view").desk;
        assert_eq!((theirs.replacements[0].piece, &theirs.replacements[0].reason, theirs.replacements[0].by), (2, &None, None));
        assert!(theirs.events.iter().all(|event| !event.actor.starts_with("opr_")));
        // Nobody earns more or less by it.
        assert_eq!(shop.balance_of(AccountKind::SitePending, Some(shop.sites[2].uuid())).await, earned);
        shop.is_sound().await;
    }

    async fn what_was_replaced_goes_back_like_any_other(db) {
        let shop = Shop::open(&db).await;
        shop.everybody_earns().await;
        let order = shop.buy_at(2, shop.wants(3, 20_00), "key").await.expect("bought").answer.order;
        let (site, own) = (shop.scope.site(shop.sites[2]), Proof::account(shop.customer));
        shop.replaces(order, &[2], "a").await.expect("replaced");
        let piece = vec![(1, LinePart::Pieces([2].into()))];
        shop.gives_back(order, piece, (RefundTo::Source, "b")).await.expect("the new one");
        assert_eq!(shop.stock().await, StockCount { available: 56, sold: 2, void: 2, ..StockCount::default() });
        let (view, revealed) = shop.orders.reveal(&site, (&own, &phone()), order).await.expect("shown");
        let codes: Vec<(u32, &str)> = revealed[0].codes.iter().map(|(place, code)| (*place, code.reveal())).collect();
        assert_eq!((codes, view.lines[0].void.clone()), (vec![(1, "CODE-0"), (3, "CODE-2")], [2].into()));
        let desk = shop.orders.desk_view(&shop.scope, order).await.expect("a view");
        assert_eq!(desk.refunds[0].lines[0].pieces, [2]);
        assert_eq!(refusal(shop.replaces(order, &[2], "c").await), ReplaceRefusal::Piece { line: 1, piece: 2 });
        shop.is_sound().await;
        // One of the others is replaced after a part went back, and then all the rest goes.
        shop.replaces(order, &[3], "d").await.expect("replaced");
        shop.is_sound().await;
        shop.refund(order, "e").await.expect("the rest");
        assert_eq!((shop.wallet().await, shop.balance_of(AccountKind::Revenue, None).await), (1000_00, 0));
        assert_eq!(shop.stock().await, StockCount { available: 55, void: 5, ..StockCount::default() });
        assert_eq!(shop.gone_and_left().await, (5 * 7_00, 55 * 7_00));
        assert_eq!(refusal(shop.replaces(order, &[1], "f").await), ReplaceRefusal::Refunded { line: 1 });
        shop.is_sound().await;
    }

    async fn a_claim_that_waits_is_for_what_is_in_the_place_by_then(db) {
        let shop = Shop::open(&db).await;
        let (order, own) = (shop.buy(2, "key").await.expect("bought").answer.order, Proof::account(shop.customer));
        let lines = vec![LineWish { line: 1, part: LinePart::Pieces([2].into()) }];
        let wish = RefundWish { lines, to: RefundTo::Source };
        let claim = shop.orders.ask_back(&shop.main, &own, (order, wish, "no"), "ask").await.expect("asked").answer;
        shop.replaces(order, &[2], "a").await.expect("replaced");
        shop.is_sound().await;
        let decided = shop.orders.decide_claim(&shop.scope, claim, Verdict::Approve, (shop.boss, "b")).await;
        assert_eq!(decided.expect("approved").answer.state, ClaimState::Approved);
        assert_eq!(shop.codes(order, &own).await, numbered(&[(1, "CODE-0")]));
        assert_eq!((shop.stock().await.void, shop.wallet().await), (2, 990_00));
        shop.is_sound().await;
    }

    async fn a_new_code_leaves_the_stock_for_its_own_cost(db) {
        let shop = Shop::open_with(&db, 1).await;
        let order = shop.buy(1, "key").await.expect("bought").answer.order;
        shop.import_at(9_00, &["DEAR"], None).await;
        shop.import_at(0, &["GIFT"], None).await;
        shop.replaces(order, &[1], "a").await.expect("replaced");
        assert_eq!(shop.gone_and_left().await, (16_00, 0));
        shop.is_sound().await;
        // What cost nothing needs no entry.
        shop.replaces(order, &[1], "b").await.expect("replaced");
        assert_eq!((shop.gone_and_left().await, shop.posted_replacements(order).await), ((16_00, 0), 1));
        assert_eq!(shop.codes(order, &Proof::account(shop.customer)).await, numbered(&[(1, "GIFT")]));
        shop.is_sound().await;
    }

    async fn only_good_cards_of_a_delivered_line_are_replaced(db) {
        let shop = Shop::open(&db).await;
        let sku = shop.manual().await;
        let order = shop.buys(vec![shop.wants(2, 10_00).remove(0), shop.service(sku, 1)], "key").await.expect("bought");
        let line = |line: i32, key: &'static str| shop.replaces_on(&shop.orders, (order, line), &[1], key);
        assert_eq!(refusal(line(2, "a").await), ReplaceRefusal::NotDelivered { line: 2 });
        shop.does(order, 2, shop.boss).await;
        assert_eq!(refusal(line(2, "b").await), ReplaceRefusal::Piece { line: 2, piece: 1 });
        assert_eq!(refusal(line(3, "c").await), ReplaceRefusal::NoLine { line: 3 });
        assert_eq!(refusal(shop.replaces(OrderId::new(), &[1], "d").await), ReplaceRefusal::NotFound);
        assert_eq!(refusal(shop.replaces(order, &[], "e").await), ReplaceRefusal::Piece { line: 1, piece: 0 });
        assert_eq!(refusal(shop.replaces(order, &[2, 3], "f").await), ReplaceRefusal::Piece { line: 1, piece: 3 });
        let none = ReplaceOf { reason: "  ".to_owned(), by: shop.boss };
        let wish = ReplaceWish { line: 1, pieces: [1].into() };
        let untold = shop.orders.replace_codes(&shop.scope, (order, wish), none, "g").await;
        assert!(matches!(untold, Err(OrderError::Text { what: "reason", .. })), "{untold:?}");
        let channel = shop.open_channel(0).await;
        let waits = shop.order((0, channel), (1, 10_00), 1).await.expect("placed").order;
        assert_eq!(refusal(shop.replaces(waits, &[1], "h").await), ReplaceRefusal::NotDelivered { line: 1 });
        assert_eq!(shop.stock().await.void, 0);
        shop.is_sound().await;
    }

    async fn what_everybody_gets_is_not_replaced(db) {
        let shop = Shop::open_with(&db, 0).await;
        shop.import_shared(&["SHARED"]).await;
        let order = shop.buy(2, "key").await.expect("bought").answer.order;
        assert_eq!(refusal(shop.replaces(order, &[1], "a").await), ReplaceRefusal::Shared { line: 1 });
        shop.is_sound().await;
    }

    async fn short_stock_replaces_all_or_nothing(db) {
        let shop = Shop::open_with(&db, 4).await;
        let order = shop.buy(2, "key").await.expect("bought").answer.order;
        let channel = shop.open_channel(0).await;
        shop.order((0, channel), (1, 10_00), 1).await.expect("held");
        let short = ReplaceRefusal::OutOfStock { sku: shop.sku, available: 1, wanted: 2 };
        assert_eq!(refusal(shop.replaces(order, &[1, 2], "a").await), short);
        assert_eq!(shop.stock().await, StockCount { available: 1, held: 1, sold: 2, ..StockCount::default() });
        assert_eq!((shop.posted_replacements(order).await, shop.events_of(order).await.len()), (0, 2));
        shop.is_sound().await;
        // The time of the one that is held is over: it is free for whoever needs it.
        db.clock.advance(TimeDelta::minutes(16));
        shop.replaces(order, &[1, 2], "b").await.expect("replaced");
        assert_eq!(shop.stock().await, StockCount { sold: 2, void: 2, ..StockCount::default() });
        let codes = shop.codes(order, &Proof::account(shop.customer)).await;
        assert_eq!(codes.len(), 2);
        assert!(codes.iter().all(|(_, code)| ["CODE-2", "CODE-3"].contains(&code.as_str())), "{codes:?}");
        shop.is_sound().await;
    }

    async fn the_same_request_at_once_has_one_effect(db) {
        let shop = Shop::open(&db).await;
        let order = shop.buy(1, "key").await.expect("bought").answer.order;
        let other = shop.second_node();
        let node = |n: usize| if n.is_multiple_of(2) { &shop.orders } else { &other };
        let same = join_all((0..10).map(|n| shop.replaces_on(node(n), (order, 1), &[1], "same"))).await;
        for answer in same {
            assert_eq!(answer.expect("answered").answer, [Replaced { number: 1, piece: 1 }]);
        }
        assert_eq!(shop.stock().await, StockCount { available: 58, sold: 1, void: 1, ..StockCount::default() });
        // Ten wishes are ten replacements, one after another.
        let keys: Vec<String> = (0..10).map(|n| format!("k{n}")).collect();
        let each = keys.iter().enumerate().map(|(n, key)| shop.replaces_on(node(n), (order, 1), &[1], key));
        let mut numbers: Vec<i32> = join_all(each).await.into_iter().map(|one| one.expect("replaced").answer[0].number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (2..=11).collect::<Vec<i32>>());
        assert_eq!(shop.stock().await, StockCount { available: 48, sold: 1, void: 11, ..StockCount::default() });
        shop.is_sound().await;
    }

    async fn an_order_of_a_sites_own_channel_gets_new_codes_too(db) {
        let shop = Shop::open(&db).await;
        shop.everybody_earns().await;
        shop.fund_prepaid(2, 100_00).await;
        let channel = shop.open_channel(2).await;
        let placed = shop.order((2, channel), (2, 20_00), 1).await.expect("placed");
        let order = placed.order;
        shop.receive(shop.money((2, channel), &placed, "T1")).await;
        let before = shop.prepaid(2).await;
        shop.replaces(order, &[1], "a").await.expect("replaced");
        assert_eq!(shop.prepaid(2).await, before);
        shop.is_sound().await;
        let site = shop.scope.site(shop.sites[2]);
        let (_, revealed) = shop.orders.reveal(&site, (&visitor(1), &phone()), order).await.expect("shown");
        assert_eq!(revealed[0].codes[0].1.reveal(), "CODE-2");
        shop.gives_back(order, vec![(1, LinePart::Pieces([1].into()))], (RefundTo::Source, "b")).await.expect("asked");
        assert_eq!(shop.stock().await, StockCount { available: 57, sold: 1, void: 2, ..StockCount::default() });
        shop.is_sound().await;
    }

    async fn the_audit_names_replacements_that_are_not_what_they_say(db) {
        let shop = Shop::open(&db).await;
        let order = shop.buy(3, "key").await.expect("bought").answer.order;
        shop.replaces(order, &[2], "a").await.expect("replaced");
        shop.replaces(order, &[2], "b").await.expect("replaced");
        shop.is_sound().await;
        lift_triggers(&db).await;
        for (broken, mended, said) in [
            ("cost_minor = cost_minor + 1 WHERE number = 1", "cost_minor = cost_minor - 1 WHERE number = 1", "says that its card cost 701"),
            ("cost_minor = cost_minor + 1 WHERE number = 1", "cost_minor = cost_minor - 1 WHERE number = 1", "16 the ledger"),
            ("piece = 3 WHERE number = 1", "piece = 2 WHERE number = 1", "did not take place 3"),
            ("number = 3 WHERE number = 2", "number = 2 WHERE number = 3", "not what its history says"),
            ("line_no = 2", "line_no = 1", "belongs to line 2"),
        ] {
            db.tamper(&format!("UPDATE order_replacements SET {broken}")).await.expect("tampered");
            let found = shop.audit().await;
            assert!(found.iter().any(|finding| finding.contains(said)), "{broken}: {found:?}");
            db.tamper(&format!("UPDATE order_replacements SET {mended}")).await.expect("mended");
            shop.is_sound().await;
        }
        // Another card is said to be the old one, and then nothing is said at all.
        let free = "(SELECT id FROM cards WHERE state = 'available' ORDER BY id LIMIT 1)";
        db.tamper(&format!("UPDATE order_replacements SET old_card_id = {free} WHERE number = 1")).await.expect("tampered");
        let found = shop.audit().await;
        assert!(found.iter().any(|finding| finding.contains("and not void there")), "{found:?}");
        assert!(found.iter().any(|finding| finding.contains("which does not have it")), "{found:?}");
        db.tamper("DELETE FROM order_replacements").await.expect("tampered");
        let found = shop.audit().await;
        for said in ["which does not have it", "not what its history says", "16 the ledger"] {
            assert!(found.iter().any(|finding| finding.contains(said)), "{said}: {found:?}");
        }
    }

    async fn another_operators_key_is_his_own(db) {
        let shop = Shop::open(&db).await;
        let order = shop.buy(1, "key").await.expect("bought").answer.order;
        shop.replaces(order, &[1], "a").await.expect("replaced");
        let of = ReplaceOf { reason: "again".to_owned(), by: OperatorId::new() };
        let wish = ReplaceWish { line: 1, pieces: [1].into() };
        let second = shop.orders.replace_codes(&shop.scope, (order, wish), of, "a").await.expect("replaced");
        assert_eq!((second.answer[0].number, second.is_replay), (2, false));
        assert_eq!(shop.wallet().await, 1000_00 - cents(10_00).minor());
        shop.is_sound().await;
    }
}
