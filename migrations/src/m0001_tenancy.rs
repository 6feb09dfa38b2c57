//! Tenants, their sites as a tree, the hosts that lead to them, and their wrapped data keys.

use store::dialect::schema::Table;
use store::dialect::schema::Type::{Bytes, Int, Moment, Text, Uuid};

use crate::{nothing as after, tables};

tables!(
    Table::tenant("tenants")
        .column("slug", Text)
        .column("name", Text)
        .column("currency", Text)
        .column("region", Text)
        .column("state", Text)
        .column("seller_name", Text)
        .optional("seller_licence", Text)
        .column("created_at", Moment)
        .key(&[])
        .unique_everywhere(&["slug"])
        .one_of("tenants_state", "state", &["active", "suspended", "closed"])
        .listed(),
    Table::tenant("sites")
        .column("id", Uuid)
        .optional("parent_id", Uuid)
        .column("depth", Int)
        .column("slug", Text)
        .column("state", Text)
        .column("name_zh", Text)
        .column("name_en", Text)
        .column("tagline_zh", Text)
        .column("tagline_en", Text)
        .column("notice_zh", Text)
        .column("notice_en", Text)
        .column("theme", Text)
        .column("mode", Text)
        .optional("level", Text)
        .optional("support", Text)
        // What the site allows buyers, as JSON; none for the defaults.
        .optional("limits", Text)
        // What its home page shows and its own colours, as JSON; none for the defaults.
        .optional("sections", Text)
        .optional("tokens", Text)
        // Which of its hosts its pages name as theirs; none for the oldest.
        .optional("home_host", Text)
        .column("created_at", Moment)
        .key(&["id"])
        .unique(&["slug"])
        .parent("tenants", &[])
        .parent("sites", &["parent_id"])
        .one_of("sites_state", "state", &["active", "suspended", "closed"])
        .check("sites_root_has_no_parent", "(depth = 0) = (parent_id IS NULL)")
        .listed(),
    Table::tenant("hosts")
        .column("host", Text)
        .column("site_id", Uuid)
        .column("created_at", Moment)
        .key(&["host"])
        .unique_everywhere(&["host"])
        .parent("sites", &["site_id"])
        .listed(),
    Table::tenant("tenant_keys")
        .column("version", Int)
        .column("wrapped", Bytes)
        .column("created_at", Moment)
        .key(&["version"])
        .parent("tenants", &[]),
);
