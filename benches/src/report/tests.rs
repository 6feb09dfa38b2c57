//! That a report is made, and what it says of figures; how fast anything is belongs to no test.

use super::goals::{Goal, decimal, json, of};
use super::*;
use crate::memory::MEMORY;

fn sample(rate: u64) -> Sample {
    Sample { rate, p50_us: 4_000, p99_us: 41_000, program_us: 40, database_us: 150 }
}

/// Three rounds, the middle one counts.
fn report() -> Report {
    let mut report = Report::default();
    for (key, rates) in [
        (("PostgreSQL", Series::Naive, 64), [500, 600, 9_000]),
        (("PostgreSQL", Series::Lane, 64), [6_600, 1, 7_000]),
        (("PostgreSQL", Series::Open, 1_024), [3_000, 3_000, 3_000]),
    ] {
        rates.into_iter().for_each(|rate| report.add(key, sample(rate)));
    }
    report
}

fn goal(name: &str) -> Goal {
    of(&report()).into_iter().find(|goal| goal.name == name).expect("a goal")
}

#[test]
fn a_goal_compares_the_medians_of_one_run() {
    let ratio = goal("postgres_64_over_naive_64");
    assert_eq!((ratio.value, ratio.baseline, ratio.is_met()), (Some(1_100), Some(60_000), true));
    let wait = goal("postgres_open_p99");
    assert_eq!((wait.value, wait.is_met()), (Some(4_100), false));
    assert!(goal("postgres_open_p50").is_met());
}

#[test]
fn what_was_not_measured_is_not_met() {
    let missing = goal("sqlite_64_over_naive_64");
    assert_eq!((missing.value, missing.is_met()), (None, false));
    let told: serde_json::Value = serde_json::from_str(&json("a day", &[missing])).expect("JSON");
    assert_eq!(told["goals"][0]["value"], serde_json::Value::Null);
    assert_eq!(
        (&told["goals"][0]["goal"], &told["goals"][0]["met"]),
        (&serde_json::json!(9), &serde_json::json!(false))
    );
}

#[test]
fn a_tenant_that_makes_the_others_wait_shows() {
    let shop = |waits: std::ops::Range<u64>| {
        let mut all = crate::load::histogram();
        waits.for_each(|wait| all.saturating_record(wait * 10));
        all
    };
    // Twenty shops: the first one is slow, and so is one of the two smallest.
    let mut shops: Vec<_> = (0..18).map(|_| shop(1..101)).collect();
    shops[0] = shop(301..401);
    shops.extend([shop(1..2), shop(201..301)]);
    let mut report = report();
    report.add_waits((Series::Market, 64), shops);
    let fair = report.fairness((Series::Market, 64)).expect("there are waits");
    assert!(fair.median.abs_diff(990) <= 1 && fair.biggest.abs_diff(3_990) <= 4, "{fair:?}");
    assert!(fair.smallest.abs_diff(2_990) <= 4, "{fair:?}");
    let goal = of(&report).into_iter().find(|goal| goal.name == "tenants_biggest_p99").expect("a goal");
    assert!(!goal.is_met() && goal.value.is_some_and(|value| value > 400), "{goal:?}");
}

#[test]
fn what_stands_against_a_goal_is_told_beside_it_and_only_if_it_was_missed() {
    let mut report = report();
    assert!(reasons::of(&report, &of(&report)).contains("`postgres_open_p99` (41 of 40 ms): nothing that this run"));
    report.add(("PostgreSQL", Series::CeilingOpen, 1_024), Sample { p50_us: 2_500, ..sample(3_000) });
    let told = reasons::of(&report, &of(&report));
    assert!(
        told.contains("open load of 3000 orders/s") && told.contains("wait 2.5 ms (p50) and 41 ms (p99)"),
        "{told}"
    );
    assert!(!told.contains("postgres_open_p50") && !told.contains("postgres_64_over_naive_64"), "{told}");
    assert_eq!(reasons::of(&report, &[goal("postgres_open_p50")]), "");
}

#[test]
fn hundredths_are_decimal_numbers() {
    assert_eq!([1_100, 110, 205, 0].map(decimal), ["11", "1.1", "2.05", "0"]);
}

/// What a report without a program leaves out.
const DOORS: [&str; 4] = ["http_", "flash_over_", "pages_", "flood_"];

/// Whether a report of one database and without a program has a figure for this goal.
fn is_measured(backend: Backend, name: &str) -> bool {
    let is_of_sqlite = name.starts_with("sqlite_");
    MEMORY.contains(&name)
        || match backend {
            Backend::Sqlite => is_of_sqlite,
            Backend::Postgres => !is_of_sqlite && !DOORS.iter().any(|door| name.starts_with(door)),
        }
}

async fn short_report_of(backend: Backend) {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = Plan {
        rounds: 1,
        length: Duration::from_millis(60),
        databases: vec![backend],
        folder: folder.path().to_owned(),
        name: "short".to_owned(),
        stored: None,
        program: None,
        tenants: 3,
        attempts: 5_000,
    };
    let text = run_report(&plan).await.expect("written");
    assert!(text.contains(&format!("## {}", word(backend))), "{text}");
    let told = std::fs::read_to_string(folder.path().join("latest.json")).expect("the goals");
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let name = if backend == Backend::Sqlite { "sqlite_64_over_naive_64" } else { "postgres_64_over_naive_64" };
    let all = told["goals"].as_array().expect("goals");
    let ratio = all.iter().find(|goal| goal["name"] == name).expect("the ratio");
    assert!(ratio["value"].is_number() && ratio["baseline"].is_number(), "{ratio}");
    for goal in all {
        let name = goal["name"].as_str().expect("a name");
        assert_eq!(goal["value"].is_number(), is_measured(backend, name), "{goal}");
    }
    for plot in ["throughput", "latency"] {
        let svg = std::fs::read_to_string(folder.path().join(format!("short-{plot}.svg"))).expect("a plot");
        assert!(svg.contains("<polyline") && svg.ends_with("</svg>\n"), "{svg}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_report_is_made_of_sqlite() {
    short_report_of(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_report_is_made_of_postgres() {
    short_report_of(Backend::Postgres).await;
}
