//! The room's part in the lane: which cards the batch sells.

mod simulation;
mod source;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use catalog::SkuId;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use lane::{Claimed, LaneSheaf, LaneTx, Look, Part, PartError, Step};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::model::{CardId, Taken, Taking};
use crate::repo::{self, CountDelta, FreeCard, TakenCard};
use source::CardSource;

pub use simulation::{CardMoves, SimulatedStock};

/// There are not as many cards as wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfStock {
    /// How many there are.
    pub available: u32,
}

/// Runs of free card ids, and what the batch takes from them.
#[derive(Default)]
pub struct Picks {
    wanted: BTreeMap<SkuId, Wish>,
    /// SKUs with fewer free cards than wanted, of which unpaid orders hold some.
    short_of: BTreeSet<SkuId>,
    runs: HashMap<SkuId, Run>,
    /// How far the lane has read each SKU ahead, for batches that run beside one another: each reads on behind what the
    /// other has in hand. A hint, like the runs.
    frontier: Arc<Mutex<HashMap<SkuId, Uuid>>>,
    /// Codes that go to every buyer, in turn.
    shared: HashMap<SkuId, Shared>,
    taken: Vec<TakenCard>,
    /// Held cards that are sold to their order.
    sold: Vec<Uuid>,
    /// Sold cards that are void: nobody gets them again.
    voided: Vec<Uuid>,
    /// Held cards that become free: in hand again at once, so that this batch can give them to somebody else.
    released: Vec<(SkuId, Uuid)>,
    /// What held cards that this batch may free were put in stock for.
    held_costs: HashMap<Uuid, i64>,
    deltas: BTreeMap<SkuId, CountDelta>,
}

/// What a batch may take of a SKU.
#[derive(Debug, Clone, Copy, Default)]
struct Wish {
    quantity: u64,
    /// How long the cards must be good for.
    lasting: TimeDelta,
}

/// The shared cards of a SKU, as the batch has read them, and whose turn it is.
#[derive(Default)]
struct Shared {
    cards: Vec<Uuid>,
    turn: usize,
}

/// Free cards of one SKU that this lane sells next.
#[derive(Default)]
struct Run {
    cards: VecDeque<FreeCard>,
    /// The last id it has looked at.
    cursor: Uuid,
    /// What it had in hand was let go: it looks from its own cursor on.
    is_lost: bool,
    /// The last id that a committed batch has sold: where looking begins anew after a roll-back.
    sold_to: Uuid,
    /// Set while the whole SKU was searched and there are not more cards than in hand: how many the counts said there
    /// were, and when. Until they say something else, searching again would find no more; they may have said something
    /// else meanwhile and the same again, so this is believed for a short time only.
    searched: Option<(i64, DateTime<Utc>)>,
}

/// Cards read ahead, so that most batches read none.
const READ_AHEAD: u64 = 512;
/// Cards of one SKU that one batch can take.
const WANTED_MAX: u64 = 20_000;
/// How long a search that found too few is believed.
const SEARCH_KEPT: TimeDelta = TimeDelta::seconds(1);
/// Runs that a lane keeps in memory.
const RUNS_MAX: usize = 10_000;

impl Picks {
    /// Says that a command may take `quantity` cards of `sku` that are good for so long from now on.
    pub fn want(&mut self, sku: SkuId, quantity: u32, lasting: TimeDelta) {
        let wish = self.wanted.entry(sku).or_default();
        wish.quantity = wish.quantity.saturating_add(u64::from(quantity)).min(WANTED_MAX);
        wish.lasting = wish.lasting.max(lasting);
    }

