//! Many rounds: which, in which order, how many at once, and the table of what came of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::stream::{self, StreamExt};
use tokio::sync::Semaphore;

use crate::database::Backend;
use crate::round::{Outcome, Round};

/// Installations that live at the same time: most of them wait for leases of the dead to run out.
const ALIVE_MAX: usize = 6;

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The program.
    pub binary: PathBuf,
    /// The databases, which take turns.
    pub backends: Vec<Backend>,
    /// Rounds in all.
    pub rounds: u64,
    /// What everything follows from.
    pub seed: u64,
}

/// The head of the table.
pub const HEAD: &str = "round  database  when                            acknowledged  replayed  paid  expired  refunded  sold out  quiet  audit";

impl Campaign {
    /// Runs all rounds, telling each outcome as it comes; ends with the first round that breaks a promise.
    pub async fn run(&self, mut tell: impl FnMut(&Outcome)) -> Result<Vec<Outcome>> {
        let turns = Arc::new(Semaphore::new(1));
        let rounds = stream::iter(self.rounds()).map(|round| {
            let (binary, turns) = (self.binary.clone(), Arc::clone(&turns));
            async move { round.run(&binary, &turns).await }
        });
        let mut rounds = Box::pin(rounds.buffer_unordered(ALIVE_MAX));
        let mut outcomes = Vec::new();
        while let Some(outcome) = rounds.next().await {
            let outcome = outcome?;
            tell(&outcome);
            let is_good = outcome.is_good();
            outcomes.push(outcome);
            if !is_good {
                break;
            }
        }
        Ok(outcomes)
    }

    fn rounds(&self) -> impl Iterator<Item = Round> {
        let (seed, backends) = (self.seed, self.backends.clone());
        let places = (0..self.rounds).zip((0..backends.len()).cycle());
        places.map(move |(round, place)| Round {
            number: round / backends.len() as u64,
            backend: backends[place],
            seed,
        })
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (round, quiet) = (&self.round, Duration::from_secs(self.quiet_after.as_secs()));
        let audit = if self.is_good() { "every invariant holds" } else { "BROKEN" };
        write!(
            f,
            "{:<5}  {:<8}  {:<30}  {:>12}  {:>8}  {:>4}  {:>7}  {:>8}  {:>8}  {:>5}  {audit}",
            round.number,
            round.backend.word(),
            self.plan.to_string(),
            self.acknowledged,
            self.replayed,
            self.paid,
            self.expired,
            self.refunded,
            self.sold_out,
            format!("{quiet:?}"),
        )?;
        for broken in &self.broken {
            write!(f, "\n       {broken}")?;
        }
        match &self.kept {
            Some(folder) => write!(f, "\n       kept in {}", folder.display()),
            None => Ok(()),
        }
    }
}
