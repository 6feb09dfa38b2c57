mod outcome;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use kernel::{Currency, Money, TenantScope};
use ledger::{Account, AccountKind, Book, Entry, EntryKind, Posting, audit_in, balances_in};
use serde::{Deserialize, Serialize};
use store::{Backend, Store};
use testkit::{TestDb, on_both};
use uuid::Uuid;

use crate::{Command, CommandKey, LaneError, LaneSettings, Lanes, Parts};

/// Moves money from the opening account into a wallet, or out of it when below zero.
struct Move {
    key: String,
    buyer: Uuid,
    minor: i64,
    panics: bool,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Poor {
    available: i64,
}

fn wallet(buyer: Uuid) -> Account {
    Account::of(AccountKind::Wallet, buyer, Currency::CNY)
}

impl Command for Move {
    type Answer = Result<i64, Poor>;

    fn key(&self) -> CommandKey {
        CommandKey::request("test", &self.key)
    }

    fn fingerprint(&self) -> Vec<u8> {
        self.minor.to_be_bytes().to_vec()
    }

    fn actors(&self) -> Vec<u64> {
        vec![crate::actor(&self.buyer)]
    }

    fn want(&self, parts: &mut Parts) {
        parts.part::<Book>().want(wallet(self.buyer));
    }

    fn decide(&self, parts: &mut Parts, _now: DateTime<Utc>) -> Self::Answer {
        assert!(!self.panics, "a rule with a bug");
        let book = parts.part::<Book>();
        let amount = Money::new(self.minor, Currency::CNY);
        let postings = [
            Posting { account: wallet(self.buyer), amount },
            Posting {
                account: Account::own(AccountKind::Opening, Currency::CNY),
                amount: Money::new(-self.minor, Currency::CNY),
            },
        ];
        let entry = Entry::try_new(EntryKind::Adjustment, self.buyer, &self.key, postings).expect("balanced");
        let available = book.balance(&wallet(self.buyer)).expect("asked for").minor();
        book.post(entry).map(|_| available + self.minor).map_err(|_| Poor { available })
    }
}

fn lanes(store: &Store) -> Lanes {
    Lanes::new(store.clone(), LaneSettings::of(store.backend()), |_| Vec::new())
}

fn give(key: impl Into<String>, buyer: Uuid, minor: i64) -> Move {
    Move { key: key.into(), buyer, minor, panics: false }
}

async fn balance(db: &TestDb, scope: &TenantScope, buyer: Uuid) -> i64 {
    let tx = db.store.read(scope).await.expect("a reader");
    balances_in(&tx, &[wallet(buyer)]).await.expect("a balance")[0].minor()
}

async fn is_sound(db: &TestDb, scope: &TenantScope) -> bool {
    let tx = db.store.snapshot(scope).await.expect("a reader");
    audit_in(&tx).await.expect("an audit").breaches.is_empty()
}

on_both! {
    async fn commands_queued_together_share_a_transaction(db) {
        let (lanes, scope, buyer) = (lanes(&db.store), db.tenant().await, Uuid::now_v7());
        let moves = (0..200).map(|n| lanes.run(&scope, give(n.to_string(), buyer, 1)));
        let answers = futures::future::join_all(moves).await;
        assert!(answers.iter().all(|answer| matches!(answer, Ok(answered) if answered.answer.is_ok())));
        let batches = lanes.stats().batches.load(std::sync::atomic::Ordering::Relaxed);
        assert!(batches < 100, "{batches} batches for 200 commands");
        assert_eq!(balance(&db, &scope, buyer).await, 200);
        assert!(is_sound(&db, &scope).await);
    }

    async fn the_same_key_has_one_effect_and_one_answer(db) {
        let (lanes, scope, buyer) = (lanes(&db.store), db.tenant().await, Uuid::now_v7());
        let twins = (0..20).map(|_| lanes.run(&scope, give("twin", buyer, 7)));
        let answers = futures::future::join_all(twins).await;
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect("answered")).collect();
        assert!(answers.iter().all(|answered| answered.answer == Ok(7)));
        assert_eq!(answers.iter().filter(|answered| !answered.is_replay).count(), 1);
        let later = lanes.run(&scope, give("twin", buyer, 7)).await.expect("answered");
        assert!(later.is_replay && later.answer == Ok(7));
        assert_eq!(balance(&db, &scope, buyer).await, 7);
    }

