//! Putting cards in stock inside one transaction: what packs, uploads and tests share.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use catalog::SkuId;
use kernel::{Money, TenantScope};
use ledger::{Account, AccountKind, Book, Entry, EntryKind, Posting};
use store::{Inside, StoreError, Tx, WriteTx};
use uuid::Uuid;

use crate::batch::{BatchId, BatchState, Stock};
use crate::error::InventoryError;
use crate::keyring::TenantKeys;
use crate::model::{CardId, ImportReport, NewCard, Stocking};
use crate::repo::{self, CountDelta};
use crate::table::{card, card_batch, card_hash};

/// Who puts cards in stock, for the batches that are made for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Who.
    pub by: &'static str,
    /// The words beside the entries of their value.
    pub reason: &'static str,
}

impl Default for Source {
    fn default() -> Self {
        Self { by: "house", reason: "cards at cost" }
    }
}

/// An import inside one transaction: cards are added SKU by SKU, the counts move when it is settled. Dropped without
/// that, the counts would be wrong.
#[must_use = "the counts move only when the import is settled"]
pub struct Import<'t> {
    tx: &'t WriteTx<TenantScope>,
    /// Asked for once: keys made in this transaction must not be kept anywhere before it is committed.
    keys: Arc<TenantKeys>,
    source: Source,
    batches: BTreeMap<SkuId, Filled>,
    deltas: BTreeMap<SkuId, CountDelta>,
    values: BTreeMap<SkuId, Value>,
}

/// A batch that gets cards in this transaction.
struct Filled {
    id: BatchId,
    /// How its numbers move when the import is settled.
    rows: i64,
    added: i64,
    duplicates: i64,
    /// Whether it was there before, so that rows and duplicates are counted by whoever made it.
    is_given: bool,
}

/// New cards at what they cost, to be posted.
struct Value {
    amount: Money,
    /// Named by a card that is in no other import.
    act: String,
}

/// Cards written in one statement.
const CHUNK: usize = 1_000;

/// The constraint that keeps a code from being in stock twice.
const HASH_KEY: &str = "card_hashes_tenant_id_hash_key";

impl<'t> Import<'t> {
    pub(crate) fn new(tx: &'t WriteTx<TenantScope>, keys: Arc<TenantKeys>, source: Source) -> Self {
        Self { tx, keys, source, batches: BTreeMap::new(), deltas: BTreeMap::new(), values: BTreeMap::new() }
    }

    /// Cards of `sku` go to a batch that is there and that the caller has locked.
    pub(crate) fn into_batch(mut self, sku: SkuId, id: BatchId) -> Self {
        self.batches.insert(sku, Filled { id, rows: 0, added: 0, duplicates: 0, is_given: true });
        self
    }

    /// Puts cards in stock; a code that this tenant has or had is left out and reported. Take SKUs in ascending order.
    /// The cards of a SKU become one batch.
    pub async fn add(&mut self, stock: impl Into<Stock>, cards: &[NewCard]) -> Result<ImportReport, InventoryError> {
        let stock = stock.into();
        // A SKU that was imported without a new card has a row of counts from then on.
        self.deltas.entry(stock.sku).or_default();
        let mut report = ImportReport::default();
        let mut seen: HashSet<Vec<u8>> = HashSet::new();
        for (place, chunk) in cards.chunks(CHUNK).enumerate() {
            let hashes: Vec<Vec<u8>> = chunk.iter().map(|card| self.keys.hash(&card.code)).collect();
            let mut new: Vec<(&NewCard, Vec<u8>)> = Vec::new();
            let mut places = Vec::new();
            for (index, (card, hash)) in chunk.iter().zip(hashes).enumerate() {
                if seen.insert(hash.clone()) {
                    new.push((card, hash));
                    places.push(place * CHUNK + index);
                } else {
                    report.duplicates.push(place * CHUNK + index);
                }
            }
            let known = self.add_hashed(&stock, new).await?;
            report.added += (places.len() - known.len()) as u64;
            report.duplicates.extend(known.into_iter().map(|index| places[index]));
        }
        report.duplicates.sort_unstable();
        if let Some(batch) = self.batches.get_mut(&stock.sku) {
            batch.rows += count(cards.len());
            batch.duplicates += count(report.duplicates.len());
        }
        Ok(report)
    }

