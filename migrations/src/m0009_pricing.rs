//! Prices: the rules of each site of a chain, the templates they name, and the number that says whether any of them
//! changed.

use store::dialect::schema::Table;
use store::dialect::schema::Type::{BigInt, Int, Moment, Text, Uuid};

use crate::{nothing as after, tables};

const ROUNDINGS: [&str; 6] = ["none", "up_0.1", "up_0.5", "up_1", "end_9", "end_99"];

tables!(
    Table::tenant("price_templates")
        .column("id", Uuid)
        .column("site_id", Uuid)
        .column("code", Text)
        .column("name_zh", Text)
        .column("name_en", Text)
        .column("created_at", Moment)
        .key(&["id"])
        .unique(&["site_id", "code"])
        .parent("sites", &["site_id"]),
    Table::tenant("price_template_bands")
        .column("template_id", Uuid)
        .column("from_minor", BigInt)
        .column("currency", Text)
        .optional("add_minor", BigInt)
        .optional("add_ppm", BigInt)
        .column("rounding", Text)
        .key(&["template_id", "from_minor"])
        .parent("price_templates", &["template_id"])
        .one_of("price_template_bands_rounding", "rounding", &ROUNDINGS)
        .check("price_template_bands_addition", "(add_minor IS NULL) <> (add_ppm IS NULL)")
        .check(
            "price_template_bands_not_negative",
            "from_minor >= 0 AND COALESCE(add_minor, 0) >= 0 AND COALESCE(add_ppm, 0) >= 0",
        ),
    // The tenant's, not the site's: a price needs the rules of the whole chain above the selling site.
    Table::tenant("price_rules")
        .column("id", Uuid)
        .column("site_id", Uuid)
        // What the rule is about, as one text, so that two rules never claim the same place.
        .column("code", Text)
        .column("audience", Text)
        .optional("level", Text)
        .optional("subject_id", Uuid)
        .column("scope", Text)
        .optional("target_id", Uuid)
        .column("quantity_min", Int)
        .optional("valid_from", Moment)
        .optional("valid_until", Moment)
        .column("kind", Text)
        .optional("currency", Text)
        .optional("value_minor", BigInt)
        .optional("value_ppm", BigInt)
        .optional("template_id", Uuid)
        .column("rounding", Text)
        .optional("loss_cap_minor", BigInt)
        .optional("floor_minor", BigInt)
        .optional("markup_max_ppm", BigInt)
        .column("version", BigInt)
        .column("created_at", Moment)
        .key(&["id"])
        .unique(&["code"])
        .parent("sites", &["site_id"])
        .parent("price_templates", &["template_id"])
        .one_of("price_rules_audience", "audience", &["wholesale", "retail"])
        .one_of("price_rules_scope", "scope", &["site", "category", "goods", "sku"])
        .one_of("price_rules_kind", "kind", &["fixed", "markup", "percent", "template", "limit"])
        .one_of("price_rules_rounding", "rounding", &ROUNDINGS)
        .check("price_rules_target", "(scope = 'site') = (target_id IS NULL)")
        .check("price_rules_whom", "level IS NULL OR subject_id IS NULL")
        .check("price_rules_quantity", "quantity_min >= 1")
        .check("price_rules_window", "valid_from IS NULL OR valid_until IS NULL OR valid_from < valid_until")
        .check("price_rules_minor", "(kind IN ('fixed', 'markup')) = (value_minor IS NOT NULL)")
        .check("price_rules_ppm", "(kind = 'percent') = (value_ppm IS NOT NULL)")
        .check("price_rules_template", "(kind = 'template') = (template_id IS NOT NULL)")
        .check(
            "price_rules_limit",
            "(kind = 'limit') = (floor_minor IS NOT NULL OR markup_max_ppm IS NOT NULL)",
        )
        .check("price_rules_loss", "loss_cap_minor IS NULL OR (kind = 'fixed' AND audience = 'retail')")
        .check(
            "price_rules_currency",
            "currency IS NOT NULL OR (value_minor IS NULL AND loss_cap_minor IS NULL AND floor_minor IS NULL)",
        )
        .check(
            "price_rules_not_negative",
            "COALESCE(value_minor, 0) >= 0 AND COALESCE(value_ppm, 0) >= 0 AND COALESCE(loss_cap_minor, 0) >= 0 \
             AND COALESCE(floor_minor, 0) >= 0 AND COALESCE(markup_max_ppm, 0) >= 0",
        )
        // Query: the rules of a chain's sites.
        .index(&["site_id"]),
    // The first is raised by rules and templates, the second by whatever of the catalogue a page may show, too.
    Table::tenant("price_epochs")
        .column("epoch", BigInt)
        .column("catalog_epoch", BigInt)
        .key(&[])
        .parent("tenants", &[])
        .hot(),
);
