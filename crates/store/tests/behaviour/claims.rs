//! Rows and jobs that two want, and one gets.

use std::collections::HashSet;
use std::time::Duration;

use chrono::TimeDelta;
use kernel::TenantScope;
use sea_orm::ColumnTrait;
use store::{Backend, Claim, ClaimedWork, Rows, StoreError, Tx, WriteTx};
use testkit::TestDb;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::samples::{NO_IDS, commit, make_tables, new_sample, sample, save, stored};

mod job {
    use chrono::{DateTime, Utc};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "jobs")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub kind: String,
        pub payload: String,
        pub state: String,
        pub run_at: DateTime<Utc>,
        pub attempts: i32,
        pub lease_node: Option<String>,
        pub lease_until: Option<DateTime<Utc>>,
        pub created_at: DateTime<Utc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

store::tenant_owned!(job);

const LEASE: Duration = Duration::from_secs(60);

async fn claim(tx: &WriteTx<TenantScope>, ids: &[Uuid], number: i32) -> Result<Vec<Uuid>, StoreError> {
    let mut rows = Rows::of_columns(&[sample::Column::Id, sample::Column::State, sample::Column::Number]);
    for id in ids {
        rows.push([(*id).into(), "taken".into(), number.into()]);
    }
    let free = Claim { key: sample::Column::Id, column: sample::Column::State, free: "free".into() };
    let mut taken = tx.claim::<sample::Entity>(rows, free).await?;
    taken.sort();
    Ok(taken)
}

async fn three(db: &TestDb) -> (TenantScope, Vec<Uuid>) {
    make_tables(db).await;
    let scope = db.tenant().await;
    let rows: Vec<sample::Model> = (0..3).map(|_| new_sample(&scope)).collect();
    save(&db.store, &scope, &rows).await;
    (scope, rows.into_iter().map(|row| row.id).collect())
}

/// Jobs of a tenant that are due after these many seconds.
async fn jobs(db: &TestDb, scope: &TenantScope, due: &[i64]) -> Vec<Uuid> {
    let tx = db.store.write(scope).await.expect("a writer");
    let job = |seconds: &i64| job::Model {
        tenant_id: scope.id().uuid(),
        id: Uuid::now_v7(),
        kind: "test".to_owned(),
        payload: "{}".to_owned(),
        state: "queued".to_owned(),
        run_at: tx.now() + TimeDelta::seconds(*seconds),
        attempts: 0,
        lease_node: None,
        lease_until: None,
        created_at: tx.now(),
    };
    let jobs: Vec<job::Model> = due.iter().map(job).collect();
    let ids = jobs.iter().map(|job| job.id).collect();
    tx.insert::<job::Entity>(jobs).await.expect("inserted");
    commit(tx).await;
    ids
}

async fn work(db: &TestDb, limit: u32, node: &str) -> HashSet<(Uuid, Uuid)> {
    let claimed = db.store.work_claim(limit, node, LEASE).await.expect("claimed");
    let ids: HashSet<_> = claimed.iter().map(|ClaimedWork { tenant, row }| (tenant.uuid(), *row)).collect();
    assert_eq!(ids.len(), claimed.len(), "a job was handed out twice");
    ids
}

