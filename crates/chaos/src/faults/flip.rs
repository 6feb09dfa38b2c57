//! A bit is flipped behind the program's back: in a code that was sold, or in a posting of the ledger.

use std::time::Duration;

use anyhow::{Context, Result};
use futures::FutureExt;

use super::{Fault, Stage, Struck};
use crate::browser::order_bits;
use crate::database::Database;
use crate::quiet::Quiet;

/// In a sealed code: its buyer is not shown a wrong one.
pub const CODE: Fault = Fault {
    inspect: Some(|stage, quiet| code(stage, quiet).boxed()),
    ..Fault::plain("flipped-code", "X24", |stage| wait(stage).boxed())
};
/// In an amount of the ledger: the audit says so.
pub const POSTING: Fault = Fault {
    inspect: Some(|stage, quiet| posting(stage, quiet).boxed()),
    ..Fault::plain("flipped-posting", "X24", |stage| wait(stage).boxed())
};

/// The disk goes wrong later, when everybody knows what he bought.
async fn wait(_: &Stage<'_>) -> Result<Struck> {
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok(Struck::of("one bit, once it is quiet"))
}

async fn code(stage: &Stage<'_>, quiet: &Quiet) -> Result<Vec<String>> {
    let database = &stage.installation.database;
    let sold =
        quiet.purchases.iter().find(|(purchase, _)| purchase.codes.as_ref().is_some_and(|codes| codes.len() == 1));
    let (purchase, _) = sold.context("somebody has bought one code")?;
    let order = purchase.number().and_then(order_bits).context("an order has a number")?;
    let own = format!("order_id = {}", database.bytes(&format!("{order:032x}")));
    let asked = database.ask(&format!("SELECT {} FROM cards WHERE {own}", database.hex("sealed"))).await?;
    let sealed = asked.first().context("the order has a card")?;
    let at = sealed.len() / 2;
    let flipped = u8::from_str_radix(&sealed[at..=at], 16)? ^ 1;
    let flipped = format!("{}{flipped:x}{}", &sealed[..at], &sealed[at + 1..]);
    let sealed = database.blob(&flipped);
    database.tamper(&format!("UPDATE cards SET sealed = {sealed} WHERE {own}")).await?;
    let page = purchase.page.as_deref().context("an order has a page")?;
    let shown = purchase.browser.post_once(&format!("{page}/codes"), &[]).await;
    let Some((status, text)) = shown else { return Ok(vec!["a code that cannot be opened has no answer".to_owned()]) };
    let codes = crate::browser::codes(&text);
    let is_refused = codes.is_empty() && status >= 400;
    Ok(if is_refused { Vec::new() } else { vec![format!("a flipped code was answered with {status} and {codes:?}")] })
}

async fn posting(stage: &Stage<'_>, _: &Quiet) -> Result<Vec<String>> {
    let database = &stage.installation.database;
    if matches!(database, Database::Sqlite(_)) {
        // Whoever can write the file can do this, too.
        database.tamper("DROP TRIGGER postings_no_update").await?;
    }
    let one = "(entry_id, seq) IN (SELECT entry_id, seq FROM postings ORDER BY entry_id, seq LIMIT 1)";
    database.tamper(&format!("UPDATE postings SET amount_minor = amount_minor + 1 WHERE {one}")).await?;
    let audit = stage.installation.run(&["audit"]).await?;
    let is_found = !audit.is_good && audit.text.contains("BREACH of invariant 1:");
    Ok(if is_found { Vec::new() } else { vec![format!("a flipped posting was not found:\n{}", audit.text)] })
}
