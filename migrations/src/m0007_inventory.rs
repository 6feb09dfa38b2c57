//! Card codes, sealed; their keyed hashes; how many there are.

use store::dialect::schema::Table;
use store::dialect::schema::Type::{BigInt, Bytes, Int, Moment, Text, Uuid};

use crate::{nothing as after, tables};

tables!(
    Table::tenant("cards")
        .column("id", Uuid)
        .column("sku_id", Uuid)
        .column("state", Text)
        .column("sealed", Bytes)
        .column("key_version", Int)
        .optional("expires_at", Moment)
        .optional("order_id", Uuid)
        .optional("line_no", Int)
        .column("imported_at", Moment)
        .key(&["id"])
        .parent("skus", &["sku_id"])
        .one_of("cards_state", "state", &["available", "held", "sold", "void", "shared"])
        // A void card names the order that was refunded, if it was sold.
        .check(
            "cards_taken_by_an_order",
            "state = 'void' OR (state IN ('held', 'sold')) = (order_id IS NOT NULL)",
        )
        // Query: the next free cards of a SKU. Neither state nor order is indexed, so that selling stays a HOT update.
        .index(&["sku_id", "id"])
        .hot(),
    Table::tenant("card_hashes")
        .column("hash", Bytes)
        .column("card_id", Uuid)
        .key(&["hash"])
        .parent("cards", &["card_id"]),
    Table::tenant("card_counts")
        .column("sku_id", Uuid)
        .column("available", BigInt)
        .column("held", BigInt)
        .column("sold", BigInt)
        .column("void", BigInt)
        // Codes that every buyer gets.
        .column("shared", BigInt)
        .key(&["sku_id"])
        .parent("skus", &["sku_id"])
        .check("card_counts_not_negative", "available >= 0 AND held >= 0 AND sold >= 0 AND void >= 0 AND shared >= 0")
        .hot(),
);
