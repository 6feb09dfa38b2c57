//! What a transaction's statements go over.

use std::time::Duration;

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};
use sea_query_sqlx::SqlxValues;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::{Arguments, AssertSqlSafe, Executor, IntoArguments};
use tokio::sync::Mutex;

use super::Backend;
use super::source::{Bind, Built};
use crate::column::List;
use crate::error::StoreError;

/// A rollback that takes longer has lost its connection.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(5);

/// A transaction's connection.
pub(crate) enum Link {
    /// As the query builder's crate begins them.
    Usual(DatabaseTransaction),
    /// A lane's on PostgreSQL.
    Lane(LaneLink),
}

/// A lane's transaction on PostgreSQL, whose statements carry lists without a value of the query builder for each cell:
/// boxing, copying and converting those is work that only the program pays for (ADR 0021).
pub(crate) struct LaneLink {
    held: Mutex<Held>,
}

struct Held {
    /// Gone once the transaction has ended.
    connection: Option<PoolConnection<Postgres>>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing was said yet.
    Idle,
    Begun,
    /// A statement failed: COMMIT would be answered, and mean ROLLBACK.
    Failed,
}

impl LaneLink {
    pub fn new(connection: PoolConnection<Postgres>) -> Self {
        Self { held: Mutex::new(Held { connection: Some(connection), stage: Stage::Idle }) }
    }

    /// Begins with `words`, which are sent as they are, in one go with BEGIN; answers the row of the last of them.
    pub async fn begin(&self, words: &str) -> Result<QueryResult, DbErr> {
        let mut held = self.held.lock().await;
        assert!(held.stage == Stage::Idle, "a transaction is begun once");
        // Before the first word is sent: whoever is gone before the answer comes has begun something.
        held.stage = Stage::Begun;
        let sql = format!("BEGIN; {words}");
        let row = held.connection().fetch_one(sqlx::raw_sql(AssertSqlSafe(sql))).await;
        Ok(held.watch(row)?.into())
    }

    pub async fn commit(self) -> Result<(), DbErr> {
        let mut held = self.held.lock().await;
        match held.stage {
            Stage::Idle => {}
            Stage::Failed => return Err(DbErr::Custom("a transaction of which a statement failed".to_owned())),
            Stage::Begun => {
                let done = held.connection().execute("COMMIT").await;
                held.watch(done)?;
            }
        }
        held.stage = Stage::Idle;
        Ok(())
    }

    /// How many rows a built statement has met.
    async fn execute(&self, sql: String, arguments: PgArguments) -> Result<ExecResult, DbErr> {
        let mut held = self.held.lock().await;
        let done = sqlx::query_with(AssertSqlSafe(sql), arguments).execute(held.connection()).await;
        Ok(held.watch(done)?.into())
    }

    async fn execute_words(&self, sql: String) -> Result<ExecResult, DbErr> {
        let mut held = self.held.lock().await;
        let done = held.connection().execute(sqlx::raw_sql(AssertSqlSafe(sql))).await;
        Ok(held.watch(done)?.into())
    }

    async fn fetch(&self, sql: String, arguments: PgArguments) -> Result<Vec<QueryResult>, DbErr> {
        let mut held = self.held.lock().await;
        let rows = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(held.connection()).await;
        Ok(held.watch(rows)?.into_iter().map(Into::into).collect())
    }
}

impl Held {
    fn connection(&mut self) -> &mut sqlx::PgConnection {
        self.connection.as_mut().expect("it is taken when the transaction is over")
    }

    fn watch<T>(&mut self, outcome: Result<T, sqlx::Error>) -> Result<T, DbErr> {
        outcome.map_err(|error| {
            self.stage = Stage::Failed;
            DbErr::Exec(RuntimeErr::SqlxError(error.into()))
        })
    }
}

