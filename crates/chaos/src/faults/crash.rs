//! The program dies at a point that is chosen, not at any moment: while it makes its schema, when it is about to commit, or
//! when it has committed and nobody knows. At a commit its disk kills it on SQLite, at a sync; on PostgreSQL the wire holds
//! the commit, or its answer, and it is killed then. Which commit it is, chance says: an order's, a gateway's report's, or a
//! job's.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::FutureExt;

use super::{BOTH, Fault, Stage, Struck};
use crate::disk::Mischief;
use crate::installation::{Behind, Setting};
use crate::proxy::Mode;

/// Everything is written, and not committed.
pub const COMMITTING: Fault = at_a_commit("crash-committing", |stage| crash(stage, Point::Before).boxed());
/// Everything is committed, and nobody was answered.
pub const COMMITTED: Fault = at_a_commit("crash-committed", |stage| crash(stage, Point::After).boxed());

/// It died while it made its schema, each time a little later.
pub const MIGRATING: Fault = Fault {
    setting: Setting { dies_migrating: true, ..Setting::PLAIN },
    ..Fault::plain("crash-migrating", "X1", |stage| migrated(stage).boxed())
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    Before,
    After,
}

/// Commits that pass before the one that is hit, at most.
const PASSED_MAX: u64 = 12;
/// How long it may take until somebody commits.
const HIT_WITHIN: Duration = Duration::from_secs(20);
/// How long the dead stay dead.
const DEAD: Duration = Duration::from_millis(200);

const fn at_a_commit(name: &'static str, strike: super::Act<Struck>) -> Fault {
    let setting =
        Setting { has_own_server: true, behind_wire: Some(Behind::Database), has_bad_disk: true, ..Setting::PLAIN };
    Fault { backends: BOTH, setting, ..Fault::plain(name, "X1, X7", strike) }
}

async fn crash(stage: &Stage<'_>, point: Point) -> Result<Struck> {
    let (installation, passed) = (stage.installation, stage.dice.clone().between(0, PASSED_MAX));
    let began = Instant::now();
    match &installation.proxy {
        Some(proxy) => {
            let before = proxy.hurt();
            proxy.set(Mode::HoldCommit { passed, is_answer: point == Point::After });
            hit(|| proxy.hurt() > before).await?;
            installation.kill().await?;
            proxy.set(Mode::Pass);
            proxy.reset_all();
        }
        None => {
            let disk = installation.bad_disk.as_ref().context("a disk that can kill")?;
            disk.set(if point == Point::Before { Mischief::DieBefore(passed) } else { Mischief::DieAfter(passed) })?;
            hit(|| disk.hits() > 0).await?;
            installation.nodes[0].bury().await?;
            disk.mend()?;
        }
    }
    let took = began.elapsed();
    tokio::time::sleep(DEAD).await;
    installation.serve(0).await?;
    let words = if point == Point::Before { "before" } else { "after" };
    Ok(Struck::of(format!("killed {words} commit {} in {} ms", passed + 1, took.as_millis())))
}

/// It has happened before the shop was opened; that the shop opened and sells is the proof.
async fn migrated(stage: &Stage<'_>) -> Result<Struck> {
    let deaths = stage.installation.deaths;
    let mut struck = Struck::of(format!("killed {deaths} times while it made its schema"));
    struck.expect(deaths > 1, "it was hardly killed: nothing was tested");
    Ok(struck)
}

/// Waits until the trap has shut.
async fn hit(mut is_hit: impl FnMut() -> bool) -> Result<()> {
    let began = Instant::now();
    while !is_hit() {
        ensure!(began.elapsed() < HIT_WITHIN, "nobody commits: nothing was tested");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}
