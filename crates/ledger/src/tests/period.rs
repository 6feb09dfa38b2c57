//! Statements of a period, and what links say that they moved.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Clock, Day};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;
use crate::{Earner, PeriodEntries, PeriodLine, Section, Side, Totals, Turnover, links_in, period_in, totals_in};

/// The first 48 bits of an id that was made then.
fn subject_of(moment: DateTime<Utc>, number: u128) -> Uuid {
    Uuid::from_u128((u128::from(moment.timestamp_millis().unsigned_abs()) << 80) | number)
}

/// One entry of a made-up history: how many hours after the one before it, of a subject how many hours old, what it moves
/// between which accounts.
type Step = (u8, u16, i64, usize);

async fn history(
    db: &testkit::TestDb,
    scope: &TenantScope,
    steps: &[Step],
) -> (Uuid, Vec<(DateTime<Utc>, Account, i64)>) {
    let owner = Uuid::now_v7();
    let earner = Earner { side: Side::Site, owner, currency: CNY };
    let day = Day::of(db.clock.now());
    let accounts = [
        earner.pending(day),
        earner.pending(day.after(9)),
        earner.available(),
        Account::of(AccountKind::SitePrepaid, owner, CNY),
    ];
    let mut known = Vec::new();
    for (number, (hours, age, minor, place)) in steps.iter().enumerate() {
        db.clock.advance(TimeDelta::hours(i64::from(*hours)));
        let now = db.clock.now();
        let subject = subject_of(now - TimeDelta::hours(i64::from(*age)), number as u128);
        let account = accounts[place % accounts.len()];
        post(&db.store, scope, vec![move_between(subject, "step", opening(), account, *minor)]).await.expect("posted");
        known.push((now, account, *minor));
    }
    (owner, known)
}

fn naive(known: &[(DateTime<Utc>, Account, i64)], kind: AccountKind, is: impl Fn(DateTime<Utc>) -> bool) -> Vec<i64> {
    known.iter().filter(|(at, account, _)| account.kind == kind && is(*at)).map(|(.., minor)| *minor).collect()
}

const KINDS: [AccountKind; 3] = [AccountKind::SitePrepaid, AccountKind::SitePending, AccountKind::SiteAvailable];

