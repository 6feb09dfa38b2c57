//! Use cases of the stock room.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use catalog::{GoodsKind, SkuId};
use kernel::{Secret, TenantScope};
use store::{Inside, StoreError, Tx, WriteTx};
use uuid::Uuid;

use crate::error::InventoryError;
use crate::keyring::{KeyRing, Sealed, TenantKeys};
use crate::model::{CardCode, CardId, ImportReport, NewCard, StockCount, Stocking};
use crate::repo::{self, CountDelta};
use crate::table::{card, card_hash};

/// The stock of card codes. Clones share the keys.
#[derive(Clone)]
pub struct Inventory {
    keys: KeyRing,
}

/// An import inside one transaction: cards are added SKU by SKU, the counts move when it is settled. Dropped without
/// that, the counts would be wrong.
#[must_use = "the counts move only when the import is settled"]
pub struct Import<'t> {
    tx: &'t WriteTx<TenantScope>,
    /// Asked for once: keys made in this transaction must not be kept anywhere before it is committed.
    keys: Arc<TenantKeys>,
    added: BTreeMap<SkuId, CountDelta>,
}

/// Cards written in one statement.
const CHUNK: usize = 1_000;

/// The constraint that keeps a code from being in stock twice.
const HASH_KEY: &str = "card_hashes_tenant_id_hash_key";

impl Inventory {
    /// A stock room whose codes `keys` open.
    pub const fn new(keys: KeyRing) -> Self {
        Self { keys }
    }

    /// The keys.
    pub const fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// How many cards of each SKU there are; a SKU without cards is left out.
    pub async fn counts_in(&self, tx: &impl Tx, skus: &[SkuId]) -> Result<HashMap<SkuId, StockCount>, InventoryError> {
        Ok(repo::counts_in(tx, skus).await?)
    }

    /// How many a buyer can have of each SKU of this kind: the one place for pages to ask. `u32::MAX` says that there
    /// is no end of it.
    pub async fn left_in(
        &self,
        tx: &impl Tx,
        skus: &[(SkuId, GoodsKind)],
    ) -> Result<HashMap<SkuId, u32>, InventoryError> {
        let counted: Vec<SkuId> = skus.iter().filter(|(_, kind)| kind.is_counted()).map(|(sku, _)| *sku).collect();
        let counts = repo::counts_in(tx, &counted).await?;
        let left = |sku: &SkuId| counts.get(sku).map_or(0, StockCount::left);
        Ok(skus.iter().map(|(sku, kind)| (*sku, if kind.is_counted() { left(sku) } else { u32::MAX })).collect())
    }

    /// Puts cards in stock; a code that this tenant ever had is left out and reported. Locks the SKU's count:
    /// call it before anything that locks balances.
    pub async fn import_in(
        &self,
        tx: &WriteTx<TenantScope>,
        sku: SkuId,
        cards: &[NewCard],
    ) -> Result<ImportReport, InventoryError> {
        let mut import = self.begin_import_in(tx).await?;
        let report = import.add((sku, Stocking::Unique), cards).await?;
        import.settle().await?;
        Ok(report)
    }

    /// Begins an import of several SKUs whose counts move later, where the lock order has their place.
    pub async fn begin_import_in<'t>(&self, tx: &'t WriteTx<TenantScope>) -> Result<Import<'t>, InventoryError> {
        let keys = self.keys.keys_or_make_in(tx).await?;
        Ok(Import { tx, keys, added: BTreeMap::new() })
    }

    /// Opens the codes of an order's cards, in the order of their ids. The caller logs that they were shown.
    pub async fn reveal_in(
        &self,
        tx: &impl Tx,
        order: Uuid,
        cards: &[CardId],
    ) -> Result<Vec<CardCode>, InventoryError> {
        let ids: Vec<Uuid> = cards.iter().map(|card| card.uuid()).collect();
        let rows = repo::cards_of_in(tx, order, &ids).await?;
        if rows.len() != ids.len() {
            return Err(InventoryError::Sealed);
        }
        let keys = self.keys.keys_in(tx, rows.iter().map(|row| row.key_version)).await?;
        rows.into_iter().map(|row| opened(&keys, row)).collect()
    }

    /// Opens shared codes, one for each of `cards`, which may name one several times. The caller has seen that the order
    /// got them, and logs that they were shown.
    pub async fn reveal_shared_in(&self, tx: &impl Tx, cards: &[CardId]) -> Result<Vec<CardCode>, InventoryError> {
        let ids: Vec<Uuid> = cards.iter().map(|card| card.uuid()).collect();
        let rows = repo::shared_of_in(tx, &ids).await?;
        let keys = self.keys.keys_in(tx, rows.iter().map(|row| row.key_version)).await?;
        let rows: HashMap<Uuid, card::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
        let open = |id: &Uuid| opened(&keys, rows.get(id).cloned().ok_or(InventoryError::Sealed)?);
        ids.iter().map(open).collect()
    }

    /// Seals a secret of another room with the tenant's newest key, made if it has none; answers the bytes and the
    /// key's version. It opens only for the same tenant, purpose and row.
    pub async fn seal_secret_in(
        &self,
        tx: &WriteTx<TenantScope>,
        purpose: &str,
        row: Uuid,
        secret: &Secret<String>,
    ) -> Result<(Vec<u8>, i32), InventoryError> {
        let keys = self.keys.keys_or_make_in(tx).await?;
        let sealed = keys.seal_secret(purpose, row, secret.expose())?;
        Ok((sealed.bytes, sealed.key_version))
    }

    /// Opens what [`Inventory::seal_secret_in`] made. Not in the transaction that sealed it: see [`KeyRing`].
    pub async fn open_secret_in(
        &self,
        tx: &impl Tx,
        purpose: &str,
        row: Uuid,
        (bytes, key_version): (Vec<u8>, i32),
    ) -> Result<Secret<String>, InventoryError> {
        let keys = self.keys.keys_in(tx, std::iter::once(key_version)).await?;
        keys.open_secret(purpose, row, &Sealed { bytes, key_version })
    }
}

