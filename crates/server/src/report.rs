//! What commands print.

use std::fmt::Write;

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
