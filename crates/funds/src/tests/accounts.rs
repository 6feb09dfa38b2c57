//! Money put on accounts by two persons, lent, and handed on.

use ledger::{Account, AccountKind};
use testkit::on_both;

use super::fixture::{CNY, Shop, cents, refusal};
use crate::*;

on_both! {
    async fn an_adjustment_takes_two_persons(db) {
        let shop = Shop::open(&db).await;
        let prepaid = Target::Prepaid(shop.sites[1]);
        let id = shop.ask(prepaid, 300_00, Cause::Deposit).await.expect("asked");
        assert_eq!(shop.prepaid(1).await, [0, 0], "nothing moves before it is approved");
        assert_eq!(refusal(shop.decide(id, AdjustmentWord::Approve, 0).await), Refusal::SamePerson);
        assert_eq!(refusal(shop.decide(id, AdjustmentWord::Cancel, 1).await), Refusal::NotYours);
        assert_eq!(shop.decide(id, AdjustmentWord::Approve, 1).await.expect("approved"), AdjustmentState::Approved);
        assert_eq!(shop.prepaid(1).await, [300_00, 0]);
        assert_eq!(shop.on(Account::own(AccountKind::OutsideClearing, CNY)).await, -300_00);
        let again = refusal(shop.decide(id, AdjustmentWord::Approve, 1).await);
        assert_eq!(again, Refusal::State { state: AdjustmentState::Approved });
        let id = shop.ask(prepaid, 1_00, Cause::Correction).await.expect("asked");
        let no = AdjustmentWord::Reject { note: "no such transfer".to_owned() };
        assert_eq!(shop.decide(id, no, 1).await.expect("rejected"), AdjustmentState::Rejected);
        let id = shop.ask(prepaid, 1_00, Cause::Correction).await.expect("asked");
        assert_eq!(shop.decide(id, AdjustmentWord::Cancel, 0).await.expect("called off"), AdjustmentState::Cancelled);
        assert_eq!(shop.prepaid(1).await, [300_00, 0]);
        shop.all_holds().await;
    }

    async fn an_adjustment_takes_no_more_than_there_is_and_fills_no_wallet_over_its_brim(db) {
        let shop = Shop::open(&db).await;
        let wallet = Target::Wallet(shop.customers[0]);
        let give = shop.ask(wallet, 60_00, Cause::Goodwill).await.expect("asked");
        shop.decide(give, AdjustmentWord::Approve, 1).await.expect("approved");
        assert_eq!((shop.wallet(0).await, shop.on(Account::own(AccountKind::PromotionCost, CNY)).await), (60_00, -60_00));
        let take = shop.ask(wallet, -60_01, Cause::Correction).await.expect("asked");
        let refused = refusal(shop.decide(take, AdjustmentWord::Approve, 1).await);
        assert_eq!(refused, Refusal::Insufficient { available: cents(60_00) });
        let full = shop.ask(wallet, 4_940_01, Cause::Deposit).await.expect("asked");
        let refused = refusal(shop.decide(full, AdjustmentWord::Approve, 1).await);
        assert_eq!(refused, Refusal::WalletFull { room: cents(4_940_00) });
        let take = shop.ask(wallet, -10_00, Cause::Correction).await.expect("asked");
        shop.decide(take, AdjustmentWord::Approve, 1).await.expect("approved");
        assert_eq!((shop.wallet(0).await, shop.on(Account::own(AccountKind::Corrections, CNY)).await), (50_00, 10_00));
        assert!(matches!(shop.ask(wallet, 0, Cause::Deposit).await, Err(FundsError::Amount { .. })));
        assert!(matches!(shop.ask(wallet, i64::MIN, Cause::Deposit).await, Err(FundsError::Amount { .. })));
        // What was refused may be asked for again when there is room.
        assert_eq!(shop.ask(wallet, 1_00, Cause::Deposit).await.map(drop).ok(), Some(()));
        shop.all_holds().await;
    }

    async fn credit_is_money_to_buy_with_that_stands_beside_it(db) {
        let shop = Shop::open(&db).await;
        assert_eq!(shop.lend(1, 100_00, Some(0)).await.expect("lent"), Credited { version: 1, more: cents(100_00) });
        assert_eq!(shop.prepaid(1).await, [100_00, 100_00]);
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        let standing = shop.funds.prepaid_in(&tx, &[shop.sites[1]], CNY).await.expect("read").remove(0);
        assert_eq!((standing.is_low(), standing.owed()), (false, cents(0)));
        drop(tx);
        // It spends 90.00 of it.
        shop.moves(Account::of(AccountKind::SitePrepaid, shop.sites[1].uuid(), CNY), -90_00).await;
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        let standing = shop.funds.prepaid_in(&tx, &[shop.sites[1]], CNY).await.expect("read").remove(0);
        assert_eq!((standing.is_low(), standing.owed()), (true, cents(90_00)));
        drop(tx);
        assert_eq!(refusal(shop.lend(1, 89_99, None).await), Refusal::CreditInUse { free: cents(10_00) });
        assert_eq!(refusal(shop.lend(1, 95_00, Some(0)).await), Refusal::CreditMoved);
        assert_eq!(shop.lend(1, 90_00, Some(1)).await.expect("less"), Credited { version: 2, more: cents(-10_00) });
        assert_eq!(shop.prepaid(1).await, [0, 90_00]);
        // It pays back by a transfer, and then the credit can go.
        let id = shop.ask(Target::Prepaid(shop.sites[1]), 90_00, Cause::Deposit).await.expect("asked");
        shop.decide(id, AdjustmentWord::Approve, 1).await.expect("approved");
        shop.lend(1, 0, None).await.expect("none");
        assert_eq!(shop.prepaid(1).await, [0, 0]);
        assert!(matches!(shop.lend(0, 1_00, None).await, Err(FundsError::MainSite)));
        shop.all_holds().await;
    }

    async fn a_site_hands_on_what_is_its_own_and_not_what_it_was_lent(db) {
        let shop = Shop::open(&db).await;
        shop.lend(1, 100_00, None).await.expect("lent");
        assert_eq!(refusal(shop.hand_on(1, 2, 1).await), Refusal::Insufficient { available: cents(0) });
        shop.moves(Account::of(AccountKind::SitePrepaid, shop.sites[1].uuid(), CNY), 50_00).await;
        assert_eq!(refusal(shop.hand_on(1, 2, 50_01).await), Refusal::Insufficient { available: cents(50_00) });
        let moved = shop.hand_on(1, 2, 30_00).await.expect("moved");
        assert_eq!((shop.prepaid(1).await, shop.prepaid(2).await), ([120_00, 100_00], [30_00, 0]));
        // Up, aside, past the next one or from the main site: no.
        assert!(matches!(shop.hand_on(2, 1, 1).await, Err(FundsError::NotBelow)));
        assert!(matches!(shop.hand_on(1, 1, 1).await, Err(FundsError::NotBelow)));
        assert!(matches!(shop.hand_on(0, 1, 1).await, Err(FundsError::MainSite)));
        assert!(matches!(shop.hand_on(1, 2, 0).await, Err(FundsError::Amount { .. })));
        assert!(matches!(shop.hand_on(1, 2, -5).await, Err(FundsError::Amount { .. })));
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        let made = shop.funds.moves_from_in(&tx, shop.sites[1], None, 10).await.expect("read");
        let got = shop.funds.moves_to_in(&tx, shop.sites[2], None, 10).await.expect("read");
        assert_eq!((made.len(), &made, made[0].id), (1, &got, moved.id));
        assert_eq!(shop.funds.moves_to_in(&tx, shop.sites[1], None, 10).await.expect("read"), []);
        drop(tx);
        shop.all_holds().await;
    }

    async fn low_money_is_told_once_and_once_more_when_it_is_filled(db) {
        let shop = Shop::open(&db).await;
        shop.lend(1, 100_00, None).await.expect("lent");
        shop.lend(2, 0, None).await.expect("an alert alone");
        let watch = async |node: &Funds| {
            let turns = node.watch_prepaid(&shop.scope).await.expect("watched");
            turns.into_iter().map(|turn| (turn.site, turn.available.minor(), turn.is_low)).collect::<Vec<_>>()
        };
        let (first, second) = (shop.funds.clone(), shop.twin());
        assert_eq!(watch(&first).await, [(shop.sites[2], 0, true)]);
        assert_eq!(watch(&second).await, []);
        let prepaid = |place: usize| Account::of(AccountKind::SitePrepaid, shop.sites[place].uuid(), CNY);
        shop.moves(prepaid(1), -80_01).await;
        shop.moves(prepaid(2), 20_00).await;
        let (one, other) = futures::join!(watch(&first), watch(&second));
        let mut turns = [one, other].concat();
        turns.sort();
        let mut expected = vec![(shop.sites[1], 19_99, true), (shop.sites[2], 20_00, false)];
        expected.sort();
        assert_eq!(turns, expected);
        // What was noted stays when the credit is changed.
        shop.lend(1, 101_00, None).await.expect("lent");
        assert_eq!(watch(&first).await, [(shop.sites[1], 20_99, false)]);
        shop.all_holds().await;
    }
}
