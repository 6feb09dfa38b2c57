//! A lane of one tenant on one node: what a lane's task does, one step at a time, so that others come in between.

use std::collections::{BTreeSet, VecDeque};

use chrono::{DateTime, Utc};
use inventory::Picks;
use kernel::TenantId;
use lane::Parts;
use ledger::{Account, AccountKind, Book};
use order::Desk;
use payment::{Till, TillWishes};

use crate::act::Ask;
use crate::batch::{Told, Work, deliver, divide, gather};
use crate::database::{Database, Effects, KeyRow, NodeNumber, Refused, StockAt, Touched, Waits, lock};
use crate::dice::Dice;
use crate::map::HashMap;
use crate::run::Mutation;

/// A batch that others disturb is run this often before its commands are tried one by one.
const ATTEMPTS_MAX: u32 = 4;
/// Commands of one batch.
const BATCH_MAX: u64 = 48;

/// A lane, which its node's death empties.
pub(crate) struct Lane {
    node: NodeNumber,
    tenant: TenantId,
    parts: Parts,
    pub queue: VecDeque<Ask>,
    /// Pieces of a divided batch, the next one last.
    pieces: Vec<Vec<Work>>,
    flight: Option<Flight>,
}

/// A batch on its way.
struct Flight {
    work: Vec<Work>,
    attempt: u32,
    stage: Stage,
    now: DateTime<Utc>,
    /// Places of commands that were not decided before.
    fresh: Vec<usize>,
    effects: Effects,
    /// What is kept under each key, and whether it was before.
    answers: Vec<Option<(KeyRow, bool)>>,
    /// What was asked of payments, until it is read.
    wishes: TillWishes,
    waits_for: Option<NodeNumber>,
}

/// How far a batch is: what it does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Keys,
    Orders,
    Payments,
    Claim,
    Commit,
    Answer,
}

/// What a step of a lane came to.
#[derive(Default)]
pub(crate) struct Progress {
    /// What was committed, to be looked after.
    pub touched: Option<Touched>,
    /// Who is told what.
    pub told: Vec<(Ask, Told)>,
    /// Runs that were rolled back to be decided again, and why.
    pub reruns: u64,
    /// Batches of both nodes that waited for each other.
    pub deadlocks: u64,
}

impl Lane {
    /// An idle lane with nothing in memory.
    pub fn new(node: NodeNumber, tenant: TenantId) -> Self {
        Self { node, tenant, parts: parts(tenant), queue: VecDeque::new(), pieces: Vec::new(), flight: None }
    }

    /// Whether there is anything to do.
    pub fn is_busy(&self) -> bool {
        self.flight.is_some() || !self.pieces.is_empty() || !self.queue.is_empty()
    }

    /// What the batch on its way does next.
    pub fn stage(&self) -> Option<Stage> {
        self.flight.as_ref().map(|flight| flight.stage)
    }

    /// Whom its batch waits for.
    pub fn waits_for(&self) -> Option<NodeNumber> {
        self.flight.as_ref().and_then(|flight| flight.waits_for)
    }

    /// The other node has freed its rows: whoever waited for it may go on.
    pub fn wake(&mut self) {
        if let Some(flight) = &mut self.flight {
            flight.waits_for = None;
        }
    }

    /// The node dies: nothing is rolled forward, nothing remembered. Those who waited for an answer get none.
    pub fn die(&mut self, database: &mut Database) -> Vec<Ask> {
        database.unlock(self.node);
        let mut lost: Vec<Ask> = Vec::new();
        let flights = self.flight.take().map(|flight| flight.work);
        for work in flights.into_iter().chain(self.pieces.drain(..)).flatten() {
            lost.extend(work.asks.into_iter().map(|(_, ask)| ask));
        }
        lost.extend(self.queue.drain(..));
        self.parts = parts(self.tenant);
        lost
    }

    /// The commit took effect and the node did not hear of it: the batch is run again, and the keys decide.
    pub fn lose_commit(&mut self, database: &mut Database) -> Progress {
        let mut progress = Progress::default();
        self.again(database, &mut progress);
        progress
    }