    async fn a_repeat_queued_behind_a_misuse_of_its_key_gets_its_first_answer(db) {
        let (lanes, scope, buyer) = (lanes(&db.store), db.tenant().await, Uuid::now_v7());
        lanes.run(&scope, give("key", buyer, 7)).await.expect("answered").answer.expect("moved");
        // Both are queued before the lane takes them: they are one batch.
        let (misuse, repeat) =
            futures::join!(lanes.run(&scope, give("key", buyer, 8)), lanes.run(&scope, give("key", buyer, 7)));
        assert!(matches!(misuse, Err(LaneError::KeyReused { .. })), "{misuse:?}");
        let repeat = repeat.expect("answered");
        assert!(repeat.is_replay && repeat.answer == Ok(7));
    }

    async fn a_key_used_for_something_else_is_refused(db) {
        let (lanes, scope, buyer) = (lanes(&db.store), db.tenant().await, Uuid::now_v7());
        lanes.run(&scope, give("key", buyer, 7)).await.expect("answered").answer.expect("moved");
        let other = lanes.run(&scope, give("key", buyer, 8)).await;
        assert!(matches!(other, Err(LaneError::KeyReused { .. })), "{other:?}");
        assert_eq!(balance(&db, &scope, buyer).await, 7);
    }

    async fn a_rejection_fails_no_neighbour_and_is_kept(db) {
        let (lanes, scope, buyer) = (lanes(&db.store), db.tenant().await, Uuid::now_v7());
        let (first, poor, last) = tokio::join!(
            lanes.run(&scope, give("a", buyer, 5)),
            lanes.run(&scope, give("b", buyer, -100)),
            lanes.run(&scope, give("c", buyer, 5)),
        );
        assert!(first.expect("answered").answer.is_ok() && last.expect("answered").answer.is_ok());
        let rejected = poor.expect("answered").answer.expect_err("too poor");
        lanes.run(&scope, give("rich", buyer, 1000)).await.expect("answered").answer.expect("moved");
        let again = lanes.run(&scope, give("b", buyer, -100)).await.expect("answered");
        assert_eq!((again.is_replay, again.answer), (true, Err(rejected)));
    }

    async fn a_poisoned_command_is_found_and_fails_alone(db) {
        let (lanes, scope, buyer) = (lanes(&db.store), db.tenant().await, Uuid::now_v7());
        let moves = (0..16).map(|n| {
            lanes.run(&scope, Move { key: n.to_string(), buyer, minor: 1, panics: n == 5 })
        });
        let answers = futures::future::join_all(moves).await;
        for (n, answer) in answers.iter().enumerate() {
            assert_eq!(answer.is_ok(), n != 5, "{n}: {answer:?}");
        }
        assert_eq!(balance(&db, &scope, buyer).await, 15);
        assert!(is_sound(&db, &scope).await);
    }

    async fn a_caller_that_goes_away_does_not_cancel_its_command(db) {
        let (lanes, scope, buyer) = (lanes(&db.store), db.tenant().await, Uuid::now_v7());
        let mut gone = Box::pin(lanes.run(&scope, give("gone", buyer, 3)));
        assert!(futures::poll!(gone.as_mut()).is_pending());
        drop(gone);
        lanes.stop().await;
        assert_eq!(balance(&db, &scope, buyer).await, 3);
    }

