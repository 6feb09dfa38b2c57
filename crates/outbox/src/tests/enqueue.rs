//! What is written, and what operators see.

use chrono::TimeDelta;
use kernel::Platform;
use sea_orm::ColumnTrait;

use super::*;
use crate::OutboxError;
use crate::model::Tally;

testkit::on_both! {
    async fn a_job_exists_exactly_if_its_transaction_does(db) {
        let scope = tenant(&db).await;
        let tx = db.store.write(&scope).await.unwrap();
        Outbox::new().enqueue_in(&tx, &Count { number: 1 }).await.unwrap();
        drop(tx);
        assert_eq!(rows(&db, &scope).await, 0);
        enqueue(&db, &scope, 1).await;
        assert_eq!(rows(&db, &scope).await, 1);
    }

    async fn a_site_can_write_a_job_of_its_tenant(db) {
        let scope = tenant(&db).await;
        let site = scope.site(kernel::SiteId::new());
        let tx = db.store.write(&site).await.unwrap();
        Outbox::new().enqueue_in(&tx, &Count { number: 1 }).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(rows(&db, &scope).await, 1);
    }

    async fn a_job_of_a_later_time_waits_for_it(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let tx = db.store.write(&scope).await.unwrap();
        let later = tx.now() + TimeDelta::minutes(5);
        let job = Outbox::new().enqueue_at_in(&tx, &Count { number: 1 }, later).await.unwrap();
        tx.commit().await.unwrap();
        let runner = runner(&db, "one", Counter::new(&runs));
        runner.run_once().await.unwrap();
        assert_eq!(times(&runs, job), 0);
        db.clock.advance(TimeDelta::minutes(5));
        runner.run_once().await.unwrap();
        assert_eq!(times(&runs, job), 1);
    }

    async fn a_named_job_that_waits_is_written_once(db) {
        let scope = tenant(&db).await;
        let (first, second) = (enqueue_once(&db, &scope, 1).await, enqueue_once(&db, &scope, 2).await);
        assert_eq!(first, second);
        assert_eq!(rows(&db, &scope).await, 1);
    }

    async fn one_name_in_two_tenants_is_two_jobs(db) {
        let (one, two) = (tenant(&db).await, tenant(&db).await);
        assert_ne!(enqueue_once(&db, &one, 1).await, enqueue_once(&db, &two, 1).await);
        assert_eq!((rows(&db, &one).await, rows(&db, &two).await), (1, 1));
    }

    async fn a_dead_job_of_a_name_makes_room_for_the_next(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let job = enqueue_once(&db, &scope, 0).await;
        let picky = |number, _: &JobContext| if number == 0 { Err(JobError::Dead("no".into())) } else { Ok(()) };
        let runner = runner(&db, "one", Counter::answering(&runs, picky));
        assert_eq!(runner.run_once().await.unwrap(), Tally { dead: 1, ..Tally::default() });
        assert_eq!(enqueue_once(&db, &scope, 1).await, job);
        assert_eq!(runner.run_once().await.unwrap(), Tally { done: 1, ..Tally::default() });
    }

    async fn a_dead_letter_names_its_reason_and_can_be_sent_again(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let job = enqueue(&db, &scope, 1).await;
        let hopeless = |_, _: &JobContext| Err(JobError::Dead("no such order".into()));
        runner(&db, "one", Counter::answering(&runs, hopeless)).run_once().await.unwrap();
        let outbox = Outbox::new();
        let dead = outbox.dead_in(&db.store.read(&scope).await.unwrap(), 10).await.unwrap();
        let seen: Vec<_> = dead.iter().map(|dead| (dead.id, dead.attempts, dead.last_error.as_str())).collect();
        assert_eq!(seen, [(job, 1, "no such order")]);
        let tx = db.store.write(&scope).await.unwrap();
        outbox.retry_dead_in(&tx, job).await.unwrap();
        tx.commit().await.unwrap();
        let tally = runner(&db, "one", Counter::new(&runs)).run_once().await.unwrap();
        assert_eq!(tally, Tally { done: 1, ..Tally::default() });
    }

    async fn only_a_dead_job_of_the_own_tenant_is_sent_again(db) {
        let (scope, other, runs) = (tenant(&db).await, tenant(&db).await, Runs::default());
        let job = enqueue(&db, &scope, 1).await;
        let outbox = Outbox::new();
        let tx = db.store.write(&scope).await.unwrap();
        assert!(matches!(outbox.retry_dead_in(&tx, job).await, Err(OutboxError::NotDead { .. })));
        drop(tx);
        let hopeless = |_, _: &JobContext| Err(JobError::Dead("no".into()));
        runner(&db, "one", Counter::answering(&runs, hopeless)).run_once().await.unwrap();
        let tx = db.store.write(&other).await.unwrap();
        assert!(matches!(outbox.retry_dead_in(&tx, job).await, Err(OutboxError::NotDead { .. })));
        assert!(outbox.dead_in(&tx, 10).await.unwrap().is_empty());
    }

    async fn the_age_is_that_of_the_longest_due_job_of_all_tenants(db) {
        let (one, two) = (tenant(&db).await, tenant(&db).await);
        assert_eq!(age(&db).await, TimeDelta::zero());
        enqueue(&db, &one, 1).await;
        db.clock.advance(TimeDelta::seconds(30));
        enqueue(&db, &two, 1).await;
        db.clock.advance(TimeDelta::seconds(12));
        assert_eq!(age(&db).await, TimeDelta::seconds(42));
        runner(&db, "one", Counter::new(&Runs::default())).run_once().await.unwrap();
        assert_eq!(age(&db).await, TimeDelta::zero());
    }

    async fn many_jobs_are_written_at_once_in_their_order(db) {
        let scope = tenant(&db).await;
        let tx = db.store.write(&scope).await.unwrap();
        let jobs: Vec<Count> = (0..40).map(|number| Count { number }).collect();
        let ids = Outbox::new().enqueue_all_in(&tx, &jobs).await.unwrap();
        let last = tx.find::<jobs::Entity>().filter(jobs::Column::Id.eq(ids[39].uuid())).one().await.unwrap();
        assert_eq!(last.unwrap().payload, r#"{"number":39}"#);
    }
}

async fn age(db: &TestDb) -> TimeDelta {
    let tx = db.store.read_platform(&Platform::assume()).await.unwrap();
    Outbox::new().age_max_in(&tx).await.unwrap()
}

async fn enqueue_once(db: &TestDb, scope: &TenantScope, number: u32) -> JobId {
    let tx = db.store.write(scope).await.unwrap();
    let job = Outbox::new().enqueue_once_in(&tx, "the only", &Count { number }, tx.now()).await.unwrap();
    tx.commit().await.unwrap();
    job
}
