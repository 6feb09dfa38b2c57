//! A run: worlds one after another, all from one seed.

use std::panic::{AssertUnwindSafe, catch_unwind};
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
        let mut totals = Totals::default();
        let mut left = self.steps;
        while left > 0 {
            let steps = left.min(self.world_steps);
            totals.add(&self.run_world(totals.worlds, steps)?);
            left -= steps;
        }
        Ok(totals)
    }

    /// Runs worlds until the time is over; `tell` hears of each.
    pub fn run_for(&self, time: Duration, mut tell: impl FnMut(&Totals)) -> Result<Totals, Failure> {
        let (began, mut totals) = (Instant::now(), Totals::default());
        while began.elapsed() < time {
            totals.add(&self.run_world(totals.worlds, self.world_steps)?);
            tell(&totals);
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
