//! `cardgrove restore FILE`: a backup becomes an empty database, and is audited there.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use inventory::{KeyRing, MasterKey, MasterKeys};
use kernel::Platform;
use store::{Backend, FileLock, RowCounts, Store};
use tenancy::Tenancy;

use crate::archive::{Archive, DATABASE, HEADS, Kind, Part, Workshop};
use crate::commands::print;
use crate::database::{self, Access, Opened};
use crate::settings::Settings;
use crate::{audit, backup};

/// Restores, and says whether all of it holds. What is refused is refused before anything is written.
pub async fn run(settings: &Settings, file: &Path) -> anyhow::Result<ExitCode> {
    let name = file.to_owned();
    let mut archive = tokio::task::spawn_blocking(move || Archive::open(&name)).await??;
    let url = target(settings)?;
    check(settings, &archive, &url).await?;
    database::prepare_folder(settings)?;
    let lock = lock(settings)?;
    if Backend::of_url(&url)? == Backend::Postgres {
        database::prepare_roles(settings, &url).await?;
    }
    let workshop = Workshop::beside(&settings.data_dir.join("restore"))?;
    let manifest = archive.manifest.clone();
    let (heads, databases): (Vec<Part>, Vec<Part>) =
        manifest.parts.iter().cloned().partition(|part| part.name.starts_with(HEADS));
    let copy = workshop.path(DATABASE);
    let part = databases.into_iter().find(|part| part.name == DATABASE).context("it holds no database")?;
    let (mut archive, copy) = tokio::task::spawn_blocking(move || {
        archive.extract(&part, &copy)?;
        anyhow::Ok((archive, copy))
    })
    .await??;
    let rows = store::load(&url, &copy).await?;
    compare(&manifest.rows, &rows)?;
    put_heads(settings, &mut archive, &heads)?;
    drop((lock, workshop));
    tracing::info!(backup.taken_at = %manifest.taken_at, "the database is that of {}", manifest.taken_at);
    let taken_at = manifest.taken_at.format("%Y-%m-%d %H:%M:%S UTC");
    let count: u64 = rows.values().sum();
    print(&format!("{count} rows of {} tables are as they were on {taken_at}\n", rows.len()))?;
    look_over(settings).await
}

/// Where it is restored to.
fn target(settings: &Settings) -> anyhow::Result<String> {
    match settings.sqlite_file() {
        Some(file) => Ok(format!("sqlite://{}", file.display())),
        None => backup::url(settings),
    }
}

/// Everything that can be refused without writing.
async fn check(settings: &Settings, archive: &Archive, url: &str) -> anyhow::Result<()> {
    let manifest = &archive.manifest;
    let kind = Kind::of(Backend::of_url(url)?);
    if kind != manifest.database {
        bail!("this is a backup of {}, and the settings name {}", manifest.database.name(), kind.name());
    }
    if !migrations::names().contains(&manifest.schema) {
        bail!("the backup has the schema {} of another version; version {} made it", manifest.schema, manifest.version);
    }
    let where_to = settings.sqlite_file().map_or_else(|| "the database".to_owned(), |file| file.display().to_string());
    ensure!(store::is_empty(url).await?, "{where_to} is not empty: a backup is restored where nothing is");
    let heads = settings.data_dir.join("heads");
    let has_heads = heads.exists() && fs::read_dir(&heads)?.next().is_some();
    ensure!(
        !has_heads,
        "{} holds exported heads of a ledger: move them away and keep them, they say what was there after the backup",
        heads.display()
    );
    Ok(())
}

/// Nobody else may begin with the file meanwhile.
fn lock(settings: &Settings) -> anyhow::Result<Option<FileLock>> {
    let Some(file) = settings.sqlite_file() else { return Ok(None) };
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let lock = FileLock::acquire(&file)?;
    Ok(Some(lock.with_context(|| format!("a server holds {}", file.display()))?))
}

fn compare(expected: &RowCounts, found: &RowCounts) -> anyhow::Result<()> {
    let tables = expected.keys().chain(found.keys());
    let mut wrong: Vec<String> = tables
        .filter(|table| expected.get(*table) != found.get(*table))
        .map(|table| format!("{table}: {:?} rows for {:?}", found.get(table), expected.get(table)))
        .collect();
    wrong.dedup();
    ensure!(wrong.is_empty(), "what was restored is not what was backed up, do not use it: {}", wrong.join("; "));
    Ok(())
}

fn put_heads(settings: &Settings, archive: &mut Archive, heads: &[Part]) -> anyhow::Result<()> {
    let folder: PathBuf = settings.data_dir.join("heads");
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    for part in heads {
        let name = part.name.strip_prefix(HEADS).unwrap_or_default();
        let is_plain =
            !name.starts_with('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
        ensure!(is_plain && !name.is_empty(), "{:?} is no name of a file of heads", part.name);
        archive.extract(part, &folder.join(name))?;
    }
    Ok(())
}

/// Brings the schema up to date, audits, and tries the master key.
async fn look_over(settings: &Settings) -> anyhow::Result<ExitCode> {
    let Opened::Here(database) = database::open(settings, Access::Own).await? else {
        bail!("a server has taken the restored file already");
    };
    let report = audit::run(&database.store, &settings.data_dir).await?;
    print(&report.text)?;
    let are_open = try_keys(settings, &database.store).await?;
    database.store.close().await?;
    Ok(if report.breaches == 0 && are_open { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether the master key opens all tenants' keys; one that is not there yet is told, and no failure.
async fn try_keys(settings: &Settings, store: &Store) -> anyhow::Result<bool> {
    let file = settings.master_key_path();
    let keys = match &settings.master_key {
        Some(text) => MasterKeys::only(MasterKey::parse(text)?),
        None if file.exists() => MasterKeys::read(&file)?,
        None => {
            print(&format!("no master key: put the one of this backup to {} before you serve\n", file.display()))?;
            return Ok(true);
        }
    };
    let ring = KeyRing::new(keys);
    let tenants = Tenancy::new(store.clone()).tenants().await?;
    let mut locked = Vec::new();
    for (tenant, slug) in &tenants {
        let tx = store.read(&Platform::assume().tenant(*tenant)).await?;
        if !ring.opens_in(&tx).await? {
            locked.push(slug.as_str());
        }
    }
    if locked.is_empty() {
        print(&format!("the master key opens the codes of {} tenants\n", tenants.len()))?;
        return Ok(true);
    }
    print(&format!("THE MASTER KEY DOES NOT OPEN THE CODES OF {}: it is not this backup's\n", locked.join(", ")))?;
    Ok(false)
}