    /// Takes cards that can be sold until `until` for line `line` of `order`: all of them, or none.
    pub fn take(
        &mut self,
        (sku, quantity): (SkuId, u32),
        (order, line): (Uuid, i32),
        taking: Taking,
        until: DateTime<Utc>,
    ) -> Result<Taken, OutOfStock> {
        if let Some(shared) = self.shared.get_mut(&sku).filter(|shared| !shared.cards.is_empty()) {
            return Ok(shared.take(quantity));
        }
        if !self.has((sku, quantity), until) {
            return Err(OutOfStock { available: self.available(sku, until) });
        }
        let cards = self.runs.entry(sku).or_default().take(quantity as usize, until);
        self.taken.extend(cards.iter().map(|card| TakenCard { sku, id: card.id, order, line, taking }));
        let delta = self.deltas.entry(sku).or_default();
        delta.available -= i64::from(quantity);
        match taking {
            Taking::Sell => delta.sold += i64::from(quantity),
            Taking::Hold => delta.held += i64::from(quantity),
        }
        let expires_at = cards.iter().filter_map(|card| card.expires_at).min();
        let cost_minor = cards.iter().map(|card| card.cost_minor).sum();
        let cards = cards.into_iter().map(|card| CardId::from_uuid(card.id)).collect();
        Ok(Taken { cards, expires_at, is_shared: false, cost_minor })
    }

    /// What the cards were put in stock for that these lines would take now, one after the other, if they can be sold
    /// until `until`: a sale is posted before it takes, because the money may refuse it. There are enough of them.
    pub fn costs_of_next(&self, lines: &[(SkuId, u32)], until: DateTime<Utc>) -> Vec<i64> {
        let mut passed: BTreeMap<SkuId, usize> = BTreeMap::new();
        let mut cost_of = |(sku, quantity): &(SkuId, u32)| {
            let is_shared = self.is_shared(*sku);
            let Some(run) = self.runs.get(sku).filter(|_| !is_shared) else { return 0 };
            let passed = passed.entry(*sku).or_default();
            let living = run.cards.iter().filter(|card| card.lives_past(until)).skip(*passed);
            *passed += *quantity as usize;
            living.take(*quantity as usize).map(|card| card.cost_minor).sum()
        };
        lines.iter().map(&mut cost_of).collect()
    }

    /// Sells cards to the order that holds them. The caller has locked that order: nobody else moves its cards.
    pub fn sell_held(&mut self, sku: SkuId, taken: &Taken) {
        if taken.is_nobodys() {
            return;
        }
        let cards = &taken.cards;
        self.sold.extend(cards.iter().map(|card| card.uuid()));
        let delta = self.deltas.entry(sku).or_default();
        delta.held -= count(cards);
        delta.sold += count(cards);
    }

    /// Makes sold cards void: their order is refunded, or they are replaced. The caller has locked that order: nobody else
    /// moves its cards.
    pub fn void_sold(&mut self, sku: SkuId, taken: &Taken) {
        if taken.is_nobodys() {
            return;
        }
        self.voided.extend(taken.cards.iter().map(|card| card.uuid()));
        let delta = self.deltas.entry(sku).or_default();
        delta.sold -= count(&taken.cards);
        delta.void += count(&taken.cards);
    }

    /// Reads what these held cards were put in stock for, so that they can go to somebody else once they are released:
    /// their line knows only what they cost together.
    pub async fn read_held(&mut self, tx: &LaneTx, cards: &[CardId]) -> Result<(), PartError> {
        if !cards.is_empty() {
            self.held_costs.extend(repo::costs_in(tx, cards.iter().map(|card| card.uuid())).await?);
        }
        Ok(())
    }

    /// Frees cards that an order held, for whoever comes next in this very batch if they were read. The caller has
    /// locked that order.
    pub fn release(&mut self, sku: SkuId, taken: &Taken) {
        if taken.is_nobodys() {
            return;
        }
        let run = self.runs.entry(sku).or_default();
        self.released.extend(taken.cards.iter().map(|card| (sku, card.uuid())));
        let free = |card: &CardId| {
            let cost_minor = *self.held_costs.get(&card.uuid())?;
            Some(FreeCard { id: card.uuid(), expires_at: None, cost_minor })
        };
        let free: Option<Vec<FreeCard>> = taken.cards.iter().map(free).collect();
        match free.filter(|_| taken.expires_at.is_none()) {
            Some(free) => free.into_iter().rev().for_each(|card| run.cards.push_front(card)),
            // Only the first of their ends is known here: they are read again, each with its own.
            None => run.searched = None,
        }
        let delta = self.deltas.entry(sku).or_default();
        delta.held -= count(&taken.cards);
        delta.available += count(&taken.cards);
    }

