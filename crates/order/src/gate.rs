//! What is refused before the queue: an address that orders too fast, and the crowd that comes for what is sold out.
//!
//! A refusal here is not kept and changes nothing; its key may be tried again. A key that was accepted before passes,
//! so that a buyer who lost the answer to his purchase of the last piece still gets it: from memory where this process
//! has seen it, else by a look into the database, of which there are as many as the [`Budget`] allows.
//!
//! Invariant: beyond that budget a turned-away attempt costs no access to the database, however many of them come.

mod budget;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use catalog::SkuId;
use inventory::Shelf;
use kernel::{Clock, SiteScope};
use lane::{Answered, Command, CommandKey, Lanes};
use risk::Velocity;
use store::{ScopedCache, Store};

use crate::command::{Place, PlaceAnswer, Refusal};
use crate::error::OrderError;
use budget::Budget;

/// Keys that are remembered, 24 bytes each; the one that was longest not asked for goes first.
const KEYS_MAX: u64 = 100_000;
/// For so long. Whoever lost an answer asks again within minutes; later the rows are looked at.
const KEYS_LIFE: Duration = Duration::from_secs(3600);

/// The gate before the lane. Clones share what it knows.
#[derive(Clone)]
pub(crate) struct Gate {
    shelf: Shelf,
    velocity: Velocity,
    passed: Passed,
    budget: Arc<Budget>,
}

impl Gate {
    pub fn new(store: &Store) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(store.clone());
        Self {
            shelf: Shelf::new(store.clone()),
            velocity: Velocity::new(store.clone()),
            passed: Passed::new(Arc::clone(&clock)),
            budget: Arc::new(Budget::new(clock)),
        }
    }

    /// The stock as it was a moment ago.
    pub const fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// How fast orders come.
    pub const fn velocity(&self) -> &Velocity {
        &self.velocity
    }

    /// Lets an attempt through, or says why not. Whoever asks again for what was accepted before passes.
    ///
    /// A key that this process does not know, because it began anew or another node has it, is looked up as long as the
    /// budget lasts. Beyond it, and while the database is away, its buyer is told what the crowd is told: sold out, or
    /// too fast. Nothing is lost by that: his order is in the list of his orders, and the same key asked again finds it.
    pub async fn enter(&self, scope: &SiteScope, place: &Place, lanes: &Lanes) -> Result<(), OrderError> {
        let key = place.key();
        if let Err(refusal) = self.check(scope, place).await {
            let is_replay = self.passed.has(scope, &key) || self.looks_up(scope, &key, lanes).await;
            if !is_replay {
                return Err(refusal);
            }
        }
        // Not only once it is answered: whoever goes away before the answer is the one who asks again.
        self.passed.add(scope, &key);
        Ok(())
    }

    /// The attempt of this key was sent away by a full queue: it did not go on.
    pub fn sent_away(&self, scope: &SiteScope, key: &CommandKey) {
        self.passed.remove(scope, key);
    }

    async fn looks_up(&self, scope: &SiteScope, key: &CommandKey, lanes: &Lanes) -> bool {
        match self.budget.take() {
            // In a box of its own, which few need: what waits for a database is large, and the crowd carries it along.
            Some(_turn) => Box::pin(lanes.has_decided(&scope.engine(), key)).await.unwrap_or(false),
            None => false,
        }
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

    /// Learns from what the lane answered to the attempt of this key; what a replay says of the stock is old news.
    pub fn learn(&self, scope: &SiteScope, (key, skus): (&CommandKey, &[SkuId]), answered: &Answered<PlaceAnswer>) {
        let tenant = scope.engine();
        if answered.answer.is_err() {
            self.passed.remove(scope, key);
        }
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

/// The keys of attempts that went on to the lane lately and were not refused there, as hashes of this process: two keys
/// of one hash let an attempt through to the lane, which knows better.
#[derive(Clone)]
struct Passed {
    keys: ScopedCache<u64, ()>,
    secret: RandomState,
}

impl Passed {
    fn new(clock: Arc<dyn Clock>) -> Self {
        Self { keys: ScopedCache::weighing_newest(clock, (KEYS_MAX, |()| 1), KEYS_LIFE), secret: RandomState::new() }
    }

    fn has(&self, scope: &SiteScope, key: &CommandKey) -> bool {
        self.keys.get(&scope.engine(), &self.secret.hash_one(key)).is_some()
    }

    fn add(&self, scope: &SiteScope, key: &CommandKey) {
        self.keys.insert(&scope.engine(), self.secret.hash_one(key), ());
    }

    fn remove(&self, scope: &SiteScope, key: &CommandKey) {
        self.keys.remove(&scope.engine(), &[self.secret.hash_one(key)]);
    }
}