    async fn stopping_carries_out_what_is_queued_and_takes_no_more(db) {
        let (lanes, scope, buyer) = (lanes(&db.store), db.tenant().await, Uuid::now_v7());
        let moves: Vec<_> = (0..50)
            .map(|n| {
                let lanes = lanes.clone();
                tokio::spawn(async move { lanes.run(&scope, give(n.to_string(), buyer, 1)).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(20)).await;
        lanes.stop().await;
        let refused = lanes.run(&scope, give("late", buyer, 1)).await;
        assert!(matches!(refused, Err(LaneError::Stopping)));
        let mut done = 0;
        for answer in moves {
            done += i64::from(answer.await.expect("no panic").is_ok());
        }
        assert_eq!(balance(&db, &scope, buyer).await, done);
    }

    async fn a_full_queue_answers_at_once(db) {
        let scope = db.tenant().await;
        let settings = LaneSettings { queue_max: 4, ..LaneSettings::of(db.backend) };
        let lanes = Lanes::new(db.store.clone(), settings, |_| Vec::new());
        let buyer = Uuid::now_v7();
        let moves = (0..200).map(|n| lanes.run(&scope, give(n.to_string(), buyer, 1)));
        let answers = futures::future::join_all(moves).await;
        let done = answers.iter().filter(|answer| answer.is_ok()).count();
        assert!(answers.iter().any(|answer| matches!(answer, Err(LaneError::Full))));
        assert_eq!(balance(&db, &scope, buyer).await, i64::try_from(done).expect("small"));
    }

    async fn what_is_for_one_buyer_is_never_in_two_batches_at_once(db) {
        let settings = LaneSettings { batch_max: 8, beside_from: 1, ..LaneSettings::of(db.backend) };
        let lanes = Arc::new(Lanes::new(db.store.clone(), settings, |_| Vec::new()));
        let (scope, buyer, others) = (db.tenant().await, Uuid::now_v7(), [Uuid::now_v7(), Uuid::now_v7()]);
        lanes.run(&scope, give("open", buyer, 60)).await.expect("answered").answer.expect("moved");
        let moves: Vec<_> = (0..200)
            .map(|n| {
                let lanes = Arc::clone(&lanes);
                let (who, minor) = if n % 2 == 0 { (buyer, -1) } else { (others[n / 2 % 2], 1) };
                tokio::spawn(async move { (who, lanes.run(&scope, give(format!("m{n}"), who, minor)).await) })
            })
            .collect();
        let mut spent = 0;
        for done in moves {
            let (who, answer) = done.await.expect("no panic");
            spent += i64::from(who == buyer && answer.expect("answered").answer.is_ok());
        }
        assert_eq!((spent, balance(&db, &scope, buyer).await), (60, 0));
        // Nobody spent what another batch was just spending: the database never had to say no.
        assert_eq!(lanes.stats().reruns.load(std::sync::atomic::Ordering::Relaxed), 0);
        assert!(is_sound(&db, &scope).await);
    }

    async fn two_nodes_never_spend_the_same_money(db) {
        let (ours, theirs) = (Arc::new(lanes(&db.store)), Arc::new(lanes(&db.store)));
        let (scope, buyer) = (db.tenant().await, Uuid::now_v7());
        ours.run(&scope, give("open", buyer, 60)).await.expect("answered").answer.expect("moved");
        let spends: Vec<_> = (0..100)
            .map(|n| {
                let lanes = Arc::clone(if n % 2 == 0 { &ours } else { &theirs });
                tokio::spawn(async move { lanes.run(&scope, give(format!("s{n}"), buyer, -1)).await })
            })
            .collect();
        let mut spent = 0;
        for spend in spends {
            spent += i64::from(matches!(spend.await.expect("no panic"), Ok(answered) if answered.answer.is_ok()));
        }
        assert_eq!((spent, balance(&db, &scope, buyer).await), (60, 0));
        assert!(is_sound(&db, &scope).await);
    }

    async fn tenants_share_no_key(db) {
        let lanes = lanes(&db.store);
        let (one, two, buyer) = (db.tenant().await, db.tenant().await, Uuid::now_v7());
        let first = lanes.run(&one, give("same", buyer, 1)).await.expect("answered");
        let second = lanes.run(&two, give("same", buyer, 2)).await.expect("answered");
        assert!(!first.is_replay && !second.is_replay);
        assert_eq!((balance(&db, &one, buyer).await, balance(&db, &two, buyer).await), (1, 2));
    }

    async fn request_keys_are_pruned_and_fact_keys_stay(db) {
        let (lanes, scope, buyer) = (lanes(&db.store), db.tenant().await, Uuid::now_v7());
        lanes.run(&scope, give("old", buyer, 1)).await.expect("answered").answer.expect("moved");
        db.clock.advance(chrono::TimeDelta::hours(73));
        let tx = db.store.write(&scope).await.expect("a writer");
        let before = db.store.time() - chrono::TimeDelta::hours(72);
        assert_eq!(crate::prune_in(&tx, before, 10).await.expect("pruned"), 1);
    }
}

#[test]
fn sqlite_takes_larger_batches() {
    assert!(LaneSettings::of(Backend::Sqlite).batch_max > LaneSettings::of(Backend::Postgres).batch_max);
}