    /// SKUs that were wanted, have too few free cards, and of which orders hold some.
    pub const fn short_of(&self) -> &BTreeSet<SkuId> {
        &self.short_of
    }

    /// Whether every buyer gets the same codes of it.
    pub fn is_shared(&self, sku: SkuId) -> bool {
        self.shared.get(&sku).is_some_and(|shared| !shared.cards.is_empty())
    }

    /// Whether a command could take so many cards that can be sold until `until`. It looks at no more than these.
    pub fn has(&self, (sku, wanted): (SkuId, u32), until: DateTime<Utc>) -> bool {
        self.is_shared(sku) || self.runs.get(&sku).is_some_and(|run| run.has_living(u64::from(wanted), until))
    }

    /// How many cards a command could take that can be sold until `until`.
    pub fn available(&self, sku: SkuId, until: DateTime<Utc>) -> u32 {
        if self.is_shared(sku) {
            return u32::MAX;
        }
        let Some(run) = self.runs.get(&sku) else { return 0 };
        u32::try_from(run.cards.iter().filter(|card| card.lives_past(until)).count()).unwrap_or(u32::MAX)
    }

    /// Puts free cards that are worth nothing into a run, for simulations that have no database.
    pub fn assume(&mut self, sku: SkuId, cards: impl IntoIterator<Item = CardId>) {
        let cards = cards.into_iter().map(|card| FreeCard { id: card.uuid(), expires_at: None, cost_minor: 0 });
        self.runs.entry(sku).or_default().cards.extend(cards);
    }

    async fn fill(&mut self, tx: &impl CardSource, is_locked: bool) -> Result<(), PartError> {
        for sku in self.wanted.keys() {
            if let Some(run) = self.runs.get_mut(sku) {
                run.drop_expired(tx.now());
            }
        }
        let now = tx.now();
        let short: Vec<(SkuId, Wish)> = self
            .wanted
            .iter()
            .map(|(sku, wish)| (*sku, *wish))
            .filter(|(sku, wish)| self.lacks(*sku, *wish, now))
            .collect();
        let skus: Vec<SkuId> = short.iter().map(|(sku, _)| *sku).collect();
        // The counts say which SKUs are worth looking for; a SKU that is sold out costs no scan.
        let counts = tx.counts(&skus).await?;
        for (sku, wish) in short {
            let (available, held) = counts.get(&sku).map_or((0, 0), |count| (count.available, count.held));
            if counts.get(&sku).is_some_and(|count| count.shared > 0) {
                // A few rows, read each time: what is taken out of turn counts at once.
                let cards = tx.shared_cards(sku, now + wish.lasting).await?;
                self.shared.entry(sku).or_default().cards = cards;
                continue;
            }
            if available == 0 {
                // The cursor stays: what is imported later stands behind it.
                if let Some(run) = self.runs.get_mut(&sku) {
                    run.cards.clear();
                    run.searched = None;
                }
            } else {
                let run = self.runs.entry(sku).or_default();
                let is_known = |(count, at): (i64, DateTime<Utc>)| count == available && at + SEARCH_KEPT > now;
                if is_locked || !run.searched.is_some_and(is_known) {
                    // A reading that locks may wait for the batch beside, which must not wait for this one meanwhile.
                    let mut frontiers = if is_locked { None } else { Some(self.frontier.lock().await) };
                    let frontier = frontiers.as_mut().map(|frontiers| frontiers.entry(sku).or_default());
                    run.read(tx, sku, (wish, available), frontier).await?;
                }
            }
            if held > 0 && self.lacks(sku, wish, now) {
                self.short_of.insert(sku);
            }
        }
        Ok(())
    }

