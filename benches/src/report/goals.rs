//! The goals of one node, with what was measured of them.

use serde_json::{Value, json};

use super::tenants::{CROWDS, Fairness};
use super::{CALLERS, CROWD, Door, Key, Report, SLOW, Sample, Series, front};

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
    /// What the baseline counts.
    pub baseline_unit: &'static str,
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

/// What most baselines count.
const ORDERS: &str = "orders/s";
const POSTGRES: &str = "PostgreSQL";
const SQLITE: &str = "SQLite";

/// All goals of one node, measured or not.
pub(crate) fn of(report: &Report) -> Vec<Goal> {
    let rate = |key: Key| report.median(key).map(|sample| sample.rate);
    let naive = |database, callers| rate((database, Series::Naive, callers));
    let lane = |database, callers| rate((database, Series::Lane, callers));
    let best = CALLERS.into_iter().filter_map(|callers| naive(POSTGRES, callers)).max();
    let ceiling = |writers| (lane(POSTGRES, 256), rate((POSTGRES, Series::Ceiling(writers), 256)));
    let mut goals = vec![
        times(
            "postgres_64_over_naive_64",
            "64 callers, over naive at 64",
            (lane(POSTGRES, 64), naive(POSTGRES, 64)),
            1_000,
        ),
        times("postgres_64_over_best_naive", "64 callers, over the best naive", (lane(POSTGRES, 64), best), 700),
        times(
            "postgres_256_over_naive_64",
            "256 callers, over naive at 64",
            (lane(POSTGRES, 256), naive(POSTGRES, 64)),
            1_700,
        ),
        share("postgres_share_of_ceiling", "256 callers, of the ceiling on one connection", ceiling(1), 7_500),
        share("postgres_share_of_two_ceilings", "256 callers, of the ceiling on two connections", ceiling(2), 5_000),
        times("postgres_1_over_naive_1", "1 caller, over naive", (lane(POSTGRES, 1), naive(POSTGRES, 1)), 120),
        times("sqlite_64_over_naive_64", "64 callers, over naive at 64", (lane(SQLITE, 64), naive(SQLITE, 64)), 900),
        times(
            "sqlite_256_over_naive_64",
            "256 callers, over naive at 64",
            (lane(SQLITE, 256), naive(SQLITE, 64)),
            1_500,
        ),
    ];
    goals.extend(latency(report));
    goals.extend(tenants(report));
    goals.extend(doors(report));
    goals.extend(engine(report));
    goals.extend(in_memory(report));
    goals
}

/// Half of the peak, every order at its own time.
fn latency(report: &Report) -> Vec<Goal> {
    let open = |database| report.keys().find(|(name, series, _)| *name == database && *series == Series::Open);
    let figure = |database, of: fn(&super::Sample) -> u64| {
        let sample = report.median(open(database)?)?;
        Some(of(&sample) / 10)
    };
    let goal = |name, what, value, goal| Goal {
        name,
        what,
        unit: "ms",
        value,
        baseline: None,
        baseline_unit: "",
        goal,
        is_ceiling: true,
    };
    vec![
        goal("postgres_open_p50", "half of the peak, p50", figure(POSTGRES, |sample| sample.p50_us), 500),
        goal("postgres_open_p99", "half of the peak, p99", figure(POSTGRES, |sample| sample.p99_us), 4_000),
        goal("sqlite_open_p50", "half of the peak, p50", figure(SQLITE, |sample| sample.p50_us), 500),
        goal("sqlite_open_p99", "half of the peak, p99", figure(SQLITE, |sample| sample.p99_us), 2_000),
    ]
}

/// What every request does without a database; figures come as picoseconds.
fn in_memory(report: &Report) -> Vec<Goal> {
    let goal = |name, what, goal| {
        let value = report.figure(name).map(|picos| picos / 10_000);
        Goal { name, what, unit: "us", value, baseline: None, baseline_unit: "", goal, is_ceiling: true }
    };
    vec![
        goal("host_to_site", "host to site, in memory", 30),
        goal("quote", "a price of four sites, in memory", 80),
        goal("shelf_reserve", "a card off the shelf, in memory", 40),
        goal("shelf_refusal", "a sold-out answer of the shelf, in memory", 40),
    ]
}

/// A slow disk, the jobs, a flash sale.
fn engine(report: &Report) -> Vec<Goal> {
    let slow = |series| report.median((SLOW, series, 64)).map(|sample| sample.rate);
    let drained = (report.figure("outbox_done"), report.figure("outbox_written"));
    let plain = |name, what, unit, value, goal, is_ceiling| Goal {
        name,
        what,
        unit,
        value,
        baseline: None,
        baseline_unit: "",
        goal,
        is_ceiling,
    };
    vec![
        times(
            "slow_disk_64_over_naive_64",
            "PostgreSQL, every sync 2 ms longer, 64 callers, over naive",
            (slow(Series::Lane), slow(Series::Naive)),
            1_800,
        ),
        plain(
            "outbox_age_p99",
            "jobs at half of the peak, age when done, p99",
            "s",
            report.figure("outbox_age_p99_us").map(|micros| micros / 10_000),
            500,
            true,
        ),
        Goal {
            baseline_unit: "jobs/s",
            ..share("outbox_drain", "jobs done a second, of those the lane writes", drained, 10_000)
        },
        plain(
            "flash_sale_sold",
            "flash sale in the engine, of 50 pieces sold",
            "pieces",
            report.figure("flash_sold").map(|sold| sold * 100),
            5_000,
            false,
        ),
        plain(
            "flash_sale_answers",
            "sold-out answers a second and core in the engine, millions",
            "M/s",
            report.figure("flash_answers_a_core").map(|answers| answers / 10_000),
            100,
            false,
        ),
    ]
}

