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

    async fn what_is_put_off_by_a_right_clock_is_not_touched(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let tx = db.store.write(&scope).await.unwrap();
        let due = tx.now() + TimeDelta::days(30);
        Outbox::new().enqueue_at_in(&tx, &Count { number: 1 }, due).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(crate::clock::set_right(&db.store).await.unwrap(), 0);
        assert_eq!(runner(&db, "one", Counter::new(&runs)).run_once().await.unwrap(), Tally::default());
        assert_eq!(rows(&db, &scope).await, 1);
    }
}
