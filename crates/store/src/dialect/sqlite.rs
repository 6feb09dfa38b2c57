//! SQLite: a writer, some readers, and a connection that moves the log into the file.

use std::time::Duration;

use chrono::{DateTime, Utc};
use kernel::{Clock, SystemClock};
use sea_orm::sea_query::{ColumnRef, Expr, SimpleExpr};
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, Statement, TransactionOptions, TransactionTrait,
    Value,
};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};

use super::source::json_array;
use super::{Entry, PoolCount, Pools};
use crate::column::{Column, Kind};
use crate::error::StoreError;
use crate::settings::{Settings, Time};

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages of the log (4 KiB each) past which a commit moves it into the file itself.
const WAL_PAGES_MAX: &str = "20000";
/// A pack's import may hold the writer for some seconds; lanes wait for it rather than turn buyers away.
const WRITER_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) async fn open(settings: &Settings) -> Result<Pools, StoreError> {
    if settings.reads_only {
        let read = connect(settings, settings.connections_max, Role::Reader).await?;
        let [write, lanes, platform] = [(); 3].map(|()| read.clone());
        return Ok(Pools { write, lanes, platform, read, checkpoint: None });
    }
    let write = connect(settings, 1, Role::Writer).await?;
    let read = connect(settings, settings.connections_max, Role::Reader).await?;
    let checkpoint = connect(settings, 1, Role::Checkpointer).await?;
    Ok(Pools { platform: write.clone(), lanes: write.clone(), write, read, checkpoint: Some(checkpoint) })
}

/// The writer, which platform transactions share, and the readers.
pub(super) fn counts(pools: &Pools) -> Vec<PoolCount> {
    let count = |pool, connection: &DatabaseConnection| {
        let open = connection.get_sqlite_connection_pool();
        PoolCount { pool, open: open.size(), idle: u32::try_from(open.num_idle()).unwrap_or(u32::MAX) }
    };
    vec![count("writer", &pools.write), count("readers", &pools.read)]
}

pub(super) async fn open_owner(url: &str) -> Result<DatabaseConnection, StoreError> {
    connect(&Settings::at(url), 1, Role::Writer).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Writer,
    Reader,
    Checkpointer,
}

async fn connect(settings: &Settings, connections: u32, role: Role) -> Result<DatabaseConnection, StoreError> {
    let separator = if settings.url.contains('?') { '&' } else { '?' };
    let mut options = ConnectOptions::new(format!("{}{separator}mode=rwc", settings.url));
    options
        .max_connections(connections)
        .acquire_timeout(if role == Role::Writer { WRITER_TIMEOUT } else { settings.acquire_timeout })
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_pool_opts(|pool| pool.after_release(|connection, _| Box::pin(is_sound(connection))))
        .map_sqlx_sqlite_opts(move |options| tune(options, role));
    Ok(Database::connect(options).await?)
}

/// Whether a connection that comes back may serve again. SQLite ends a transaction by itself when its disk is full or
/// fails. The driver does not know that: its ROLLBACK is refused, it goes on counting one transaction too many, makes
/// savepoints of all later ones, and what they commit may never be in the file. Such a connection is closed.
async fn is_sound(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // A rollback may be under way; the answer comes after it.
        connection.ping().await?;
    }
    let is_sound = !connection.is_in_transaction();
    if !is_sound {
        tracing::warn!("the database ended a transaction by itself; its connection is opened anew");
    }
    Ok(is_sound)
}

/// FULL: money must survive a power cut. The writer checkpoints only where the checkpointer, which cannot overtake a
/// writer that never pauses, has fallen far behind.
fn tune(options: SqliteConnectOptions, role: Role) -> SqliteConnectOptions {
    let options = options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(500)
        .pragma("cache_size", "-65536")
        .pragma("wal_autocheckpoint", WAL_PAGES_MAX);
    if role == Role::Reader { options.pragma("query_only", "on") } else { options }
}

pub(super) async fn begin(pool: &DatabaseConnection, write: bool) -> Result<DatabaseTransaction, StoreError> {
    use sea_orm::SqliteTransactionMode::{Deferred, Immediate};
    let mode = if write { Immediate } else { Deferred };
    let options = TransactionOptions { sqlite_transaction_mode: Some(mode), ..Default::default() };
    Ok(pool.begin_with_options(options).await?)
}

/// One process owns the file, so its clock is the database's.
pub(super) fn enter(time: &Time) -> Entry {
    let now = match time {
        Time::Database => SystemClock.now(),
        Time::Given(clock) => clock.now(),
    };
    Entry { now, transaction_id: None }
}

pub(super) fn one_of(column: ColumnRef, kind: &sea_orm::ColumnType, values: Vec<Value>) -> SimpleExpr {
    let kind = Kind::of(kind);
    let value = match kind {
        Kind::Uuid | Kind::Bytes => "unhex(value)",
        _ => "value",
    };
    let json = json_array(&Column::from_values(kind, values));
    let list = Expr::cust_with_values(format!("(SELECT {value} FROM json_each(?))"), [json]);
    Expr::cust_with_exprs("? IN ?", [Expr::column(column), list])
}

pub(super) fn work_claim(limit: u32, node: &str, now: DateTime<Utc>, until: DateTime<Utc>) -> Statement {
    let sql = "UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_node = $1, lease_until = $2 \
               WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM jobs WHERE state IN ('queued', 'running') \
               AND run_at <= $3 AND ((state = 'queued' AND run_at <= $3) OR (state = 'running' AND lease_until <= $3)) ORDER BY run_at LIMIT $4) RETURNING tenant_id, id";
    let binds: [Value; 4] = [node.into(), until.into(), now.into(), i64::from(limit).into()];
    Statement::from_sql_and_values(sea_orm::DbBackend::Sqlite, sql, binds)
}

/// Moves what it can from the log into the file, waiting for nobody.
pub(crate) async fn checkpoint(connection: &DatabaseConnection) -> Result<(), StoreError> {
    sea_orm::ConnectionTrait::execute_unprepared(connection, "PRAGMA wal_checkpoint(PASSIVE)").await?;
    Ok(())
}
