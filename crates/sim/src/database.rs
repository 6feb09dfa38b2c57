//! A tenant's database as plain maps. It reads as it is at the moment (READ COMMITTED), locks rows for one node until its
//! batch ends, and refuses what a real one's constraints refuse.

mod apply;
mod facts;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::Arc;

use catalog::{RuleBook, SkuId, Ware};
use chrono::{DateTime, Utc};
use commission::PlanVersion;
use identity::CustomerId;
use inventory::{CardId, CardState, StockCount};
use ledger::{Account, Entry, EntryId};
use order::{OrderId, StoredOrder};
use payment::{
    Attempt, ChannelId, Exception, ExceptionId, Intent, IntentId, OutNo, Payment, PaymentId, Refund, RefundId,
};
use settlement::Paydays;
use uuid::Uuid;

use crate::layout::Layout;
use crate::map::{HashMap, HashSet};

pub(crate) use apply::{Effects, Refused, Touched};
pub(crate) use facts::StockAt;

/// Which node a lock belongs to.
pub(crate) type NodeNumber = usize;

/// A card as it is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CardRow {
    pub sku: SkuId,
    pub state: CardState,
    /// The line that has it, or had it.
    pub line: Option<(Uuid, i32)>,
    pub expires_at: Option<DateTime<Utc>>,
    /// What it was put in stock for.
    pub cost_minor: i64,
}

/// What is kept under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyRow {
    pub fingerprint: Vec<u8>,
    pub answer: String,
}

/// Something that is to happen, as a row.
#[derive(Debug, Clone)]
pub(crate) enum Job {
    Create(OutNo),
    Watch(Vec<OutNo>),
    Query { out_no: OutNo, is_last: bool },
    Refund(RefundId),
    Returned(Vec<(RefundId, IntentId)>),
    Delivered(Vec<OrderId>),
}

/// Rows that a batch has locked, each by its node.
#[derive(Default)]
pub(crate) struct Locks {
    pub keys: HashMap<String, NodeNumber>,
    pub orders: HashMap<OrderId, NodeNumber>,
    pub intents: HashMap<IntentId, NodeNumber>,
    pub refunds: HashMap<RefundId, NodeNumber>,
    pub cards: HashMap<CardId, NodeNumber>,
}

/// A tenant's rows.
pub(crate) struct Database {
    pub layout: Layout,
    /// The database's clock.
    pub now: DateTime<Utc>,
    pub keys: HashMap<String, KeyRow>,
    pub orders: BTreeMap<OrderId, StoredOrder>,
    /// The orders that hold something, by their end.
    pub holds: BTreeSet<(DateTime<Utc>, OrderId)>,
    /// The same by what they hold.
    pub holds_of: HashMap<SkuId, BTreeSet<(DateTime<Utc>, OrderId)>>,
    pub cards: HashMap<CardId, CardRow>,
    pub free: HashMap<SkuId, BTreeMap<CardId, Option<DateTime<Utc>>>>,
    pub shared: HashMap<SkuId, Vec<CardId>>,
    pub counts: HashMap<SkuId, StockCount>,
    pub balances: HashMap<Account, i64>,
    /// The sums of all postings, kept apart from the balances.
    pub posted: HashMap<Account, i128>,
    pub entries: Vec<Entry>,
    /// Where the entries about something stand.
    pub entries_about: HashMap<Uuid, Vec<usize>>,
    pub entry_ids: HashSet<EntryId>,
    pub intents: HashMap<IntentId, Intent>,
    pub open_top_ups: HashMap<CustomerId, BTreeSet<IntentId>>,
    pub attempts: HashMap<OutNo, Attempt>,
    pub attempts_of: HashMap<IntentId, Vec<OutNo>>,
    pub payments: BTreeMap<PaymentId, Payment>,
    pub by_trade: HashMap<(ChannelId, String), PaymentId>,
    pub payments_of: HashMap<IntentId, Vec<PaymentId>>,
    pub exceptions: HashMap<ExceptionId, Exception>,
    pub refunds: BTreeMap<RefundId, Refund>,
    /// Refunds that wait for a person's word.
    pub undecided: BTreeSet<RefundId>,
    pub epoch: i64,
    pub rules: RuleBook,
    /// What agents earn.
    pub plan: Arc<PlanVersion>,
    /// When what is earned is settled.
    pub paydays: Arc<Paydays>,
    pub wares: HashMap<SkuId, Ware>,
    /// Jobs of commits, to be picked up by the world.
    pub jobs: Vec<Job>,
    pub locks: Locks,
    /// Whether a batch takes its keys before it reads, or with what it writes.
    pub takes_keys_first: bool,
}

/// A row is locked by another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waits(pub NodeNumber);

