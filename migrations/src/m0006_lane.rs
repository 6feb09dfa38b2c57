//! The lane's memory: which commands were decided, and how.

use store::dialect::schema::Table;
use store::dialect::schema::Type::{Bytes, Moment, Text};

use crate::{nothing as after, tables};

tables!(
    Table::tenant("command_keys")
        .column("key", Text)
        .column("fingerprint", Bytes)
        .column("answer", Text)
        // When a caller chose the key; none for business facts, whose keys are kept for ever.
        .optional("asked_at", Moment)
        .key(&["key"])
        .parent("tenants", &[])
        // Query: the oldest keys that callers chose, to be forgotten. Partial, because beside the key itself no other index may look as if it
        // could find a key: a plan made for a small table would take it.
        .index_where(&["asked_at"], "asked_at IS NOT NULL")
        .hot(),
);