    /// Counts what the committed batch did with cards.
    fn tell(&self) {
        let taken = |taking| self.taken.iter().filter(|card| card.taking == taking).count();
        let done = [
            ("sold", taken(Taking::Sell)),
            ("held", taken(Taking::Hold)),
            ("sold_from_hold", self.sold.len()),
            ("freed", self.released.len()),
        ];
        for (event, cards) in done.into_iter().filter(|(_, cards)| *cards > 0) {
            metrics::counter!("cardgrove_cards_total", "event" => event).increment(cards as u64);
        }
    }

    fn lacks(&self, sku: SkuId, wish: Wish, now: DateTime<Utc>) -> bool {
        self.runs.get(&sku).is_none_or(|run| !run.has(wish, now))
    }
}

impl Shared {
    /// The codes whose turn it is; there is one at least.
    fn take(&mut self, quantity: u32) -> Taken {
        let turns = (self.turn..).take(quantity as usize);
        let cards = turns.map(|turn| CardId::from_uuid(self.cards[turn % self.cards.len()])).collect();
        self.turn = (self.turn + quantity as usize) % self.cards.len();
        Taken { cards, expires_at: None, is_shared: true, cost_minor: 0 }
    }
}

impl Run {
    /// Reads on from the cursor, or from the frontier of all batches if it is further; without one the cards are locked.
    /// At the end of the SKU it starts once more from the beginning, where cards may have become free again.
    async fn read(
        &mut self,
        tx: &impl CardSource,
        sku: SkuId,
        (wish, available): (Wish, i64),
        mut frontier: Option<&mut Uuid>,
    ) -> Result<(), PartError> {
        let is_locked = frontier.is_none();
        if let Some(frontier) = frontier.as_deref()
            && !std::mem::take(&mut self.is_lost)
        {
            self.cursor = self.cursor.max(*frontier);
        }
        // Cards that are locked are kept from other nodes, so no more of them than are wanted.
        let limit = if is_locked { wish.quantity } else { wish.quantity.max(READ_AHEAD) };
        let (started_at, until) = (self.cursor, tx.now() + wish.lasting);
        let ahead = tx.free_cards((sku, until), self.cursor, limit, is_locked).await?;
        self.take_in_hand(ahead);
        if !self.has(wish, tx.now()) && started_at != Uuid::nil() {
            let all = tx.free_cards((sku, until), Uuid::nil(), limit, is_locked).await?;
            self.cards.clear();
            self.take_in_hand(all);
            // Cards became free behind the frontier: it goes back to them, or they would be looked for from the beginning
            // again and again.
            if let Some(frontier) = frontier.as_deref_mut() {
                *frontier = self.cursor;
            }
        }
        self.searched = (!self.has(wish, tx.now())).then_some((available, tx.now()));
        if let Some(frontier) = frontier {
            *frontier = (*frontier).max(self.cursor);
        }
        Ok(())
    }

    fn has(&self, wish: Wish, now: DateTime<Utc>) -> bool {
        self.has_living(wish.quantity, now + wish.lasting)
    }

    /// Whether so many of its cards can be sold until `until`.
    fn has_living(&self, wanted: u64, until: DateTime<Utc>) -> bool {
        let living = self.cards.iter().filter(|card| card.lives_past(until));
        living.take(usize::try_from(wanted).unwrap_or(usize::MAX)).count() as u64 >= wanted
    }

    fn drop_expired(&mut self, now: DateTime<Utc>) {
        self.cards.retain(|card| card.lives_past(now));
    }

    /// The first `count` cards that can be sold until `until`; there are so many.
    fn take(&mut self, count: usize, until: DateTime<Utc>) -> Vec<FreeCard> {
        if self.cards.iter().take(count).all(|card| card.lives_past(until)) {
            return self.cards.drain(..count).collect();
        }
        let mut taken = Vec::with_capacity(count);
        self.cards.retain(|card| {
            let is_taken = taken.len() < count && card.lives_past(until);
            if is_taken {
                taken.push(*card);
            }
            !is_taken
        });
        taken
    }

