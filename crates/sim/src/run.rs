//! A run: worlds one after another, all from one seed.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::totals::Totals;
use crate::world::World;

/// What a run does, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// What everything follows from.
    pub seed: u64,
    /// Steps in all; the last world ends where they do.
    pub steps: u64,
    /// Steps of one world.
    pub world_steps: u64,
    /// What is broken on purpose, to see that it is found.
    pub mutation: Mutation,
}

/// A fault made on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// None: the house as it is.
    None,
    /// Cards are taken without a look at whether they are still free.
    NoClaim,
    /// The database does not refuse a negative balance.
    NoBalanceCheck,
    /// Answers are not kept under their keys.
    NoKeys,
    /// The jobs of a commit are not written.
    LostJobs,
}

/// Something does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The run's seed.
    pub seed: u64,
    /// Which world of it, from 0.
    pub world: u64,
    /// The step of that world.
    pub step: u64,
    /// What was found.
    pub finding: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seed, world, step, finding } = self;
        write!(f, "seed {seed}, world {world}, step {step}: {finding}")
    }
}

impl Plan {
    /// A run of this seed, in worlds of the usual length.
    pub const fn new(seed: u64, steps: u64) -> Self {
        Self { seed, steps, world_steps: 30_000, mutation: Mutation::None }
    }

    /// Runs to the end of the steps, or to the first thing that does not hold.
    pub fn run(&self) -> Result<Totals, Failure> {
        self.run_on(1)
    }

    /// The same on several threads: each has worlds of its own, so nothing depends on how many there are.
    pub fn run_on(&self, threads: usize) -> Result<Totals, Failure> {
        let steps_of = |number: u64| {
            let before = number.saturating_mul(self.world_steps);
            self.steps.checked_sub(before).filter(|left| *left > 0).map(|left| left.min(self.world_steps))
        };
        self.run_worlds(threads, steps_of)
    }

    /// Runs whole worlds until the time is over.
    pub fn run_for(&self, time: Duration, threads: usize) -> Result<Totals, Failure> {
        let began = Instant::now();
        self.run_worlds(threads, |_| (began.elapsed() < time).then_some(self.world_steps))
    }

    /// Runs worlds as long as `steps_of` gives their number steps. What is told is the lowest world's failure.
    fn run_worlds(&self, threads: usize, steps_of: impl Fn(u64) -> Option<u64> + Sync) -> Result<Totals, Failure> {
        let (next, has_failed) = (AtomicU64::new(0), AtomicBool::new(false));
        let ended: Mutex<BTreeMap<u64, Result<Totals, Failure>>> = Mutex::default();
        let work = || {
            while !has_failed.load(Ordering::SeqCst) {
                let number = next.fetch_add(1, Ordering::SeqCst);
                let Some(steps) = steps_of(number) else { break };
                let outcome = self.run_world(number, steps);
                has_failed.fetch_or(outcome.is_err(), Ordering::SeqCst);
                ended.lock().expect("no thread panics here").insert(number, outcome);
            }
        };
        std::thread::scope(|scope| (0..threads.max(1)).for_each(|_| drop(scope.spawn(work))));
        let mut totals = Totals::default();
        for outcome in ended.into_inner().expect("no thread panics here").into_values() {
            totals.add(&outcome?);
        }
        Ok(totals)
    }

    fn run_world(&self, number: u64, steps: u64) -> Result<Totals, Failure> {
        let mut world = World::new(self.seed, number, self.mutation);
        let ended = catch_unwind(AssertUnwindSafe(|| world.live(steps)));
        let finding = match ended {
            Ok(Ok(())) => return Ok(world.totals()),
            Ok(Err(finding)) => finding,
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                format!("a rule panicked: {}", text.unwrap_or_default())
            }
        };
        Err(Failure { seed: self.seed, world: number, step: world.totals().steps, finding })
    }
}
