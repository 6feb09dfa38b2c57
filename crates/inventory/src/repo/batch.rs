//! Queries on batches, their cards, and the log of exports.

use std::collections::HashSet;

use catalog::SkuId;
use kernel::TenantScope;
use sea_orm::ColumnTrait;
use store::{Change, Rows, StoreError, Tx, WriteTx};
use uuid::Uuid;

use crate::batch::{BatchId, BatchState, CardState};
use crate::table::card_batch::Column;
use crate::table::{card, card_batch, card_export, card_hash};

/// What a batch came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    pub rows: u64,
    pub duplicates: u64,
    pub faults: u64,
}

/// Writes a batch unless its request key is taken; answers whether it was written.
pub(crate) async fn insert_batch_in(tx: &WriteTx<TenantScope>, row: card_batch::Model) -> Result<bool, StoreError> {
    let new: Vec<Uuid> = tx.insert_new(Rows::<card_batch::Entity>::of([row]), Column::Id).await?;
    Ok(!new.is_empty())
}

pub(crate) async fn batch_in(tx: &impl Tx, id: BatchId) -> Result<Option<card_batch::Model>, StoreError> {
    tx.find::<card_batch::Entity>().filter(Column::Id.eq(id.uuid())).one().await
}

/// The batch, and nobody else's until the transaction ends.
pub(crate) async fn batch_to_change(
    tx: &WriteTx<TenantScope>,
    id: BatchId,
) -> Result<Option<card_batch::Model>, StoreError> {
    tx.find::<card_batch::Entity>().filter(Column::Id.eq(id.uuid())).locked().one().await
}

pub(crate) async fn batch_of_key_in(tx: &impl Tx, key: &str) -> Result<Option<card_batch::Model>, StoreError> {
    tx.find::<card_batch::Entity>().filter(Column::RequestKey.eq(key)).one().await
}

/// Batches, the newest first, of one SKU or all, older than `before`.
pub(crate) async fn batches_in(
    tx: &impl Tx,
    sku: Option<SkuId>,
    before: Option<BatchId>,
    limit: u64,
) -> Result<Vec<card_batch::Model>, StoreError> {
    let mut find = tx.find::<card_batch::Entity>();
    if let Some(sku) = sku {
        find = find.filter(Column::SkuId.eq(sku.uuid()));
    }
    if let Some(before) = before {
        find = find.filter(Column::Id.lt(before.uuid()));
    }
    find.descending(Column::Id).limit(limit).all().await
}

/// Adds to what the batch has: cards, and (rows, duplicates).
pub(crate) async fn grow_batch_in(
    tx: &WriteTx<TenantScope>,
    id: BatchId,
    added: i64,
    (rows, duplicates): (i64, i64),
) -> Result<(), StoreError> {
    let update = tx.update::<card_batch::Entity>().filter(Column::Id.eq(id.uuid()));
    let update = update.add(Column::Added, added).add(Column::RowCount, rows).add(Column::Duplicates, duplicates);
    update.run().await?;
    Ok(())
}

/// The file was read to its end.
pub(crate) async fn end_batch_in(tx: &WriteTx<TenantScope>, id: BatchId, totals: Totals) -> Result<(), StoreError> {
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let update = tx.update::<card_batch::Entity>().filter(Column::Id.eq(id.uuid()));
    let update = update
        .set(Column::State, BatchState::Done.word())
        .set(Column::RowCount, count(totals.rows))
        .set(Column::Duplicates, count(totals.duplicates))
        .set(Column::Faults, count(totals.faults))
        .set(Column::EndedAt, Some(tx.now()));
    update.run().await?;
    Ok(())
}

/// The batch is being undone.
pub(crate) async fn begin_undo_in(
    tx: &WriteTx<TenantScope>,
    id: BatchId,
    (by, reason): (&str, Option<&str>),
) -> Result<(), StoreError> {
    let update = tx.update::<card_batch::Entity>().filter(Column::Id.eq(id.uuid()));
    let update = update
        .set(Column::State, BatchState::Undoing.word())
        .set(Column::UndoneAt, Some(tx.now()))
        .set(Column::UndoneBy, Some(by.to_owned()))
        .set(Column::UndoReason, reason.map(str::to_owned));
    update.run().await?;
    Ok(())
}

/// Counts cards that were taken out; the last ones undo the batch.
pub(crate) async fn void_batch_in(
    tx: &WriteTx<TenantScope>,
    id: BatchId,
    (voided, is_last): (i64, bool),
) -> Result<(), StoreError> {
    let mut update = tx.update::<card_batch::Entity>().filter(Column::Id.eq(id.uuid())).add(Column::Voided, voided);
    if is_last {
        update = update.set(Column::State, BatchState::Undone.word());
    }
    update.run().await?;
    Ok(())
}

