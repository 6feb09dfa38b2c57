//! The rows of one order that the engine made, as statements that make the same rows of another order.
//!
//! So the naive way writes what the engine writes, whatever columns the tables have got. What differs from order to
//! order is a parameter, all else is written into the text of a prepared statement: all cards of the bench cost the same.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult, Statement, Value};
use store::Backend;
use uuid::{NoContext, Timestamp, Uuid};

/// The acts whose entries an order that is paid from a wallet has, one line delivered at once.
pub(crate) const ACTS: [&str; 2] = ["paid", "delivered:1"];

/// What is new in each order.
pub(crate) struct Fresh {
    pub order: Uuid,
    pub card: Uuid,
    customer: Uuid,
    wallet: Uuid,
    /// The accounts of the entry that takes the money from the wallet.
    accounts: Vec<u8>,
    job: Uuid,
    key: String,
    /// What the ledger's link is about.
    pub batch: Uuid,
    pub now: DateTime<Utc>,
}

/// A place in a statement for something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Order,
    Card,
    Customer,
    Wallet,
    Accounts,
    /// The card's id as the lines keep it.
    Cards,
    /// The order's entry of this act.
    Entry(&'static str),
    Job,
    Key,
    Now,
    Batch,
}

/// The rows of one table, as cells that are written out or filled in.
pub(crate) struct Table {
    pub name: &'static str,
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

enum Cell {
    Known(String),
    New(Slot),
}

/// One statement for the rows of one table.
pub(crate) struct Insert {
    pub sql: String,
    slots: Vec<Slot>,
}

/// Everything an order writes.
pub(crate) struct Recording {
    pub key: Table,
    /// The rows that nobody else wants.
    pub rows: Vec<Table>,
    /// The card that was sold.
    pub card: Table,
    pub wallet_delta: i64,
    /// What the entry that takes the money from the wallet names after it.
    pub other_accounts: Vec<u8>,
    /// The balances that everybody moves, ascending.
    pub hot_deltas: Vec<(Uuid, i64)>,
}

impl Fresh {
    pub fn new(customer: Uuid, wallet: Uuid, other_accounts: &[u8]) -> Self {
        Self::at(Utc::now(), customer, wallet, other_accounts)
    }

    /// The same at another time, which its ids begin with.
    pub fn at(now: DateTime<Utc>, customer: Uuid, wallet: Uuid, other_accounts: &[u8]) -> Self {
        let accounts = [wallet.as_bytes(), other_accounts].concat();
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        let id = || Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos()));
        let (order, job, batch) = (id(), id(), id());
        let key = format!("req:{customer}:{}", id());
        Self { order, card: Uuid::nil(), customer, wallet, accounts, job, key, batch, now }
    }

    /// Whom it costs.
    pub const fn wallet(&self) -> Uuid {
        self.wallet
    }

    pub fn value(&self, slot: Slot) -> Value {
        match slot {
            Slot::Order => self.order.into(),
            Slot::Card => self.card.into(),
            Slot::Customer => self.customer.into(),
            Slot::Wallet => self.wallet.into(),
            Slot::Accounts => self.accounts.clone().into(),
            Slot::Cards => self.card.as_bytes().to_vec().into(),
            Slot::Entry(act) => ledger::entry_id(self.order, act).uuid().into(),
            Slot::Job => self.job.into(),
            Slot::Key => self.key.clone().into(),
            Slot::Now => self.now.into(),
            Slot::Batch => self.batch.into(),
        }
    }
}

impl Slot {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Order,
        Self::Card,
        Self::Customer,
        Self::Wallet,
        Self::Accounts,
        Self::Cards,
        Self::Entry(ACTS[0]),
        Self::Entry(ACTS[1]),
        Self::Job,
        Self::Key,
        Self::Now,
        Self::Batch,
    ];

    /// Its column's name and PostgreSQL's type of it, where the new things of many orders are a table.
    pub fn column(self) -> (&'static str, &'static str) {
        match self {
            Self::Order => ("new_order", "uuid"),
            Self::Card => ("new_card", "uuid"),
            Self::Customer => ("new_customer", "uuid"),
            Self::Wallet => ("new_wallet", "uuid"),
            Self::Accounts => ("new_accounts", "bytea"),
            Self::Cards => ("new_cards", "bytea"),
            Self::Entry("paid") => ("new_paid", "uuid"),
            Self::Entry(_) => ("new_delivered", "uuid"),
            Self::Job => ("new_job", "uuid"),
            Self::Key => ("new_key", "text"),
            Self::Now => ("new_now", "timestamptz"),
            Self::Batch => ("new_batch", "uuid"),
        }
    }
}

