//! Where runs are read from.

use std::collections::HashMap;

use catalog::SkuId;
use chrono::{DateTime, Utc};
use lane::LaneTx;
use store::{StoreError, Tx};
use uuid::Uuid;

use crate::model::StockCount;
use crate::repo::{self, FreeCard};

/// What a lane reads of cards: the database, or what a simulation has in its place.
pub(super) trait CardSource: Sync {
    /// The time of the batch.
    fn now(&self) -> DateTime<Utc>;

    /// As [`repo::counts_in`].
    fn counts(&self, skus: &[SkuId]) -> impl Future<Output = Result<HashMap<SkuId, StockCount>, StoreError>> + Send;

    /// As [`repo::free_cards_in`].
    fn free_cards(
        &self,
        of: (SkuId, DateTime<Utc>),
        after: Uuid,
        limit: u64,
        is_locked: bool,
    ) -> impl Future<Output = Result<Vec<FreeCard>, StoreError>> + Send;

    /// As [`repo::shared_cards_in`].
    fn shared_cards(
        &self,
        sku: SkuId,
        until: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<Uuid>, StoreError>> + Send;
}

impl CardSource for LaneTx {
    fn now(&self) -> DateTime<Utc> {
        Tx::now(self)
    }

    fn counts(&self, skus: &[SkuId]) -> impl Future<Output = Result<HashMap<SkuId, StockCount>, StoreError>> + Send {
        repo::counts_in(self, skus)
    }

    fn free_cards(
        &self,
        of: (SkuId, DateTime<Utc>),
        after: Uuid,
        limit: u64,
        is_locked: bool,
    ) -> impl Future<Output = Result<Vec<FreeCard>, StoreError>> + Send {
        repo::free_cards_in(self, of, after, limit, is_locked)
    }

    fn shared_cards(
        &self,
        sku: SkuId,
        until: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<Uuid>, StoreError>> + Send {
        repo::shared_cards_in(self, sku, until)
    }
}
