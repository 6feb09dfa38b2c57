//! A backup is taken under load, restored where nothing is, and refused when it is torn.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use futures::FutureExt;

use super::{Fault, Stage, Struck};
use crate::browser::between;
use crate::database::{Backend, Database};
use crate::installation::Said;
use crate::quiet::Quiet;

/// Taken in the middle of the load; restored once it is quiet.
pub const BACKUP: Fault = Fault {
    inspect: Some(|stage, quiet| restore(stage, quiet).boxed()),
    ..Fault::plain("backup", "X22", |stage| take(stage).boxed())
};

const FILE: &str = "chaos.backup";

async fn take(stage: &Stage<'_>) -> Result<Struck> {
    let file = stage.installation.folder.join(FILE);
    let said = stage.installation.run(&["backup", text(&file)?]).await?;
    let mut struck = Struck::of("backup beside the load");
    struck.expect(said.is_good, format!("no backup: {}", said.text));
    Ok(struck)
}

async fn restore(stage: &Stage<'_>, quiet: &Quiet) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    let file = stage.installation.folder.join(FILE);
    let said = restore_to(stage, &file, "restored").await?;
    if !said.is_clean_audit() {
        broken.push(format!("what was restored says: {}", said.text));
    }
    let known = quiet.acknowledged_before(quiet.struck_at);
    let restored = orders(&said.text).unwrap_or(0);
    if restored < known {
        broken.push(format!("{restored} orders were restored, {known} were told before the backup began"));
    }
    let whole = std::fs::read(&file)?;
    let (torn, middle) = (&whole[..whole.len() * 2 / 3], whole.len() / 2);
    let mut flipped = whole.clone();
    flipped[middle] ^= 1;
    for (name, bytes) in [("torn", torn), ("flipped", &flipped)] {
        let file = stage.installation.folder.join(name);
        std::fs::write(&file, bytes)?;
        let said = restore_to(stage, &file, &format!("from-{name}")).await?;
        if said.is_good {
            broken.push(format!("a {name} backup was restored"));
        }
    }
    Ok(broken)
}

/// Restores `file` where nothing is yet.
async fn restore_to(stage: &Stage<'_>, file: &Path, folder: &str) -> Result<Said> {
    let (old, new) = (stage.installation.folder.join("var"), stage.installation.folder.join(folder));
    std::fs::create_dir_all(&new)?;
    std::fs::copy(old.join("master.key"), new.join("master.key"))?;
    let backend = match &stage.installation.database {
        Database::Sqlite(_) => Backend::Sqlite,
        _ => Backend::Postgres,
    };
    let database = Database::make(backend, &new, None, None).await?;
    let url = database.owner_url().map(str::to_owned);
    let settings: Vec<_> = url.iter().map(|url| ("DATABASE_URL", url.as_str())).collect();
    let said = stage.installation.run_on(&new, &settings, &["restore", text(file)?]).await?;
    database.drop().await?;
    ensure!(!said.text.contains("panicked"), "restoring panicked: {}", said.text);
    Ok(said)
}

/// How many orders an audit has seen.
fn orders(audit: &str) -> Option<usize> {
    let before = between(audit, " cards; ", " orders;")?;
    before.trim().parse().ok()
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is text")
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_audit_says_how_many_orders_it_saw() {
        let audit = "chaos: 9 entries, 20 postings, 3 links; 572 cards; 41 orders; 5 payments, 1 refunds\n";
        assert_eq!(super::orders(audit), Some(41));
    }
}