    /// Puts cards with distinct hashes in stock; answers the places of those whose hash is known already.
    pub(crate) async fn add_hashed(
        &mut self,
        stock: &Stock,
        cards: Vec<(&NewCard, Vec<u8>)>,
    ) -> Result<Vec<usize>, InventoryError> {
        let mut known = Vec::new();
        let mut done = 0;
        let mut cards = cards.into_iter().peekable();
        while cards.peek().is_some() {
            let chunk: Vec<(&NewCard, Vec<u8>)> = cards.by_ref().take(CHUNK).collect();
            let length = chunk.len();
            let stored = repo::known_hashes_in(self.tx, chunk.iter().map(|(_, hash)| hash.clone())).await?;
            let mut new = Vec::with_capacity(length);
            for (index, (card, hash)) in chunk.into_iter().enumerate() {
                if stored.contains(&hash) {
                    known.push(done + index);
                } else {
                    new.push((card, hash));
                }
            }
            done += length;
            self.write(stock, new).await?;
        }
        Ok(known)
    }

    /// Posts what the new cards cost into `book`, as a debit of the stock.
    fn post(&self, book: &mut Book) -> Result<(), InventoryError> {
        for (sku, value) in &self.values {
            let entry = value_entry(*sku, &value.act, value.amount)?;
            book.post(entry.because(self.source.reason))?;
        }
        Ok(())
    }

    /// Writes what was posted in `book` and what the new cards cost, and moves all counts, in the house's order of
    /// locks: entries, head of the chain, card counts, balances.
    pub async fn write_in(self, book: &mut Book) -> Result<(), InventoryError> {
        let (tx, batch) = (self.tx, Uuid::now_v7());
        self.post(book)?;
        book.insert_in(tx, batch).await?;
        book.link_in(tx, batch).await?;
        self.settle().await?;
        Ok(book.settle_in(tx).await?)
    }

    /// Moves the counts of all SKUs that got cards, in ascending order, and those of the batches. Cards that have a
    /// value are settled by [`Import::write_in`].
    pub async fn settle(mut self) -> Result<(), InventoryError> {
        for sku in self.deltas.keys() {
            repo::open_count_in(self.tx, *sku).await?;
        }
        self.deltas.retain(|_, delta| *delta != CountDelta::default());
        repo::move_counts_in(self.tx, &self.deltas).await?;
        for batch in self.batches.values() {
            let rows = if batch.is_given { (0, 0) } else { (batch.rows, batch.duplicates) };
            repo::grow_batch_in(self.tx, batch.id, batch.added, rows).await?;
        }
        Ok(())
    }

    async fn write(&mut self, stock: &Stock, cards: Vec<(&NewCard, Vec<u8>)>) -> Result<(), InventoryError> {
        if cards.is_empty() {
            return Ok(());
        }
        let delta = self.deltas.entry(stock.sku).or_default();
        let added = count(cards.len());
        match stock.stocking {
            Stocking::Unique => delta.available += added,
            Stocking::Shared => delta.shared += added,
        }
        let batch = self.batch_of(stock).await?;
        let first = write_cards_in((self.tx, &self.keys), (stock, batch), cards).await?;
        if let Some(unit_cost) = stock.value_of_one() {
            let amount = unit_cost.times(u32::try_from(added).expect("a chunk is small"))?;
            let nothing = Value { amount: Money::zero(amount.currency()), act: format!("stocked:{first}") };
            let value = self.values.entry(stock.sku).or_insert(nothing);
            value.amount = value.amount.plus(amount)?;
        }
        let filled = self.batches.get_mut(&stock.sku).expect("it was found or made above");
        filled.added += added;
        Ok(())
    }