    /// Goes on until a row of another node is in the way, or chance lets somebody else go first. `rival` is whom the
    /// other node's batch waits for.
    pub fn advance(
        &mut self,
        database: &mut Database,
        dice: &mut Dice,
        (mutation, rival): (Mutation, Option<NodeNumber>),
    ) -> Progress {
        let mut progress = Progress::default();
        if self.flight.is_none() && !self.begin(database.now, dice) {
            return progress;
        }
        while let Some(stage) = self.stage() {
            match self.step(stage, database, mutation, &mut progress) {
                Ok(()) => {}
                // The other one waits for us: one of the two gives way, as the database's detector has it.
                Err(Refused::Waits(_)) if rival == Some(self.node) => {
                    progress.deadlocks += 1;
                    self.again(database, &mut progress);
                }
                Err(Refused::Waits(Waits(owner))) => {
                    self.flight.as_mut().expect("it waits").waits_for = Some(owner);
                    break;
                }
                Err(Refused::Barred(_)) => self.again(database, &mut progress),
            }
            let pauses = if stage >= Stage::Payments { 700 } else { 100 };
            if stage >= Stage::Commit || dice.is_hit(pauses) {
                break;
            }
        }
        progress
    }

    /// Takes the next piece of work, if there is any.
    fn begin(&mut self, now: DateTime<Utc>, dice: &mut Dice) -> bool {
        let work = self.pieces.pop().unwrap_or_else(|| {
            let most = usize::try_from(dice.between(1, BATCH_MAX)).expect("a small number").min(self.queue.len());
            gather(self.queue.drain(..most))
        });
        if work.is_empty() {
            return false;
        }
        let (fresh, answers) = (Vec::new(), Vec::new());
        let (effects, wishes) = (Effects::default(), TillWishes::default());
        let (attempt, stage, waits_for) = (0, Stage::Keys, None);
        self.flight = Some(Flight { work, attempt, stage, now, fresh, effects, answers, wishes, waits_for });
        true
    }

    fn step(
        &mut self,
        stage: Stage,
        database: &mut Database,
        mutation: Mutation,
        progress: &mut Progress,
    ) -> Result<(), Refused> {
        let flight = self.flight.as_mut().expect("a batch is on its way");
        flight.waits_for = None;
        match stage {
            Stage::Keys => self.take_keys(database).map_err(Refused::Waits),
            Stage::Orders => self.read_orders(database).map_err(Refused::Waits),
            Stage::Payments => self.read_and_decide(database).map_err(Refused::Waits),
            Stage::Claim => {
                let looks_again = self.parts.part::<Desk>().looks_again();
                let flight = self.flight.as_mut().expect("a batch is on its way");
                if looks_again || !database.claim(self.node, &flight.effects.cards, mutation) {
                    return Err(Refused::Barred("a claim came up short"));
                }
                flight.stage = Stage::Commit;
                Ok(())
            }
            Stage::Commit => {
                database.check(self.node, &flight.effects, mutation)?;
                progress.touched = Some(database.apply(std::mem::take(&mut flight.effects), flight.now, mutation));
                flight.stage = Stage::Answer;
                database.unlock(self.node);
                Ok(())
            }
            Stage::Answer => {
                self.parts.end(true);
                let flight = self.flight.take().expect("a batch is on its way");
                progress.told.extend(deliver(flight.work, flight.answers));
                Ok(())
            }
        }
    }

    /// Rolls back; the batch is run again, or in pieces, or its only command is given up for now.
    fn again(&mut self, database: &mut Database, progress: &mut Progress) {
        database.unlock(self.node);
        self.parts.end(false);
        progress.reruns += 1;
        let mut flight = self.flight.take().expect("a batch is on its way");
        if flight.attempt + 1 < ATTEMPTS_MAX {
            flight = Flight { attempt: flight.attempt + 1, stage: Stage::Keys, now: database.now, ..flight };
            (flight.effects, flight.answers, flight.waits_for) = (Effects::default(), Vec::new(), None);
            self.flight = Some(flight);
        } else if flight.work.len() > 1 {
            self.pieces.extend(divide(flight.work));
        } else {
            progress.told.extend(deliver(flight.work, vec![None]));
        }
    }

    /// The keys of the batch: those that are kept are not decided again. They are taken now, ascending, so that who else
    /// has one of them decides first, or with the rest of what is written, so that whoever is late runs again.
    fn take_keys(&mut self, database: &mut Database) -> Result<(), Waits> {
        let flight = self.flight.as_mut().expect("a batch is on its way");
        let keys: BTreeSet<&String> = flight.work.iter().map(|work| &work.key).collect();
        for key in keys.into_iter().filter(|_| database.takes_keys_first) {
            if !database.locks.keys.contains_key(key) || database.locks.keys[key] != self.node {
                lock(&mut database.locks.keys, key.clone(), self.node)?;
            }
        }
        let is_fresh = |place: &usize| !database.keys.contains_key(&flight.work[*place].key);
        flight.fresh = (0..flight.work.len()).filter(is_fresh).collect();
        for place in &flight.fresh {
            flight.work[*place].act.want(&mut self.parts);
        }
        flight.wishes = self.parts.part::<Till>().take_wishes();
        flight.stage = Stage::Orders;
        Ok(())
    }

