//! What is sold: categories, goods, their SKUs.

use store::dialect::schema::Table;
use store::dialect::schema::Type::{BigInt, Int, Moment, Text, Uuid};

use crate::{nothing as after, tables};

tables!(
    Table::tenant("categories")
        .column("id", Uuid)
        .column("code", Text)
        .column("name_zh", Text)
        .column("name_en", Text)
        .column("sort", Int)
        .key(&["id"])
        .unique(&["code"])
        .parent("tenants", &[]),
    Table::tenant("goods")
        .column("id", Uuid)
        .column("category_id", Uuid)
        .column("code", Text)
        .column("kind", Text)
        // What a buyer of manual goods is asked, as JSON, and the time until they are to be with him.
        .column("form", Text)
        .column("fulfil_within_hours", Int)
        .column("state", Text)
        .column("title_zh", Text)
        .column("title_en", Text)
        .column("description_zh", Text)
        .column("description_en", Text)
        .optional("art", Text)
        .column("sort", Int)
        .column("created_at", Moment)
        .key(&["id"])
        .unique(&["code"])
        .parent("categories", &["category_id"])
        .one_of("goods_kind", "kind", &["card", "shared", "manual"])
        .check("goods_fulfil_within_hours_positive", "fulfil_within_hours > 0")
        .one_of("goods_state", "state", &["on", "off"]),
    Table::tenant("skus")
        .column("id", Uuid)
        .column("goods_id", Uuid)
        .column("code", Text)
        .column("state", Text)
        .column("name_zh", Text)
        .column("name_en", Text)
        .column("currency", Text)
        .optional("face_value_minor", BigInt)
        .column("cost_minor", BigInt)
        .column("price_minor", BigInt)
        .column("quantity_max", Int)
        .column("sort", Int)
        .column("epoch", BigInt)
        .key(&["id"])
        .unique(&["code"])
        .parent("goods", &["goods_id"])
        .one_of("skus_state", "state", &["on", "off"])
        .check("skus_amounts_not_negative", "cost_minor >= 0 AND price_minor >= 0")
        // Query: the SKUs of one goods page.
        .index(&["goods_id", "sort"]),
);
