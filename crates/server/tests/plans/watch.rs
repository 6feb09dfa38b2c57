//! Every statement of the runtime role with what it looked at, as the database itself tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Seek, SeekFrom};

use serde_json::Value;
use testkit::{Cluster, TestDb};

/// From here on new sessions of the served roles write down the plan of each statement, with the rows it met.
///
/// `auto_explain` is a part of PostgreSQL; its lines are known by the process that wrote them.
pub fn begin(db: &TestDb) -> Watch {
    let settings = [
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("auto_explain.log_analyze", "on"),
        ("auto_explain.log_timing", "off"),
        ("auto_explain.log_nested_statements", "on"),
        ("auto_explain.log_format", "json"),
    ];
    let database = db.psql("SELECT current_database()");
    for role in ["cardgrove_runtime", "cardgrove_platform"] {
        for (name, value) in settings {
            db.psql(&format!("ALTER ROLE {role} IN DATABASE {database} SET {name} = '{value}'"));
        }
    }
    // A table with a row or two a tenant that were changed often is not large, whatever pages their old versions have left.
    let rows = db.psql(
        "SELECT relname FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relpages > 1 \
         AND reltuples > 20",
    );
    let large = rows.lines().map(str::to_owned).collect();
    let log = fs::metadata(Cluster::shared().log()).expect("the server's log").len();
    db.psql("SELECT pg_stat_reset()");
    Watch { large, log }
}

/// What is watched.
pub struct Watch {
    /// The tables with more than a page of rows.
    large: BTreeSet<String>,
    /// How long the server's log was.
    log: u64,
}

/// A statement that looked at more than it should, and the worst of what it did.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The table.
    pub table: String,
    /// How it was read, and how many rows were looked at.
    pub what: String,
    /// The statement.
    pub query: String,
}

impl Watch {
    /// From here on: what was written down before does not count, and tables are as large as they are now, whether the
    /// planner has heard of it or not.
    pub fn begin_again(&mut self, db: &TestDb) {
        let rows = db.psql(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace \
             AND pg_relation_size(oid) > 8192",
        );
        self.large = rows.lines().map(str::to_owned).collect();
        self.log = fs::metadata(Cluster::shared().log()).expect("the server's log").len();
    }

    /// The tables with more than a page of rows.
    pub fn large(&self) -> &BTreeSet<String> {
        &self.large
    }

    /// The statements of these processes that walked over a large table, or looked at more than `rows_max` rows of one.
    /// `is_allowed` names statements that may.
    pub fn findings(&self, processes: &BTreeSet<String>, rows_max: u64, is_allowed: impl Fn(&str) -> bool) -> Seen {
        let mut file = fs::File::open(Cluster::shared().log()).expect("the server's log");
        file.seek(SeekFrom::Start(self.log)).expect("it only grows");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("readable");
        let text = String::from_utf8_lossy(&bytes);
        let mut seen = Seen::default();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let is_ours = line.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
            let is_ours = is_ours.is_some_and(|(process, _)| processes.contains(process));
            if !is_ours || !line.contains("LOG:  duration:") || !line.ends_with("plan:") {
                continue;
            }
            let mut plan = String::new();
            while let Some(more) = lines.next_if(|line| line.starts_with('\t')) {
                plan.push_str(more);
                plan.push('\n');
            }
            let plan: Value = serde_json::from_str(&plan).unwrap_or_else(|error| panic!("no plan: {error}\n{plan}"));
            let query = plan["Query Text"].as_str().unwrap_or_default().to_owned();
            seen.statements += 1;
            self.look(&plan["Plan"], &query, (rows_max, is_allowed(&query)), &mut seen);
        }
        seen
    }

    fn look(&self, node: &Value, query: &str, (rows_max, is_allowed): (u64, bool), seen: &mut Seen) {
        let kind = node["Node Type"].as_str().unwrap_or_default();
        let table = node["Relation Name"].as_str().unwrap_or_default();
        if let Some(index) = node["Index Name"].as_str() {
            *seen.indexes.entry(index.to_owned()).or_default() += 1;
        }
        let count = |name: &str| node[name].as_u64().unwrap_or_default();
        let rows = count("Actual Rows") + count("Rows Removed by Filter") + count("Rows Removed by Index Recheck");
        let looked_at = rows * count("Actual Loops");
        let is_walk = kind == "Seq Scan" && count("Actual Loops") > 0;
        let is_scan = kind.contains("Scan") && self.large.contains(table);
        if is_scan && !is_allowed && (is_walk || looked_at > rows_max) {
            let index = node["Index Name"].as_str().unwrap_or("no index");
            let what = format!("{kind} by {index}, {looked_at} rows, {} kept", count("Actual Rows"));
            seen.findings.insert(
                (table.to_owned(), query.to_owned()),
                Finding { table: table.to_owned(), what, query: query.to_owned() },
            );
        }
        for child in node["Plans"].as_array().into_iter().flatten() {
            self.look(child, query, (rows_max, is_allowed), seen);
        }
    }
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// How many statements.
    pub statements: usize,
    /// Those that looked at too much, by table and text.
    pub findings: BTreeMap<(String, String), Finding>,
    /// How often each index was used.
    pub indexes: BTreeMap<String, u64>,
}

impl Seen {
    /// The findings as text.
    pub fn told(&self) -> String {
        let told = self.findings.values().map(|one| format!("{}: {}\n    {}\n", one.table, one.what, one.query));
        told.collect()
    }
}
