//! A SQLite file, copied while it is in use.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::backup::RowCounts;
use crate::error::StoreError;

/// Writes the file as one reading transaction sees it, without what was deleted.
pub(crate) async fn dump(owner: &DatabaseConnection, file: &Path) -> Result<(), StoreError> {
    let name = file.to_str().ok_or_else(|| StoreError::Settings(format!("{} is no text", file.display())))?;
    let copy = Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [name.into()]);
    owner.execute_raw(copy).await?;
    Ok(())
}

/// Puts the file in its place; a copy that was cut off has another name.
pub(crate) fn load(url: &str, file: &Path) -> Result<(), StoreError> {
    let target = path_of(url);
    let beside = target.with_extension("db.restoring");
    let failed = |error: std::io::Error| StoreError::Settings(format!("cannot write {}: {error}", target.display()));
    fs::copy(file, &beside).map_err(failed)?;
    File::open(&beside).and_then(|copy| copy.sync_all()).map_err(failed)?;
    fs::rename(&beside, &target).map_err(failed)
}

/// Whether neither the file nor a log that would be taken for its own is there.
pub(crate) fn is_absent(url: &str) -> Result<bool, StoreError> {
    let target = path_of(url);
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut path = target.clone().into_os_string();
        path.push(suffix);
        let is_there = PathBuf::from(&path).try_exists();
        if is_there.map_err(|error| StoreError::Settings(format!("{}: {error}", target.display())))? {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(crate) async fn row_counts(owner: &DatabaseConnection) -> Result<RowCounts, StoreError> {
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let tables = owner.query_all_raw(Statement::from_string(DbBackend::Sqlite, tables)).await?;
    let mut counts = RowCounts::new();
    for row in tables {
        let name: String = row.try_get("", "name")?;
        let count = Statement::from_string(DbBackend::Sqlite, format!("SELECT COUNT(*) AS count FROM \"{name}\""));
        let count = owner.query_one_raw(count).await?.map(|row| row.try_get::<i64>("", "count")).transpose()?;
        counts.insert(name, count.unwrap_or_default().unsigned_abs());
    }
    Ok(counts)
}

fn path_of(url: &str) -> PathBuf {
    let path = url.strip_prefix("sqlite:").unwrap_or(url).trim_start_matches("//");
    PathBuf::from(path.split('?').next().unwrap_or_default())
}