fn opened(keys: &TenantKeys, row: card::Model) -> Result<CardCode, InventoryError> {
    let sealed = Sealed { bytes: row.sealed, key_version: row.key_version };
    keys.open(row.sku_id, row.id, &sealed)
}

impl Import<'_> {
    /// Puts cards in stock; a code that this tenant ever had is left out and reported. Take SKUs in ascending order.
    pub async fn add(
        &mut self,
        (sku, stocking): (SkuId, Stocking),
        cards: &[NewCard],
    ) -> Result<ImportReport, InventoryError> {
        let mut report = ImportReport::default();
        let mut seen: HashSet<Vec<u8>> = HashSet::new();
        for (place, chunk) in cards.chunks(CHUNK).enumerate() {
            let hashes: Vec<Vec<u8>> = chunk.iter().map(|card| self.keys.hash(&card.code)).collect();
            let known = repo::known_hashes_in(self.tx, &hashes).await?;
            let mut new = Vec::new();
            for (index, (card, hash)) in chunk.iter().zip(hashes).enumerate() {
                if known.contains(&hash) || !seen.insert(hash.clone()) {
                    report.duplicates.push(place * CHUNK + index);
                } else {
                    new.push((card, hash));
                }
            }
            report.added += new.len() as u64;
            write_cards_in(self.tx, &self.keys, (sku, stocking), new).await?;
        }
        let added = i64::try_from(report.added).expect("an import is bounded by memory");
        let delta = self.added.entry(sku).or_default();
        match stocking {
            Stocking::Unique => delta.available += added,
            Stocking::Shared => delta.shared += added,
        }
        Ok(report)
    }

    /// Moves the counts of all SKUs that got cards, in ascending order.
    pub async fn settle(mut self) -> Result<(), InventoryError> {
        for sku in self.added.keys() {
            repo::open_count_in(self.tx, *sku).await?;
        }
        self.added.retain(|_, delta| *delta != CountDelta::default());
        Ok(repo::move_counts_in(self.tx, &self.added).await?)
    }
}

async fn write_cards_in(
    tx: &WriteTx<TenantScope>,
    keys: &TenantKeys,
    (sku, stocking): (SkuId, Stocking),
    cards: Vec<(&NewCard, Vec<u8>)>,
) -> Result<(), InventoryError> {
    let tenant_id = tx.scope().tenant().uuid();
    let mut rows = Vec::with_capacity(cards.len());
    let mut hashes = Vec::with_capacity(cards.len());
    for (new, hash) in cards {
        let id = CardId::new().uuid();
        let sealed = keys.seal(sku.uuid(), id, &new.code)?;
        rows.push(card::Model {
            tenant_id,
            id,
            sku_id: sku.uuid(),
            state: match stocking {
                Stocking::Unique => "available".to_owned(),
                Stocking::Shared => "shared".to_owned(),
            },
            sealed: sealed.bytes,
            key_version: sealed.key_version,
            expires_at: new.expires_at,
            order_id: None,
            line_no: None,
            imported_at: tx.now(),
        });
        hashes.push(card_hash::Model { tenant_id, hash, card_id: id });
    }
    if rows.is_empty() {
        return Ok(());
    }
    tx.insert::<card::Entity>(rows).await?;
    // Looked for before, so a hash that is taken now was committed meanwhile: tried again, it is a duplicate.
    let inserted = tx.insert::<card_hash::Entity>(hashes).await;
    inserted.map_err(|error| if error.is_taken(HASH_KEY) { StoreError::Conflict } else { error })?;
    Ok(())
}
