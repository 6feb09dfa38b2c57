//! Levels: ladders, days that were counted, what everybody sold on them, where he stands and how he came there.

use sea_orm_migration::{DbErr, SchemaManager};
use store::dialect::schema;
use store::dialect::schema::Table;
use store::dialect::schema::Type::{BigInt, Bool, Bytes, Int, Moment, Text, Uuid};

use crate::tables;

tables!(
    Table::tenant("level_rules")
        .column("version", BigInt)
        .column("effective_from", Moment)
        .column("rules", Text)
        .column("created_at", Moment)
        .column("created_by", Uuid)
        .key(&["version"])
        .parent("tenants", &[])
        .append_only(),
    // Days that were counted, and whether anybody was judged by them.
    Table::tenant("level_days")
        .column("day", Int)
        .column("counted_at", Moment)
        .optional("judged_at", Moment)
        .column("is_whole", Bool)
        .key(&["day"])
        .parent("tenants", &[])
        .check("level_days_judged", "judged_at IS NOT NULL OR NOT is_whole"),
    // What a site sold, or an agent brought, on a day. No rows of days without any.
    Table::site("level_figures")
        .column("owner_id", Uuid)
        .column("day", Int)
        .column("sales_minor", BigInt)
        .column("orders", BigInt)
        .column("complaints", BigInt)
        .key(&["owner_id", "day"])
        .parent("sites", &["site_id"])
        .check("level_figures_counts", "orders >= 0 AND complaints >= 0")
        .append_only(),
    // On which day a buyer last had something of somebody: how many are active is a range of days.
    Table::site("level_buyers")
        .column("owner_id", Uuid)
        .column("buyer", Bytes)
        .column("last_day", Int)
        .key(&["owner_id", "buyer"])
        .parent("sites", &["site_id"])
        // Query: how many buyers somebody had since a day.
        .index(&["owner_id", "last_day"]),
    Table::site("level_standings")
        .column("side", Text)
        .column("owner_id", Uuid)
        .optional("level", Text)
        .column("since", Int)
        .optional("warned_to", Text)
        .optional("warned_for", Int)
        .optional("pin_reason", Text)
        .optional("pinned_by", Uuid)
        .optional("pinned_at", Moment)
        .key(&["side", "owner_id"])
        .parent("sites", &["site_id"])
        .one_of("level_standings_side", "side", &["site", "agent"])
        .check("level_standings_warned", "(warned_to IS NULL) = (warned_for IS NULL)")
        .check("level_standings_pinned", "(pin_reason IS NULL) = (pinned_by IS NULL) AND (pin_reason IS NULL) = (pinned_at IS NULL)")
        // Query: who is to fall.
        .index_where(&["side", "owner_id"], "warned_for IS NOT NULL"),
    Table::site("level_changes")
        .column("id", Uuid)
        .column("side", Text)
        .column("owner_id", Uuid)
        .column("at", Moment)
        .column("what", Text)
        .optional("from_level", Text)
        .optional("to_level", Text)
        .optional("takes_effect", Int)
        .optional("figures", Text)
        .optional("rules_version", BigInt)
        .optional("reason", Text)
        .optional("decided_by", Uuid)
        .key(&["id"])
        .parent("sites", &["site_id"])
        .one_of("level_changes_side", "side", &["site", "agent"])
        .one_of(
            "level_changes_what",
            "what",
            &["given", "promoted", "warned", "spared", "demoted", "pinned", "unpinned"],
        )
        .check("level_changes_warned", "(what = 'warned') = (takes_effect IS NOT NULL)")
        // Query: somebody's history, newest first.
        .index(&["owner_id", "id"])
        .append_only(),
);

async fn after(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let backend = crate::backend(manager);
    // The levels of sub-sites that may sell these goods, with commas between; all may if there are none.
    crate::run(manager, &schema::add_optional(backend, "goods", "site_levels", Text)).await
}