testkit::on_both! {
    async fn a_claim_takes_what_is_free_and_says_so(db) {
        let (scope, ids) = three(&db).await;
        let tx = db.store.write(&scope).await.expect("a writer");
        assert_eq!(claim(&tx, &ids[..2], 1).await.expect("claimed"), ids[..2]);
        assert_eq!(claim(&tx, &ids, 2).await.expect("claimed"), ids[2..]);
        assert_eq!(claim(&tx, &[Uuid::now_v7()], 3).await.expect("claimed"), NO_IDS);
        assert_eq!(claim(&tx, &[], 3).await.expect("claimed"), NO_IDS);
        commit(tx).await;
        let rows = stored(&db.store, &scope).await;
        let now: Vec<(&str, i32)> = rows.iter().map(|row| (row.state.as_str(), row.number)).collect();
        assert_eq!(now, [("taken", 1), ("taken", 1), ("taken", 2)]);
    }

    async fn a_claim_that_is_dropped_frees_its_rows(db) {
        let (scope, ids) = three(&db).await;
        let tx = db.store.write(&scope).await.expect("a writer");
        assert_eq!(claim(&tx, &ids, 1).await.expect("claimed"), ids);
        drop(tx);
        let taken = async {
            loop {
                let tx = db.store.write(&scope).await.expect("a writer");
                let taken = claim(&tx, &ids, 2).await.expect("claimed");
                // A dropped transaction ends when its connection is back in the pool, a moment later.
                if taken.len() == ids.len() {
                    return taken;
                }
            }
        };
        assert_eq!(tokio::time::timeout(Duration::from_secs(20), taken).await.expect("in time"), ids);
    }

    async fn concurrent_claimers_never_take_the_same_row(db) {
        make_tables(&db).await;
        let scope = db.tenant().await;
        let rows: Vec<sample::Model> = (0..100).map(|_| new_sample(&scope)).collect();
        save(&db.store, &scope, &rows).await;
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let mut claimers = JoinSet::new();
        for claimer in 0..8usize {
            let (store, ids) = (db.store.clone(), ids.clone());
            claimers.spawn(async move {
                let mut won = Vec::new();
                for wanted in ids.chunks(10 + claimer) {
                    let tx = store.write(&scope).await.expect("a writer");
                    won.extend(claim(&tx, wanted, 1).await.expect("claimed"));
                    commit(tx).await;
                }
                won
            });
        }
        let mut won: Vec<Uuid> = claimers.join_all().await.into_iter().flatten().collect();
        let count = won.len();
        won.sort();
        won.dedup();
        assert_eq!(won.len(), count, "a row was taken twice");
        let taken = stored(&db.store, &scope).await.iter().filter(|row| row.state == "taken").count();
        assert_eq!(taken, count);
    }

    async fn due_jobs_of_all_tenants_are_leased_as_ids(db) {
        let (one, two) = (db.tenant().await, db.tenant().await);
        let (of_one, of_two) = (jobs(&db, &one, &[0, -5]).await, jobs(&db, &two, &[0]).await);
        let expected = [(one, of_one[0]), (one, of_one[1]), (two, of_two[0])];
        let expected: HashSet<_> = expected.map(|(scope, job)| (scope.id().uuid(), job)).into();
        assert_eq!(work(&db, 10, "a").await, expected);
        let tx = db.store.read(&one).await.expect("a reader");
        let own = tx.find::<job::Entity>().all().await.expect("read");
        assert!(own.iter().all(|job| job.state == "running" && job.attempts == 1));
        assert!(own.iter().all(|job| job.lease_node.as_deref() == Some("a") && job.lease_until == Some(tx.now() + LEASE)));
        let foreign = tx.find::<job::Entity>().filter(job::Column::Id.eq(of_two[0])).one().await;
        assert_eq!(foreign.expect("read"), None, "the payload stays with its tenant");
    }

    async fn a_leased_job_is_free_again_only_when_its_lease_ends(db) {
        let scope = db.tenant().await;
        let ids = jobs(&db, &scope, &[0]).await;
        let expected = HashSet::from([(scope.id().uuid(), ids[0])]);
        assert_eq!(work(&db, 10, "a").await, expected);
        assert!(work(&db, 10, "b").await.is_empty());
        db.clock.advance(TimeDelta::microseconds(59_999_999));
        assert!(work(&db, 10, "b").await.is_empty());
        db.clock.advance(TimeDelta::microseconds(1));
        assert_eq!(work(&db, 10, "b").await, expected);
        let tx = db.store.read(&scope).await.expect("a reader");
        let job = tx.find::<job::Entity>().one().await.expect("read").expect("there");
        assert_eq!((job.attempts, job.lease_node.as_deref()), (2, Some("b")));
    }

    async fn a_job_is_not_leased_before_it_is_due_or_when_it_is_dead(db) {
        let scope = db.tenant().await;
        let ids = jobs(&db, &scope, &[1, 0, 0]).await;
        let tx = db.store.write(&scope).await.expect("a writer");
        let dead = tx.update::<job::Entity>().set(job::Column::State, "dead").filter(job::Column::Id.eq(ids[1]));
        assert_eq!(dead.run().await.expect("changed"), 1);
        commit(tx).await;
        assert_eq!(work(&db, 10, "a").await, HashSet::from([(scope.id().uuid(), ids[2])]));
        db.clock.advance(TimeDelta::seconds(1));
        assert_eq!(work(&db, 10, "a").await, HashSet::from([(scope.id().uuid(), ids[0])]));
    }

    async fn the_oldest_jobs_come_first_and_no_more_than_asked_for(db) {
        let scope = db.tenant().await;
        let ids = jobs(&db, &scope, &[-1, -3, -2]).await;
        let tenant = scope.id().uuid();
        assert_eq!(work(&db, 2, "a").await, HashSet::from([(tenant, ids[1]), (tenant, ids[2])]));
        assert!(work(&db, 0, "a").await.is_empty());
        assert_eq!(work(&db, 2, "a").await, HashSet::from([(tenant, ids[0])]));
    }

    async fn two_claimers_never_get_the_same_job(db) {
        let mut all = HashSet::new();
        for _ in 0..4 {
            let scope = db.tenant().await;
            all.extend(jobs(&db, &scope, &[0; 50]).await.into_iter().map(|job| (scope.id().uuid(), job)));
        }
        let mut claimers = JoinSet::new();
        for node in 0..4 {
            let store = db.store.clone();
            claimers.spawn(async move {
                let mut got = Vec::new();
                loop {
                    let claimed = store.work_claim(7, &format!("node {node}"), LEASE).await.expect("claimed");
                    if claimed.is_empty() {
                        return got;
                    }
                    got.extend(claimed.into_iter().map(|work| (work.tenant.uuid(), work.row)));
                }
            });
        }
        let got: Vec<(Uuid, Uuid)> = claimers.join_all().await.into_iter().flatten().collect();
        assert_eq!(got.len(), all.len(), "a job was handed out twice, or not at all");
        assert_eq!(got.into_iter().collect::<HashSet<_>>(), all);
    }
}

#[tokio::test]
async fn a_row_held_by_another_transaction_is_passed_over_without_waiting() {
    let db = TestDb::postgres().await;
    assert_eq!(db.backend, Backend::Postgres);
    let (scope, ids) = three(&db).await;
    let first = db.store.write(&scope).await.expect("a writer");
    assert_eq!(claim(&first, &ids[..1], 1).await.expect("claimed"), ids[..1]);
    let second = db.store.write(&scope).await.expect("a writer");
    assert_eq!(claim(&second, &ids, 2).await.expect("claimed"), ids[1..]);
    commit(first).await;
    assert_eq!(claim(&second, &ids[..1], 2).await.expect("claimed"), NO_IDS);
    commit(second).await;
}