on_both! {
    async fn a_period_begins_with_what_was_there_and_ends_with_what_was_left(db) {
        let scope = db.tenant().await;
        let start = db.clock.now();
        // Subjects are up to three months old when something is posted about them.
        let steps = prop::collection::vec((0u8..30, prop_oneof![0u16..20, 0u16..2_000], 1i64..500, 0usize..4), 25);
        let steps = steps.new_tree(&mut TestRunner::default()).expect("a history").current();
        let (owner, known) = history(&db, &scope, &steps).await;
        let total = db.clock.now() - start;
        for (begin, end) in [(0, 8), (1, 3), (2, 2), (3, 7), (7, 8), (8, 9)] {
            let (from, until) = (start + total * begin / 8, start + total * end / 8);
            let tx = db.store.snapshot(&scope).await.expect("a reader");
            let sections = period_in(&tx, (owner, &KINDS), CNY, (from, until)).await.expect("a statement");
            assert_eq!(sections.iter().map(|section| section.kind).collect::<Vec<_>>(), KINDS);
            for Section { kind, opening, lines, closing } in sections {
                let before: i64 = naive(&known, kind, |at| at < from).iter().sum();
                let within = naive(&known, kind, |at| at >= from && at < until);
                assert_eq!(opening.minor(), before, "{kind:?} from {from} until {until} of {steps:?}");
                let mut amounts: Vec<i64> = lines.iter().map(|line| line.amount.minor()).collect();
                let mut sum = before;
                for PeriodLine { amount, balance, at, .. } in &lines {
                    sum += amount.minor();
                    assert_eq!(balance.minor(), sum);
                    assert!(*at >= from && *at < until);
                }
                assert!(lines.is_sorted_by_key(|line| line.at));
                assert_eq!(closing.minor(), sum);
                amounts.sort_unstable();
                let mut expected = within.clone();
                expected.sort_unstable();
                assert_eq!(amounts, expected, "{kind:?} from {from} until {until} of {steps:?}");
            }
        }
        assert_eq!(breaches(&db.store, &scope).await, Vec::<u8>::new());
    }

    async fn the_entries_of_a_period_are_all_of_them_and_no_others(db) {
        let scope = db.tenant().await;
        let start = db.clock.now();
        let steps = prop::collection::vec((0u8..30, prop_oneof![0u16..20, 0u16..2_000], 1i64..500, 0usize..4), 25);
        let steps = steps.new_tree(&mut TestRunner::default()).expect("a history").current();
        let (_, known) = history(&db, &scope, &steps).await;
        let total = db.clock.now() - start;
        let tx = db.store.snapshot(&scope).await.expect("a reader");
        for (begin, end) in [(0, 9), (1, 3), (2, 2), (5, 7)] {
            let (from, until) = (start + total * begin / 8, start + total * end / 8);
            let mut found = Vec::new();
            let mut pages = PeriodEntries::new(&[EntryKind::Adjustment], (from, until));
            while let Some(page) = pages.next_in(&tx).await.expect("read") {
                found.extend(page.into_iter().map(|(at, entry)| (at, entry.postings()[1].amount.minor())));
            }
            let within = known.iter().filter(|(at, ..)| *at >= from && *at < until);
            let mut expected: Vec<_> = within.map(|(at, _, minor)| (*at, *minor)).collect();
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected, "from {from} until {until} of {steps:?}");
            assert!(PeriodEntries::new(&[EntryKind::OrderPaid], (from, until)).next_in(&tx).await.expect("read").is_none());
        }
    }

    async fn somebody_else_has_no_part_in_a_statement(db) {
        let (scope, theirs) = (db.tenant().await, db.tenant().await);
        let (owner, _) = history(&db, &scope, &[(1, 0, 100, 3), (1, 900, 50, 3)]).await;
        let (from, until) = (db.clock.now() - TimeDelta::days(9), db.clock.now() + TimeDelta::days(1));
        let tx = db.store.snapshot(&theirs).await.expect("a reader");
        for section in period_in(&tx, (owner, &KINDS), CNY, (from, until)).await.expect("a statement") {
            assert_eq!((section.opening.minor(), section.lines.len(), section.closing.minor()), (0, 0, 0));
        }
        let tx = db.store.snapshot(&scope).await.expect("a reader");
        let other = period_in(&tx, (Uuid::now_v7(), &KINDS), CNY, (from, until)).await.expect("a statement");
        assert!(other.iter().all(|section| section.lines.is_empty()));
    }

    async fn links_say_what_they_moved_and_add_up_to_what_is_there(db) {
        let scope = db.tenant().await;
        history(&db, &scope, &[(1, 0, 100, 0), (1, 900, 50, 3), (1, 0, 7, 1)]).await;
        let tx = db.store.snapshot(&scope).await.expect("a reader");
        let links = links_in(&tx, 0, 10).await.expect("links");
        assert_eq!(links.iter().map(|link| link.sequence).collect::<Vec<_>>(), [1, 2, 3]);
        let mut moved = Turnover::default();
        links.iter().for_each(|link| moved.add(link.moved.as_ref().expect("it says what it moved")));
        let sums: Totals = moved.iter().map(|(key, sides)| (key, sides.net())).collect();
        assert_eq!(sums, totals_in(&tx).await.expect("totals"));
        assert_eq!(sums.values().sum::<i128>(), 0);
        assert_eq!(links_in(&tx, 2, 10).await.expect("links").len(), 1);
    }

    async fn an_audit_finds_a_link_that_says_something_else(db) {
        let scope = db.tenant().await;
        history(&db, &scope, &[(1, 0, 100, 0)]).await;
        if db.backend == store::Backend::Sqlite {
            db.tamper("DROP TRIGGER ledger_links_no_update").await.expect("an intruder owns the file");
        }
        db.tamper("UPDATE ledger_links SET moved = 'site_pending CNY 0 99;opening CNY 99 0'").await.expect("tampered");
        assert_eq!(breaches(&db.store, &scope).await, [2]);
    }

    async fn an_audit_finds_a_belated_entry_that_is_not_listed(db) {
        let scope = db.tenant().await;
        history(&db, &scope, &[(1, 900, 100, 0)]).await;
        assert_eq!(breaches(&db.store, &scope).await, Vec::<u8>::new());
        if db.backend == store::Backend::Sqlite {
            db.tamper("DROP TRIGGER belated_entries_no_delete").await.expect("an intruder owns the file");
        }
        db.tamper("DELETE FROM belated_entries").await.expect("tampered");
        assert_eq!(breaches(&db.store, &scope).await, [2]);
    }
}
