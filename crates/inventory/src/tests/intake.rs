//! Files of cards: looked at, taken in, cut off, undone, carried away.

mod export;
mod many;
mod undo;

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::sync::Mutex;

use catalog::Prices;
use kernel::Coded;

use super::*;
use crate::{
    Batch, BatchId, BatchState, Duplicate, DuplicateOf, ImportOf, Intake, IntakeProgress, IntakeReport, IntakeStep,
    Reading, Shelf,
};

/// What a card of the shop's SKUs costs.
const COST: i64 = 7_00;

impl Shop {
    fn intake(&self) -> Intake {
        self.intake_beside(Shelf::new(self.store.clone()))
    }

    fn intake_beside(&self, shelf: Shelf) -> Intake {
        Intake::new(self.store.clone(), self.inventory.clone(), Prices::new(self.store.clone()), shelf)
    }

    async fn take_in(&self, bytes: impl AsRef<[u8]>) -> Result<IntakeReport, InventoryError> {
        self.intake().import(&self.scope, self.sku, file(bytes), &by("ana"), &()).await
    }

    async fn look_at(&self, bytes: impl AsRef<[u8]>) -> IntakeReport {
        let report = self.intake().dry_run(&self.scope, self.sku, file(bytes), &Reading::default(), &()).await;
        report.expect("looked at")
    }

    async fn stock_at_cost(&self) -> i64 {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        let stock = Account::own(AccountKind::StockAtCost, Currency::CNY);
        ledger::balances_in(&tx, &[stock]).await.expect("read")[0].minor()
    }

    async fn batch(&self, id: BatchId) -> (Batch, StockCount) {
        self.intake().batch(&self.scope, id).await.expect("it is there")
    }

    async fn assert_sound(&self) {
        assert_eq!(self.audit().await.breaches, [] as [String; 0]);
        let tx = self.store.snapshot(&self.scope).await.expect("a reader");
        assert_eq!(ledger::audit_in(&tx).await.expect("audited").breaches, []);
    }
}

fn file(bytes: impl AsRef<[u8]>) -> File {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes.as_ref()).expect("written");
    file
}

fn by(who: &str) -> ImportOf {
    ImportOf {
        by: who.to_owned(),
        reason: None,
        file_name: "cards.txt".to_owned(),
        key: None,
        reading: Reading::default(),
    }
}

fn keyed(key: &str) -> ImportOf {
    ImportOf { key: Some(key.to_owned()), ..by("ana") }
}

/// Codes that stand in no other file.
fn codes(count: usize) -> String {
    (0..count).map(|n| format!("CODE-{n:06}\r\n")).collect()
}

fn faults(report: &IntakeReport) -> Vec<(u64, &'static str)> {
    report.faults.first.iter().map(|fault| (fault.row, fault.code)).collect()
}

