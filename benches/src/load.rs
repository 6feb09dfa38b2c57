//! Load: callers that wait for one another (closed) or a rate that waits for nobody (open), and what it cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use hdrhistogram::Histogram;

use crate::callers::Counter;
use crate::cpu::Cpu;

/// The longest latency that is told apart from longer ones.
const LATENCY_MAX_US: u64 = 60_000_000;

/// What one measurement saw.
#[derive(Debug, Clone)]
pub struct Measure {
    /// Orders answered inside the measured time.
    pub orders: u64,
    /// The measured time.
    pub took: Duration,
    /// How long callers waited, in microseconds. Under an open load it counts from when the order was due, so that a
    /// pause of the server is counted for everybody whom it kept waiting.
    pub latency: Histogram<u64>,
    /// Processor time of this process, which also makes the load.
    pub program: Duration,
    /// Processor time of the database's processes.
    pub database: Duration,
}

impl Measure {
    /// What `work` cost that tells for each order how long it took.
    pub(crate) async fn of(work: impl AsyncFnOnce(Instant) -> Vec<Duration>) -> Self {
        let (cpu, began) = (Cpu::now(), Instant::now());
        let waits = work(began).await;
        let (took, mut latency) = (began.elapsed(), histogram());
        for wait in waits {
            let wait = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX).clamp(1, LATENCY_MAX_US);
            latency.record(wait).expect("inside the bounds");
        }
        Self { took, ..finish(cpu, began, latency) }
    }

    /// Orders a second.
    pub fn rate(&self) -> u64 {
        let rate = u128::from(self.orders) * 1_000_000_000 / self.took.as_nanos().max(1);
        u64::try_from(rate).unwrap_or(u64::MAX)
    }

    /// The latency in microseconds that this share of all orders kept to, between 0 and 1.
    pub fn latency_us(&self, share: f64) -> u64 {
        self.latency.value_at_quantile(share)
    }

    /// Processor time an order, of program and database, in microseconds.
    pub fn cpu_us(&self) -> (u64, u64) {
        let each = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX) / self.orders.max(1);
        (each(self.program), each(self.database))
    }
}

pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX_US, 3).expect("the bounds are sound")
}

pub(crate) fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX).clamp(1, LATENCY_MAX_US)
}

/// `callers` that each buy one piece after the other for `length`, or until `pieces` are bought.
pub async fn closed<C: Counter>(counter: &Arc<C>, callers: usize, length: Duration, pieces: u64) -> Measure {
    let left = Arc::new(AtomicU64::new(pieces));
    let (cpu, began) = (Cpu::now(), Instant::now());
    let buyers = (0..callers).map(|caller| {
        let (counter, left) = (Arc::clone(counter), Arc::clone(&left));
        tokio::spawn(async move {
            let mut latency = histogram();
            let one_less = |left: u64| left.checked_sub(1);
            while began.elapsed() < length && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
            {
                let asked = Instant::now();
                counter.buy(caller).await;
                latency.record(micros(asked)).expect("inside the bounds");
            }
            latency
        })
    });
    let mut latency = histogram();
    for buyer in join_all(buyers.collect::<Vec<_>>()).await {
        latency.add(buyer.expect("no buyer panics")).expect("the same bounds");
    }
    finish(cpu, began, latency)
}

/// `rate` orders a second for `length`, each at its own time whether the ones before are answered or not.
pub async fn open<C: Counter>(counter: &Arc<C>, callers: usize, rate: u64, length: Duration) -> Measure {
    let (cpu, began) = (Cpu::now(), Instant::now());
    let next = Arc::new(AtomicU64::new(0));
    let total = rate * u64::try_from(length.as_millis()).unwrap_or(u64::MAX) / 1_000;
    let buyers = (0..callers).map(|caller| {
        let (counter, next) = (Arc::clone(counter), Arc::clone(&next));
        tokio::spawn(async move {
            let mut latency = histogram();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= total {
                    return latency;
                }
                let due = due_at(began, number, rate);
                tokio::time::sleep_until(due.into()).await;
                counter.buy(caller).await;
                latency.record(micros(due)).expect("inside the bounds");
            }
        })
    });
    let mut latency = histogram();
    for buyer in join_all(buyers.collect::<Vec<_>>()).await {
        latency.add(buyer.expect("no buyer panics")).expect("the same bounds");
    }
    finish(cpu, began, latency)
}

/// When an order is due under an open load of `rate` a second.
pub(crate) fn due_at(began: Instant, number: u64, rate: u64) -> Instant {
    began + Duration::from_nanos(number.saturating_mul(1_000_000_000) / rate.max(1))
}

fn finish(cpu: Cpu, began: Instant, latency: Histogram<u64>) -> Measure {
    let (took, spent) = (began.elapsed(), Cpu::now());
    Measure {
        orders: latency.len(),
        took,
        latency,
        program: spent.program.saturating_sub(cpu.program),
        database: spent.database.saturating_sub(cpu.database),
    }
}
