//! Where the money is.

use chrono::TimeDelta;
use ledger::{Account, AccountKind};
use testkit::on_both;

use super::fixture::{CNY, Shop, cents, ledger_earner, refusal};
use crate::*;

fn arrived() -> Outcome {
    Outcome::Arrived { reference: Some("B-1".to_owned()) }
}

fn back() -> Outcome {
    Outcome::Returned { reason: "no such account".to_owned() }
}

on_both! {
    async fn what_is_asked_for_is_locked_then_on_its_way_then_gone(db) {
        let shop = Shop::open(&db).await;
        for earner in [shop.site, shop.agent] {
            shop.earns(earner, 100_00).await;
            let payee = shop.payee(earner).await;
            let id = shop.ask(earner, (60_00, payee), "ask").await.expect("asked").id;
            assert_eq!(shop.has(earner).await, [40_00, 60_00, 0]);
            assert_eq!(shop.approve(id).await, State::Approved);
            let sent = shop.send(&[id], &id.to_string()).await.expect("sent");
            assert_eq!((sent.net, sent.left), (cents(60_00), vec![]));
            assert_eq!((shop.has(earner).await, shop.gone().await[0]), ([40_00, 0, 0], 60_00));
            assert_eq!(shop.end(id, arrived()).await.expect("paid"), Ended { state: State::Paid, was_so: false });
            assert_eq!(shop.end(id, arrived()).await.expect("told again"), Ended { state: State::Paid, was_so: true });
            assert_eq!(shop.gone().await[0], 0);
            assert_eq!(shop.find(id).await.note.as_deref(), Some("B-1"));
        }
        assert_eq!(shop.gone().await, [0, 120_00, 0, 0]);
        shop.all_holds().await;
    }

    async fn fee_and_tax_are_kept_by_the_rules_that_it_was_asked_for_by(db) {
        let shop = Shop::open(&db).await;
        let tax = Tax::Withhold { rate_ppm: 200_000, free_minor: 50_00 };
        shop.rules(Rules { fee_rate_ppm: 10_000, fee_minimum_minor: 2_00, tax, ..Rules::USUAL }).await;
        shop.later(TimeDelta::days(8));
        shop.earns(shop.site, 100_00).await;
        let payee = shop.payee(shop.site).await;
        let id = shop.ask(shop.site, (100_00, payee), "ask").await.expect("asked").id;
        // What is cheaper from now on is not for this one.
        shop.rules(Rules::USUAL).await;
        shop.approve(id).await;
        let sent = shop.send(&[id], "send").await.expect("sent");
        assert_eq!(sent.net, cents(88_00));
        assert_eq!(shop.gone().await, [88_00, 0, 2_00, 10_00]);
        shop.all_holds().await;
        // All of it comes back, also what was kept.
        shop.end(id, back()).await.expect("returned");
        assert_eq!((shop.gone().await, shop.has(shop.site).await), ([0; 4], [100_00, 0, 0]));
        shop.all_holds().await;
    }

    async fn what_comes_back_pays_debts_first_even_after_it_had_arrived(db) {
        let shop = Shop::open(&db).await;
        shop.earns(shop.agent, 50_00).await;
        let id = shop.sent(shop.agent, 50_00).await;
        shop.takes_back(shop.agent, 20_00).await;
        assert_eq!(shop.has(shop.agent).await, [0, 0, 20_00]);
        shop.end(id, arrived()).await.expect("paid");
        shop.all_holds().await;
        assert_eq!(shop.end(id, back()).await.expect("returned").state, State::Returned);
        assert_eq!((shop.has(shop.agent).await, shop.gone().await), ([30_00, 0, 0], [0; 4]));
        assert_eq!(refusal(shop.end(id, arrived()).await), Refusal::State { state: State::Returned });
        shop.all_holds().await;
    }

    async fn a_refund_takes_from_what_is_locked_and_the_rest_is_sent(db) {
        let shop = Shop::open(&db).await;
        shop.earns(shop.site, 100_00).await;
        let payee = shop.payee(shop.site).await;
        let id = shop.ask(shop.site, (90_00, payee), "ask").await.expect("asked").id;
        shop.takes_back(shop.site, 30_00).await;
        assert_eq!(shop.has(shop.site).await, [0, 70_00, 0]);
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        let left = shop.withdrawals.left_in(&tx, &[shop.find(id).await]).await.expect("read");
        drop(tx);
        assert_eq!(left, vec![cents(70_00)]);
        shop.all_holds().await;
        shop.approve(id).await;
        assert_eq!(shop.send(&[id], "send").await.expect("sent").net, cents(70_00));
        // On its way it is out of reach.
        shop.takes_back(shop.site, 1_00).await;
        assert_eq!(shop.has(shop.site).await, [0, 0, 1_00]);
        shop.all_holds().await;
    }

    async fn what_a_refund_took_whole_can_only_be_refused(db) {
        let shop = Shop::open(&db).await;
        shop.earns(shop.site, 50_00).await;
        let payee = shop.payee(shop.site).await;
        let id = shop.ask(shop.site, (50_00, payee), "ask").await.expect("asked").id;
        shop.takes_back(shop.site, 60_00).await;
        assert_eq!(shop.has(shop.site).await, [0, 0, 10_00]);
        shop.approve(id).await;
        assert_eq!(refusal(shop.send(&[id], "send").await), Refusal::NothingLeft);
        assert_eq!(shop.state(id).await, State::Approved);
        let word = Word::Reject { reason: "taken back".to_owned() };
        shop.review(id, word, shop.reviewers[0]).await.expect("rejected");
        assert_eq!(shop.has(shop.site).await, [0, 0, 10_00]);
        shop.all_holds().await;
    }

    async fn what_is_called_off_or_refused_is_available_again(db) {
        let shop = Shop::open(&db).await;
        shop.earns(shop.site, 50_00).await;
        let payee = shop.payee(shop.site).await;
        let id = shop.ask(shop.site, (50_00, payee), "one").await.expect("asked").id;
        assert_eq!(shop.review(id, Word::Cancel, shop.owner).await.expect("called off"), State::Cancelled);
        assert_eq!(shop.has(shop.site).await, [50_00, 0, 0]);
        let id = shop.ask(shop.site, (20_00, payee), "two").await.expect("asked").id;
        shop.approve(id).await;
        let word = Word::Reject { reason: "ask again tomorrow".to_owned() };
        assert_eq!(shop.review(id, word.clone(), shop.reviewers[1]).await.expect("refused"), State::Rejected);
        assert_eq!(shop.has(shop.site).await, [50_00, 0, 0]);
        assert_eq!(refusal(shop.review(id, word, shop.reviewers[1]).await), Refusal::State { state: State::Rejected });
        assert_eq!(refusal(shop.send(&[id], "send").await), Refusal::State { state: State::Rejected });
        shop.all_holds().await;
    }

    async fn what_is_available_becomes_money_to_buy_with_up_to_what_a_wallet_takes(db) {
        let shop = Shop::open(&db).await;
        shop.earns(shop.site, 50_00).await;
        shop.earns(shop.agent, 6_000_00).await;
        assert_eq!(shop.convert(shop.site, 20_00, "one").await.expect("converted").state, State::Converted);
        let prepaid = Account::of(AccountKind::SitePrepaid, shop.sites[1].uuid(), CNY);
        assert_eq!((shop.has(shop.site).await, shop.on(prepaid).await), ([30_00, 0, 0], 20_00));
        assert_eq!(refusal(shop.convert(shop.site, 30_01, "two").await), Refusal::Insufficient { available: cents(30_00) });
        let wallet = Account::of(AccountKind::Wallet, shop.customer.uuid(), CNY);
        shop.convert(shop.agent, 4_000_00, "one").await.expect("converted");
        assert_eq!((shop.has(shop.agent).await, shop.on(wallet).await), ([2_000_00, 0, 0], 4_000_00));
        assert_eq!(refusal(shop.convert(shop.agent, 1_000_01, "two").await), Refusal::WalletFull { room: cents(1_000_00) });
        assert!(matches!(refusal(shop.convert(shop.agent, 0, "none").await), Refusal::BelowMinimum { .. }));
        // However often, what is open stays in sight; and twenty times a day are enough.
        let payee = shop.payee(shop.site).await;
        let open = shop.ask(shop.site, (10_00, payee), "open").await.expect("asked").id;
        for turn in 0..3 {
            for time in 0..20 {
                shop.convert(shop.site, 1, &format!("{turn}-{time}")).await.expect("converted");
            }
            assert_eq!(refusal(shop.convert(shop.site, 1, &format!("{turn}-many")).await), Refusal::TooManyToday { most: 20 });
            shop.later(TimeDelta::days(1));
        }
        assert_eq!(refusal(shop.ask(shop.site, (10_00, payee), "two").await), Refusal::OneAtATime { withdrawal: open });
        shop.rules(Rules { may_convert: false, ..Rules::USUAL }).await;
        shop.later(TimeDelta::days(8));
        assert_eq!(refusal(shop.convert(shop.agent, 1_00, "late").await), Refusal::ConversionOff);
        shop.all_holds().await;
    }

    async fn the_audit_sees_what_does_not_fit(db) {
        use sea_orm::ColumnTrait;
        use crate::table::withdrawal::{Column, Entity};
        let shop = Shop::open(&db).await;
        shop.earns(shop.site, 50_00).await;
        let id = shop.sent(shop.site, 50_00).await;
        shop.all_holds().await;
        let spoil = async |column: Column, value: sea_orm::Value| {
            let tx = shop.writer().await;
            tx.update::<Entity>().set(column, value).filter(Column::Id.eq(id.uuid())).run().await.expect("changed");
            tx.commit().await.expect("committed");
            let found = shop.findings().await.len();
            (column, found)
        };
        for (column, wrong, right) in [
            (Column::State, "paid".into(), "sent".into()),
            (Column::State, "requested".into(), "sent".into()),
            (Column::AmountMinor, 49_00i64.into(), 50_00i64.into()),
            (Column::NetMinor, 49_00i64.into(), 50_00i64.into()),
            (Column::RequestedBy, shop.reviewers[0].into(), shop.owner.into()),
            (Column::ApprovedBy, Option::<uuid::Uuid>::None.into(), shop.reviewers[0].into()),
        ] {
            let (column, found) = spoil(column, wrong).await;
            assert!(found > 0, "{column:?}");
            assert_eq!(spoil(column, right).await.1, 0, "{column:?}");
        }
        shop.moves(ledger_earner(shop.site).locked(), 1).await;
        shop.moves(Account::own(AccountKind::WithdrawalsInTransit, CNY), 1).await;
        assert_eq!(shop.findings().await.len(), 2);
    }

    async fn whatever_happens_in_whatever_order_the_books_hold(db) {
        let shop = Shop::open(&db).await;
        shop.rules(Rules { minimum_minor: 1, daily_count: 20, ..Rules::USUAL }).await;
        let payees = [shop.payee(shop.site).await, shop.payee(shop.agent).await];
        let (mut seed, mut known) = (0x9e37_79b9_7f4a_7c15_u64, Vec::new());
        let mut dice = move |sides: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % sides
        };
        let mut earned = 0;
        for turn in 0..200 {
            let who = usize::try_from(dice(2)).expect("small");
            let earner = [shop.site, shop.agent][who];
            let minor = 1 + i64::try_from(dice(50_00)).expect("small");
            let any = known.get(usize::try_from(dice(3)).expect("small")).copied();
            match (dice(12), any) {
                (0..3, _) => {
                    // New earnings pay debts first.
                    let owed = shop.has(earner).await[2].min(minor);
                    shop.moves(ledger_earner(earner).debt(), owed).await;
                    shop.earns(earner, minor - owed).await;
                    earned += minor;
                }
                (3, _) => {
                    shop.takes_back(earner, minor).await;
                    earned -= minor;
                }
                (4 | 5, _) => {
                    if let Ok(asked) = shop.ask(earner, (minor, payees[who]), &turn.to_string()).await {
                        known.insert(0, asked.id);
                    }
                    shop.later(TimeDelta::hours(2));
                }
                (6 | 7, Some(id)) => {
                    let _ = shop.review(id, Word::Approve { is_name_checked: true }, shop.reviewers[0]).await;
                }
                (11, Some(id)) if dice(3) == 0 => {
                    let _ = shop.review(id, Word::Cancel, shop.owner).await;
                }
                (8 | 9, Some(id)) => {
                    let _ = shop.send(&[id], &turn.to_string()).await;
                }
                (10, Some(id)) => {
                    let _ = shop.end(id, arrived()).await;
                }
                (11, Some(id)) if dice(2) == 0 => {
                    let _ = shop.end(id, back()).await;
                }
                _ => {}
            }
        }
        shop.all_holds().await;
        // Invariant 9: paid + locked + available - debt = earned - clawed back.
        let (site, agent, gone) = (shop.has(shop.site).await, shop.has(shop.agent).await, shop.gone().await);
        let left: i64 = [site, agent].iter().map(|[available, locked, owed]| available + locked - owed).sum();
        assert_eq!(left + gone.iter().sum::<i64>(), earned);
        assert!(gone[1] > 0, "something was paid");
    }
}
