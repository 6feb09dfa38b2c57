//! Queries on the room's tables.

mod batch;

use std::collections::{BTreeMap, HashMap, HashSet};

use catalog::SkuId;
use chrono::{DateTime, Utc};
use kernel::TenantScope;
use sea_orm::{ColumnTrait, Condition};
use store::{Change, Claim, Rows, Sheaf, StoreError, Tx, WriteTx};
use uuid::Uuid;

use crate::model::{StockCount, Taking};
use crate::table::{card, card_count, card_hash};

pub(crate) use batch::*;

/// Codes of one SKU that take turns.
const SHARED_MAX: u64 = 1_000;

/// A free card, the moment from which it may not be sold, and what it was put in stock for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FreeCard {
    pub id: Uuid,
    pub expires_at: Option<DateTime<Utc>>,
    pub cost_minor: i64,
}

impl FreeCard {
    /// Whether it can still be sold at `moment`.
    pub fn lives_past(&self, moment: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|expires_at| expires_at > moment)
    }
}

/// A card taken by a line of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TakenCard {
    pub sku: SkuId,
    pub id: Uuid,
    pub order: Uuid,
    pub line: i32,
    pub taking: Taking,
}

/// How the counts of a SKU move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CountDelta {
    pub available: i64,
    pub held: i64,
    pub sold: i64,
    pub void: i64,
    pub shared: i64,
}

pub(crate) async fn counts_in(tx: &impl Tx, skus: &[SkuId]) -> Result<HashMap<SkuId, StockCount>, StoreError> {
    if skus.is_empty() {
        return Ok(HashMap::new());
    }
    let ids = skus.iter().map(|sku| sku.uuid());
    let rows = tx.find::<card_count::Entity>().among(card_count::Column::SkuId, ids).all().await?;
    let count = |row: card_count::Model| {
        let (available, held, sold) = (row.available, row.held, row.sold);
        let count = StockCount { available, held, sold, void: row.void, shared: row.shared };
        (SkuId::from_uuid(row.sku_id), count)
    };
    Ok(rows.into_iter().map(count).collect())
}

/// The next free cards of `sku` after `after` that can be sold until `until`, oldest first. Locked they are this transaction's: it waits for
/// others that are about to sell them, ascending, so what is left out is really sold.
pub(crate) async fn free_cards_in(
    tx: &WriteTx<TenantScope>,
    (sku, until): (SkuId, DateTime<Utc>),
    after: Uuid,
    limit: u64,
    is_locked: bool,
) -> Result<Vec<FreeCard>, StoreError> {
    let unexpired = Condition::any().add(card::Column::ExpiresAt.is_null()).add(card::Column::ExpiresAt.gt(until));
    let mut find = tx
        .find::<card::Entity>()
        .filter(card::Column::SkuId.eq(sku.uuid()))
        .filter(card::Column::Id.gt(after))
        .of_words(card::Column::State, &["available"])
        .filter(unexpired)
        .ascending(card::Column::Id)
        .limit(limit);
    if is_locked {
        find = find.locked();
    }
    let columns = [card::Column::Id, card::Column::ExpiresAt, card::Column::CostMinor];
    let rows: Vec<(Uuid, Option<DateTime<Utc>>, i64)> = find.columns(columns).await?;
    Ok(rows.into_iter().map(|(id, expires_at, cost_minor)| FreeCard { id, expires_at, cost_minor }).collect())
}

/// What each of these cards was put in stock for.
pub(crate) async fn costs_in(
    tx: &impl Tx,
    cards: impl IntoIterator<Item = Uuid>,
) -> Result<HashMap<Uuid, i64>, StoreError> {
    let find = tx.find::<card::Entity>().among(card::Column::Id, cards);
    let costs: Vec<(Uuid, i64)> = find.columns([card::Column::Id, card::Column::CostMinor]).await?;
    Ok(costs.into_iter().collect())
}

/// Gives free cards to orders, sold or held; answers those that were still free.
pub(crate) async fn take_in(tx: &WriteTx<TenantScope>, taken: &[TakenCard]) -> Result<Vec<Uuid>, StoreError> {
    tx.claim::<card::Entity>(taken_rows(taken), those("available")).await
}

/// The same in a sheaf, which falls short if one was not free.
pub(crate) fn take_into(sheaf: &mut Sheaf<TenantScope>, taken: &[TakenCard]) {
    sheaf.claim::<card::Entity>(taken_rows(taken), those("available"));
}

fn taken_rows(taken: &[TakenCard]) -> Rows<card::Entity> {
    let columns = [card::Column::Id, card::Column::State, card::Column::OrderId, card::Column::LineNo];
    let mut rows = Rows::of_columns(&columns);
    for card in taken {
        rows.push([card.id.into(), card.taking.state().into(), card.order.into(), card.line.into()]);
    }
    rows
}

/// Makes held cards sold to the order that holds them; answers those that were still held.
pub(crate) async fn sell_held_in(tx: &WriteTx<TenantScope>, cards: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    let mut rows = Rows::of_columns(&[card::Column::Id, card::Column::State]);
    for id in cards {
        rows.push([(*id).into(), Taking::Sell.state().into()]);
    }
    tx.claim::<card::Entity>(rows, those(Taking::Hold.state())).await
}