impl Database {
    /// An empty database of this tenant.
    pub fn new(layout: Layout, now: DateTime<Utc>) -> Self {
        let (plan, paydays) = (Arc::new(layout.plan(0)), Arc::new(layout.paydays()));
        let mut new = Self {
            layout,
            now,
            keys: HashMap::default(),
            orders: BTreeMap::new(),
            holds: BTreeSet::new(),
            holds_of: HashMap::default(),
            cards: HashMap::default(),
            free: HashMap::default(),
            shared: HashMap::default(),
            counts: HashMap::default(),
            balances: HashMap::default(),
            posted: HashMap::default(),
            entries: Vec::new(),
            entries_about: HashMap::default(),
            entry_ids: HashSet::default(),
            intents: HashMap::default(),
            open_top_ups: HashMap::default(),
            attempts: HashMap::default(),
            attempts_of: HashMap::default(),
            payments: BTreeMap::new(),
            by_trade: HashMap::default(),
            payments_of: HashMap::default(),
            exceptions: HashMap::default(),
            refunds: BTreeMap::new(),
            undecided: BTreeSet::new(),
            epoch: 0,
            rules: RuleBook::default(),
            plan,
            paydays,
            wares: HashMap::default(),
            jobs: Vec::new(),
            locks: Locks::default(),
            takes_keys_first: true,
        };
        new.change_prices();
        new
    }

    /// Prices move, all at once.
    pub fn change_prices(&mut self) {
        self.epoch += 1;
        self.rules = self.layout.rules(self.epoch);
        self.plan = Arc::new(self.layout.plan(self.epoch));
        let raise = self.epoch % 3;
        let wares = (0..self.layout.goods.len()).map(|place| self.layout.ware(place, raise));
        self.wares = wares.map(|ware| (ware.facts.sku, ware)).collect();
    }

    /// Puts cards in stock.
    pub fn stock(&mut self, sku: SkuId, cards: impl Iterator<Item = CardId>, expires_at: Option<DateTime<Utc>>) {
        let count = self.counts.entry(sku).or_default();
        // The SKU's cost of this moment: it moves with the prices, what is in stock keeps its own.
        let cost_minor = self.wares.get(&sku).map_or(0, |ware| ware.facts.cost.minor());
        for card in cards {
            let row = CardRow { sku, state: CardState::Available, line: None, expires_at, cost_minor };
            self.cards.insert(card, row);
            self.free.entry(sku).or_default().insert(card, expires_at);
            count.available += 1;
        }
    }

    /// Puts codes in stock that every buyer gets.
    pub fn stock_shared(&mut self, sku: SkuId, cards: impl Iterator<Item = CardId>) {
        let count = self.counts.entry(sku).or_default();
        for card in cards {
            self.cards
                .insert(card, CardRow { sku, state: CardState::Shared, line: None, expires_at: None, cost_minor: 0 });
            self.shared.entry(sku).or_default().push(card);
            count.shared += 1;
        }
    }

    /// How many cards a page would show.
    pub fn available(&self, sku: SkuId) -> i64 {
        self.counts.get(&sku).map_or(0, |count| count.available)
    }

    /// What an account has.
    pub fn balance(&self, account: &Account) -> i64 {
        self.balances.get(account).copied().unwrap_or(0)
    }

    /// What was posted about something.
    pub fn entries_of(&self, subject: Uuid) -> Vec<Entry> {
        let places = self.entries_about.get(&subject).into_iter().flatten();
        places.map(|place| self.entries[*place].clone()).collect()
    }

    /// The accounts of what is pending that have something on them, ascending by day and owner.
    pub fn pending(&self) -> Vec<(Account, i64)> {
        let is_pending = |(account, minor): &(&Account, &i64)| account.due.is_some() && **minor > 0;
        let found = self.balances.iter().filter(is_pending).map(|(account, minor)| (*account, *minor));
        let mut found: Vec<(Account, i64)> = found.collect();
        found.sort_by_key(|(account, _)| (account.owner, account.due));
        found
    }

    /// Frees every row that a node has locked.
    pub fn unlock(&mut self, node: NodeNumber) {
        self.locks.keys.retain(|_, owner| *owner != node);
        self.locks.orders.retain(|_, owner| *owner != node);
        self.locks.intents.retain(|_, owner| *owner != node);
        self.locks.refunds.retain(|_, owner| *owner != node);
        self.locks.cards.retain(|_, owner| *owner != node);
    }
}

/// Locks a row for a node, unless another one has it.
pub(crate) fn lock<K: Hash + Eq>(rows: &mut HashMap<K, NodeNumber>, row: K, node: NodeNumber) -> Result<(), Waits> {
    match rows.get(&row) {
        Some(owner) if *owner != node => Err(Waits(*owner)),
        Some(_) => Ok(()),
        None => {
            rows.insert(row, node);
            Ok(())
        }
    }
}
