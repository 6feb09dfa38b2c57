//! `cardgrove backup FILE`: the whole database as it is at one moment, beside whoever serves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use kernel::{Clock, SystemClock};
use store::{Backend, Owner};

use crate::archive::{self, DATABASE, HEADS, Kind, Manifest, Workshop};
use crate::commands::print;
use crate::settings::Settings;

/// Makes a backup; nothing is overwritten.
pub async fn run(settings: &Settings, file: &Path) -> anyhow::Result<ExitCode> {
    let target = std::path::absolute(file)?;
    ensure!(!target.try_exists()?, "{} is there already", target.display());
    let url = url(settings)?;
    let workshop = Workshop::beside(&target)?;
    let taken_at = SystemClock.now();
    // Before the database: a head that is exported meanwhile would be of a link that is not in the copy.
    let mut parts = heads(settings, &workshop)?;
    let copy = workshop.path(DATABASE);
    let rows = store::dump(&url, &copy).await?;
    let kind = Kind::of(Backend::of_url(&url)?);
    let schema = match kind {
        Kind::Sqlite => schema_of(&format!("sqlite://{}", copy.display())).await?,
        Kind::Postgres => schema_of(&url).await?,
    };
    parts.push((DATABASE.to_owned(), copy));
    let (tables, count) = (rows.len(), rows.values().sum::<u64>());
    let manifest = Manifest::new(kind, schema.clone(), taken_at, rows);
    let made = target.clone();
    tokio::task::spawn_blocking(move || archive::write(&made, manifest, &parts)).await??;
    drop(workshop);
    let bytes = fs::metadata(&target)?.len();
    print(&format!(
        "{}: {count} rows of {tables} tables of {}, schema {schema}, {bytes} bytes\n\
         the master key is not in it: keep that apart, see `cardgrove keys export`\n",
        target.display(),
        kind.name()
    ))
}

/// The database as its owner knows it.
pub(crate) fn url(settings: &Settings) -> anyhow::Result<String> {
    match settings.sqlite_file() {
        Some(file) => {
            ensure!(file.exists(), "there is no database at {}", file.display());
            Ok(format!("sqlite://{}", file.display()))
        }
        None => {
            let url = settings.database.owner_url.clone();
            url.context("PostgreSQL is copied by the schema's owner: set database.owner_url")
        }
    }
}

async fn schema_of(url: &str) -> anyhow::Result<String> {
    let owner = Owner::open(url).await?;
    let version = migrations::version(&owner).await?;
    owner.close().await?;
    version.context("the database has no schema")
}

/// Copies the exported heads, which say what the ledger was, out of the hands of whoever holds the database.
fn heads(settings: &Settings, workshop: &Workshop) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let folder = settings.data_dir.join("heads");
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut parts = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let copy = workshop.path(&name);
        fs::copy(entry.path(), &copy)?;
        parts.push((format!("{HEADS}{name}"), copy));
    }
    Ok(parts)
}
