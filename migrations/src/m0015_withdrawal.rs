//! Withdrawals: by what rules, to whom, what was asked for, what is sent together.

use store::dialect::schema::Table;
use store::dialect::schema::Type::{BigInt, Bytes, Int, Moment, Text, Uuid};

use crate::{nothing as after, tables};

/// An earner is an agent, or the site where there is none.
const EARNER: &str = "earner_id = COALESCE(agent_id, site_id)";

tables!(
    // By which rules is paid out. A version is never changed: a withdrawal keeps the one that it was asked for by.
    Table::tenant("withdrawal_rules")
        .column("version", BigInt)
        .column("effective_from", Moment)
        .column("rules", Text)
        .column("created_at", Moment)
        .column("created_by", Uuid)
        .key(&["version"])
        .parent("tenants", &[])
        .append_only(),
    // Where an earner (a site, or an agent of it) is paid: sealed, and masked for people.
    Table::site("payees")
        .column("id", Uuid)
        .column("earner_id", Uuid)
        .optional("agent_id", Uuid)
        .column("means", Text)
        .column("sealed", Bytes)
        .column("key_version", Int)
        .column("holder_masked", Text)
        .column("number_masked", Text)
        .column("usable_from", Moment)
        .column("created_at", Moment)
        .column("created_by", Uuid)
        .optional("removed_at", Moment)
        .key(&["id"])
        .parent("sites", &["site_id"])
        .parent("agents", &["agent_id"])
        .check("payees_earner", EARNER)
        .one_of("payees_means", "means", &["bank", "alipay", "wechat"])
        // Query: an earner's payees.
        .index_where(&["earner_id", "id"], "removed_at IS NULL"),
    // The name that all payees of an earner have, and who has checked it.
    Table::site("payee_names")
        .column("earner_id", Uuid)
        .optional("agent_id", Uuid)
        .column("sealed", Bytes)
        .column("key_version", Int)
        .optional("checked_at", Moment)
        .optional("checked_by", Uuid)
        .key(&["earner_id"])
        .parent("sites", &["site_id"])
        .parent("agents", &["agent_id"])
        .check("payee_names_earner", EARNER),
    // What is sent together.
    Table::tenant("payouts")
        .column("id", Uuid)
        .column("count", Int)
        .column("currency", Text)
        .column("net_minor", BigInt)
        .column("created_at", Moment)
        .column("created_by", Uuid)
        .key(&["id"])
        .parent("tenants", &[])
        .append_only(),
    Table::site("withdrawals")
        .column("id", Uuid)
        .column("earner_id", Uuid)
        .optional("agent_id", Uuid)
        .column("currency", Text)
        .column("amount_minor", BigInt)
        .column("state", Text)
        .column("rules_version", BigInt)
        .optional("payee_id", Uuid)
        .optional("invoice", Text)
        .column("requested_at", Moment)
        .column("requested_by", Uuid)
        .optional("approved_by", Uuid)
        .optional("seconded_by", Uuid)
        .optional("payout_id", Uuid)
        .optional("net_minor", BigInt)
        .optional("fee_minor", BigInt)
        .optional("tax_minor", BigInt)
        .column("changed_at", Moment)
        .optional("note", Text)
        .key(&["id"])
        .parent("sites", &["site_id"])
        .parent("agents", &["agent_id"])
        .parent("payees", &["payee_id"])
        .parent("payouts", &["payout_id"])
        .check("withdrawals_earner", EARNER)
        .check("withdrawals_amount", "amount_minor > 0")
        .check("withdrawals_two_persons", "seconded_by IS NULL OR (approved_by <> seconded_by)")
        .one_of(
            "withdrawals_state",
            "state",
            &["requested", "approved", "sent", "paid", "rejected", "cancelled", "returned", "converted"],
        )
        // An earner has one at a time that is not sent: what is locked of him is what is left of it.
        .unique_where(&["earner_id", "currency"], "state IN ('requested', 'approved')")
        // Query: an earner's withdrawals, newest first.
        .index(&["earner_id", "id"])
        // Query: a site's withdrawals, newest first.
        .index(&["site_id", "id"])
        // Query: what waits for its review, and other states.
        .index(&["state", "id"])
        // Query: what is sent together.
        .index_where(&["payout_id", "id"], "payout_id IS NOT NULL"),
    Table::site("withdrawal_events")
        .column("withdrawal_id", Uuid)
        .column("id", Uuid)
        .column("kind", Text)
        .column("happened_at", Moment)
        .column("done_by", Uuid)
        .optional("note", Text)
        .key(&["withdrawal_id", "id"])
        .parent("sites", &["site_id"])
        .parent("withdrawals", &["withdrawal_id"])
        .append_only(),
);
