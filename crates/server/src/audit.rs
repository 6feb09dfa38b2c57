//! `cardgrove audit`: every invariant of every tenant, in words an operator can act on.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use catalog::{Catalog, SkuId};
use commission::AgentAudit;
use kernel::{Platform, SiteId, TenantId};
use order::OrderAudit;
use store::Store;
use tenancy::Tenancy;

use crate::jobs::head_file;
use crate::letters;

/// What an audit found.
#[derive(Debug, Default)]
pub struct Report {
    /// The report, to be read by people.
    pub text: String,
    /// How many invariants are broken, each as often as it was found.
    pub breaches: usize,
    /// How many jobs failed for good. That is no broken invariant, and somebody must look at it.
    pub dead_letters: u64,
}

/// SKUs that are asked for at once.
const SKUS_AT_ONCE: usize = 1_000;

/// Audits all tenants of the store; `data` is the folder with the exported heads of their ledgers and their closings.
pub async fn run(store: &Store, data: &Path) -> anyhow::Result<Report> {
    let tenants = Tenancy::new(store.clone()).tenants().await?;
    let mut report = Report::default();
    for (tenant, slug) in &tenants {
        let found = audit_tenant(store, (*tenant, slug), data, &mut report).await;
        let found = found.with_context(|| format!("the audit of {slug} did not end"))?;
        report.breaches += found.len();
        for (invariant, finding) in found {
            let _ = writeln!(report.text, "  BREACH of invariant {invariant}: {finding}");
        }
    }
    let mut verdict =
        if report.breaches == 0 { "every invariant holds".to_owned() } else { format!("{} breaches", report.breaches) };
    if report.dead_letters > 0 {
        let _ = write!(verdict, "; {} dead letters wait for you: cardgrove jobs dead", report.dead_letters);
    }
    let _ = writeln!(report.text, "{} tenants audited: {verdict}", tenants.len());
    Ok(report)
}

async fn audit_tenant(
    store: &Store,
    (tenant, slug): (TenantId, &str),
    data: &Path,
    report: &mut Report,
) -> anyhow::Result<Vec<(u8, String)>> {
    let tx = store.snapshot(&Platform::assume().tenant(tenant)).await?;
    let ledger = ledger::audit_in(&tx).await?;
    let stock = inventory::audit_in(&tx).await?;
    let orders = order::audit_in(&tx, &stock).await?;
    let agents = commission::audit_in(&tx).await?;
    let payments = payment::audit_in(&tx).await?;
    let jobs = outbox::audit_in(&tx).await?;
    let settlement = settlement::audit_in(&tx, jobs.worked_at).await?;
    let withdrawals = withdrawal::audit_in(&tx).await?;
    let funds = funds::audit_in(&tx).await?;
    let closings = books::audit_in(&tx).await?;
    let levels = levels::audit_in(&tx).await?;
    let text = &mut report.text;
    let _ = writeln!(
        text,
        "{}: {} entries, {} postings, {} links, {} closed days; {} cards; {} orders; {} payments, {} refunds",
        slug,
        ledger.entries,
        ledger.postings,
        ledger.links,
        closings.closings,
        stock.cards,
        orders.orders,
        payments.payments,
        payments.refunds
    );
    report.dead_letters += jobs.dead;
    for letter in &jobs.letters {
        let _ = writeln!(text, "  DEAD LETTER {}", letters::line(letter));
    }
    let mut found: Vec<(u8, String)> =
        ledger.breaches.into_iter().map(|breach| (breach.invariant, breach.finding)).collect();
    found.extend(stock.breaches.into_iter().map(|finding| (4, finding)));
    found.extend(strangers(store, &tx, &orders).await?.into_iter().map(|finding| (13, finding)));
    found.extend(unknown_agents(&agents, &orders).into_iter().map(|finding| (13, finding)));
    found.extend(orders.breaches);
    found.extend(agents.breaches);
    found.extend(settlement.breaches);
    found.extend(withdrawals.breaches);
    found.extend(funds.breaches);
    found.extend(closings.breaches);
    found.extend(levels.breaches);
    found.extend(payments.breaches);
    found.extend(jobs.breaches.into_iter().map(|finding| (15, finding)));
    found.extend(compare_heads(&tx, &data.join("heads").join(head_file(tenant))).await?);
    found.extend(compare_closings(&tx, &data.join("closings").join(tenant.to_string())).await?);
    Ok(found)
}

/// Each closing that lies outside must still be the one that is kept: one that was made anew shows here only.
async fn compare_closings(tx: &impl store::Tx, folder: &Path) -> anyhow::Result<Vec<(u8, String)>> {
    let Ok(files) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for file in files {
        let path = file?.path();
        let day = path.file_stem().and_then(|stem| kernel::Day::parse(stem.to_str()?));
        let Some(day) = day.filter(|_| path.extension().is_some_and(|end| end == "json")) else { continue };
        let kept = books::closing_in(tx, day).await?;
        if kept.is_none_or(|kept| kept.text.as_bytes() != std::fs::read(&path).unwrap_or_default()) {
            found.push((12, format!("the closing of {day} is not the one that was laid down")));
        }
    }
    Ok(found)
}

/// What orders name and has no foreign key from there: SKUs of the catalogue, sites of the tree.
async fn strangers(store: &Store, tx: &impl store::Tx, orders: &OrderAudit) -> anyhow::Result<Vec<String>> {
    let sites = Tenancy::new(store.clone()).sites_in(tx).await?;
    let sites: BTreeSet<SiteId> = sites.into_iter().map(|site| site.id).collect();
    let mut strangers: Vec<String> =
        orders.sites.difference(&sites).map(|site| format!("{site} earns from an order, and is no site")).collect();
    let (catalog, sold) = (Catalog::new(store.clone()), orders.skus.iter().copied().collect::<Vec<SkuId>>());
    for skus in sold.chunks(SKUS_AT_ONCE) {
        let known: BTreeSet<SkuId> = catalog.skus_in(tx, skus).await?.into_iter().map(|sku| sku.id).collect();
        let unknown = skus.iter().filter(|sku| !known.contains(sku));
        strangers.extend(unknown.map(|sku| format!("{sku} is in an order, and not in the catalogue")));
    }
    Ok(strangers)
}

/// What orders name of agents, and has no foreign key from there.
fn unknown_agents(known: &AgentAudit, orders: &OrderAudit) -> Vec<String> {
    let agents = orders.agents.difference(&known.agents);
    let agents = agents.map(|(agent, site)| format!("{agent} is in an order of {site}, and no agent there"));
    let links = orders.links.difference(&known.links);
    agents.chain(links.map(|(link, agent)| format!("{link} is in an order, and no link of {agent}"))).collect()
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