    async fn batch_of(&mut self, stock: &Stock) -> Result<BatchId, InventoryError> {
        if let Some(batch) = self.batches.get(&stock.sku) {
            return Ok(batch.id);
        }
        let id = BatchId::new();
        let row = new_batch(self.tx, id, stock, self.source.by);
        let row = card_batch::Model { state: BatchState::Done.word().to_owned(), ended_at: Some(self.tx.now()), ..row };
        self.tx.insert::<card_batch::Entity>([row]).await?;
        self.batches.insert(stock.sku, Filled { id, rows: 0, added: 0, duplicates: 0, is_given: false });
        Ok(id)
    }
}

/// The row of a batch that begins now.
pub(crate) fn new_batch(tx: &WriteTx<TenantScope>, id: BatchId, stock: &Stock, by: &str) -> card_batch::Model {
    let unit_cost = stock.value_of_one();
    card_batch::Model {
        tenant_id: tx.scope().tenant().uuid(),
        id: id.uuid(),
        sku_id: stock.sku.uuid(),
        file_name: stock.file_name.clone(),
        state: BatchState::Importing.word().to_owned(),
        row_count: 0,
        added: 0,
        duplicates: 0,
        faults: 0,
        voided: 0,
        unit_cost_minor: unit_cost.map(|cost| cost.minor()),
        currency: unit_cost.map(|cost| cost.currency().code().to_owned()),
        request_key: None,
        fingerprint: None,
        created_by: by.to_owned(),
        reason: None,
        created_at: tx.now(),
        ended_at: None,
        undone_at: None,
        undone_by: None,
        undo_reason: None,
    }
}

/// What moves `amount` of goods into the stock at cost; below zero, out of it. What we own is below zero: stock is
/// debited.
pub(crate) fn value_entry(sku: SkuId, act: &str, amount: Money) -> Result<Entry, InventoryError> {
    let currency = amount.currency();
    let taken = Money::zero(currency).minus(amount)?;
    let postings = [
        Posting { account: Account::own(AccountKind::StockAtCost, currency), amount: taken },
        Posting { account: Account::own(AccountKind::Opening, currency), amount },
    ];
    Ok(Entry::try_new(EntryKind::Adjustment, sku.uuid(), act, postings)?)
}

fn count(length: usize) -> i64 {
    i64::try_from(length).expect("an import is bounded by memory")
}

/// Writes one card at least; answers the id of the first.
async fn write_cards_in(
    (tx, keys): (&WriteTx<TenantScope>, &TenantKeys),
    (stock, batch): (&Stock, BatchId),
    cards: Vec<(&NewCard, Vec<u8>)>,
) -> Result<CardId, InventoryError> {
    let tenant_id = tx.scope().tenant().uuid();
    let cost_minor = stock.value_of_one().map_or(0, |cost| cost.minor());
    let state = match stock.stocking {
        Stocking::Unique => "available",
        Stocking::Shared => "shared",
    };
    let mut rows = Vec::with_capacity(cards.len());
    let mut hashes = Vec::with_capacity(cards.len());
    for (new, hash) in cards {
        let id = CardId::new().uuid();
        let sealed = keys.seal(stock.sku.uuid(), id, &new.code)?;
        rows.push(card::Model {
            tenant_id,
            id,
            sku_id: stock.sku.uuid(),
            state: state.to_owned(),
            sealed: sealed.bytes,
            key_version: sealed.key_version,
            expires_at: new.expires_at,
            order_id: None,
            line_no: None,
            imported_at: tx.now(),
            batch_id: batch.uuid(),
            cost_minor,
        });
        hashes.push(card_hash::Model { tenant_id, hash, card_id: id });
    }
    let first = CardId::from_uuid(rows[0].id);
    tx.insert::<card::Entity>(rows).await?;
    // Two imports of the same codes in another order would wait for each other.
    hashes.sort_by(|a, b| a.hash.cmp(&b.hash));
    // Looked for before, so a hash that is taken now was committed meanwhile: tried again, it is a duplicate.
    let inserted = tx.insert::<card_hash::Entity>(hashes).await;
    inserted.map_err(|error| if error.is_taken(HASH_KEY) { StoreError::Conflict } else { error })?;
    Ok(first)
}
