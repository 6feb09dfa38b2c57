mod period;

use kernel::{Currency, Money, TenantId, TenantScope};
use proptest::prelude::*;
use store::Store;
use testkit::on_both;
use uuid::Uuid;

use crate::{
    Account, AccountBalance, AccountKind, AccountLine, Book, Entry, EntryKind, LedgerError, LineMark, Posting,
    Statement, accounts_in, audit_in, balances_in, entries_of_in, lines_in, statement_in,
};

const CNY: Currency = Currency::CNY;

fn cents(minor: i64) -> Money {
    Money::new(minor, CNY)
}

fn opening() -> Account {
    Account::own(AccountKind::Opening, CNY)
}

fn move_between(subject: Uuid, act: &str, from: Account, to: Account, minor: i64) -> Entry {
    let postings = [Posting { account: from, amount: cents(-minor) }, Posting { account: to, amount: cents(minor) }];
    Entry::try_new(EntryKind::Adjustment, subject, act, postings).expect("two sides of one amount balance")
}

async fn post(store: &Store, scope: &TenantScope, entries: Vec<Entry>) -> Result<(), LedgerError> {
    let tx = store.write(scope).await?;
    let mut book = Book::new(scope.id());
    for posting in entries.iter().flat_map(Entry::postings) {
        book.want(posting.account);
    }
    book.read_in(&tx).await?;
    for entry in entries {
        book.post(entry)?;
    }
    book.write_in(&tx, Uuid::now_v7()).await?;
    Ok(tx.commit().await?)
}

async fn balance(store: &Store, scope: &TenantScope, account: Account) -> i64 {
    let tx = store.read(scope).await.expect("a reader");
    balances_in(&tx, &[account]).await.expect("a balance")[0].minor()
}

async fn breaches(store: &Store, scope: &TenantScope) -> Vec<u8> {
    let tx = store.read(scope).await.expect("a reader");
    audit_in(&tx).await.expect("an audit").breaches.iter().map(|breach| breach.invariant).collect()
}

