//! What `bin stored` has written: a shop of few orders beside those of many. It takes an hour, so it is measured by hand
//! and every report shows the last one, with its date.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use super::goals::decimal;
use crate::plot::{Line, lines};

/// Its table and its plot, which is called `file` beside the page; none if nobody has measured it yet.
pub(crate) fn shown(json: &Path, file: &str) -> Option<(String, String)> {
    let found: Value = serde_json::from_str(&std::fs::read_to_string(json).ok()?).ok()?;
    let stages = found["stages"].as_array()?;
    let word = |name: &str| found[name].as_str().unwrap_or("-").to_owned();
    let figure = |of: &Value, name: &str| of[name].as_u64().unwrap_or_default();
    let mut text = format!(
        "\n## Stored rows\n\nA shop that sold so many orders before, measured {} by `{}` on {}, {} callers; medians of rounds \
         in turn.\n\n| orders before | orders/s (slowest to fastest round) | p50 ms | p99 ms |\n|---|---|---|---|\n",
        word("date"),
        word("command"),
        word("database"),
        figure(&found, "callers")
    );
    for stage in stages {
        let ms = |name| decimal(figure(stage, name) / 10);
        let _ = writeln!(
            text,
            "| {} | {} ({} to {}) | {} | {} |",
            figure(stage, "orders"),
            figure(stage, "rate"),
            figure(stage, "slowest"),
            figure(stage, "fastest"),
            ms("p50_us"),
            ms("p99_us")
        );
    }
    text.push_str(&reads(&found, stages));
    let _ = writeln!(text, "\n![orders a second by orders stored before]({file})");
    let places: Vec<String> = stages.iter().map(|stage| figure(stage, "orders").to_string()).collect();
    let rates = ["rate", "slowest", "fastest"].map(|name| Line {
        name: name.replace("rate", "median"),
        points: stages.iter().map(|stage| figure(stage, name)).collect(),
    });
    Some((text, lines("orders a second by orders stored before", &places, &rates)))
}

/// How long lists take, by shop.
fn reads(found: &Value, stages: &[Value]) -> String {
    let mut text = "\n| read, p50 / p95 us |".to_owned();
    stages.iter().for_each(|stage| {
        let _ = write!(text, " {} orders |", stage["orders"]);
    });
    let _ = writeln!(text, "\n|---|{}", "---|".repeat(stages.len()));
    for read in found["reads"].as_array().into_iter().flatten() {
        let _ = write!(text, "| {} |", read["name"].as_str().unwrap_or("-"));
        for shop in read["shops"].as_array().into_iter().flatten() {
            let _ = write!(text, " {} / {} |", shop["p50_us"], shop["p95_us"]);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_by_hand_is_shown_with_its_date() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("stored.json");
        assert!(shown(&file, "x.svg").is_none());
        let stage = |orders: u64, rate: u64| serde_json::json!({"orders": orders, "rate": rate, "slowest": 1, "fastest": 9_000, "p50_us": 2_500, "p99_us": 9_990});
        let shops = serde_json::json!([{"p50_us": 700, "p95_us": 900}, {"p50_us": 800, "p95_us": 1_000}]);
        let told = serde_json::json!({
            "date": "2026-11-23", "command": "stored --orders 10,20", "database": "postgres", "callers": 64,
            "stages": [stage(10, 4_000), stage(20, 3_900)], "reads": [{"name": "orders, all, newest", "shops": shops}],
        });
        std::fs::write(&file, told.to_string()).expect("written");
        let (text, plot) = shown(&file, "x.svg").expect("it was measured");
        assert!(text.contains("measured 2026-11-23 by `stored --orders 10,20`"), "{text}");
        assert!(text.contains("| 20 | 3900 (1 to 9000) | 2.5 | 9.99 |"), "{text}");
        assert!(
            text.contains("| orders, all, newest | 700 / 900 | 800 / 1000 |") && text.contains("(x.svg)"),
            "{text}"
        );
        assert_eq!(plot.matches("<polyline").count(), 3);
    }
}
