//! The ceiling: the rows of many orders in one transaction, without a rule and without asking anybody.
//!
//! It writes what the engine writes of an order (but the chain's link, one row a batch), as the same role under the same
//! policies and into the same indexes, in as many statements a batch as the engine's writes take. Cards are dealt out
//! before it begins. No engine that decides anything can be faster on the same database.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::sea_query::ArrayType;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, Statement, Value};
use store::dialect::PLANNING;
use store::{Backend, Owner};
use testkit::TestDb;
use uuid::Uuid;

use crate::load::{Measure, due_at};
use crate::naive::{Fresh, Recording, Slot, begin};
use crate::shop::Shop;

/// Writes orders as fast as the database takes them.
pub struct Ceiling {
    backend: Backend,
    connection: DatabaseConnection,
    tenant: Uuid,
    sku: Uuid,
    customers: Vec<(Uuid, Uuid)>,
    recording: Recording,
    /// What is written, in the order it is sent, with the new things it needs: on PostgreSQL two statements, on SQLite one
    /// a table. The last one moves what is hot.
    statements: Vec<(String, Vec<Slot>)>,
    cards: Mutex<VecDeque<Uuid>>,
}

impl Ceiling {
    /// Opens it over the shop's database. The engine sells one piece there first, to learn the rows from.
    pub async fn open(db: &TestDb, shop: &Shop) -> Self {
        let order = shop.buy_by_engine().await;
        let (backend, customers) = (db.backend, shop.customers());
        let connection = connect(db).await;
        let tx = begin(&connection, backend, shop.tenant().uuid()).await;
        let recording = Recording::of(&tx, backend, order, customers[0]).await;
        tx.rollback().await.expect("nothing was written");
        let statements = statements(backend, &recording);
        let (tenant, sku, cards) = (shop.tenant().uuid(), shop.sku(), Mutex::default());
        Self { backend, connection, tenant, sku, customers, recording, statements, cards }
    }

    /// Writes batches of `size` orders over as many connections as `writers` says, for `length`. Takes what cards are in
    /// stock, so stock up before; `spare` of them at most are dealt out.
    pub async fn measure(self: &Arc<Self>, size: usize, writers: usize, length: Duration, spare: u64) -> Measure {
        self.deal(spare).await;
        Measure::of(async |began: Instant| {
            let tasks: Vec<_> = (0..writers)
                .map(|writer| {
                    let own = Arc::clone(self);
                    tokio::spawn(async move {
                        let mut waits = Vec::new();
                        while began.elapsed() < length {
                            let asked = Instant::now();
                            if !own.batch(writer, writers, size).await {
                                break;
                            }
                            waits.extend(std::iter::repeat_n(asked.elapsed(), size));
                        }
                        waits
                    })
                })
                .collect();
            let mut waits = Vec::new();
            for task in tasks {
                waits.extend(task.await.expect("no writer panics"));
            }
            waits
        })
        .await
    }

    /// Writes `rate` orders a second for `length`, each due at its own time: what is due is one batch, of `most` orders at
    /// most. Stock up before.
    pub async fn measure_open(self: &Arc<Self>, rate: u64, most: usize, length: Duration) -> Measure {
        let total = rate * u64::try_from(length.as_millis()).unwrap_or(u64::MAX) / 1_000;
        self.deal(total).await;
        Measure::of(async |began: Instant| {
            let mut waits = Vec::new();
            let mut next = 0;
            while next < total {
                tokio::time::sleep_until(due_at(began, next, rate).into()).await;
                let now = Instant::now();
                let due = (next..total).take(most).take_while(|number| due_at(began, *number, rate) <= now).count();
                let due = due.max(1);
                assert!(self.batch(0, 1, due).await, "the cards are out");
                let last = next + due as u64;
                waits.extend((next..last).map(|number| due_at(began, number, rate).elapsed()));
                next = last;
            }
            waits
        })
        .await
    }

    /// One batch, for customers that no other writer has; false if the cards are out.
    async fn batch(&self, writer: usize, writers: usize, size: usize) -> bool {
        let cards: Vec<Uuid> = {
            let mut cards = self.cards.lock().unwrap_or_else(PoisonError::into_inner);
            if cards.len() < size {
                return false;
            }
            cards.drain(..size).collect()
        };
        let mut fresh: Vec<Fresh> = Vec::with_capacity(size);
        for (number, card) in cards.into_iter().enumerate() {
            let place = (number * writers + writer) % self.customers.len();
            let (customer, wallet) = self.customers[place];
            let mut one = Fresh::new(customer, wallet, &self.recording.other_accounts);
            one.card = card;
            fresh.push(one);
        }
        let tx = begin(&self.connection, self.backend, self.tenant).await;
        for (number, (sql, slots)) in self.statements.iter().enumerate() {
            let is_hot = number + 1 == self.statements.len();
            let binds = if is_hot { self.hot(&fresh) } else { values_of(self.backend, &fresh, slots) };
            run(&tx, sql, binds).await;
        }
        if self.backend == Backend::Sqlite {
            self.count(&tx, size).await;
        }
        tx.commit().await.expect("committed");
        true
    }