    fn read_orders(&mut self, database: &mut Database) -> Result<(), Waits> {
        let flight = self.flight.as_mut().expect("a batch is on its way");
        let desk = self.parts.part::<Desk>();
        let wishes = desk.wishes();
        database.lock_orders(self.node, &wishes.orders)?;
        desk.assume_orders(database.orders_of(&wishes.orders), flight.attempt);
        let wares = wishes.skus.iter().filter_map(|sku| database.wares.get(sku).cloned());
        desk.assume_prices(database.epoch, &database.rules, wares);
        desk.assume_plan(&database.plan);
        desk.assume_paydays(&database.paydays);
        flight.stage = Stage::Payments;
        Ok(())
    }

    /// Everything else is read, and the commands are decided in their order.
    fn read_and_decide(&mut self, database: &mut Database) -> Result<(), Waits> {
        let flight = self.flight.as_mut().expect("a batch is on its way");
        let (node, now) = (self.node, flight.now);
        let intents = database.intents_wanted(&flight.wishes);
        database.lock_payments(node, &intents, &flight.wishes.refunds)?;
        if flight.attempt > 0
            && let Some(owner) = database.locks.cards.values().find(|owner| **owner != node)
        {
            // Cards that are read to be locked are waited for.
            return Err(Waits(*owner));
        }
        self.parts.part::<Till>().assume(database.payment_rows(&flight.wishes, &intents));
        let locked = self.parts.part::<Picks>().read_simulated(&StockAt(database, now), flight.attempt);
        database.locks.cards.extend(locked.into_iter().map(|card| (card, node)));
        read_more(&mut self.parts, database, (node, now));
        let mut decided = HashMap::default();
        for &place in &flight.fresh {
            decided.insert(place, flight.work[place].act.decide(&mut self.parts, now));
        }
        flight.effects = effects(&mut self.parts, now);
        flight.answers = Vec::with_capacity(flight.work.len());
        for (place, work) in flight.work.iter().enumerate() {
            flight.answers.push(match decided.remove(&place) {
                Some(answer) => {
                    let row = KeyRow { fingerprint: work.fingerprint.clone(), answer };
                    flight.effects.keys.push((work.key.clone(), row.clone()));
                    Some((row, false))
                }
                None => database.keys.get(&work.key).map(|row| (row.clone(), true)),
            });
        }
        flight.stage = Stage::Claim;
        Ok(())
    }
}

fn parts(tenant: TenantId) -> Parts {
    Parts::new(vec![
        Box::new(Desk::simulated()),
        Box::new(Till::new()),
        Box::new(Picks::default()),
        Box::new(Book::new(tenant)),
    ])
}

/// What follows from what was read: overdue orders where goods are short, and balances last.
fn read_more(parts: &mut Parts, database: &mut Database, (node, now): (NodeNumber, DateTime<Utc>)) {
    let short_of = parts.part::<Picks>().short_of().clone();
    let desk = parts.part::<Desk>();
    if !short_of.is_empty() {
        let known = desk.wishes().orders;
        let (overdue, has_missed) = database.lock_overdue(node, &short_of, (&known, now));
        desk.assume_overdue(database.orders_of(&overdue), has_missed);
    }
    let sellers: Vec<Account> = desk
        .sellers()
        .flat_map(|(site, total)| {
            [AccountKind::SitePrepaid, AccountKind::SitePrepaidHeld]
                .map(|kind| Account::of(kind, site.uuid(), total.currency()))
        })
        .collect();
    let book = parts.part::<Book>();
    sellers.into_iter().for_each(|account| book.want(account));
    let undone = book.wanted_subjects().clone();
    let earners = parts.part::<Desk>().earners_of(&undone);
    let book = parts.part::<Book>();
    earners.into_iter().for_each(|earner| book.want_earner(earner));
    for subject in book.take_wanted_subjects() {
        book.assume_entries(subject, database.entries_of(subject));
    }
    if !book.earners().is_empty() {
        database.pending().into_iter().for_each(|(account, minor)| book.assume(account, minor));
    }
    for account in book.take_wanted() {
        book.assume(account, database.balance(&account));
    }
}

fn effects(parts: &mut Parts, now: DateTime<Utc>) -> Effects {
    let book = parts.part::<Book>();
    let (entries, moves) = (book.entries().to_vec(), book.moves().collect());
    Effects {
        keys: Vec::new(),
        desk: parts.part::<Desk>().news(now),
        till: parts.part::<Till>().news(),
        cards: parts.part::<Picks>().moves(),
        entries,
        moves,
    }
}
