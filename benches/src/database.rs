//! Which database is measured.

use clap::ValueEnum;
use store::Backend;
use testkit::TestDb;

/// A database, as programs of the benches are told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Database {
    /// A file.
    Sqlite,
    /// A cluster of the benches' own that writes through to the disk.
    Postgres,
}

impl Database {
    /// Its kind.
    pub const fn backend(self) -> Backend {
        match self {
            Self::Sqlite => Backend::Sqlite,
            Self::Postgres => Backend::Postgres,
        }
    }

    /// A new one with the schema, which writes through to the disk.
    pub async fn make(self) -> TestDb {
        durable(self.backend()).await
    }
}

/// A new database of this kind with the schema, which writes through to the disk.
pub(crate) async fn durable(backend: Backend) -> TestDb {
    match backend {
        Backend::Sqlite => TestDb::sqlite().await,
        Backend::Postgres => TestDb::durable_postgres().await,
    }
}
