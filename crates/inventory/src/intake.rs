//! Card import that an operator can trust: looked at first, committed in chunks, undone as a whole.
//!
//! | phase | what it does | where |
//! |---|---|---|
//! | scan | the whole file is read once: a file that breaks off is refused before anything is written | `scan.rs` |
//! | open | the batch's row; the caller's key finds an interrupted one again | here |
//! | chunks | about 2,000 cards a transaction, in the house's order of locks, their value at cost with them | `chunk.rs` |
//! | end | what the file came to | here |
//!
//! Between two chunks the writer is free: on SQLite buyers go on buying. What was committed before a process ended is in
//! stock and in its batch; the same file adds the rest.
//!
//! Invariants: no report, log line or error holds a code; a batch that is undone gives its free cards' value and codes
//! back, once; an export is logged before its first code is opened.

mod chunk;
mod export;
mod reading;
mod report;
mod scan;
mod undo;

use std::fs::File;
use std::sync::Arc;

use catalog::{GoodsKind, Prices, SkuId};
use kernel::{Money, TenantScope};
use sha2::{Digest, Sha256};
use sheet::Format;
use store::{Store, Tx, WriteTx};

use crate::batch::{self, Batch, BatchId, BatchState, Stock};
use crate::error::InventoryError;
use crate::import::new_batch;
use crate::keyring::TenantKeys;
use crate::model::{StockCount, Stocking};
use crate::repo::{self, Totals};
use crate::service::Inventory;
use crate::shelf::Shelf;
use crate::table::card_batch;

pub use export::{Export, ExportOf, ExportedCard};
pub use reading::{Columns, Reading};
pub use report::{Duplicate, DuplicateOf, IntakeProgress, IntakeReport, IntakeStep, LISTED_MAX, Listed, RowFault};
pub use undo::{UndoOf, Undone};

use report::Tally;
use scan::{Item, Scan};

/// Takes files of cards in, and gives them out again. Clones share everything.
#[derive(Clone)]
pub struct Intake {
    store: Store,
    inventory: Inventory,
    prices: Prices,
    shelf: Shelf,
}

/// Whose import it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOf {
    /// Who imports.
    pub by: String,
    /// Why, in his words.
    pub reason: Option<String>,
    /// The file, as he calls it.
    pub file_name: String,
    /// The caller's key: the same key is the same batch.
    pub key: Option<String>,
    /// How the file is read.
    pub reading: Reading,
}

/// Rows looked at in one transaction.
const CHUNK: usize = 2_000;
/// How often a transaction that another one was in the way of is run.
const ATTEMPTS_MAX: u32 = 5;
/// The longest name, reason or key, in characters.
const TEXT_CHARS_MAX: usize = 255;
/// Batches on a page.
const PAGE_MAX: u64 = 200;

impl Intake {
    /// An intake that tells `shelf` of what it puts there.
    pub const fn new(store: Store, inventory: Inventory, prices: Prices, shelf: Shelf) -> Self {
        Self { store, inventory, prices, shelf }
    }

    /// What an import of the file would do. Changes nothing.
    pub async fn dry_run(
        &self,
        scope: &TenantScope,
        sku: SkuId,
        file: File,
        reading: &Reading,
        progress: &dyn IntakeProgress,
    ) -> Result<IntakeReport, InventoryError> {
        let scan = Scan::of(file, *reading, self.store.time()).await?;
        self.stock_of(scope, sku, "").await?;
        let keys = {
            let tx = self.store.read(scope).await?;
            self.inventory.keys().hash_keys_in(&tx).await?
        };
        let (format, rows_total) = (scan.format, scan.rows);
        let (mut tally, mut added, mut items) = (Tally::default(), 0, scan.items());
        while let Some(chunk) = items.next().await? {
            let new = sorted(&mut tally, &keys, chunk);
            let tx = self.store.read(scope).await?;
            let known = repo::known_hashes_in(&tx, new.iter().map(|item| item.hash.clone())).await?;
            for item in new {
                if known.contains(&item.hash) {
                    tally.duplicates.push(Duplicate { row: item.row, of: DuplicateOf::Stock });
                } else {
                    added += 1;
                }
            }
            progress.moved(IntakeStep { rows_done: tally.rows, rows_total, added: 0 });
        }
        let (rows, faults, duplicates) = tally.listed();
        Ok(IntakeReport { batch: None, format, rows, added, faults, duplicates, is_replay: false })
    }

