//! A clock that ran ahead and is right again.

use chrono::TimeDelta;

use super::*;
use crate::model::Tally;

const AHEAD: TimeDelta = TimeDelta::days(2);

testkit::on_both! {
    async fn what_was_made_while_the_clock_ran_ahead_is_run_once_it_is_right(db) {
        let (scope, other, runs) = (tenant(&db).await, tenant(&db).await, Runs::default());
        db.clock.advance(AHEAD);
        let (first, second) = (enqueue(&db, &scope, 1).await, enqueue(&db, &other, 2).await);
        db.clock.advance(-AHEAD);
        let tally = runner(&db, "one", Counter::new(&runs)).run_once().await.unwrap();
        assert_eq!(tally, Tally { done: 2, ..Tally::default() });
        assert_eq!((times(&runs, first), times(&runs, second)), (1, 1));
    }

    async fn what_was_to_wait_waits_as_long_as_it_was_to(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        db.clock.advance(AHEAD);
        let tx = db.store.write(&scope).await.unwrap();
        let due = tx.now() + TimeDelta::hours(1);
        let job = Outbox::new().enqueue_at_in(&tx, &Count { number: 1 }, due).await.unwrap();
        tx.commit().await.unwrap();
        db.clock.advance(-AHEAD);
        let runner = runner(&db, "one", Counter::new(&runs));
        for (wait, runs_so_far) in [(TimeDelta::zero(), 0), (TimeDelta::minutes(59), 0), (TimeDelta::minutes(1), 1)] {
            db.clock.advance(wait);
            runner.run_once().await.unwrap();
            assert_eq!(times(&runs, job), runs_so_far, "after {wait} more");
        }
    }

    async fn a_job_that_failed_or_was_taken_while_it_ran_ahead_is_taken_again(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let (first, second) = (enqueue(&db, &scope, 1).await, enqueue(&db, &scope, 2).await);
        db.clock.advance(AHEAD);
        let failing = |_, _: &JobContext| Err(JobError::Retry("no answer".into()));
        // One's node is gone, the other is tried.
        assert_eq!(db.store.work_claim(1, "gone", Duration::from_secs(60)).await.unwrap().len(), 1);
        runner(&db, "one", Counter::answering(&runs, failing)).run_once().await.unwrap();
        assert_eq!(std::mem::take(&mut *runs.lock().unwrap()).len(), 1);
        db.clock.advance(-AHEAD);
        let runner = runner(&db, "two", Counter::new(&runs));
        runner.run_once().await.unwrap();
        // A lease that may still be somebody's lasts as long as any.
        db.clock.advance(TimeDelta::seconds(60));
        runner.run_once().await.unwrap();
        assert_eq!((times(&runs, first), times(&runs, second)), (1, 1));
        assert_eq!(rows(&db, &scope).await, 0);
    }

    async fn a_job_that_was_made_and_taken_while_it_ran_ahead_is_taken_again(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        db.clock.advance(AHEAD);
        let job = enqueue(&db, &scope, 1).await;
        assert_eq!(db.store.work_claim(1, "gone", Duration::from_secs(60)).await.unwrap().len(), 1);
        db.clock.advance(-AHEAD);
        let runner = runner(&db, "two", Counter::new(&runs));
        assert_eq!(runner.run_once().await.unwrap(), Tally::default(), "its lease may still be somebody's");
        db.clock.advance(TimeDelta::seconds(60));
        runner.run_once().await.unwrap();
        assert_eq!((times(&runs, job), rows(&db, &scope).await), (1, 0));
    }

    async fn a_job_that_was_put_back_while_it_ran_ahead_is_due(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let (first, second) = (enqueue(&db, &scope, 1).await, enqueue(&db, &scope, 2).await);
        let desk_of = |node| runner(&db, node, Counter::new(&runs));
        // One is put back by who stops, the other by who does not know its kind.
        let claimed = db.store.work_claim(1, "stops", Duration::from_secs(60)).await.unwrap();
        db.clock.advance(AHEAD);
        desk_of("stops").desk().give_back(claimed.into_iter().next().unwrap()).await;
        Runner::new(db.store.clone(), "strange", &Outbox::new()).run_once().await.unwrap();
        db.clock.advance(-AHEAD);
        for _ in 0..2 {
            desk_of("one").run_once().await.unwrap();
            db.clock.advance(TimeDelta::seconds(60));
        }
        assert_eq!((times(&runs, first), times(&runs, second)), (1, 1));
    }

    async fn a_leap_that_nobody_saw_is_known_by_what_was_written(db) {
        let (scope, runs, mut watch) = (tenant(&db).await, Runs::default(), crate::clock::Watch::default());
        watch.look(&db.store).await.unwrap();
        let quiet = runner(&db, "one", Counter::new(&runs));
        db.clock.advance(AHEAD);
        let job = enqueue(&db, &scope, 1).await;
        db.clock.advance(-AHEAD);
        let due = async || db.store.work_claim(1, "one", Duration::from_secs(60)).await.unwrap();
        assert!(due().await.is_empty());
        watch.look(&db.store).await.unwrap();
        for work in due().await {
            quiet.desk().attempt(work).await;
        }
        assert_eq!(times(&runs, job), 1);
        // Once is enough: the next look is not for five minutes.
        assert!(db.store.was_ahead(db.store.time()) <= TimeDelta::zero());
    }

    async fn two_thousand_jobs_of_many_tenants_are_set_right_at_once(db) {
        db.clock.advance(AHEAD);
        for _ in 0..4 {
            let scope = tenant(&db).await;
            let tx = db.store.write(&scope).await.unwrap();
            let jobs: Vec<Count> = (0..600).map(|number| Count { number }).collect();
            Outbox::new().enqueue_all_in(&tx, &jobs).await.unwrap();
            tx.commit().await.unwrap();
        }
        db.clock.advance(-AHEAD);
        let righted = async || crate::clock::set_right(&db.store).await.unwrap().jobs;
        assert_eq!((righted().await, righted().await), (2_400, 0));
    }

    async fn what_is_put_off_by_a_right_clock_is_not_touched(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let tx = db.store.write(&scope).await.unwrap();
        let due = tx.now() + TimeDelta::days(30);
        Outbox::new().enqueue_at_in(&tx, &Count { number: 1 }, due).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(crate::clock::set_right(&db.store).await.unwrap().jobs, 0);
        assert_eq!(runner(&db, "one", Counter::new(&runs)).run_once().await.unwrap(), Tally::default());
        assert_eq!(rows(&db, &scope).await, 1);
    }
}