/// What was begun and not committed is rolled back before the connection serves anybody else.
impl Drop for LaneLink {
    fn drop(&mut self) {
        let held = self.held.get_mut();
        let Some(mut connection) = held.connection.take().filter(|_| held.stage != Stage::Idle) else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(async move {
                    let rolled_back = tokio::time::timeout(ROLLBACK_TIMEOUT, connection.execute("ROLLBACK")).await;
                    if !matches!(rolled_back, Ok(Ok(_))) {
                        // Its socket is closed without a word to a server that may not listen.
                        drop(connection.detach());
                    }
                });
            }
            // The program ends: the server rolls back what a closed connection leaves.
            Err(_) => drop(connection.detach()),
        }
    }
}

impl Link {
    /// Whether it is a lane's, whose plans are kept for all tenants alike.
    pub const fn is_lane(&self) -> bool {
        matches!(self, Self::Lane(_))
    }

    /// Runs what was built; answers how many rows it met.
    pub async fn execute_built(&self, built: Built, backend: Backend) -> Result<u64, StoreError> {
        let done = match self {
            Self::Usual(tx) => tx.execute_raw(built.into_statement(backend)).await?,
            Self::Lane(lane) => lane.execute(built.sql, arguments(built.binds)?).await?,
        };
        Ok(done.rows_affected())
    }

    /// Runs what was built; answers its rows.
    pub async fn fetch_built(&self, built: Built, backend: Backend) -> Result<Vec<QueryResult>, StoreError> {
        Ok(match self {
            Self::Usual(tx) => tx.query_all_raw(built.into_statement(backend)).await?,
            Self::Lane(lane) => lane.fetch(built.sql, arguments(built.binds)?).await?,
        })
    }

    pub async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Usual(tx) => tx.commit().await,
            Self::Lane(lane) => lane.commit().await,
        }
    }
}

#[async_trait]
impl ConnectionTrait for Link {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Usual(tx) => tx.get_database_backend(),
            Self::Lane(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Usual(tx) => tx.execute_raw(statement).await,
            Self::Lane(lane) => lane.execute(statement.sql, usual_arguments(statement.values)).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Usual(tx) => tx.execute_unprepared(sql).await,
            Self::Lane(lane) => lane.execute_words(sql.to_owned()).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Usual(tx) => tx.query_one_raw(statement).await,
            Self::Lane(lane) => {
                let rows = lane.fetch(statement.sql, usual_arguments(statement.values)).await?;
                Ok(rows.into_iter().next())
            }
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Usual(tx) => tx.query_all_raw(statement).await,
            Self::Lane(lane) => lane.fetch(statement.sql, usual_arguments(statement.values)).await,
        }
    }
}

fn usual_arguments(values: Option<sea_orm::Values>) -> PgArguments {
    values.map(|values| IntoArguments::<Postgres>::into_arguments(SqlxValues(values))).unwrap_or_default()
}

/// The parameters in the order of their places.
fn arguments(binds: Vec<Bind>) -> Result<PgArguments, DbErr> {
    use sea_orm::Value;
    let mut arguments = PgArguments::default();
    arguments.reserve(binds.len(), 64 * binds.len());
    for bind in binds {
        let added = match bind {
            Bind::List(List::Uuid(list)) => arguments.add(list),
            Bind::List(List::Text(list)) => arguments.add(list),
            Bind::List(List::Bytes(list)) => arguments.add(list),
            Bind::List(List::Int(list)) => arguments.add(list),
            Bind::List(List::BigInt(list)) => arguments.add(list),
            Bind::List(List::Bool(list)) => arguments.add(list),
            Bind::List(List::Moment(list)) => arguments.add(list),
            Bind::One(Value::Uuid(value)) => arguments.add(value),
            Bind::One(Value::String(value)) => arguments.add(value),
            Bind::One(Value::Bytes(value)) => arguments.add(value),
            Bind::One(Value::Int(value)) => arguments.add(value),
            Bind::One(Value::BigInt(value)) => arguments.add(value),
            Bind::One(Value::Bool(value)) => arguments.add(value),
            Bind::One(Value::ChronoDateTimeUtc(value)) => arguments.add(value),
            Bind::One(other) => panic!("a batch cannot carry {other:?}"),
        };
        added.map_err(|error| DbErr::Exec(RuntimeErr::SqlxError(sqlx::Error::Encode(error).into())))?;
    }
    Ok(arguments)
}
