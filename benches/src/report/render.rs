//! The report as a page and as plots.

use std::fmt::Write;

use super::goals::{Goal, decimal};
use super::reasons;
use super::tenants::CROWDS;
use super::{CALLERS, Door, Plan, Report, SIZES, SLOW, Series};
use crate::plot::{Line, lines};

/// The whole page.
pub(crate) fn markdown(plan: &Plan, report: &Report, goals: &[Goal], machine: &[(&str, String)]) -> String {
    let mut text = format!("# The order path, measured {}\n\n", plan.name);
    let _ = writeln!(
        text,
        "Made by `make bench`: {} rounds of {} ms a series, the series in turn, medians. An order is paid from a wallet, \
         delivered from stock and posted through four sites; every row goes through to the disk. A figure holds for its \
         machine, a ratio of one run for more. `latest.json` has the goals for programs.\n",
        plan.rounds,
        plan.length.as_millis()
    );
    text.push_str("| machine | |\n|---|---|\n");
    for (name, value) in machine {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    text.push_str("\n## Goals\n\n| goal | of | measured | baseline | wanted | met |\n|---|---|---|---|---|---|\n");
    for goal in goals {
        let shown = |figure: Option<u64>| figure.map_or_else(|| "not measured".to_owned(), decimal);
        let baseline =
            goal.baseline.map_or_else(|| "-".to_owned(), |one| format!("{} {}", decimal(one), goal.baseline_unit));
        let (sign, met) = (if goal.is_ceiling { "<=" } else { ">=" }, if goal.is_met() { "yes" } else { "**no**" });
        let unit = if goal.value.is_some() { format!(" {}", goal.unit) } else { String::new() };
        let _ = writeln!(
            text,
            "| `{}` | {} | {}{unit} | {baseline} | {sign} {} {} | {met} |",
            goal.name,
            goal.what,
            shown(goal.value),
            decimal(goal.goal),
            goal.unit
        );
    }
    text.push_str(&reasons::of(report, goals));
    for database in databases(report) {
        text.push_str(&table(report, database));
    }
    text.push_str(&beside(report));
    let _ = writeln!(
        text,
        "\n![orders a second]({0}-throughput.svg)\n\n![how long callers wait]({0}-latency.svg)\n\n\
         ![share of the ceiling]({0}-ceiling.svg)\n\n![many tenants]({0}-tenants.svg)",
        plan.name
    );
    text
}

fn databases(report: &Report) -> Vec<&'static str> {
    let mut names: Vec<&str> = report.keys().map(|(database, ..)| database).collect();
    names.dedup();
    names
}

fn table(report: &Report, database: &str) -> String {
    let mut text = format!(
        "\n## {database}\n\nProcessor time is of the program (with the load inside it) and of the database, an order.\n\n\
         | series | callers | orders/s (slowest to fastest round) | p50 ms | p99 ms | processor us |\n|---|---|---|---|---|---|\n"
    );
    for key in report.keys().filter(|(name, ..)| *name == database) {
        let (Some(sample), Some((slow, fast))) = (report.median(key), report.spread(key)) else { continue };
        let (name, count) = match key.1 {
            Series::Naive => ("naive".to_owned(), key.2.to_string()),
            Series::Lane => ("lane".to_owned(), key.2.to_string()),
            Series::Open => ("lane, open load at half of its peak".to_owned(), "-".to_owned()),
            Series::Ceiling(1) => ("ceiling, 1 connection".to_owned(), format!("batch {}", key.2)),
            Series::Ceiling(writers) => (format!("ceiling, {writers} connections"), format!("batch {}", key.2)),
            Series::CeilingOpen => ("ceiling, 1 connection, the same open load".to_owned(), "-".to_owned()),
            Series::Busy => ("lane, the same beside a runner of its jobs".to_owned(), "-".to_owned()),
            Series::Market => ("lanes of many tenants".to_owned(), key.2.to_string()),
            Series::NaiveMarket => ("naive, many tenants".to_owned(), key.2.to_string()),
            Series::Front(door) => (door.words().to_owned(), key.2.to_string()),
        };
        let ms = |micros: u64| decimal(micros / 10);
        let _ = writeln!(
            text,
            "| {name} | {count} | {} ({slow} to {fast}) | {} | {} | {} + {} |",
            sample.rate,
            ms(sample.p50_us),
            ms(sample.p99_us),
            sample.program_us,
            sample.database_us
        );
    }
    text
}

/// What was measured beside orders a second.
fn beside(report: &Report) -> String {
    let mut text = String::new();
    let fair = CROWDS.iter().filter_map(|callers| Some((callers, report.fairness((Series::Market, *callers))?)));
    for (number, (callers, fair)) in fair.enumerate() {
        if number == 0 {
            text.push_str(
                "\n## Tenants beside one another\n\nHow long 99 of 100 buyers waited at most, all rounds together. The \
                 biggest tenant has twice as many buyers as the second; the median and the small ones are the tenth \
                 of all tenants in the middle and at the end.\n\n\
                 | callers | biggest, p99 ms | median, p99 ms | small, p99 ms |\n|---|---|---|---|\n",
            );
        }
        let [biggest, median, small] = [fair.biggest, fair.median, fair.smallest].map(|micros| decimal(micros / 10));
        let _ = writeln!(text, "| {callers} | {biggest} | {median} | {small} |");
    }
    let rows: Vec<String> =
        BESIDE.iter().filter_map(|(name, what, unit, per)| row(report, (name, what, unit), *per)).collect();
    if !rows.is_empty() {
        text.push_str("\n## Beside orders a second\n\n| what | median (least to most) | unit |\n|---|---|---|\n");
        text.push_str(&rows.concat());
        text.push_str(
            "\nThe slow disk is a second PostgreSQL cluster whose processes load a library before the C library \
             (`crates/testkit/src/disk.c`): after each `fsync` and `fdatasync` of the real disk it sleeps 2 ms. Its commits \
             are of one row and one caller.\n",
        );
    }
    text
}