    /// Puts the cards of the file in stock: rows with faults and known codes are passed over and told. An error leaves
    /// what was committed before it in the batch; the same file then adds the rest.
    pub async fn import(
        &self,
        scope: &TenantScope,
        sku: SkuId,
        file: File,
        of: &ImportOf,
        progress: &dyn IntakeProgress,
    ) -> Result<IntakeReport, InventoryError> {
        check_texts(of)?;
        let scan = Scan::of(file, of.reading, self.store.time()).await?;
        let stock = self.stock_of(scope, sku, &of.file_name).await?;
        let open = self.open(scope, &stock, of, fingerprint(sku, &of.reading, &scan)).await?;
        let (format, rows_total) = (scan.format, scan.rows);
        if open.batch.state != BatchState::Importing {
            return replay(&open.batch, format);
        }
        let (mut tally, mut added, mut items) = (Tally::default(), 0, scan.items());
        while let Some(chunk) = items.next().await? {
            let new = sorted(&mut tally, &open.keys, chunk);
            let done = self.add_chunk(scope, (&stock, &open), &new).await?;
            added += done.added;
            tally.duplicates.extend(done.known.into_iter().map(|row| Duplicate { row, of: DuplicateOf::Stock }));
            if done.added > 0 {
                self.shelf.restocked(scope, &[sku]);
            }
            progress.moved(IntakeStep { rows_done: tally.rows, rows_total, added });
        }
        let (rows, faults, duplicates) = tally.listed();
        let totals = Totals { rows, duplicates: duplicates.total, faults: faults.total };
        let batch = self.end(scope, open.batch.id, totals).await?;
        tracing::info!(
            tenant.id = %scope.id(), batch.id = %batch.id, batch.added = batch.added,
            batch.duplicates = batch.duplicates, batch.faults = batch.faults,
            "imported {} cards in the batch {}", batch.added, batch.id
        );
        let added = batch.added;
        Ok(IntakeReport { batch: Some(batch.id), format, rows, added, faults, duplicates, is_replay: false })
    }

    /// Batches, the newest first, of one SKU or all; the next page begins after the last one's id.
    pub async fn batches(
        &self,
        scope: &TenantScope,
        sku: Option<SkuId>,
        after: Option<BatchId>,
        limit: u64,
    ) -> Result<Vec<Batch>, InventoryError> {
        let tx = self.store.read(scope).await?;
        let rows = repo::batches_in(&tx, sku, after, limit.min(PAGE_MAX)).await?;
        rows.into_iter().map(batch::read).collect()
    }

    /// A batch, and where its cards are now.
    pub async fn batch(&self, scope: &TenantScope, id: BatchId) -> Result<(Batch, StockCount), InventoryError> {
        let tx = self.store.read(scope).await?;
        let row = repo::batch_in(&tx, id).await?.ok_or(InventoryError::UnknownBatch { batch: id })?;
        let batch = batch::read(row)?;
        let count = self.states_in(&tx, &batch).await?;
        Ok((batch, count))
    }

    async fn states_in(&self, tx: &impl Tx, batch: &Batch) -> Result<StockCount, InventoryError> {
        let mut count = StockCount::default();
        for (state, cards) in repo::states_of_batch_in(tx, (batch.sku, batch.id)).await? {
            match state.as_str() {
                "available" => count.available = cards,
                "held" => count.held = cards,
                "sold" => count.sold = cards,
                "void" => count.void = cards,
                _ => count.shared = cards,
            }
        }
        Ok(count)
    }

    /// How cards of the SKU are kept and what one costs; a SKU that is not sold out of stock is refused.
    async fn stock_of(&self, scope: &TenantScope, sku: SkuId, file_name: &str) -> Result<Stock, InventoryError> {
        let tx = self.store.read(scope).await?;
        let ware = self.prices.wares_in(&tx, &[sku]).await?.remove(&sku);
        let ware = ware.ok_or(InventoryError::UnknownSku { sku })?;
        let stocking = if ware.kind == GoodsKind::Card {
            Stocking::Unique
        } else if ware.kind == GoodsKind::Shared {
            Stocking::Shared
        } else {
            return Err(InventoryError::NotStocked { sku });
        };
        Ok(Stock { sku, stocking, unit_cost: worth(ware.facts.cost), file_name: file_name.to_owned() })
    }

    /// The batch of the caller's key, or a new one.
    async fn open(
        &self,
        scope: &TenantScope,
        stock: &Stock,
        of: &ImportOf,
        fingerprint: Vec<u8>,
    ) -> Result<Open, InventoryError> {
        let tx = self.store.write(scope).await?;
        let keys = self.inventory.keys().keys_or_make_in(&tx).await?;
        let row = card_batch::Model {
            request_key: of.key.clone(),
            fingerprint: Some(fingerprint.clone()),
            reason: of.reason.clone(),
            ..new_batch(&tx, BatchId::new(), stock, &of.by)
        };
        let row = match repo::insert_batch_in(&tx, row.clone()).await? {
            true => row,
            false => known_batch_in(&tx, of, &fingerprint).await?,
        };
        tx.commit().await?;
        Ok(Open { may_have_some: of.key.is_some(), unit_cost: batch::unit_cost(&row)?, batch: batch::read(row)?, keys })
    }

