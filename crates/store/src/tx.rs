//! Transactions: a connection, a scope and the time of the transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Platform, Scope, TenantScope};
use sea_orm::{ColumnTrait, Condition, IntoActiveModel, QueryFilter};
use tracing::Instrument;

use crate::dialect::{Backend, Entry, Link};
use crate::error::StoreError;
use crate::find::Find;
use crate::news::ToTell;
use crate::owned::{Inside, Listed, TenantOwned};

/// A connection inside a transaction. Never leaves this crate.
pub struct Conn {
    pub(crate) tx: Link,
    pub(crate) backend: Backend,
    pub(crate) news: ToTell,
    pub(crate) latest: Arc<Latest>,
}

/// The latest time that this process has written by, whether it was the right one or not.
#[derive(Debug, Default)]
pub struct Latest(AtomicI64);

impl Latest {
    fn note(&self, now: DateTime<Utc>) {
        self.0.fetch_max(now.timestamp_micros(), Ordering::Relaxed);
    }

    /// How far `now` lies before it.
    pub(crate) fn ahead_of(&self, now: DateTime<Utc>) -> TimeDelta {
        TimeDelta::microseconds((self.0.load(Ordering::Relaxed) - now.timestamp_micros()).max(0))
    }

    /// Forgets what was later than `now`.
    pub(crate) fn forget_after(&self, now: DateTime<Utc>) {
        self.0.fetch_min(now.timestamp_micros(), Ordering::Relaxed);
    }
}

mod sealed {
    /// Only this crate's transactions are transactions.
    pub trait Door {
        fn conn(&self) -> &super::Conn;
    }
}
pub(crate) use sealed::Door;

/// What reading code needs: a transaction inside a tenant, for reading or for writing.
pub trait Tx: Door + Send + Sync {
    /// The scope it runs in.
    type Scope: Inside;

    /// The scope it runs in.
    fn scope(&self) -> &Self::Scope;

    /// The transaction's time, from the database's clock.
    fn now(&self) -> DateTime<Utc>;

    /// A select on `E`, inside the scope.
    fn find<E: TenantOwned>(&self) -> Find<'_, E> {
        Find::new(self.conn(), scope_filter::<E>(self.scope()))
    }
}

/// A transaction that only reads, one snapshot of the rows on SQLite.
pub struct ReadTx<S> {
    conn: Conn,
    scope: S,
    now: DateTime<Utc>,
}

/// A transaction that writes. Dropped without a commit it leaves nothing behind.
pub struct WriteTx<S> {
    conn: Arc<Conn>,
    scope: S,
    now: DateTime<Utc>,
    id: Option<String>,
}

/// A write transaction that has not entered a scope yet. On SQLite it may enter one tenant after another
/// (the file lane's batches span tenants); on PostgreSQL it enters exactly one.
pub struct Batch {
    conn: Arc<Conn>,
    time: crate::settings::Time,
    entered: std::sync::Mutex<Option<TenantScope>>,
}

/// What became of a transaction whose commit was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its effects are there.
    Committed,
    /// It left nothing behind.
    Aborted,
    /// The database still works on it; ask again.
    InProgress,
}

pub(crate) fn scope_filter<E: TenantOwned>(scope: &impl Inside) -> Condition {
    let mut filter = Condition::all();
    filter = filter.add(E::tenant_column().eq(scope.tenant().uuid()));
    if let (Some(column), Some(site)) = (E::site_column(), scope.site_id()) {
        filter = filter.add(column.eq(site.uuid()));
    }
    filter
}

impl<S: Scope> ReadTx<S> {
    pub(crate) const fn new(conn: Conn, scope: S, now: DateTime<Utc>) -> Self {
        Self { conn, scope, now }
    }
}

impl<S: Scope> WriteTx<S> {
    pub(crate) fn new(conn: Conn, scope: S, entry: Entry) -> Self {
        conn.latest.note(entry.now);
        Self { conn: Arc::new(conn), scope, now: entry.now, id: entry.transaction_id }
    }

    /// Makes all that was written last. An error means nothing was written, except [`StoreError::Lost`].
    pub async fn commit(self) -> Result<(), StoreError> {
        commit(self.conn).await
    }

    /// Which database it runs on; for locks that only one of them needs.
    pub fn backend(&self) -> Backend {
        self.conn.backend
    }

