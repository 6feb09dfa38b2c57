//! A shop that has sold for a year: its orders filled in, many in a statement, as if the engine had sold them one by one.
//!
//! The rows are those of one order that the engine made (as the ceiling and the naive way write them), at times that
//! lie spread over the past, for customers who were let in, each with a card of its own that is sold. Balances, counts
//! and the hash chain are moved with them, so that the audit finds nothing. Indexes and policies stay as they are.

mod reading;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, Value};
use sha2::{Digest, Sha256};
use store::Backend;
use testkit::TestDb;
use uuid::Uuid;

use crate::ceiling::{array, connect, fresh_things, json, run, values_of};
use crate::naive::{ACTS, Fresh, Recording, Slot, begin};
use crate::shop::Shop;

pub use reading::{Look, look};

/// Orders of one transaction.
const CHUNK: u64 = 2_000;
/// How far back the first order lies.
const PAST: TimeDelta = TimeDelta::days(365);
/// Orders of one customer.
const ORDERS_A_CUSTOMER: u64 = 50;
/// Fewer customers than this would be in each other's way.
const CUSTOMERS_MIN: u64 = 256;

/// Fills a shop's database.
pub struct Filler {
    backend: Backend,
    connection: DatabaseConnection,
    tenant: Uuid,
    sku: Uuid,
    customers: Vec<(Uuid, Uuid)>,
    recording: Recording,
    entries: Vec<Posted>,
    statements: Vec<String>,
    head: (i64, [u8; 32]),
}

/// An entry of an order: its act, its kind, and its postings; an account that is nobody's stands for the buyer's wallet.
struct Posted {
    act: &'static str,
    kind: String,
    postings: Vec<(Option<Uuid>, i64, String)>,
}

impl Filler {
    /// Fills in `orders` delivered orders of the past year; how long that took. The engine sells one piece there first,
    /// to learn the rows from, so the shop must be new.
    pub async fn fill(db: &TestDb, shop: &mut Shop, orders: u64) -> Duration {
        let order = shop.buy_by_engine().await;
        let began = Instant::now();
        let customers = (orders / ORDERS_A_CUSTOMER).max(CUSTOMERS_MIN);
        shop.invite(usize::try_from(customers).expect("few")).await;
        shop.value_stock(u32::try_from(orders).expect("not so many")).await;
        let mut filler = Self::open(db, shop, order).await;
        let (first, step) = (Utc::now() - PAST, PAST / i32::try_from(orders.max(1)).expect("not so many"));
        let mut done = 0;
        while done < orders {
            let size = CHUNK.min(orders - done);
            let numbers = done..done + size;
            let at = |number: u64| first + step * i32::try_from(number).expect("not so many");
            filler.chunk(numbers.map(|number| (number, at(number)))).await;
            done += size;
        }
        if db.backend == Backend::Postgres {
            db.psql("VACUUM ANALYZE");
        }
        began.elapsed()
    }

    async fn open(db: &TestDb, shop: &Shop, order: Uuid) -> Self {
        let (backend, connection) = (db.backend, connect(db).await);
        let (tenant, first) = (shop.tenant().uuid(), shop.customers()[0]);
        let tx = begin(&connection, backend, tenant).await;
        let recording = Recording::of(&tx, backend, order, first).await;
        let entries = posted(&tx, order, first.1).await;
        let sql = "SELECT seq, hash FROM ledger_heads";
        let head = tx.query_one_raw(Statement::from_string(tx.get_database_backend(), sql)).await;
        let head = head.expect("read").expect("the engine has linked its entries");
        let hash: Vec<u8> = head.try_get("", "hash").expect("a hash");
        let head = (head.try_get("", "seq").expect("a number"), hash.try_into().expect("32 bytes"));
        tx.rollback().await.expect("nothing was written");
        let statements = statements(backend, &recording);
        Self {
            backend,
            connection,
            tenant,
            sku: shop.sku(),
            customers: shop.invited(),
            recording,
            entries,
            statements,
            head,
        }
    }

