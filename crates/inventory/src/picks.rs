//! The room's part in the lane: which cards the batch sells.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use catalog::SkuId;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use lane::{Claimed, LaneTx, Part, PartError, Step};
use store::Tx;
use uuid::Uuid;

use crate::model::{CardId, Taken, Taking};
use crate::repo::{self, CountDelta, FreeCard, TakenCard};

/// There are not as many cards as wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfStock {
    /// How many there are.
    pub available: u32,
}

/// Runs of free card ids, and what the batch takes from them.
#[derive(Default)]
pub struct Picks {
    wanted: BTreeMap<SkuId, u64>,
    /// SKUs with fewer free cards than wanted, of which unpaid orders hold some.
    short_of: BTreeSet<SkuId>,
    runs: HashMap<SkuId, Run>,
    taken: Vec<TakenCard>,
    /// Held cards that are sold to their order.
    sold: Vec<Uuid>,
    /// Held cards that become free: in hand again at once, so that this batch can give them to somebody else.
    released: Vec<(SkuId, Uuid)>,
    deltas: BTreeMap<SkuId, CountDelta>,
}

/// Free cards of one SKU that this lane sells next.
#[derive(Default)]
struct Run {
    cards: VecDeque<FreeCard>,
    /// The last id it has looked at.
    cursor: Uuid,
    /// The last id that a committed batch has sold: where looking begins anew after a roll-back.
    sold_to: Uuid,
    /// Set while the whole SKU was searched and there are not more cards than in hand: how many the counts said there
    /// were. Until they say something else, searching again would find no more.
    searched_at: Option<i64>,
}

/// Cards read ahead, so that most batches read none.
const READ_AHEAD: u64 = 512;
/// Cards of one SKU that one batch can take.
const WANTED_MAX: u64 = 20_000;
/// Runs that a lane keeps in memory.
const RUNS_MAX: usize = 10_000;

impl Picks {
    /// Says that a command may take `quantity` cards of `sku`.
    pub fn want(&mut self, sku: SkuId, quantity: u32) {
        let wanted = self.wanted.entry(sku).or_default();
        *wanted = wanted.saturating_add(u64::from(quantity)).min(WANTED_MAX);
    }

    /// Takes cards for line `line` of `order`: all of them, or none.
    pub fn take(
        &mut self,
        (sku, quantity): (SkuId, u32),
        (order, line): (Uuid, i32),
        taking: Taking,
        now: DateTime<Utc>,
    ) -> Result<Taken, OutOfStock> {
        let (available, wanted) = (self.available(sku, now), quantity as usize);
        let run = self.runs.entry(sku).or_default();
        if run.cards.len() < wanted {
            return Err(OutOfStock { available });
        }
        let cards: Vec<FreeCard> = run.cards.drain(..wanted).collect();
        self.taken.extend(cards.iter().map(|card| TakenCard { sku, id: card.id, order, line, taking }));
        let delta = self.deltas.entry(sku).or_default();
        delta.available -= i64::from(quantity);
        match taking {
            Taking::Sell => delta.sold += i64::from(quantity),
            Taking::Hold => delta.held += i64::from(quantity),
        }
        let expires_at = cards.iter().filter_map(|card| card.expires_at).min();
        Ok(Taken { cards: cards.into_iter().map(|card| CardId::from_uuid(card.id)).collect(), expires_at })
    }

    /// Sells cards to the order that holds them. The caller has locked that order: nobody else moves its cards.
    pub fn sell_held(&mut self, sku: SkuId, cards: &[CardId]) {
        self.sold.extend(cards.iter().map(|card| card.uuid()));
        let delta = self.deltas.entry(sku).or_default();
        delta.held -= count(cards);
        delta.sold += count(cards);
    }

    /// Frees cards that an order held, for whoever comes next in this very batch. The caller has locked that order.
    pub fn release(&mut self, sku: SkuId, taken: &Taken) {
        let run = self.runs.entry(sku).or_default();
        for card in taken.cards.iter().rev() {
            self.released.push((sku, card.uuid()));
            run.cards.push_front(FreeCard { id: card.uuid(), expires_at: taken.expires_at });
        }
        let delta = self.deltas.entry(sku).or_default();
        delta.held -= count(&taken.cards);
        delta.available += count(&taken.cards);
    }

    /// SKUs that were wanted, have too few free cards, and of which orders hold some.
    pub const fn short_of(&self) -> &BTreeSet<SkuId> {
        &self.short_of
    }

    /// How many cards a command could take now; those that have expired meanwhile are dropped.
    pub fn available(&mut self, sku: SkuId, now: DateTime<Utc>) -> u32 {
        let Some(run) = self.runs.get_mut(&sku) else { return 0 };
        run.drop_expired(now);
        u32::try_from(run.cards.len()).unwrap_or(u32::MAX)
    }

    /// Puts free cards into a run, for simulations that have no database.
    pub fn assume(&mut self, sku: SkuId, cards: impl IntoIterator<Item = CardId>) {
        let cards = cards.into_iter().map(|card| FreeCard { id: card.uuid(), expires_at: None });
        self.runs.entry(sku).or_default().cards.extend(cards);
    }

