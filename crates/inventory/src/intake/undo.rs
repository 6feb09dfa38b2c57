//! Taking a batch back: what is free goes, what somebody has stays.

use catalog::SkuId;
use kernel::{Currency, Money, TenantScope};
use lane::CommandKey;
use ledger::Book;
use serde::Serialize;
use store::{Tx, WriteTx};
use uuid::Uuid;

use crate::batch::{self, Batch, BatchId, BatchState, CardState};
use crate::error::InventoryError;
use crate::import::value_entry;
use crate::keyring::Sealed;
use crate::repo::{self, CountDelta};
use crate::table::card;

use super::{ATTEMPTS_MAX, CHUNK, Intake, checked};

/// Whose undoing it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoOf {
    /// Who undoes.
    pub by: String,
    /// Why, in his words.
    pub reason: Option<String>,
    /// The caller's key: the same key is the same undoing.
    pub key: Option<String>,
}

/// What undoing a batch did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undone {
    /// The batch, as it is now.
    pub batch: Batch,
    /// Cards that were free and are taken out.
    pub voided: u64,
    /// Cards that wait for an order's money, and stay.
    pub held: u64,
    /// Cards that were delivered, and stay so.
    pub sold: u64,
    /// Whether this was answered before, under the same key.
    pub is_replay: bool,
}

/// What one transaction of it did.
struct Step {
    last: Option<Uuid>,
    sku: SkuId,
}

impl UndoOf {
    fn command_key(&self) -> Option<CommandKey> {
        self.key.as_ref().map(|key| CommandKey::request("undo", key))
    }

    fn fingerprint(&self, batch: BatchId) -> Vec<u8> {
        format!("{batch}:{}", self.reason.as_deref().unwrap_or_default()).into_bytes()
    }
}

impl Intake {
    /// Takes the batch's free cards out of stock and gives their value back; their codes may come again. One whose
    /// undoing or import was cut off is undone to its end, and cards that an order held then and that are free now are
    /// taken out by undoing it again; with nothing left to take out it is `BatchUndone`.
    pub async fn undo(&self, scope: &TenantScope, id: BatchId, of: &UndoOf) -> Result<Undone, InventoryError> {
        checked("the undoer", Some(&of.by))?;
        checked("the reason", of.reason.as_deref())?;
        checked("the key", of.key.as_deref())?;
        if let Some(done) = self.undone_before(scope, (id, of)).await? {
            return Ok(done);
        }
        let mut after = Uuid::nil();
        loop {
            let step = match self.undo_chunk(scope, (id, of), after).await {
                // The same request may have overtaken this one.
                Err(error @ (InventoryError::BatchUndone { .. } | InventoryError::KeyReused)) => {
                    return self.undone_before(scope, (id, of)).await?.ok_or(error);
                }
                step => step?,
            };
            self.shelf.restocked(scope, &[step.sku]);
            match step.last {
                Some(last) => after = last,
                None => break,
            }
        }
        let (batch, count) = self.batch(scope, id).await?;
        tracing::info!(
            tenant.id = %scope.id(), batch.id = %id, batch.voided = batch.voided,
            "undid the batch {id}: {} cards are taken out", batch.voided
        );
        let stays = |cards: i64| cards.unsigned_abs();
        let (held, sold) = (stays(count.held), stays(count.sold));
        Ok(Undone { voided: batch.voided, held, sold, batch, is_replay: false })
    }

    /// What was answered under the caller's key, with the batch as it is now.
    async fn undone_before(
        &self,
        scope: &TenantScope,
        (id, of): (BatchId, &UndoOf),
    ) -> Result<Option<Undone>, InventoryError> {
        let Some(key) = of.command_key() else { return Ok(None) };
        let tx = self.store.read(scope).await?;
        let Some((fingerprint, answer)) = lane::kept_in(&tx, &key).await? else { return Ok(None) };
        if fingerprint != of.fingerprint(id) {
            return Err(InventoryError::KeyReused);
        }
        let counts: Vec<u64> = answer.split(' ').filter_map(|count| count.parse().ok()).collect();
        let [voided, held, sold] = counts[..] else { return Err(InventoryError::Stored { what: "an undoing" }) };
        let row = repo::batch_in(&tx, id).await?.ok_or(InventoryError::UnknownBatch { batch: id })?;
        Ok(Some(Undone { batch: batch::read(row)?, voided, held, sold, is_replay: true }))
    }