    /// How each balance moves, ascending; then the stock.
    fn hot(&self, fresh: &[Fresh]) -> Vec<Value> {
        let mut moved = std::collections::BTreeMap::new();
        for one in fresh {
            let Value::Uuid(Some(wallet)) = one.value(Slot::Wallet) else { unreachable!("a wallet has an id") };
            *moved.entry(wallet).or_insert(0i64) += self.recording.wallet_delta;
            for (account, delta) in &self.recording.hot_deltas {
                *moved.entry(*account).or_insert(0) += delta;
            }
        }
        let tenant: Value = self.tenant.into();
        match self.backend {
            Backend::Postgres => {
                let size = i64::try_from(fresh.len()).expect("few");
                let (ids, deltas): (Vec<Uuid>, Vec<i64>) = moved.into_iter().unzip();
                vec![
                    array(ids.into_iter().map(Into::into)),
                    array(deltas.into_iter().map(Into::into)),
                    tenant,
                    self.sku.into(),
                    size.into(),
                ]
            }
            Backend::Sqlite => vec![json(moved.into_iter().map(|(id, delta)| vec![id.into(), delta.into()])), tenant],
        }
    }

    async fn count(&self, tx: &DatabaseTransaction, size: usize) {
        let sql =
            "UPDATE card_counts SET available = available - $1, sold = sold + $1 WHERE tenant_id = $2 AND sku_id = $3";
        let size = i64::try_from(size).expect("few");
        run(tx, sql, vec![size.into(), self.tenant.into(), self.sku.into()]).await;
    }

    async fn deal(&self, spare: u64) {
        let tx = begin(&self.connection, self.backend, self.tenant).await;
        let sql =
            "SELECT id FROM cards WHERE tenant_id = $1 AND sku_id = $2 AND state = 'available' ORDER BY id LIMIT $3";
        let spare = i64::try_from(spare).expect("few");
        let values = [self.tenant.into(), self.sku.into(), spare.into()];
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
        let rows = tx.query_all_raw(statement).await.expect("the cards are read");
        let ids = rows.iter().map(|row| row.try_get("", "id").expect("an id"));
        *self.cards.lock().unwrap_or_else(PoisonError::into_inner) = ids.collect();
        tx.rollback().await.expect("nothing was written");
    }
}

