//! A scope neither sees nor touches what is not its own.

use std::collections::HashMap;
use std::sync::Arc;

use kernel::{SiteId, TenantScope};
use sea_orm::{ColumnTrait, Condition, EntityTrait};
use store::dialect::Roles;
use store::{Backend, Change, Claim, Rows, Store, StoreError, Tx};
use testkit::TestDb;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::samples::{NO_IDS, commit, log_line, make_tables, new_sample, note, sample, save, stored};

/// Two tenants; the first has a sample.
async fn two(db: &TestDb) -> (TenantScope, TenantScope, sample::Model) {
    make_tables(db).await;
    let (ours, theirs) = (db.tenant().await, db.tenant().await);
    let row = new_sample(&ours);
    save(&db.store, &ours, std::slice::from_ref(&row)).await;
    (ours, theirs, row)
}

fn note(scope: &TenantScope, site: SiteId) -> note::Model {
    note::Model { tenant_id: scope.id().uuid(), id: Uuid::now_v7(), site_id: site.uuid(), state: "free".to_owned() }
}

async fn notes(store: &Store, scope: &TenantScope) -> HashMap<Uuid, (Uuid, String)> {
    let tx = store.read(scope).await.expect("a reader");
    let rows = tx.find::<note::Entity>().all().await.expect("read");
    rows.into_iter().map(|row| (row.id, (row.site_id, row.state))).collect()
}

