//! Success, failure, retry and dead letters.

use chrono::TimeDelta;

use super::*;
use crate::model::Tally;
use crate::repo;

testkit::on_both! {
    async fn a_job_that_succeeds_leaves_no_row(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let job = enqueue(&db, &scope, 1).await;
        runner(&db, "one", Counter::new(&runs)).run_once().await.unwrap();
        assert_eq!((times(&runs, job), rows(&db, &scope).await), (1, 0));
    }

    async fn a_failed_job_is_tried_again_after_its_delay_and_not_before(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let job = enqueue(&db, &scope, 1).await;
        let flaky = |_, context: &JobContext| match context.attempt() {
            1 | 2 => Err(JobError::Retry("no answer".into())),
            _ => Ok(()),
        };
        // 200 of 401 is no spread at all: the delays are 1 s and 2 s.
        let runner = runner(&db, "one", Counter::answering(&runs, flaky)).dice(|| 200);
        for (wait_ms, runs_so_far) in [(0, 1), (999, 1), (1, 2), (1_999, 2), (1, 3)] {
            db.clock.advance(TimeDelta::milliseconds(wait_ms));
            runner.run_once().await.unwrap();
            assert_eq!(times(&runs, job), runs_so_far, "after {wait_ms} ms more");
        }
        assert_eq!(rows(&db, &scope).await, 0);
    }

    async fn a_job_that_keeps_failing_is_dead_after_its_last_attempt(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let job = enqueue(&db, &scope, 1).await;
        let failing = |_, _: &JobContext| Err(JobError::Retry("x".repeat(900)));
        let runner = runner(&db, "one", Counter::answering(&runs, failing));
        for _ in 0..5 {
            runner.run_once().await.unwrap();
            db.clock.advance(TimeDelta::minutes(15));
        }
        assert_eq!(times(&runs, job), Count::ATTEMPTS_MAX);
        let dead = Outbox::new().dead_in(&db.store.read(&scope).await.unwrap(), 10).await.unwrap();
        assert_eq!(dead.iter().map(|dead| dead.last_error.len()).collect::<Vec<_>>(), [500]);
    }

    async fn a_poisoned_payload_is_dead_at_once_and_stops_nobody(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let tx = db.store.write(&scope).await.unwrap();
        Outbox::new().enqueue_in(&tx, &Poison { number: "hunter2".into() }).await.unwrap();
        tx.commit().await.unwrap();
        let job = enqueue(&db, &scope, 1).await;
        let tally = runner(&db, "one", Counter::new(&runs)).run_once().await.unwrap();
        assert_eq!(tally, Tally { done: 1, dead: 1, ..Tally::default() });
        assert_eq!(times(&runs, job), 1);
        let dead = Outbox::new().dead_in(&db.store.read(&scope).await.unwrap(), 10).await.unwrap();
        assert!(!dead[0].last_error.contains("hunter2"), "{}", dead[0].last_error);
    }

    async fn a_panicking_handler_counts_as_a_failure(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        enqueue(&db, &scope, 0).await;
        let job = enqueue(&db, &scope, 1).await;
        let clumsy = |number, _: &JobContext| if number == 0 { panic!("on purpose") } else { Ok(()) };
        let runner = runner(&db, "one", Counter::answering(&runs, clumsy));
        assert_eq!(runner.run_once().await.unwrap(), Tally { done: 1, retried: 1, ..Tally::default() });
        assert_eq!(times(&runs, job), 1);
    }

    async fn an_unknown_kind_waits_for_a_node_that_knows_it(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let job = enqueue(&db, &scope, 1).await;
        let old = Runner::new(db.store.clone(), "old", &Outbox::new());
        for _ in 0..=Count::ATTEMPTS_MAX {
            assert_eq!(old.run_once().await.unwrap(), Tally { put_back: 1, ..Tally::default() });
            db.clock.advance(TimeDelta::minutes(2));
        }
        runner(&db, "new", Counter::new(&runs)).run_once().await.unwrap();
        assert_eq!(times(&runs, job), 1);
    }

    async fn a_payload_is_loaded_in_its_own_tenants_scope_only(db) {
        let (scope, other) = (tenant(&db).await, tenant(&db).await);
        let job = enqueue(&db, &scope, 1).await;
        let claimed = db.store.work_claim(1, "one", Duration::from_secs(60)).await.unwrap();
        assert_eq!((claimed[0].tenant, claimed[0].row), (scope.id(), job.uuid()));
        let foreign = repo::claimed(&db.store.read(&other).await.unwrap(), job, "one").await.unwrap();
        assert!(foreign.is_none());
        let own = repo::claimed(&db.store.read(&scope).await.unwrap(), job, "one").await.unwrap();
        assert_eq!(own.unwrap().payload, r#"{"number":1}"#);
    }

    async fn two_runners_run_each_of_400_jobs_once(db) {
        let (scope, other, runs) = (tenant(&db).await, tenant(&db).await, Runs::default());
        for scope in [&scope, &other] {
            let tx = db.store.write(scope).await.unwrap();
            let jobs: Vec<Count> = (0..200).map(|number| Count { number }).collect();
            Outbox::new().enqueue_all_in(&tx, &jobs).await.unwrap();
            tx.commit().await.unwrap();
        }
        let (one, two) = (runner(&db, "one", Counter::new(&runs)), runner(&db, "two", Counter::new(&runs)));
        let (one, two) = tokio::join!(tokio::spawn(async move { one.run_once().await }), tokio::spawn(async move { two.run_once().await }));
        let (one, two) = (one.unwrap().unwrap(), two.unwrap().unwrap());
        assert_eq!(one.done + two.done, 400);
        let runs = runs.lock().unwrap().clone();
        assert!(runs.len() == 400 && runs.values().all(|times| *times == 1));
        assert_eq!((rows(&db, &scope).await, rows(&db, &other).await), (0, 0));
    }

    async fn a_commit_wakes_the_runner_of_its_process(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let (outbox, handler) = (Outbox::new(), Gated::new(&db, &runs));
        let (has_begun, gate) = (Arc::clone(&handler.begun), Arc::clone(&handler.gate));
        gate.add_permits(5);
        let running = Runner::new(db.store.clone(), "one", &outbox)
            .handle::<Count>(handler)
            .poll_every(Duration::from_secs(3600))
            .start();
        // One round could be lucky: the runner looks once more after a job has ended.
        for number in 0..5 {
            enqueue(&db, &scope, number).await;
            outbox.notify();
            begun(&has_begun).await;
            while rows(&db, &scope).await > 0 {
                tokio::task::yield_now().await;
            }
        }
        running.stop().await;
        assert_eq!(runs.lock().unwrap().len(), 5);
    }

    async fn stopping_lets_a_running_job_end(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let job = enqueue(&db, &scope, 1).await;
        let handler = Gated::new(&db, &runs);
        let (has_begun, gate) = (Arc::clone(&handler.begun), Arc::clone(&handler.gate));
        let running = runner(&db, "one", handler).start();
        begun(&has_begun).await;
        let stopped = tokio::spawn(running.stop());
        gate.add_permits(1);
        stopped.await.unwrap();
        assert_eq!((times(&runs, job), rows(&db, &scope).await), (1, 0));
    }

    async fn stopping_gives_back_what_was_not_begun(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        for number in 0..9 {
            enqueue(&db, &scope, number).await;
        }
        let handler = Gated::new(&db, &runs);
        let (has_begun, gate) = (Arc::clone(&handler.begun), Arc::clone(&handler.gate));
        let running = runner(&db, "one", handler).start();
        for _ in 0..8 {
            begun(&has_begun).await;
        }
        let stopped = tokio::spawn(running.stop());
        // The ninth is queued again, with no attempt counted, before the others are let through.
        tokio::time::timeout(Duration::from_secs(20), async {
            while queued(&db, &scope).await != [0] {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the ninth is given back");
        gate.add_permits(8);
        stopped.await.unwrap();
        assert_eq!(rows(&db, &scope).await, 1);
    }
}

/// The attempts of the jobs that are queued.
async fn queued(db: &TestDb, scope: &TenantScope) -> Vec<i32> {
    use sea_orm::ColumnTrait;
    let tx = db.store.read(scope).await.unwrap();
    let queued = tx.find::<jobs::Entity>().filter(jobs::Column::State.eq("queued")).all().await.unwrap();
    queued.into_iter().map(|job| job.attempts).collect()
}
