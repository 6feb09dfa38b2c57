//! Orders with their lines, hops and events, what unpaid ones hold, how buyers are reached, and who looked at which code.

use store::dialect::schema::Table;
use store::dialect::schema::Type::{BigInt, Bool, Bytes, Int, Moment, Text, Uuid};

use crate::{nothing as after, tables};

/// Not as `order::machine::States::is_settled`.
const UNSETTLED: &str = "state <> 'completed' OR payment_state <> 'paid'";

tables!(
    Table::site("orders")
        .column("id", Uuid)
        .optional("customer_id", Uuid)
        .column("method", Text)
        .column("state", Text)
        .column("payment_state", Text)
        .column("delivery_state", Text)
        .column("currency", Text)
        .column("total_minor", BigInt)
        // The site whose own channel collects; none for the main site.
        .optional("collector_id", Uuid)
        // What the selling site's prepaid account holds for this order: until it is paid or expires, until a person has
        // done his part, or until a refund by the site's own channel is back.
        .column("held_minor", BigInt)
        // The number of its events.
        .column("version", Int)
        .column("placed_at", Moment)
        .optional("expires_at", Moment)
        .optional("paid_at", Moment)
        .optional("delivered_at", Moment)
        // The time of its last event: the next one is not earlier.
        .column("changed_at", Moment)
        .key(&["id"])
        .parent("sites", &["site_id"])
        .parent("customers", &["customer_id"])
        .one_of("orders_method", "method", &["wallet", "channel"])
        .one_of("orders_state", "state", &["open", "completed", "expired", "cancelled", "disputed"])
        .one_of(
            "orders_payment_state",
            "payment_state",
            &["unpaid", "paying", "paid", "part_refunded", "refunded"],
        )
        .one_of(
            "orders_delivery_state",
            "delivery_state",
            &["none", "queued", "delivering", "part_delivered", "delivered", "failed"],
        )
        .check("orders_total_not_negative", "total_minor >= 0 AND held_minor >= 0")
        // Query: a customer's own orders, newest first.
        .index(&["customer_id", "id"])
        // Query: a site's orders, newest first; what it sold lately.
        .index(&["site_id", "id"])
        // Queries: a tenant's and a site's orders in certain states, newest first. Most orders are paid and delivered when
        // they are written, and are in neither index.
        .index_where(&["state", "payment_state", "delivery_state", "id"], UNSETTLED)
        .index_where(&["site_id", "state", "payment_state", "delivery_state", "id"], UNSETTLED)
        .hot(),
    // No foreign keys from here on, as in the ledger; `cardgrove audit` checks them.
    Table::site("order_lines")
        .column("order_id", Uuid)
        .column("line_no", Int)
        .column("sku_id", Uuid)
        .column("title_zh", Text)
        .column("title_en", Text)
        .column("sku_name_zh", Text)
        .column("sku_name_en", Text)
        .column("quantity", Int)
        .column("unit_minor", BigInt)
        .column("total_minor", BigInt)
        // What its cards were put in stock for: what leaves the stock's value with them.
        .column("cost_of_goods_minor", BigInt)
        .column("card_ids", Bytes)
        // Whether the codes are everybody's: then the cards do not name the order.
        .column("is_shared", Bool)
        // How long a person has to fulfil the line from its payment on; none for cards.
        .optional("fulfil_within_hours", Int)
        .key(&["order_id", "line_no"])
        .check("order_lines_quantity_positive", "quantity > 0")
        .check("order_lines_cost_not_negative", "cost_of_goods_minor >= 0"),
    // One row a line of every unpaid order, and no others: small, so that what expired is found at once.
    Table::site("order_holds")
        .column("order_id", Uuid)
        .column("line_no", Int)
        .column("sku_id", Uuid)
        .column("expires_at", Moment)
        // When the first of the held cards may not be sold any more.
        .optional("cards_expire_at", Moment)
        .optional("visitor", Bytes)
        .optional("contact", Bytes)
        .optional("address", Text)
        .key(&["order_id", "line_no"])
        // Query: holds on a SKU that are over, for the next buyer.
        .index(&["sku_id", "expires_at"])
        // Query: all holds that are over, for the sweeper.
        .index(&["expires_at"])
        // Queries: open orders of a visitor, of a contact, from an address (the limits).
        .index(&["visitor"])
        .index(&["contact"])
        .index(&["address"]),
    // How the buyer of an order paid by channel is reached and known again.
    Table::site("order_contacts")
        .column("order_id", Uuid)
        .column("link", Text)
        .optional("contact", Text)
        .optional("query_key", Bytes)
        .optional("visitor", Bytes)
        .optional("address", Text)
        .key(&["order_id"])
        // Query: look-up by contact and query password, newest first.
        .index(&["query_key", "order_id"])
        // Query: the orders of this browser, newest first.
        .index(&["visitor", "order_id"]),
    Table::site("order_hops")
        .column("order_id", Uuid)
        .column("line_no", Int)
        .column("depth", Int)
        .column("cost_minor", BigInt)
        .column("price_minor", BigInt)
        .column("rule", Text)
        .key(&["order_id", "line_no", "depth"])
        .append_only(),
    Table::site("order_events")
        .column("order_id", Uuid)
        .column("seq", Int)
        .column("event", Text)
        .column("at", Moment)
        .column("actor", Text)
        .key(&["order_id", "seq"])
        .append_only(),
    // What buyers filled in for goods that a person fulfils: personal data, apart from the lines.
    Table::site("order_forms")
        .column("order_id", Uuid)
        .column("line_no", Int)
        .column("answers", Text)
        .key(&["order_id", "line_no"]),
    // One row a paid line that a person fulfils.
    Table::site("fulfilments")
        .column("order_id", Uuid)
        .column("line_no", Int)
        .column("sku_id", Uuid)
        .column("state", Text)
        .column("since", Moment)
        .column("due_at", Moment)
        .optional("taken_by", Uuid)
        .optional("taken_at", Moment)
        .optional("proof", Text)
        .optional("reason", Text)
        .optional("ended_at", Moment)
        .key(&["order_id", "line_no"])
        .one_of("fulfilments_state", "state", &["waiting", "taken", "done", "failed", "cancelled"])
        .check("fulfilments_taken_by_somebody", "(taken_by IS NULL) = (taken_at IS NULL) AND (state <> 'taken' OR taken_by IS NOT NULL)")
        .check("fulfilments_done_with_proof", "state <> 'done' OR proof IS NOT NULL")
        // Query: the desk's lines in a state, by age.
        .index(&["state", "order_id"]),
    // The refund of an order: the key keeps it to one.
    Table::site("order_refunds")
        .column("order_id", Uuid)
        // What goes out by the channel; none for a wallet.
        .optional("refund_id", Uuid)
        .column("amount_minor", BigInt)
        .column("currency", Text)
        .column("reason", Text)
        .column("requested_by", Uuid)
        .column("requested_at", Moment)
        .optional("settled_at", Moment)
        .key(&["order_id"])
        .unique(&["refund_id"])
        .check("order_refunds_amount_not_negative", "amount_minor >= 0")
        // Query: the refunds that are not over.
        .index(&["settled_at", "order_id"]),
    Table::site("reveals")
        .column("id", Uuid)
        .column("order_id", Uuid)
        .column("line_no", Int)
        .column("actor", Text)
        .column("device", Text)
        .column("at", Moment)
        .key(&["id"])
        .append_only(),
);