testkit::on_both! {
    async fn a_tenant_does_not_see_anothers_row(db) {
        let (ours, theirs, row) = two(&db).await;
        let tx = db.store.read(&theirs).await.expect("a reader");
        let find = || tx.find::<sample::Entity>();
        assert_eq!(find().all().await.expect("read"), []);
        assert_eq!(find().filter(sample::Column::Id.eq(row.id)).one().await.expect("read"), None);
        assert_eq!(find().filter(sample::Column::TenantId.eq(ours.id().uuid())).count().await.expect("read"), 0);
        assert_eq!(find().among(sample::Column::Id, [row.id]).count().await.expect("read"), 0);
        // A condition with "or" does not open the scope's own.
        let either = Condition::any().add(sample::Column::Id.eq(row.id)).add(sample::Column::Amount.gte(0));
        assert_eq!(find().filter(either).count().await.expect("read"), 0);
        assert_eq!(stored(&db.store, &ours).await, [row]);
    }

    async fn a_tenant_does_not_change_anothers_row(db) {
        let (ours, theirs, row) = two(&db).await;
        let tx = db.store.write(&theirs).await.expect("a writer");
        let either = Condition::any().add(sample::Column::Id.eq(row.id)).add(sample::Column::Amount.gte(0));
        let update = tx.update::<sample::Entity>().set(sample::Column::Amount, 7i64).filter(either.clone());
        assert_eq!(update.run().await.expect("ran"), 0);
        for change in [Change::Set, Change::Add] {
            let mut rows = Rows::of_columns(&[sample::Column::Id, sample::Column::Amount]);
            rows.push([row.id.into(), 7i64.into()]);
            let changed = tx.update_rows::<sample::Entity>(rows, &[sample::Column::Id], change).await;
            assert_eq!(changed.expect("ran"), 0);
        }
        let mut rows = Rows::of_columns(&[sample::Column::Id, sample::Column::State]);
        rows.push([row.id.into(), "taken".into()]);
        let free = Claim { key: sample::Column::Id, column: sample::Column::State, free: "free".into() };
        assert!(tx.claim::<sample::Entity>(rows, free).await.expect("ran").is_empty());
        assert_eq!(tx.delete::<sample::Entity>().filter(either).run().await.expect("ran"), 0);
        commit(tx).await;
        assert_eq!(stored(&db.store, &ours).await, [row]);
    }

    async fn an_insert_lands_in_the_scopes_tenant_whatever_the_row_says(db) {
        let (ours, theirs, row) = two(&db).await;
        let foreign = new_sample(&ours);
        save(&db.store, &theirs, std::slice::from_ref(&foreign)).await;
        let tx = db.store.write(&theirs).await.expect("a writer");
        let mut new = new_sample(&ours);
        new.id = row.id;
        let made: Vec<Uuid> = tx.insert_new::<sample::Entity, _>(Rows::of([new]), sample::Column::Id).await.expect("ran");
        assert_eq!(made, [row.id]);
        commit(tx).await;
        let theirs_now = stored(&db.store, &theirs).await;
        assert_eq!(theirs_now.iter().map(|row| row.id).collect::<Vec<_>>(), [row.id, foreign.id]);
        assert!(theirs_now.iter().all(|row| row.tenant_id == theirs.id().uuid()));
        assert_eq!(stored(&db.store, &ours).await, [row]);
    }

    async fn a_row_does_not_leave_its_tenant(db) {
        let (ours, theirs, row) = two(&db).await;
        let tx = db.store.write(&ours).await.expect("a writer");
        let moved = tx.update::<sample::Entity>().set(sample::Column::TenantId, theirs.id().uuid()).run().await;
        assert!(matches!(moved, Err(StoreError::Forbidden)), "{moved:?}");
        let columns = [sample::Column::TenantId, sample::Column::Id, sample::Column::Number];
        let mut rows = Rows::of_columns(&columns);
        rows.push([theirs.id().uuid().into(), row.id.into(), 7.into()]);
        let changed = tx.update_rows::<sample::Entity>(rows, &columns[..2], Change::Set).await;
        assert_eq!(changed.expect("ran"), 1);
        commit(tx).await;
        assert_eq!(stored(&db.store, &theirs).await, []);
        assert_eq!(stored(&db.store, &ours).await, [sample::Model { number: 7, ..row }]);
    }

    async fn a_site_sees_and_touches_its_own_rows_only(db) {
        make_tables(&db).await;
        let (tenant, other_tenant) = (db.tenant().await, db.tenant().await);
        let (here, there) = (SiteId::new(), SiteId::new());
        let (ours, theirs) = (note(&tenant, here), note(&tenant, there));
        let tx = db.store.write(&tenant).await.expect("a writer");
        tx.insert::<note::Entity>([ours.clone(), theirs.clone()]).await.expect("inserted");
        commit(tx).await;

        let tx = db.store.write(&tenant.site(here)).await.expect("a writer");
        assert_eq!(tx.find::<note::Entity>().all().await.expect("read"), std::slice::from_ref(&ours));
        assert_eq!(tx.update::<note::Entity>().set(note::Column::State, "seen").run().await.expect("ran"), 1);
        let both = || {
            let mut rows = Rows::of_columns(&[note::Column::Id, note::Column::State]);
            rows.push([ours.id.into(), "ours".into()]);
            rows.push([theirs.id.into(), "ours".into()]);
            rows
        };
        let changed = tx.update_rows::<note::Entity>(both(), &[note::Column::Id], Change::Set).await;
        assert_eq!(changed.expect("ran"), 1);
        let free = |free: &str| Claim { key: note::Column::Id, column: note::Column::State, free: free.into() };
        assert_eq!(tx.claim::<note::Entity>(both(), free("free")).await.expect("ran"), NO_IDS);
        assert_eq!(tx.claim::<note::Entity>(both(), free("ours")).await.expect("ran"), [ours.id]);
        assert_eq!(tx.delete::<note::Entity>().filter(note::Column::Id.eq(theirs.id)).run().await.expect("ran"), 0);
        commit(tx).await;

        let expected = [(ours.id, (here.uuid(), "ours".into())), (theirs.id, (there.uuid(), "free".into()))];
        assert_eq!(notes(&db.store, &tenant).await, HashMap::from(expected));
        let foreign = db.store.read(&other_tenant.site(here)).await.expect("a reader");
        assert_eq!(foreign.find::<note::Entity>().count().await.expect("read"), 0);
    }

    async fn a_row_does_not_leave_its_site_from_inside(db) {
        make_tables(&db).await;
        let tenant = db.tenant().await;
        let (here, there) = (SiteId::new(), SiteId::new());
        let tx = db.store.write(&tenant.site(here)).await.expect("a writer");
        let row = note(&tenant, there);
        tx.insert::<note::Entity>([row.clone()]).await.expect("inserted");
        let moved = tx.update::<note::Entity>().set(note::Column::SiteId, there.uuid()).run().await;
        assert!(matches!(moved, Err(StoreError::Forbidden)), "{moved:?}");
        let columns = [note::Column::Id, note::Column::SiteId, note::Column::State];
        let mut rows = Rows::of_columns(&columns);
        rows.push([row.id.into(), there.uuid().into(), "changed".into()]);
        let changed = tx.update_rows::<note::Entity>(rows, &[note::Column::Id], Change::Set).await;
        assert_eq!(changed.expect("ran"), 1);
        commit(tx).await;
        assert_eq!(notes(&db.store, &tenant).await, HashMap::from([(row.id, (here.uuid(), "changed".into()))]));
    }

    async fn what_is_not_committed_leaves_nothing(db) {
        let (ours, _, row) = two(&db).await;
        let tx = db.store.write(&ours).await.expect("a writer");
        tx.insert::<sample::Entity>([new_sample(&ours)]).await.expect("inserted");
        drop(tx);
        let failed: Result<(), StoreError> = db
            .store
            .transact(&ours, async |tx| {
                tx.delete::<sample::Entity>().run().await?;
                Err(StoreError::Conflict)
            })
            .await;
        assert!(failed.is_err());
        assert_eq!(stored(&db.store, &ours).await, [row]);
    }

    async fn a_reading_transaction_cannot_write(db) {
        let (ours, ..) = two(&db).await;
        // The door offers no write on it; the database would refuse a lock, too.
        let tx = db.store.read(&ours).await.expect("a reader");
        let locked = tx.find::<sample::Entity>().locked().all().await;
        assert_eq!(locked.is_err(), db.backend == Backend::Postgres);
    }

    async fn written_rows_of_an_append_only_table_stay(db) {
        let (ours, _, row) = two(&db).await;
        let tx = db.store.write(&ours).await.expect("a writer");
        tx.insert::<log_line::Entity>([log_line::Model { tenant_id: row.tenant_id, id: row.id }]).await.expect("inserted");
        commit(tx).await;
        let tx = db.store.write(&ours).await.expect("a writer");
        let changed = tx.update::<log_line::Entity>().set(log_line::Column::Id, Uuid::now_v7()).run().await;
        assert!(matches!(changed, Err(StoreError::Forbidden)), "{changed:?}");
        drop(tx);
        let tx = db.store.write(&ours).await.expect("a writer");
        let deleted = tx.delete::<log_line::Entity>().run().await;
        assert!(matches!(deleted, Err(StoreError::Forbidden)), "{deleted:?}");
    }

    async fn a_batch_enters_one_tenant_after_another_on_one_file_only(db) {
        let (ours, theirs, row) = two(&db).await;
        let batch = db.store.batch().await.expect("a batch");
        let tx = batch.enter(&ours).await.expect("entered");
        assert_eq!(tx.find::<sample::Entity>().all().await.expect("read"), std::slice::from_ref(&row));
        drop(tx);
        match (db.backend, batch.enter(&theirs).await) {
            (Backend::Sqlite, Ok(tx)) => assert_eq!(tx.find::<sample::Entity>().count().await.expect("read"), 0),
            (Backend::Postgres, Err(StoreError::Settings(_))) => {}
            (backend, entered) => panic!("{backend:?} answers {:?}", entered.err()),
        }
        batch.commit().await.expect("committed");
    }

    async fn connections_carry_nothing_from_one_tenant_to_the_next(db) {
        make_tables(&db).await;
        let mut settings = db.settings.clone();
        settings.connections_max = 2;
        settings.acquire_timeout = std::time::Duration::from_secs(60);
        let store = Store::open(&settings).await.expect("a store");
        let mut tenants = Vec::new();
        for _ in 0..20 {
            tenants.push(db.tenant().await);
        }
        let tenants: Arc<[TenantScope]> = tenants.into();
        let mut tasks = JoinSet::new();
        for worker in 0..10 {
            tasks.spawn(use_in_turn(store.clone(), Arc::clone(&tenants), worker));
        }
        let written: usize = tasks.join_all().await.into_iter().sum();
        let mut found = 0;
        for tenant in tenants.iter() {
            found += stored(&store, tenant).await.len();
        }
        assert_eq!((found, written), (500, 500));
    }
}

