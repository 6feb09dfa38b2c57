//! People: a tenant's customers with their sessions, and the platform's directory of operators.

use store::dialect::schema::Table;
use store::dialect::schema::Type::{Bytes, Moment, Text, Uuid};

use crate::{nothing as after, tables};

tables!(
    Table::tenant("customers")
        .column("id", Uuid)
        .column("site_id", Uuid)
        .column("login", Text)
        .column("name", Text)
        .column("password_hash", Text)
        .column("state", Text)
        .column("created_at", Moment)
        .key(&["id"])
        .unique(&["login"])
        .parent("sites", &["site_id"])
        .one_of("customers_state", "state", &["active", "locked"]),
    Table::site("customer_sessions")
        .column("token_hash", Bytes)
        .column("customer_id", Uuid)
        .column("created_at", Moment)
        .column("expires_at", Moment)
        .key(&["token_hash"])
        .parent("customers", &["customer_id"])
        .parent("sites", &["site_id"])
        // Query: log out everywhere.
        .index(&["customer_id"]),
    Table::platform("operators")
        .column("id", Uuid)
        .column("login", Text)
        .column("name", Text)
        .column("password_hash", Text)
        .column("state", Text)
        .column("created_at", Moment)
        .key(&["id"])
        .unique(&["login"])
        .one_of("operators_state", "state", &["active", "locked"]),
    Table::platform("memberships")
        .column("operator_id", Uuid)
        .column("tenant_id", Uuid)
        // The main site for a role of the whole tenant.
        .column("site_id", Uuid)
        .column("role", Text)
        .column("created_at", Moment)
        .key(&["operator_id", "tenant_id", "site_id"])
        .one_of("memberships_role", "role", &["owner", "clerk", "site_owner"]),
    Table::platform("operator_sessions")
        .column("token_hash", Bytes)
        .column("operator_id", Uuid)
        .column("created_at", Moment)
        .column("expires_at", Moment)
        .key(&["token_hash"])
        .index(&["operator_id"]),
);
