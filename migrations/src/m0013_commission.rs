//! Commissions: agents and their links, the versions of the plan, and what an order freezes of both.

use sea_orm_migration::{DbErr, SchemaManager};
use store::dialect::schema::Type::{BigInt, Int, Moment, Text, Uuid};
use store::dialect::schema::{self, Table};

use crate::tables;

tables!(
    Table::site("agents")
        .column("id", Uuid)
        .column("customer_id", Uuid)
        .optional("upper_id", Uuid)
        .column("name", Text)
        .optional("level", Text)
        .column("state", Text)
        .column("version", BigInt)
        .column("created_at", Moment)
        .key(&["id"])
        // A customer is one agent, of one site.
        .unique(&["customer_id"])
        .parent("sites", &["site_id"])
        .parent("customers", &["customer_id"])
        .parent("agents", &["upper_id"])
        .one_of("agents_state", "state", &["active", "suspended", "closed"])
        .check("agents_not_above_himself", "upper_id IS NULL OR upper_id <> id")
        // Query: a site's agents.
        .index(&["site_id", "id"])
        // Query: who stands right below an agent.
        .index(&["upper_id"]),
    Table::site("agent_links")
        .column("id", Uuid)
        .column("agent_id", Uuid)
        .column("code", Text)
        .optional("campaign", Text)
        .column("created_at", Moment)
        .key(&["id"])
        .unique(&["code"])
        .parent("sites", &["site_id"])
        .parent("agents", &["agent_id"])
        // Query: an agent's links.
        .index(&["agent_id", "id"]),
    // The tenant's plan. A version is never changed, so that what an order names can always be read again.
    Table::tenant("commission_plans")
        .column("version", BigInt)
        .column("effective_from", Moment)
        .column("plan", Text)
        .column("created_at", Moment)
        .column("created_by", Uuid)
        .key(&["version"])
        .parent("tenants", &[])
        .append_only(),
    // Who brought the buyer of an order, with all that the plan was asked with. No foreign keys from here on, as in orders.
    Table::site("order_referrals")
        .column("order_id", Uuid)
        .column("agent_id", Uuid)
        .column("link_id", Uuid)
        .column("how", Text)
        .optional("plan_version", BigInt)
        .optional("site_level", Text)
        // The agents from the one who brought the buyer upwards, each as he was.
        .column("chain", Text)
        .key(&["order_id"])
        .one_of("order_referrals_how", "how", &["link", "code"])
        .append_only(),
    // What an agent earns from a line once that is delivered. Who earns nothing has no row.
    Table::site("order_commissions")
        .column("order_id", Uuid)
        .column("line_no", Int)
        .column("tier", Int)
        .column("agent_id", Uuid)
        .column("amount_minor", BigInt)
        .column("rule", Text)
        .key(&["order_id", "line_no", "tier"])
        .check("order_commissions_amount_positive", "amount_minor > 0")
        // Query: what an agent earned, newest first.
        .index(&["agent_id", "order_id", "line_no"])
        .append_only(),
);

/// Which orders have rows in the tables above: the others are not asked for.
async fn after(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    crate::run(manager, &schema::add_optional(crate::backend(manager), "orders", "agent_id", Uuid)).await
}