    async fn fill(&mut self, tx: &LaneTx, is_locked: bool) -> Result<(), PartError> {
        for sku in self.wanted.keys() {
            if let Some(run) = self.runs.get_mut(sku) {
                run.drop_expired(tx.now());
            }
        }
        let short: Vec<SkuId> =
            self.wanted.iter().filter(|(sku, wanted)| self.lacks(**sku, **wanted)).map(|(sku, _)| *sku).collect();
        // The counts say which SKUs are worth looking for; a SKU that is sold out costs no scan.
        let counts = repo::counts_in(tx, &short).await?;
        for sku in short {
            let (available, held) = counts.get(&sku).map_or((0, 0), |count| (count.available, count.held));
            if available == 0 {
                // The cursor stays: what is imported later stands behind it.
                if let Some(run) = self.runs.get_mut(&sku) {
                    run.cards.clear();
                }
            } else {
                let wanted = self.wanted[&sku];
                let run = self.runs.entry(sku).or_default();
                if is_locked || run.searched_at != Some(available) {
                    run.read(tx, sku, (wanted, available), is_locked).await?;
                }
            }
            if held > 0 && self.lacks(sku, self.wanted[&sku]) {
                self.short_of.insert(sku);
            }
        }
        Ok(())
    }

    fn lacks(&self, sku: SkuId, wanted: u64) -> bool {
        self.runs.get(&sku).is_none_or(|run| (run.cards.len() as u64) < wanted)
    }
}

impl Run {
    /// Reads on from the cursor; at the end of the SKU it starts once more from the beginning, where cards may have
    /// become free again.
    async fn read(
        &mut self,
        tx: &LaneTx,
        sku: SkuId,
        (wanted, available): (u64, i64),
        is_locked: bool,
    ) -> Result<(), PartError> {
        // Cards that are locked are kept from other nodes, so no more of them than are wanted.
        let limit = if is_locked { wanted } else { wanted.max(READ_AHEAD) };
        let started_at = self.cursor;
        let ahead = repo::free_cards_in(tx, sku, self.cursor, limit, is_locked).await?;
        self.take_in_hand(ahead);
        if (self.cards.len() as u64) < wanted && started_at != Uuid::nil() {
            let all = repo::free_cards_in(tx, sku, Uuid::nil(), limit, is_locked).await?;
            self.cards.clear();
            self.take_in_hand(all);
        }
        self.searched_at = ((self.cards.len() as u64) < wanted).then_some(available);
        Ok(())
    }

    fn drop_expired(&mut self, now: DateTime<Utc>) {
        self.cards.retain(|card| card.expires_at.is_none_or(|expires_at| expires_at > now));
    }

    /// The cards in hand may be anybody's now: looking begins again after the last one that was surely sold.
    fn forget(&mut self) {
        self.cards.clear();
        self.cursor = self.sold_to;
        self.searched_at = None;
    }

    fn take_in_hand(&mut self, cards: Vec<FreeCard>) {
        if let Some(last) = cards.last() {
            self.cursor = last.id;
        }
        self.cards.extend(cards);
    }
}

impl Part for Picks {
    fn read<'a>(&'a mut self, tx: &'a LaneTx, attempt: u32) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(async move { self.fill(tx, attempt > 0).await })
    }

    fn claim<'a>(&'a mut self, tx: &'a LaneTx) -> BoxFuture<'a, Result<Claimed, PartError>> {
        Box::pin(async move {
            self.sold.sort_unstable();
            let sold = repo::sell_held_in(tx, &self.sold).await?;
            let mut free: Vec<Uuid> = self.released.iter().map(|(_, card)| *card).collect();
            free.sort_unstable();
            let released = repo::release_in(tx, &free).await?;
            let mut taken = self.taken.clone();
            taken.sort_by_key(|card| card.id);
            let got = repo::take_in(tx, &taken).await?;
            let is_all = (sold.len(), released.len(), got.len()) == (self.sold.len(), free.len(), taken.len());
            Ok(if is_all { Claimed::All } else { Claimed::Short })
        })
    }

    fn write<'a>(&'a mut self, tx: &'a LaneTx, _batch: Uuid, step: Step) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(async move {
            if step == Step::Counts {
                repo::move_counts_in(tx, &self.deltas).await?;
            }
            Ok(())
        })
    }

    fn end(&mut self, is_committed: bool) {
        if is_committed {
            for (sku, _) in &self.released {
                if let Some(run) = self.runs.get_mut(sku) {
                    run.searched_at = run.searched_at.map(|available| available + 1);
                }
            }
            for card in &self.taken {
                if let Some(run) = self.runs.get_mut(&card.sku) {
                    run.sold_to = run.sold_to.max(card.id);
                    run.searched_at = run.searched_at.map(|available| available - 1);
                }
            }
        } else {
            self.runs.values_mut().for_each(Run::forget);
        }
        if self.runs.len() > RUNS_MAX {
            self.runs.clear();
        }
        self.wanted.clear();
        self.short_of.clear();
        self.taken.clear();
        self.sold.clear();
        self.released.clear();
        self.deltas.clear();
    }
}

fn count(cards: &[CardId]) -> i64 {
    i64::try_from(cards.len()).expect("a line has a bounded number of cards")
}

#[cfg(test)]
mod tests;
