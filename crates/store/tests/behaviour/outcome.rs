//! What became of a commit nobody answered.

use std::time::Duration;

use kernel::TenantScope;
use store::{Backend, Outcome, Store, StoreError, Tx, WriteTx};
use testkit::TestDb;

use crate::samples::{make_tables, new_sample, sample, stored};

async fn begun(db: &TestDb) -> (TenantScope, WriteTx<TenantScope>, String) {
    make_tables(db).await;
    let scope = db.tenant().await;
    let tx = db.store.write(&scope).await.expect("a writer");
    tx.insert::<sample::Entity>([new_sample(&scope)]).await.expect("inserted");
    let id = tx.id().expect("PostgreSQL names its transactions").to_owned();
    (scope, tx, id)
}

/// Asks until the database has made up its mind, as the lane does.
async fn settled(store: &Store, id: &str) -> Outcome {
    let ask = async {
        loop {
            match store.outcome(id).await.expect("it answers") {
                Outcome::InProgress => tokio::task::yield_now().await,
                outcome => return outcome,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ask).await.expect("in time")
}

#[tokio::test]
async fn a_committed_transaction_is_known_as_committed() {
    let db = TestDb::postgres().await;
    let (scope, tx, id) = begun(&db).await;
    assert_eq!(db.store.outcome(&id).await.expect("it answers"), Outcome::InProgress);
    tx.commit().await.expect("committed");
    assert_eq!(db.store.outcome(&id).await.expect("it answers"), Outcome::Committed);
    assert_eq!(stored(&db.store, &scope).await.len(), 1);
}

#[tokio::test]
async fn a_dropped_transaction_is_known_as_aborted() {
    let db = TestDb::postgres().await;
    let (scope, tx, id) = begun(&db).await;
    drop(tx);
    assert_eq!(settled(&db.store, &id).await, Outcome::Aborted);
    assert_eq!(stored(&db.store, &scope).await, []);
}

#[tokio::test]
async fn a_connection_lost_before_its_commit_is_told_and_nothing_is_written() {
    let db = TestDb::postgres().await;
    let (scope, tx, id) = begun(&db).await;
    db.psql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'cardgrove_runtime' \
             AND datname = current_database()",
    );
    let lost = tx.commit().await.expect_err("the connection is gone");
    assert!(matches!(lost, StoreError::Lost), "{lost:?}");
    // The pool may still hand out connections that are gone; each answers that it is.
    let asked = async {
        loop {
            match db.store.outcome(&id).await {
                Ok(Outcome::InProgress) | Err(StoreError::Lost) => tokio::task::yield_now().await,
                answer => return answer,
            }
        }
    };
    let outcome = tokio::time::timeout(Duration::from_secs(20), asked).await.expect("in time");
    assert_eq!(outcome.expect("it answers"), Outcome::Aborted);
    assert_eq!(stored(&db.store, &scope).await, []);
}

#[tokio::test]
async fn whoever_goes_away_while_a_transaction_begins_leaves_none_open() {
    let db = TestDb::postgres().await;
    let scope = db.tenant().await;
    let open = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'cardgrove_runtime' \
                AND datname = current_database() AND state LIKE 'idle in transaction%'";
    for patience in 0..12 {
        {
            let mut begin = std::pin::pin!(db.store.write(&scope));
            for _ in 0..patience {
                if futures::poll!(&mut begin).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        let closed = async {
            while db.psql(open) != "0" {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let closed = tokio::time::timeout(Duration::from_secs(5), closed).await;
        assert!(closed.is_ok(), "a transaction stays open, whose caller went away after {patience} looks");
    }
}

#[tokio::test]
async fn sqlite_answers_every_commit_and_names_none() {
    let db = TestDb::sqlite().await;
    assert_eq!(db.backend, Backend::Sqlite);
    let scope = db.tenant().await;
    let tx = db.store.write(&scope).await.expect("a writer");
    assert_eq!(tx.id(), None);
    assert_eq!(tx.now(), db.store.time());
}

#[tokio::test]
async fn a_transaction_that_sqlite_ended_by_itself_spoils_no_later_one() {
    let db = TestDb::sqlite().await;
    make_tables(&db).await;
    let scope = db.tenant().await;
    // As a full disk does: the statement fails, and the whole transaction is gone.
    let full = "CREATE TRIGGER full BEFORE INSERT ON samples WHEN NEW.name = 'too big' \
                BEGIN SELECT RAISE(ROLLBACK, 'no room'); END";
    db.tamper(full).await.expect("a trigger");
    for _ in 0..2 {
        let tx = db.store.write(&scope).await.expect("a writer");
        let too_big = sample::Model { name: "too big".to_owned(), ..new_sample(&scope) };
        tx.insert::<sample::Entity>([too_big]).await.expect_err("there is no room");
        drop(tx);
        let tx = db.store.write(&scope).await.expect("a writer");
        tx.insert::<sample::Entity>([new_sample(&scope)]).await.expect("inserted");
        drop(tx);
    }
    let row = new_sample(&scope);
    let tx = db.store.write(&scope).await.expect("a writer");
    tx.insert::<sample::Entity>([row.clone()]).await.expect("inserted");
    tx.commit().await.expect("committed");
    assert_eq!(stored(&db.store, &scope).await, [row]);
}
