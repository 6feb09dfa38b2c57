//! Clients that ask: closed, each after its answer, or open, each request at its own time.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;

use super::answers::Answers;
use super::program::Program;
use super::wire::Connection;
use crate::load::{due_at, micros};

/// How requests come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// So many callers, each with one request at a time.
    Closed {
        /// How many.
        callers: usize,
    },
    /// So many requests a second, whether the ones before are answered or not.
    Open {
        /// How many a second.
        rate: u64,
        /// Connections that they are sent over: a request whose time has come while all of them wait is sent late, and
        /// its wait counts from its time.
        connections: usize,
    },
}

/// A load: its shape, for how long, and how many requests at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// How requests come.
    pub shape: Shape,
    /// For how long.
    pub length: Duration,
    /// How many at most.
    pub requests_max: u64,
}

impl Load {
    /// Callers that wait for their answers.
    pub const fn closed(callers: usize, length: Duration) -> Self {
        Self { shape: Shape::Closed { callers }, length, requests_max: u64::MAX }
    }

    /// Requests at their own times.
    pub const fn open(rate: u64, connections: usize, length: Duration) -> Self {
        Self { shape: Shape::Open { rate, connections }, length, requests_max: u64::MAX }
    }

    /// The same load, ended after so many requests.
    pub const fn at_most(self, requests_max: u64) -> Self {
        Self { requests_max, ..self }
    }

    const fn callers(&self) -> usize {
        match self.shape {
            Shape::Closed { callers } => callers,
            Shape::Open { connections, .. } => connections,
        }
    }
}

/// One client.
pub(crate) struct Caller {
    /// Which of them.
    pub index: usize,
    pub connection: Connection,
    pub dice: Dice,
}

/// What each client does over and over.
pub(crate) trait Trip: Send + Sync + 'static {
    /// Asks; the status that counts. `number` is the request's place in the load.
    fn go(&self, caller: &mut Caller, number: u64) -> impl Future<Output = io::Result<u16>> + Send;
}

/// Numbers that look random and follow from a seed.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `end`.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % end
    }
}

/// How likely each of some places is: the first one most, the second half as much, the third a third.
#[derive(Debug, Clone)]
pub(crate) struct Zipf(Vec<u64>);

impl Zipf {
    pub fn of(places: usize) -> Self {
        let weights = (1..=u64::try_from(places).expect("few places")).map(|place| 1_000_000_000 / place);
        let sums = weights.scan(0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self(sums.collect())
    }

    pub fn pick(&self, dice: &mut Dice) -> usize {
        let end = *self.0.last().expect("there is a place");
        let at = dice.below(end);
        self.0.partition_point(|sum| *sum <= at)
    }

    /// The share of a place, in millionths.
    pub fn share_ppm(&self, place: usize) -> u64 {
        let before = place.checked_sub(1).map_or(0, |before| self.0[before]);
        (self.0[place] - before) * 1_000 / (self.0.last().expect("there is a place") / 1_000)
    }
}

/// Drives the load against the program and says what came back.
pub(crate) async fn drive<T: Trip>(program: &Program, trip: &Arc<T>, load: Load) -> Answers {
    let (before, began) = (program.spent(), Instant::now());
    let next = Arc::new(AtomicU64::new(0));
    let callers = (0..load.callers()).map(|index| {
        let dice = Dice::new(u64::try_from(index).expect("few callers") + 1);
        let caller = Caller { index, connection: Connection::to(program.address()), dice };
        tokio::spawn(call(Arc::clone(trip), caller, (load, began), Arc::clone(&next)))
    });
    let mut answers = Answers::default();
    for caller in join_all(callers.collect::<Vec<_>>()).await {
        answers.join(&caller.expect("no caller panics"));
    }
    let spent = program.spent();
    answers.took = began.elapsed();
    answers.program = spent.program.saturating_sub(before.program);
    answers.database = spent.database.saturating_sub(before.database);
    answers.clients = spent.clients.saturating_sub(before.clients);
    answers
}

async fn call<T: Trip>(
    trip: Arc<T>,
    mut caller: Caller,
    (load, began): (Load, Instant),
    next: Arc<AtomicU64>,
) -> Answers {
    let mut answers = Answers::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= load.requests_max {
            return answers;
        }
        let due = match load.shape {
            Shape::Closed { .. } => Instant::now(),
            Shape::Open { rate, .. } => {
                let due = due_at(began, number, rate);
                tokio::time::sleep_until(due.into()).await;
                due
            }
        };
        // What is due later than the load lasts belongs to nobody; what was due in it is asked, however late.
        if due.duration_since(began) >= load.length {
            return answers;
        }
        match trip.go(&mut caller, number).await {
            Ok(status) => answers.add(status, micros(due)),
            Err(_) => answers.broken += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_hundred_is_met_every_fifth_time() {
        let zipf = Zipf::of(100);
        assert_eq!(zipf.share_ppm(0) / 1_000, 192);
        assert_eq!(zipf.share_ppm(1) / 1_000, 96);
        let (mut dice, mut met) = (Dice::new(1), [0u32; 100]);
        for _ in 0..100_000 {
            met[zipf.pick(&mut dice)] += 1;
        }
        assert!((18_000..20_500).contains(&met[0]) && met.iter().all(|count| *count > 0), "{met:?}");
    }
}
