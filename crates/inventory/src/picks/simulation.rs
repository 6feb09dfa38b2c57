//! Picks without a database, for simulations: a stock to read from, and what a batch has decided, as plain data.

use std::collections::HashMap;
use std::sync::Mutex;

use catalog::SkuId;
use chrono::{DateTime, Utc};
use futures::FutureExt;
use store::StoreError;
use uuid::Uuid;

use super::source::CardSource;
use super::{Picks, Taking};
use crate::model::{CardId, StockCount};
use crate::repo::FreeCard;

/// What a simulation has in the place of the tables of cards. It answers at once.
pub trait SimulatedStock: Sync {
    /// The time of the batch.
    fn now(&self) -> DateTime<Utc>;

    /// How many cards of a SKU there are; none for a SKU without cards.
    fn count(&self, sku: SkuId) -> Option<StockCount>;

    /// Up to `limit` free cards of a SKU after this one that can be sold until `until`, ascending, each with its end and
    /// what it was put in stock for.
    fn free(
        &self,
        of: (SkuId, DateTime<Utc>),
        after: CardId,
        limit: usize,
    ) -> Vec<(CardId, Option<DateTime<Utc>>, i64)>;

    /// The shared cards of a SKU that can be given away until `until`, ascending.
    fn shared(&self, sku: SkuId, until: DateTime<Utc>) -> Vec<CardId>;
}

/// What a batch does with cards.
#[derive(Debug, Clone, Default)]
pub struct CardMoves {
    /// Free cards that lines of orders take: card, order, line, and how.
    pub taken: Vec<(CardId, Uuid, i32, Taking)>,
    /// Held cards that are sold to their order.
    pub sold: Vec<CardId>,
    /// Held cards that become free.
    pub released: Vec<CardId>,
    /// Sold cards that become void.
    pub voided: Vec<CardId>,
    /// How the counts move.
    pub counts: Vec<(SkuId, StockCount)>,
}

/// A stock that notes which cards were read to be locked.
struct Noting<'a, S> {
    stock: &'a S,
    locked: &'a Mutex<Vec<CardId>>,
}

impl Picks {
    /// Reads what the commands have asked for, as a lane does; `attempt` counts from 0. Answers the cards that a
    /// database would lock.
    pub fn read_simulated(&mut self, stock: &impl SimulatedStock, attempt: u32) -> Vec<CardId> {
        let locked = Mutex::default();
        let filled = self.fill(&Noting { stock, locked: &locked }, attempt > 0).now_or_never();
        filled.expect("a simulation answers at once").expect("a simulation does not fail");
        locked.into_inner().expect("nothing panics while it writes a list")
    }

    /// What the batch has decided.
    pub fn moves(&self) -> CardMoves {
        let ids = |cards: &[Uuid]| cards.iter().copied().map(CardId::from_uuid).collect();
        let released: Vec<Uuid> = self.released.iter().map(|(_, card)| *card).collect();
        CardMoves {
            taken: self
                .taken
                .iter()
                .map(|card| (CardId::from_uuid(card.id), card.order, card.line, card.taking))
                .collect(),
            sold: ids(&self.sold),
            released: ids(&released),
            voided: ids(&self.voided),
            counts: self
                .deltas
                .iter()
                .map(|(sku, delta)| {
                    let (available, held, sold) = (delta.available, delta.held, delta.sold);
                    (*sku, StockCount { available, held, sold, void: delta.void, shared: delta.shared })
                })
                .collect(),
        }
    }
}

impl<S: SimulatedStock> CardSource for Noting<'_, S> {
    fn now(&self) -> DateTime<Utc> {
        self.stock.now()
    }

    async fn counts(&self, skus: &[SkuId]) -> Result<HashMap<SkuId, StockCount>, StoreError> {
        Ok(skus.iter().filter_map(|sku| Some((*sku, self.stock.count(*sku)?))).collect())
    }

    async fn free_cards(
        &self,
        of: (SkuId, DateTime<Utc>),
        after: Uuid,
        limit: u64,
        is_locked: bool,
    ) -> Result<Vec<FreeCard>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let found = self.stock.free(of, CardId::from_uuid(after), limit);
        if is_locked {
            self.locked.lock().expect("nobody else is here").extend(found.iter().map(|(card, ..)| *card));
        }
        let card =
            |(card, expires_at, cost_minor): (CardId, _, _)| FreeCard { id: card.uuid(), expires_at, cost_minor };
        Ok(found.into_iter().map(card).collect())
    }

    async fn shared_cards(&self, sku: SkuId, until: DateTime<Utc>) -> Result<Vec<Uuid>, StoreError> {
        Ok(self.stock.shared(sku, until).into_iter().map(|card| card.uuid()).collect())
    }
}
