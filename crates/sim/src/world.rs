//! A world: databases, nodes, gateways and people, and who of them goes next.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use inventory::CardId;
use kernel::Currency;
use order::OrderId;

use crate::act::{Act, Ask, Asker};
use crate::agenda::{Agenda, Event};
use crate::batch::Told;
use crate::database::{Database, Job};
use crate::dice::Dice;
use crate::gateway::Gateway;
use crate::layout::Layout;
use crate::map::{HashMap, HashSet};
use crate::recount::{at_the_end, recount};
use crate::run::Mutation;
use crate::task::{Lane, Stage};
use crate::totals::Totals;
use crate::touched::{self, Finding};

/// Steps between two recounts.
const RECOUNT_EVERY: u64 = 10_000;
/// Steps that a world may take to become quiet.
const CALM_STEPS_MAX: u64 = 500_000;
/// How far the database's clock may be from the true time, in microseconds.
const SKEW_MAX: i64 = 20_000_000;
pub(crate) const SECOND: i64 = 1_000_000;
const NODES: usize = 2;
/// Events and commands that may wait before nobody new comes.
const CROWD_MAX: usize = 20_000;

/// A small universe of two tenants.
pub(crate) struct World {
    pub dice: Dice,
    pub mutation: Mutation,
    /// The true time in microseconds; it never goes back.
    pub clock: i64,
    /// How far the databases' clock is from it.
    skew: i64,
    pub databases: Vec<Database>,
    pub gateways: Vec<Gateway>,
    /// By tenant, then by node.
    pub lanes: Vec<Vec<Lane>>,
    pub agenda: Agenda,
    /// What was first told under each key, by tenant.
    told: Vec<HashMap<String, String>>,
    /// Orders whose delivery was announced, by tenant.
    announced: Vec<HashSet<OrderId>>,
    /// Trades that no gateway confirms, by tenant.
    pub unconfirmed: Vec<HashSet<String>>,
    /// Whether most buy what is never used up. Two nodes then sell at once, and only the money is short; where cards are
    /// sold, the nodes mostly stop each other at the cards already.
    pub sells_endless: bool,
    /// Nothing new begins, and everybody does what he should.
    pub is_calm: bool,
    pub totals: Totals,
}

impl World {
    /// World number `number` of a seed.
    pub fn new(seed: u64, number: u64, mutation: Mutation) -> Self {
        let mut dice = Dice::for_one(seed, number);
        let start = DateTime::parse_from_rfc3339("2026-03-01T00:00:00Z").expect("a moment").timestamp_micros();
        let layouts = [Currency::CNY, Currency::USD].map(|currency| Layout::new(&mut dice, currency));
        let lane = |layout: &Layout| (0..NODES).map(|node| Lane::new(node, layout.tenant)).collect();
        let lanes: Vec<Vec<Lane>> = layouts.iter().map(lane).collect();
        let mut databases: Vec<Database> =
            layouts.into_iter().map(|layout| Database::new(layout, moment(start))).collect();
        let count = databases.len();
        databases.iter_mut().for_each(|database| database.takes_keys_first = number.is_multiple_of(2));
        let mut world = Self {
            dice,
            mutation,
            clock: start,
            skew: 0,
            gateways: (0..count).map(|_| Gateway::default()).collect(),
            told: vec![HashMap::default(); count],
            announced: vec![HashSet::default(); count],
            unconfirmed: vec![HashSet::default(); count],
            databases,
            lanes,
            agenda: Agenda::default(),
            sells_endless: number % 3 == 1,
            is_calm: false,
            totals: Totals { worlds: 1, ..Totals::default() },
        };
        world.furnish();
        world
    }

