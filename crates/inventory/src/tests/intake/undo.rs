//! Taking a batch back.

use lane::Part;

use super::*;
use crate::{UndoOf, Undone};

fn undo_of() -> UndoOf {
    UndoOf { by: "bo".to_owned(), reason: Some("wrong SKU".to_owned()), key: None }
}

impl Shop {
    async fn undo(&self, batch: BatchId) -> Result<Undone, InventoryError> {
        self.intake().undo(&self.scope, batch, &undo_of()).await
    }

    /// Holds cards as an unpaid order does.
    async fn hold(&self, quantity: u32) {
        let mut picks = Picks::default();
        let tx = self.write().await;
        picks.want(self.sku, quantity, TimeDelta::zero());
        picks.read(&tx, lane::Look::open(0)).await.expect("read");
        picks.take((self.sku, quantity), (Uuid::now_v7(), 0), Taking::Hold, tx.now()).expect("in stock");
        assert_eq!(carry_out_in(&tx, &mut picks).await.expect("carried out"), lane::Claimed::All);
        tx.commit().await.expect("committed");
    }
}

testkit::on_both! {
    async fn what_is_free_goes_and_what_somebody_has_stays(db) {
        let shop = Shop::open(&db).await;
        shop.take_in("OLD-1\nOLD-2\n").await.expect("imported");
        let batch = shop.take_in(codes(2_100)).await.expect("imported").batch.expect("a batch");
        shop.sell(shop.sku, 4).await;
        shop.hold(3).await;
        let undone = shop.undo(batch).await.expect("undone");
        assert_eq!((undone.voided, undone.held, undone.sold), (2_095, 3, 2));
        assert_eq!((undone.batch.state, undone.batch.undone_by.as_deref()), (BatchState::Undone, Some("bo")));
        assert_eq!(undone.batch.undo_reason.as_deref(), Some("wrong SKU"));
        let count = StockCount { available: 0, held: 3, sold: 4, void: 2_095, shared: 0 };
        assert_eq!(shop.count(shop.sku).await, count);
        // What is held is ours until it is paid.
        assert_eq!(shop.stock_at_cost().await, -3 * COST);
        shop.assert_sound().await;
    }

    async fn a_batch_is_undone_once(db) {
        let shop = Shop::open(&db).await;
        let batch = shop.take_in("A\nB\n").await.expect("imported").batch.expect("a batch");
        shop.undo(batch).await.expect("undone");
        let again = shop.undo(batch).await.expect_err("refused");
        assert!(matches!(again, InventoryError::BatchUndone { .. }), "{again}");
        assert_eq!(shop.stock_at_cost().await, 0);
        let unknown = shop.undo(BatchId::new()).await.expect_err("refused");
        assert!(matches!(unknown, InventoryError::UnknownBatch { .. }), "{unknown}");
    }

    async fn of_two_undoings_at_once_under_one_key_one_is_done(db) {
        let shop = Shop::open(&db).await;
        let one = shop.take_in("A\nB\n").await.expect("imported").batch.expect("a batch");
        let other = shop.take_in("C\nD\n").await.expect("imported").batch.expect("a batch");
        let keyed = UndoOf { key: Some("bo:1".to_owned()), ..undo_of() };
        let intake = shop.intake();
        let (first, second) =
            tokio::join!(intake.undo(&shop.scope, one, &keyed), intake.undo(&shop.scope, other, &keyed));
        let (Ok(done), Err(refused)) = (if first.is_ok() { (first, second) } else { (second, first) }) else {
            panic!("both were done or none")
        };
        assert!(matches!(refused, InventoryError::KeyReused), "{refused}");
        let left = if done.batch.id == one { other } else { one };
        assert_eq!((done.voided, shop.batch(left).await.0.voided), (2, 0));
        assert_eq!(shop.count(shop.sku).await, StockCount { available: 2, void: 2, ..StockCount::default() });
        shop.assert_sound().await;
    }

    async fn the_same_undoing_is_answered_again_and_another_one_is_not(db) {
        let shop = Shop::open(&db).await;
        let batch = shop.take_in("A\nB\nC\n").await.expect("imported").batch.expect("a batch");
        let other = shop.take_in("D\n").await.expect("imported").batch.expect("a batch");
        shop.hold(1).await;
        let keyed = UndoOf { key: Some("bo:1".to_owned()), ..undo_of() };
        let undo = |batch, of: UndoOf| { let shop = &shop; async move { shop.intake().undo(&shop.scope, batch, &of).await } };
        let first = undo(batch, keyed.clone()).await.expect("undone");
        assert_eq!((first.voided, first.held, first.is_replay), (2, 1, false));
        let again = undo(batch, keyed.clone()).await.expect("answered again");
        assert_eq!(again, Undone { is_replay: true, ..first });
        let why = UndoOf { reason: None, ..keyed.clone() };
        for (batch, of) in [(other, keyed.clone()), (batch, why)] {
            let refused = undo(batch, of).await.expect_err("refused");
            assert!(matches!(refused, InventoryError::KeyReused), "{refused}");
        }
        assert_eq!(shop.batch(other).await.0.state, BatchState::Done);
        let fresh = UndoOf { key: Some("bo:2".to_owned()), ..undo_of() };
        let refused = undo(batch, fresh).await.expect_err("refused");
        assert!(matches!(refused, InventoryError::BatchUndone { .. }), "{refused}");
        shop.assert_sound().await;
    }

    async fn codes_that_were_withdrawn_may_come_again_and_those_somebody_has_may_not(db) {
        let shop = Shop::open(&db).await;
        let batch = shop.take_in("A\nB\nC\n").await.expect("imported").batch.expect("a batch");
        shop.sell(shop.sku, 1).await;
        shop.undo(batch).await.expect("undone");
        let intake = shop.intake();
        let report = intake.import(&shop.scope, shop.other, file("A\nB\nC\n"), &by("ana"), &()).await.expect("imported");
        assert_eq!(report.added, 2);
        assert_eq!(report.duplicates.first, [Duplicate { row: 1, of: DuplicateOf::Stock }]);
        assert_eq!(shop.count(shop.other).await.available, 2);
        shop.assert_sound().await;
    }

    async fn an_import_that_was_cut_off_can_be_undone_and_goes_on_no_more(db) {
        let shop = Shop::open(&db).await;
        let text = codes(3_000);
        shop.cut_off(&text, keyed("k1")).await;
        let (batch, added) = shop.by_batch().await.into_iter().next().expect("a batch");
        assert_eq!((added, shop.undo(batch).await.expect("undone").voided), (2_000, 2_000));
        let late = shop.intake().import(&shop.scope, shop.sku, file(&text), &keyed("k1"), &()).await.expect("answered");
        assert!(late.is_replay);
        assert_eq!(shop.count(shop.sku).await.available, 0);
        assert_eq!(shop.stock_at_cost().await, 0);
        shop.assert_sound().await;
    }

    async fn the_value_that_goes_is_the_value_that_came(db) {
        let shop = Shop::open(&db).await;
        let batch = shop.take_in("A\nB\n").await.expect("imported").batch.expect("a batch");
        db.tamper("UPDATE skus SET cost_minor = 999").await.expect("the cost changes");
        shop.undo(batch).await.expect("undone");
        assert_eq!(shop.stock_at_cost().await, 0);
        shop.assert_sound().await;
    }

    async fn a_batch_is_sold_and_undone_at_its_own_cost(db) {
        let shop = Shop::open(&db).await;
        let first = shop.take_in("A\nB\n").await.expect("imported").batch.expect("a batch");
        db.tamper("UPDATE skus SET cost_minor = 900").await.expect("the cost changes");
        let second = shop.take_in("C\nD\n").await.expect("imported").batch.expect("a batch");
        assert_eq!(shop.stock_at_cost().await, -2 * COST - 2 * 9_00);
        shop.sell(shop.sku, 3).await;
        assert_eq!(shop.stock_at_cost().await, -9_00);
        shop.assert_sound().await;
        shop.undo(second).await.expect("undone");
        assert_eq!(shop.stock_at_cost().await, 0);
        shop.undo(first).await.expect("nothing is left of it");
        shop.assert_sound().await;
    }

    async fn what_was_undone_is_not_sold_from_memory(db) {
        let shop = Shop::open(&db).await;
        let batch = shop.take_in("A\nB\n").await.expect("imported").batch.expect("a batch");
        let mut picks = Picks::default();
        {
            let tx = shop.write().await;
            picks.want(shop.sku, 1, TimeDelta::zero());
            picks.read(&tx, lane::Look::open(0)).await.expect("read");
            assert_eq!(picks.available(shop.sku, tx.now()), 2);
            picks.end(false);
        }
        shop.undo(batch).await.expect("undone");
        let tx = shop.write().await;
        picks.want(shop.sku, 1, TimeDelta::zero());
        picks.read(&tx, lane::Look::open(0)).await.expect("read");
        assert_eq!(picks.available(shop.sku, tx.now()), 0);
    }
}
