//! Addresses that may not order for a while.

use store::dialect::schema::Table;
use store::dialect::schema::Type::{Moment, Text, Uuid};

use crate::{nothing as after, tables};

tables!(
    Table::site("freezes")
        .column("id", Uuid)
        .column("address", Text)
        .column("state", Text)
        .column("opened_at", Moment)
        .column("until", Moment)
        .key(&["id"])
        .parent("sites", &["site_id"])
        .one_of("freezes_state", "state", &["open", "reviewed"])
        // Query: is this address frozen on this site.
        .index(&["address", "until"]),
);