impl Table {
    /// The statement that writes the rows of one order.
    pub fn insert(&self, backend: Backend) -> Insert {
        let mut slots: Vec<Slot> = Vec::new();
        let mut rows = Vec::new();
        for row in &self.rows {
            let cells = row.iter().map(|cell| match cell {
                Cell::Known(text) => text.clone(),
                Cell::New(slot) => {
                    let place = slots.iter().position(|known| known == slot).unwrap_or_else(|| {
                        slots.push(*slot);
                        slots.len() - 1
                    });
                    let cast = if backend == Backend::Postgres { slot.column().1 } else { "" };
                    let colons = if cast.is_empty() { "" } else { "::" };
                    format!("${}{colons}{cast}", place + 1)
                }
            });
            rows.push(format!("({})", cells.collect::<Vec<_>>().join(", ")));
        }
        let sql = format!("INSERT INTO {} ({}) VALUES {}", self.name, self.columns.join(", "), rows.join(", "));
        Insert { sql, slots }
    }

    /// The statement that writes the rows of all orders that the table `fresh` tells the new things of.
    pub fn insert_many(&self, fresh: &str) -> String {
        let selects = self.rows.iter().map(|row| {
            let cells = row.iter().map(|cell| match cell {
                Cell::Known(text) => text.clone(),
                Cell::New(slot) => slot.column().0.to_owned(),
            });
            format!("SELECT {} FROM {fresh}", cells.collect::<Vec<_>>().join(", "))
        });
        let selects = selects.collect::<Vec<_>>().join(" UNION ALL ");
        format!("INSERT INTO {} ({}) {selects}", self.name, self.columns.join(", "))
    }
}

impl Insert {
    pub fn values(&self, fresh: &Fresh) -> Vec<Value> {
        self.slots.iter().map(|slot| fresh.value(*slot)).collect()
    }
}

impl Recording {
    /// Reads the rows of `order`, the only one there is, which the customer bought with his wallet.
    pub async fn of(tx: &DatabaseTransaction, backend: Backend, order: Uuid, (customer, wallet): (Uuid, Uuid)) -> Self {
        let reader = Reader { tx, backend };
        let of_order = format!("order_id = {}", reader.uuid(order));
        let of_order_too = of_order.clone();
        let of_subject = format!("subject_id = {}", reader.uuid(order));
        let of_entry = format!("entry_id IN (SELECT id FROM entries WHERE {of_subject})");
        let mut known = HashMap::from([
            (reader.uuid(order), Slot::Order),
            (reader.uuid(customer), Slot::Customer),
            (reader.uuid(wallet), Slot::Wallet),
            (reader.cell("order_lines", "card_ids", &of_order).await, Slot::Cards),
            (reader.cell("jobs", "id", "1 = 1").await, Slot::Job),
            (reader.cell("command_keys", "key", "1 = 1").await, Slot::Key),
            (reader.cell("orders", "placed_at", &format!("id = {}", reader.uuid(order))).await, Slot::Now),
        ]);
        let batches = reader.cells("entries", "batch_id", &of_subject).await;
        known.insert(batches.into_iter().next().expect("an order has entries"), Slot::Batch);
        for act in ACTS {
            known.insert(reader.uuid(ledger::entry_id(order, act).uuid()), Slot::Entry(act));
        }
        let of_wallet = wallet.simple().to_string();
        let mut accounts = reader.cells("entries", "accounts", &of_subject).await;
        accounts.retain(|cell| cell.to_lowercase().contains(&of_wallet));
        let [accounts] = <[String; 1]>::try_from(accounts).expect("one entry takes the money from the wallet");
        let other_accounts = bytes(&accounts)[16..].to_vec();
        known.insert(accounts, Slot::Accounts);
        let key = reader.recorded("command_keys", "1 = 1", &known).await;
        let tables = [
            ("orders", format!("id = {}", reader.uuid(order))),
            ("order_lines", of_order.clone()),
            ("order_hops", of_order.clone()),
            ("order_events", of_order),
            ("entries", of_subject),
            ("postings", of_entry.clone()),
            ("jobs", "1 = 1".to_owned()),
        ];
        let mut rows = Vec::new();
        for (table, condition) in &tables {
            rows.push(reader.recorded(table, condition, &known).await);
        }
        let card = reader.cell("cards", "id", &of_order_too).await;
        known.insert(card, Slot::Card);
        let card = reader.recorded("cards", &of_order_too, &known).await;
        let mut hot_deltas = reader.deltas(&of_entry).await;
        let own = hot_deltas.iter().position(|(account, _)| *account == wallet).expect("the wallet paid");
        let (_, wallet_delta) = hot_deltas.remove(own);
        Self { key, rows, card, wallet_delta, other_accounts, hot_deltas }
    }
}

