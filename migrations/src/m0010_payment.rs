//! Payments: channels, what is to be paid and every try at it, money that came, what was wrong with it, refunds.

use store::dialect::schema::Table;
use store::dialect::schema::Type::{BigInt, Bool, Bytes, Int, Moment, Text, Uuid};

use crate::{nothing as after, tables};

tables!(
    // A tenant's table and not a site's: a sub-site without a channel of its own offers those of the main site.
    Table::tenant("channels")
        .column("id", Uuid)
        .column("site_id", Uuid)
        .column("is_main", Bool)
        .column("provider", Text)
        .column("name_zh", Text)
        .column("name_en", Text)
        .column("payee", Text)
        .column("currency", Text)
        .column("settings", Text)
        .column("sealed", Bytes)
        .column("key_version", Int)
        .column("state", Text)
        .column("sort", Int)
        .column("created_at", Moment)
        .key(&["id"])
        .unique(&["provider", "payee"])
        .parent("sites", &["site_id"])
        .one_of("channels_state", "state", &["active", "paused"]),
    // An order's intent has the order's id; no foreign key, because both are written in one batch of the lane.
    Table::site("intents")
        .column("id", Uuid)
        .column("purpose", Text)
        .optional("customer_id", Uuid)
        .column("amount_minor", BigInt)
        .column("currency", Text)
        .column("state", Text)
        .column("return_url", Text)
        .column("expires_at", Moment)
        .column("created_at", Moment)
        .key(&["id"])
        .one_of("intents_purpose", "purpose", &["order", "top_up"])
        .one_of("intents_state", "state", &["open", "paid", "closed"])
        .check("intents_amount_positive", "amount_minor > 0")
        // Query: the top-ups that a customer has open.
        .index(&["customer_id", "expires_at"])
        // Query: a customer's top-ups, newest first.
        .index(&["customer_id", "purpose", "id"])
        .hot(),
    Table::site("attempts")
        .column("out_no", Text)
        .column("intent_id", Uuid)
        .column("channel_id", Uuid)
        .column("payee", Text)
        .column("amount_minor", BigInt)
        .column("currency", Text)
        .column("state", Text)
        .optional("pay_url", Text)
        .optional("trade_no", Text)
        .column("created_at", Moment)
        .key(&["out_no"])
        .parent("channels", &["channel_id"])
        .one_of("attempts_state", "state", &["new", "waiting", "paid", "closed", "failed", "mismatched"])
        .check("attempts_amount_positive", "amount_minor > 0")
        // Query: all tries to pay an intent.
        .index(&["intent_id"])
        // Query: tries of the last day, for the sweeper. Not by state, which changes in place.
        .index(&["created_at"])
        .hot(),
    Table::site("payments")
        .column("id", Uuid)
        .column("channel_id", Uuid)
        .column("trade_no", Text)
        .column("out_no", Text)
        .optional("intent_id", Uuid)
        .column("payee", Text)
        .column("amount_minor", BigInt)
        .column("currency", Text)
        .column("used_for", Text)
        .column("paid_at", Moment)
        .column("received_at", Moment)
        .key(&["id"])
        .unique(&["channel_id", "trade_no"])
        .parent("channels", &["channel_id"])
        .one_of("payments_used_for", "used_for", &["order", "top_up", "exception"])
        .check("payments_amount_positive", "amount_minor > 0")
        // Query: the money that came for an intent.
        .index(&["intent_id"])
        // Query: what came by a channel on a day, beside its bill.
        .index(&["channel_id", "paid_at"]),
    // Verified callbacks as they came, before anything is decided.
    Table::tenant("callbacks")
        .column("id", Uuid)
        .column("channel_id", Uuid)
        .column("event_key", Text)
        .column("headers", Text)
        .column("body", Bytes)
        // The money it tells of, as it was verified: what is worked on again needs no second verification.
        .optional("seen", Text)
        .column("state", Text)
        .optional("error", Text)
        .column("received_at", Moment)
        .optional("processed_at", Moment)
        .key(&["id"])
        .unique(&["channel_id", "event_key"])
        .parent("channels", &["channel_id"])
        .one_of("callbacks_state", "state", &["received", "processed", "failed"])
        // Query: messages that nobody has dealt with, for sweeper and audit.
        .index(&["state", "received_at"]),
    Table::site("exceptions")
        .column("id", Uuid)
        .column("kind", Text)
        .column("payment_id", Uuid)
        .optional("intent_id", Uuid)
        .column("amount_minor", BigInt)
        .column("currency", Text)
        .column("state", Text)
        .optional("cause", Text)
        .column("opened_at", Moment)
        .optional("resolved_at", Moment)
        .key(&["id"])
        .parent("payments", &["payment_id"])
        .one_of(
            "exceptions_kind",
            "kind",
            &["late", "double", "wrong_amount", "wrong_payee", "unmatched", "awaiting_funds"],
        )
        .one_of("exceptions_state", "state", &["open", "resolved"])
        .check("exceptions_amount_positive", "amount_minor > 0")
        // Query: what waits for a person, newest first.
        .index(&["state", "id"]),
    Table::site("refunds")
        .column("id", Uuid)
        .column("refund_no", Text)
        .column("payment_id", Uuid)
        .optional("exception_id", Uuid)
        .column("channel_id", Uuid)
        .column("out_no", Text)
        .column("amount_minor", BigInt)
        .column("currency", Text)
        .column("state", Text)
        .column("reason", Text)
        .column("tries", Int)
        .optional("error", Text)
        .column("requested_at", Moment)
        .column("changed_at", Moment)
        .key(&["id"])
        .unique(&["refund_no"])
        .parent("payments", &["payment_id"])
        .one_of(
            "refunds_state",
            "state",
            &["requested", "approved", "submitting", "unknown", "done", "failed", "cancelled"],
        )
        .check("refunds_amount_positive", "amount_minor > 0 AND tries >= 0")
        // Query: the refunds of a payment.
        .index(&["payment_id"])
        // Query: refunds in a state, newest first; those that do not move, for sweeper and audit.
        .index(&["state", "id"])
        // Query: what went back by a channel on a day, beside its bill.
        .index(&["channel_id", "changed_at"]),
    // Tokens by which a shop hands a buyer over to the cashier's host; a token is good once.
    Table::tenant("handovers")
        .column("token_hash", Bytes)
        .column("out_no", Text)
        .column("expires_at", Moment)
        .optional("used_at", Moment)
        .key(&["token_hash"])
        // Query: tokens that are over, to be forgotten.
        .index(&["expires_at"]),
);