    /// What has happened so far.
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// Lives so many steps, becomes quiet, and is looked at as a whole.
    pub fn live(&mut self, steps: u64) -> Result<(), Finding> {
        for step in 1..=steps {
            self.totals.steps = step;
            self.step()?;
            if step % RECOUNT_EVERY == 0 {
                self.recount()?;
            }
        }
        self.calm_down()?;
        self.recount()?;
        for tenant in 0..self.databases.len() {
            at_the_end(&self.databases[tenant], &self.gateways[tenant], &self.unconfirmed[tenant])?;
            self.check_announced(tenant)?;
        }
        Ok(())
    }

    fn recount(&mut self) -> Result<(), Finding> {
        self.totals.recounts += 1;
        for (tenant, database) in self.databases.iter().enumerate() {
            recount(database, &self.gateways[tenant])?;
            // What was told is what is kept.
            for (key, answer) in &self.told[tenant] {
                if database.keys.get(key).is_none_or(|row| row.answer != *answer) {
                    return Err(format!("key {key} was answered {answer}, which is not kept"));
                }
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Finding> {
        let roll = self.dice.throw() % 1_000;
        let moment = self.dice.between(0, 20_000);
        self.pass(i64::try_from(moment).expect("a moment"));
        self.totals.note(roll);
        match roll {
            0..560 => drop(self.work()?),
            560..800 if self.is_crowded() => drop(self.work()?),
            560..800 => self.visit(),
            800..970 => self.happen(32)?,
            970..994 => self.wait(),
            994..996 => self.stumble(),
            996..998 => self.restock(),
            998 => self.skew = self.some_skew(),
            _ => {
                let tenant = self.dice.place(self.databases.len());
                self.databases[tenant].change_prices();
            }
        }
        Ok(())
    }

    fn is_crowded(&self) -> bool {
        let queued: usize = self.lanes.iter().flatten().map(|lane| lane.queue.len()).sum();
        self.agenda.len() + queued > CROWD_MAX
    }

    /// Time goes on by so many microseconds.
    fn pass(&mut self, micros: i64) {
        self.clock += micros;
        let now = moment(self.clock + self.skew);
        self.databases.iter_mut().for_each(|database| database.now = now);
    }

    fn wait(&mut self) {
        let seconds = match self.dice.throw() % 40 {
            0 => self.dice.between(60, 1_200),
            _ => self.dice.between(1, 20),
        };
        self.pass(i64::try_from(seconds).expect("minutes") * SECOND);
    }

    fn some_skew(&mut self) -> i64 {
        let far = i64::try_from(self.dice.between(0, 2 * SKEW_MAX.unsigned_abs())).expect("seconds");
        far - SKEW_MAX
    }

    /// A lane that has something to do does a part of it.
    fn work(&mut self) -> Result<bool, Finding> {
        let all = (0..self.lanes.len()).flat_map(|tenant| (0..NODES).map(move |node| (tenant, node)));
        let busy: Vec<(usize, usize)> = all.filter(|(tenant, node)| self.lanes[*tenant][*node].is_busy()).collect();
        if busy.is_empty() {
            return Ok(false);
        }
        let (tenant, node) = *self.dice.pick(&busy);
        let rival = self.lanes[tenant][1 - node].waits_for();
        let lane = &mut self.lanes[tenant][node];
        let progress = lane.advance(&mut self.databases[tenant], &mut self.dice, (self.mutation, rival));
        self.totals.reruns += progress.reruns;
        self.totals.deadlocks += progress.deadlocks;
        if progress.touched.is_some() || progress.reruns > 0 {
            self.lanes[tenant][1 - node].wake();
        }
        if let Some(touched) = progress.touched {
            self.totals.commits += 1;
            touched::check(&self.databases[tenant], &touched)?;
            self.take_jobs(tenant);
        }
        for (ask, told) in progress.told {
            self.hear(node, ask, told)?;
        }
        self.maybe_die(tenant, node)?;
        Ok(true)
    }

    /// The named points at which a node dies: before its commit, after it and before an answer, after the answers and
    /// before their jobs. A commit can also stay unanswered while the node lives on.
    fn maybe_die(&mut self, tenant: usize, node: usize) -> Result<(), Finding> {
        if self.is_calm {
            return Ok(());
        }
        match (self.lanes[tenant][node].stage(), self.dice.throw() % 1_000) {
            (Some(Stage::Commit), 0..4) => self.totals.deaths_before_commit += 1,
            (Some(Stage::Answer), 0..4) => self.totals.deaths_before_answer += 1,
            (None, 0..3) => self.totals.deaths_before_jobs += 1,
            (Some(Stage::Answer), 4..14) => {
                self.totals.lost_commits += 1;
                let progress = self.lanes[tenant][node].lose_commit(&mut self.databases[tenant]);
                for (ask, told) in progress.told {
                    self.hear(node, ask, told)?;
                }
                return Ok(());
            }
            _ => return Ok(()),
        }
        self.die(node);
        Ok(())
    }

    /// A node dies at any moment.
    fn stumble(&mut self) {
        if self.dice.is_hit(100) {
            self.totals.deaths_anywhere += 1;
            let node = self.dice.place(NODES);
            self.die(node);
        }
    }

    /// A node dies with all its lanes; those who lost their answers ask again, anywhere.
    fn die(&mut self, node: usize) {
        for tenant in 0..self.lanes.len() {
            let lost = self.lanes[tenant][node].die(&mut self.databases[tenant]);
            lost.into_iter().for_each(|ask| self.ask_later(ask));
            self.lanes[tenant][1 - node].wake();
        }
    }

    /// Jobs of commits get their time; now and then one comes twice, or late.
    pub fn take_jobs(&mut self, tenant: usize) {
        for job in std::mem::take(&mut self.databases[tenant].jobs) {
            let after = match job {
                Job::Create(_) => 3 * SECOND,
                Job::Watch(_) => 5 * SECOND,
                _ => 0,
            };
            let times = if self.dice.is_hit(30) { 2 } else { 1 };
            for _ in 0..times {
                let delay = i64::try_from(self.dice.between(0, 10)).expect("seconds") * SECOND;
                self.agenda.plan(self.clock + after + delay, Event::Job { tenant, job: job.clone() });
            }
        }
    }

    /// Somebody is told what became of his command.
    fn hear(&mut self, node: usize, ask: Ask, told: Told) -> Result<(), Finding> {
        let tenant = ask.tenant;
        let (answer, is_replay) = match told {
            Told::Unavailable => {
                self.ask_later(ask);
                return Ok(());
            }
            Told::KeyReused if ask.asker == Asker::Cheat => return Ok(()),
            Told::KeyReused => return Err(format!("key {} is said to be used", ask.act.key().as_str())),
            Told::Answer { answer, is_replay } => (answer, is_replay),
        };
        if ask.asker == Asker::Cheat {
            return Err(format!("key {} was used for two things", ask.act.key().as_str()));
        }
        self.totals.answers += 1;
        self.totals.replays += u64::from(is_replay);
        self.totals.note(answer.len() as u64 ^ (node as u64) << 32);
        let key = ask.act.key().as_str().to_owned();
        let is_first = match self.told[tenant].get(&key) {
            Some(first) if *first == answer => false,
            Some(first) => return Err(format!("key {key} was answered {first}, and now {answer}")),
            None => {
                self.told[tenant].insert(key, answer.clone());
                true
            }
        };
        self.follow(&ask, &answer, is_first)
    }

    /// Notes that a job has told of deliveries.
    pub fn announce(&mut self, tenant: usize, orders: &[OrderId]) -> Result<(), Finding> {
        for id in orders {
            if !self.databases[tenant].orders.get(id).is_some_and(touched::is_paid) {
                return Err(format!("order {id} is said to be delivered, and is not paid"));
            }
            self.announced[tenant].insert(*id);
        }
        Ok(())
    }

    /// Every delivery was announced by a job.
    fn check_announced(&self, tenant: usize) -> Result<(), Finding> {
        for order in self.databases[tenant].orders.values() {
            let is_delivered = order.events().iter().any(|(event, _)| *event == order::machine::OrderEvent::Delivered);
            if is_delivered && !self.announced[tenant].contains(&order.id()) {
                return Err(format!("no job has told that order {} was delivered", order.id()));
            }
        }
        Ok(())
    }

    /// Hands a command to a node's lane.
    pub fn ask(&mut self, ask: Ask) {
        let node = self.dice.place(NODES);
        if !self.is_calm && self.dice.is_hit(15) {
            self.lanes[ask.tenant][1 - node].queue.push_back(ask.clone());
        }
        self.lanes[ask.tenant][node].queue.push_back(ask);
    }

    /// The same, made of its pieces.
    pub fn ask_for(&mut self, tenant: usize, act: Act, asker: Asker) {
        self.ask(Ask { tenant, act: Arc::new(act), asker });
    }

    /// Whoever got no answer asks again; a job comes again by itself.
    fn ask_later(&mut self, ask: Ask) {
        let at = self.clock + i64::try_from(self.dice.between(1, 60)).expect("seconds") * SECOND;
        let tenant = ask.tenant;
        match (ask.asker, &*ask.act) {
            (Asker::Job | Asker::Refunder(_), _) => {}
            // What it seems to be for is looked up anew.
            (_, Act::Receive(receive)) => self.agenda.plan(at, Event::Message { tenant, seen: receive.seen.clone() }),
            _ => self.agenda.plan(at, Event::Again(ask)),
        }
    }

    /// Up to `most` events that are due.
    fn happen(&mut self, most: usize) -> Result<(), Finding> {
        for _ in 0..most {
            let Some(event) = self.agenda.pop_due(self.clock) else { break };
            self.take_event(event)?;
        }
        Ok(())
    }

    /// Nobody comes any more, nobody dies, gateways answer: all that was begun is brought to its end.
    fn calm_down(&mut self) -> Result<(), Finding> {
        self.is_calm = true;
        self.gateways.iter_mut().for_each(|gateway| gateway.is_kind = true);
        for _ in 0..CALM_STEPS_MAX {
            if self.work()? {
                continue;
            }
            if let Some(at) = self.agenda.next_at() {
                self.pass((at - self.clock).max(0));
                self.happen(64)?;
                continue;
            }
            // The sweeper and the operators have the last word.
            self.pass(60 * SECOND);
            let mut is_left = false;
            for tenant in 0..self.databases.len() {
                is_left |= self.sweep(tenant);
            }
            if !is_left {
                return Ok(());
            }
        }
        Err(self.unrest())
    }

    /// What keeps a world from becoming quiet, in words.
    fn unrest(&mut self) -> Finding {
        let stages: Vec<_> = self.lanes.iter().flatten().map(Lane::stage).collect();
        let next = self.agenda.pop_due(i64::MAX);
        let left = self.databases.iter().map(|database| (database.holds.len(), database.undecided.len()));
        let left: Vec<_> = left.collect();
        format!("the world does not become quiet: lanes {stages:?}, next {next:?}, holds and words left {left:?}")
    }

    /// New cards.
    pub fn add_cards(&mut self, tenant: usize, place: usize, count: usize) {
        let goods = self.databases[tenant].layout.goods[place].clone();
        let cards: Vec<CardId> = (0..count).map(|_| CardId::from_uuid(self.dice.name())).collect();
        let life = TimeDelta::minutes(i64::try_from(self.dice.between(10, 120)).expect("minutes"));
        let database = &mut self.databases[tenant];
        let expires_at = goods.is_expiring.then(|| database.now + life);
        database.stock(goods.sku, cards.into_iter(), expires_at);
    }
}

fn moment(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).expect("within chrono's range")
}
