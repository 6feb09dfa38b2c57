//! Behaviour on both databases.

mod audit;
mod clock;
mod enqueue;
mod lease;
mod running;
mod schedule;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use kernel::{Platform, TenantId, TenantScope};
use serde::{Deserialize, Serialize};
use store::{Store, Tx};
use testkit::TestDb;
use tokio::sync::Semaphore;

use crate::table::jobs;
use crate::{Handler, Job, JobContext, JobError, JobId, Outbox, Runner};

/// The table of tenants, which a room above owns: each job needs its tenant's row.
mod tenants {
    use chrono::{DateTime, Utc};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tenants")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        pub slug: String,
        pub name: String,
        pub currency: String,
        pub region: String,
        pub state: String,
        pub seller_name: String,
        pub created_at: DateTime<Utc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

store::tenant_owned!(tenants);

async fn tenant(db: &TestDb) -> TenantScope {
    let scope = Platform::assume().tenant(TenantId::new());
    let tx = db.store.write(&scope).await.unwrap();
    let row = tenants::Model {
        tenant_id: scope.id().uuid(),
        slug: scope.id().to_string(),
        name: "Grove".into(),
        currency: "CNY".into(),
        region: "cn".into(),
        state: "active".into(),
        seller_name: "Grove Ltd".into(),
        created_at: tx.now(),
    };
    tx.insert::<tenants::Entity>([row]).await.unwrap();
    tx.commit().await.unwrap();
    scope
}

#[derive(Serialize, Deserialize)]
struct Count {
    number: u32,
}

impl Job for Count {
    const KIND: &'static str = "test.count";
    const ATTEMPTS_MAX: u32 = 3;
}

/// Of the same kind, and nothing that kind can read.
#[derive(Serialize, Deserialize)]
struct Poison {
    number: String,
}

impl Job for Poison {
    const KIND: &'static str = "test.count";
}

/// How often each job was run.
type Runs = Arc<Mutex<HashMap<JobId, u32>>>;

/// Counts its runs and does as it is told for each number.
struct Counter {
    runs: Runs,
    answer: fn(u32, &JobContext) -> Result<(), JobError>,
}

impl Counter {
    fn new(runs: &Runs) -> Self {
        Self { runs: Arc::clone(runs), answer: |_, _| Ok(()) }
    }

    fn answering(runs: &Runs, answer: fn(u32, &JobContext) -> Result<(), JobError>) -> Self {
        Self { runs: Arc::clone(runs), answer }
    }
}

#[async_trait]
impl Handler<Count> for Counter {
    async fn run(&self, context: &JobContext, job: Count) -> Result<(), JobError> {
        *self.runs.lock().unwrap().entry(context.id()).or_default() += 1;
        (self.answer)(job.number, context)
    }
}

/// Says that it has begun and waits to be let through; then it ends its job in a transaction of its own.
struct Gated {
    store: Store,
    runs: Runs,
    begun: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

impl Gated {
    fn new(db: &TestDb, runs: &Runs) -> Self {
        let closed = || Arc::new(Semaphore::new(0));
        Self { store: db.store.clone(), runs: Arc::clone(runs), begun: closed(), gate: closed() }
    }
}

#[async_trait]
impl Handler<Count> for Gated {
    async fn run(&self, context: &JobContext, _: Count) -> Result<(), JobError> {
        self.begun.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        let finished: Result<(), JobError> = self
            .store
            .transact(context.scope(), async |tx| {
                context.finish_in(tx).await?;
                Ok(())
            })
            .await;
        finished?;
        *self.runs.lock().unwrap().entry(context.id()).or_default() += 1;
        Ok(())
    }
}

async fn begun(begun: &Semaphore) {
    let permit = tokio::time::timeout(Duration::from_secs(20), begun.acquire()).await;
    permit.expect("the job begins").unwrap().forget();
}

fn runner(db: &TestDb, node: &str, handler: impl Handler<Count>) -> Runner {
    Runner::new(db.store.clone(), node, &Outbox::new()).handle::<Count>(handler)
}

async fn enqueue(db: &TestDb, scope: &TenantScope, number: u32) -> JobId {
    let tx = db.store.write(scope).await.unwrap();
    let id = Outbox::new().enqueue_in(&tx, &Count { number }).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn rows(db: &TestDb, scope: &TenantScope) -> u64 {
    db.store.read(scope).await.unwrap().find::<jobs::Entity>().count().await.unwrap()
}

fn times(runs: &Runs, job: JobId) -> u32 {
    runs.lock().unwrap().get(&job).copied().unwrap_or_default()
}