/// What is noted by name: its words, its unit, and how many of what was noted make one of it.
const BESIDE: [(&str, &str, &str, u64); 16] = [
    ("host_to_site", "host to site, among 1,000 hosts, in memory", "ns", 1_000),
    ("quote", "a price of four sites, in memory", "ns", 1_000),
    ("shelf_reserve", "a card off the shelf, of batches of 256, in memory", "ns", 1_000),
    ("shelf_refusal", "a sold-out answer of the shelf, in memory", "ns", 1_000),
    ("flash_sold", "flash sale in the engine, 1,024 buyers: pieces sold of 50", "pieces", 1),
    ("flash_answers_a_core", "the same: sold-out answers of one core (by the program's processor time)", "1/s", 1),
    ("flash_answers", "the same: sold-out answers of the machine, crowd and database on it", "1/s", 1),
    ("outbox_jobs", "jobs at half of the peak, done beside it", "jobs", 1),
    ("outbox_age_p50_us", "the same: age when done, p50", "ms", 1_000),
    ("outbox_age_p99_us", "the same: age when done, p99", "ms", 1_000),
    ("outbox_written", "jobs that the lane writes at 64 callers", "1/s", 1),
    ("outbox_done", "jobs that a runner does when nobody writes", "1/s", 1),
    ("flood_offered", "orders over HTTP that the flood offers", "1/s", 1),
    ("flood_client_ns", "processor time of the flood's clients, a request", "us", 1_000),
    ("commit_us", "a commit", "ms", 1_000),
    ("commit_slow_us", "a commit on the slow disk", "ms", 1_000),
];

/// A line of the table.
fn row(report: &Report, (name, what, unit): (&str, &str, &str), per: u64) -> Option<String> {
    let shown = |figure: u64| decimal(figure * 100 / per);
    let (median, (least, most)) = (report.figure(name)?, report.figures_between(name)?);
    Some(format!("| {what} | {} ({} to {}) | {unit} |\n", shown(median), shown(least), shown(most)))
}

impl Door {
    const fn words(self) -> &'static str {
        match self {
            Self::Orders => "HTTP: orders from wallets",
            Self::Paid => "HTTP: orders that a gateway is paid for",
            Self::Town => "HTTP: orders from wallets, many tenants",
            Self::Pages => "HTTP: pages of guests, many tenants",
            Self::Rendered => "HTTP: pages of buyers, many tenants",
            Self::Flash => "HTTP: sold out",
            Self::Nginx => "nginx and a file",
            Self::Health => "HTTP: /healthz, before all layers",
            Self::Flood => "HTTP: orders accepted of ten times the peak",
        }
    }
}

/// The plots with their names.
pub(crate) fn plots(report: &Report) -> Vec<(&'static str, String)> {
    let series = |figure: fn(&super::Sample) -> u64, of: &[Series]| {
        let mut all = Vec::new();
        for database in databases(report).into_iter().filter(|name| *name != SLOW) {
            for series in of {
                let points =
                    CALLERS.map(|callers| report.median((database, *series, callers)).map(|sample| figure(&sample)));
                let way = if *series == Series::Lane { "lane" } else { "naive" };
                all.push(Line { name: format!("{database}, {way}"), points: points.into_iter().flatten().collect() });
            }
        }
        all
    };
    let callers = CALLERS.map(|callers| callers.to_string());
    let rates = series(|sample| sample.rate, &[Series::Naive, Series::Lane]);
    let mut waits = series(|sample| sample.p50_us, &[Series::Lane]);
    waits.iter_mut().for_each(|line| line.name.push_str(", p50"));
    let mut late = series(|sample| sample.p99_us, &[Series::Lane]);
    late.iter_mut().for_each(|line| line.name.push_str(", p99"));
    waits.append(&mut late);
    let of_ceiling = SIZES.map(|size| {
        let rate = |series| report.median(("PostgreSQL", series, size)).map(|sample| sample.rate);
        let share = |writers| rate(Series::Lane).zip(rate(Series::Ceiling(writers)));
        [1, 2].map(|writers| share(writers).map(|(lane, ceiling)| lane * 100 / ceiling.max(1)))
    });
    let shares = [1usize, 2].map(|writers| Line {
        name: format!("of {writers} connection(s)"),
        points: of_ceiling.iter().filter_map(|share| share[writers - 1]).collect(),
    });
    let ways =
        [(Series::Lane, "one tenant"), (Series::Market, "many tenants"), (Series::NaiveMarket, "many tenants, naive")];
    let tenants = ways.map(|(series, name)| Line {
        name: name.to_owned(),
        points: CROWDS
            .iter()
            .filter_map(|callers| report.median(("PostgreSQL", series, *callers)))
            .map(|s| s.rate)
            .collect(),
    });
    vec![
        (
            "ceiling",
            lines("percent of the raw SQL ceiling, by orders of a batch", &SIZES.map(|size| size.to_string()), &shares),
        ),
        ("tenants", lines("orders a second by callers, PostgreSQL", &CROWDS.map(|count| count.to_string()), &tenants)),
        ("throughput", lines("orders a second by callers", &callers, &rates)),
        ("latency", lines("microseconds a caller waits, by callers", &callers, &waits)),
    ]
}
