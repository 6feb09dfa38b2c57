//! Codes that do not work are replaced by new ones.

use crate::{nothing as after, tables};
use store::dialect::schema::Table;
use store::dialect::schema::Type::{BigInt, Int, Moment, Text, Uuid};

tables!(
    // A card of an order's line that gave its place to another one.
    Table::site("order_replacements")
        .column("order_id", Uuid)
        .column("number", Int)
        .column("line_no", Int)
        .column("piece", Int)
        .column("old_card_id", Uuid)
        .column("new_card_id", Uuid)
        // What the new card was put in stock for.
        .column("cost_minor", BigInt)
        .column("currency", Text)
        .column("reason", Text)
        .column("requested_by", Uuid)
        .column("replaced_at", Moment)
        .key(&["order_id", "number"])
        // A card is replaced once, and takes one place.
        .unique(&["old_card_id"])
        .unique(&["new_card_id"])
        .check("order_replacements_cost", "cost_minor >= 0")
        .check("order_replacements_place", "number > 0 AND piece > 0 AND old_card_id <> new_card_id")
        .append_only(),
);
