//! PostgreSQL itself dies, or stands still.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::FutureExt;

use super::{Fault, POSTGRES, Stage, Struck};
use crate::installation::Setting;

const OWN: Setting = Setting { has_own_server: true, ..Setting::PLAIN };
/// SIGKILL to all of its processes, and a start after a while; the program stays and finds it again.
pub const KILLED: Fault =
    Fault { backends: POSTGRES, setting: OWN, ..Fault::plain("postgres-killed", "X2", |stage| killed(stage).boxed()) };
/// All of its processes are stopped and go on after a while.
pub const FROZEN: Fault =
    Fault { backends: POSTGRES, setting: OWN, ..Fault::plain("postgres-frozen", "X3", |stage| frozen(stage).boxed()) };

const DEAD: Duration = Duration::from_millis(1_500);
const FROZEN_FOR: Duration = Duration::from_secs(14);

async fn killed(stage: &Stage<'_>) -> Result<Struck> {
    let server = stage.installation.database.server()?;
    server.kill().await?;
    let page = page(stage).await;
    tokio::time::sleep(DEAD).await;
    let began = Instant::now();
    server.serve().await?;
    let mut struck = Struck::of(format!("dead; {}; back in {} ms", page.words(), began.elapsed().as_millis()));
    struck.expect(page.is_answered(), "without a database a page has no answer");
    Ok(struck)
}

async fn frozen(stage: &Stage<'_>) -> Result<Struck> {
    let server = stage.installation.database.server()?;
    server.freeze().await?;
    let began = Instant::now();
    let page = tokio::time::timeout(FROZEN_FOR, page(stage)).await;
    tokio::time::sleep(FROZEN_FOR.saturating_sub(began.elapsed())).await;
    server.thaw().await?;
    let words = page.as_ref().map_or_else(|_| "a page: no answer".to_owned(), Page::words);
    let mut struck = Struck::of(format!("{} s; {words}", FROZEN_FOR.as_secs()));
    struck.expect(page.is_ok_and(|page| page.is_answered()), "while the database stands still a page has no answer");
    Ok(struck)
}

/// What a buyer sees who opens the shop now.
struct Page {
    status: Option<u16>,
    took: Duration,
}

impl Page {
    fn words(&self) -> String {
        let status = self.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        format!("a page: {status} after {} ms", self.took.as_millis())
    }

    /// The page itself, from memory, or that the shop is busy, or that it took too long.
    fn is_answered(&self) -> bool {
        matches!(self.status, Some(200 | 503 | 504))
    }
}

async fn page(stage: &Stage<'_>) -> Page {
    let browser = stage.installation.wire.browser(&stage.pack.sites[0].host);
    let began = Instant::now();
    let status = browser.look("/").await;
    Page { status, took: began.elapsed() }
}
