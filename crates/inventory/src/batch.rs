//! Batches: which cards came together, from where and by whom.

use catalog::SkuId;
use chrono::{DateTime, Utc};
use kernel::{Currency, Money};
use serde::Serialize;

use crate::error::InventoryError;
use crate::model::Stocking;
use crate::table::card_batch;

kernel::kinds! {
    /// Cards that were put in stock together.
    BatchId = BatchMark "bat";
    /// Codes that were carried away.
    ExportId = ExportMark "exp";
}

kernel::words! {
    /// How far a batch is.
    BatchState {
        /// Its file is being read, or was cut off while it was.
        Importing = "importing",
        /// Its cards are in stock.
        Done = "done",
        /// Its free cards are being taken out again, or that was cut off.
        Undoing = "undoing",
        /// What was free of it is taken out again.
        Undone = "undone",
    }
}

kernel::words! {
    /// Where a card is in its life.
    CardState {
        /// Free to be sold.
        Available = "available",
        /// Waits for an order's money.
        Held = "held",
        /// Delivered.
        Sold = "sold",
        /// Taken out.
        Void = "void",
        /// Goes to every buyer.
        Shared = "shared",
    }
}

/// A batch as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Batch {
    /// Its id.
    pub id: BatchId,
    /// What its cards are.
    pub sku: SkuId,
    /// The file it came in, as its sender named it; empty if there was none.
    pub file_name: String,
    /// How far it is.
    pub state: BatchState,
    /// Rows read, once it is done.
    pub rows: u64,
    /// Cards put in stock so far.
    pub added: u64,
    /// Rows passed over because their code was known, once it is done.
    pub duplicates: u64,
    /// Rows passed over because they could not be read, once it is done.
    pub faults: u64,
    /// Cards taken out again.
    pub voided: u64,
    /// Who put it in stock.
    pub by: String,
    /// Why, in his words.
    pub reason: Option<String>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was done.
    pub ended_at: Option<DateTime<Utc>>,
    /// When it was undone, or began to be.
    pub undone_at: Option<DateTime<Utc>>,
    /// By whom.
    pub undone_by: Option<String>,
    /// Why.
    pub undo_reason: Option<String>,
}

/// What is put in stock: codes of which SKU, sold how, at what cost each, out of which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock {
    /// The SKU.
    pub sku: SkuId,
    /// Whether each code is sold once.
    pub stocking: Stocking,
    /// What one card cost: what it is worth in stock, and takes out of it when it is sold. None for cards that are worth
    /// nothing.
    pub unit_cost: Option<Money>,
    /// The file's name; empty if there is none.
    pub file_name: String,
}

impl From<(SkuId, Stocking)> for Stock {
    /// Stock without a value, out of no file.
    fn from((sku, stocking): (SkuId, Stocking)) -> Self {
        Self { sku, stocking, unit_cost: None, file_name: String::new() }
    }
}

impl From<SkuId> for Stock {
    /// Codes that are each sold once, without a value, out of no file.
    fn from(sku: SkuId) -> Self {
        (sku, Stocking::Unique).into()
    }
}

impl Stock {
    /// What is worth something: what is never used up is no stock.
    pub(crate) fn value_of_one(&self) -> Option<Money> {
        self.unit_cost.filter(|_| self.stocking == Stocking::Unique)
    }
}

pub(crate) fn read(row: card_batch::Model) -> Result<Batch, InventoryError> {
    let state = BatchState::parse(&row.state).ok_or(InventoryError::Stored { what: "a batch's state" })?;
    let count = |count: i64| count.unsigned_abs();
    Ok(Batch {
        id: BatchId::from_uuid(row.id),
        sku: SkuId::from_uuid(row.sku_id),
        file_name: row.file_name,
        state,
        rows: count(row.row_count),
        added: count(row.added),
        duplicates: count(row.duplicates),
        faults: count(row.faults),
        voided: count(row.voided),
        by: row.created_by,
        reason: row.reason,
        created_at: row.created_at,
        ended_at: row.ended_at,
        undone_at: row.undone_at,
        undone_by: row.undone_by,
        undo_reason: row.undo_reason,
    })
}

/// What one card of the batch cost, if that is known.
pub(crate) fn unit_cost(row: &card_batch::Model) -> Result<Option<Money>, InventoryError> {
    let (Some(minor), Some(currency)) = (row.unit_cost_minor, &row.currency) else { return Ok(None) };
    let currency = Currency::parse(currency).map_err(|_| InventoryError::Stored { what: "a batch's currency" })?;
    Ok(Some(Money::new(minor, currency)))
}
