//! The database under the installation, and what is done to it behind its back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{SecondsFormat, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use testkit::{Cluster, TestDb};

use crate::disk::BadDisk;
use crate::server::{self, Server};

/// Which database an installation uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backend {
    /// A file.
    Sqlite,
    /// A database of its own in the cluster of this run, or a server of its own.
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
pub enum Database {
    /// The file.
    Sqlite(PathBuf),
    /// A database in the server that all rounds share.
    Shared {
        /// For the program.
        owner_url: String,
        /// For the superuser.
        name: String,
    },
    /// A server of its own.
    Own {
        /// For the program.
        owner_url: String,
        /// For us.
        server: Box<Server>,
    },
}

/// A column that says until when something lasts, in the rows that a condition names.
type Until = (&'static str, &'static str, &'static str);

const JOBS: [Until; 2] = [("jobs", "lease_until", "state = 'running'"), ("jobs", "run_at", "state = 'queued'")];
const HOLDS: [Until; 4] = [
    ("order_holds", "expires_at", "1 = 1"),
    ("orders", "expires_at", "state = 'open'"),
    ("intents", "expires_at", "state = 'open'"),
    ("handovers", "expires_at", "used_at IS NULL"),
];

impl Database {
    /// A new one; `folder` is where the program keeps its data, and `server` where a server of its own would be, on this
    /// disk.
    pub async fn make(
        backend: Backend,
        folder: &Path,
        server: Option<&PathBuf>,
        disk: Option<&BadDisk>,
    ) -> Result<Self> {
        if backend == Backend::Sqlite {
            return Ok(Self::Sqlite(folder.join("cardgrove.db")));
        }
        if let Some(folder) = server {
            let server = Box::new(Server::start(folder, disk.cloned()).await?);
            return Ok(Self::Own { owner_url: server.url("owner"), server });
        }
        let owner_url = tokio::task::spawn_blocking(TestDb::bare_postgres).await?;
        let name = owner_url.rsplit('/').find_map(|part| part.split_once("?host=").map(|(name, _)| name.to_owned()));
        let name = name.or_else(|| owner_url.split("localhost/").nth(1)?.split('?').next().map(str::to_owned));
        Ok(Self::Shared { name: name.context("the URL names a database")?, owner_url })
    }

    /// The owner's URL, if it is PostgreSQL.
    pub fn owner_url(&self) -> Option<&str> {
        match self {
            Self::Sqlite(_) => None,
            Self::Shared { owner_url, .. } | Self::Own { owner_url, .. } => Some(owner_url),
        }
    }

    /// The server of its own.
    pub fn server(&self) -> Result<&Server> {
        match self {
            Self::Own { server, .. } => Ok(server),
            _ => anyhow::bail!("the database has no server of its own"),
        }
    }

    /// Where that listens.
    pub fn socket(&self) -> Option<PathBuf> {
        self.server().ok().map(Server::socket)
    }

    /// The program reaches it by this port from now on.
    pub fn go_through(&mut self, port: u16) {
        if let Self::Own { owner_url, .. } = self {
            *owner_url = format!("postgres://owner@127.0.0.1:{port}/{}", server::NAME);
        }
    }

    /// Runs statements behind the program's back.
    pub async fn tamper(&self, sql: &str) -> Result<String> {
        match self {
            Self::Shared { name, .. } => superuser(name, sql.to_owned()).await,
            Self::Own { server, .. } => server.psql(server::NAME, sql).await,
            Self::Sqlite(file) => {
                let owner = store::Owner::open(&format!("sqlite://{}", file.display())).await?;
                owner.connection().execute_unprepared(sql).await?;
                owner.close().await?;
                Ok(String::new())
            }
        }
    }

    /// Asks behind the program's back: the first column of every row, which is text.
    pub async fn ask(&self, sql: &str) -> Result<Vec<String>> {
        let Self::Sqlite(file) = self else {
            return Ok(self.tamper(sql).await?.lines().map(str::to_owned).collect());
        };
        let owner = store::Owner::open(&format!("sqlite://{}", file.display())).await?;
        let rows = owner.connection().query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
        let words = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
        owner.close().await?;
        Ok(words)
    }

    /// An id, given as 32 hexadecimal digits, in the words of this database.
    pub fn bytes(&self, hex: &str) -> String {
        if matches!(self, Self::Sqlite(_)) { format!("x'{hex}'") } else { format!("'{hex}'") }
    }

    /// Bytes, given in hexadecimal digits.
    pub fn blob(&self, hex: &str) -> String {
        if matches!(self, Self::Sqlite(_)) { format!("x'{hex}'") } else { format!("'\\x{hex}'") }
    }

    /// The bytes of a column as hexadecimal digits.
    pub fn hex(&self, column: &str) -> String {
        if matches!(self, Self::Sqlite(_)) { format!("hex({column})") } else { format!("encode({column}, 'hex')") }
    }

    /// Cuts every connection of the program; answers how many.
    pub async fn cut_connections(&self) -> Result<usize> {
        if matches!(self, Self::Sqlite(_)) {
            return Ok(0);
        }
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND application_name = 'cardgrove'";
        Ok(self.tamper(sql).await?.lines().count())
    }

    /// How many deadlocks PostgreSQL has seen in this database.
    pub async fn deadlocks(&self) -> Result<u64> {
        let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        self.tamper(sql).await?.trim().parse().context("a number of deadlocks")
    }

    /// Lets the time go by that the dead program does not see: what was to happen within `step` is due now. Leases of
    /// the dead have run out, and after a quarter of an hour so have holds.
    pub async fn leap(&self, step: TimeDelta) -> Result<()> {
        self.leap_with("", step).await
    }

    /// The same beside a program that runs, on PostgreSQL; it fails if it would have to wait for longer than `most`.
    pub async fn leap_within(&self, step: TimeDelta, most: Duration) -> Result<()> {
        self.leap_with(&format!("SET lock_timeout = '{}ms'; ", most.as_millis()), step).await
    }

    /// Lets the time go by for what is held, and not for jobs.
    pub async fn leap_holds(&self, step: TimeDelta) -> Result<()> {
        self.leap_over("", step, &HOLDS).await
    }

    async fn leap_with(&self, before: &str, step: TimeDelta) -> Result<()> {
        self.leap_over(before, step, &[JOBS.as_slice(), HOLDS.as_slice()].concat()).await
    }

    async fn leap_over(&self, before: &str, step: TimeDelta, columns: &[Until]) -> Result<()> {
        let now = Utc::now();
        let (now, then) = (moment(now), moment(now + step));
        let statements = columns.iter().map(|(table, column, which)| {
            format!(
                "UPDATE {table} SET {column} = '{now}' WHERE {column} > '{now}' AND {column} <= '{then}' AND {which};"
            )
        });
        let statements: Vec<String> = statements.collect();
        self.tamper(&format!("{before}{}", statements.join(" "))).await.map(|_| ())
    }

    /// Keeps what can be looked at later: a private cluster ends with the run.
    pub fn keep(&self, folder: &Path) {
        let url = match self {
            Self::Sqlite(file) => {
                // It may stand on a disk that goes with the round.
                for suffix in ["", "-wal"] {
                    let _ =
                        std::fs::copy(format!("{}{suffix}", file.display()), folder.join(format!("kept.db{suffix}")));
                }
                return;
            }
            Self::Shared { name, .. } => Cluster::shared().url("postgres", name),
            Self::Own { server, .. } => server.url("postgres"),
        };
        let file = folder.join("database.sql");
        let dumped = std::process::Command::new("pg_dump").arg(url).arg("--file").arg(&file).status();
        if !dumped.is_ok_and(|status| status.success()) {
            eprintln!("the database of {} could not be kept", folder.display());
        }
    }

    /// Removes it from the shared cluster; everything else goes with its folder.
    pub async fn drop(&self) -> Result<()> {
        let Self::Shared { name, .. } = self else { return Ok(()) };
        superuser("postgres", format!("DROP DATABASE {name} WITH (FORCE)")).await.map(|_| ())
    }
}

async fn superuser(database: &str, sql: String) -> Result<String> {
    let database = database.to_owned();
    Ok(tokio::task::spawn_blocking(move || Cluster::shared().psql(&database, &sql)).await??)
}

/// A moment as both databases keep it.
pub fn moment(at: chrono::DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, false)
}