/// 200 transactions, each in another tenant than the one before; a fourth writes, a fourth is dropped half-way.
/// Answers how many rows were written.
async fn use_in_turn(store: Store, tenants: Arc<[TenantScope]>, worker: usize) -> usize {
    let mut written = 0;
    for round in 0..200 {
        let scope = &tenants[(worker * 7 + round * 3) % tenants.len()];
        let is_own = |rows: Vec<sample::Model>| rows.iter().all(|row| row.tenant_id == scope.id().uuid());
        match round % 4 {
            0 | 1 => {
                let tx = store.read(scope).await.expect("a reader");
                assert!(is_own(crate::samples::all(&tx).await));
            }
            half_way => {
                let tx = store.write(scope).await.expect("a writer");
                tx.insert::<sample::Entity>([new_sample(scope)]).await.expect("inserted");
                assert!(is_own(crate::samples::all(&tx).await));
                if half_way == 2 {
                    commit(tx).await;
                    written += 1;
                }
            }
        }
    }
    written
}

/// What the runtime role is told, without the door.
fn as_runtime(db: &TestDb, tenant: Option<&TenantScope>, sql: &str) -> Result<String, String> {
    let enter = tenant.map(|scope| format!("SET app.tenant_id = '{}'; ", scope.id().uuid())).unwrap_or_default();
    db.psql_as(Roles::RUNTIME, &format!("{enter}{sql}")).map_err(|error| error.to_string())
}

