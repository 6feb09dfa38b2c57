//! One chunk of an import: one transaction.

use kernel::TenantScope;
use ledger::Book;
use store::Tx;

use crate::batch::Stock;
use crate::error::InventoryError;
use crate::import::{Import, Source};
use crate::model::NewCard;
use crate::repo;

use super::{ATTEMPTS_MAX, Intake, Open, importing_in};

const SOURCE: Source = Source { by: "intake", reason: "imported cards at cost" };

/// A card that the file shows for the first time.
pub(super) struct Fresh {
    pub row: u64,
    pub card: NewCard,
    pub hash: Vec<u8>,
}

/// What a chunk did.
pub(super) struct Done {
    pub added: u64,
    /// The rows whose code was known, and not from this batch.
    pub known: Vec<u64>,
}

impl Intake {
    /// Puts the chunk in stock; run again if another transaction was in the way.
    pub(super) async fn add_chunk(
        &self,
        scope: &TenantScope,
        (stock, open): (&Stock, &Open),
        chunk: &[Fresh],
    ) -> Result<Done, InventoryError> {
        let mut attempt = 1;
        loop {
            match self.add_once(scope, (stock, open), chunk).await {
                Err(error) if error.is_transient() && attempt < ATTEMPTS_MAX => attempt += 1,
                done => return done,
            }
        }
    }

    async fn add_once(
        &self,
        scope: &TenantScope,
        (stock, open): (&Stock, &Open),
        chunk: &[Fresh],
    ) -> Result<Done, InventoryError> {
        if chunk.is_empty() {
            return Ok(Done { added: 0, known: Vec::new() });
        }
        let tx = self.store.write(scope).await?;
        importing_in(&tx, open.batch.id).await?;
        let keys = self.inventory.keys().keys_or_make_in(&tx).await?;
        let mut import = Import::new(&tx, keys, SOURCE).into_batch(stock.sku, open.batch.id);
        let stock = Stock { unit_cost: open.unit_cost, ..stock.clone() };
        let cards = chunk.iter().map(|fresh| (&fresh.card, fresh.hash.clone())).collect();
        let known = import.add_hashed(&stock, cards).await?;
        let added = (chunk.len() - known.len()) as u64;
        let mut known: Vec<&Fresh> = known.into_iter().map(|place| &chunk[place]).collect();
        if open.may_have_some && !known.is_empty() {
            let hashes = known.iter().map(|fresh| fresh.hash.clone()).collect();
            let own = repo::own_hashes_in(&tx, open.batch.id, hashes).await?;
            known.retain(|fresh| !own.contains(&fresh.hash));
        }
        import.write_in(&mut Book::new(tx.scope().id())).await?;
        let known = known.into_iter().map(|fresh| fresh.row).collect();
        tx.commit().await?;
        Ok(Done { added, known })
    }
}
