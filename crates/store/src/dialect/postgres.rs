//! PostgreSQL: three roles, a transaction-local tenant, and answers about lost commits.

use std::time::Duration;

use chrono::{DateTime, Utc};
use kernel::Scope;
use sea_orm::sea_query::{ColumnRef, Expr, SimpleExpr};
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    QueryResult, RuntimeErr, Statement, TransactionOptions, TransactionTrait, Value,
};
use tracing::Instrument;

use super::link::LaneLink;
use super::{Entry, Link, PoolCount, Pools};
use crate::column::{Column, Kind};
use crate::error::StoreError;
use crate::settings::{Settings, Time};
use crate::tx::Outcome;

/// The names of the roles beside the owner; they are the same in every database of a cluster.
pub struct Roles;

impl Roles {
    /// Serves; sees a tenant's rows only inside that tenant's transactions.
    pub const RUNTIME: &'static str = "cardgrove_runtime";
    /// Runs `Platform` transactions; sees the directory across tenants.
    pub const PLATFORM: &'static str = "cardgrove_platform";
}

const PLATFORM_CONNECTIONS: u32 = 3;

/// A node that lost its network must not hold a tenant's rows until TCP gives up, hours later; nor may a statement
/// wait for such a node for ever.
const TIMEOUTS: [(&str, &str); 6] = [
    ("lock_timeout", "10s"),
    ("statement_timeout", "30s"),
    ("idle_in_transaction_session_timeout", "60s"),
    ("tcp_user_timeout", "20s"),
    ("tcp_keepalives_idle", "15"),
    ("tcp_keepalives_interval", "5"),
];

/// How a lane's statements are planned: once, and always by the key.
///
/// Their rows come as arrays, whose length a plan cannot know, into tables that may be empty today and full tomorrow.
/// Planning anew for each batch would cost more than small batches themselves, and a plan made for an empty table would
/// walk over a full one. Every row is found by an index, so the other ways are switched off; and a row that is looked at
/// in vain costs a thousand times what the way to it through an index costs, else a plan walks over all rows of a tenant
/// that are thought to be three and are ten thousand.
pub const PLANNING: [(&str, &str); 11] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_material", "off"),
    ("enable_bitmapscan", "off"),
    ("cpu_tuple_cost", "1"),
    ("cpu_index_tuple_cost", "0.0001"),
    ("cpu_operator_cost", "0.0001"),
    ("seq_page_cost", "0.001"),
    ("random_page_cost", "0.001"),
];

/// What a pool of connections is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// The schema's owner: migrations and backups may take their time.
    Own,
    /// Pages, jobs and the directory.
    Serve,
    /// Batches.
    Lanes,
}

pub(super) async fn open(settings: &Settings) -> Result<Pools, StoreError> {
    let serve = connect(&settings.url, settings.connections_max, settings.acquire_timeout, Use::Serve).await?;
    refuse_unsafe_role(&serve).await?;
    let lanes = connect(&settings.url, settings.lane_connections_max, settings.acquire_timeout, Use::Lanes).await?;
    let platform_url = settings.platform_url.as_deref().ok_or_else(|| {
        StoreError::Settings("PostgreSQL needs database.platform_url (or an owner_url to make it from)".to_owned())
    })?;
    let platform = connect(platform_url, PLATFORM_CONNECTIONS, settings.acquire_timeout, Use::Serve).await?;
    refuse_unsafe_role(&platform).await?;
    Ok(Pools { write: serve.clone(), read: serve, lanes, platform, checkpoint: None })
}

/// The serving pool, which reads and writes, the lanes', and the platform role's.
pub(super) fn counts(pools: &Pools) -> Vec<PoolCount> {
    let count = |pool, connection: &DatabaseConnection| {
        let open = connection.get_postgres_connection_pool();
        PoolCount { pool, open: open.size(), idle: u32::try_from(open.num_idle()).unwrap_or(u32::MAX) }
    };
    vec![count("serving", &pools.write), count("lanes", &pools.lanes), count("platform", &pools.platform)]
}

pub(super) async fn open_owner(url: &str) -> Result<DatabaseConnection, StoreError> {
    connect(url, 1, Duration::from_secs(10), Use::Own).await
}

async fn connect(
    url: &str,
    connections: u32,
    acquire: Duration,
    is_for: Use,
) -> Result<DatabaseConnection, StoreError> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(acquire)
        .test_before_acquire_if_idle_for(Duration::from_secs(30))
        .max_lifetime(Duration::from_secs(1800))
        .sqlx_logging(false)
        .map_sqlx_postgres_opts(move |options| {
            let options = options.statement_cache_capacity(500).application_name("cardgrove");
            match is_for {
                Use::Own => options,
                Use::Serve => options.options(TIMEOUTS),
                Use::Lanes => options.options(TIMEOUTS).options(PLANNING),
            }
        });
    Ok(Database::connect(options).await?)
}

