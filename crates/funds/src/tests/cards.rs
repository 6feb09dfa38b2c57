//! A card from its making to the wallet.

use chrono::TimeDelta;
use ledger::{Account, AccountKind};
use store::Tx;
use testkit::on_both;

use super::fixture::{CNY, Shop, cents, of, refusal};
use crate::*;

on_both! {
    async fn a_card_is_worth_its_face_once_and_for_one_customer(db) {
        let shop = Shop::open(&db).await;
        let (batch, codes) = shop.cards(3, Origin::Sold).await;
        let first = shop.redeem(0, &codes[0], "one").await.expect("redeemed");
        assert_eq!(first.amount, cents(50_00));
        assert_eq!(shop.redeem(0, &codes[0], "one").await.expect("the same one"), first);
        assert_eq!(refusal(shop.redeem(0, &codes[0], "two").await), Refusal::RedeemedByYou);
        assert_eq!(refusal(shop.redeem(1, &codes[0], "one").await), Refusal::Redeemed);
        // The key of one card is not another card's.
        let reused = shop.redeem(0, &codes[1], "one").await;
        assert!(matches!(reused, Err(FundsError::Lane(lane::LaneError::KeyReused { .. }))), "{reused:?}");
        shop.redeem(1, &codes[1], "his").await.expect("redeemed");
        assert_eq!((shop.wallet(0).await, shop.wallet(1).await), (50_00, 50_00));
        let sold = Account::of(AccountKind::RechargeClearing, batch.id.uuid(), CNY);
        assert_eq!(shop.on(sold).await, -100_00);
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        let tally = shop.funds.tally_in(&tx, batch.id).await.expect("counted");
        assert_eq!(tally, Tally { ready: 1, redeemed: 2, void: 0 });
        let cards = shop.funds.cards_in(&tx, batch.id, 0, 10).await.expect("read");
        assert_eq!(cards.iter().map(|card| (card.number, card.state)).collect::<Vec<_>>(), [
            (1, CardState::Redeemed), (2, CardState::Redeemed), (3, CardState::Ready),
        ]);
        assert_eq!(cards[0].redemption.map(|by| (by.customer, by.site)), Some((shop.customers[0], shop.sites[1])));
        drop(tx);
        shop.all_holds().await;
    }

    async fn a_gift_is_the_main_sites_cost(db) {
        let shop = Shop::open(&db).await;
        let (_, codes) = shop.cards(1, Origin::Gift).await;
        shop.redeem(0, &codes[0], "gift").await.expect("redeemed");
        assert_eq!(shop.on(Account::own(AccountKind::PromotionCost, CNY)).await, -50_00);
        shop.all_holds().await;
    }

    async fn what_nobody_made_is_void_or_over_is_refused_and_loses_nothing(db) {
        let shop = Shop::open(&db).await;
        // Also where no key was ever made.
        assert_eq!(refusal(shop.redeem(0, &RechargeCode::draw(), "none").await), Refusal::NoCard);
        let (batch, codes) = shop.cards(2, Origin::Sold).await;
        assert_eq!(refusal(shop.redeem(0, &RechargeCode::draw(), "none").await), Refusal::NoCard);
        shop.redeem(0, &codes[0], "first").await.expect("redeemed");
        let by = (shop.people[0], "stolen");
        let (voided, tally) = shop.funds.void_batch(&shop.scope, batch.id, by).await.expect("void");
        assert_eq!((tally, voided.voided.map(|(_, _, why)| why).as_deref()), (Tally { ready: 0, redeemed: 1, void: 1 }, Some("stolen")));
        assert!(matches!(shop.funds.void_batch(&shop.scope, batch.id, by).await, Err(FundsError::VoidAlready)));
        assert_eq!(refusal(shop.redeem(0, &codes[1], "second").await), Refusal::Void);
        assert!(shop.codes(batch.id).await.is_empty(), "void codes are not carried away");
        let now = shop.writer().await.now();
        let short = NewRechargeBatch { expires_at: Some(now + TimeDelta::hours(2)), ..of(1, Origin::Gift) };
        let batch = shop.make(short, "short").await.expect("made");
        let codes = shop.codes(batch.id).await;
        shop.clock.advance(TimeDelta::hours(3));
        assert!(matches!(refusal(shop.redeem(0, &codes[0], "late").await), Refusal::Expired { .. }));
        assert_eq!(shop.wallet(0).await, 50_00);
        shop.all_holds().await;
    }

    async fn who_guesses_has_to_wait(db) {
        let shop = Shop::open(&db).await;
        let (_, codes) = shop.cards(1, Origin::Sold).await;
        for guess in 0..5 {
            assert_eq!(refusal(shop.redeem(0, &RechargeCode::draw(), &guess.to_string()).await), Refusal::NoCard);
        }
        let waits = shop.redeem(0, &codes[0], "right").await;
        assert!(matches!(waits, Err(FundsError::Identity(identity::IdentityError::TooManyTries { .. }))), "{waits:?}");
        shop.clock.advance(TimeDelta::minutes(16));
        shop.redeem(0, &codes[0], "right").await.expect("redeemed");
    }

    async fn a_wallet_takes_no_more_than_a_wallet_may(db) {
        let shop = Shop::open(&db).await;
        let (_, codes) = shop.cards(1, Origin::Sold).await;
        let wallet = Target::Wallet(shop.customers[0]).account(cents(0));
        shop.moves(wallet, 4_950_01).await;
        assert_eq!(refusal(shop.redeem(0, &codes[0], "full").await), Refusal::WalletFull { room: cents(49_99) });
        shop.redeem(1, &codes[0], "his").await.expect("the card is as good as before");
        shop.all_holds().await;
    }

    async fn a_key_makes_one_batch_and_no_other(db) {
        let shop = Shop::open(&db).await;
        let made = shop.make(of(5, Origin::Sold), "key").await.expect("made");
        assert_eq!(shop.make(of(5, Origin::Sold), "key").await.expect("the same").id, made.id);
        assert!(matches!(shop.make(of(6, Origin::Sold), "key").await, Err(FundsError::KeyReused)));
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        assert_eq!(shop.funds.batches_in(&tx, None, 10).await.expect("read").len(), 1);
        let codes = shop.codes(made.id).await;
        let (card, batch) = shop.funds.find_card_in(&tx, &codes[4]).await.expect("read").expect("it is there");
        assert_eq!((card.number, batch.id), (5, made.id));
    }

    async fn a_large_batch_is_made_whole_and_every_code_is_another(db) {
        let shop = Shop::open(&db).await;
        let (batch, codes) = shop.cards(2_500, Origin::Gift).await;
        let mut texts: Vec<String> = codes.iter().map(|code| code.grouped().expose().clone()).collect();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), 2_500);
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        let last = shop.funds.cards_in(&tx, batch.id, 2_499, 10).await.expect("read");
        assert_eq!(last.iter().map(|card| card.number).collect::<Vec<_>>(), [2_500]);
    }

    async fn another_tenants_codes_are_none_here(db) {
        let (shop, other) = (Shop::open(&db).await, db.tenant().await);
        let (batch, codes) = shop.cards(1, Origin::Sold).await;
        let tx = shop.store.read(&other).await.expect("a reader");
        assert_eq!(shop.funds.batch_in(&tx, batch.id).await.expect("read"), None);
        assert_eq!(shop.funds.find_card_in(&tx, &codes[0]).await.expect("read"), None);
        drop(tx);
        let by = (shop.people[0], "theirs");
        assert!(matches!(shop.funds.void_batch(&other, batch.id, by).await, Err(FundsError::Missing { .. })));
        assert!(matches!(shop.funds.export(&other, batch.id, by).await, Err(FundsError::Missing { .. })));
    }
}
