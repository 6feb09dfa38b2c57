//! Jobs: what is to happen after a commit.

use sea_orm_migration::{DbErr, SchemaManager};
use store::dialect::schema::Type::{Int, Moment, Text, Uuid};
use store::dialect::schema::{self, Table};

use crate::tables;

tables!(
    Table::tenant("jobs")
        .column("id", Uuid)
        .column("kind", Text)
        .column("payload", Text)
        .column("state", Text)
        .column("run_at", Moment)
        .column("attempts", Int)
        .optional("lease_node", Text)
        .optional("lease_until", Moment)
        .optional("last_error", Text)
        .column("created_at", Moment)
        .key(&["id"])
        .parent("tenants", &[])
        .one_of("jobs_state", "state", &["queued", "running", "dead"])
        // Query: the runner claims what is due, of all tenants.
        .claim_index(&["run_at"], "state IN ('queued', 'running')")
        // Query: the dead letters, oldest first.
        .index_where(&["created_at", "id"], "state = 'dead'")
        .claimed()
        .hot(),
);

async fn after(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    for statement in schema::work_claim(crate::backend(manager)) {
        crate::run(manager, &statement).await?;
    }
    Ok(())
}
