//! Callers side by side, and what they reached.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;

/// Where one piece can be bought.
pub trait Counter: Send + Sync + 'static {
    /// Buys one piece for `caller`; a refusal is a bug of the bench.
    fn buy(&self, caller: usize) -> impl Future<Output = ()> + Send;
}

/// How orders reach the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// A transaction for each.
    Naive,
    /// The engine's lane.
    Lane,
}

impl Way {
    /// Its name in figures.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Lane => "lane",
        }
    }
}

/// `callers` that each buy `rounds` pieces, one after the other; how long all of it took.
pub async fn buy_at_once<C: Counter>(counter: &Arc<C>, callers: usize, rounds: u64) -> Duration {
    let buyers = (0..callers).map(|caller| {
        let counter = Arc::clone(counter);
        tokio::spawn(async move {
            for _ in 0..rounds {
                counter.buy(caller).await;
            }
        })
    });
    let began = Instant::now();
    for buyer in join_all(buyers.collect::<Vec<_>>()).await {
        buyer.expect("no buyer panics");
    }
    began.elapsed()
}

/// Orders a second of one database, by way and number of callers.
#[derive(Debug, Default)]
pub struct Figures(BTreeMap<(Way, usize), Vec<u64>>);

/// The samples of a measurement; what came before them warmed up.
const SAMPLES: usize = 10;

impl Figures {
    /// Takes what one sample reached.
    pub fn add(&mut self, way: Way, callers: usize, orders: u64, took: Duration) {
        let a_second = u128::from(orders) * 1_000_000_000 / took.as_nanos().max(1);
        self.0.entry((way, callers)).or_default().push(u64::try_from(a_second).unwrap_or(u64::MAX));
    }

    /// The median of the samples.
    fn median(&self, way: Way, callers: usize) -> Option<u64> {
        let all = self.0.get(&(way, callers))?;
        let mut samples = all[all.len().saturating_sub(SAMPLES)..].to_vec();
        samples.sort_unstable();
        samples.get(samples.len() / 2).copied()
    }

    /// A table: orders a second, and how many times the naive way of the same run the lane reaches. None if nothing was
    /// measured.
    pub fn table(&self, database: &str) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let mut text = format!("\n{database}: orders a second, medians of this run\n");
        let _ = writeln!(text, "  callers      naive       lane   lane / naive   lane / best naive");
        let counts = self.0.keys().map(|(_, callers)| *callers).collect::<std::collections::BTreeSet<_>>();
        let best = counts.iter().filter_map(|callers| self.median(Way::Naive, *callers)).max();
        for callers in counts {
            let (naive, lane) = (self.median(Way::Naive, callers), self.median(Way::Lane, callers));
            let shown = |figure: Option<u64>| figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string());
            let (same, over_best) = (ratio(lane, naive), ratio(lane, best));
            let _ =
                writeln!(text, "  {callers:>7} {:>10} {:>10} {same:>14} {over_best:>19}", shown(naive), shown(lane));
        }
        Some(text)
    }
}

/// One figure over the other, to a tenth.
fn ratio(one: Option<u64>, other: Option<u64>) -> String {
    let (Some(one), Some(other)) = (one, other.filter(|other| *other > 0)) else { return "-".to_owned() };
    let tenths = one.saturating_mul(10) / other;
    format!("{}.{}x", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_of_the_medians_of_the_samples() {
        let mut figures = Figures::default();
        // What warmed up was slow, and one sample was disturbed.
        for a_second in [1, 1, 1, 1, 1, 100, 100, 100, 100, 100, 100, 100, 100, 100, 1] {
            figures.add(Way::Naive, 64, a_second, Duration::from_secs(1));
        }
        figures.add(Way::Lane, 64, 1_250, Duration::from_secs(1));
        figures.add(Way::Naive, 1, 50, Duration::from_secs(1));
        let table = figures.table("SQLite").expect("there are figures");
        let line =
            |callers: &str| table.lines().find(|line| line.trim().starts_with(callers)).expect("a line").to_owned();
        assert_eq!(line("64").split_whitespace().collect::<Vec<_>>(), ["64", "100", "1250", "12.5x", "12.5x"]);
        assert_eq!(line("1 ").split_whitespace().collect::<Vec<_>>(), ["1", "50", "-", "-", "-"]);
    }
}
