//! What commands print.

use std::collections::HashMap;
use std::fmt::Write;

use catalog::{Code, SkuId};
use inventory::{Batch, DuplicateOf, IntakeReport, Undone};
use launch::{Applied, Mode, PackFault, Plan, What};

/// The difference a pack makes, a line a row.
pub fn plan(plan: &Plan) -> String {
    let mut text = String::new();
    for change in &plan.changes {
        match &change.what {
            What::Created => {
                let _ = writeln!(text, "+ {} {}", change.thing, change.name);
            }
            What::Changed(fields) => {
                let _ = writeln!(text, "~ {} {}", change.thing, change.name);
                for field in fields {
                    let _ = writeln!(text, "    {}: {:?} -> {:?}", field.field, field.old, field.new);
                }
            }
        }
    }
    for cards in plan.cards.iter().filter(|cards| cards.added > 0) {
        let _ = writeln!(text, "+ {} cards of {}", cards.added, cards.sku);
    }
    let _ = writeln!(
        text,
        "{}: {} rows change, {} stay, {} cards are new, {} are known",
        plan.tenant,
        plan.changes.len(),
        plan.unchanged,
        plan.cards_added(),
        plan.duplicates()
    );
    text
}

/// What applying a pack did.
pub fn applied(applied: &Applied, mode: Mode) -> String {
    let mut text = plan(&applied.plan);
    if mode == Mode::DryRun {
        text.push_str("nothing was changed (dry run)\n");
        return text;
    }
    if !applied.logins.is_empty() {
        text.push_str("generated log-ins, shown once:\n");
    }
    for login in &applied.logins {
        let site = login.site.as_ref().map(|site| format!(" on {site}")).unwrap_or_default();
        let _ = writeln!(text, "  {}{site}: {}  {}", login.name, login.login, login.password.expose());
    }
    for error in &applied.left_undone {
        let _ = writeln!(text, "left undone, apply the pack again: {error}");
    }
    text
}

/// All faults of a pack.
pub fn faults(faults: &[PackFault]) -> String {
    let mut text = String::from("nothing was changed; the pack has faults:\n");
    for fault in faults {
        let _ = writeln!(text, "  {fault}");
    }
    text
}

/// Rows of a file that are shown one by one.
const SHOWN_MAX: usize = 50;

/// What an import did or would do.
pub fn intake(report: &IntakeReport) -> String {
    let mut text = String::new();
    let (faults, duplicates) = (&report.faults, &report.duplicates);
    for fault in faults.first.iter().take(SHOWN_MAX) {
        let _ = writeln!(text, "row {}: {} ({})", fault.row, fault.message, fault.code);
    }
    more(&mut text, faults.total, faults.first.len(), "rows with faults");
    for duplicate in duplicates.first.iter().take(SHOWN_MAX) {
        let _ = match duplicate.of {
            DuplicateOf::Row(row) => writeln!(text, "row {}: the code stands in row {row} already", duplicate.row),
            DuplicateOf::Stock => writeln!(text, "row {}: the code is in stock or was sold before", duplicate.row),
        };
    }
    more(&mut text, duplicates.total, duplicates.first.len(), "rows with known codes");
    let (rows, format, added) = (report.rows, report.format.word(), report.added);
    let _ = writeln!(
        text,
        "{rows} rows of {format}: {added} cards are new, {} known, {} rows have faults",
        duplicates.total, faults.total
    );
    match report.batch {
        None => text.push_str("nothing was changed (dry run)\n"),
        Some(batch) if report.is_replay => {
            let _ = writeln!(text, "this was done before, as batch {batch}");
        }
        Some(batch) => {
            let _ = writeln!(text, "batch {batch}");
        }
    }
    text
}

fn more(text: &mut String, total: u64, listed: usize, what: &str) {
    let shown = listed.min(SHOWN_MAX) as u64;
    if total > shown && shown > 0 {
        let _ = writeln!(text, "and {} more {what}", total - shown);
    }
}

/// What undoing a batch did.
pub fn undone(undone: &Undone) -> String {
    let Undone { batch, voided, held, sold, .. } = undone;
    format!(
        "batch {}: {voided} cards were taken out; {held} are held by unpaid orders and {sold} sold, and stay\n",
        batch.id
    )
}

/// The batches, a line each.
pub fn batches(batches: &[Batch], names: &HashMap<SkuId, Code>) -> String {
    let mut text = String::new();
    for batch in batches {
        let sku = names.get(&batch.sku).map_or_else(|| batch.sku.to_string(), ToString::to_string);
        let _ = writeln!(
            text,
            "{}  {}  {}  {sku}  {} rows, {} added, {} known, {} faults, {} taken out  {}  {}",
            batch.id,
            batch.created_at.format("%Y-%m-%d %H:%M"),
            batch.state.word(),
            batch.rows,
            batch.added,
            batch.duplicates,
            batch.faults,
            batch.voided,
            batch.by,
            batch.file_name,
        );
    }
    text
}
