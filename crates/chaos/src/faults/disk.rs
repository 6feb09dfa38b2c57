//! The disk under the database is full for a while, or fails.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::FutureExt;

use super::{Fault, Stage, Struck};
use crate::database::Database;
use crate::disk::Mischief;
use crate::installation::Setting;
use crate::process::SmallDisk;

/// A ballast takes the last byte, and goes after a while. PostgreSQL may end by itself; then it is started again, as a
/// service manager would.
pub const FULL: Fault = Fault {
    setting: Setting { has_own_server: true, disk_megabytes: Some(192), ..Setting::PLAIN },
    ..Fault::plain("disk-full", "X5, X6", |stage| full(stage).boxed())
};

/// No sync ends well for a while; nobody may be told of an order that such a sync should have kept.
pub const SYNCS_FAIL: Fault =
    Fault { setting: BAD, ..Fault::plain("disk-syncs-fail", "X8", |stage| fail(stage, Mischief::Sync).boxed()) };
/// No write ends well for a while.
pub const WRITES_FAIL: Fault =
    Fault { setting: BAD, ..Fault::plain("disk-writes-fail", "X8", |stage| fail(stage, Mischief::Write).boxed()) };

const BAD: Setting = Setting { has_own_server: true, has_bad_disk: true, ..Setting::PLAIN };
const BAD_FOR: Duration = Duration::from_secs(3);
const FULL_FOR: Duration = Duration::from_millis(2_500);
/// How long PostgreSQL may take until it answers or has ended.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// Whether this machine lets us mount a disk.
pub async fn try_mount() -> Result<()> {
    let folder = tempfile::tempdir()?;
    SmallDisk::mount(folder.path(), 1).await.map(|_| ())
}

async fn fail(stage: &Stage<'_>, mischief: Mischief) -> Result<Struck> {
    let disk = stage.installation.bad_disk.as_ref().context("a disk that can fail")?;
    disk.set(mischief)?;
    tokio::time::sleep(BAD_FOR).await;
    let page = stage.installation.wire.browser(&stage.pack.sites[0].host).look("/").await;
    disk.mend()?;
    let mut struck = Struck::of(format!("{} calls failed; a page: {page:?}", disk.hits()));
    struck.expect(disk.hits() > 0, "no call failed: nothing was tested");
    struck.expect(matches!(page, Some(200 | 503 | 504)), "on a failing disk a page has no answer");
    serve_again(stage, &mut struck).await?;
    Ok(struck)
}

/// Starts PostgreSQL again if it has ended, as a service manager would. One that does not answer yet may still end: its
/// recovery has met the bad disk, too.
async fn serve_again(stage: &Stage<'_>, struck: &mut Struck) -> Result<()> {
    let Database::Own { server, .. } = &stage.installation.database else { return Ok(()) };
    let began = Instant::now();
    while server.is_alive().await {
        if server.psql("postgres", "SELECT 1").await.is_ok() {
            return Ok(());
        }
        ensure!(began.elapsed() < ANSWERS_WITHIN, "PostgreSQL neither answers nor ends");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    struck.note.push_str("; PostgreSQL had ended");
    server.serve().await
}

async fn full(stage: &Stage<'_>) -> Result<Struck> {
    let disk = stage.installation.disk.as_ref().context("a small disk")?;
    let mut taken = disk.fill()?;
    if let Database::Own { server, .. } = &stage.installation.database {
        // The log needs a new file now, and there is no room for it.
        let _ = server.psql("postgres", "SELECT pg_switch_wal()").await;
    }
    tokio::time::sleep(FULL_FOR).await;
    // What was freed meanwhile is taken, too.
    taken += disk.fill()?;
    tokio::time::sleep(FULL_FOR).await;
    let browser = stage.installation.wire.browser(&stage.pack.sites[0].host);
    let page = browser.look("/").await;
    disk.free()?;
    let mut struck = Struck::of(format!("{} MiB of ballast; a page: {page:?}", taken >> 20));
    struck.expect(matches!(page, Some(200 | 503)), "with a full disk a page has no answer");
    serve_again(stage, &mut struck).await?;
    Ok(struck)
}
