//! What is due and nobody runs, and what failed for good.

use chrono::TimeDelta;
use kernel::{Clock, TenantScope};
use store::Tx;
use testkit::{TestDb, on_both};

use super::{Count, Counter, Runs, enqueue, runner, tenant};
use crate::{JobContext, JobError, Outbox, OutboxAudit};

async fn audited(db: &TestDb, scope: &TenantScope) -> OutboxAudit {
    crate::audit_in(&db.store.snapshot(scope).await.unwrap()).await.unwrap()
}

/// As the planner does.
async fn plan_ahead(db: &TestDb, scope: &TenantScope) {
    let tx = db.store.write(scope).await.unwrap();
    Outbox::new().enqueue_at_in(&tx, &Count { number: 9 }, tx.now() + TimeDelta::hours(1)).await.unwrap();
    tx.commit().await.unwrap();
}

on_both! {
    async fn a_job_that_nobody_runs_for_a_minute_is_found(db) {
        let (scope, other) = (tenant(&db).await, tenant(&db).await);
        let job = enqueue(&db, &scope, 1).await;
        db.clock.advance(TimeDelta::seconds(60));
        plan_ahead(&db, &scope).await;
        let worked_at = db.clock.now();
        assert_eq!(audited(&db, &scope).await, OutboxAudit { jobs: 2, worked_at, ..OutboxAudit::default() });
        db.clock.advance(TimeDelta::seconds(1));
        plan_ahead(&db, &scope).await;
        let breaches = audited(&db, &scope).await.breaches;
        assert!(breaches.len() == 1 && breaches[0].starts_with(&format!("{job} (test.count) is due since ")), "{breaches:?}");
        assert_eq!(audited(&db, &other).await, OutboxAudit::default());
    }

    async fn what_is_due_where_no_server_works_is_no_fault(db) {
        let scope = tenant(&db).await;
        plan_ahead(&db, &scope).await;
        enqueue(&db, &scope, 1).await;
        db.clock.advance(TimeDelta::days(3));
        assert_eq!(audited(&db, &scope).await.breaches, Vec::<String>::new());
    }

    async fn a_job_whose_node_went_away_is_found(db) {
        let scope = tenant(&db).await;
        let job = enqueue(&db, &scope, 1).await;
        let lease = std::time::Duration::from_secs(60);
        assert_eq!(db.store.work_claim(1, "one", lease).await.unwrap().len(), 1);
        db.clock.advance(TimeDelta::seconds(120));
        plan_ahead(&db, &scope).await;
        assert_eq!(audited(&db, &scope).await.breaches, Vec::<String>::new(), "its lease was over a minute ago");
        db.clock.advance(TimeDelta::seconds(1));
        plan_ahead(&db, &scope).await;
        let breaches = audited(&db, &scope).await.breaches;
        assert!(breaches.len() == 1 && breaches[0].starts_with(&job.to_string()), "{breaches:?}");
    }

    async fn dead_letters_are_counted_and_named(db) {
        let (scope, other) = (tenant(&db).await, tenant(&db).await);
        for number in 0..25 {
            enqueue(&db, &scope, number).await;
        }
        let hopeless = |_, _: &JobContext| Err(JobError::Dead("no such order".into()));
        runner(&db, "one", Counter::answering(&Runs::default(), hopeless)).run_once().await.unwrap();
        let audit = audited(&db, &scope).await;
        assert_eq!((audit.jobs, audit.dead, audit.letters.len()), (0, 25, 20));
        assert!(audit.breaches.is_empty() && audit.letters[0].last_error == "no such order");
        assert_eq!(audited(&db, &other).await.dead, 0);
    }
}
