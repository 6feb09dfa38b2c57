//! Both databases refuse in the same words.

use std::time::Duration;

use sea_orm::ColumnTrait;
use store::{Backend, FileLock, Store, StoreError};
use testkit::TestDb;
use uuid::Uuid;

use crate::samples::{commit, log_line, make_tables, new_sample, sample, save, stored};

testkit::on_both! {
    async fn a_taken_name_is_told_by_its_constraint(db) {
        make_tables(&db).await;
        let scope = db.tenant().await;
        let row = new_sample(&scope);
        save(&db.store, &scope, std::slice::from_ref(&row)).await;
        let same_name = sample::Model { name: row.name.clone(), ..new_sample(&scope) };
        let same_key = sample::Model { id: row.id, ..new_sample(&scope) };
        for (row, constraint) in [(same_name, "samples_tenant_id_name_key"), (same_key, "samples_tenant_id_id_key")] {
            let tx = db.store.write(&scope).await.expect("a writer");
            let refused = tx.insert::<sample::Entity>([row]).await.expect_err("taken");
            assert!(refused.is_taken(constraint), "{refused:?}");
        }
    }

    async fn the_same_name_in_another_tenant_is_free(db) {
        make_tables(&db).await;
        let (ours, theirs) = (db.tenant().await, db.tenant().await);
        let row = new_sample(&ours);
        save(&db.store, &ours, std::slice::from_ref(&row)).await;
        save(&db.store, &theirs, std::slice::from_ref(&row)).await;
        assert_eq!(stored(&db.store, &theirs).await.len(), 1);
    }

    async fn a_check_is_told_by_its_name(db) {
        make_tables(&db).await;
        let scope = db.tenant().await;
        let tx = db.store.write(&scope).await.expect("a writer");
        let row = sample::Model { state: "lost".to_owned(), ..new_sample(&scope) };
        let refused = tx.insert::<sample::Entity>([row]).await.expect_err("refused");
        assert!(matches!(&refused, StoreError::Check { constraint } if constraint == "samples_state"), "{refused:?}");
    }

    async fn a_reference_without_a_target_is_refused(db) {
        make_tables(&db).await;
        let scope = db.tenant().await;
        let row = new_sample(&scope);
        save(&db.store, &scope, std::slice::from_ref(&row)).await;
        let line = |id| log_line::Model { tenant_id: scope.id().uuid(), id };
        let tx = db.store.write(&scope).await.expect("a writer");
        let dangling = tx.insert::<log_line::Entity>([line(Uuid::now_v7())]).await;
        assert!(matches!(dangling, Err(StoreError::Reference)), "{dangling:?}");
        drop(tx);
        let tx = db.store.write(&scope).await.expect("a writer");
        tx.insert::<log_line::Entity>([line(row.id)]).await.expect("inserted");
        commit(tx).await;
        let tx = db.store.write(&scope).await.expect("a writer");
        let cut_off = tx.delete::<sample::Entity>().filter(sample::Column::Id.eq(row.id)).run().await;
        assert!(matches!(cut_off, Err(StoreError::Reference)), "{cut_off:?}");
    }

    async fn a_reference_does_not_reach_into_another_tenant(db) {
        make_tables(&db).await;
        let (ours, theirs) = (db.tenant().await, db.tenant().await);
        let row = new_sample(&ours);
        save(&db.store, &ours, std::slice::from_ref(&row)).await;
        let tx = db.store.write(&theirs).await.expect("a writer");
        let across = tx.insert::<log_line::Entity>([log_line::Model { tenant_id: row.tenant_id, id: row.id }]).await;
        assert!(matches!(across, Err(StoreError::Reference)), "{across:?}");
    }

    async fn a_full_pool_is_busy_and_recovers(db) {
        make_tables(&db).await;
        let scope = db.tenant().await;
        let mut settings = db.settings.clone();
        settings.connections_max = 1;
        settings.acquire_timeout = Duration::from_millis(200);
        let store = Store::open(&settings).await.expect("a store");
        let held = store.read(&scope).await.expect("a reader");
        let refused = store.read(&scope).await.err().expect("no connection is left");
        assert!(matches!(refused, StoreError::Busy), "{refused:?}");
        drop(held);
        assert!(store.read(&scope).await.is_ok());
    }

    async fn a_closed_store_is_busy(db) {
        let scope = db.tenant().await;
        db.store.ping().await.expect("it answers");
        db.store.close().await.expect("closed");
        let refused = db.store.read(&scope).await.err().expect("closed");
        assert!(matches!(refused, StoreError::Busy), "{refused:?}");
    }
}

#[tokio::test]
async fn a_file_has_one_holder() {
    let db = TestDb::sqlite().await;
    let file = db.folder().join("cardgrove.db");
    let first = FileLock::acquire(&file).expect("a lock").expect("free");
    assert_eq!(first.path(), db.folder().join("cardgrove.lock"));
    assert!(FileLock::acquire(&file).expect("asked").is_none());
    drop(first);
    assert!(FileLock::acquire(&file).expect("asked").is_some());
}

#[test]
fn a_url_tells_the_database() {
    assert_eq!(Backend::of_url("sqlite://shop.db").ok(), Some(Backend::Sqlite));
    assert_eq!(Backend::of_url("postgresql://a@b/c").ok(), Some(Backend::Postgres));
    assert!(matches!(Backend::of_url("mysql://a@b/c"), Err(StoreError::Settings(_))));
}
