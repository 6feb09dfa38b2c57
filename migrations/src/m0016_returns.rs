//! An order's money may go back in parts: the key of its one refund gives way to numbered returns with their lines.

use sea_orm_migration::{DbErr, SchemaManager};
use store::Backend;
use store::dialect::schema::Type::{BigInt, Bool, Bytes, Int, Moment, Text, Uuid};
use store::dialect::schema::{self, Table};

use crate::tables;

tables!(
    // What goes back of an order in one act.
    Table::site("order_returns")
        .column("order_id", Uuid)
        .column("number", Int)
        // What goes out by the channel; none for a wallet.
        .optional("refund_id", Uuid)
        .column("destination", Text)
        .column("amount_minor", BigInt)
        .column("currency", Text)
        // What the seller's prepaid account holds until the seller's channel has sent it.
        .column("held_minor", BigInt)
        .column("reason", Text)
        .column("requested_by", Uuid)
        .column("requested_at", Moment)
        .optional("settled_at", Moment)
        .key(&["order_id", "number"])
        .unique(&["refund_id"])
        .check("order_returns_amount", "amount_minor >= 0 AND held_minor >= 0 AND number > 0")
        .one_of("order_returns_destination", "destination", &["source", "wallet"])
        // Query: the returns that are not over.
        .index(&["settled_at", "order_id", "number"]),
    Table::site("order_return_lines")
        .column("order_id", Uuid)
        .column("number", Int)
        .column("line_no", Int)
        .column("amount_minor", BigInt)
        // Whether nothing is left of the line then.
        .column("is_last", Bool)
        // The ids of the cards that are void with it, 16 bytes each.
        .column("card_ids", Bytes)
        .key(&["order_id", "number", "line_no"])
        .check("order_return_lines_amount", "amount_minor >= 0")
        // Query: a line goes back whole once at most.
        .unique_where(&["order_id", "line_no"], "is_last")
        .append_only(),
    // What buyers ask to have back, and what became of it.
    Table::site("order_claims")
        .column("id", Uuid)
        .column("order_id", Uuid)
        .column("state", Text)
        .column("wish", Text)
        .column("reason", Text)
        .column("asked_by", Text)
        .column("asked_at", Moment)
        .optional("answer", Text)
        .optional("decided_by", Uuid)
        .optional("decided_at", Moment)
        .optional("return_number", Int)
        .key(&["id"])
        .one_of("order_claims_state", "state", &["open", "approved", "rejected", "withdrawn"])
        .check("order_claims_decided", "(state = 'open') = (decided_at IS NULL)")
        // A buyer asks for one thing at a time.
        .unique_where(&["order_id"], "state = 'open'")
        // Query: what was asked for of an order.
        .index(&["order_id", "id"])
        // Query: what waits, and what was decided.
        .index(&["state", "id"]),
);

/// What was refunded before went back whole. The rows are few, and without them an order could be refunded once more: they
/// move here, and not by a job. The owner is bound by row level security like everybody, so it is lifted for the move.
async fn after(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let backend = crate::backend(manager);
    let held = "CASE WHEN o.collector_id IS NULL OR r.settled_at IS NOT NULL THEN 0 ELSE o.held_minor END";
    let is_delivered = "(l.fulfil_within_hours IS NULL AND NOT l.is_shared)";
    let none = if backend == Backend::Postgres { "''::bytea" } else { "X''" };
    let moved = [
        format!(
            "INSERT INTO order_returns (tenant_id, site_id, order_id, number, refund_id, destination, amount_minor, currency, \
             held_minor, reason, requested_by, requested_at, settled_at) \
             SELECT r.tenant_id, r.site_id, r.order_id, 1, r.refund_id, 'source', r.amount_minor, r.currency, {held}, \
             r.reason, r.requested_by, r.requested_at, r.settled_at FROM order_refunds r \
             JOIN orders o ON o.tenant_id = r.tenant_id AND o.id = r.order_id"
        ),
        format!(
            "INSERT INTO order_return_lines (tenant_id, site_id, order_id, number, line_no, amount_minor, is_last, card_ids) \
             SELECT l.tenant_id, l.site_id, l.order_id, 1, l.line_no, l.total_minor, TRUE, \
             CASE WHEN {is_delivered} THEN l.card_ids ELSE {none} END FROM order_refunds r \
             JOIN order_lines l ON l.tenant_id = r.tenant_id AND l.order_id = r.order_id"
        ),
        "DROP TABLE order_refunds".to_owned(),
    ];
    let (old, kept) = ("order_refunds", ["orders", "order_lines", "order_returns", "order_return_lines"]);
    for table in kept.into_iter().chain([old]) {
        if let Some(statement) = schema::bind_owner(backend, table, false) {
            crate::run(manager, &statement).await?;
        }
    }
    for table in ["goods", "order_lines"] {
        // By when a buyer may ask for his money back, as it was frozen; nothing is the usual rule.
        crate::run(manager, &schema::add_optional(backend, table, "refund_rule", Text)).await?;
    }
    // Query: the lines of an order whose codes were looked at.
    crate::run(manager, &schema::add_index("reveals", &["order_id", "line_no"])).await?;
    for statement in moved {
        crate::run(manager, &statement).await?;
    }
    for table in kept {
        if let Some(statement) = schema::bind_owner(backend, table, true) {
            crate::run(manager, &statement).await?;
        }
    }
    Ok(())
}
