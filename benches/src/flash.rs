//! A flash sale in the engine: a crowd for a few pieces.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use order::{OrderError, Refusal};

use crate::cpu::Cpu;
use crate::shop::{Engine, Shop};

/// Attempts of one buyer before he lets the others go on.
const AT_ONCE: u64 = 32;

/// How a flash sale went.
#[derive(Debug, Clone, Copy)]
pub struct FlashSale {
    /// Attempts that bought a piece.
    pub sold: u64,
    /// Attempts that were told it is sold out.
    pub refused: u64,
    /// How long it took.
    pub took: Duration,
    /// Processor time of this process: of the engine, and of the crowd.
    pub program: Duration,
}

impl FlashSale {
    /// Sold-out answers a second of processor time.
    pub fn answers_a_core(&self) -> u64 {
        a_second(self.refused, self.program)
    }

    /// Sold-out answers a second.
    pub fn answers(&self) -> u64 {
        a_second(self.refused, self.took)
    }
}

fn a_second(count: u64, time: Duration) -> u64 {
    u64::try_from(u128::from(count) * 1_000_000_000 / time.as_nanos().max(1)).unwrap_or(u64::MAX)
}

/// `buyers` make so many attempts together. What is in stock is all there is; the engine is new, as after a start.
///
/// # Panics
/// If an attempt is answered in any other way.
pub async fn flash(shop: &Arc<Shop>, buyers: usize, attempts: u64) -> FlashSale {
    let engine = Arc::new(Engine::open(shop));
    let next = Arc::new(AtomicU64::new(0));
    let (cpu, began) = (Cpu::now(), Instant::now());
    let crowd = (0..buyers).map(|buyer| {
        let (engine, next) = (Arc::clone(&engine), Arc::clone(&next));
        tokio::spawn(async move {
            let (mut sold, mut refused) = (0u64, 0u64);
            while next.fetch_add(1, Ordering::Relaxed) < attempts {
                match engine.attempt(buyer).await {
                    Ok(_) => sold += 1,
                    Err(OrderError::Refused(Refusal::OutOfStock { .. })) => refused += 1,
                    Err(error) => panic!("neither sold nor sold out: {error}"),
                }
                if refused.is_multiple_of(AT_ONCE) {
                    tokio::task::yield_now().await;
                }
            }
            (sold, refused)
        })
    });
    let (mut sold, mut refused) = (0, 0);
    for buyer in join_all(crowd.collect::<Vec<_>>()).await {
        let own = buyer.expect("no buyer panics");
        (sold, refused) = (sold + own.0, refused + own.1);
    }
    let (took, spent) = (began.elapsed(), Cpu::now());
    engine.stop().await;
    FlashSale { sold, refused, took, program: spent.program.saturating_sub(cpu.program) }
}