/// Which of these hashes are those of the batch's own cards.
pub(crate) async fn own_hashes_in(
    tx: &impl Tx,
    batch: BatchId,
    hashes: Vec<Vec<u8>>,
) -> Result<HashSet<Vec<u8>>, StoreError> {
    let found = tx.find::<card_hash::Entity>().among(card_hash::Column::Hash, hashes);
    let found: Vec<(Vec<u8>, Uuid)> = found.columns([card_hash::Column::Hash, card_hash::Column::CardId]).await?;
    let own = tx.find::<card::Entity>().among(card::Column::Id, found.iter().map(|(_, card)| *card));
    let own: Vec<(Uuid,)> = own.filter(card::Column::BatchId.eq(batch.uuid())).columns([card::Column::Id]).await?;
    let own: HashSet<Uuid> = own.into_iter().map(|(card,)| card).collect();
    Ok(found.into_iter().filter(|(_, card)| own.contains(card)).map(|(hash, _)| hash).collect())
}

/// The next cards of the batch that nobody has, locked, oldest first. Waits for those who are about to sell them.
pub(crate) async fn free_of_batch_in(
    tx: &WriteTx<TenantScope>,
    (sku, batch): (SkuId, BatchId),
    after: Uuid,
    limit: u64,
) -> Result<Vec<card::Model>, StoreError> {
    tx.find::<card::Entity>()
        .filter(card::Column::SkuId.eq(sku.uuid()))
        .filter(card::Column::Id.gt(after))
        .filter(card::Column::BatchId.eq(batch.uuid()))
        .filter(card::Column::State.is_in([CardState::Available.word(), CardState::Shared.word()]))
        .ascending(card::Column::Id)
        .limit(limit)
        .locked()
        .all()
        .await
}

/// Takes locked cards out, and forgets their codes, so that they may come again.
pub(crate) async fn void_in(
    tx: &WriteTx<TenantScope>,
    cards: &[card::Model],
    hashes: Vec<Vec<u8>>,
) -> Result<(), StoreError> {
    let mut rows = Rows::of_columns(&[card::Column::Id, card::Column::State]);
    for card in cards {
        rows.push([card.id.into(), CardState::Void.word().into()]);
    }
    tx.update_rows::<card::Entity>(rows, &[card::Column::Id], Change::Set).await?;
    tx.delete::<card_hash::Entity>().among(card_hash::Column::Hash, hashes).run().await?;
    Ok(())
}

/// How many cards of the batch are in which state.
pub(crate) async fn states_of_batch_in(
    tx: &impl Tx,
    (sku, batch): (SkuId, BatchId),
) -> Result<Vec<(String, i64)>, StoreError> {
    tx.find::<card::Entity>()
        .filter(card::Column::BatchId.eq(batch.uuid()))
        .filter(card::Column::SkuId.eq(sku.uuid()))
        .count_by(card::Column::State)
        .await
}

/// The ids of a SKU's cards, in one state or any, oldest first.
pub(crate) async fn cards_of_sku_in(
    tx: &impl Tx,
    sku: SkuId,
    state: Option<CardState>,
    limit: u64,
) -> Result<Vec<Uuid>, StoreError> {
    let mut find = tx.find::<card::Entity>().filter(card::Column::SkuId.eq(sku.uuid()));
    if let Some(state @ (CardState::Available | CardState::Shared)) = state {
        find = find.of_words(card::Column::State, &[state.word()]);
    } else {
        // The others are found by their batches: there is no index on them, so that selling is cheap.
        let batches = tx.find::<card_batch::Entity>().filter(Column::SkuId.eq(sku.uuid()));
        let batches: Vec<(Uuid,)> = batches.columns([Column::Id]).await?;
        find = find.among(card::Column::BatchId, batches.into_iter().map(|(id,)| id));
        if let Some(state) = state {
            find = find.filter(card::Column::State.eq(state.word()));
        }
    }
    let ids: Vec<(Uuid,)> = find.ascending(card::Column::Id).limit(limit).columns([card::Column::Id]).await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

/// Cards by their ids, oldest first.
pub(crate) async fn cards_in(tx: &impl Tx, ids: &[Uuid]) -> Result<Vec<card::Model>, StoreError> {
    let find = tx.find::<card::Entity>().among(card::Column::Id, ids.iter().copied());
    find.ascending(card::Column::Id).all().await
}

/// Notes that codes are about to be carried away.
pub(crate) async fn log_export_in(tx: &WriteTx<TenantScope>, row: card_export::Model) -> Result<(), StoreError> {
    tx.insert::<card_export::Entity>([row]).await
}