/// Makes held cards free again; answers those that were still held.
pub(crate) async fn release_in(tx: &WriteTx<TenantScope>, cards: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    let columns = [card::Column::Id, card::Column::State, card::Column::OrderId, card::Column::LineNo];
    let mut rows = Rows::of_columns(&columns);
    for id in cards {
        rows.push([(*id).into(), "available".into(), None::<Uuid>.into(), None::<i32>.into()]);
    }
    tx.claim::<card::Entity>(rows, those(Taking::Hold.state())).await
}

/// Makes sold cards void; they go on naming the order that had them. Answers those that were still sold.
pub(crate) async fn void_sold_in(tx: &WriteTx<TenantScope>, cards: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    let mut rows = Rows::of_columns(&[card::Column::Id, card::Column::State]);
    for id in cards {
        rows.push([(*id).into(), "void".into()]);
    }
    tx.claim::<card::Entity>(rows, those(Taking::Sell.state())).await
}

fn those(state: &str) -> Claim<card::Entity> {
    Claim { key: card::Column::Id, column: card::Column::State, free: state.into() }
}

/// Moves counts, locked in ascending order.
pub(crate) async fn move_counts_in(
    tx: &WriteTx<TenantScope>,
    deltas: &BTreeMap<SkuId, CountDelta>,
) -> Result<(), StoreError> {
    let mut sheaf = tx.sheaf();
    move_counts(&mut sheaf, deltas);
    assert!(tx.send(sheaf).await?, "every SKU with cards has a count");
    Ok(())
}

/// The same in a sheaf.
pub(crate) fn move_counts(sheaf: &mut Sheaf<TenantScope>, deltas: &BTreeMap<SkuId, CountDelta>) {
    use card_count::Column::{Available, Held, Shared, SkuId as Sku, Sold, Void};
    let mut rows = Rows::of_columns(&[Sku, Available, Held, Sold, Void, Shared]);
    for (sku, delta) in deltas {
        let CountDelta { available, held, sold, void, shared } = *delta;
        rows.push([sku.uuid().into(), available.into(), held.into(), sold.into(), void.into(), shared.into()]);
    }
    sheaf.update_rows::<card_count::Entity>(rows, &[card_count::Column::SkuId], Change::Add);
}

/// Makes sure that `sku` has a row of counts.
pub(crate) async fn open_count_in(tx: &WriteTx<TenantScope>, sku: SkuId) -> Result<(), StoreError> {
    let tenant_id = tx.scope().id().uuid();
    let nothing =
        card_count::Model { tenant_id, sku_id: sku.uuid(), available: 0, held: 0, sold: 0, void: 0, shared: 0 };
    let rows = Rows::of([nothing]);
    tx.insert_new::<card_count::Entity, Uuid>(rows, card_count::Column::SkuId).await?;
    Ok(())
}

/// Which of `hashes` are known already.
pub(crate) async fn known_hashes_in(
    tx: &impl Tx,
    hashes: impl Iterator<Item = Vec<u8>>,
) -> Result<HashSet<Vec<u8>>, StoreError> {
    let known = tx.find::<card_hash::Entity>().among(card_hash::Column::Hash, hashes);
    let known: Vec<(Vec<u8>,)> = known.columns([card_hash::Column::Hash]).await?;
    Ok(known.into_iter().map(|(hash,)| hash).collect())
}

/// The ids of a SKU's shared cards that can be given away until `until`, oldest first.
pub(crate) async fn shared_cards_in(tx: &impl Tx, sku: SkuId, until: DateTime<Utc>) -> Result<Vec<Uuid>, StoreError> {
    let unexpired = Condition::any().add(card::Column::ExpiresAt.is_null()).add(card::Column::ExpiresAt.gt(until));
    let find = tx.find::<card::Entity>().filter(card::Column::SkuId.eq(sku.uuid()));
    let find = find.of_words(card::Column::State, &["shared"]).filter(unexpired);
    let found: Vec<(Uuid,)> = find.ascending(card::Column::Id).limit(SHARED_MAX).columns([card::Column::Id]).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Shared cards, by their ids; one that was taken out since still opens for those who bought it.
pub(crate) async fn shared_of_in(tx: &impl Tx, ids: &[Uuid]) -> Result<Vec<card::Model>, StoreError> {
    tx.find::<card::Entity>()
        .among(card::Column::Id, ids.iter().copied())
        .filter(card::Column::State.is_in(["shared", "void"]))
        .all()
        .await
}

/// The cards of an order's line.
pub(crate) async fn cards_of_in(tx: &impl Tx, order: Uuid, ids: &[Uuid]) -> Result<Vec<card::Model>, StoreError> {
    tx.find::<card::Entity>()
        .among(card::Column::Id, ids.iter().copied())
        .filter(card::Column::OrderId.eq(order))
        .filter(card::Column::State.eq("sold"))
        .all()
        .await
}
