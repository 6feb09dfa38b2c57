//! The ledger: accounts with their balances, entries and postings that are never changed, the hash chain.

use store::dialect::schema::Table;
use store::dialect::schema::Type::{BigInt, Bool, Bytes, Int, Moment, Text, Uuid};

use crate::{nothing as after, tables};

tables!(
    Table::tenant("accounts")
        .column("id", Uuid)
        .column("kind", Text)
        .optional("owner_id", Uuid)
        .column("currency", Text)
        .column("is_spendable", Bool)
        .column("balance_minor", BigInt)
        .key(&["id"])
        .parent("tenants", &[])
        // Query: the accounts of a kind.
        .index(&["kind", "id"])
        .check("accounts_balance_not_negative", "NOT is_spendable OR balance_minor >= 0")
        .hot(),
    // No foreign keys from here on: fifteen checks an order cost half of the throughput. `cardgrove audit` checks them.
    Table::tenant("entries")
        .column("id", Uuid)
        .column("kind", Text)
        .column("subject_id", Uuid)
        .column("batch_id", Uuid)
        .column("posted_at", Moment)
        .optional("reason", Text)
        // The accounts of its postings, 16 bytes each: they are found through them, so that an order's many postings need
        // one index only.
        .column("accounts", Bytes)
        .key(&["id"])
        .append_only(),
    // Query: the statement of an account, and with the accounts that an entry names, its postings.
    Table::tenant("postings")
        .column("account_id", Uuid)
        .column("entry_id", Uuid)
        .column("seq", Int)
        .column("amount_minor", BigInt)
        .column("currency", Text)
        .key(&["account_id", "entry_id", "seq"])
        .append_only(),
    Table::tenant("ledger_links")
        .column("seq", BigInt)
        .column("batch_id", Uuid)
        .column("hash", Bytes)
        .column("entries", Int)
        .column("linked_at", Moment)
        .key(&["seq"])
        .append_only(),
    Table::tenant("ledger_heads").column("seq", BigInt).column("hash", Bytes).key(&[]).parent("tenants", &[]).hot(),
);