    async fn end(&self, scope: &TenantScope, id: BatchId, totals: Totals) -> Result<Batch, InventoryError> {
        let tx = self.store.write(scope).await?;
        importing_in(&tx, id).await?;
        repo::end_batch_in(&tx, id, totals).await?;
        let row = repo::batch_in(&tx, id).await?.ok_or(InventoryError::UnknownBatch { batch: id })?;
        tx.commit().await?;
        batch::read(row)
    }
}

/// A batch that is being filled.
struct Open {
    batch: Batch,
    /// What a card cost when it began, even if it goes on after a change.
    unit_cost: Option<Money>,
    keys: Arc<TenantKeys>,
    /// Whether cards of the file may be in it already: put there before it was cut off, or by a second request.
    may_have_some: bool,
}

async fn known_batch_in(
    tx: &WriteTx<TenantScope>,
    of: &ImportOf,
    fingerprint: &[u8],
) -> Result<card_batch::Model, InventoryError> {
    let key = of.key.as_deref().unwrap_or_default();
    let row = repo::batch_of_key_in(tx, key).await?.ok_or(InventoryError::Stored { what: "a batch's key" })?;
    if row.fingerprint.as_deref() != Some(fingerprint) {
        return Err(InventoryError::KeyReused);
    }
    Ok(row)
}

/// Locks the batch, which nobody has undone meanwhile.
async fn importing_in(tx: &WriteTx<TenantScope>, id: BatchId) -> Result<(), InventoryError> {
    let row = repo::batch_to_change(tx, id).await?.ok_or(InventoryError::UnknownBatch { batch: id })?;
    match BatchState::parse(&row.state) {
        // Done: a second request under the same key has overtaken this one, and adds nothing that is not there.
        Some(BatchState::Importing | BatchState::Done) => Ok(()),
        _ => Err(InventoryError::BatchUndone { batch: id }),
    }
}

/// The cards that the file shows for the first time; the rest is noted.
fn sorted(tally: &mut Tally, keys: &TenantKeys, chunk: Vec<Item>) -> Vec<chunk::Fresh> {
    let mut fresh = Vec::with_capacity(chunk.len());
    for item in chunk {
        tally.rows += 1;
        match item {
            Err(fault) => tally.faults.push(fault),
            Ok((row, card)) => {
                let hash = keys.hash(&card.code);
                if tally.is_new(row, &hash) {
                    fresh.push(chunk::Fresh { row, card, hash });
                }
            }
        }
    }
    fresh
}

fn replay(batch: &Batch, format: Format) -> Result<IntakeReport, InventoryError> {
    Ok(IntakeReport {
        batch: Some(batch.id),
        format,
        rows: batch.rows,
        added: batch.added,
        faults: Listed::only(batch.faults),
        duplicates: Listed::only(batch.duplicates),
        is_replay: true,
    })
}

/// An entry about nothing is no entry.
fn worth(cost: Money) -> Option<Money> {
    Some(cost).filter(|cost| cost.minor() != 0)
}

/// What one request is: the same file, read in the same way, for the same SKU.
fn fingerprint(sku: SkuId, reading: &Reading, scan: &Scan) -> Vec<u8> {
    let columns = reading.columns.map(|columns| (columns.code, columns.expires_on, columns.header_rows));
    let how = format!("{sku} {:?} {columns:?}", reading.expires_on);
    Sha256::new_with_prefix(&scan.digest).chain_update(how).finalize().to_vec()
}

fn check_texts(of: &ImportOf) -> Result<(), InventoryError> {
    checked("the importer", Some(&of.by))?;
    checked("the file's name", Some(&of.file_name))?;
    checked("the reason", of.reason.as_deref())?;
    checked("the key", of.key.as_deref())
}

/// One to 255 characters, if there are any.
fn checked(what: &'static str, text: Option<&str>) -> Result<(), InventoryError> {
    let is_good = |text: &str| !text.trim().is_empty() && text.chars().count() <= TEXT_CHARS_MAX;
    if text.is_none_or(is_good) { Ok(()) } else { Err(InventoryError::BadText { what, chars_max: TEXT_CHARS_MAX }) }
}
