//! The lane's memory: which commands were decided, and how.

use store::dialect::schema::Table;
use store::dialect::schema::Type::{Bytes, Moment, Text};

use crate::{nothing as after, tables};

tables!(
    Table::tenant("command_keys")
        .column("key", Text)
        .column("fingerprint", Bytes)
        .optional("answer", Text)
        .column("created_at", Moment)
        .key(&["key"])
        .parent("tenants", &[])
        // Query: the oldest keys, to be forgotten.
        .index(&["created_at"])
        .hot(),
);
