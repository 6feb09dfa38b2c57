//! Many rounds: which, in which order, how many at once, and a line for each.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio::sync::Semaphore;

use crate::database::Backend;
use crate::faults::{self, Fault};
use crate::round::{Outcome, Round};

/// Installations that live at the same time: most of them wait for leases of the dead to run out.
const ALIVE_MAX: usize = 6;

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The program.
    pub binary: PathBuf,
    /// The databases.
    pub backends: Vec<Backend>,
    /// The faults, which take turns on each of them.
    pub faults: Vec<&'static Fault>,
    /// Rounds in all.
    pub rounds: u64,
    /// What everything follows from.
    pub seed: u64,
}

/// The head of the table.
pub const HEAD: &str = "round  fault              database  acknowledged  replayed  paid  expired  refunded  sold out  \
    looks   outage  quiet  audit";

impl Campaign {
    /// Runs all rounds, telling each outcome as it comes.
    pub async fn run(&self, mut tell: impl FnMut(&Outcome)) -> Vec<Outcome> {
        let turns = Arc::new(Semaphore::new(1));
        let rounds = stream::iter(self.rounds()).map(|round| {
            let (binary, turns) = (self.binary.clone(), Arc::clone(&turns));
            async move { round.run(&binary, &turns).await }
        });
        let mut rounds = Box::pin(rounds.buffer_unordered(ALIVE_MAX));
        let mut outcomes = Vec::new();
        while let Some(outcome) = rounds.next().await {
            tell(&outcome);
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Leaves out what this machine does not let us do; answers why.
    pub async fn leave_out_impossible(&mut self) -> Vec<String> {
        let mut reasons = Vec::new();
        let mut possible = Vec::new();
        for fault in &self.faults {
            match faults::obstacle(fault).await {
                None => possible.push(*fault),
                Some(reason) => reasons.push(format!("{}: {reason}", fault.name)),
            }
        }
        self.faults = possible;
        reasons
    }

    /// How many rounds it takes for each fault to happen once on each of its databases.
    pub fn turn(&self) -> u64 {
        self.places().len() as u64
    }

    fn places(&self) -> Vec<(&'static Fault, Backend)> {
        let all = self.faults.iter().flat_map(|fault| self.backends.iter().map(move |backend| (*fault, *backend)));
        all.filter(|(fault, backend)| fault.backends.contains(backend)).collect()
    }

    fn rounds(&self) -> Vec<Round> {
        let (seed, places) = (self.seed, self.places());
        let turns = (0..self.rounds).zip((0..places.len()).cycle());
        let round = |(number, place): (u64, usize)| {
            let (fault, backend) = places[place];
            Round { number: number / places.len() as u64, backend, fault, seed }
        };
        turns.map(round).collect()
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (round, quiet) = (&self.round, Duration::from_secs(self.quiet_after.as_secs()));
        let audit = match (self.is_good(), self.is_audit_clean) {
            (true, _) => "every invariant holds",
            (false, true) => "every invariant holds, A PROMISE IS BROKEN",
            (false, false) => "BROKEN",
        };
        write!(
            f,
            "{:<5}  {:<17}  {:<8}  {:>12}  {:>8}  {:>4}  {:>7}  {:>8}  {:>8}  {:>5}  {:>5}ms  {:>5}  {audit}; after {} ms: {}",
            round.number,
            round.fault.name,
            round.backend.word(),
            self.acknowledged,
            self.replayed,
            self.paid,
            self.expired,
            self.refunded,
            self.sold_out,
            self.looks,
            self.outage.as_millis(),
            format!("{quiet:?}"),
            self.after.as_millis(),
            self.note,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_turn_on_every_database_it_knows() {
        let backends = vec![Backend::Sqlite, Backend::Postgres];
        let mut campaign =
            Campaign { binary: PathBuf::new(), backends, faults: faults::ALL.to_vec(), rounds: 0, seed: 1 };
        campaign.rounds = 2 * campaign.turn();
        let rounds = campaign.rounds();
        for (fault, backend) in campaign.places() {
            let own = rounds.iter().filter(|round| round.fault.name == fault.name && round.backend == backend);
            assert_eq!(own.map(|round| round.number).collect::<Vec<_>>(), [0, 1], "{fault:?}");
        }
    }
}
