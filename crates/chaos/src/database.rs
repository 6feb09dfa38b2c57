//! The database under the installation, and what is done to it behind its back.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono::{SecondsFormat, TimeDelta, Utc};
use sea_orm::ConnectionTrait;
use testkit::{Cluster, TestDb};

/// Which database an installation uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A file.
    Sqlite,
    /// A database of its own in the cluster of this run.
    Postgres,
}

impl Backend {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// The database of one installation.
#[derive(Debug, Clone)]
pub enum Database {
    /// The file.
    Sqlite(PathBuf),
    /// The owner's URL and the name.
    Postgres {
        /// For the program.
        owner_url: String,
        /// For the superuser.
        name: String,
    },
}

impl Database {
    /// A new one; `folder` is where the program keeps its data.
    pub async fn make(backend: Backend, folder: &Path) -> Result<Self> {
        if backend == Backend::Sqlite {
            return Ok(Self::Sqlite(folder.join("cardgrove.db")));
        }
        let owner_url = tokio::task::spawn_blocking(TestDb::bare_postgres).await?;
        let name = owner_url.rsplit('/').find_map(|part| part.split_once("?host=").map(|(name, _)| name.to_owned()));
        let name = name.or_else(|| owner_url.split("localhost/").nth(1)?.split('?').next().map(str::to_owned));
        Ok(Self::Postgres { name: name.context("the URL names a database")?, owner_url })
    }

    /// Cuts every connection of the program; answers how many.
    pub async fn cut_connections(&self) -> Result<usize> {
        let Self::Postgres { name, .. } = self else { return Ok(0) };
        let sql = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND application_name = 'cardgrove'"
        );
        Ok(superuser("postgres", sql).await?.lines().count())
    }

    /// Lets the time go by that the dead program does not see: what was to happen within `step` is due now. Leases of
    /// the dead have run out, and after a quarter of an hour so have holds.
    pub async fn leap(&self, step: TimeDelta) -> Result<()> {
        let now = Utc::now();
        let (now, then) = (moment(now), moment(now + step));
        let columns = [
            ("jobs", "lease_until", "state = 'running'"),
            ("jobs", "run_at", "state = 'queued'"),
            ("order_holds", "expires_at", "1 = 1"),
            ("orders", "expires_at", "state = 'open'"),
            ("intents", "expires_at", "state = 'open'"),
            ("handovers", "expires_at", "used_at IS NULL"),
        ];
        let statements = columns.map(|(table, column, which)| {
            format!(
                "UPDATE {table} SET {column} = '{now}' WHERE {column} > '{now}' AND {column} <= '{then}' AND {which};"
            )
        });
        match self {
            Self::Postgres { name, .. } => superuser(name, statements.join(" ")).await.map(|_| ()),
            Self::Sqlite(file) => {
                let owner = store::Owner::open(&format!("sqlite://{}", file.display())).await?;
                owner.connection().execute_unprepared(&statements.join(" ")).await?;
                Ok(owner.close().await?)
            }
        }
    }

    /// Keeps what can be looked at later: a private cluster ends with the run.
    pub fn keep(&self, folder: &Path) {
        let Self::Postgres { name, .. } = self else { return };
        let url = Cluster::shared().url("postgres", name);
        let file = folder.join("database.sql");
        let dumped = std::process::Command::new("pg_dump").arg(url).arg("--file").arg(&file).status();
        if !dumped.is_ok_and(|status| status.success()) {
            eprintln!("the database {name} could not be kept");
        }
    }

    /// Removes it from the cluster; a file goes with its folder.
    pub async fn drop(&self) -> Result<()> {
        let Self::Postgres { name, .. } = self else { return Ok(()) };
        superuser("postgres", format!("DROP DATABASE {name} WITH (FORCE)")).await.map(|_| ())
    }
}

async fn superuser(database: &str, sql: String) -> Result<String> {
    let database = database.to_owned();
    Ok(tokio::task::spawn_blocking(move || Cluster::shared().psql(&database, &sql)).await??)
}

/// A moment as both databases keep it.
fn moment(at: chrono::DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, false)
}
