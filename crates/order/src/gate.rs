//! What is refused before the queue: an address that orders too fast, and the crowd that comes for what is sold out.
//!
//! A refusal here is not kept and changes nothing; its key may be tried again. A key that was decided before passes,
//! so that a buyer who lost the answer to his purchase of the last piece still gets it.

use std::sync::Arc;

use catalog::SkuId;
use inventory::Shelf;
use kernel::SiteScope;
use lane::{Answered, Command, Lanes};
use risk::Velocity;
use store::Store;
use tokio::sync::Semaphore;

use crate::command::{Place, PlaceAnswer, Refusal};
use crate::error::OrderError;

/// Keys of turned-away attempts that are looked up at the same time; the crowd beyond is told to come again.
const LOOKUPS_AT_ONCE: usize = 4;

/// The gate before the lane. Clones share what it knows.
#[derive(Clone)]
pub(crate) struct Gate {
    shelf: Shelf,
    velocity: Velocity,
    lookups: Arc<Semaphore>,
}

impl Gate {
    pub fn new(store: &Store) -> Self {
        let lookups = Arc::new(Semaphore::new(LOOKUPS_AT_ONCE));
        Self { shelf: Shelf::new(store.clone()), velocity: Velocity::new(store.clone()), lookups }
    }

    /// The stock as it was a moment ago.
    pub const fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// How fast orders come.
    pub const fn velocity(&self) -> &Velocity {
        &self.velocity
    }

    /// Lets an attempt through, or says why not. Whoever asks again for what was decided before always passes.
    pub async fn enter(&self, scope: &SiteScope, place: &Place, lanes: &Lanes) -> Result<(), OrderError> {
        let Err(refusal) = self.check(scope, place).await else { return Ok(()) };
        let is_replay = match self.lookups.try_acquire() {
            Ok(_permit) => lanes.has_decided(&scope.engine(), &place.key()).await?,
            Err(_) => false,
        };
        if is_replay { Ok(()) } else { Err(refusal) }
    }

    async fn check(&self, scope: &SiteScope, place: &Place) -> Result<(), OrderError> {
        let tenant = scope.engine();
        if let Some(line) = place.lines.iter().find(|line| self.shelf.turns_away(&tenant, line.sku)) {
            let refusal = Refusal::OutOfStock { sku: line.sku, available: 0, wanted: line.quantity };
            return Err(refusal.into());
        }
        match place.buyer.address {
            Some(address) => Ok(self.velocity.order(scope, address, &place.limits).await?),
            None => Ok(()),
        }
    }

    /// Learns from what the lane answered; a replay is old news.
    pub fn learn(&self, scope: &SiteScope, skus: &[SkuId], answered: &Answered<PlaceAnswer>) {
        let tenant = scope.engine();
        match &answered.answer {
            _ if answered.is_replay => {}
            Ok(_) => self.shelf.found(&tenant, skus),
            Err(Refusal::OutOfStock { sku, available: 0, .. }) => self.shelf.mark_sold_out(&tenant, *sku),
            Err(Refusal::OutOfStock { sku, .. }) => {
                self.shelf.found(&tenant, &[*sku]);
                self.shelf.recount(&tenant, *sku);
            }
            Err(_) => {}
        }
    }
}
