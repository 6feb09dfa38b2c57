//! Opening a store, and starting transactions.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Clock, Platform, SystemClock, TenantId, TenantScope};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use tracing::Instrument;

use crate::claim::ClaimedWork;
use crate::dialect::{self, Backend, Link, PoolCount, Pools};
use crate::error::StoreError;
use crate::news::{News, ToTell};
use crate::owned::Inside;
use crate::settings::{Settings, Time};
use crate::tx::{Batch, Conn, Latest, Outcome, ReadTx, WriteTx};

/// The database, open. Clones share the connections.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Backend,
    pools: Pools,
    time: Time,
    is_closed: Arc<AtomicBool>,
    news: Arc<News>,
    latest: Arc<Latest>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }
}

const CHECKPOINT_EVERY: Duration = Duration::from_millis(100);

impl Store {
    /// Connects; on PostgreSQL a role that could see past row level security is refused.
    pub async fn open(settings: &Settings) -> Result<Self, StoreError> {
        let backend = Backend::of_url(&settings.url)?;
        let pools = backend.open(settings).await?;
        let is_closed = Arc::new(AtomicBool::new(false));
        if let Some(connection) = pools.checkpoint.clone() {
            tokio::spawn(checkpoint(connection, Arc::clone(&is_closed)));
        }
        Ok(Self {
            inner: Arc::new(Inner {
                backend,
                pools,
                time: settings.time.clone(),
                is_closed,
                news: Arc::default(),
                latest: Arc::default(),
            }),
        })
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        self.inner.backend
    }

    /// The pools with their open connections and those of them that nobody uses.
    pub fn pools(&self) -> Vec<PoolCount> {
        self.inner.backend.counts(&self.inner.pools)
    }

    /// Starts a transaction that only reads.
    pub async fn read<S: Inside>(&self, scope: &S) -> Result<ReadTx<S>, StoreError> {
        let conn = self.begin(&self.inner.pools.read, false).await?;
        let entry = conn.backend.enter(&conn.tx, scope, &self.inner.time, false).await?;
        Ok(ReadTx::new(conn, scope.clone(), entry.now))
    }

    /// Starts a transaction that only reads, all of it from one moment; for audits and exports.
    pub async fn snapshot<S: Inside>(&self, scope: &S) -> Result<ReadTx<S>, StoreError> {
        let tx = self.inner.backend.snapshot(&self.inner.pools.read).await?;
        let conn = self.conn(Link::Usual(tx));
        let entry = conn.backend.enter(&conn.tx, scope, &self.inner.time, false).await?;
        Ok(ReadTx::new(conn, scope.clone(), entry.now))
    }

    /// Starts a transaction that writes.
    pub async fn write<S: Inside>(&self, scope: &S) -> Result<WriteTx<S>, StoreError> {
        let conn = self.begin(&self.inner.pools.write, true).await?;
        let entry = conn.backend.enter(&conn.tx, scope, &self.inner.time, true).await?;
        Ok(WriteTx::new(conn, scope.clone(), entry))
    }

    /// Runs `work` in one transaction and commits it if it succeeds.
    pub async fn transact<S: Inside, T, E: From<StoreError>>(
        &self,
        scope: &S,
        work: impl AsyncFnOnce(&WriteTx<S>) -> Result<T, E>,
    ) -> Result<T, E> {
        let tx = self.write(scope).await?;
        let value = work(&tx).await?;
        tx.commit().await?;
        Ok(value)
    }

    /// Starts a lane's transaction.
    pub async fn batch(&self) -> Result<Batch, StoreError> {
        let span = tracing::debug_span!("store.begin", store.write = true);
        let begun = self.inner.backend.begin_batch(&self.inner.pools.lanes).instrument(span).await;
        let tx = begun.map_err(busy_at_begin)?;
        Ok(Batch::new(self.conn(tx), self.inner.time.clone()))
    }

    /// Reads the directory, across tenants.
    pub async fn read_platform(&self, scope: &Platform) -> Result<ReadTx<Platform>, StoreError> {
        let pool = match self.inner.backend {
            Backend::Sqlite => &self.inner.pools.read,
            Backend::Postgres => &self.inner.pools.platform,
        };
        let conn = self.begin(pool, false).await?;
        let entry = conn.backend.enter(&conn.tx, scope, &self.inner.time, false).await?;
        Ok(ReadTx::new(conn, scope.clone(), entry.now))
    }

    /// Writes the directory, across tenants.
    pub async fn write_platform(&self, scope: &Platform) -> Result<WriteTx<Platform>, StoreError> {
        let conn = self.begin(&self.inner.pools.platform, true).await?;
        let entry = conn.backend.enter(&conn.tx, scope, &self.inner.time, true).await?;
        Ok(WriteTx::new(conn, scope.clone(), entry))
    }

    /// Leases up to `limit` due jobs of all tenants to `node`: whose they are and their ids, nothing else.
    pub async fn work_claim(&self, limit: u32, node: &str, lease: Duration) -> Result<Vec<ClaimedWork>, StoreError> {
        let statement = self.inner.backend.work_claim(limit, node, &self.inner.time, lease);
        let rows = self.inner.pools.write.query_all_raw(statement).await?;
        rows.iter()
            .map(|row| {
                let tenant: uuid::Uuid = row.try_get("", "tenant_id")?;
                Ok(ClaimedWork { tenant: TenantId::from_uuid(tenant), row: row.try_get("", "id")? })
            })
            .collect()
    }

