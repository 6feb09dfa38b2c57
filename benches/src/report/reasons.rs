//! What stands against a goal that was not reached, as far as the same run measured it.
//!
//! A reason sets beside the goal what the machine does without us (raw rows, nginx, the load's own clients), or what our own
//! parts of it cost. It says what there is; where it leaves room up to the goal, it is our work that is missing.

use std::fmt::Write;

use super::goals::{Goal, decimal};
use super::{Door, Key, Report, SIZES, SLOW, Sample, Series, front};

const POSTGRES: &str = "PostgreSQL";
const SQLITE: &str = "SQLite";

/// The chapter of the goals that were not reached; empty if all were.
pub(crate) fn of(report: &Report, goals: &[Goal]) -> String {
    let seen = Seen(report);
    let missed = goals.iter().filter(|goal| goal.value.is_some() && !goal.is_met());
    let line = |goal: &Goal| {
        let (reason, value) = (seen.reason(goal).unwrap_or_else(|| NOTHING.to_owned()), goal.value.unwrap_or_default());
        format!("- `{}` ({} of {} {}): {reason}\n", goal.name, decimal(value), decimal(goal.goal), goal.unit)
    };
    let lines: Vec<String> = missed.map(line).collect();
    if lines.is_empty() {
        return String::new();
    }
    let mut text = "\n## What stands against the goals that were not reached\n\n".to_owned();
    let _ = writeln!(
        text,
        "All of it measured in this run. The machine has {} cores for database, program and load together. Where the figures \
         leave room up to the goal, it is our work that is missing.\n",
        cores()
    );
    text + &lines.concat()
}

const NOTHING: &str = "nothing that this run measured stands against it; it is our work that is missing.";

fn cores() -> u64 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64)
}

/// One figure as hundredths of another one.
fn per(one: u64, other: u64) -> u64 {
    one * 100 / other.max(1)
}

struct Seen<'r>(&'r Report);