#[tokio::test]
async fn without_a_tenant_the_runtime_role_sees_and_writes_nothing() {
    let db = TestDb::postgres().await;
    let (ours, _, row) = two(&db).await;
    for table in ["samples", "tenants"] {
        assert_eq!(as_runtime(&db, None, &format!("SELECT count(*) FROM {table}")).as_deref(), Ok("0"));
        assert_ne!(db.psql(&format!("SELECT count(*) FROM {table}")), "0");
    }
    for nobody in ["", "SET app.tenant_id = ''; "] {
        let changed = format!("{nobody}WITH c AS (UPDATE samples SET number = 7 RETURNING 1) SELECT count(*) FROM c");
        assert_eq!(as_runtime(&db, None, &changed).as_deref(), Ok("0"));
        let insert = format!(
            "{nobody}INSERT INTO jobs VALUES ('{}', '{}', 'k', '', 'queued', now(), 0)",
            ours.id().uuid(),
            row.id
        );
        let refused = as_runtime(&db, None, &insert).expect_err("refused");
        assert!(refused.contains("row-level security"), "{refused}");
    }
    assert_eq!(stored(&db.store, &ours).await, [row]);
}

#[tokio::test]
async fn inside_one_tenant_the_runtime_role_cannot_reach_another() {
    let db = TestDb::postgres().await;
    let (ours, theirs, row) = two(&db).await;
    let columns = "tenant_id, id, name, state, amount, number, truth, bytes, moment";
    let steal = format!(
        "INSERT INTO samples ({columns}) VALUES ('{}', '{}', 'n', 'free', 0, 0, false, '', now())",
        ours.id().uuid(),
        Uuid::now_v7(),
    );
    let refused = as_runtime(&db, Some(&theirs), &steal).expect_err("refused");
    assert!(refused.contains("row-level security"), "{refused}");
    let give_away = format!("UPDATE samples SET tenant_id = '{}'", theirs.id().uuid());
    let refused = as_runtime(&db, Some(&ours), &give_away).expect_err("refused");
    assert!(refused.contains("row-level security"), "{refused}");
    for verb in ["UPDATE samples SET number = 7", "DELETE FROM samples"] {
        let sql = format!("WITH c AS ({verb} WHERE id = '{}' RETURNING 1) SELECT count(*) FROM c", row.id);
        assert_eq!(as_runtime(&db, Some(&theirs), &sql).as_deref(), Ok("0"), "{verb}");
    }
    assert_eq!(stored(&db.store, &ours).await, [row]);
}

#[tokio::test]
async fn the_runtime_role_cannot_become_or_make_another() {
    let db = TestDb::postgres().await;
    make_tables(&db).await;
    for sql in [
        format!("SET ROLE {}", Roles::PLATFORM),
        "SET ROLE owner".to_owned(),
        "SET row_security = off; SELECT count(*) FROM samples".to_owned(),
        "ALTER TABLE samples DISABLE ROW LEVEL SECURITY".to_owned(),
        "CREATE TABLE mine (id integer)".to_owned(),
        "CREATE ROLE another".to_owned(),
        "SELECT count(*) FROM operators".to_owned(),
        "TRUNCATE samples".to_owned(),
    ] {
        assert!(as_runtime(&db, None, &sql).is_err(), "{sql} is not refused");
    }
}

/// The entities here name the tenant's column first, as every table's key does.
#[test]
fn the_macros_name_the_owning_columns() {
    use store::TenantOwned;
    let name = |column: &dyn sea_orm::Iden| column.to_string();
    assert_eq!(name(&sample::Entity::tenant_column()), "tenant_id");
    assert!(sample::Entity::site_column().is_none());
    assert_eq!(note::Entity::site_column().map(|column| name(&column)).as_deref(), Some("site_id"));
    let _ = note::Entity::find();
}