    /// Keeps the answer under the caller's key, with the last cards that go.
    async fn keep_in(&self, tx: &WriteTx<TenantScope>, (id, of): (BatchId, &UndoOf)) -> Result<(), InventoryError> {
        let Some(key) = of.command_key() else { return Ok(()) };
        let row = repo::batch_in(tx, id).await?.ok_or(InventoryError::UnknownBatch { batch: id })?;
        let batch = batch::read(row)?;
        let count = self.states_in(tx, &batch).await?;
        let answer = format!("{} {} {}", batch.voided, count.held.unsigned_abs(), count.sold.unsigned_abs());
        // Another request came under the key while this one worked: its last cards stay, and another key ends the work.
        if lane::keep_in(tx, &key, (of.fingerprint(id), answer)).await? {
            Ok(())
        } else {
            Err(InventoryError::KeyReused)
        }
    }

    async fn undo_chunk(
        &self,
        scope: &TenantScope,
        (id, of): (BatchId, &UndoOf),
        after: Uuid,
    ) -> Result<Step, InventoryError> {
        let mut attempt = 1;
        loop {
            match self.undo_once(scope, (id, of), after).await {
                Err(error) if error.is_transient() && attempt < ATTEMPTS_MAX => attempt += 1,
                step => return step,
            }
        }
    }

    /// One transaction, in the house's order of locks: the batch, cards, entries, head of the chain, counts, balances.
    async fn undo_once(
        &self,
        scope: &TenantScope,
        (id, of): (BatchId, &UndoOf),
        after: Uuid,
    ) -> Result<Step, InventoryError> {
        let tx = self.store.write(scope).await?;
        let row = repo::batch_to_change(&tx, id).await?.ok_or(InventoryError::UnknownBatch { batch: id })?;
        let (sku, currency) = (SkuId::from_uuid(row.sku_id), batch::unit_cost(&row)?.map(|cost| cost.currency()));
        let state = batch::read(row)?.state;
        if matches!(state, BatchState::Importing | BatchState::Done) {
            repo::begin_undo_in(&tx, id, (&of.by, of.reason.as_deref())).await?;
        }
        let free = repo::free_of_batch_in(&tx, (sku, id), after, CHUNK as u64).await?;
        // What an order held at the time is free again when nobody paid: it can be taken out then.
        if state == BatchState::Undone && free.is_empty() && after.is_nil() {
            return Err(InventoryError::BatchUndone { batch: id });
        }
        let is_last = free.len() < CHUNK;
        self.void_in(&tx, sku, currency, &free).await?;
        repo::void_batch_in(&tx, id, (i64::try_from(free.len()).expect("a chunk is small"), is_last)).await?;
        if is_last {
            self.keep_in(&tx, (id, of)).await?;
        }
        let last = free.last().map(|card| card.id).filter(|_| !is_last);
        tx.commit().await?;
        Ok(Step { last, sku })
    }

    async fn void_in(
        &self,
        tx: &WriteTx<TenantScope>,
        sku: SkuId,
        currency: Option<Currency>,
        free: &[card::Model],
    ) -> Result<(), InventoryError> {
        let Some(first) = free.first() else { return Ok(()) };
        let keys = self.inventory.keys().keys_in(tx, free.iter().map(|card| card.key_version)).await?;
        let mut hashes = Vec::with_capacity(free.len());
        for card in free {
            let sealed = Sealed { bytes: card.sealed.clone(), key_version: card.key_version };
            hashes.push(keys.hash(&keys.open(card.sku_id, card.id, &sealed)?));
        }
        repo::void_in(tx, free, hashes).await?;
        let mut book = Book::new(tx.scope().id());
        let is_available = |card: &&card::Model| card.state == CardState::Available.word();
        let available = free.iter().filter(is_available).count();
        if let Some(currency) = currency {
            let of_one = |card: &card::Model| Money::new(-card.cost_minor, currency);
            let mut costs = free.iter().filter(is_available).map(of_one);
            let value = costs.try_fold(Money::zero(currency), |sum, cost| sum.plus(cost))?;
            if value.minor() != 0 {
                let entry = value_entry(sku, &format!("withdrawn:{}", first.id), value)?;
                book.post(entry.because("withdrawn cards at cost"))?;
            }
        }
        let count = |cards: usize| i64::try_from(cards).expect("a chunk is small");
        let (available, all) = (count(available), count(free.len()));
        let delta = CountDelta { available: -available, shared: available - all, void: all, ..CountDelta::default() };
        let batch = Uuid::now_v7();
        book.insert_in(tx, batch).await?;
        book.link_in(tx, batch).await?;
        repo::move_counts_in(tx, &[(sku, delta)].into()).await?;
        Ok(book.settle_in(tx).await?)
    }
}