/// Reads cells as the database itself writes them in a statement.
struct Reader<'a> {
    tx: &'a DatabaseTransaction,
    backend: Backend,
}

impl Reader<'_> {
    fn uuid(&self, id: Uuid) -> String {
        match self.backend {
            Backend::Postgres => format!("'{id}'::uuid"),
            Backend::Sqlite => format!("X'{}'", id.simple().to_string().to_uppercase()),
        }
    }
}

/// The bytes of a quoted cell, as PostgreSQL or SQLite writes it.
fn bytes(cell: &str) -> Vec<u8> {
    let digits = cell.split('\'').nth(1).expect("a quoted text").trim_start_matches(['\\', 'x']);
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal digits")).collect()
}

impl Reader<'_> {
    async fn rows(&self, sql: String) -> Vec<QueryResult> {
        let statement = Statement::from_string(self.tx.get_database_backend(), &sql);
        self.tx.query_all_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The table's columns with their types, as a cast says them.
    async fn columns(&self, table: &str) -> Vec<(String, String)> {
        let rows = self.rows(match self.backend {
            Backend::Postgres => format!(
                "SELECT attname::text AS name, '::' || format_type(atttypid, atttypmod) AS cast FROM pg_attribute \
                 WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
            ),
            Backend::Sqlite => format!("SELECT name, '' AS cast FROM pragma_table_info('{table}')"),
        });
        let text = |row: &QueryResult, name| row.try_get::<String>("", name).expect("a text");
        rows.await.iter().map(|row| (text(row, "name"), text(row, "cast"))).collect()
    }

    async fn table(&self, table: &str, columns: &[(String, String)], condition: &str) -> Vec<Vec<String>> {
        let cell = |(name, cast): &(String, String)| match self.backend {
            Backend::Postgres => format!("quote_nullable({name}::text) || '{cast}' AS {name}"),
            Backend::Sqlite => format!("quote({name}) AS {name}"),
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        let rows = self.rows(format!("SELECT {} FROM {table} WHERE {condition}", cells.join(", "))).await;
        let read = |row: &QueryResult| columns.iter().map(|(name, _)| row.try_get("", name).expect("a text")).collect();
        rows.iter().map(read).collect()
    }

    async fn cells(&self, table: &str, column: &str, condition: &str) -> Vec<String> {
        let columns: Vec<_> = self.columns(table).await.into_iter().filter(|(name, _)| name == column).collect();
        self.table(table, &columns, condition).await.into_iter().flatten().collect()
    }

    async fn cell(&self, table: &str, column: &str, condition: &str) -> String {
        let mut cells = self.cells(table, column, condition).await;
        assert_eq!(cells.len(), 1, "one order was made, and {table} has one row of it");
        cells.pop().expect("it was counted")
    }

    /// The rows, with what is new in each order left open.
    async fn recorded(&self, name: &'static str, condition: &str, known: &HashMap<String, Slot>) -> Table {
        let columns = self.columns(name).await;
        let cell = |cell: String| known.get(&cell).map_or(Cell::Known(cell), |slot| Cell::New(*slot));
        let rows = self.table(name, &columns, condition).await;
        let rows: Vec<Vec<Cell>> = rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect();
        assert!(!rows.is_empty(), "an order writes {name}");
        Table { name, columns: columns.into_iter().map(|(name, _)| name).collect(), rows }
    }

    /// How the balances move, ascending; those that end where they began do not.
    async fn deltas(&self, condition: &str) -> Vec<(Uuid, i64)> {
        let integer = if self.backend == Backend::Postgres { "::bigint" } else { "" };
        let sql = format!(
            "SELECT account_id, SUM(amount_minor){integer} AS amount FROM postings WHERE {condition} \
             GROUP BY account_id HAVING SUM(amount_minor) <> 0 ORDER BY account_id"
        );
        let rows = self.rows(sql).await;
        let delta = |row: &QueryResult| {
            (row.try_get("", "account_id").expect("an account"), row.try_get("", "amount").expect("an amount"))
        };
        rows.iter().map(delta).collect()
    }
}
