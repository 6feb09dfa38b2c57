//! What came back.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::load::histogram;

/// What one load saw.
#[derive(Debug, Clone)]
pub struct Answers {
    /// The measured time: until the last answer was there.
    pub took: Duration,
    /// How many answers of which status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests that got no answer, because the connection was refused or broke.
    pub broken: u64,
    /// How long those waited who were accepted, in microseconds; under an open load from when their request was due.
    pub accepted: Histogram<u64>,
    /// How long those waited who were refused.
    pub refused: Histogram<u64>,
    /// Processor time of the program.
    pub program: Duration,
    /// Processor time of PostgreSQL; SQLite is a part of the program.
    pub database: Duration,
    /// Processor time of the clients, which share the machine.
    pub clients: Duration,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            took: Duration::ZERO,
            statuses: BTreeMap::new(),
            broken: 0,
            accepted: histogram(),
            refused: histogram(),
            program: Duration::ZERO,
            database: Duration::ZERO,
            clients: Duration::ZERO,
        }
    }
}

/// The first status that is a refusal: a redirect is where a form leads to.
const REFUSALS_FROM: u16 = 400;

impl Answers {
    pub(crate) fn add(&mut self, status: u16, waited_us: u64) {
        *self.statuses.entry(status).or_default() += 1;
        let histogram = if status < REFUSALS_FROM { &mut self.accepted } else { &mut self.refused };
        histogram.record(waited_us).expect("inside the bounds");
    }

    pub(crate) fn join(&mut self, other: &Self) {
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.broken += other.broken;
        self.accepted.add(&other.accepted).expect("the same bounds");
        self.refused.add(&other.refused).expect("the same bounds");
    }

    /// Requests that were accepted.
    pub fn goods(&self) -> u64 {
        self.accepted.len()
    }

    /// Answers of this status.
    pub fn of(&self, status: u16) -> u64 {
        self.statuses.get(&status).copied().unwrap_or_default()
    }

    /// All answers, whatever they said.
    pub fn all(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// Accepted requests a second.
    pub fn rate(&self) -> u64 {
        a_second(self.goods(), self.took)
    }

    /// Answers a second, whatever they said.
    pub fn rate_of_all(&self) -> u64 {
        a_second(self.all(), self.took)
    }

    /// The wait in microseconds that this share of the accepted kept to, between 0 and 1.
    pub fn latency_us(&self, share: f64) -> u64 {
        self.accepted.value_at_quantile(share)
    }

    /// Processor time of program and database for each accepted request, in microseconds.
    pub fn cpu_us(&self) -> (u64, u64) {
        let each = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX) / self.goods().max(1);
        (each(self.program), each(self.database))
    }
}

fn a_second(count: u64, took: Duration) -> u64 {
    u64::try_from(u128::from(count) * 1_000_000_000 / took.as_nanos().max(1)).unwrap_or(u64::MAX)
}

/// One line of figures.
impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (program, database) = self.cpu_us();
        let at = |share| self.latency_us(share);
        write!(
            f,
            "{:>7}/s  p50 {:>6} us  p99 {:>7} us  p99.9 {:>7} us  cpu {program} + {database} us  of all {:>7}/s",
            self.rate(),
            at(0.5),
            at(0.99),
            at(0.999),
            self.rate_of_all()
        )?;
        for (status, count) in &self.statuses {
            write!(f, "  {status}: {count}")?;
        }
        if self.broken > 0 {
            write!(f, "  broken: {}", self.broken)?;
        }
        Ok(())
    }
}
