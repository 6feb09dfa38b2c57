//! The one door to the database.
//!
//! Every query of every room goes through a transaction that carries a scope, and the door adds the scope's
//! predicate itself: [`Tx::find`], [`WriteTx::insert`], [`WriteTx::update_rows`]. On PostgreSQL row level security
//! says the same a second time; on SQLite the door alone isolates.
//!
//! Invariants: no connection leaves this crate, except to migrations; no statement about a tenant's rows runs
//! without that tenant's predicate; all that differs between the two databases stays in `dialect/`.

mod backup;
mod cache;
mod claim;
mod column;
pub mod dialect;
mod error;
mod find;
mod news;
mod owned;
mod rows;
mod settings;
mod sheaf;
mod store;
mod tx;
mod write;

pub use backup::{RowCounts, dump, is_empty, load, row_counts};
pub use cache::ScopedCache;
pub use claim::{Claim, ClaimedWork};
pub use dialect::{Backend, PoolCount};
pub use error::StoreError;
pub use find::Find;
pub use owned::{Inside, Listed, TenantOwned};
pub use rows::Rows;
pub use settings::{Settings, Time};
pub use sheaf::{Chained, Sheaf};
pub use store::{FileLock, Owner, Store};
pub use tx::{Batch, Outcome, ReadTx, Tx, WriteTx};
pub use write::{Change, Delete, Update};