    /// One transaction of orders, with one link of the chain.
    async fn chunk(&mut self, orders: impl Iterator<Item = (u64, DateTime<Utc>)>) {
        let mut fresh: Vec<Fresh> = Vec::new();
        for (number, now) in orders {
            // Neighbours in time are not neighbours in the list.
            let place = usize::try_from(number.wrapping_mul(7_919)).unwrap_or_default() % self.customers.len();
            let (customer, wallet) = self.customers[place];
            // The database keeps microseconds, and the chain knows no more.
            let now = DateTime::from_timestamp_micros(now.timestamp_micros()).expect("a moment");
            let mut one = Fresh::at(now, customer, wallet, &self.recording.other_accounts);
            one.card = Uuid::now_v7();
            one.batch = fresh.first().map_or(one.batch, |first| first.batch);
            fresh.push(one);
        }
        let (Some(first), size) = (fresh.first(), i64::try_from(fresh.len()).expect("few")) else { return };
        let link = self.link(first.batch, first.now, &fresh);
        let moves = self.moves(&fresh);
        let tx = begin(&self.connection, self.backend, self.tenant).await;
        for sql in &self.statements {
            run(&tx, sql, values_of(self.backend, &fresh, &Slot::ALL)).await;
        }
        run(&tx, LINK, link).await;
        run(&tx, HEAD, vec![self.head.0.into(), self.head.1.to_vec().into(), self.tenant.into()]).await;
        run(&tx, &moving(self.backend), moves).await;
        for counted in COUNTED {
            run(&tx, counted, vec![size.into(), self.tenant.into(), self.sku.into()]).await;
        }
        tx.commit().await.expect("committed");
    }

    /// The next link of the tenant's chain, as the ledger makes it.
    fn link(&mut self, batch: Uuid, now: DateTime<Utc>, fresh: &[Fresh]) -> Vec<Value> {
        let own = |one: &Fresh| -> Vec<(Uuid, usize, Uuid, Uuid, DateTime<Utc>)> {
            let entry = |(place, entry): (usize, &Posted)| {
                (ledger::entry_id(one.order, entry.act).uuid(), place, one.order, one.wallet(), one.now)
            };
            self.entries.iter().enumerate().map(entry).collect()
        };
        let mut linked: Vec<_> = fresh.iter().flat_map(own).collect();
        linked.sort_unstable();
        let sequence = self.head.0 + 1;
        let mut hash = Sha256::new();
        hash.update(b"cardgrove entries v1\0");
        hash.update((linked.len() as u64).to_be_bytes());
        for (id, place, subject, wallet, at) in &linked {
            let entry = &self.entries[*place];
            hash.update(id.as_bytes());
            text(&mut hash, &entry.kind);
            hash.update(subject.as_bytes());
            hash.update(at.timestamp_micros().to_be_bytes());
            hash.update((entry.postings.len() as u64).to_be_bytes());
            for (account, amount, currency) in &entry.postings {
                hash.update(account.unwrap_or(*wallet).as_bytes());
                hash.update(amount.to_be_bytes());
                text(&mut hash, currency);
            }
        }
        let content = hash.finalize();
        let mut hash = Sha256::new();
        hash.update(b"cardgrove link v2\0");
        hash.update(self.head.1);
        hash.update(sequence.to_be_bytes());
        hash.update(content);
        self.head = (sequence, hash.finalize().into());
        let count = i64::try_from(linked.len()).expect("few");
        vec![self.tenant.into(), sequence.into(), batch.into(), self.head.1.to_vec().into(), count.into(), now.into()]
    }

    /// How the balances move, ascending.
    fn moves(&self, fresh: &[Fresh]) -> Vec<Value> {
        let mut moved: BTreeMap<Uuid, i64> = BTreeMap::new();
        for one in fresh {
            *moved.entry(one.wallet()).or_default() += self.recording.wallet_delta;
            for (account, delta) in &self.recording.hot_deltas {
                *moved.entry(*account).or_default() += delta;
            }
        }
        match self.backend {
            Backend::Postgres => {
                let (ids, deltas): (Vec<Uuid>, Vec<i64>) = moved.into_iter().unzip();
                let ids = array(ids.into_iter().map(Into::into));
                vec![ids, array(deltas.into_iter().map(Into::into)), self.tenant.into()]
            }
            Backend::Sqlite => {
                vec![json(moved.into_iter().map(|(id, delta)| vec![id.into(), delta.into()])), self.tenant.into()]
            }
        }
    }
}

