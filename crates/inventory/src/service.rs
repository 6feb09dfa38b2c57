//! Use cases of the stock room.

use std::collections::HashMap;

use catalog::SkuId;
use kernel::{Secret, TenantScope};
use ledger::Book;
use store::{Tx, WriteTx};
use uuid::Uuid;

use crate::batch::Stock;
use crate::error::InventoryError;
use crate::import::{Import, Source};
use crate::keyring::{KeyRing, Sealed, TenantKeys};
use crate::model::{CardCode, CardId, ImportReport, NewCard, StockCount};
use crate::repo;
use crate::table::card;

/// The stock of card codes. Clones share the keys.
#[derive(Clone)]
pub struct Inventory {
    keys: KeyRing,
}

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

    /// Puts cards in stock and posts what they cost; a code that this tenant has or had is left out and reported. Locks
    /// the SKU's count and balances: call it before anything else that locks balances.
    pub async fn import_in(
        &self,
        tx: &WriteTx<TenantScope>,
        stock: impl Into<Stock>,
        cards: &[NewCard],
    ) -> Result<ImportReport, InventoryError> {
        let mut import = self.begin_import_in(tx).await?;
        let report = import.add(stock, cards).await?;
        import.write_in(&mut Book::new(tx.scope().id())).await?;
        Ok(report)
    }

    /// Begins an import of several SKUs whose counts move later, where the lock order has their place.
    pub async fn begin_import_in<'t>(&self, tx: &'t WriteTx<TenantScope>) -> Result<Import<'t>, InventoryError> {
        self.begin_import_of_in(tx, Source::default()).await
    }

    /// The same, for cards that come from somewhere.
    pub async fn begin_import_of_in<'t>(
        &self,
        tx: &'t WriteTx<TenantScope>,
        source: Source,
    ) -> Result<Import<'t>, InventoryError> {
        Ok(Import::new(tx, self.keys.keys_or_make_in(tx).await?, source))
    }

    /// Opens the codes of an order's cards, one for each of `cards` in their order. The caller logs that they were shown.
    pub async fn reveal_in(
        &self,
        tx: &impl Tx,
        order: Uuid,
        cards: &[CardId],
    ) -> Result<Vec<CardCode>, InventoryError> {
        let ids: Vec<Uuid> = cards.iter().map(|card| card.uuid()).collect();
        let rows = repo::cards_of_in(tx, order, &ids).await?;
        let keys = self.keys.keys_in(tx, rows.iter().map(|row| row.key_version)).await?;
        // A card that was replaced has its successor in its place, whatever their ids are.
        let mut rows: HashMap<Uuid, card::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
        let mut open = |id: &Uuid| opened(&keys, rows.remove(id).ok_or(InventoryError::Sealed)?);
        ids.iter().map(&mut open).collect()
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

/// A secret of another room, sealed, with the keyed hash that finds it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Opens only for its tenant, purpose and row.
    pub bytes: Vec<u8>,
    /// The version of the key that it is sealed with.
    pub key_version: i32,
    /// Two equal secrets of a tenant and purpose have the same one.
    pub hash: Vec<u8>,
}

impl Inventory {
    /// Seals many secrets of another room, each for its row.
    pub async fn seal_secrets_in(
        &self,
        tx: &WriteTx<TenantScope>,
        purpose: &str,
        secrets: &[(Uuid, Secret<String>)],
    ) -> Result<Vec<SealedSecret>, InventoryError> {
        let keys = self.keys.keys_or_make_in(tx).await?;
        let seal = |(row, secret): &(Uuid, Secret<String>)| {
            let Sealed { bytes, key_version } = keys.seal_secret(purpose, *row, secret.expose())?;
            Ok(SealedSecret { bytes, key_version, hash: keys.hash_secret(purpose, secret.expose()) })
        };
        secrets.iter().map(seal).collect()
    }

    /// The keyed hash by which such a secret is found; of a tenant without keys one that finds nothing.
    pub async fn hash_secret_in(
        &self,
        tx: &impl Tx,
        purpose: &str,
        secret: &Secret<String>,
    ) -> Result<Vec<u8>, InventoryError> {
        Ok(self.keys.hash_keys_in(tx).await?.hash_secret(purpose, secret.expose()))
    }
}

pub(crate) fn opened(keys: &TenantKeys, row: card::Model) -> Result<CardCode, InventoryError> {
    let sealed = Sealed { bytes: row.sealed, key_version: row.key_version };
    keys.open(row.sku_id, row.id, &sealed)
}
