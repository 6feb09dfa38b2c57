//! Jobs that come again.

use chrono::TimeDelta;
use store::StoreError;

use super::*;
use crate::model::Tally;
use crate::{Schedule, Tenants};

const MINUTE: Duration = Duration::from_secs(60);

struct These(Vec<TenantId>);

#[async_trait]
impl Tenants for These {
    async fn all(&self) -> Result<Vec<TenantId>, StoreError> {
        Ok(self.0.clone())
    }
}

fn each_minute(tenants: &[TenantScope]) -> Schedule {
    let tenants = These(tenants.iter().map(TenantScope::id).collect());
    Schedule::of(Arc::new(tenants)).every("tick", MINUTE, &Count { number: 0 })
}

testkit::on_both! {
    async fn twin_nodes_make_one_job_for_a_slot(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let node = |name| runner(&db, name, Counter::new(&runs)).schedule(each_minute(&[scope]));
        let (one, two) = (node("one"), node("two"));
        for slots_begun in 0..4 {
            // The second of the two looks after the first has run the job and removed its row.
            for runner in [&one, &two] {
                runner.run_once().await.unwrap();
                assert_eq!(runs.lock().unwrap().len(), slots_begun);
            }
            assert_eq!(rows(&db, &scope).await, 1, "the next slot's job waits");
            db.clock.advance(TimeDelta::seconds(60));
        }
    }

    async fn every_tenant_has_its_own_job(db) {
        let (one, two, runs) = (tenant(&db).await, tenant(&db).await, Runs::default());
        let runner = runner(&db, "one", Counter::new(&runs)).schedule(each_minute(&[one, two]));
        runner.run_once().await.unwrap();
        db.clock.advance(TimeDelta::seconds(60));
        assert_eq!(runner.run_once().await.unwrap(), Tally { done: 2, ..Tally::default() });
    }

    async fn a_tenant_that_is_gone_does_not_keep_the_others_waiting(db) {
        let (scope, gone) = (tenant(&db).await, Platform::assume().tenant(TenantId::new()));
        let runner = runner(&db, "one", Counter::new(&Runs::default())).schedule(each_minute(&[gone, scope]));
        runner.run_once().await.unwrap();
        assert_eq!(rows(&db, &scope).await, 1);
    }

    async fn slots_missed_while_no_node_ran_do_not_pile_up(db) {
        let (scope, runs) = (tenant(&db).await, Runs::default());
        let runner = runner(&db, "one", Counter::new(&runs)).schedule(each_minute(&[scope]));
        runner.run_once().await.unwrap();
        db.clock.advance(TimeDelta::hours(5));
        assert_eq!(runner.run_once().await.unwrap(), Tally { done: 1, ..Tally::default() });
    }
}

#[test]
#[should_panic(expected = "tick is scheduled twice")]
fn a_schedule_has_one_entry_of_a_name_and_kind() {
    let _ = each_minute(&[]).every("tick", MINUTE, &Count { number: 0 });
}
