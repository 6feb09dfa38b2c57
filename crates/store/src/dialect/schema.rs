//! Tables as data, written out for either database.
//!
//! A tenant's table always gets: the tenant column, a key and unique constraints that begin with it, foreign keys
//! `(tenant_id, ..)`, and on PostgreSQL forced row level security with the policies below. On SQLite tables are STRICT.

use std::fmt::Write;

use super::{Backend, Roles};

/// Who owns the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Platform,
    Tenant,
    Site,
}

/// A table to be made.
#[must_use = "a table is nothing until its statements are run"]
pub struct Table {
    name: &'static str,
    owner: Owner,
    columns: Vec<(&'static str, Type, bool)>,
    key: Vec<&'static str>,
    unique: Vec<Vec<&'static str>>,
    unique_everywhere: Vec<Vec<&'static str>>,
    indexes: Vec<Vec<&'static str>>,
    partial: Vec<(Vec<&'static str>, &'static str)>,
    partial_unique: Vec<(Vec<&'static str>, &'static str)>,
    parents: Vec<(&'static str, Vec<&'static str>)>,
    checks: Vec<(&'static str, String)>,
    is_listed: bool,
    is_append_only: bool,
    is_hot: bool,
    is_claimed: bool,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// 16 bytes.
    Uuid,
    /// Unicode.
    Text,
    /// Octets.
    Bytes,
    /// 32 bits.
    Int,
    /// 64 bits; money in minor units.
    BigInt,
    /// True or false.
    Bool,
    /// A moment, in UTC.
    Moment,
}

impl Type {
    const fn sql(self, backend: Backend) -> &'static str {
        match (backend, self) {
            (Backend::Postgres, Self::Uuid) => "uuid",
            (Backend::Postgres, Self::Bytes) => "bytea",
            (Backend::Postgres, Self::Int) => "integer",
            (Backend::Postgres, Self::BigInt) => "bigint",
            (Backend::Postgres, Self::Bool) => "boolean",
            (Backend::Postgres, Self::Moment) => "timestamptz",
            (Backend::Sqlite, Self::Uuid | Self::Bytes) => "BLOB",
            (Backend::Sqlite, Self::Int | Self::BigInt | Self::Bool) => "INTEGER",
            (Backend::Sqlite, Self::Moment) => "TEXT",
            (_, Self::Text) => "TEXT",
        }
    }
}

impl Table {
    fn new(name: &'static str, owner: Owner) -> Self {
        let columns = match owner {
            Owner::Platform => Vec::new(),
            Owner::Tenant => vec![("tenant_id", Type::Uuid, false)],
            Owner::Site => vec![("tenant_id", Type::Uuid, false), ("site_id", Type::Uuid, false)],
        };
        Self {
            name,
            owner,
            columns,
            key: Vec::new(),
            unique: Vec::new(),
            unique_everywhere: Vec::new(),
            indexes: Vec::new(),
            partial: Vec::new(),
            partial_unique: Vec::new(),
            parents: Vec::new(),
            checks: Vec::new(),
            is_listed: false,
            is_append_only: false,
            is_hot: false,
            is_claimed: false,
        }
    }

    /// A table of the platform: reached by `Platform` transactions only.
    pub fn platform(name: &'static str) -> Self {
        Self::new(name, Owner::Platform)
    }

    /// A table whose rows belong to a tenant.
    pub fn tenant(name: &'static str) -> Self {
        Self::new(name, Owner::Tenant)
    }

    /// A table whose rows belong to a site: a transaction inside a site sees that site's rows only.
    pub fn site(name: &'static str) -> Self {
        Self::new(name, Owner::Site)
    }

    /// A column that always has a value.
    pub fn column(mut self, name: &'static str, kind: Type) -> Self {
        self.columns.push((name, kind, false));
        self
    }

    /// A column that may be empty.
    pub fn optional(mut self, name: &'static str, kind: Type) -> Self {
        self.columns.push((name, kind, true));
        self
    }