testkit::on_both! {
    async fn a_file_is_in_stock_with_its_value_and_its_batch(db) {
        let shop = Shop::open(&db).await;
        let report = shop.take_in("\u{feff}code\r\n\r\nA\r\nB,2030-01-01\r\n  \r\nC\r\n").await.expect("imported");
        assert_eq!((report.rows, report.added, report.faults.total, report.duplicates.total), (3, 3, 0, 0));
        assert_eq!(shop.count(shop.sku).await, StockCount { available: 3, ..StockCount::default() });
        assert_eq!(shop.stock_at_cost().await, -3 * COST);
        let (batch, count) = shop.batch(report.batch.expect("a batch")).await;
        assert_eq!((batch.state, batch.rows, batch.added, count.available), (BatchState::Done, 3, 3, 3));
        assert_eq!((batch.by.as_str(), batch.file_name.as_str(), batch.sku), ("ana", "cards.txt", shop.sku));
        assert!(batch.ended_at.is_some());
        let (order, sold) = shop.sell(shop.sku, 3).await;
        assert_eq!(shop.reveal(order, &sold).await.expect("opened"), ["A", "B", "C"]);
        shop.assert_sound().await;
    }

    async fn a_dry_run_says_what_the_import_does_and_changes_nothing(db) {
        let shop = Shop::open(&db).await;
        let text = "A\nB\tx\nC\nA\nD,2029-13-01\n";
        let looked = shop.look_at(text).await;
        assert_eq!((looked.rows, looked.added, looked.batch), (5, 2, None));
        assert_eq!(faults(&looked), [(2, "card_code_unreadable"), (5, "card_expiry_unreadable")]);
        assert_eq!(looked.duplicates.first, [Duplicate { row: 4, of: DuplicateOf::Row(1) }]);
        assert_eq!(shop.audit().await.cards, 0);
        let done = shop.take_in(text).await.expect("imported");
        assert_eq!((done.rows, done.added), (looked.rows, looked.added));
        assert_eq!((&done.faults, &done.duplicates), (&looked.faults, &looked.duplicates));
        let again = shop.look_at(text).await;
        let stock = |row| Duplicate { row, of: DuplicateOf::Stock };
        assert_eq!(again.duplicates.first.iter().filter(|found| **found == stock(1) || **found == stock(3)).count(), 2);
        assert_eq!((again.added, again.duplicates.total), (0, 3));
        shop.assert_sound().await;
    }

    async fn a_code_that_was_sold_is_a_duplicate_of_stock(db) {
        let shop = Shop::open(&db).await;
        shop.take_in("A\nB\n").await.expect("imported");
        shop.sell(shop.sku, 1).await;
        let report = shop.take_in("C\nA\nB\n").await.expect("imported");
        assert_eq!(report.added, 1);
        let stock = |row| Duplicate { row, of: DuplicateOf::Stock };
        assert_eq!(report.duplicates.first, [stock(2), stock(3)]);
        shop.assert_sound().await;
    }

    async fn a_workbook_with_days_is_taken_in(db) {
        let shop = Shop::open(&db).await;
        let mut book = rust_xlsxwriter::Workbook::new();
        let day = rust_xlsxwriter::Format::new().set_num_format("yyyy/m/d");
        let sheet = book.add_worksheet();
        sheet.write(0, 0, "有效期").expect("written").write(0, 1, "卡密").expect("written");
        let date = rust_xlsxwriter::ExcelDateTime::parse_from_str("2029-12-31").expect("a day");
        sheet.write_with_format(1, 0, &date, &day).expect("written").write(1, 1, "A-1").expect("written");
        sheet.write(2, 1, 1_234_567_890_123_456_f64).expect("written");
        sheet.write(3, 1, 12_345_f64).expect("written");
        let report = shop.take_in(book.save_to_buffer().expect("a workbook")).await.expect("imported");
        assert_eq!((report.format, report.added), (sheet::Format::Xlsx, 2));
        assert_eq!(faults(&report), [(3, "sheet_number_rounded")]);
        let mut export = shop.intake().export(&shop.scope, &export::of(&shop, None)).await.expect("logged");
        let cards = export.next().await.expect("opened");
        let got: Vec<(&str, Option<String>)> = cards
            .iter()
            .map(|card| (card.code.reveal(), card.expires_at.map(|moment| moment.date_naive().to_string())))
            .collect();
        assert_eq!(got, [("A-1", Some("2029-12-31".to_owned())), ("12345", None)]);
    }

    async fn a_file_that_breaks_off_is_refused_as_a_whole(db) {
        let shop = Shop::open(&db).await;
        let torn: String = (0..5_000).map(|n| format!("CODE-{n},\n")).chain(["\"never closed".to_owned()]).collect();
        let refused = shop.take_in(torn).await.expect_err("refused");
        assert_eq!(refused.code(), "sheet_quotes");
        let picture = shop.take_in(b"\x89PNG\r\n\x1a\n\0\0").await.expect_err("refused");
        assert_eq!(picture.code(), "sheet_not_text");
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        assert_eq!(tx.find::<crate::table::card_batch::Entity>().count().await.expect("counted"), 0);
        assert_eq!(shop.audit().await.cards, 0);
    }

    async fn an_import_that_was_cut_off_is_told_and_the_same_file_adds_the_rest(db) {
        let shop = Shop::open(&db).await;
        let text = codes(5_000);
        shop.cut_off(&text, by("ana")).await;
        let batches = shop.intake().batches(&shop.scope, Some(shop.sku), None, 10).await.expect("listed");
        assert_eq!((batches.len(), batches[0].state, batches[0].added), (1, BatchState::Importing, 2_000));
        assert_eq!(shop.stock_at_cost().await, -2_000 * COST);
        shop.assert_sound().await;
        let rest = shop.take_in(&text).await.expect("imported");
        assert_eq!((rest.added, rest.duplicates.total, rest.duplicates.first.len()), (3_000, 2_000, 1_000));
        assert_ne!(rest.batch, Some(batches[0].id));
        assert_eq!(shop.count(shop.sku).await.available, 5_000);
        assert_eq!(shop.stock_at_cost().await, -5_000 * COST);
        shop.assert_sound().await;
    }

    async fn the_callers_key_makes_one_batch_and_resumes_it(db) {
        let shop = Shop::open(&db).await;
        let text = codes(5_000);
        shop.cut_off(&text, keyed("k1")).await;
        let intake = shop.intake();
        let done = intake.import(&shop.scope, shop.sku, file(&text), &keyed("k1"), &()).await.expect("resumed");
        assert_eq!((done.added, done.duplicates.total, done.is_replay), (5_000, 0, false));
        let again = intake.import(&shop.scope, shop.sku, file(&text), &keyed("k1"), &()).await.expect("answered");
        assert_eq!((again.batch, again.added, again.rows, again.is_replay), (done.batch, 5_000, 5_000, true));
        let other = intake.import(&shop.scope, shop.sku, file("X\n"), &keyed("k1"), &()).await.expect_err("refused");
        assert!(matches!(other, InventoryError::KeyReused), "{other}");
        let other = intake.import(&shop.scope, shop.other, file(&text), &keyed("k1"), &()).await.expect_err("refused");
        assert!(matches!(other, InventoryError::KeyReused), "{other}");
        assert_eq!(intake.batches(&shop.scope, None, None, 10).await.expect("listed").len(), 1);
        shop.assert_sound().await;
    }

    async fn progress_is_told_after_each_chunk(db) {
        let shop = Shop::open(&db).await;
        let steps = Steps::default();
        let text = codes(4_500) + "CODE-000000\n";
        shop.intake().import(&shop.scope, shop.sku, file(text), &by("ana"), &steps).await.expect("imported");
        let steps: Vec<(u64, u64, u64)> =
            steps.0.into_inner().expect("nobody panicked").iter().map(|s| (s.rows_done, s.rows_total, s.added)).collect();
        assert_eq!(steps, [(2_000, 4_501, 2_000), (4_000, 4_501, 4_000), (4_501, 4_501, 4_500)]);
    }

    async fn batches_are_listed_newest_first_page_by_page(db) {
        let shop = Shop::open(&db).await;
        for code in ["A", "B", "C"] {
            shop.take_in(code).await.expect("imported");
        }
        shop.import_as(shop.other, &["D"], None).await;
        let intake = shop.intake();
        let page = intake.batches(&shop.scope, Some(shop.sku), None, 2).await.expect("listed");
        let rest = intake.batches(&shop.scope, Some(shop.sku), Some(page[1].id), 2).await.expect("listed");
        assert!(page[0].id > page[1].id && page[1].id > rest[0].id && rest.len() == 1);
        let all = intake.batches(&shop.scope, None, None, 10).await.expect("listed");
        assert_eq!((all.len(), all[0].sku, all[0].by.as_str()), (4, shop.other, "house"));
        let theirs = Shop::open(&db).await;
        assert_eq!(intake.batches(&theirs.scope, None, None, 10).await.expect("listed"), []);
        let foreign = intake.batch(&theirs.scope, page[0].id).await.expect_err("not theirs");
        assert!(matches!(foreign, InventoryError::UnknownBatch { .. }), "{foreign}");
    }

    async fn what_is_no_stock_is_refused(db) {
        let shop = Shop::open(&db).await;
        let unknown = shop.intake().import(&shop.scope, SkuId::new(), file("A"), &by("ana"), &()).await;
        assert!(matches!(unknown.expect_err("refused"), InventoryError::UnknownSku { .. }));
        let nobody = shop.intake().import(&shop.scope, shop.sku, file("A"), &by(" "), &()).await;
        assert!(matches!(nobody.expect_err("refused"), InventoryError::BadText { .. }));
        let long = keyed(&"k".repeat(256));
        let long = shop.intake().import(&shop.scope, shop.sku, file("A"), &long, &()).await;
        assert!(matches!(long.expect_err("refused"), InventoryError::BadText { .. }));
    }

    async fn no_report_shows_a_code(db) {
        let shop = Shop::open(&db).await;
        let text = "S3CR3T-1\nS3CR3T-1\nS3CR3T-2\tx\nS3CR3T-3,2029-13-13\n";
        for report in [shop.look_at(text).await, shop.take_in(text).await.expect("imported")] {
            assert_eq!((report.faults.total, report.duplicates.total), (2, 1));
            let shown = serde_json::to_string(&report).expect("JSON") + &format!("{report:?}");
            assert!(!shown.contains("S3CR3T"), "{shown}");
        }
    }
}

/// Remembers what it was told.
#[derive(Default)]
struct Steps(Mutex<Vec<IntakeStep>>);

impl IntakeProgress for Steps {
    fn moved(&self, step: IntakeStep) {
        self.0.lock().expect("nobody panicked").push(step);
    }
}

/// Ends the import's process once a chunk is committed, as far as a test can.
struct Ending;

impl IntakeProgress for Ending {
    fn moved(&self, _: IntakeStep) {
        panic!("the process ends here");
    }
}

impl Shop {
    /// An import that ends after its first chunk.
    async fn cut_off(&self, text: &str, of: ImportOf) {
        let (intake, scope, sku, file) = (self.intake(), self.scope, self.sku, file(text));
        let cut = tokio::spawn(async move { intake.import(&scope, sku, file, &of, &Ending).await.map(|_| ()) });
        assert!(cut.await.expect_err("it ends").is_panic());
    }

    /// How many cards of the SKU each batch has.
    async fn by_batch(&self) -> HashMap<BatchId, u64> {
        let batches = self.intake().batches(&self.scope, None, None, 100).await.expect("listed");
        batches.into_iter().map(|batch| (batch.id, batch.added)).collect()
    }
}
