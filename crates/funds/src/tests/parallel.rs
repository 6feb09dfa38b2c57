//! The second click, the two hundredth, and the second node.

use futures::future::join_all;
use testkit::on_both;
use uuid::Uuid;

use super::fixture::{Shop, cents, redeem_by};
use crate::*;

const MANY: usize = 200;

on_both! {
    async fn the_same_request_two_hundred_times_has_one_effect(db) {
        let shop = Shop::open(&db).await;
        let (_, codes) = shop.cards(1, Origin::Sold).await;
        let at = shop.at(1);
        let redeemed = join_all((0..MANY).map(|_| redeem_by((&shop.funds, shop.patient()), (&at, shop.customers[0]), &codes[0], "key"))).await;
        assert!(redeemed.into_iter().all(|one| one.expect("redeemed").amount == cents(50_00)));
        let id = shop.ask(Target::Prepaid(shop.sites[1]), 80_00, Cause::Deposit).await.expect("asked");
        let by = || (shop.people[1], "approve".to_owned());
        let approve = || shop.funds.decide_adjustment(&shop.scope, id, AdjustmentWord::Approve, by());
        let approved = join_all((0..MANY).map(|_| approve())).await;
        assert!(approved.into_iter().all(|one| one.expect("approved").answer == AdjustmentState::Approved));
        let hand_on = || {
            let (from, to, by) = (shop.sites[1], shop.sites[2], shop.people[0]);
            let of = MovePrepaid { from, to, amount: cents(30_00), note: None, by, key: "move".to_owned() };
            shop.funds.hand_on(&shop.scope, &shop.tree, of)
        };
        let moved = join_all((0..MANY).map(|_| hand_on())).await;
        assert!(moved.into_iter().all(|one| one.is_ok()));
        let lend = || {
            let credit = Credit { amount: cents(10_00), alert_below: None };
            let (site, by, key) = (shop.sites[1], shop.people[0], "lend".to_owned());
            shop.funds.lend(&shop.scope, &shop.tree, SetCredit { site, credit, seen: Some(0), by, key })
        };
        let lent = join_all((0..MANY).map(|_| lend())).await;
        assert!(lent.into_iter().all(|one| one.is_ok()));
        assert_eq!((shop.wallet(0).await, shop.prepaid(1).await, shop.prepaid(2).await), (50_00, [60_00, 10_00], [30_00, 0]));
        shop.all_holds().await;
    }

    async fn of_many_customers_on_two_nodes_one_redeems_a_card(db) {
        let shop = Shop::open(&db).await;
        let (batch, codes) = shop.cards(1, Origin::Sold).await;
        let nodes = [shop.funds.clone(), shop.twin()];
        let keys: Vec<String> = (0..MANY).map(|number| number.to_string()).collect();
        let at = shop.at(1);
        let redeem = |place: usize| {
            redeem_by((&nodes[place % 2], shop.patient()), (&at, shop.customers[place / 2 % 2]), &codes[0], &keys[place])
        };
        let redeemed = join_all((0..MANY).map(redeem)).await;
        assert_eq!(redeemed.into_iter().filter(Result::is_ok).count(), 1);
        assert_eq!(shop.wallet(0).await + shop.wallet(1).await, 50_00);
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        assert_eq!(shop.funds.tally_in(&tx, batch.id).await.expect("counted").redeemed, 1);
        drop(tx);
        shop.all_holds().await;
    }

    async fn what_was_lent_is_not_handed_on_by_moves_on_two_nodes(db) {
        let shop = Shop::open(&db).await;
        let nodes = [shop.funds.clone(), shop.twin()];
        for round in 0..5 {
            shop.moves(Target::Prepaid(shop.sites[1]).account(cents(0)), 50_00).await;
            if round == 0 {
                shop.lend(1, 500_00, None).await.expect("lent");
            }
            let hand_on = |place: usize| {
                let (from, to, by) = (shop.sites[1], shop.sites[2], shop.people[0]);
                let key = format!("{round}-{place}");
                let of = MovePrepaid { from, to, amount: cents(50_00), note: None, by, key };
                nodes[place % 2].hand_on(&shop.scope, &shop.tree, of)
            };
            let moved = join_all((0..40).map(hand_on)).await;
            assert_eq!(moved.into_iter().filter(Result::is_ok).count(), 1, "round {round}");
            assert_eq!(shop.prepaid(1).await, [500_00, 500_00]);
        }
        shop.all_holds().await;
    }

    async fn many_cards_at_once_do_not_fill_a_wallet_over_its_brim(db) {
        let shop = Shop::open(&db).await;
        let (_, codes) = shop.cards(60, Origin::Sold).await;
        let wallet = Target::Wallet(shop.customers[0]);
        shop.moves(wallet.account(cents(0)), 4_800_00).await;
        let approve = |id| {
            let by = (shop.people[1], "approve".to_owned());
            shop.funds.decide_adjustment(&shop.scope, id, AdjustmentWord::Approve, by)
        };
        let asked = join_all((0..20).map(|_| shop.ask(wallet, 50_00, Cause::Goodwill))).await;
        let approved = join_all(asked.into_iter().map(|id| approve(id.expect("asked"))));
        let at = shop.at(1);
        let redeem = |place: usize| {
            let key = place.to_string();
            let (funds, code, at) = (&shop.funds, &codes[place], &at);
            let limits = shop.patient();
            let customer = shop.customers[0];
            async move { redeem_by((funds, limits), (at, customer), code, &key).await }
        };
        let (approved, redeemed) = futures::future::join(approved, join_all((0..60).map(redeem))).await;
        let done = approved.into_iter().filter(Result::is_ok).count() + redeemed.into_iter().filter(Result::is_ok).count();
        assert_eq!((done, shop.wallet(0).await), (4, 5_000_00));
        shop.all_holds().await;
    }

    async fn a_deposit_that_goes_back_is_none_that_was_lent(db) {
        let shop = Shop::open(&db).await;
        let prepaid = Target::Prepaid(shop.sites[1]);
        shop.moves(prepaid.account(cents(0)), 30_00).await;
        shop.lend(1, 100_00, None).await.expect("lent");
        let decide = async |minor: i64, cause: Cause| {
            let id = shop.ask(prepaid, minor, cause).await.expect("asked");
            shop.decide(id, AdjustmentWord::Approve, 1).await
        };
        let refused = decide(-30_01, Cause::Deposit).await;
        assert!(matches!(refused, Err(FundsError::Refused(Refusal::Insufficient { available })) if available == cents(30_00)), "{refused:?}");
        assert_eq!(decide(-30_00, Cause::Deposit).await.expect("approved"), AdjustmentState::Approved);
        assert_eq!(decide(-10_00, Cause::Correction).await.expect("approved"), AdjustmentState::Approved);
        assert_eq!(shop.prepaid(1).await, [90_00, 100_00]);
        shop.all_holds().await;
    }

    async fn of_approvals_and_refusals_on_two_nodes_one_counts(db) {
        let shop = Shop::open(&db).await;
        let nodes = [shop.funds.clone(), shop.twin()];
        for round in 0..5 {
            let id = shop.ask(Target::Wallet(shop.customers[0]), 10_00, Cause::Goodwill).await.expect("asked");
            let word = |place: usize| match place % 3 {
                0 => AdjustmentWord::Approve,
                1 => AdjustmentWord::Reject { note: "no".to_owned() },
                _ => AdjustmentWord::Cancel,
            };
            let decide = |place: usize| {
                let by = if place % 3 == 2 { shop.people[0] } else { shop.people[1] };
                let by = (by, Uuid::now_v7().to_string());
                nodes[place % 2].decide_adjustment(&shop.scope, id, word(place), by)
            };
            let before = shop.wallet(0).await;
            let decided = join_all((0..30).map(decide)).await;
            let states: Vec<AdjustmentState> = decided.into_iter().flatten().map(|one| one.answer).collect();
            assert_eq!(states.len(), 1, "round {round}: {states:?}");
            let posted = if states == [AdjustmentState::Approved] { 10_00 } else { 0 };
            assert_eq!(shop.wallet(0).await, before + posted);
        }
        shop.all_holds().await;
    }

    async fn what_is_made_void_while_it_is_redeemed_is_one_or_the_other(db) {
        let shop = Shop::open(&db).await;
        let (batch, codes) = shop.cards(40, Origin::Sold).await;
        let keys: Vec<String> = (0..codes.len()).map(|number| number.to_string()).collect();
        let redeem = join_all(codes.iter().zip(&keys).map(|(code, key)| shop.redeem(0, code, key)));
        let (redeemed, voided) =
            futures::join!(redeem, shop.funds.void_batch(&shop.scope, batch.id, (shop.people[0], "stolen")));
        voided.expect("void");
        let count = redeemed.into_iter().filter(Result::is_ok).count();
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        let tally = shop.funds.tally_in(&tx, batch.id).await.expect("counted");
        drop(tx);
        assert_eq!((tally.ready, tally.redeemed as usize), (0, count));
        assert_eq!(shop.wallet(0).await, 50_00 * i64::try_from(count).expect("few"));
        shop.all_holds().await;
    }

    async fn a_first_credit_on_two_nodes_is_lent_once(db) {
        let shop = Shop::open(&db).await;
        let nodes = [shop.funds.clone(), shop.twin()];
        let lend = |place: usize| {
            let credit = Credit { amount: cents(10_00), alert_below: None };
            let (site, by, key) = (shop.sites[1], shop.people[0], place.to_string());
            nodes[place % 2].lend(&shop.scope, &shop.tree, SetCredit { site, credit, seen: Some(0), by, key })
        };
        let lent = join_all((0..20).map(lend)).await;
        assert_eq!(lent.into_iter().filter(Result::is_ok).count(), 1);
        assert_eq!(shop.prepaid(1).await, [10_00, 10_00]);
        shop.all_holds().await;
    }
}