    /// The database's own name for this transaction, to ask [`crate::Store::outcome`] with. PostgreSQL only.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl<S: Inside> WriteTx<S> {
    /// Raises [`crate::Store::news`] of the tenant once this is committed: what this process keeps of it in memory
    /// is looked at anew.
    pub fn announce(&self) {
        self.conn.news.add(self.scope.tenant());
    }

    /// Raises [`crate::Store::news_about`] this thing of the tenant once this is committed.
    pub fn announce_about(&self, thing: uuid::Uuid) {
        self.conn.news.add_thing(self.scope.tenant(), thing);
    }
}

async fn commit(conn: Arc<Conn>) -> Result<(), StoreError> {
    let conn = Arc::into_inner(conn).expect("a transaction's views end before it is committed");
    // Until the commit is answered: it is let go, and so told, when this function ends.
    let _news = conn.news;
    Ok(conn.tx.commit().instrument(tracing::debug_span!("store.commit")).await?)
}

impl Batch {
    pub(crate) fn new(conn: Conn, time: crate::settings::Time) -> Self {
        Self { conn: Arc::new(conn), time, entered: std::sync::Mutex::new(None) }
    }

    /// The same transaction inside `scope`. The view must be gone before [`Batch::commit`].
    pub async fn enter(&self, scope: &TenantScope) -> Result<WriteTx<TenantScope>, StoreError> {
        {
            let mut entered = self.entered.lock().expect("no holder panics");
            let again = entered.replace(*scope).is_some();
            if again && self.conn.backend == Backend::Postgres {
                return Err(StoreError::Settings("a PostgreSQL transaction enters one tenant once".to_owned()));
            }
        }
        let entry = self.conn.backend.enter_batch(&self.conn.tx, scope, &self.time).await?;
        self.conn.latest.note(entry.now);
        Ok(WriteTx { conn: Arc::clone(&self.conn), scope: *scope, now: entry.now, id: entry.transaction_id })
    }

    /// Makes all that was written last. An error means nothing was written, except [`StoreError::Lost`].
    pub async fn commit(self) -> Result<(), StoreError> {
        commit(self.conn).await
    }
}

impl<S: Scope> Door for ReadTx<S> {
    fn conn(&self) -> &Conn {
        &self.conn
    }
}

impl<S: Scope> Door for WriteTx<S> {
    fn conn(&self) -> &Conn {
        &self.conn
    }
}

impl<S: Inside> Tx for ReadTx<S> {
    type Scope = S;
    fn scope(&self) -> &S {
        &self.scope
    }
    fn now(&self) -> DateTime<Utc> {
        self.now
    }
}

impl<S: Inside> Tx for WriteTx<S> {
    type Scope = S;
    fn scope(&self) -> &S {
        &self.scope
    }
    fn now(&self) -> DateTime<Utc> {
        self.now
    }
}

impl ReadTx<Platform> {
    /// A select on a directory table, across tenants.
    pub fn list<E: Listed>(&self) -> Find<'_, E> {
        Find::new(&self.conn, Condition::all())
    }

    /// The transaction's time.
    pub const fn time(&self) -> DateTime<Utc> {
        self.now
    }
}

impl WriteTx<Platform> {
    /// A select on a directory table, across tenants.
    pub fn list<E: Listed>(&self) -> Find<'_, E> {
        Find::new(&self.conn, Condition::all())
    }

    /// The transaction's time.
    pub const fn time(&self) -> DateTime<Utc> {
        self.now
    }

    /// Writes one row of a platform table.
    pub async fn insert_listed<E: Listed>(&self, row: E::Model) -> Result<(), StoreError>
    where
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: sea_orm::ActiveModelTrait<Entity = E> + sea_orm::ActiveModelBehavior + Send,
    {
        use sea_orm::ActiveModelTrait;
        E::insert(row.into_active_model().reset_all()).exec_without_returning(&self.conn.tx).await?;
        Ok(())
    }

    /// Removes rows of a platform table.
    pub async fn delete_listed<E: Listed>(
        &self,
        condition: impl sea_orm::sea_query::IntoCondition,
    ) -> Result<u64, StoreError> {
        let done = E::delete_many().filter(condition).exec(&self.conn.tx).await?;
        Ok(done.rows_affected)
    }
}
