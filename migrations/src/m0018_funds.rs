//! Member money beside orders: recharge cards, adjustments by hand, prepaid money that is lent and handed on.

use store::dialect::schema::Table;
use store::dialect::schema::Type::{BigInt, Bytes, Int, Moment, Text, Uuid};

use crate::{nothing as after, tables};

tables!(
    // By which rules top-ups are given a bonus. A version is never changed.
    Table::tenant("top_up_rules")
        .column("version", BigInt)
        .column("effective_from", Moment)
        .column("rules", Text)
        .column("created_at", Moment)
        .column("created_by", Uuid)
        .key(&["version"])
        .parent("tenants", &[])
        .append_only(),
    // What a top-up was promised, and when it was given.
    Table::site("top_up_bonuses")
        .column("intent_id", Uuid)
        .column("customer_id", Uuid)
        .column("amount_minor", BigInt)
        .column("currency", Text)
        .column("rules_version", BigInt)
        .column("opened_at", Moment)
        .optional("granted_at", Moment)
        .key(&["intent_id"])
        .check("top_up_bonuses_amount", "amount_minor > 0")
        // Query: what a customer was given in the last 30 days.
        .index(&["customer_id", "opened_at"]),
    // Recharge cards that were made together.
    Table::tenant("recharge_batches")
        .column("id", Uuid)
        .column("name", Text)
        .column("face_minor", BigInt)
        .column("currency", Text)
        .column("card_count", Int)
        .column("origin", Text)
        .optional("expires_at", Moment)
        // Whoever asks again with this key means the same cards.
        .column("request_key", Text)
        .column("fingerprint", Bytes)
        .column("created_at", Moment)
        .column("created_by", Uuid)
        .optional("voided_at", Moment)
        .optional("voided_by", Uuid)
        .optional("void_reason", Text)
        .key(&["id"])
        .parent("tenants", &[])
        .unique(&["request_key"])
        .check("recharge_batches_face", "face_minor > 0 AND card_count > 0")
        .check("recharge_batches_voided", "(voided_at IS NULL) = (voided_by IS NULL)")
        .one_of("recharge_batches_origin", "origin", &["sold", "gift"]),
    Table::tenant("recharge_cards")
        .column("id", Uuid)
        .column("batch_id", Uuid)
        .column("number", Int)
        .column("state", Text)
        .column("hash", Bytes)
        .column("sealed", Bytes)
        .column("key_version", Int)
        .optional("customer_id", Uuid)
        .optional("site_id", Uuid)
        .optional("redeemed_at", Moment)
        .key(&["id"])
        .parent("recharge_batches", &["batch_id"])
        .parent("customers", &["customer_id"])
        .parent("sites", &["site_id"])
        .unique(&["hash"])
        // Query: the cards of a batch in their order, and how many are in which state.
        .unique(&["batch_id", "number"])
        .one_of("recharge_cards_state", "state", &["ready", "redeemed", "void"])
        .check("recharge_cards_redeemed", "(state = 'redeemed') = (customer_id IS NOT NULL)")
        .check("recharge_cards_redeemed_at", "(state = 'redeemed') = (redeemed_at IS NOT NULL)"),
    // Codes that were carried away: written before the first one is opened.
    Table::tenant("recharge_exports")
        .column("id", Uuid)
        .column("batch_id", Uuid)
        .column("exported_by", Uuid)
        .column("reason", Text)
        .column("created_at", Moment)
        .key(&["id"])
        .parent("recharge_batches", &["batch_id"])
        .append_only(),
    // Money put on accounts by hand, or taken off them.
    Table::tenant("adjustments")
        .column("id", Uuid)
        // Whose wallet, or whose prepaid money.
        .optional("customer_id", Uuid)
        .optional("site_id", Uuid)
        .column("amount_minor", BigInt)
        .column("currency", Text)
        .column("cause", Text)
        .column("reason", Text)
        .column("state", Text)
        .column("requested_at", Moment)
        .column("requested_by", Uuid)
        .optional("decided_at", Moment)
        .optional("decided_by", Uuid)
        .optional("note", Text)
        .key(&["id"])
        .parent("customers", &["customer_id"])
        .parent("sites", &["site_id"])
        .check("adjustments_of_one", "(customer_id IS NULL) <> (site_id IS NULL)")
        .one_of("adjustments_cause", "cause", &["deposit", "goodwill", "correction"])
        .one_of("adjustments_state", "state", &["requested", "approved", "rejected", "cancelled"])
        .check("adjustments_amount", "amount_minor <> 0")
        .check("adjustments_decided", "(state = 'requested') = (decided_at IS NULL)")
        .check("adjustments_two_persons", "state <> 'approved' OR decided_by <> requested_by")
        // Query: what waits, and other states.
        .index(&["state", "id"]),
    // What sites were lent to buy with.
    Table::site("site_credits")
        .column("credit_minor", BigInt)
        .optional("alert_below_minor", BigInt)
        // Since when its prepaid money is below that, as the watch has seen it.
        .optional("low_since", Moment)
        .column("currency", Text)
        .column("version", BigInt)
        .column("changed_at", Moment)
        .column("changed_by", Uuid)
        .key(&["site_id"])
        .parent("sites", &["site_id"])
        .check("site_credits_amount", "credit_minor >= 0 AND version > 0"),
    // Prepaid money that a site has handed to a site right below.
    Table::tenant("prepaid_moves")
        .column("id", Uuid)
        .column("from_site_id", Uuid)
        .column("to_site_id", Uuid)
        .column("amount_minor", BigInt)
        .column("currency", Text)
        .optional("note", Text)
        .column("made_at", Moment)
        .column("made_by", Uuid)
        .key(&["id"])
        .parent("sites", &["from_site_id"])
        .parent("sites", &["to_site_id"])
        .check("prepaid_moves_amount", "amount_minor > 0 AND from_site_id <> to_site_id")
        // Query: what a site has handed on.
        .index(&["from_site_id", "id"])
        // Query: what it was handed.
        .index(&["to_site_id", "id"])
        .append_only(),
);
