//! The disk under the database is full for a while.

use std::time::Duration;

use anyhow::{Context, Result};
use futures::FutureExt;

use super::{Fault, Stage, Struck};
use crate::database::Database;
use crate::installation::Setting;
use crate::process::SmallDisk;

/// A ballast takes the last byte, and goes after a while. PostgreSQL may end by itself; then it is started again, as a
/// service manager would.
pub const FULL: Fault = Fault {
    setting: Setting { has_own_server: true, disk_megabytes: Some(192), ..Setting::PLAIN },
    ..Fault::plain("disk-full", "X5, X6", |stage| full(stage).boxed())
};

const FULL_FOR: Duration = Duration::from_millis(2_500);

/// Whether this machine lets us mount a disk.
pub async fn try_mount() -> Result<()> {
    let folder = tempfile::tempdir()?;
    SmallDisk::mount(folder.path(), 1).await.map(|_| ())
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
    if let Database::Own { server, .. } = &stage.installation.database
        && !server.is_alive().await
    {
        struck.note.push_str("; PostgreSQL had ended");
        server.serve().await?;
    }
    Ok(struck)
}
