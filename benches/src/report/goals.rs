//! The goals of one node, with what was measured of them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::{CALLERS, Key, Report, Series};

/// A goal. Figures are hundredths of the unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Goal {
    pub name: &'static str,
    /// What it is a figure of.
    pub what: &'static str,
    pub unit: &'static str,
    /// None if this run did not measure it.
    pub value: Option<u64>,
    /// What it is compared with, as it was measured; none where the goal is absolute.
    pub baseline: Option<u64>,
    pub goal: u64,
    /// Whether less is better.
    pub is_ceiling: bool,
}

impl Goal {
    /// Whether it was measured and reached.
    pub fn is_met(&self) -> bool {
        self.value.is_some_and(|value| if self.is_ceiling { value <= self.goal } else { value >= self.goal })
    }
}

const POSTGRES: &str = "PostgreSQL";
const SQLITE: &str = "SQLite";

/// Nanoseconds of what criterion measured in memory, by name.
pub(crate) fn memory(folder: &Path) -> BTreeMap<&'static str, u64> {
    let names = ["host_to_shop", "quote_of_four_sites", "shelf_turns_away"];
    let read = |name: &&'static str| {
        let text = std::fs::read_to_string(folder.join(name).join("new").join("estimates.json")).ok()?;
        let found: Value = serde_json::from_str(&text).ok()?;
        // Whole nanoseconds, cut from the text: no arithmetic with fractions.
        let mean = found.get("median")?.get("point_estimate")?.to_string();
        Some((*name, mean.split('.').next()?.parse().ok()?))
    };
    names.iter().filter_map(read).collect()
}

/// All goals of one node, measured or not.
pub(crate) fn of(report: &Report, memory: &BTreeMap<&'static str, u64>) -> Vec<Goal> {
    let rate = |key: Key| report.median(key).map(|sample| sample.rate);
    let naive = |database, callers| rate((database, Series::Naive, callers));
    let lane = |database, callers| rate((database, Series::Lane, callers));
    let best = CALLERS.into_iter().filter_map(|callers| naive(POSTGRES, callers)).max();
    let times = |name, what, one: Option<u64>, other: Option<u64>, goal| Goal {
        name,
        what,
        unit: "x",
        value: one.zip(other).map(|(one, other)| one * 100 / other.max(1)),
        baseline: other.map(|other| other * 100),
        goal,
        is_ceiling: false,
    };
    let share = |name, what, other, goal| {
        let (one, other) = (lane(POSTGRES, 256), rate((POSTGRES, Series::Ceiling(other), 256)));
        Goal {
            unit: "%",
            value: one.zip(other).map(|(one, other)| one * 10_000 / other.max(1)),
            ..times(name, what, one, other, goal)
        }
    };
    let mut goals = vec![
        times(
            "postgres_64_over_naive_64",
            "64 callers, over naive at 64",
            lane(POSTGRES, 64),
            naive(POSTGRES, 64),
            1_000,
        ),
        times("postgres_64_over_best_naive", "64 callers, over the best naive", lane(POSTGRES, 64), best, 700),
        times(
            "postgres_256_over_naive_64",
            "256 callers, over naive at 64",
            lane(POSTGRES, 256),
            naive(POSTGRES, 64),
            1_700,
        ),
        share("postgres_share_of_ceiling", "256 callers, of the ceiling on one connection", 1, 7_500),
        share("postgres_share_of_two_ceilings", "256 callers, of the ceiling on two connections", 2, 5_000),
        times("postgres_1_over_naive_1", "1 caller, over naive", lane(POSTGRES, 1), naive(POSTGRES, 1), 120),
        times("sqlite_64_over_naive_64", "64 callers, over naive at 64", lane(SQLITE, 64), naive(SQLITE, 64), 900),
        times("sqlite_256_over_naive_64", "256 callers, over naive at 64", lane(SQLITE, 256), naive(SQLITE, 64), 1_500),
    ];
    goals.extend(latency(report));
    goals.extend(in_memory(memory));
    goals.extend(UNMEASURED.map(|(name, what, unit, goal)| Goal {
        name,
        what,
        unit,
        value: None,
        baseline: None,
        goal,
        is_ceiling: false,
    }));
    goals
}

/// Half of the peak, every order at its own time.
fn latency(report: &Report) -> Vec<Goal> {
    let open = |database| report.keys().find(|(name, series, _)| *name == database && *series == Series::Open);
    let figure = |database, of: fn(&super::Sample) -> u64| {
        let sample = report.median(open(database)?)?;
        Some(of(&sample) / 10)
    };
    let goal = |name, what, value, goal| Goal { name, what, unit: "ms", value, baseline: None, goal, is_ceiling: true };
    vec![
        goal("postgres_open_p50", "half of the peak, p50", figure(POSTGRES, |sample| sample.p50_us), 500),
        goal("postgres_open_p99", "half of the peak, p99", figure(POSTGRES, |sample| sample.p99_us), 4_000),
        goal("sqlite_open_p50", "half of the peak, p50", figure(SQLITE, |sample| sample.p50_us), 500),
        goal("sqlite_open_p99", "half of the peak, p99", figure(SQLITE, |sample| sample.p99_us), 2_000),
    ]
}

fn in_memory(memory: &BTreeMap<&'static str, u64>) -> Vec<Goal> {
    let goal = |name, what, from: &str, goal| {
        let value = memory.get(from).map(|nanos| nanos / 10);
        Goal { name, what, unit: "us", value, baseline: None, goal, is_ceiling: true }
    };
    vec![
        goal("host_to_site", "host to site, in memory", "host_to_shop", 30),
        goal("quote", "a price of four sites, in memory", "quote_of_four_sites", 80),
        goal("shelf", "a sold-out answer, in memory", "shelf_turns_away", 40),
    ]
}

/// Goals that no driver measures yet: they count as not met.
const UNMEASURED: [(&str, &str, &str, u64); 7] = [
    ("http_share_of_engine", "through HTTP with login and JSON, of the engine's figure", "%", 5_000),
    ("slow_disk_64_over_naive_64", "PostgreSQL, every sync 2 ms longer, 64 callers, over naive", "x", 1_800),
    ("tenants_100_share_256", "100 tenants at 256 callers, of one tenant's figure", "%", 5_500),
    ("outbox_drain", "jobs done, of those the lane writes", "%", 10_000),
    ("flash_sale_answers", "sold-out answers a second and core, thousands", "k/s", 100_000),
    ("pages_cached", "cached pages a second, thousands", "k/s", 1_000),
    ("overload_goodput", "ten times the peak offered, of the peak", "%", 8_000),
];

/// The goals as a file for programs.
pub(crate) fn json(name: &str, goals: &[Goal]) -> String {
    let goals: Vec<Value> = goals
        .iter()
        .map(|goal| {
            json!({
                "name": goal.name, "what": goal.what, "unit": goal.unit, "value": goal.value.map(number),
                "baseline": goal.baseline.map(number), "goal": number(goal.goal), "met": goal.is_met(),
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&json!({ "report": name, "goals": goals }));
    text.expect("a value is always text") + "\n"
}

fn number(hundredths: u64) -> Value {
    serde_json::from_str(&decimal(hundredths)).expect("digits with a point are a number")
}

/// Hundredths as a decimal number, without noughts at its end.
pub(crate) fn decimal(hundredths: u64) -> String {
    match (hundredths / 100, hundredths % 100) {
        (whole, 0) => whole.to_string(),
        (whole, part) if part % 10 == 0 => format!("{whole}.{}", part / 10),
        (whole, part) => format!("{whole}.{part:02}"),
    }
}
