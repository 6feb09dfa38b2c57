//! `cardgrove audit`: every invariant of every tenant, in words an operator can act on.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use kernel::{Platform, TenantId};
use store::Store;
use tenancy::Tenancy;

use crate::jobs::head_file;

/// What an audit found.
#[derive(Debug, Default)]
pub struct Report {
    /// The report, to be read by people.
    pub text: String,
    /// How many invariants are broken, each as often as it was found.
    pub breaches: usize,
}

/// Audits all tenants of the store; `heads` holds the exported heads of their ledgers.
pub async fn run(store: &Store, heads: &Path) -> anyhow::Result<Report> {
    let tenants = Tenancy::new(store.clone()).tenants().await?;
    let mut report = Report::default();
    for (tenant, slug) in &tenants {
        let found = audit_tenant(store, (*tenant, slug), heads, &mut report.text).await;
        let found = found.with_context(|| format!("the audit of {slug} did not end"))?;
        report.breaches += found.len();
        for (invariant, finding) in found {
            let _ = writeln!(report.text, "  BREACH of invariant {invariant}: {finding}");
        }
    }
    let verdict =
        if report.breaches == 0 { "every invariant holds".to_owned() } else { format!("{} breaches", report.breaches) };
    let _ = writeln!(report.text, "{} tenants audited: {verdict}", tenants.len());
    Ok(report)
}

async fn audit_tenant(
    store: &Store,
    (tenant, slug): (TenantId, &str),
    heads: &Path,
    text: &mut String,
) -> anyhow::Result<Vec<(u8, String)>> {
    let tx = store.snapshot(&Platform::assume().tenant(tenant)).await?;
    let ledger = ledger::audit_in(&tx).await?;
    let stock = inventory::audit_in(&tx).await?;
    let orders = order::audit_in(&tx, &stock).await?;
    let payments = payment::audit_in(&tx).await?;
    let _ = writeln!(
        text,
        "{}: {} entries, {} postings, {} links; {} cards; {} orders; {} payments, {} refunds",
        slug,
        ledger.entries,
        ledger.postings,
        ledger.links,
        stock.cards,
        orders.orders,
        payments.payments,
        payments.refunds
    );
    let mut found: Vec<(u8, String)> =
        ledger.breaches.into_iter().map(|breach| (breach.invariant, breach.finding)).collect();
    found.extend(stock.breaches.into_iter().map(|finding| (4, finding)));
    found.extend(orders.breaches);
    found.extend(payments.breaches);
    found.extend(compare_heads(&tx, &heads.join(head_file(tenant))).await?);
    Ok(found)
}

/// Each exported head must still be the hash of its link: a chain that was rewritten as a whole shows here only.
async fn compare_heads(tx: &impl store::Tx, file: &Path) -> anyhow::Result<Vec<(u8, String)>> {
    let Ok(lines) = std::fs::read_to_string(file) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for line in lines.lines() {
        let mut words = line.split(' ');
        let (Some(sequence), Some(hash)) = (words.next().and_then(|word| word.parse().ok()), words.next()) else {
            found.push((12, format!("the exported head {line:?} cannot be read")));
            continue;
        };
        let stored = ledger::link_hash_in(tx, sequence).await?.map(|hash| hash.to_string());
        if stored.as_deref() != Some(hash) {
            found.push((12, format!("link {sequence} is not the one that was exported")));
        }
    }
    Ok(found)
}
