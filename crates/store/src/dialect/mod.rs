//! All that differs between SQLite and PostgreSQL, and nothing else.
//!
//! A batch of rows travels as arrays (PostgreSQL, `unnest`) or as one JSON text (SQLite, `jsonb_each`), so that the
//! text of a statement, and with it its plan, does not depend on how many rows there are.

mod batch;
pub(crate) mod copy_postgres;
pub(crate) mod copy_sqlite;
mod errors;
mod link;
mod look_up;
mod postgres;
pub mod schema;
mod source;
mod sqlite;

pub(crate) use batch::{BatchClaim, BatchInsert, BatchUpdate, ChainStep, Piece, Proof, together};
pub(crate) use errors::sort_error;
pub(crate) use link::Link;
pub(crate) use look_up::{Keys, look_up};
pub use postgres::{PLANNING, Roles};
pub(crate) use postgres::{lock_schema, outcome, provision};
pub(crate) use source::Built;
pub(crate) use sqlite::checkpoint;

use std::time::Duration;

use chrono::{DateTime, Utc};
use kernel::Scope;
use sea_orm::sea_query::{ColumnRef, SimpleExpr};
use sea_orm::{ColumnType, DatabaseConnection, DatabaseTransaction, Statement, Value};

use crate::error::StoreError;
use crate::settings::{Settings, Time};

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Backend {
    /// Embedded: one process owns the file, one writer at a time.
    Sqlite,
    /// A server, several nodes, row level security.
    Postgres,
}

/// What a transaction learns when it enters a scope.
pub(crate) struct Entry {
    pub now: DateTime<Utc>,
    pub transaction_id: Option<String>,
}

/// The connections of an open store.
pub(crate) struct Pools {
    pub write: DatabaseConnection,
    pub read: DatabaseConnection,
    /// What lanes write by; on SQLite the writer.
    pub lanes: DatabaseConnection,
    pub platform: DatabaseConnection,
    /// SQLite only: moves the log into the file beside the writer.
    pub checkpoint: Option<DatabaseConnection>,
}

/// The connections of one pool, for whoever watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolCount {
    /// What it serves.
    pub pool: &'static str,
    /// Open connections.
    pub open: u32,
    /// Those that nobody uses.
    pub idle: u32,
}

impl Backend {
    /// Tells from a database URL.
    pub fn of_url(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("sqlite:") {
            return Ok(Self::Sqlite);
        }
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            return Ok(Self::Postgres);
        }
        Err(StoreError::Settings("a database URL starts with sqlite:// or postgres://".to_owned()))
    }

    pub(crate) async fn open(self, settings: &Settings) -> Result<Pools, StoreError> {
        match self {
            Self::Sqlite => sqlite::open(settings).await,
            Self::Postgres => postgres::open(settings).await,
        }
    }

    /// How many connections each pool has.
    pub(crate) fn counts(self, pools: &Pools) -> Vec<PoolCount> {
        match self {
            Self::Sqlite => sqlite::counts(pools),
            Self::Postgres => postgres::counts(pools),
        }
    }

    pub(crate) async fn open_owner(self, url: &str) -> Result<DatabaseConnection, StoreError> {
        match self {
            Self::Sqlite => sqlite::open_owner(url).await,
            Self::Postgres => postgres::open_owner(url).await,
        }
    }

    pub(crate) async fn begin(self, pool: &DatabaseConnection, write: bool) -> Result<DatabaseTransaction, StoreError> {
        match self {
            Self::Sqlite => sqlite::begin(pool, write).await,
            Self::Postgres => postgres::begin(pool, write).await,
        }
    }

    /// A lane's transaction, which enters its scopes by [`Self::enter_batch`].
    pub(crate) async fn begin_batch(self, pool: &DatabaseConnection) -> Result<Link, StoreError> {
        match self {
            Self::Sqlite => Ok(Link::Usual(sqlite::begin(pool, true).await?)),
            Self::Postgres => postgres::begin_batch(pool).await,
        }
    }

    /// Binds a lane's transaction to the scope and reads the time.
    pub(crate) async fn enter_batch(self, tx: &Link, scope: &impl Scope, time: &Time) -> Result<Entry, StoreError> {
        match (self, tx) {
            (Self::Sqlite, _) => Ok(sqlite::enter(time)),
            (Self::Postgres, Link::Lane(lane)) => postgres::enter_batch(lane, scope, time).await,
            (Self::Postgres, Link::Usual(_)) => postgres::enter(tx, scope, time, true).await,
        }
    }

    /// A reading transaction that sees one moment; on SQLite every one does.
    pub(crate) async fn snapshot(self, pool: &DatabaseConnection) -> Result<DatabaseTransaction, StoreError> {
        match self {
            Self::Sqlite => sqlite::begin(pool, false).await,
            Self::Postgres => postgres::snapshot(pool).await,
        }
    }

    /// Binds the transaction to the scope and reads the time.
    pub(crate) async fn enter(
        self,
        tx: &Link,
        scope: &impl Scope,
        time: &Time,
        write: bool,
    ) -> Result<Entry, StoreError> {
        match self {
            Self::Sqlite => Ok(sqlite::enter(time)),
            Self::Postgres => postgres::enter(tx, scope, time, write).await,
        }
    }

    /// `column` is one of `values`, as one bound parameter.
    pub(crate) fn one_of(self, column: ColumnRef, kind: &ColumnType, values: Vec<Value>) -> SimpleExpr {
        match self {
            Self::Sqlite => sqlite::one_of(column, kind, values),
            Self::Postgres => postgres::one_of(column, kind, values),
        }
    }

    /// Leases up to `limit` due jobs of all tenants to `node`.
    pub(crate) fn work_claim(self, limit: u32, node: &str, time: &Time, lease: Duration) -> Statement {
        match (self, time) {
            (Self::Sqlite, _) => {
                let now = sqlite::enter(time).now;
                sqlite::work_claim(limit, node, now, now + lease)
            }
            // The database's own clock: a node whose clock runs ahead must not take what another one is working on.
            (Self::Postgres, Time::Database) => postgres::work_claim(limit, node, None, lease),
            (Self::Postgres, Time::Given(clock)) => postgres::work_claim(limit, node, Some(clock.now()), lease),
        }
    }

    pub(crate) const fn of_sea(self) -> sea_orm::DbBackend {
        match self {
            Self::Sqlite => sea_orm::DbBackend::Sqlite,
            Self::Postgres => sea_orm::DbBackend::Postgres,
        }
    }
}