fn text(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text.as_bytes());
}

const LINK: &str = "INSERT INTO ledger_links (tenant_id, seq, batch_id, hash, entries, linked_at) \
                    VALUES ($1, $2, $3, $4, $5, $6)";
const HEAD: &str = "UPDATE ledger_heads SET seq = $1, hash = $2 WHERE tenant_id = $3";
/// The cards came with the batch of the card that the engine sold.
const COUNTED: [&str; 2] = [
    "UPDATE card_counts SET sold = sold + $1 WHERE tenant_id = $2 AND sku_id = $3",
    "UPDATE card_batches SET added = added + $1, row_count = row_count + $1 WHERE tenant_id = $2 AND sku_id = $3",
];

fn moving(backend: Backend) -> String {
    let rows = match backend {
        Backend::Postgres => "SELECT * FROM unnest($1::uuid[], $2::bigint[]) AS u(id, delta)",
        Backend::Sqlite => "SELECT unhex(value ->> 0) AS id, value ->> 1 AS delta FROM jsonb_each($1)",
    };
    let tenant = if backend == Backend::Postgres { "$3" } else { "$2" };
    format!(
        "WITH i AS MATERIALIZED ({rows}) UPDATE accounts AS t SET balance_minor = t.balance_minor + i.delta FROM i \
         WHERE t.tenant_id = {tenant} AND t.id = i.id"
    )
}

/// What is written of the orders; their jobs are done and gone.
fn statements(backend: Backend, recording: &Recording) -> Vec<String> {
    let tables = recording.rows.iter().filter(|table| table.name != "jobs");
    let tables = std::iter::once(&recording.card).chain([&recording.key]).chain(tables);
    let mut inserts: Vec<String> = tables.map(|table| table.insert_many("fresh")).collect();
    let hash = if backend == Backend::Postgres { "sha256(uuid_send(new_card))" } else { "randomblob(32)" };
    let tenant = if backend == Backend::Postgres { "current_setting('app.tenant_id')::uuid" } else { TENANT };
    inserts.push(format!(
        "INSERT INTO card_hashes (tenant_id, hash, card_id) SELECT {tenant}, {hash}, new_card FROM fresh"
    ));
    let fresh = fresh_things(backend, &Slot::ALL);
    match backend {
        Backend::Postgres => {
            let parts = inserts.iter().enumerate().map(|(number, insert)| format!(", p{number} AS ({insert})"));
            vec![format!("{fresh}{} SELECT 1", parts.collect::<String>())]
        }
        Backend::Sqlite => inserts.iter().map(|insert| format!("{fresh} {insert}")).collect(),
    }
}

const TENANT: &str = "(SELECT tenant_id FROM tenants LIMIT 1)";

/// The entries of the order that the engine made, as every other one has them.
async fn posted(tx: &sea_orm::DatabaseTransaction, order: Uuid, wallet: Uuid) -> Vec<Posted> {
    let mut all = Vec::new();
    for act in ACTS {
        let sql = "SELECT e.kind, p.account_id, p.amount_minor, p.currency FROM entries AS e JOIN postings AS p \
                   ON p.tenant_id = e.tenant_id AND p.entry_id = e.id WHERE e.id = $1 ORDER BY p.seq";
        let entry = [ledger::entry_id(order, act).uuid().into()];
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, entry);
        let rows = tx.query_all_raw(statement).await.expect("the entry is read");
        let kind = rows.first().expect("an entry has postings").try_get("", "kind").expect("a kind");
        let posting = |row: &sea_orm::QueryResult| {
            let account: Uuid = row.try_get("", "account_id").expect("an account");
            let amount = row.try_get("", "amount_minor").expect("an amount");
            ((account != wallet).then_some(account), amount, row.try_get("", "currency").expect("a currency"))
        };
        all.push(Posted { act, kind, postings: rows.iter().map(posting).collect() });
    }
    all
}