/// Row level security does not bind a superuser, a role that may bypass it, or (unforced) an owner.
async fn refuse_unsafe_role(pool: &DatabaseConnection) -> Result<(), StoreError> {
    let sql = "SELECT current_user::text AS name, r.rolsuper, r.rolbypassrls, \
               EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                       WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') \
                       AND pg_has_role(current_user, c.relowner, 'MEMBER')) AS owns \
               FROM pg_roles r WHERE r.rolname = current_user";
    let row = pool.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    let row = row.ok_or_else(|| StoreError::Settings("the database role has no entry".to_owned()))?;
    let name: String = row.try_get("", "name")?;
    let faults = [
        ("is a superuser", row.try_get("", "rolsuper")?),
        ("may bypass row level security", row.try_get("", "rolbypassrls")?),
        ("owns tables", row.try_get("", "owns")?),
    ];
    match faults.iter().find(|(_, is_so)| *is_so) {
        None => Ok(()),
        Some((fault, _)) => Err(StoreError::Settings(format!(
            "the database role {name:?} {fault}, so tenants would not be isolated; \
             give its URL as database.owner_url and let the server use its own runtime role"
        ))),
    }
}

pub(super) async fn begin(pool: &DatabaseConnection, write: bool) -> Result<DatabaseTransaction, StoreError> {
    // Saying that a transaction writes would cost a round trip; it is what every one does that says nothing.
    let access_mode = (!write).then_some(AccessMode::ReadOnly);
    begin_with(pool, TransactionOptions { access_mode, ..Default::default() }).await
}

/// Begins in a task of its own. A caller may go away while the word BEGIN is on its way, because his request's time is
/// over; the driver would then keep the connection with a transaction open in it, and the next caller would be inside of
/// that. The task ends what nobody waits for any more.
async fn begin_with(pool: &DatabaseConnection, options: TransactionOptions) -> Result<DatabaseTransaction, StoreError> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin_with_options(options).await }.in_current_span());
    match begun.await {
        Ok(begun) => Ok(begun?),
        Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
        // Only a runtime that ends cancels it.
        Err(_) => Err(StoreError::Busy),
    }
}

pub(super) async fn snapshot(pool: &DatabaseConnection) -> Result<DatabaseTransaction, StoreError> {
    let options = TransactionOptions {
        access_mode: Some(AccessMode::ReadOnly),
        isolation_level: Some(sea_orm::IsolationLevel::RepeatableRead),
        ..Default::default()
    };
    begin_with(pool, options).await
}

pub(super) async fn enter(tx: &Link, scope: &impl Scope, time: &Time, write: bool) -> Result<Entry, StoreError> {
    let id = if write { "pg_current_xact_id()::text" } else { "NULL::text" };
    let [tenant, site] = names(scope);
    let statement =
        Statement::from_sql_and_values(DbBackend::Postgres, entering("$1", "$2", id), [tenant.into(), site.into()]);
    let row = tx.query_one_raw(statement).await?;
    let row = row.ok_or_else(|| StoreError::Settings("a select of values answered no row".to_owned()))?;
    entry(&row, time)
}

/// A lane's transaction begins and enters its scope in one go. The ids are our own, never a user's text.
pub(super) async fn enter_batch(lane: &LaneLink, scope: &impl Scope, time: &Time) -> Result<Entry, StoreError> {
    let [tenant, site] = names(scope).map(|name| format!("'{name}'"));
    let row = lane.begin(&entering(&tenant, &site, "pg_current_xact_id()::text")).await?;
    entry(&row, time)
}

/// A connection of the lanes' pool for a transaction that has not begun yet.
pub(super) async fn begin_batch(pool: &DatabaseConnection) -> Result<Link, StoreError> {
    let connection = pool.get_postgres_connection_pool().acquire().await;
    let connection = connection.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
    Ok(Link::Lane(LaneLink::new(connection)))
}

fn names(scope: &impl Scope) -> [String; 2] {
    let text = |uuid: Option<uuid::Uuid>| uuid.map(|uuid| uuid.to_string()).unwrap_or_default();
    [text(scope.tenant_id().map(kernel::Id::uuid)), text(scope.site_id().map(kernel::Id::uuid))]
}