    /// What became of the transaction `id` whose commit was not answered. PostgreSQL only; a SQLite commit
    /// is always answered, or the process is gone.
    pub async fn outcome(&self, id: &str) -> Result<Outcome, StoreError> {
        dialect::outcome(&self.inner.pools.read, id).await
    }

    /// Whether the database answers; for readiness.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.inner.pools.read.execute_unprepared("SELECT 1").await?;
        Ok(())
    }

    /// The time for leases and schedules; money and holds use their transaction's own.
    pub fn time(&self) -> DateTime<Utc> {
        match &self.inner.time {
            Time::Database => SystemClock.now(),
            Time::Given(clock) => clock.now(),
        }
    }

    /// How far the latest time by which this process has written lies ahead of `now`: the clock was set back since then,
    /// or ran ahead for a moment.
    pub fn was_ahead(&self, now: DateTime<Utc>) -> TimeDelta {
        self.inner.latest.ahead_of(now)
    }

    /// Forgets that it wrote by later times than `now`: what it wrote was set right.
    pub fn is_right_at(&self, now: DateTime<Utc>) {
        self.inner.latest.forget_after(now);
    }

    /// A number that this process raises with each commit that announces a change of the tenant
    /// ([`WriteTx::announce`]). What other processes change is not in it.
    pub fn news(&self, scope: &TenantScope) -> u64 {
        self.inner.news.of(scope.id())
    }

    /// A number that this process raises with each commit that announces a change of this thing
    /// ([`WriteTx::announce_about`]), and now and then with that of another one.
    pub fn news_about(&self, scope: &TenantScope, thing: uuid::Uuid) -> u64 {
        self.inner.news.about(scope.id(), thing)
    }

    /// Closes the connections; what is not committed is gone.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.inner.is_closed.store(true, Ordering::Relaxed);
        self.inner.pools.write.close_by_ref().await?;
        self.inner.pools.read.close_by_ref().await?;
        self.inner.pools.lanes.close_by_ref().await?;
        self.inner.pools.platform.close_by_ref().await?;
        if let Some(connection) = &self.inner.pools.checkpoint {
            connection.close_by_ref().await?;
        }
        Ok(())
    }

    async fn begin(&self, pool: &DatabaseConnection, write: bool) -> Result<Conn, StoreError> {
        let span = tracing::debug_span!("store.begin", store.write = write);
        let tx = self.inner.backend.begin(pool, write).instrument(span).await.map_err(busy_at_begin)?;
        Ok(self.conn(Link::Usual(tx)))
    }

    fn conn(&self, tx: Link) -> Conn {
        let news = ToTell::new(Arc::clone(&self.inner.news));
        Conn { tx, backend: self.inner.backend, news, latest: Arc::clone(&self.inner.latest) }
    }
}

/// Nothing was begun, so nothing is in anybody's way: the database is just busy.
fn busy_at_begin(error: StoreError) -> StoreError {
    match error {
        StoreError::Conflict => StoreError::Busy,
        other => other,
    }
}

/// Moves the log into the file, so that commits seldom pay for it; a failure is tried again, for as long as the
/// store is open.
async fn checkpoint(connection: DatabaseConnection, is_closed: Arc<AtomicBool>) {
    let mut was_well = true;
    while !is_closed.load(Ordering::Relaxed) {
        tokio::time::sleep(CHECKPOINT_EVERY).await;
        match dialect::checkpoint(&connection).await {
            Ok(()) => was_well = true,
            Err(StoreError::Conflict) => {}
            Err(error) if was_well && !is_closed.load(Ordering::Relaxed) => {
                tracing::warn!(%error, "the log cannot be moved into the database file; trying on");
                was_well = false;
            }
            Err(_) => {}
        }
    }
}

/// The schema's owner: what migrations and first starts need, and nothing that serves.
pub struct Owner {
    connection: DatabaseConnection,
    backend: Backend,
}

impl Owner {
    /// Connects as the owner of the schema.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let backend = Backend::of_url(url)?;
        Ok(Self { connection: backend.open_owner(url).await?, backend })
    }

    /// Which database it is.
    pub const fn backend(&self) -> Backend {
        self.backend
    }

    /// The raw connection. For the migrations crate only.
    pub const fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Makes the runtime and platform roles of PostgreSQL, or sets their passwords; nothing on SQLite.
    pub async fn provision_roles(&self, runtime: &str, platform: &str) -> Result<(), StoreError> {
        match self.backend {
            Backend::Sqlite => Ok(()),
            Backend::Postgres => dialect::provision(&self.connection, runtime, platform).await,
        }
    }

    /// Waits until no other node changes the schema, and keeps them waiting until this owner is closed.
    pub async fn lock_schema(&self) -> Result<(), StoreError> {
        match self.backend {
            Backend::Sqlite => Ok(()),
            Backend::Postgres => dialect::lock_schema(&self.connection).await,
        }
    }

    /// Closes the connection.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.connection.close().await?)
    }
}

/// Held by the one process that owns a SQLite file.
pub struct FileLock {
    _file: File,
    path: PathBuf,
}

impl FileLock {
    /// Takes the file for this process, or says that another one has it.
    pub fn acquire(database: &Path) -> Result<Option<Self>, StoreError> {
        let path = database.with_extension("lock");
        let fail = |error: std::io::Error| StoreError::Settings(format!("cannot lock {}: {error}", path.display()));
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file, path })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(fail(error)),
        }
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
