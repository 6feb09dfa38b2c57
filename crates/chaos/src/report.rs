//! What a campaign found, as a page that can be kept.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use chrono::NaiveDate;

use crate::database::Backend;
use crate::round::Outcome;

/// What was run.
#[derive(Debug, Clone)]
pub struct Run {
    /// The words that repeat it.
    pub command: String,
    /// On which day.
    pub on: NaiveDate,
    /// Faults that this machine did not allow, and why.
    pub left_out: Vec<String>,
}

/// All rounds of one fault on one database.
#[derive(Default)]
struct Row {
    number: &'static str,
    rounds: usize,
    acknowledged: usize,
    replayed: usize,
    outage: Duration,
    clean_audits: usize,
    broken: usize,
}

/// The page: a table with a line for each fault and database.
pub fn page(run: &Run, outcomes: &[Outcome]) -> String {
    let mut rows: BTreeMap<(&str, Backend), Row> = BTreeMap::new();
    for outcome in outcomes {
        let row = rows.entry((outcome.round.fault.name, outcome.round.backend)).or_default();
        row.number = outcome.round.fault.number;
        row.rounds += 1;
        row.acknowledged += outcome.acknowledged;
        row.replayed += outcome.replayed;
        row.outage = row.outage.max(outcome.outage);
        row.clean_audits += usize::from(outcome.is_audit_clean);
        row.broken += usize::from(!outcome.is_good());
    }
    let build = if cfg!(debug_assertions) { "a debug build" } else { "a release build" };
    let mut text = format!(
        "# Chaos\n\nReal processes under load, hurt in every way below; afterwards `cardgrove audit` and what each buyer \
         was told are compared,\nand the order of all answers about stock and wallets is checked. Written by `{}` on {}, \
         {build}.\n\n\
         | fault | matrix | database | rounds | orders acknowledged | replays | longest outage | clean audits | broken promises |\n\
         |---|---|---|---:|---:|---:|---:|---:|---:|\n",
        run.command, run.on
    );
    for ((fault, backend), row) in &rows {
        let _ = writeln!(
            text,
            "| {fault} | {} | {} | {} | {} | {} | {} ms | {} | {} |",
            row.number,
            backend.word(),
            row.rounds,
            row.acknowledged,
            row.replayed,
            row.outage.as_millis(),
            row.clean_audits,
            row.broken
        );
    }
    let orders: usize = rows.values().map(|row| row.acknowledged).sum();
    let broken: usize = rows.values().map(|row| row.broken).sum();
    let _ = writeln!(
        text,
        "\n{} rounds, {orders} orders acknowledged, {broken} rounds with broken promises.",
        outcomes.len()
    );
    for left_out in &run.left_out {
        let _ = writeln!(text, "\nNot possible on this machine: {left_out}.");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults;
    use crate::round::Round;

    #[test]
    fn a_broken_round_shows() {
        let fault = faults::named("kill").expect("it is a fault");
        let round = Round { number: 0, backend: Backend::Sqlite, fault, seed: 1 };
        let good = Outcome { acknowledged: 40, replayed: 1, is_audit_clean: true, ..round.nothing(Duration::ZERO) };
        let bad = Outcome { broken: vec!["a promise".to_owned()], ..good.clone() };
        let run = Run { command: "cargo xtask chaos --seed 1".to_owned(), on: NaiveDate::MIN, left_out: Vec::new() };
        let page = page(&run, &[good, bad]);
        assert!(page.contains("| kill | X1, X7 | sqlite | 2 | 80 | 2 | 0 ms | 2 | 1 |"), "{page}");
        assert!(page.contains("2 rounds, 80 orders acknowledged, 1 rounds with broken promises."));
    }
}