pub(crate) async fn run(tx: &DatabaseTransaction, sql: &str, values: Vec<Value>) {
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    tx.execute_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

const SOLD: &str = "UPDATE cards SET state = 'sold', order_id = fresh.new_order, line_no = 1 FROM fresh \
                    WHERE cards.id = fresh.new_card";

fn statements(backend: Backend, recording: &Recording) -> Vec<(String, Vec<Slot>)> {
    let tables = std::iter::once(&recording.key).chain(&recording.rows);
    // A batch has one job, however many orders it has.
    let fresh = |name: &str| if name == "jobs" { "(SELECT * FROM fresh LIMIT 1) AS first" } else { "fresh" };
    let inserts: Vec<String> = tables.map(|table| table.insert_many(fresh(table.name))).collect();
    match backend {
        Backend::Postgres => {
            let mut cold = fresh_things(backend, &Slot::ALL);
            cold +=
                &format!(", sold AS ({SOLD} AND cards.tenant_id = (SELECT current_setting('app.tenant_id')::uuid))");
            for (number, insert) in inserts.iter().enumerate() {
                cold += &format!(", p{number} AS ({insert})");
            }
            let hot = "WITH i AS (SELECT * FROM unnest($1::uuid[], $2::bigint[]) AS u(id, delta)), \
                       locked AS (SELECT i.* FROM i CROSS JOIN LATERAL (SELECT 1 FROM accounts AS t \
                       WHERE t.tenant_id = $3 AND t.id = i.id LIMIT 1 FOR UPDATE OF t) AS own), \
                       moved AS (UPDATE accounts AS t SET balance_minor = t.balance_minor + i.delta FROM locked AS i \
                       WHERE t.tenant_id = $3 AND t.id = i.id) \
                       UPDATE card_counts SET available = available - $5, sold = sold + $5 \
                       WHERE tenant_id = $3 AND sku_id = $4";
            vec![(format!("{cold} SELECT 1"), Slot::ALL.to_vec()), (hot.to_owned(), Vec::new())]
        }
        Backend::Sqlite => {
            // It guesses that a tenant has ten rows, and would begin with all of its cards.
            let own = "WHERE likelihood(cards.tenant_id = (SELECT tenant_id FROM tenants LIMIT 1), 1.0) AND";
            let mut all = vec![with_fresh(&SOLD.replace("WHERE", own))];
            all.extend(inserts.iter().map(|insert| with_fresh(insert)));
            let hot = "WITH i AS MATERIALIZED (SELECT unhex(value ->> 0) AS id, value ->> 1 AS delta FROM jsonb_each($1)) \
                 UPDATE accounts AS t SET balance_minor = t.balance_minor + i.delta FROM i \
                 WHERE likelihood(t.tenant_id = $2, 1.0) AND t.id = i.id";
            all.push((hot.to_owned(), Vec::new()));
            all
        }
    }
}

/// A statement of SQLite, before it the new things that it names.
fn with_fresh(sql: &str) -> (String, Vec<Slot>) {
    let named = |slot: &Slot| sql.split(|one: char| !one.is_alphanumeric() && one != '_').any(|w| w == slot.column().0);
    let slots: Vec<Slot> = Slot::ALL.into_iter().filter(named).collect();
    (format!("{} {sql}", fresh_things(Backend::Sqlite, &slots)), slots)
}

/// These new things of many orders as the table `fresh`, at the beginning of a statement.
pub(crate) fn fresh_things(backend: Backend, slots: &[Slot]) -> String {
    let columns = || slots.iter().map(|slot| slot.column()).enumerate();
    match backend {
        Backend::Postgres => {
            let names: Vec<&str> = columns().map(|(_, (name, _))| name).collect();
            let arrays: Vec<String> = columns().map(|(place, (_, kind))| format!("${}::{kind}[]", place + 1)).collect();
            format!("WITH fresh AS (SELECT * FROM unnest({}) AS u({}))", arrays.join(", "), names.join(", "))
        }
        Backend::Sqlite => {
            let cell = |(place, column): (usize, (&str, &str))| match column {
                (name, "uuid" | "bytea") => format!("unhex(value ->> {place}) AS {name}"),
                (name, _) => format!("value ->> {place} AS {name}"),
            };
            let cells: Vec<String> = columns().map(cell).collect();
            format!("WITH fresh AS MATERIALIZED (SELECT {} FROM jsonb_each($1))", cells.join(", "))
        }
    }
}

/// The values that [`fresh_things`] reads: an array for each on PostgreSQL, one text on SQLite.
pub(crate) fn values_of(backend: Backend, fresh: &[Fresh], slots: &[Slot]) -> Vec<Value> {
    match backend {
        Backend::Postgres => slots.iter().map(|slot| array(fresh.iter().map(|one| one.value(*slot)))).collect(),
        Backend::Sqlite => vec![json(fresh.iter().map(|one| slots.iter().map(|slot| one.value(*slot)).collect()))],
    }
}

/// One parameter for a column of the new things.
pub(crate) fn array(values: impl Iterator<Item = Value>) -> Value {
    let values: Vec<Value> = values.collect();
    let kind = match values.first() {
        Some(Value::Uuid(_)) => ArrayType::Uuid,
        Some(Value::Bytes(_)) => ArrayType::Bytes,
        Some(Value::String(_)) => ArrayType::String,
        Some(Value::BigInt(_)) => ArrayType::BigInt,
        Some(Value::ChronoDateTimeUtc(_)) => ArrayType::ChronoDateTimeUtc,
        other => panic!("a batch of the ceiling cannot carry {other:?}"),
    };
    Value::Array(kind, Some(Box::new(values)))
}

/// One parameter for all of the new things.
pub(crate) fn json(rows: impl Iterator<Item = Vec<Value>>) -> Value {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let cell = |value: Value| match value {
        Value::Uuid(Some(id)) => format!("\"{}\"", id.simple()),
        Value::Bytes(Some(bytes)) => format!("\"{}\"", hex(&bytes)),
        Value::String(Some(text)) => format!("\"{text}\""),
        Value::BigInt(Some(number)) => number.to_string(),
        Value::ChronoDateTimeUtc(Some(moment)) => format!("\"{}\"", moment.to_rfc3339()),
        other => panic!("a batch of the ceiling cannot carry {other:?}"),
    };
    let row = |values: Vec<Value>| format!("[{}]", values.into_iter().map(cell).collect::<Vec<_>>().join(","));
    format!("[{}]", rows.map(row).collect::<Vec<_>>().join(",")).into()
}

/// As the engine's lanes connect.
pub(crate) async fn connect(db: &TestDb) -> DatabaseConnection {
    if db.backend == Backend::Sqlite {
        return Owner::open(&db.settings.url).await.expect("the file opens").connection().clone();
    }
    let mut options = ConnectOptions::new(&db.settings.url);
    options.max_connections(4).test_before_acquire(false).sqlx_logging(false);
    options.map_sqlx_postgres_opts(|options| options.options(PLANNING));
    Database::connect(options).await.expect("the database opens")
}
