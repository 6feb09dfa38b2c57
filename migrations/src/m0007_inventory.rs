//! Card codes, sealed; the files they came in; their keyed hashes; how many there are; who carried codes away.

use store::dialect::schema::Table;
use store::dialect::schema::Type::{BigInt, Bytes, Int, Moment, Text, Uuid};

use crate::{nothing as after, tables};

tables!(
    // A file or a list of cards that was put in stock at once.
    Table::tenant("card_batches")
        .column("id", Uuid)
        .column("sku_id", Uuid)
        .column("file_name", Text)
        .column("state", Text)
        .column("row_count", BigInt)
        .column("added", BigInt)
        .column("duplicates", BigInt)
        .column("faults", BigInt)
        .column("voided", BigInt)
        // What a card of it cost then; none if its cards are no stock of value.
        .optional("unit_cost_minor", BigInt)
        .optional("currency", Text)
        .optional("request_key", Text)
        .optional("fingerprint", Bytes)
        .column("created_by", Text)
        .optional("reason", Text)
        .column("created_at", Moment)
        .optional("ended_at", Moment)
        .optional("undone_at", Moment)
        .optional("undone_by", Text)
        .optional("undo_reason", Text)
        .key(&["id"])
        .parent("skus", &["sku_id"])
        .one_of("card_batches_state", "state", &["importing", "done", "undoing", "undone"])
        .check("card_batches_cost_has_currency", "(unit_cost_minor IS NULL) = (currency IS NULL)")
        .check("card_batches_voided_were_added", "voided >= 0 AND voided <= added")
        .unique(&["request_key"])
        // Query: the newest batches of a SKU.
        .index(&["sku_id", "id"]),
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
        .column("batch_id", Uuid)
        // What it was put in stock for, in its batch's currency; nothing if it is worth nothing. It never changes, so a
        // sale takes out of the stock's value what the import put in, whatever the SKU costs by then.
        .column("cost_minor", BigInt)
        .key(&["id"])
        .parent("skus", &["sku_id"])
        .parent("card_batches", &["batch_id"])
        .one_of("cards_state", "state", &["available", "held", "sold", "void", "shared"])
        .check("cards_cost_not_negative", "cost_minor >= 0")
        // A void card names the order that was refunded, if it was sold.
        .check(
            "cards_taken_by_an_order",
            "state = 'void' OR (state IN ('held', 'sold')) = (order_id IS NOT NULL)",
        )
        // Query: the next free cards of a SKU, and its shared ones. Those that are sold are not in it: a lane that begins
        // would walk over all of them before it finds a free one.
        .index_where(&["sku_id", "id"], "state = 'available' OR state = 'shared'")
        // Query: the cards of a batch, for its view and its undoing, and of a SKU's batches, to carry them away.
        .index(&["batch_id", "id"])
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
    // Codes that were taken out in the open: written before the first one is opened.
    Table::tenant("card_exports")
        .column("id", Uuid)
        .column("sku_id", Uuid)
        .optional("card_state", Text)
        .column("card_count", BigInt)
        .column("exported_by", Text)
        .column("reason", Text)
        .column("created_at", Moment)
        .key(&["id"])
        .parent("skus", &["sku_id"])
        .append_only(),
);