    /// The primary key, after the tenant.
    pub fn key(mut self, columns: &[&'static str]) -> Self {
        self.key = columns.to_vec();
        self
    }

    /// Unique inside the tenant.
    pub fn unique(mut self, columns: &[&'static str]) -> Self {
        self.unique.push(columns.to_vec());
        self
    }

    /// Unique over the whole installation: hosts. Tells strangers that a value exists, so use it for nothing secret.
    pub fn unique_everywhere(mut self, columns: &[&'static str]) -> Self {
        self.unique_everywhere.push(columns.to_vec());
        self
    }

    /// An index, after the tenant. Name the query it serves beside the call.
    pub fn index(mut self, columns: &[&'static str]) -> Self {
        self.indexes.push(columns.to_vec());
        self
    }

    /// An index, after the tenant, on the rows where `condition` holds. Name the query it serves beside the call.
    pub fn index_where(mut self, columns: &[&'static str], condition: &'static str) -> Self {
        let columns = std::iter::once("tenant_id").chain(columns.iter().copied()).collect();
        self.partial.push((columns, condition));
        self
    }

    /// No two rows for which `condition` holds are alike in these columns, inside the tenant.
    pub fn unique_where(mut self, columns: &[&'static str], condition: &'static str) -> Self {
        self.partial_unique.push((columns.to_vec(), condition));
        self
    }

    /// An index across tenants on the rows where `condition` holds: for cross-tenant claims only.
    pub fn claim_index(mut self, columns: &[&'static str], condition: &'static str) -> Self {
        self.partial.push((columns.to_vec(), condition));
        self
    }

    /// `columns` point to the key of `table` inside the tenant.
    pub fn parent(mut self, table: &'static str, columns: &[&'static str]) -> Self {
        self.parents.push((table, columns.to_vec()));
        self
    }

    /// A named condition that every row keeps.
    pub fn check(mut self, name: &'static str, condition: impl Into<String>) -> Self {
        self.checks.push((name, condition.into()));
        self
    }

    /// `column` holds one of these words.
    pub fn one_of(self, name: &'static str, column: &'static str, words: &[&str]) -> Self {
        let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        self.check(name, format!("{column} IN ({})", words.join(", ")))
    }

    /// Platform transactions may read the rows of all tenants.
    pub const fn listed(mut self) -> Self {
        self.is_listed = true;
        self
    }

    /// Rows are written once: changes and removals are refused by the database.
    pub const fn append_only(mut self) -> Self {
        self.is_append_only = true;
        self
    }

    /// Rows change in place often: leave room on their pages, vacuum early.
    pub const fn hot(mut self) -> Self {
        self.is_hot = true;
        self
    }

    /// `work_claim` leases rows of this table across tenants.
    pub const fn claimed(mut self) -> Self {
        self.is_claimed = true;
        self
    }

    /// The statements that make the table.
    pub fn statements(&self, backend: Backend) -> Vec<String> {
        let mut statements = vec![self.create(backend)];
        statements.extend(self.indexes.iter().map(|columns| {
            let columns = self.with_tenant(columns);
            format!("CREATE INDEX {}_{}_idx ON {} ({})", self.name, columns.join("_"), self.name, columns.join(", "))
        }));
        let partial = self.partial.iter().map(|(columns, condition)| partial_index(self.name, columns, condition));
        statements.extend(partial);
        statements.extend(self.partial_unique.iter().map(|(columns, condition)| {
            let columns = self.with_tenant(columns);
            let (table, name) = (self.name, columns.join("_"));
            format!("CREATE UNIQUE INDEX {table}_{name}_key ON {table} ({}) WHERE {condition}", columns.join(", "))
        }));
        match backend {
            Backend::Postgres => statements.extend(self.guards()),
            Backend::Sqlite if self.is_append_only => statements.extend(self.triggers()),
            Backend::Sqlite => {}
        }
        statements
    }

    fn with_tenant(&self, columns: &[&'static str]) -> Vec<&'static str> {
        let tenant = (self.owner != Owner::Platform).then_some("tenant_id");
        tenant.into_iter().chain(columns.iter().copied()).collect()
    }

    fn create(&self, backend: Backend) -> String {
        let mut sql = format!("CREATE TABLE {} (\n", self.name);
        for (name, kind, is_optional) in &self.columns {
            let _ = writeln!(sql, "  {name} {}{},", kind.sql(backend), if *is_optional { "" } else { " NOT NULL" });
        }
        for columns in &self.unique {
            let columns = self.with_tenant(columns);
            let _ = writeln!(sql, "  {},", unique(self.name, &columns, "UNIQUE"));
        }
        for columns in &self.unique_everywhere {
            let _ = writeln!(sql, "  {},", unique(self.name, columns, "UNIQUE"));
        }
        for (table, columns) in &self.parents {
            let columns = self.with_tenant(columns);
            let target = if *table == "tenants" { "(tenant_id)" } else { "(tenant_id, id)" };
            let _ = writeln!(
                sql,
                "  CONSTRAINT {}_{}_fkey FOREIGN KEY ({}) REFERENCES {table} {target},",
                self.name,
                columns.join("_"),
                columns.join(", ")
            );
        }
        for (name, condition) in &self.checks {
            let _ = writeln!(sql, "  CONSTRAINT {name} CHECK ({condition}),");
        }
        let key = self.with_tenant(&self.key);
        let _ = write!(sql, "  {}\n)", unique(self.name, &key, "PRIMARY KEY"));
        sql.push_str(match backend {
            Backend::Sqlite => " STRICT, WITHOUT ROWID",
            Backend::Postgres if self.is_hot => {
                " WITH (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05)"
            }
            Backend::Postgres => "",
        });
        sql
    }

    /// Rights and policies. The platform role owns the cross-tenant functions, the runtime role serves.
    fn guards(&self) -> Vec<String> {
        let table = self.name;
        let (runtime, platform) = (Roles::RUNTIME, Roles::PLATFORM);
        let rights = if self.is_append_only { "SELECT, INSERT" } else { "SELECT, INSERT, UPDATE, DELETE" };
        let mut sql = vec![
            format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"),
            format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY"),
            owner_reads(table),
        ];
        if self.owner == Owner::Platform {
            sql.push(format!("GRANT {rights} ON {table} TO {platform}"));
            sql.push(format!("CREATE POLICY platform_all ON {table} TO {platform} USING (true) WITH CHECK (true)"));
            return sql;
        }
        let is_own = self.policy();
        sql.push(format!("GRANT {rights} ON {table} TO {runtime}"));
        sql.push(format!("CREATE POLICY tenant_own ON {table} TO {runtime} USING ({is_own}) WITH CHECK ({is_own})"));
        if self.is_listed {
            sql.push(format!("GRANT SELECT ON {table} TO {platform}"));
            sql.push(format!("CREATE POLICY platform_reads ON {table} FOR SELECT TO {platform} USING (true)"));
        }
        if self.is_claimed {
            // What is claimed and for how long, never what is in it.
            sql.push(format!(
                "GRANT SELECT (tenant_id, id, state, run_at, attempts, lease_until) ON {table} TO {platform}"
            ));
            sql.push(format!("GRANT UPDATE (state, attempts, lease_node, lease_until) ON {table} TO {platform}"));
            sql.push(format!("CREATE POLICY platform_claims ON {table} TO {platform} USING (true) WITH CHECK (true)"));
        }
        sql
    }

    /// The settings are read in a sub-select, so that the planner reads them once a statement.
    fn policy(&self) -> String {
        let setting = |name: &str| format!("(SELECT NULLIF(current_setting('app.{name}', true), '')::uuid)");
        let tenant = format!("tenant_id = {}", setting("tenant_id"));
        match self.owner {
            Owner::Site => format!("{tenant} AND ({0} IS NULL OR site_id = {0})", setting("site_id")),
            Owner::Tenant | Owner::Platform => tenant,
        }
    }

    fn triggers(&self) -> Vec<String> {
        ["UPDATE", "DELETE"]
            .map(|verb| {
                format!(
                    "CREATE TRIGGER {0}_no_{1} BEFORE {verb} ON {0} BEGIN SELECT RAISE(ABORT, 'append only'); END",
                    self.name,
                    verb.to_lowercase()
                )
            })
            .to_vec()
    }
}

/// The name of the policy by which the owner reads for a backup.
pub(crate) const OWNER_READS: &str = "owner_reads_for_backup";

/// Under forced row level security the owner sees no row. A session of his that says that it makes a backup reads all;
/// that gives him nothing, because he could take the table's guards away as well.
pub(crate) fn owner_reads(table: &str) -> String {
    format!(
        "CREATE POLICY {OWNER_READS} ON {table} FOR SELECT TO CURRENT_USER \
         USING ((SELECT current_setting('app.backup', true)) = 'on')"
    )
}

/// Both databases know a unique constraint as `table_columns_key`: see `errors::unique_name`.
fn unique(table: &str, columns: &[&str], kind: &str) -> String {
    format!("CONSTRAINT {table}_{}_key {kind} ({})", columns.join("_"), columns.join(", "))
}

/// The one function that looks across tenants for the runtime role. It answers ids, never a payload; its owner is
/// the platform role, because under forced row level security a function of the schema's owner sees no row.
pub fn work_claim(backend: Backend) -> Vec<String> {
    if backend == Backend::Sqlite {
        return Vec::new();
    }
    let runtime = Roles::RUNTIME;
    let made = vec![
        // What was claimed was due once, so nothing that is due later is looked at: the index is walked to now, which a
        // moment that moves while the statement runs could not bound.
        // Without pg_temp at its end the path would begin with it, and a temporary table could stand in for ours.
        "CREATE FUNCTION work_claim(wanted integer, node text, given timestamptz, lease_s integer) \
         RETURNS TABLE (tenant_id uuid, id uuid) LANGUAGE sql SECURITY DEFINER \
         SET search_path = pg_catalog, public, pg_temp AS $$ \
         UPDATE public.jobs AS j SET state = 'running', attempts = j.attempts + 1, lease_node = node, \
                lease_until = coalesce(given, clock_timestamp()) + make_interval(secs => lease_s) \
         FROM (SELECT c.tenant_id, c.id FROM public.jobs AS c WHERE c.state IN ('queued', 'running') \
               AND c.run_at <= coalesce(given, statement_timestamp()) \
               AND ((c.state = 'queued' AND c.run_at <= coalesce(given, statement_timestamp())) \
                 OR (c.state = 'running' AND c.lease_until <= coalesce(given, statement_timestamp()))) \
               ORDER BY c.run_at LIMIT wanted FOR UPDATE SKIP LOCKED) AS due \
         WHERE j.tenant_id = due.tenant_id AND j.id = due.id RETURNING j.tenant_id, j.id $$"
            .to_owned(),
    ];
    let granted = format!("GRANT EXECUTE ON FUNCTION work_claim TO {runtime}");
    made.into_iter().chain(work_claim_owner()).chain([granted]).collect()
}

/// A further column of a table that is there; it may be empty, so that programs of before can still write rows.
pub fn add_optional(backend: Backend, table: &str, column: &str, kind: Type) -> String {
    format!("ALTER TABLE {table} ADD COLUMN {column} {}", kind.sql(backend))
}

/// The same with a condition that every row keeps, which may name other columns: SQLite takes no new condition without a
/// new column.
pub fn add_checked(
    backend: Backend,
    (table, column, kind): (&str, &str, Type),
    (name, condition): (&str, &str),
) -> String {
    format!("{} CONSTRAINT {name} CHECK ({condition})", add_optional(backend, table, column, kind))
}

/// A further index of a table that is there, after the tenant, on the rows where `condition` holds. Name the query it serves
/// beside the call.
pub fn add_index_where(table: &str, columns: &[&str], condition: &str) -> String {
    partial_index(table, &["tenant_id"].iter().chain(columns).copied().collect::<Vec<_>>(), condition)
}

/// The same on all rows.
pub fn add_index(table: &str, columns: &[&str]) -> String {
    let columns = ["tenant_id"].iter().chain(columns).copied().collect::<Vec<_>>();
    format!("CREATE INDEX {table}_{}_idx ON {table} ({})", columns.join("_"), columns.join(", "))
}

fn partial_index(table: &str, columns: &[&str], condition: &str) -> String {
    let kind = if columns[0] == "tenant_id" { "some" } else { "claim" };
    let name = columns.join("_");
    format!("CREATE INDEX {table}_{name}_{kind}_idx ON {table} ({}) WHERE {condition}", columns.join(", "))
}

/// Whether row level security binds the owner of a table, too, as it always does: he lifts it only to move rows of all tenants
/// from one table to another, and puts it back in the same transaction. Nothing where the database has none.
pub fn bind_owner(backend: Backend, table: &str, is_bound: bool) -> Option<String> {
    let word = if is_bound { "FORCE" } else { "NO FORCE" };
    (backend == Backend::Postgres).then(|| format!("ALTER TABLE {table} {word} ROW LEVEL SECURITY"))
}

/// Lets the platform role read further columns of a table that it claims from; they are never what a tenant wrote.
pub fn read_by_platform(backend: Backend, table: &str, columns: &[&str]) -> Vec<String> {
    match backend {
        Backend::Sqlite => Vec::new(),
        Backend::Postgres => vec![format!("GRANT SELECT ({}) ON {table} TO {}", columns.join(", "), Roles::PLATFORM)],
    }
}

/// Gives the function to the platform role, and closes what only the database as a whole can close.
pub(crate) fn work_claim_owner() -> Vec<String> {
    let platform = Roles::PLATFORM;
    vec![
        format!("GRANT CREATE ON SCHEMA public TO {platform}"),
        format!("ALTER FUNCTION work_claim OWNER TO {platform}"),
        format!("REVOKE CREATE ON SCHEMA public FROM {platform}"),
        "REVOKE ALL ON FUNCTION work_claim FROM PUBLIC".to_owned(),
        "DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$"
            .to_owned(),
    ]
}
