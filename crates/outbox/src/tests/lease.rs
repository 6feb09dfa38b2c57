//! Leases that end before their holders do.

use chrono::TimeDelta;

use super::*;
use crate::model::Tally;

testkit::on_both! {
    async fn a_slow_holder_loses_his_job_and_keeps_nothing(db) {
        let (scope, slow_runs, quick_runs) = (tenant(&db).await, Runs::default(), Runs::default());
        let job = enqueue(&db, &scope, 1).await;
        let slow = Gated::new(&db, &slow_runs);
        let (has_begun, gate) = (Arc::clone(&slow.begun), Arc::clone(&slow.gate));
        let slow = runner(&db, "slow", slow);
        let slow = tokio::spawn(async move { slow.run_once().await });
        begun(&has_begun).await;
        db.clock.advance(TimeDelta::seconds(61));
        let tally = runner(&db, "quick", Counter::new(&quick_runs)).run_once().await.unwrap();
        assert_eq!(tally, Tally { done: 1, ..Tally::default() });
        gate.add_permits(1);
        assert_eq!(slow.await.unwrap().unwrap(), Tally { lost: 1, ..Tally::default() });
        assert_eq!((times(&slow_runs, job), times(&quick_runs, job)), (0, 1));
    }

    async fn a_slow_holder_cannot_end_the_attempt_that_came_after_his(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        enqueue(&db, &scope, 1).await;
        let slow = Gated::new(&db, &runs);
        let (has_begun, gate) = (Arc::clone(&slow.begun), Arc::clone(&slow.gate));
        let slow = runner(&db, "one", slow);
        let slow = tokio::spawn(async move { slow.run_once().await });
        begun(&has_begun).await;
        db.clock.advance(TimeDelta::seconds(61));
        // The same node's name does not help: the attempt is another.
        assert_eq!(db.store.work_claim(10, "one", Duration::from_secs(60)).await.unwrap().len(), 1);
        gate.add_permits(1);
        assert_eq!(slow.await.unwrap().unwrap(), Tally { lost: 1, ..Tally::default() });
        assert_eq!(rows(&db, &scope).await, 1);
        assert!(runs.lock().unwrap().is_empty());
    }

    async fn a_lease_that_holds_is_not_handed_over(db) {
        let scope = tenant(&db).await;
        enqueue(&db, &scope, 1).await;
        assert_eq!(db.store.work_claim(10, "gone", Duration::from_secs(60)).await.unwrap().len(), 1);
        db.clock.advance(TimeDelta::seconds(59));
        let tally = runner(&db, "one", Counter::new(&Runs::default())).run_once().await.unwrap();
        assert_eq!(tally, Tally::default());
    }

    async fn a_job_that_takes_every_node_down_is_dead_in_the_end(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let job = enqueue(&db, &scope, 1).await;
        for _ in 0..Count::ATTEMPTS_MAX {
            assert_eq!(db.store.work_claim(10, "crashes", Duration::from_secs(60)).await.unwrap().len(), 1);
            db.clock.advance(TimeDelta::seconds(60));
        }
        let tally = runner(&db, "one", Counter::new(&runs)).run_once().await.unwrap();
        assert_eq!(tally, Tally { dead: 1, ..Tally::default() });
        assert_eq!(times(&runs, job), 0);
    }

    async fn a_handler_whose_transaction_fails_after_finishing_is_tried_again(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let job = enqueue(&db, &scope, 1).await;
        let runner = runner(&db, "one", Rollback { store: db.store.clone(), runs: Arc::clone(&runs) });
        assert_eq!(runner.run_once().await.unwrap(), Tally { retried: 1, ..Tally::default() });
        db.clock.advance(TimeDelta::seconds(2));
        assert_eq!(runner.run_once().await.unwrap(), Tally { done: 1, ..Tally::default() });
        assert_eq!((times(&runs, job), rows(&db, &scope).await), (2, 0));
    }

    async fn news_for_a_running_named_job_is_a_second_job(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let outbox = Outbox::new();
        let tx = db.store.write(&scope).await.unwrap();
        let first = outbox.enqueue_once_in(&tx, "fold", &Count { number: 1 }, tx.now()).await.unwrap();
        tx.commit().await.unwrap();
        let handler = Gated::new(&db, &runs);
        let (has_begun, gate) = (Arc::clone(&handler.begun), Arc::clone(&handler.gate));
        let runner = runner(&db, "one", handler);
        let running = tokio::spawn(async move { runner.run_once().await });
        begun(&has_begun).await;
        let tx = db.store.write(&scope).await.unwrap();
        let second = outbox.enqueue_once_in(&tx, "fold", &Count { number: 2 }, tx.now()).await.unwrap();
        assert_eq!(outbox.enqueue_once_in(&tx, "fold", &Count { number: 3 }, tx.now()).await.unwrap(), second);
        tx.commit().await.unwrap();
        gate.add_permits(2);
        running.await.unwrap().unwrap();
        assert_ne!(first, second);
        assert_eq!((times(&runs, first), times(&runs, second)), (1, 1));
    }
}

/// Finishes its job in a transaction that fails the first time.
struct Rollback {
    store: Store,
    runs: Runs,
}

#[async_trait]
impl Handler<Count> for Rollback {
    async fn run(&self, context: &JobContext, _: Count) -> Result<(), JobError> {
        *self.runs.lock().unwrap().entry(context.id()).or_default() += 1;
        let tx = self.store.write(context.scope()).await?;
        context.finish_in(&tx).await?;
        if context.attempt() == 1 {
            return Err(JobError::Retry("the disk is full".into()));
        }
        Ok(tx.commit().await?)
    }
}