    /// The cards in hand may be anybody's now: looking begins again after the last one that was surely sold.
    fn forget(&mut self) {
        self.cards.clear();
        self.cursor = self.sold_to;
        self.is_lost = true;
        self.searched = None;
    }

    fn take_in_hand(&mut self, cards: Vec<FreeCard>) {
        if let Some(last) = cards.last() {
            self.cursor = last.id;
        }
        // Cards that became free again may be in hand already.
        let known: HashSet<Uuid> = self.cards.iter().map(|card| card.id).collect();
        self.cards.extend(cards.into_iter().filter(|card| !known.contains(&card.id)));
    }
}

impl Part for Picks {
    fn twin(&self) -> Box<dyn Part> {
        Box::new(Self { frontier: Arc::clone(&self.frontier), ..Self::default() })
    }

    fn read<'a>(&'a mut self, tx: &'a LaneTx, look: Look) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(async move { self.fill(tx, look.attempt > 0).await })
    }

    fn claim<'a>(&'a mut self, tx: &'a LaneTx, sheaf: &'a mut LaneSheaf) -> BoxFuture<'a, Result<Claimed, PartError>> {
        Box::pin(async move {
            let mut taken = self.taken.clone();
            taken.sort_by_key(|card| card.id);
            if self.sold.is_empty() && self.released.is_empty() && self.voided.is_empty() {
                repo::take_into(sheaf, &taken);
                return Ok(Claimed::All);
            }
            self.sold.sort_unstable();
            let sold = repo::sell_held_in(tx, &self.sold).await?;
            let mut free: Vec<Uuid> = self.released.iter().map(|(_, card)| *card).collect();
            free.sort_unstable();
            let released = repo::release_in(tx, &free).await?;
            let got = repo::take_in(tx, &taken).await?;
            // Last: a card that this very batch sells can be void at its end.
            self.voided.sort_unstable();
            let voided = repo::void_sold_in(tx, &self.voided).await?;
            let is_all = (sold.len(), released.len(), got.len(), voided.len())
                == (self.sold.len(), free.len(), taken.len(), self.voided.len());
            Ok(if is_all { Claimed::All } else { Claimed::Short })
        })
    }

    fn write<'a>(
        &'a mut self,
        _tx: &'a LaneTx,
        sheaf: &'a mut LaneSheaf,
        _batch: Uuid,
        step: Step,
    ) -> BoxFuture<'a, Result<(), PartError>> {
        if step == Step::Counts {
            repo::move_counts(sheaf, &self.deltas);
        }
        Box::pin(async { Ok(()) })
    }

    fn end(&mut self, is_committed: bool) {
        if is_committed {
            self.tell();
            for (sku, _) in &self.released {
                if let Some(run) = self.runs.get_mut(sku) {
                    run.searched = run.searched.map(|(available, at)| (available + 1, at));
                }
            }
            for card in &self.taken {
                if let Some(run) = self.runs.get_mut(&card.sku) {
                    run.sold_to = run.sold_to.max(card.id);
                    run.searched = run.searched.map(|(available, at)| (available - 1, at));
                }
            }
        } else {
            self.runs.values_mut().for_each(Run::forget);
        }
        if self.runs.len() > RUNS_MAX {
            self.runs.clear();
            // Somebody who reads just now keeps it for another time.
            if let Ok(mut frontier) = self.frontier.try_lock() {
                frontier.clear();
            }
        }
        if self.shared.len() > RUNS_MAX {
            self.shared.clear();
        }
        // Whose turn it is, is kept; the codes are read again.
        self.shared.values_mut().for_each(|shared| shared.cards.clear());
        self.wanted.clear();
        self.short_of.clear();
        self.taken.clear();
        self.sold.clear();
        self.voided.clear();
        self.released.clear();
        self.held_costs.clear();
        self.deltas.clear();
    }
}

fn count(cards: &[CardId]) -> i64 {
    i64::try_from(cards.len()).expect("a line has a bounded number of cards")
}

#[cfg(test)]
mod tests;
