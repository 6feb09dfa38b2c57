//! The baseline is fair only as long as it does the same work.

use super::{Naive, begin};
use crate::callers::{Counter, Way};
use crate::shop::Shop;

/// Tables that have rows of each order; links of the hash chain and counts are not among them.
const TABLES: [&str; 7] =
    ["orders", "order_lines", "order_hops", "order_events", "entries", "postings", "command_keys"];
/// Entries that were there before anybody bought: one opening balance a customer, and the value of the cards, each of two
/// postings.
const OPENINGS: [(&str, i64); 2] = [("entries", 1), ("postings", 2)];

async fn rows(naive: &Naive, table: &str, openings: i64) -> i64 {
    use sea_orm::{ConnectionTrait, Statement};
    let tx = begin(&naive.connection, naive.backend, naive.tenant).await;
    let sql = format!("SELECT COUNT(*) AS rows FROM {table}");
    let row = tx.query_one_raw(Statement::from_string(tx.get_database_backend(), sql)).await.expect("counted");
    let rows: i64 = row.expect("a row").try_get("", "rows").expect("a number");
    let openings = OPENINGS.iter().find(|(name, _)| *name == table).map_or(0, |(_, each)| each * openings);
    rows - openings
}

testkit::on_both! {
    async fn the_naive_way_writes_what_the_engine_writes(db) {
        let shop = Shop::open(&db).await;
        let naive = Naive::open(&db, &shop).await;
        let openings = i64::try_from(shop.customers().len()).expect("few") + 1;
        let mut before = Vec::new();
        for table in TABLES {
            before.push(rows(&naive, table, openings).await);
        }
        shop.stock_up(3).await;
        for caller in 0..3 {
            naive.buy(caller).await;
        }
        for (table, before) in TABLES.iter().zip(before) {
            let now = rows(&naive, table, openings).await;
            assert!(before > 0 && now == 4 * before, "{table} has {now} rows of four orders, and had {before} of one");
        }
        // Balances, counts, histories and codes of the naive orders hold like those of the engine's.
        assert_eq!(shop.breaches(Way::Naive).await, Vec::<String>::new());
        // And the audit looks: nobody but the engine writes the chain.
        assert!(!shop.breaches(Way::Lane).await.is_empty());
    }
}
