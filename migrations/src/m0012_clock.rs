//! The runner looks for jobs that a clock which ran ahead has made.

use sea_orm_migration::{DbErr, SchemaManager};
use store::dialect::schema;

use crate::tables;

tables!();

async fn after(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    for statement in schema::read_by_platform(crate::backend(manager), "jobs", &["created_at"]) {
        crate::run(manager, &statement).await?;
    }
    Ok(())
}
