mod agents;
mod audit;
mod bonuses;
mod by_heart;
mod channel;
mod claims;
mod cost;
mod desk;
mod fixture;
mod fresh;
mod gate;
mod laws;
mod lookup;
mod money;
mod office;
mod refunds;
mod replacements;
mod returns;
mod settled;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use catalog::{Formula, Rounding};
use kernel::Rate;
use ledger::{AccountKind, entries_of_in};
use proptest::prelude::*;
use settlement::Term;
use settlement::rules::Payday;
use testkit::on_both;

use crate::sale::{self, Collection};
use crate::{OrderError, Proof, Refusal};
use fixture::{Shop, cents};

on_both! {
    async fn a_customer_buys_and_reads_the_code(db) {
        let shop = Shop::open(&db).await;
        let placed = shop.buy(2, "key").await.expect("bought").answer;
        let (view, revealed) = shop.orders.reveal(&shop.main, (&Proof::account(shop.customer), &phone()), placed.order).await.expect("revealed");
        let codes: Vec<&str> = revealed[0].codes.iter().map(|(_, code)| code.reveal()).collect();
        assert_eq!(codes, ["CODE-0", "CODE-1"]);
        assert_eq!((view.order.total, view.lines[0].quantity), (cents(20_00), 2));
        assert_eq!(shop.wallet().await, 1000_00 - 20_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn every_view_of_a_code_is_logged(db) {
        let shop = Shop::open(&db).await;
        let order = shop.buy(1, "key").await.expect("bought").answer.order;
        for seen in 1..=2 {
            shop.orders.reveal(&shop.main, (&Proof::account(shop.customer), &phone()), order).await.expect("revealed");
            let tx = db.store.read(&shop.main).await.expect("a reader");
            assert_eq!(shop.orders.reveals_in(&tx, order).await.expect("counted"), seen);
        }
    }

    async fn the_same_key_is_the_same_order(db) {
        let shop = Shop::open(&db).await;
        let twins = (0..20).map(|_| shop.buy(1, "twin"));
        let answers = futures::future::join_all(twins).await;
        let orders: std::collections::HashSet<_> =
            answers.into_iter().map(|answer| answer.expect("bought").answer.order).collect();
        assert_eq!((orders.len(), shop.wallet().await), (1, 1000_00 - 10_00));
    }

    async fn sixty_four_buyers_of_fifty_codes_get_fifty_in_each_of_twenty_rounds(db) {
        let shop = Shop::open_with(&db, 0).await;
        shop.fund_wallet(20_000_00).await;
        let mut codes = std::collections::HashSet::new();
        for round in 0..20 {
            // One account buys for all of them, and is allowed two hundred a day.
            db.clock.advance(chrono::TimeDelta::days(1));
            shop.restock(50, round).await;
            let keys: Vec<String> = (0..64).map(|n| format!("{round}-{n}")).collect();
            let answers = futures::future::join_all(keys.iter().map(|key| shop.buy(1, key))).await;
            let sold = answers.iter().filter(|answer| answer.is_ok()).count();
            let clean = answers.iter().filter(|answer| {
                matches!(answer, Err(OrderError::Refused(Refusal::OutOfStock { available: 0, wanted: 1, .. })))
            });
            assert_eq!((sold, clean.count()), (50, 14), "round {round}");
            for answer in answers.iter().flatten() {
                let proof = Proof::account(shop.customer);
                let revealed = shop.orders.reveal(&shop.main, (&proof, &phone()), answer.answer.order).await;
                let (_, revealed) = revealed.expect("revealed");
                assert!(codes.insert(revealed[0].codes[0].1.reveal().to_owned()), "a code was sold twice");
            }
        }
        assert_eq!((codes.len(), shop.wallet().await), (1000, 21_000_00 - 1000 * 10_00));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn buyers_at_once_take_what_has_expired_exactly_once(db) {
        let shop = Shop::open_with(&db, 40).await;
        let (channel, other) = (shop.open_channel(0).await, shop.second_node());
        for visitor in 0..40 {
            shop.order((0, channel), (1, 10_00), visitor).await.expect("held");
        }
        db.clock.advance(chrono::TimeDelta::minutes(15));
        // Two nodes, and the sweeper in between: all of them want the same forty pieces.
        let buy = |n: usize, key: String| {
            let orders = if n.is_multiple_of(2) { &shop.orders } else { &other };
            let shop = &shop;
            async move { shop.buy_on(orders, &shop.main, shop.chain_of_main(), shop.wants(1, 10_00), &key).await.is_ok() }
        };
        let buyers = (0..60).map(|n| buy(n, format!("first-{n}")));
        let (sold, swept) = tokio::join!(futures::future::join_all(buyers), shop.orders.sweep(&shop.scope));
        swept.expect("swept");
        let mut sold = sold.into_iter().filter(|is_sold| *is_sold).count();
        // An order that another node was just ending counted as held a moment ago; nothing is lost by that.
        let left = 40 - sold;
        for n in 0..left {
            db.clock.advance(chrono::TimeDelta::seconds(1));
            sold += usize::from(buy(n, format!("second-{n}")).await);
        }
        assert_eq!(sold, 40);
        let stock = shop.stock().await;
        assert_eq!((stock.available, stock.held, stock.sold), (0, 0, 40));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn two_nodes_sell_each_code_once(db) {
        let shop = Shop::open_with(&db, 40).await;
        let other = shop.second_node();
        let keys: Vec<String> = (0..60).map(|n| n.to_string()).collect();
        let answers = futures::future::join_all(keys.iter().enumerate().map(|(n, key)| {
            let orders = if n % 2 == 0 { &shop.orders } else { &other };
            shop.buy_on(orders, &shop.main, shop.chain_of_main(), shop.wants(1, 10_00), key)
        }))
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 40);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_poor_buyer_is_refused_and_keeps_his_money(db) {
        let shop = Shop::open_with(&db, 200).await;
        let refused = shop.buy(101, "key").await.expect_err("101 cost 1010.00");
        let wanted = Refusal::InsufficientFunds { available: cents(1000_00), wanted: cents(1010_00) };
        assert!(matches!(refused, OrderError::Refused(refusal) if refusal == wanted));
        assert_eq!(shop.wallet().await, 1000_00);
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_price_that_rose_asks_again_and_one_that_fell_is_charged(db) {
        let shop = Shop::open(&db).await;
        let buy = |unit, key| shop.buy_on(&shop.orders, &shop.main, shop.chain_of_main(), shop.wants(1, unit), key);
        let refused = buy(9_99, "dear").await.expect_err("the price is 10.00");
        assert!(matches!(
            refused,
            OrderError::Refused(Refusal::PriceChanged { seen, now, .. }) if (seen, now) == (cents(9_99), cents(10_00))
        ));
        assert_eq!(buy(11_00, "cheap").await.expect("bought").answer.total, cents(10_00));
        assert_eq!(shop.wallet().await, 990_00);
    }

    async fn lines_of_one_sku_are_counted_together(db) {
        let shop = Shop::open_with(&db, 3).await;
        let mut lines = shop.wants(2, 10_00);
        lines.extend(shop.wants(2, 10_00));
        let refused = shop.buy_on(&shop.orders, &shop.main, shop.chain_of_main(), lines, "key").await;
        assert!(matches!(
            refused,
            Err(OrderError::Refused(Refusal::OutOfStock { available: 3, wanted: 4, .. }))
        ));
        let mut lines = shop.wants(2, 10_00);
        lines.extend(shop.wants(1, 10_00));
        let bought = shop.buy_on(&shop.orders, &shop.main, shop.chain_of_main(), lines, "other").await;
        assert_eq!(bought.expect("bought").answer.total, cents(30_00));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn impossible_wishes_get_a_clear_answer(db) {
        let shop = Shop::open(&db).await;
        let buy = |lines, key| shop.buy_on(&shop.orders, &shop.main, shop.chain_of_main(), lines, key);
        assert!(matches!(buy(Vec::new(), "a").await, Err(OrderError::Refused(Refusal::Empty))));
        assert!(matches!(buy(shop.wants(0, 10_00), "b").await, Err(OrderError::Refused(Refusal::Empty))));
        assert!(matches!(
            buy(shop.wants(1001, 10_00), "c").await,
            Err(OrderError::Refused(Refusal::TooMany { most: 1000, .. }))
        ));
        let mut unknown = shop.wants(1, 10_00);
        unknown[0].sku = catalog::SkuId::new();
        assert!(matches!(buy(unknown, "d").await, Err(OrderError::Refused(Refusal::NotForSale { .. }))));
        assert!(matches!(buy(shop.wants(1, 10_00), "").await, Err(OrderError::Key)));
        assert!(matches!(buy(shop.wants(1, 10_00), &"k".repeat(256)).await, Err(OrderError::Key)));
    }

    async fn every_level_of_the_tree_earns_its_margin(db) {
        let shop = Shop::open(&db).await;
        let percent = |ppm| Formula::Percent { rate: Rate::from_ppm(ppm) };
        shop.rule(0, false, Formula::Fixed { price: cents(8_50), loss_cap: None }, Rounding::None).await;
        shop.rule(1, false, percent(20_000), Rounding::None).await;
        shop.rule(2, false, percent(20_000), Rounding::None).await;
        shop.rule(3, true, percent(100_000), Rounding::UpTenth).await;
        let sold = shop.buy_at_level_three("key", 9_80).await.expect("bought").answer;
        let tx = db.store.read(&shop.scope).await.expect("a reader");
        let entries = entries_of_in(&tx, sold.order.uuid()).await.expect("entries");
        let earned = |kind: AccountKind, site: Option<usize>| -> i64 {
            let owner = site.map(|level| shop.sites[level].uuid());
            let postings = entries.iter().flat_map(ledger::Entry::postings);
            let mine = postings.filter(|posting| posting.account.kind == kind && posting.account.owner == owner);
            mine.map(|posting| posting.amount.minor()).sum()
        };
        // 8.50 from the main site, 8.67 and 8.85 passed on, 9.735 rounded up to 9.80 for the buyer.
        assert_eq!(earned(AccountKind::Revenue, None), 8_50);
        assert_eq!(earned(AccountKind::SitePending, Some(1)), 17);
        assert_eq!(earned(AccountKind::SitePending, Some(2)), 18);
        assert_eq!(earned(AccountKind::SitePending, Some(3)), 95);
        assert_eq!((earned(AccountKind::CostOfGoods, None), earned(AccountKind::OrderDeposits, None)), (-7_00, 0));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_sale_that_too_many_sites_would_earn_from_is_refused(db) {
        let shop = Shop::open(&db).await;
        let refused = shop.buy_at_level_four("key", 10_00).await.expect_err("three sites lie between");
        assert!(matches!(refused, OrderError::Refused(Refusal::DepthExceeded { depth: 3, most: 2 })));
        assert_eq!(shop.wallet().await, 1000_00);
    }

    async fn an_allowed_loss_is_covered_by_the_seller_or_refused(db) {
        let shop = Shop::open(&db).await;
        let at_loss = Formula::Fixed { price: cents(9_00), loss_cap: Some(cents(1_00)) };
        shop.rule(1, true, at_loss, Rounding::None).await;
        let refused = shop.buy_at(1, shop.wants(1, 9_00), "poor").await.expect_err("the site has no money");
        assert!(matches!(refused, OrderError::Refused(Refusal::LossNotCovered { .. })));
        shop.fund_prepaid(1, 1_50).await;
        shop.buy_at(1, shop.wants(1, 9_00), "covered").await.expect("bought");
        let refused = shop.buy_at(1, shop.wants(1, 9_00), "spent").await.expect_err("0.50 is left");
        assert!(matches!(refused, OrderError::Refused(Refusal::LossNotCovered { .. })));
        assert_eq!((shop.prepaid(1).await, shop.wallet().await), (50, 1000_00 - 9_00));
        assert_eq!(shop.audit().await, Vec::<String>::new());
    }

    async fn a_changed_rule_counts_from_the_next_order_on(db) {
        let shop = Shop::open(&db).await;
        shop.buy_at(1, shop.wants(1, 10_00), "before").await.expect("bought at the list price");
        shop.rule(1, true, Formula::Fixed { price: cents(12_00), loss_cap: None }, Rounding::None).await;
        let refused = shop.buy_at(1, shop.wants(1, 10_00), "after").await.expect_err("dearer now");
        assert!(matches!(refused, OrderError::Refused(Refusal::PriceChanged { now, .. }) if now == cents(12_00)));
    }

    async fn nobody_sees_anothers_order(db) {
        let shop = Shop::open(&db).await;
        let order = shop.buy(1, "key").await.expect("bought").answer.order;
        let stranger = shop.another_customer().await;
        let sibling = shop.scope.site(shop.sites[1]);
        let foreign = db.tenant().await.site(shop.sites[0]);
        let hidden = [(shop.main, stranger), (sibling, shop.customer), (foreign, shop.customer)];
        for (scope, customer) in hidden {
            assert!(matches!(shop.orders.view(&scope, &Proof::account(customer), order).await, Err(OrderError::NotFound)));
            assert!(matches!(shop.orders.reveal(&scope, (&Proof::account(customer), &phone()), order).await, Err(OrderError::NotFound)));
            assert!(shop.orders.page(&scope, customer, None).await.expect("a page").orders.is_empty());
        }
    }

    async fn orders_come_in_pages_newest_first(db) {
        let shop = Shop::open(&db).await;
        let mut placed = Vec::new();
        for n in 0..25 {
            placed.push(shop.buy(1, &n.to_string()).await.expect("bought").answer.order);
        }
        placed.reverse();
        let first = shop.orders.page(&shop.main, shop.customer, None).await.expect("a page");
        let second = shop.orders.page(&shop.main, shop.customer, first.next).await.expect("a page");
        let seen: Vec<_> = first.orders.iter().chain(&second.orders).map(|(order, _)| order.id).collect();
        assert_eq!((seen, first.orders.len(), second.next), (placed, 20, None));
    }

    async fn an_expired_card_is_never_sold(db) {
        let shop = Shop::open_with(&db, 0).await;
        shop.import(&["FRESH"], Some(chrono::TimeDelta::hours(1))).await;
        shop.buy(1, "warm-up").await.expect("bought while fresh");
        shop.import(&["STALE"], Some(chrono::TimeDelta::hours(1))).await;
        db.clock.advance(chrono::TimeDelta::hours(2));
        assert!(matches!(shop.buy(1, "late").await, Err(OrderError::Refused(Refusal::OutOfStock { .. }))));
    }

    async fn cards_imported_later_are_sold_too(db) {
        let shop = Shop::open_with(&db, 1).await;
        shop.buy(1, "first").await.expect("bought");
        assert!(shop.buy(1, "none left").await.is_err());
        shop.import(&["LATER"], None).await;
        shop.buy(1, "more").await.expect("bought");
    }

    async fn one_batch_writes_one_job(db) {
        let shop = Shop::open(&db).await;
        let keys: Vec<String> = (0..30).map(|n| n.to_string()).collect();
        let answers = futures::future::join_all(keys.iter().map(|key| shop.buy(1, key))).await;
        assert!(answers.iter().all(Result::is_ok));
        let batches = shop.lanes.stats().batches.load(Ordering::Relaxed);
        assert_eq!(shop.jobs().await, batches);
    }

    async fn an_audit_finds_a_code_sold_to_nobody(db) {
        let shop = Shop::open(&db).await;
        shop.buy(1, "key").await.expect("bought");
        let (empty, close) = if db.backend == store::Backend::Postgres { ("''", "::bytea") } else { ("x''", "") };
        db.tamper(&format!("UPDATE order_lines SET card_ids = {empty}{close}")).await.expect("tampered");
        let breaches = shop.audit().await;
        assert!(breaches.iter().any(|breach| breach.starts_with("3 ")), "{breaches:?}");
    }
}

fn phone() -> crate::Device {
    crate::Device::named("Phone/1.0")
}

#[test]
fn a_device_is_cut_and_holds_no_control_characters() {
    let device = crate::Device::named(&format!("a\u{0}b\n{}", "x".repeat(500)));
    assert_eq!(device.as_str(), format!("ab{}", "x".repeat(198)));
}

proptest! {
    /// Whatever is bought from a random chain, each entry balances and the buyer's money is all accounted for.
    #[test]
    fn a_sale_posts_every_cent(
        cost in 1i64..10_000, goods in 0i64..100_000, margins in prop::collection::vec(0i64..500, 1..5),
        quantity in 1u32..50
    ) {
        let quote = fixture::quote(cost, &margins);
        let order = uuid::Uuid::now_v7();
        let payday = Payday::new(Arc::default(), chrono::DateTime::UNIX_EPOCH);
        let hops = sale::frozen(&quote, |_| Term::USUAL);
        let line = sale::SoldLine { number: 1, quantity, cost_of_goods: fixture::cents(goods), hops: &hops, commissions: &[] };
        let total = quote.unit.minor() * i64::from(quantity);
        let held = sale::to_hold(&[line], Collection::Own, fixture::CNY).expect("an amount").minor();
        for (collection, deposit) in [(Collection::Central, total), (Collection::CentralHeld, total), (Collection::Own, held)] {
            // A main site that collects for itself is the central case.
            if collection == Collection::Own && hops.len() == 1 {
                continue;
            }
            let entry = sale::delivered(order, line, collection, &payday).expect("posted");
            prop_assert!(entry.is_balanced());
            let sum = |kind| -> i64 {
                entry.postings().iter().filter(|p| p.account.kind == kind).map(|p| p.amount.minor()).sum()
            };
            prop_assert_eq!(-sum(AccountKind::OrderDeposits), deposit);
            prop_assert_eq!(sum(AccountKind::Revenue) + sum(AccountKind::SitePending), deposit);
            prop_assert_eq!((sum(AccountKind::StockAtCost), sum(AccountKind::CostOfGoods)), (goods, -goods));
        }
    }
}
