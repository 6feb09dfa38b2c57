//! Where the database is and how it is used.

use std::sync::Arc;
use std::time::Duration;

use kernel::Clock;

/// Whose clock a transaction's time comes from.
#[derive(Clone)]
pub enum Time {
    /// The database's: several nodes agree on it. On SQLite that is this process's clock.
    Database,
    /// The given clock, on both databases: for tests and simulations.
    Given(Arc<dyn Clock>),
}

/// More make batches smaller, not more numerous.
const LANE_CONNECTIONS: u32 = 8;

/// How to open a store.
#[derive(Clone)]
pub struct Settings {
    /// `sqlite://path` or `postgres://runtime..`: the pool that serves.
    pub url: String,
    /// PostgreSQL only: the role for `Platform` transactions.
    pub platform_url: Option<String>,
    /// Connections of the serving pool (readers, on SQLite).
    pub connections_max: u32,
    /// Connections for batches beside them; PostgreSQL only.
    pub lane_connections_max: u32,
    /// How long a caller waits for a free connection.
    pub acquire_timeout: Duration,
    /// Whose time counts.
    pub time: Time,
    /// SQLite only: open readers alone, beside the process that owns the file. Writing fails.
    pub reads_only: bool,
}

impl Settings {
    /// The settings of a store at `url` with the defaults of a small machine.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            platform_url: None,
            connections_max: 8,
            lane_connections_max: LANE_CONNECTIONS,
            acquire_timeout: Duration::from_secs(5),
            time: Time::Database,
            reads_only: false,
        }
    }
}
