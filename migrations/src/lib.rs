//! The schema, as a list of changes that only go forward.
//!
//! One file per room and change. A change expands before it contracts; a data fix is a job, not a migration.
//! Tables are written with `store::dialect::schema`, which adds what every table must have.

mod m0001_tenancy;
mod m0002_outbox;
mod m0003_ledger;
mod m0004_catalog;
mod m0005_identity;
mod m0006_lane;
mod m0007_inventory;
mod m0008_order;
mod m0009_pricing;
mod m0010_payment;
mod m0011_risk;
mod m0012_clock;
mod m0013_commission;
mod m0014_settlement;
mod m0015_withdrawal;
mod m0016_returns;
mod m0017_replacements;
mod m0018_funds;
mod m0019_books;
mod m0020_levels;

#[cfg(test)]
mod tests;

use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::{DbErr, MigrationTrait, MigratorTrait, SchemaManager};
use store::dialect::schema::Table;
use store::{Backend, Owner, StoreError};

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_tenancy::Migration),
            Box::new(m0002_outbox::Migration),
            Box::new(m0003_ledger::Migration),
            Box::new(m0004_catalog::Migration),
            Box::new(m0005_identity::Migration),
            Box::new(m0006_lane::Migration),
            Box::new(m0007_inventory::Migration),
            Box::new(m0008_order::Migration),
            Box::new(m0009_pricing::Migration),
            Box::new(m0010_payment::Migration),
            Box::new(m0011_risk::Migration),
            Box::new(m0012_clock::Migration),
            Box::new(m0013_commission::Migration),
            Box::new(m0014_settlement::Migration),
            Box::new(m0015_withdrawal::Migration),
            Box::new(m0016_returns::Migration),
            Box::new(m0017_replacements::Migration),
            Box::new(m0018_funds::Migration),
            Box::new(m0019_books::Migration),
            Box::new(m0020_levels::Migration),
        ]
    }
}

/// Brings the schema up to date; answers how many changes were made. Nodes that start together take turns.
pub async fn up(owner: &Owner) -> Result<usize, StoreError> {
    owner.lock_schema().await?;
    let connection = owner.connection();
    let pending = Migrator::get_pending_migrations(connection).await?.len();
    Migrator::up(connection, None).await?;
    Ok(pending)
}

/// How many changes the database lacks.
pub async fn pending(owner: &Owner) -> Result<usize, StoreError> {
    Ok(Migrator::get_pending_migrations(owner.connection()).await?.len())
}

/// The last change that the database has; none if it has none.
pub async fn version(owner: &Owner) -> Result<Option<String>, StoreError> {
    let applied = Migrator::get_migration_models(owner.connection()).await?;
    Ok(applied.into_iter().map(|change| change.version).max())
}

/// The names of all changes that this program knows, oldest first.
pub fn names() -> Vec<String> {
    Migrator::migrations().iter().map(|change| change.name().to_owned()).collect()
}

fn backend(manager: &SchemaManager<'_>) -> Backend {
    match manager.get_database_backend() {
        DbBackend::Postgres => Backend::Postgres,
        _ => Backend::Sqlite,
    }
}

async fn create(manager: &SchemaManager<'_>, tables: &[Table]) -> Result<(), DbErr> {
    for statement in tables.iter().flat_map(|table| table.statements(backend(manager))) {
        run(manager, &statement).await?;
    }
    Ok(())
}

async fn run(manager: &SchemaManager<'_>, statement: &str) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(statement).await.map(|_| ())
}

/// Writes a migration that makes tables, `tables!(Table::tenant(..), ..)`, and does what its file's `after` says.
macro_rules! tables {
    ($($table:expr),* $(,)?) => {
        pub struct Migration;

        impl sea_orm_migration::MigrationName for Migration {
            fn name(&self) -> &str {
                module_path!().rsplit("::").next().unwrap_or_default()
            }
        }

        #[async_trait::async_trait]
        impl sea_orm_migration::MigrationTrait for Migration {
            async fn up(&self, manager: &sea_orm_migration::SchemaManager) -> Result<(), sea_orm_migration::DbErr> {
                crate::create(manager, &[$($table),*]).await?;
                after(manager).await
            }

            /// All of it or nothing, on SQLite too, where the default is statement by statement: a first start that was
            /// killed in the middle would leave tables behind that the next one cannot make.
            fn use_transaction(&self) -> Option<bool> {
                Some(true)
            }
        }
    };
}
pub(crate) use tables;

/// For migrations that have nothing to do after their tables.
async fn nothing(_: &SchemaManager<'_>) -> Result<(), DbErr> {
    Ok(())
}
