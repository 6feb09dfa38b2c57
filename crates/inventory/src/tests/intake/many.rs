//! Large files, and buyers beside them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::*;

/// Says that the import has begun and how many cards are in.
#[derive(Default, Clone)]
struct Watch(Arc<AtomicU64>);

impl IntakeProgress for Watch {
    fn moved(&self, step: IntakeStep) {
        self.0.store(step.added, Ordering::Relaxed);
    }
}

/// How many rows `CARDGROVE_IMPORT_ROWS` asks for, or enough for every day.
fn rows() -> usize {
    std::env::var("CARDGROVE_IMPORT_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(20_000)
}

testkit::on_both! {
    async fn buyers_go_on_buying_between_the_chunks(db) {
        let shop = Shop::open(&db).await;
        shop.import(&["FIRST-1", "FIRST-2", "FIRST-3"]).await;
        let watch = Watch::default();
        let import = {
            let (intake, scope, sku, watch) = (shop.intake(), shop.scope, shop.sku, watch.clone());
            let file = file(codes(12_000));
            tokio::spawn(async move { intake.import(&scope, sku, file, &by("ana"), &watch).await })
        };
        let mut sold_while = Vec::new();
        while sold_while.len() < 3 && !import.is_finished() {
            shop.sell(shop.sku, 1).await;
            sold_while.push(watch.0.load(Ordering::Relaxed));
        }
        assert_eq!(import.await.expect("no panic").expect("imported").added, 12_000);
        assert_eq!(sold_while.len(), 3, "three sales went through while the file was taken in");
        assert!(sold_while.iter().all(|added| *added < 12_000), "{sold_while:?}");
        let count = StockCount { available: 12_000, sold: 3, ..StockCount::default() };
        assert_eq!(shop.count(shop.sku).await, count);
        shop.assert_sound().await;
    }

    async fn what_a_chunk_brings_is_on_sale_at_once(db) {
        let shop = Shop::open(&db).await;
        let shelf = Shelf::new(shop.store.clone());
        shelf.mark_sold_out(&shop.scope, shop.sku);
        assert_eq!(shelf.counts(&shop.scope, &[shop.sku]).await.expect("counted")[&shop.sku], 0);
        let intake = shop.intake_beside(shelf.clone());
        intake.import(&shop.scope, shop.sku, file("A\nB\n"), &by("ana"), &()).await.expect("imported");
        assert_eq!(shelf.counts(&shop.scope, &[shop.sku]).await.expect("counted")[&shop.sku], 2);
    }

    async fn a_large_file_is_looked_at_taken_in_and_undone(db) {
        let shop = Shop::open(&db).await;
        let text = codes(rows()) + "CODE-000007\nBAD\tCODE\n";
        let started = Instant::now();
        let looked = shop.look_at(&text).await;
        let looked_in = started.elapsed();
        let report = shop.take_in(&text).await.expect("imported");
        let taken_in = started.elapsed() - looked_in;
        assert_eq!((looked.added, report.added, report.rows), (rows() as u64, rows() as u64, rows() as u64 + 2));
        assert_eq!((report.faults.total, report.duplicates.total), (1, 1));
        assert_eq!(report.duplicates.first[0].of, DuplicateOf::Row(8));
        let undone = shop.intake().undo(&shop.scope, report.batch.expect("a batch"), &undo_of()).await.expect("undone");
        assert_eq!(undone.voided, rows() as u64);
        let all = started.elapsed();
        eprintln!("{} rows: looked at in {looked_in:?}, taken in in {taken_in:?}, undone by {all:?}", rows());
        shop.assert_sound().await;
    }
}

fn undo_of() -> crate::UndoOf {
    crate::UndoOf { by: "bo".to_owned(), reason: None, key: None }
}