on_both! {
    async fn what_is_posted_is_what_balances_say(db) {
        let scope = db.tenant().await;
        let (buyer, wallet) = wallet();
        post(&db.store, &scope, vec![move_between(buyer, "open", opening(), wallet, 500)]).await.expect("posted");
        post(&db.store, &scope, vec![move_between(buyer, "more", opening(), wallet, 50)]).await.expect("posted");
        assert_eq!(balance(&db.store, &scope, wallet).await, 550);
        assert_eq!(balance(&db.store, &scope, opening()).await, -550);
        assert_eq!(breaches(&db.store, &scope).await, Vec::<u8>::new());
        let tx = db.store.read(&scope).await.expect("a reader");
        assert_eq!(entries_of_in(&tx, buyer).await.expect("entries").len(), 2);
    }

    async fn a_statement_read_in_parts_is_the_whole_one(db) {
        let scope = db.tenant().await;
        let (buyer, wallet) = wallet();
        let amounts = [300, -50, 7].map(|minor| Posting { account: wallet, amount: cents(minor) });
        let postings = amounts.into_iter().chain([Posting { account: opening(), amount: cents(-257) }]);
        let several = Entry::try_new(EntryKind::Adjustment, buyer, "several", postings).expect("balanced");
        post(&db.store, &scope, vec![several, move_between(buyer, "one", opening(), wallet, 90)]).await.expect("posted");
        let tx = db.store.read(&scope).await.expect("a reader");
        let id = wallet.id(scope.id());
        let whole = lines_in(&tx, id, None, 100).await.expect("a statement");
        assert_eq!(whole.iter().map(|line| line.amount.minor()).sum::<i64>(), 347);
        let mut parts = Vec::new();
        for _ in 0..5 {
            let after = parts.last().map(|line: &AccountLine| LineMark::parse(&line.mark.to_string()).expect("a mark"));
            parts.extend(lines_in(&tx, id, after, 1).await.expect("a part"));
        }
        assert_eq!((parts.len(), parts), (4, whole));
    }

    async fn accounts_are_listed_in_parts_and_by_kind(db) {
        let scope = db.tenant().await;
        let (buyer, wallet) = wallet();
        post(&db.store, &scope, vec![move_between(buyer, "open", opening(), wallet, 500)]).await.expect("posted");
        let tx = db.store.read(&scope).await.expect("a reader");
        let all = accounts_in(&tx, None, None, 10).await.expect("accounts");
        let second = accounts_in(&tx, None, Some(all[0].id), 10).await.expect("accounts");
        assert_eq!((all.len(), second), (2, vec![all[1]]));
        let wallets = accounts_in(&tx, Some(AccountKind::Wallet), None, 10).await.expect("accounts");
        assert_eq!(wallets, [AccountBalance { id: wallet.id(scope.id()), account: wallet, balance: cents(500) }]);
    }

    async fn the_same_fact_is_posted_once(db) {
        let scope = db.tenant().await;
        let (buyer, wallet) = wallet();
        let entry = move_between(buyer, "open", opening(), wallet, 500);
        post(&db.store, &scope, vec![entry.clone()]).await.expect("posted");
        let again = post(&db.store, &scope, vec![entry]).await;
        assert!(matches!(again, Err(LedgerError::Store(store::StoreError::Taken { .. }))), "{again:?}");
        assert_eq!(balance(&db.store, &scope, wallet).await, 500);
    }

    async fn a_statement_says_what_was_on_the_account_after_each_step(db) {
        let scope = db.tenant().await;
        let (buyer, wallet) = wallet();
        for (act, minor) in [("open", 500), ("more", 50), ("last", 7)] {
            post(&db.store, &scope, vec![move_between(buyer, act, opening(), wallet, minor)]).await.expect("posted");
            db.clock.advance(chrono::TimeDelta::seconds(1));
        }
        // An old subject that is posted last stands first.
        post(&db.store, &scope, vec![move_between(Uuid::nil(), "late", wallet, opening(), 57)]).await.expect("posted");
        let tx = db.store.read(&scope).await.expect("a reader");
        let first = statement_in(&tx, wallet, None, 3).await.expect("a statement");
        let told = |page: &Statement| -> Vec<(i64, Option<i64>)> {
            page.lines.iter().map(|line| (line.amount.minor(), line.balance.map(|balance| balance.minor()))).collect()
        };
        assert_eq!(told(&first), [(-57, Some(500)), (7, Some(557)), (50, Some(550))]);
        let second = statement_in(&tx, wallet, first.next, 3).await.expect("a statement");
        assert_eq!((told(&second), second.next), (vec![(500, Some(500))], None));
        let (_, other) = self::wallet();
        assert_eq!(statement_in(&tx, other, None, 3).await.expect("a statement").lines, []);
    }

    async fn a_wallet_cannot_be_overdrawn(db) {
        let scope = db.tenant().await;
        let (buyer, wallet) = wallet();
        post(&db.store, &scope, vec![move_between(buyer, "open", opening(), wallet, 500)]).await.expect("posted");
        let refused = post(&db.store, &scope, vec![move_between(buyer, "spend", wallet, opening(), 501)]).await;
        assert!(matches!(refused, Err(LedgerError::Insufficient { .. })), "{refused:?}");
        assert_eq!(balance(&db.store, &scope, wallet).await, 500);
    }

    async fn the_database_refuses_an_overdraft_that_the_book_did_not_see(db) {
        let scope = db.tenant().await;
        let (buyer, wallet) = wallet();
        post(&db.store, &scope, vec![move_between(buyer, "open", opening(), wallet, 500)]).await.expect("posted");
        let mut late = Book::new(scope.id());
        late.want(wallet);
        late.read_in(&db.store.read(&scope).await.expect("a reader")).await.expect("read");
        post(&db.store, &scope, vec![move_between(buyer, "first", wallet, opening(), 400)]).await.expect("posted");
        late.post(move_between(buyer, "second", wallet, opening(), 400)).expect("the book knows of 500");
        let tx = db.store.write(&scope).await.expect("a writer");
        let refused = late.write_in(&tx, Uuid::now_v7()).await;
        let LedgerError::Store(store::StoreError::Check { constraint }) = refused.expect_err("refused") else {
            panic!("the check speaks");
        };
        assert_eq!(constraint, "accounts_balance_not_negative");
    }

    async fn posted_rows_cannot_be_changed_or_removed(db) {
        let scope = db.tenant().await;
        let (buyer, wallet) = wallet();
        post(&db.store, &scope, vec![move_between(buyer, "open", opening(), wallet, 500)]).await.expect("posted");
        let tx = db.store.write(&scope).await.expect("a writer");
        let changed = tx.update::<crate::table::posting::Entity>().add(crate::table::posting::Column::AmountMinor, 1i64);
        assert!(matches!(changed.run().await, Err(store::StoreError::Forbidden)));
        drop(tx);
        let tx = db.store.write(&scope).await.expect("a writer");
        assert!(matches!(tx.delete::<crate::table::entry::Entity>().run().await, Err(store::StoreError::Forbidden)));
    }

    async fn an_audit_finds_a_changed_amount(db) {
        let scope = db.tenant().await;
        let (buyer, wallet) = wallet();
        post(&db.store, &scope, vec![move_between(buyer, "open", opening(), wallet, 500)]).await.expect("posted");
        if db.backend == store::Backend::Sqlite {
            db.tamper("DROP TRIGGER postings_no_update").await.expect("an intruder owns the file");
        }
        db.tamper("UPDATE postings SET amount_minor = amount_minor + 1 WHERE amount_minor > 0").await.expect("tampered");
        assert_eq!(breaches(&db.store, &scope).await, [1, 2, 2, 12]);
    }

    async fn an_audit_finds_postings_that_belong_to_no_entry(db) {
        let scope = db.tenant().await;
        let (buyer, wallet) = wallet();
        post(&db.store, &scope, vec![move_between(buyer, "open", opening(), wallet, 500)]).await.expect("posted");
        // Behind the last entry, where no page of entries leads.
        let stray = match db.backend {
            store::Backend::Sqlite => format!("X'{}'", "f".repeat(32)),
            store::Backend::Postgres => format!("'{}'::uuid", "f".repeat(32)),
        };
        let copy = "INSERT INTO postings (tenant_id, account_id, entry_id, seq, amount_minor, currency) \
                    SELECT tenant_id, account_id";
        db.tamper(&format!("{copy}, {stray}, seq, amount_minor, currency FROM postings")).await.expect("tampered");
        assert_eq!(breaches(&db.store, &scope).await, [1]);
    }

    async fn an_audit_finds_a_balance_out_of_thin_air(db) {
        let scope = db.tenant().await;
        let (buyer, wallet) = wallet();
        post(&db.store, &scope, vec![move_between(buyer, "open", opening(), wallet, 500)]).await.expect("posted");
        db.tamper("UPDATE accounts SET balance_minor = 999 WHERE kind = 'wallet'").await.expect("tampered");
        assert_eq!(breaches(&db.store, &scope).await, [2]);
    }

    async fn a_tenant_sees_nothing_of_anothers_ledger(db) {
        let (ours, theirs) = (db.tenant().await, db.tenant().await);
        let (buyer, wallet) = wallet();
        post(&db.store, &ours, vec![move_between(buyer, "open", opening(), wallet, 500)]).await.expect("posted");
        let tx = db.store.read(&theirs).await.expect("a reader");
        assert!(entries_of_in(&tx, buyer).await.expect("entries").is_empty());
        assert_eq!(audit_in(&tx).await.expect("an audit").entries, 0);
    }
}

