//! The books: what each link moved, which entries came long after what they are about, and days that are closed.

use sea_orm_migration::{DbErr, SchemaManager};
use store::dialect::schema::Type::{BigInt, Bytes, Int, Moment, Text, Uuid};
use store::dialect::schema::{self, Table};

use crate::tables;

tables!(
    // Entries that were posted more than a day away from the time in their id: those of a period are these, and a range of ids.
    Table::tenant("belated_entries")
        .column("posted_at", Moment)
        .column("entry_id", Uuid)
        .key(&["posted_at", "entry_id"])
        .append_only(),
    // With what a tenant signs its closings. The secret half is sealed.
    Table::tenant("closing_keys")
        .column("id", Uuid)
        .column("public_key", Bytes)
        .column("sealed", Bytes)
        .column("key_version", Int)
        .column("created_at", Moment)
        .key(&["id"])
        .parent("tenants", &[])
        .append_only(),
    // Days that are closed: the document as it was signed, and the head of the chain that it names.
    Table::tenant("closings")
        .column("day", Int)
        .column("head_seq", BigInt)
        .column("document", Text)
        .column("key_id", Uuid)
        .column("signature", Bytes)
        .column("closed_at", Moment)
        .key(&["day"])
        .parent("closing_keys", &["key_id"])
        .append_only(),
);

/// Of entries that are there already nobody knows how late they came: all of them are looked at by their time.
async fn after(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let backend = crate::backend(manager);
    let lifted = ["entries", "belated_entries"];
    for statement in lifted.iter().filter_map(|table| schema::bind_owner(backend, table, false)) {
        crate::run(manager, &statement).await?;
    }
    let known =
        "INSERT INTO belated_entries (tenant_id, posted_at, entry_id) SELECT tenant_id, posted_at, id FROM entries";
    crate::run(manager, known).await?;
    for statement in lifted.iter().filter_map(|table| schema::bind_owner(backend, table, true)) {
        crate::run(manager, &statement).await?;
    }
    // What the entries of a link moved, kind by kind. Links of before have none.
    crate::run(manager, &schema::add_optional(backend, "ledger_links", "moved", Text)).await
}
