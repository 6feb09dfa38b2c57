//! Carrying codes away: a logged act.

use catalog::SkuId;
use chrono::{DateTime, Utc};
use kernel::TenantScope;
use store::{Inside, Store, Tx};
use uuid::Uuid;

use crate::batch::{BatchId, CardState, ExportId};
use crate::error::InventoryError;
use crate::model::{CardCode, CardId};
use crate::repo;
use crate::service::{Inventory, opened};
use crate::table::card_export;

use super::{Intake, checked};

/// Whose export it is, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportOf {
    /// The SKU.
    pub sku: SkuId,
    /// Only cards in this state.
    pub state: Option<CardState>,
    /// Who carries the codes away.
    pub by: String,
    /// Why, in his words.
    pub reason: String,
}

/// A card in the open.
pub struct ExportedCard {
    /// Which.
    pub id: CardId,
    /// Its state when it was opened, which may be another one than when the export was logged.
    pub state: String,
    /// Its code.
    pub code: CardCode,
    /// Not sold from this moment on.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was put in stock.
    pub imported_at: DateTime<Utc>,
    /// With which batch.
    pub batch: BatchId,
}

/// An export that is logged: exactly these cards can be opened by it.
pub struct Export {
    /// Its id.
    pub id: ExportId,
    store: Store,
    inventory: Inventory,
    scope: TenantScope,
    cards: Vec<Uuid>,
    next: usize,
}

/// Cards of one export.
const CARDS_MAX: u64 = 1_000_000;
/// Codes opened at once.
const PAGE: usize = 1_000;

impl Intake {
    /// Logs the export and commits that, before a code is opened.
    pub async fn export(&self, scope: &TenantScope, of: &ExportOf) -> Result<Export, InventoryError> {
        checked("the exporter", Some(&of.by))?;
        checked("the reason", Some(&of.reason))?;
        let tx = self.store.write(scope).await?;
        let ware = self.prices.wares_in(&tx, &[of.sku]).await?.remove(&of.sku);
        ware.ok_or(InventoryError::UnknownSku { sku: of.sku })?;
        let cards = repo::cards_of_sku_in(&tx, of.sku, of.state, CARDS_MAX).await?;
        let id = ExportId::new();
        let row = card_export::Model {
            tenant_id: tx.scope().tenant().uuid(),
            id: id.uuid(),
            sku_id: of.sku.uuid(),
            card_state: of.state.map(|state| state.word().to_owned()),
            card_count: i64::try_from(cards.len()).expect("an export is bounded"),
            exported_by: of.by.clone(),
            reason: of.reason.clone(),
            created_at: tx.now(),
        };
        repo::log_export_in(&tx, row).await?;
        tx.commit().await?;
        tracing::warn!(
            tenant.id = %scope.id(), export.id = %id, export.cards = cards.len(), export.by = %of.by,
            "{} codes are carried away", cards.len()
        );
        let (store, inventory) = (self.store.clone(), self.inventory.clone());
        Ok(Export { id, store, inventory, scope: *scope, cards, next: 0 })
    }
}

impl Export {
    /// How many cards it has.
    pub const fn count(&self) -> usize {
        self.cards.len()
    }

    /// Opens the next cards, oldest first; none at the end.
    pub async fn next(&mut self) -> Result<Vec<ExportedCard>, InventoryError> {
        let page = &self.cards[self.next..self.cards.len().min(self.next + PAGE)];
        self.next += page.len();
        if page.is_empty() {
            return Ok(Vec::new());
        }
        let tx = self.store.read(&self.scope).await?;
        let rows = repo::cards_in(&tx, page).await?;
        let keys = self.inventory.keys().keys_in(&tx, rows.iter().map(|row| row.key_version)).await?;
        let open = |row: crate::table::card::Model| {
            let (id, state, batch) = (CardId::from_uuid(row.id), row.state.clone(), BatchId::from_uuid(row.batch_id));
            let (expires_at, imported_at) = (row.expires_at, row.imported_at);
            Ok(ExportedCard { id, state, code: opened(&keys, row)?, expires_at, imported_at, batch })
        };
        rows.into_iter().map(open).collect()
    }
}
