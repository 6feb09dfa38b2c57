//! Settlement: what is pending falls due on a day, by the tenant's terms and calendar, unless somebody holds it back.

use sea_orm_migration::{DbErr, SchemaManager};
use store::dialect::schema::Type::{BigInt, Bool, Int, Moment, Text, Uuid};
use store::dialect::schema::{self, Table};

use crate::tables;

/// The accounts that have a day.
const IS_PENDING: &str = "kind IN ('site_pending', 'agent_pending')";

tables!(
    // When earnings are settled. A version is never changed: an order keeps what it says of its lines.
    Table::tenant("settlement_terms")
        .column("version", BigInt)
        .column("effective_from", Moment)
        .column("terms", Text)
        .column("created_at", Moment)
        .column("created_by", Uuid)
        .key(&["version"])
        .parent("tenants", &[])
        .append_only(),
    // Days that are business days though they are on a weekend, and the other way round.
    Table::tenant("calendar_days")
        .column("day", Int)
        .column("is_business", Bool)
        .column("name", Text)
        .column("changed_at", Moment)
        .column("changed_by", Uuid)
        .key(&["day"])
        .parent("tenants", &[]),
    // What falls due of this earner stays pending until the hold is lifted.
    Table::site("earning_holds")
        .column("id", Uuid)
        .optional("agent_id", Uuid)
        .column("cause", Text)
        .column("reason", Text)
        .column("placed_at", Moment)
        .column("placed_by", Uuid)
        .optional("lifted_at", Moment)
        .optional("lifted_by", Uuid)
        .optional("lift_reason", Text)
        .key(&["id"])
        .parent("sites", &["site_id"])
        .parent("agents", &["agent_id"])
        .one_of("earning_holds_cause", "cause", &["dispute", "risk", "operator"])
        // Query: a site's holds, newest first.
        .index(&["site_id", "id"])
        // Query: who is held back now.
        .index_where(&["id"], "lifted_at IS NULL"),
);

async fn after(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let backend = crate::backend(manager);
    // What is owed by an earner never turns into what is owed to him. The cheap parts come first: they decide for nearly
    // every row that a batch moves.
    let debt = "balance_minor <= 0 OR is_spendable OR kind NOT IN ('site_debt', 'agent_debt')";
    let statements = [
        schema::add_checked(backend, ("accounts", "due_on", Int), ("accounts_debt_not_above_zero", debt)),
        // Query: what falls due until a day.
        schema::add_index_where("accounts", &["due_on", "id"], IS_PENDING),
        // Query: what is pending of an earner.
        schema::add_index_where("accounts", &["owner_id", "due_on"], IS_PENDING),
        // By when a hop and an agent are paid, as it was frozen; nothing is T+1.
        schema::add_optional(backend, "order_hops", "term", Text),
        schema::add_optional(backend, "order_commissions", "term", Text),
    ];
    for statement in statements {
        crate::run(manager, &statement).await?;
    }
    Ok(())
}