impl Seen<'_> {
    fn reason(&self, goal: &Goal) -> Option<String> {
        match goal.name {
            "postgres_64_over_naive_64" | "postgres_64_over_best_naive" => self.rows(POSTGRES, SIZES[0]),
            "postgres_256_over_naive_64" => self.rows(POSTGRES, SIZES[1]),
            "sqlite_64_over_naive_64" => self.rows(SQLITE, SIZES[0]),
            "sqlite_256_over_naive_64" => self.rows(SQLITE, SIZES[1]),
            "postgres_open_p50" | "postgres_open_p99" => self.open(POSTGRES),
            "sqlite_open_p50" | "sqlite_open_p99" => self.open(SQLITE),
            "postgres_1_over_naive_1" => self.alone(),
            "tenants_share_64" | "tenants_share_256" | "tenants_share_1024" => self.small_batches(),
            "http_share_of_engine" | "http_processor" => self.http(),
            "flash_over_nginx" => self.smallest_answer(),
            "flood_goodput" | "flood_p99" => self.flood(),
            "pages_rendered" | "pages_rendered_p99" => self.rendered(),
            "slow_disk_64_over_naive_64" => self.slow_disk(),
            _ => None,
        }
    }

    fn sample(&self, key: Key) -> Option<Sample> {
        self.0.median(key)
    }

    fn door(&self, door: Door) -> Option<Sample> {
        self.sample((POSTGRES, Series::Front(door), front::CALLERS))
    }

    /// What the rows cost without a rule.
    fn rows(&self, database: &'static str, size: usize) -> Option<String> {
        let naive = self.sample((database, Series::Naive, 64))?;
        let lane = self.sample((database, Series::Lane, size))?;
        let raw = self.sample((database, Series::Ceiling(1), size))?;
        let mut text = format!(
            "the same rows without any rule, {size} orders a statement on one connection, make {} x of naive at 64; the \
             lane makes {} % of that",
            decimal(per(raw.rate, naive.rate)),
            per(lane.rate, raw.rate)
        );
        if let Some(two) = self.sample((database, Series::Ceiling(2), size)) {
            let _ = write!(
                text,
                " (two connections: {} x, {} %)",
                decimal(per(two.rate, naive.rate)),
                per(lane.rate, two.rate)
            );
        }
        Some(text + ".")
    }

    fn open(&self, database: &'static str) -> Option<String> {
        let of = |wanted: Series| {
            let key = self.0.keys().find(|(name, series, _)| *name == database && *series == wanted)?;
            self.sample(key)
        };
        let (lane, raw) = (of(Series::Open)?, of(Series::CeilingOpen)?);
        Some(format!(
            "under the same open load of {} orders/s the rows without any rule, on one connection and what is due at a time, \
             wait {} ms (p50) and {} ms (p99), and cost {} us of processor time an order; the lane's cost {} us.",
            lane.rate,
            decimal(raw.p50_us / 10),
            decimal(raw.p99_us / 10),
            spent(raw),
            spent(lane)
        ))
    }

    fn alone(&self) -> Option<String> {
        let (naive, lane) = (self.sample((POSTGRES, Series::Naive, 1))?, self.sample((POSTGRES, Series::Lane, 1))?);
        Some(format!(
            "one order alone costs {} us of processor time in the lane, {} us in a transaction of its own.",
            spent(lane),
            spent(naive)
        ))
    }

    fn small_batches(&self) -> Option<String> {
        let lane = |callers| self.sample((POSTGRES, Series::Lane, callers));
        let (one, many) = (lane(1)?, lane(64)?);
        Some(format!(
            "shops share no batch, so most have one of a few orders. An order alone costs {} us of processor time, one of \
             64 costs {} us: were all alone, {} % would be left.",
            spent(one),
            spent(many),
            per(spent(many), spent(one))
        ))
    }

    fn http(&self) -> Option<String> {
        let engine = self.sample((POSTGRES, Series::Lane, front::CALLERS))?;
        let raw = self.sample((POSTGRES, Series::Ceiling(1), SIZES[0]))?;
        let (order, least) = (self.door(Door::Orders)?, self.door(Door::Health)?);
        Some(format!(
            "an order's rows without any rule cost {} us of processor time here, the engine {} us, the program's smallest \
             answer {} us, an order through HTTP {} us.",
            spent(raw),
            spent(engine),
            spent(least),
            spent(order)
        ))
    }

    fn smallest_answer(&self) -> Option<String> {
        let (nginx, least) = (self.door(Door::Nginx)?, self.door(Door::Health)?);
        let flash = self.door(Door::Flash)?;
        Some(format!(
            "the program's smallest answer, which reads no body and knows no shop, reaches {} % of nginx; a sold-out answer \
             reaches {} % of that. Their processor time: {} us, {} us, {} us.",
            per(least.rate, nginx.rate),
            per(flash.rate, least.rate),
            spent(nginx),
            spent(least),
            spent(flash)
        ))
    }

    fn flood(&self) -> Option<String> {
        let (client, offered) = (self.0.figure("flood_client_ns")?, self.0.figure("flood_offered")?);
        let nginx = self.door(Door::Nginx)?;
        let machine = cores() * 1_000_000;
        let (clients, refusals) = (client * offered / 1_000, spent(nginx) * offered);
        let left = machine.saturating_sub(clients + refusals) * 100 / machine;
        Some(format!(
            "the flood's clients run on the same cores and take {} us a request. At {offered} requests/s they need {} % of \
             the machine, and answers as cheap as nginx's {} % more: {left} % would be left for orders.",
            decimal(client / 10),
            clients * 100 / machine,
            refusals * 100 / machine
        ))
    }

    fn rendered(&self) -> Option<String> {
        let (page, kept) = (self.door(Door::Rendered)?, self.door(Door::Pages)?);
        Some(format!(
            "a page made for one buyer costs {} + {} us of processor time (program and database), one that all guests share {} \
             us.",
            page.program_us,
            page.database_us,
            spent(kept)
        ))
    }

    fn slow_disk(&self) -> Option<String> {
        let (naive, lane) = (self.sample((SLOW, Series::Naive, 64))?, self.sample((SLOW, Series::Lane, 64))?);
        let most = cores() * 1_000_000 / spent(lane).max(1);
        Some(format!(
            "the lane costs {} us of processor time an order there; at that cost the cores make {most} orders/s at most, {} \
             x of naive, however fast the disk is.",
            spent(lane),
            decimal(per(most, naive.rate))
        ))
    }
}

/// Processor time of program and database.
fn spent(sample: Sample) -> u64 {
    sample.program_us + sample.database_us
}
