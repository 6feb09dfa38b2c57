//! What tests stand on: a real SQLite file or a real PostgreSQL database, migrated, each test its own.
//!
//! The PostgreSQL cluster is started from Debian's package by the first test that asks, shared by the processes of
//! a test run, and stopped by a watchdog when nobody has used it for a while. Nothing has to be started by hand.

mod cluster;
mod database;
pub mod disk;

pub use cluster::{Cluster, SYNC_LONGER, TestError, bench_folders, binaries, durable_folder};
pub use database::TestDb;

/// Writes each behaviour test twice, for SQLite and for PostgreSQL.
///
/// ```ignore
/// testkit::on_both! {
///     async fn a_taken_slug_is_refused(db) { .. }
/// }
/// ```
#[macro_export]
macro_rules! on_both {
    ($($(#[$attribute:meta])* async fn $name:ident($db:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $(#[$attribute])*
            async fn body($db: $crate::TestDb) $body

            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                body($crate::TestDb::sqlite().await).await;
            }

            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                body($crate::TestDb::postgres().await).await;
            }
        }
    )*};
}