/// A figure as a share of another one.
fn share(name: &'static str, what: &'static str, (one, other): (Option<u64>, Option<u64>), goal: u64) -> Goal {
    let value = one.zip(other).map(|(one, other)| one * 10_000 / other.max(1));
    let baseline = other.map(|other| other * 100);
    Goal { name, what, unit: "%", value, baseline, baseline_unit: ORDERS, goal, is_ceiling: false }
}

/// How many times another figure it is.
fn times(name: &'static str, what: &'static str, (one, other): (Option<u64>, Option<u64>), goal: u64) -> Goal {
    let value = one.zip(other).map(|(one, other)| one * 100 / other.max(1));
    Goal { value, unit: "x", ..share(name, what, (one, other), goal) }
}

/// Many tenants beside one.
fn tenants(report: &Report) -> Vec<Goal> {
    let rate = |series, callers| report.median((POSTGRES, series, callers)).map(|sample| sample.rate);
    let of = |callers| (rate(Series::Market, callers), rate(Series::Lane, callers));
    let over = |callers| (rate(Series::Market, callers), rate(Series::NaiveMarket, callers));
    // The worst of all loads counts.
    let all: Vec<Fairness> =
        CROWDS.into_iter().filter_map(|callers| report.fairness((Series::Market, callers))).collect();
    let worst = |name, what, figure: fn(&Fairness) -> u64, goal| {
        let worst = all.iter().max_by_key(|fair| figure(fair) * 100 / fair.median.max(1));
        Goal {
            baseline: worst.map(|fair| fair.median / 10),
            baseline_unit: "ms",
            is_ceiling: true,
            ..times(name, what, (worst.map(figure), worst.map(|fair| fair.median)), goal)
        }
    };
    vec![
        share("tenants_share_64", "many tenants at 64 callers, of one tenant's figure", of(64), 4_000),
        share("tenants_share_256", "many tenants at 256 callers, of one tenant's figure", of(256), 5_500),
        share("tenants_share_1024", "many tenants at 1,024 callers, of one tenant's figure", of(CROWD), 8_500),
        times("tenants_64_over_naive", "many tenants at 64 callers, over naive", over(64), 250),
        times("tenants_256_over_naive", "many tenants at 256 callers, over naive", over(256), 250),
        times("tenants_1024_over_naive", "many tenants at 1,024 callers, over naive", over(CROWD), 250),
        worst("tenants_biggest_p99", "p99 of the biggest tenant, of the median one's", |fair| fair.biggest, 400),
        worst("tenants_smallest_p99", "p99 of small tenants, of the median one's", |fair| fair.smallest, 300),
    ]
}

/// What comes through the front door.
fn doors(report: &Report) -> Vec<Goal> {
    let door = |door| {
        let callers = if door == Door::Flood { CROWD } else { front::CALLERS };
        report.median((POSTGRES, Series::Front(door), callers))
    };
    let rate = |one: Option<Sample>| one.map(|sample| sample.rate);
    let engine = rate(report.median((POSTGRES, Series::Lane, front::CALLERS)));
    let (orders, flood) = (door(Door::Orders), door(Door::Flood));
    let most = |name, what, unit, value, goal| Goal {
        name,
        what,
        unit,
        value,
        baseline: None,
        baseline_unit: "",
        goal,
        is_ceiling: true,
    };
    let least = |name, what, value: Option<u64>, goal| Goal {
        is_ceiling: false,
        ..most(name, what, "1/s", value.map(|value| value * 100), goal)
    };
    let ms = |value: Option<u64>| value.map(|micros| micros / 10);
    let p99 = |one: Option<Sample>| ms(one.map(|sample| sample.p99_us));
    let lost = report.counts.get("reports").zip(report.counts.get("reports_written"));
    vec![
        share("http_share_of_engine", "orders through HTTP, of the engine's figure", (rate(orders), engine), 5_000),
        most(
            "http_processor",
            "program and database, an order through HTTP",
            "us",
            orders.map(|sample| (sample.program_us + sample.database_us) * 100),
            26_000,
        ),
        Goal {
            baseline_unit: "answers/s",
            ..share(
                "flash_over_nginx",
                "sold-out answers, of nginx and a file",
                (rate(door(Door::Flash)), rate(door(Door::Nginx))),
                5_000,
            )
        },
        least("pages_cached", "pages of guests, many tenants", rate(door(Door::Pages)), 1_000_000),
        most("pages_cached_p99", "pages of guests, p99", "ms", p99(door(Door::Pages)), 5_000),
        least("pages_rendered", "pages of buyers, many tenants", rate(door(Door::Rendered)), 300_000),
        most("pages_rendered_p99", "pages of buyers, p99", "ms", p99(door(Door::Rendered)), 5_000),
        share("flood_goodput", "orders under ten times the peak, of the peak", (rate(flood), rate(orders)), 8_000),
        most("flood_p99", "orders accepted under ten times the peak, p99", "ms", p99(flood), 100_000),
        most(
            "flood_reports_lost",
            "gateways' reports that a flood lost",
            "reports",
            lost.map(|(all, written)| all.saturating_sub(*written) * 100),
            0,
        ),
    ]
}

/// The goals as a file for programs.
pub(crate) fn json(name: &str, goals: &[Goal]) -> String {
    let goals: Vec<Value> = goals
        .iter()
        .map(|goal| {
            json!({
                "name": goal.name, "what": goal.what, "unit": goal.unit, "value": goal.value.map(number),
                "baseline": goal.baseline.map(number), "baseline_unit": goal.baseline_unit, "goal": number(goal.goal), "met": goal.is_met(),
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