fn entering(tenant: &str, site: &str, id: &str) -> String {
    format!(
        "SELECT set_config('app.tenant_id', {tenant}, true), set_config('app.site_id', {site}, true), \
         clock_timestamp() AS now, {id} AS id"
    )
}

fn entry(row: &QueryResult, time: &Time) -> Result<Entry, StoreError> {
    let now: DateTime<Utc> = match time {
        Time::Database => row.try_get("", "now")?,
        Time::Given(clock) => clock.now(),
    };
    Ok(Entry { now, transaction_id: row.try_get("", "id")? })
}

/// Asks what became of a transaction whose commit was not answered (`pg_xact_status`, manual 9.27.9).
pub(crate) async fn outcome(pool: &DatabaseConnection, id: &str) -> Result<Outcome, StoreError> {
    let sql = "SELECT pg_xact_status($1::xid8) AS status";
    let row = pool.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, [id.into()])).await?;
    let status: Option<String> = row.map(|row| row.try_get("", "status")).transpose()?.flatten();
    match status.as_deref() {
        Some("committed") => Ok(Outcome::Committed),
        Some("aborted") => Ok(Outcome::Aborted),
        Some(_) => Ok(Outcome::InProgress),
        None => Err(StoreError::Lost), // too old to be known; cannot happen within a retry's time
    }
}

pub(super) fn one_of(column: ColumnRef, kind: &sea_orm::ColumnType, values: Vec<Value>) -> SimpleExpr {
    let kind = Kind::of(kind);
    let Column { list, nulls } = Column::from_values(kind, values);
    assert!(!nulls.contains(&true), "nothing is equal to null");
    let list = Expr::cust_with_values(format!("$1::{}[]", kind.postgres()), [list.into_array()]);
    Expr::cust_with_exprs("$1 = ANY($2)", [Expr::column(column), list])
}

/// The function is SECURITY DEFINER and owned by the platform role; it answers ids, never a payload.
pub(super) fn work_claim(limit: u32, node: &str, now: Option<DateTime<Utc>>, lease: Duration) -> Statement {
    let sql = "SELECT tenant_id, id FROM work_claim($1, $2, $3, $4)";
    let limit = i32::try_from(limit).unwrap_or(i32::MAX);
    let lease = i32::try_from(lease.as_secs()).unwrap_or(i32::MAX);
    let binds: [Value; 4] = [limit.into(), node.into(), now.into(), lease.into()];
    Statement::from_sql_and_values(DbBackend::Postgres, sql, binds)
}

/// How often roles are tried when another node makes them at the same time.
const PROVISION_TRIES_MAX: u32 = 20;

/// Makes the runtime and platform roles, or gives them these passwords again. Roles belong to the whole cluster, which
/// has no lock for them: two nodes that start together may disturb each other, and then it is tried again.
pub(crate) async fn provision(owner: &DatabaseConnection, runtime: &str, platform: &str) -> Result<(), StoreError> {
    let mut tries = 0;
    loop {
        match provision_once(owner, runtime, platform).await {
            Ok(()) => return Ok(()),
            Err(error) if tries == PROVISION_TRIES_MAX => return Err(error),
            Err(error) => tracing::debug!(%error, tries, "the roles are tried again"),
        }
        tries += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Keeps other nodes from changing the schema until this connection is closed.
pub(crate) async fn lock_schema(owner: &DatabaseConnection) -> Result<(), StoreError> {
    owner.execute_unprepared("SELECT pg_advisory_lock(4071966)").await?;
    Ok(())
}

async fn provision_once(owner: &DatabaseConnection, runtime: &str, platform: &str) -> Result<(), StoreError> {
    for (role, password) in [(Roles::RUNTIME, runtime), (Roles::PLATFORM, platform)] {
        assert!(password.bytes().all(|b| b.is_ascii_alphanumeric()), "generated passwords need no quoting");
        let known = "SELECT 1 AS known FROM pg_roles WHERE rolname = $1";
        let known = Statement::from_sql_and_values(DbBackend::Postgres, known, [role.into()]);
        // Only a superuser may say NOSUPERUSER of a role that exists; whether it is one is refused at the door.
        let statement = match owner.query_one_raw(known).await? {
            Some(_) => format!("ALTER ROLE {role} LOGIN PASSWORD '{password}'"),
            None => format!("CREATE ROLE {role} LOGIN PASSWORD '{password}' NOSUPERUSER NOBYPASSRLS"),
        };
        owner.execute_unprepared(&statement).await?;
    }
    // Owning the platform's functions needs membership; tables stay the owner's.
    owner.execute_unprepared(&format!("GRANT {} TO current_user", Roles::PLATFORM)).await?;
    Ok(())
}
