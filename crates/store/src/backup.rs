//! A whole database as one file, and back: for backups, beside whoever serves.

use std::collections::BTreeMap;
use std::path::Path;

use crate::dialect::{Backend, copy_postgres, copy_sqlite};
use crate::error::StoreError;
use crate::store::Owner;

/// How many rows each table has, by the tables' names.
pub type RowCounts = BTreeMap<String, u64>;

/// Writes all of the database at `url`, as it is at one moment, to the new file `file`; answers what it holds then.
/// Nobody who reads or writes meanwhile is kept waiting. PostgreSQL is asked as the schema's owner.
pub async fn dump(url: &str, file: &Path) -> Result<RowCounts, StoreError> {
    match Backend::of_url(url)? {
        Backend::Sqlite => {
            let owner = Owner::open(url).await?;
            copy_sqlite::dump(owner.connection(), file).await?;
            owner.close().await?;
            row_counts(&format!("sqlite://{}", file.display())).await
        }
        Backend::Postgres => {
            let owner = Owner::open(url).await?;
            let counts = copy_postgres::dump(owner.connection(), url, file).await?;
            owner.close().await?;
            Ok(counts)
        }
    }
}

/// Makes the database at `url`, which is empty, what [`dump`] has written to `file`; answers what it holds. On
/// PostgreSQL the roles are there already, and a failure before the end leaves the database empty.
pub async fn load(url: &str, file: &Path) -> Result<RowCounts, StoreError> {
    if !is_empty(url).await? {
        return Err(StoreError::Settings("the database is not empty".to_owned()));
    }
    match Backend::of_url(url)? {
        Backend::Sqlite => copy_sqlite::load(url, file)?,
        Backend::Postgres => {
            let owner = Owner::open(url).await?;
            copy_postgres::load(owner.connection(), url, file).await?;
            owner.close().await?;
        }
    }
    row_counts(url).await
}

/// Whether there is nothing at `url`: no file (SQLite), no table (PostgreSQL).
pub async fn is_empty(url: &str) -> Result<bool, StoreError> {
    match Backend::of_url(url)? {
        Backend::Sqlite => copy_sqlite::is_absent(url),
        Backend::Postgres => {
            let owner = Owner::open(url).await?;
            let is_empty = copy_postgres::is_empty(owner.connection()).await?;
            owner.close().await?;
            Ok(is_empty)
        }
    }
}

/// How many rows each table has, seen at one moment.
pub async fn row_counts(url: &str) -> Result<RowCounts, StoreError> {
    let owner = Owner::open(url).await?;
    let counts = match owner.backend() {
        Backend::Sqlite => copy_sqlite::row_counts(owner.connection()).await?,
        Backend::Postgres => copy_postgres::row_counts(owner.connection()).await?,
    };
    owner.close().await?;
    Ok(counts)
}
