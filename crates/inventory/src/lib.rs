//! Card codes: sealed at rest, unique in their tenant, picked without scanning, sold once.
//!
//! A code is sealed with AES-256-GCM under the tenant's data key, bound to tenant, SKU and card, so that a row
//! moved elsewhere does not open. Data keys are wrapped by the master key, which lives outside the database.
//! A keyed hash finds duplicates without opening anything.
//!
//! [`Intake`] takes files of cards in, batch by batch, and takes a batch back. [`Import`] is the same inside somebody
//! else's transaction. [`Picks`] is the room's part in the lane: runs of free card ids per SKU. A run is a hint; the row is the truth.
//! [`Shelf`] is what is known without asking the database: it can only say no early.
//!
//! Invariants: a code has no `Debug`, no `Serialize`, no `Display`; the only way to its text is [`CardCode::reveal`];
//! imported = available + held + sold + void, per SKU and per batch; what the ledger says is in stock is what the free and
//! the held cards were put there for; an expired card is never picked.

mod audit;
mod batch;
mod error;
mod import;
mod intake;
mod keyring;
mod master;
mod model;
mod picks;
mod repo;
mod seal;
mod service;
mod shelf;
mod table;
#[cfg(test)]
mod tests;

pub use audit::{GivenCard, InventoryAudit, audit_in};
pub use batch::{Batch, BatchId, BatchState, CardState, ExportId, Stock};
pub use error::InventoryError;
pub use import::{Import, Source};
pub use intake::{
    Columns, Duplicate, DuplicateOf, Export, ExportOf, ExportedCard, ImportOf, Intake, IntakeProgress, IntakeReport,
    IntakeStep, LISTED_MAX, Listed, Reading, RowFault, UndoOf, Undone,
};
pub use keyring::KeyRing;
pub use master::{MasterKey, MasterKeys};
pub use model::{CardCode, CardId, ImportReport, NewCard, StockCount, Stocking, Taken, Taking};
pub use picks::{CardMoves, OutOfStock, Picks, SimulatedStock};
pub use service::{Inventory, SealedSecret};
pub use shelf::{Compared, Shelf};
