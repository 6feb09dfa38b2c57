//! The careful naive way: a transaction for each order, as a good shop without an engine would write it.
//!
//! It claims a card by `SKIP LOCKED` from a partial index of free ones, writes each table once, and moves what everybody
//! wants (the count of the stock, the balances of the sites) last and in one order, so that callers wait for one another
//! as short as they can and never in a circle. It asks for no price and no limit, and writes no hash chain: where it does
//! less than the engine, that is to its own good.

mod recording;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait, Value,
};
use store::{Backend, Owner};
use testkit::TestDb;
use uuid::Uuid;

use crate::callers::Counter;
use crate::shop::Shop;
use recording::Insert;
pub(crate) use recording::{ACTS, Fresh, Recording, Slot};

/// As many connections as callers, up to here: more make it slower.
const CONNECTIONS: u32 = 32;

/// What the naive way would have and the engine does not need.
const FREE_CARDS: &str = "CREATE INDEX cards_free_idx ON cards (tenant_id, sku_id, id) WHERE state = 'available'";

/// A counter that makes a transaction of each order.
pub struct Naive {
    backend: Backend,
    connection: DatabaseConnection,
    tenant: Uuid,
    sku: Uuid,
    /// Each customer with his wallet.
    customers: Vec<(Uuid, Uuid)>,
    recording: Recording,
    key: Insert,
    rows: Vec<Insert>,
}

impl Naive {
    /// Opens it over the shop's database. The engine sells one piece there first, to learn the rows from.
    pub async fn open(db: &TestDb, shop: &Shop) -> Self {
        db.tamper(FREE_CARDS).await.expect("an index");
        Self::beside(db, shop, connect(db).await).await
    }

    /// One for each of these shops of one database, over the same connections.
    pub(crate) async fn open_all(db: &TestDb, shops: &[Arc<Shop>]) -> Vec<Self> {
        db.tamper(FREE_CARDS).await.expect("an index");
        let connection = connect(db).await;
        let mut all = Vec::with_capacity(shops.len());
        for shop in shops {
            all.push(Self::beside(db, shop, connection.clone()).await);
        }
        all
    }

    async fn beside(db: &TestDb, shop: &Shop, connection: DatabaseConnection) -> Self {
        let order = shop.buy_by_engine().await;
        let (tenant, backend) = (shop.tenant().uuid(), db.backend);
        let customers = shop.customers();
        let tx = begin(&connection, backend, tenant).await;
        let recording = Recording::of(&tx, backend, order, customers[0]).await;
        tx.rollback().await.expect("nothing was written");
        let (key, rows) =
            (recording.key.insert(backend), recording.rows.iter().map(|table| table.insert(backend)).collect());
        Self { backend, connection, tenant, sku: shop.sku(), customers, recording, key, rows }
    }

    async fn run(&self, tx: &DatabaseTransaction, sql: &str, values: Vec<Value>) -> u64 {
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
        tx.execute_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected()
    }

    async fn insert(&self, tx: &DatabaseTransaction, insert: &Insert, fresh: &Fresh) {
        self.run(tx, &insert.sql, insert.values(fresh)).await;
    }

    /// Takes the first free card that nobody else is about to take.
    async fn claim(&self, tx: &DatabaseTransaction, order: Uuid) -> Uuid {
        let skip = if self.backend == Backend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = format!(
            "UPDATE cards SET state = 'sold', order_id = $1, line_no = 1 WHERE tenant_id = $2 AND id = \
             (SELECT id FROM cards WHERE tenant_id = $2 AND sku_id = $3 AND state = 'available' \
             ORDER BY id LIMIT 1 {skip}) RETURNING id"
        );
        let values = [order.into(), self.tenant.into(), self.sku.into()];
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
        let row = tx.query_one_raw(statement).await.expect("the claim runs").expect("a free card");
        row.try_get("", "id").expect("its id")
    }

    async fn add(&self, tx: &DatabaseTransaction, account: Uuid, amount: i64) {
        let sql = "UPDATE accounts SET balance_minor = balance_minor + $1 WHERE tenant_id = $2 AND id = $3";
        let moved = self.run(tx, sql, vec![amount.into(), self.tenant.into(), account.into()]).await;
        assert_eq!(moved, 1, "the account was opened by the first order");
    }
}

impl Counter for Naive {
    async fn buy(&self, caller: usize) {
        let (customer, wallet) = self.customers[caller % self.customers.len()];
        let tx = begin(&self.connection, self.backend, self.tenant).await;
        let mut fresh = Fresh::new(customer, wallet, &self.recording.other_accounts);
        // A key that is there already would fail here: this order was made before.
        self.insert(&tx, &self.key, &fresh).await;
        fresh.card = self.claim(&tx, fresh.order).await;
        for insert in &self.rows {
            self.insert(&tx, insert, &fresh).await;
        }
        // His own row first, then those that all callers wait for.
        self.add(&tx, wallet, self.recording.wallet_delta).await;
        let counts = "UPDATE card_counts SET available = available - 1, sold = sold + 1 \
                      WHERE tenant_id = $1 AND sku_id = $2";
        self.run(&tx, counts, vec![self.tenant.into(), self.sku.into()]).await;
        for (account, amount) in &self.recording.hot_deltas {
            self.add(&tx, *account, *amount).await;
        }
        tx.commit().await.expect("committed");
    }
}

/// PostgreSQL as the role that serves, bound by the policies; SQLite with the engine's own settings of the writer.
async fn connect(db: &TestDb) -> DatabaseConnection {
    if db.backend == Backend::Sqlite {
        return Owner::open(&db.settings.url).await.expect("the file opens").connection().clone();
    }
    let mut options = ConnectOptions::new(&db.settings.url);
    options.max_connections(CONNECTIONS).test_before_acquire(false).sqlx_logging(false);
    options.acquire_timeout(Duration::from_secs(60));
    Database::connect(options).await.expect("the database opens")
}

/// A transaction inside the tenant.
pub(crate) async fn begin(connection: &DatabaseConnection, backend: Backend, tenant: Uuid) -> DatabaseTransaction {
    let mode = (backend == Backend::Sqlite).then_some(SqliteTransactionMode::Immediate);
    let options = TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() };
    let tx = connection.begin_with_options(options).await.expect("a transaction");
    if backend == Backend::Postgres {
        let sql = "SELECT set_config('app.tenant_id', $1, true)";
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [tenant.to_string().into()]);
        tx.query_one_raw(statement).await.expect("the tenant is entered");
    }
    tx
}