fn wallet() -> (Uuid, Account) {
    let buyer = Uuid::now_v7();
    (buyer, Account::of(AccountKind::Wallet, buyer, CNY))
}

#[test]
fn an_unbalanced_entry_cannot_be_made() {
    let postings = [Posting { account: opening(), amount: cents(1) }];
    let made = Entry::try_new(EntryKind::Adjustment, Uuid::now_v7(), "x", postings);
    assert!(matches!(made, Err(LedgerError::Unbalanced { sum: 1, .. })));
}

#[test]
fn an_account_has_the_same_id_for_ever() {
    let tenant = TenantId::from_uuid(Uuid::from_u128(1));
    let id = Account::of(AccountKind::Wallet, Uuid::from_u128(2), CNY).id(tenant);
    insta::assert_snapshot!(id, @"acc_43exj6hdp6ghvr5fdxdszwpjzn");
}

proptest! {
    #[test]
    fn a_refused_entry_leaves_the_book_as_it_was(amounts in prop::collection::vec(1i64..200, 1..40)) {
        let (buyer, wallet) = wallet();
        let mut book = Book::new(TenantId::new());
        book.want(wallet);
        book.assume(wallet, 500);
        let mut expected = 500;
        for (index, amount) in amounts.into_iter().enumerate() {
            let before = book.entries().len();
            match book.post(move_between(buyer, &index.to_string(), wallet, opening(), amount)) {
                Ok(_) => expected -= amount,
                Err(_) => prop_assert_eq!(book.entries().len(), before),
            }
            prop_assert_eq!(book.balance(&wallet).expect("known").minor(), expected);
            prop_assert!(expected >= 0);
        }
    }
}
