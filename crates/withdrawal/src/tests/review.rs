//! Who may have a word, and when.

use chrono::TimeDelta;
use settlement::{Cause, NewHold, Settlement};
use testkit::on_both;
use uuid::Uuid;

use super::fixture::{Shop, cents, refusal};
use crate::*;

const APPROVED: Word = Word::Approve { is_name_checked: true };

on_both! {
    async fn nobody_asks_for_what_the_rules_do_not_allow(db) {
        let shop = Shop::open(&db).await;
        shop.rules(Rules { maximum_minor: Some(80_00), daily_count: 2, daily_minor: Some(100_00), ..Rules::USUAL }).await;
        shop.later(TimeDelta::days(8));
        shop.earns(shop.site, 90_00).await;
        let cooling = shop.add_payee(shop.site, "张三").await.expect("a payee");
        let asked = async |minor, payee, key| refusal(shop.ask(shop.site, (minor, payee), key).await);
        assert_eq!(asked(50_00, cooling.id, "a").await, Refusal::PayeeCools { usable_from: cooling.usable_from });
        shop.later(TimeDelta::hours(24));
        let payee = cooling.id;
        assert_eq!(asked(9_99, payee, "b").await, Refusal::BelowMinimum { minimum: cents(10_00) });
        assert_eq!(asked(80_01, payee, "c").await, Refusal::AboveMaximum { maximum: cents(80_00) });
        assert_eq!(asked(50_00, PayeeId::new(), "d").await, Refusal::NoPayee);
        let others = shop.payee(shop.agent).await;
        assert_eq!(asked(50_00, others, "e").await, Refusal::NoPayee);
        assert_eq!(shop.has(shop.site).await, [90_00, 0, 0]);
        let id = shop.ask(shop.site, (50_00, payee), "f").await.expect("asked").id;
        assert_eq!(asked(20_00, payee, "g").await, Refusal::OneAtATime { withdrawal: id });
        shop.approve(id).await;
        shop.send(&[id], "send").await.expect("sent");
        assert_eq!(asked(50_00, payee, "h").await, Refusal::Insufficient { available: cents(40_00) });
        shop.earns(shop.site, 40_00).await;
        assert_eq!(asked(50_01, payee, "i").await, Refusal::TooMuchToday { left: cents(50_00) });
        let id = shop.ask(shop.site, (50_00, payee), "j").await.expect("asked").id;
        shop.review(id, Word::Cancel, shop.owner).await.expect("called off");
        assert_eq!(asked(10_00, payee, "k").await, Refusal::TooManyToday { most: 2 });
        shop.later(TimeDelta::days(1));
        shop.ask(shop.site, (10_00, payee), "l").await.expect("another day");
        // A refusal stays what it was under its key.
        assert_eq!(asked(50_00, payee, "a").await, Refusal::PayeeCools { usable_from: cooling.usable_from });
        shop.all_holds().await;
    }

    async fn two_persons_approve_what_is_large_and_nobody_his_own(db) {
        let shop = Shop::open(&db).await;
        shop.earns(shop.site, 6_000_00).await;
        let payee = shop.payee(shop.site).await;
        let id = shop.ask(shop.site, (5_000_00, payee), "ask").await.expect("asked").id;
        let [first, second] = shop.reviewers;
        assert_eq!(refusal(shop.review(id, APPROVED, shop.owner).await), Refusal::SamePerson);
        assert_eq!(shop.review(id, APPROVED, first).await.expect("one"), State::Requested);
        assert_eq!(refusal(shop.review(id, APPROVED, first).await), Refusal::SamePerson);
        assert_eq!(refusal(shop.send(&[id], "early").await), Refusal::State { state: State::Requested });
        assert_eq!(shop.review(id, APPROVED, second).await.expect("two"), State::Approved);
        assert_eq!(shop.find(id).await.approved_by, vec![first, second]);
        shop.send(&[id], "send").await.expect("sent");
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        let events = shop.withdrawals.events_in(&tx, id).await.expect("read");
        drop(tx);
        let told: Vec<(EventKind, Uuid)> = events.iter().map(|event| (event.kind, event.by)).collect();
        let expected = [
            (EventKind::Requested, shop.owner),
            (EventKind::Seconded, first),
            (EventKind::Approved, second),
            (EventKind::Sent, first),
        ];
        assert_eq!(told, expected);
        shop.all_holds().await;
    }

    async fn who_named_the_account_does_not_approve_and_one_person_is_not_enough_at_once(db) {
        let shop = Shop::open(&db).await;
        shop.earns(shop.site, 6_000_00).await;
        let payee = shop.payee(shop.site).await;
        let [first, second] = shop.reviewers;
        let id = shop.ask(shop.site, (5_000_00, payee), "ask").await.expect("asked").id;
        let named_by = match db.backend {
            store::Backend::Postgres => format!("'{first}'"),
            store::Backend::Sqlite => format!("x'{}'", first.simple()),
        };
        db.tamper(&format!("UPDATE payees SET created_by = {named_by}")).await.expect("written");
        let tx = shop.store.write(&shop.scope).await.expect("a writer");
        let loose = crate::Rules { two_persons_from_minor: None, ..crate::Rules::USUAL };
        let saved = shop.withdrawals.save_rules_in(&tx, loose, None, first).await.expect("saved");
        assert_eq!(saved.effective_from, saved.created_at + TimeDelta::days(7));
        tx.commit().await.expect("committed");
        assert_eq!(refusal(shop.review(id, APPROVED, first).await), Refusal::SamePerson);
        assert_eq!(shop.review(id, APPROVED, second).await.expect("one"), State::Requested);
        assert_eq!(shop.review(id, APPROVED, Uuid::now_v7()).await.expect("two"), State::Approved);
        shop.all_holds().await;
    }

    async fn the_name_is_checked_at_the_first_withdrawal(db) {
        let shop = Shop::open(&db).await;
        shop.earns(shop.site, 100_00).await;
        let payee = shop.payee(shop.site).await;
        let id = shop.ask(shop.site, (50_00, payee), "one").await.expect("asked").id;
        let unseen = Word::Approve { is_name_checked: false };
        let [first, second] = shop.reviewers;
        assert_eq!(refusal(shop.review(id, unseen.clone(), first).await), Refusal::NameUnchecked);
        assert_eq!(shop.review(id, APPROVED, first).await.expect("checked"), State::Approved);
        shop.send(&[id], "send").await.expect("sent");
        let id = shop.ask(shop.site, (50_00, payee), "two").await.expect("asked").id;
        assert_eq!(shop.review(id, unseen, second).await.expect("known"), State::Approved);
        shop.all_holds().await;
    }

    async fn a_name_that_the_second_person_refuses_stays_unchecked(db) {
        let shop = Shop::open(&db).await;
        shop.earns(shop.site, 6_000_00).await;
        let payee = shop.payee(shop.site).await;
        let id = shop.ask(shop.site, (5_000_00, payee), "large").await.expect("asked").id;
        let [first, second] = shop.reviewers;
        assert_eq!(shop.review(id, APPROVED, first).await.expect("one"), State::Requested);
        let word = Word::Reject { reason: "this is somebody else".to_owned() };
        shop.review(id, word, second).await.expect("refused");
        let id = shop.ask(shop.site, (50_00, payee), "small").await.expect("asked").id;
        let unseen = Word::Approve { is_name_checked: false };
        assert_eq!(refusal(shop.review(id, unseen, first).await), Refusal::NameUnchecked);
        shop.all_holds().await;
    }

    async fn an_earner_on_hold_is_not_paid(db) {
        let shop = Shop::open(&db).await;
        let settlement = Settlement::new(shop.store.clone(), shop.lanes.clone(), catalog::Prices::new(shop.store.clone()));
        shop.earns(shop.site, 100_00).await;
        let payee = shop.payee(shop.site).await;
        let id = shop.ask(shop.site, (50_00, payee), "one").await.expect("asked").id;
        shop.approve(id).await;
        let tx = shop.writer().await;
        let new = NewHold { earner: shop.site, cause: Cause::Risk, reason: "look at it".to_owned(), by: Uuid::now_v7() };
        let hold = settlement.hold_in(&tx, new).await.expect("held");
        tx.commit().await.expect("committed");
        assert_eq!(refusal(shop.send(&[id], "held").await), Refusal::Held);
        assert_eq!(refusal(shop.convert(shop.site, 1_00, "held").await), Refusal::Held);
        shop.review(id, Word::Cancel, shop.owner).await.expect("he may call it off");
        assert_eq!(refusal(shop.ask(shop.site, (50_00, payee), "held").await), Refusal::Held);
        let tx = shop.writer().await;
        settlement.lift_in(&tx, hold.id, (Uuid::now_v7(), "all is well")).await.expect("lifted");
        tx.commit().await.expect("committed");
        shop.ask(shop.site, (50_00, payee), "two").await.expect("asked");
        shop.all_holds().await;
    }

    async fn what_is_sent_together_leaves_out_what_cannot_be_sent(db) {
        let shop = Shop::open(&db).await;
        shop.earns(shop.site, 100_00).await;
        shop.earns(shop.agent, 100_00).await;
        let (one, two) = (shop.payee(shop.site).await, shop.payee(shop.agent).await);
        let site = shop.ask(shop.site, (40_00, one), "one").await.expect("asked").id;
        let agent = shop.ask(shop.agent, (60_00, two), "two").await.expect("asked").id;
        shop.approve(site).await;
        let sent = shop.send(&[site, agent, site], "send").await.expect("sent");
        assert_eq!((sent.net, sent.sent), (cents(40_00), vec![site]));
        let left: Vec<WithdrawalId> = sent.left.iter().map(|(id, _)| *id).collect();
        assert_eq!(left, vec![agent, site]);
        assert_eq!(refusal(shop.send(&[WithdrawalId::new()], "none").await), Refusal::NotFound);
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        let (payout, of) = shop.withdrawals.payout_in(&tx, sent.id).await.expect("read").expect("a payout");
        assert_eq!((payout.count, payout.net, of.len()), (1, cents(40_00), 1));
        drop(tx);
        shop.all_holds().await;
    }
}
