//! The resulting schema, as snapshots that a reviewer reads, and the rules every table keeps.

use testkit::{Cluster, TestDb};

const POSTGRES_SCHEMA: &str = "
SELECT line FROM (
  SELECT 1 AS part, c.table_name AS subject, c.ordinal_position AS place,
         format('%s.%s %s%s', c.table_name, c.column_name, c.data_type,
                CASE c.is_nullable WHEN 'YES' THEN '' ELSE ' not null' END) AS line
  FROM information_schema.columns c WHERE c.table_schema = 'public' AND c.table_name <> 'seaql_migrations'
  UNION ALL
  SELECT 2, conrelid::regclass::text, 0, format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'seaql_migrations'
  UNION ALL
  SELECT 3, tablename, 0, indexdef FROM pg_indexes
  WHERE schemaname = 'public' AND tablename <> 'seaql_migrations'
  UNION ALL
  SELECT 4, tablename, 0, format('%s policy %s for %s to %s using %s check %s', tablename, policyname, cmd, roles, qual, with_check)
  FROM pg_policies
  UNION ALL
  SELECT 5, relname, 0, format('%s rls %s forced %s', relname, relrowsecurity, relforcerowsecurity)
  FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'seaql_migrations'
  UNION ALL
  SELECT 6, table_name, 0, format('%s grants %s to %s', table_name,
         string_agg(privilege_type, ', ' ORDER BY privilege_type), grantee)
  FROM information_schema.role_table_grants WHERE table_schema = 'public' AND grantee LIKE 'cardgrove_%'
  GROUP BY table_name, grantee
  UNION ALL
  SELECT 7, p.proname, 0, format('function %s owner %s definer %s acl %s', p.proname, p.proowner::regrole, p.prosecdef, p.proacl)
  FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
) AS lines ORDER BY part, subject COLLATE \"C\", place, line COLLATE \"C\"";

#[tokio::test]
async fn postgres_schema_is_as_the_snapshot_says() {
    let db = TestDb::postgres().await;
    insta::assert_snapshot!(db.psql(POSTGRES_SCHEMA));
}

#[tokio::test]
async fn sqlite_schema_is_as_the_snapshot_says() {
    let db = TestDb::sqlite().await;
    let owner = store::Owner::open(&db.owner_url).await.expect("the file opens");
    let sql = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name <> 'seaql_migrations' ORDER BY tbl_name, type DESC, name";
    let rows = sea_orm_migration::sea_orm::ConnectionTrait::query_all_raw(
        owner.connection(),
        sea_orm_migration::sea_orm::Statement::from_string(sea_orm_migration::sea_orm::DbBackend::Sqlite, sql),
    )
    .await
    .expect("the schema is readable");
    let lines: Vec<String> = rows.iter().map(|row| row.try_get("", "sql").expect("text")).collect();
    insta::assert_snapshot!(lines.join("\n\n"));
}

#[tokio::test]
async fn a_change_that_breaks_off_leaves_nothing_behind() {
    use sea_orm_migration::sea_orm::ConnectionTrait;

    // With it the cluster has its roles: two that make them at once would be in each other's way.
    let beside = TestDb::postgres().await;
    let file = format!("sqlite://{}?mode=rwc", beside.folder().join("bare.db").display());
    for url in [file, TestDb::bare_postgres()] {
        let owner = store::Owner::open(&url).await.expect("the owner connects");
        // The last table of the third change is in its way.
        owner.connection().execute_unprepared("CREATE TABLE ledger_heads (one INT)").await.expect("a table");
        crate::up(&owner).await.expect_err("the table is there");
        assert_eq!(crate::version(&owner).await.expect("read").as_deref(), Some("m0002_outbox"), "{url}");
        owner.connection().execute_unprepared("DROP TABLE ledger_heads").await.expect("no table");
        assert_eq!(crate::up(&owner).await.expect("up to date"), crate::names().len() - 2, "{url}");
    }
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    for db in [TestDb::sqlite().await, TestDb::postgres().await] {
        let owner = store::Owner::open(&db.owner_url).await.expect("the owner connects");
        assert_eq!(crate::up(&owner).await.expect("up to date"), 0);
    }
}

/// Tables that may lack a tenant: the platform's own directory, which the runtime role cannot reach at all.
const PLATFORM_TABLES: [&str; 3] = ["memberships", "operator_sessions", "operators"];

/// Unique over the installation on purpose: a host leads to one site, a slug names one tenant.
const UNIQUE_EVERYWHERE: [&str; 2] = ["hosts_host_key", "tenants_slug_key"];

#[tokio::test]
async fn every_tenant_table_is_isolated_by_the_database() {
    let db = TestDb::postgres().await;
    let unguarded = db.psql(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' \
         AND relname <> 'seaql_migrations' AND NOT (relrowsecurity AND relforcerowsecurity)",
    );
    assert_eq!(unguarded, "", "tables without forced row level security");
    let without_tenant = db.psql(
        "SELECT relname FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' \
         AND relname <> 'seaql_migrations' AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid \
         AND a.attname = 'tenant_id') ORDER BY 1",
    );
    let without_tenant: Vec<&str> = without_tenant.split_whitespace().collect();
    assert!(without_tenant.iter().all(|table| PLATFORM_TABLES.contains(table)), "{without_tenant:?}");
    let reachable = db.psql(
        "SELECT table_name FROM information_schema.role_table_grants WHERE grantee = 'cardgrove_runtime' \
         AND table_name IN ('memberships', 'operators', 'operator_sessions')",
    );
    assert_eq!(reachable, "", "the runtime role reaches the directory");
}

/// Everything the runtime role may do before it has named a tenant, and everything it is.
const WITHOUT_A_TENANT: &str = "
SELECT line FROM (
  -- Functions of ours, and any that runs with another's rights.
  SELECT format('function %s.%s(%s)', p.pronamespace::regnamespace, p.proname, pg_get_function_identity_arguments(p.oid)) AS line
  FROM pg_proc p WHERE (p.pronamespace = 'public'::regnamespace OR p.prosecdef)
    AND has_function_privilege('cardgrove_runtime', p.oid, 'EXECUTE')
  UNION ALL
  -- Tables, views and sequences whose rows no policy of the role binds to a tenant.
  SELECT format('rows of %s', c.oid::regclass)
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND (has_table_privilege('cardgrove_runtime', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
      OR has_any_column_privilege('cardgrove_runtime', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
    AND (NOT c.relforcerowsecurity OR EXISTS (
      SELECT 1 FROM pg_policy q WHERE q.polrelid = c.oid AND q.polroles && ARRAY[0, 'cardgrove_runtime'::regrole::oid]
      AND pg_get_expr(q.polqual, q.polrelid) NOT LIKE '%tenant_id = ( SELECT (NULLIF(current_setting(''app.tenant_id''%'))
  UNION ALL
  -- Rights that row level security does not look at.
  SELECT format('%s %s', privilege, c.oid::regclass)
  FROM pg_class c, unnest(ARRAY['TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND has_table_privilege('cardgrove_runtime', c.oid, privilege)
  UNION ALL
  SELECT format('creates in %s', n.nspname) FROM pg_namespace n
  WHERE has_schema_privilege('cardgrove_runtime', n.oid, 'CREATE')
  UNION ALL
  SELECT format('is a member of %s', m.roleid::regrole) FROM pg_auth_members m
  WHERE m.member = 'cardgrove_runtime'::regrole
  UNION ALL
  SELECT format('owns %s', c.oid::regclass) FROM pg_class c WHERE c.relowner = 'cardgrove_runtime'::regrole
  UNION ALL
  SELECT format('is %s', attribute) FROM pg_roles r, LATERAL (VALUES
    ('a superuser', r.rolsuper), ('above row security', r.rolbypassrls), ('a maker of roles', r.rolcreaterole),
    ('a maker of databases', r.rolcreatedb), ('a replica', r.rolreplication)) AS a (attribute, holds)
  WHERE r.rolname = 'cardgrove_runtime' AND holds
) AS lines ORDER BY line COLLATE \"C\"";

#[tokio::test]
async fn without_a_tenant_the_runtime_role_may_only_claim_work() {
    let db = TestDb::postgres().await;
    insta::assert_snapshot!(
        db.psql(WITHOUT_A_TENANT),
        @"function public.work_claim(wanted integer, node text, given timestamp with time zone, lease_s integer)"
    );
}

#[tokio::test]
async fn a_table_without_a_policy_and_a_view_would_be_listed() {
    let db = TestDb::postgres().await;
    for opened in [
        "CREATE TABLE open_rows (tenant_id uuid)",
        "GRANT SELECT ON open_rows TO cardgrove_runtime",
        "CREATE VIEW all_cards AS SELECT * FROM cards",
        "GRANT SELECT ON all_cards TO cardgrove_runtime",
        "CREATE POLICY too_wide ON goods TO PUBLIC USING (true)",
    ] {
        db.psql(opened);
    }
    let listed = db.psql(WITHOUT_A_TENANT);
    for subject in ["rows of open_rows", "rows of all_cards", "rows of goods"] {
        assert!(listed.lines().any(|line| line == subject), "{subject} is missing from {listed}");
    }
}

#[tokio::test]
async fn every_key_and_reference_stays_inside_a_tenant() {
    let db = TestDb::postgres().await;
    let crossing = db.psql(
        "SELECT conname FROM pg_constraint c WHERE connamespace = 'public'::regnamespace AND contype IN ('f', 'u', 'p') \
         AND conrelid::regclass::text NOT IN ('seaql_migrations', 'operators', 'operator_sessions', 'memberships') \
         AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attname = 'tenant_id' \
         AND a.attnum = ANY(c.conkey)) ORDER BY 1",
    );
    let crossing: Vec<&str> = crossing.split_whitespace().collect();
    assert_eq!(crossing, UNIQUE_EVERYWHERE);
}

/// Columns that name a row of another table without a foreign key, and who looks whether that is there. Fifteen checks an
/// order cost half of the throughput (see the ledger's tables), so hot child tables have none.
const UNBOUND: [(&str, &str); 105] = [
    ("accounts.owner_id", "nobody: the ledger knows no owners; whoever is gone keeps his money"),
    ("adjustments.decided_by", "nobody: operators are the platform's"),
    ("adjustments.requested_by", "nobody: operators are the platform's"),
    ("attempts.intent_id", "payment/audit.rs (6)"),
    ("attempts.out_no", "nobody: its own key"),
    ("attempts.site_id", "payment/audit.rs (6)"),
    ("belated_entries.entry_id", "the ledger's audit"),
    ("calendar_days.changed_by", "nobody: operators are the platform's"),
    ("cards.order_id", "order/audit.rs (3)"),
    ("commission_plans.created_by", "nobody: operators are the platform's"),
    ("earning_holds.lifted_by", "nobody: operators are the platform's"),
    ("earning_holds.placed_by", "nobody: operators are the platform's"),
    ("entries.batch_id", "ledger/audit.rs (12)"),
    ("entries.subject_id", "order/audit/paid.rs, payment/audit/kept.rs (13)"),
    ("exceptions.intent_id", "payment/audit/kept.rs (13)"),
    ("exceptions.site_id", "payment/audit/kept.rs (13)"),
    ("fulfilments.order_id", "order/audit/children.rs (13)"),
    ("fulfilments.site_id", "order/audit/children.rs (13)"),
    ("fulfilments.sku_id", "order/audit/children.rs (13)"),
    ("fulfilments.taken_by", "nobody: operators are the platform's"),
    ("handovers.out_no", "payment/audit/kept.rs (13)"),
    ("intents.customer_id", "order/audit/paid.rs (6)"),
    ("intents.site_id", "order/audit/children.rs (13)"),
    ("ledger_links.batch_id", "ledger/audit.rs (12)"),
    ("level_buyers.owner_id", "nobody: counts are asked for by earners that are there"),
    ("level_changes.decided_by", "nobody: operators are the platform's"),
    ("level_changes.owner_id", "levels/audit.rs (17)"),
    ("level_figures.owner_id", "nobody: sums are asked for by earners that are there"),
    ("level_rules.created_by", "nobody: operators are the platform's"),
    ("level_standings.owner_id", "levels/audit.rs (17)"),
    ("level_standings.pinned_by", "nobody: operators are the platform's"),
    ("memberships.operator_id", "nobody: the platform's directory"),
    ("memberships.site_id", "nobody: the platform's directory"),
    ("operator_sessions.operator_id", "nobody: the platform's directory"),
    ("order_claims.decided_by", "nobody: operators are the platform's"),
    ("order_claims.order_id", "order/audit/children.rs (13)"),
    ("order_claims.site_id", "order/audit/children.rs (13)"),
    ("order_commissions.agent_id", "server/audit.rs (13)"),
    ("order_commissions.order_id", "order/audit/children.rs (13)"),
    ("order_commissions.site_id", "order/audit/children.rs (13)"),
    ("order_contacts.order_id", "order/audit/children.rs (13)"),
    ("order_contacts.site_id", "order/audit/children.rs (13)"),
    ("order_events.order_id", "order/audit/children.rs (13)"),
    ("order_events.site_id", "order/audit/children.rs (13)"),
    ("order_forms.order_id", "order/audit/children.rs (13)"),
    ("order_forms.site_id", "order/audit/children.rs (13)"),
    ("order_holds.order_id", "order/audit/children.rs (13)"),
    ("order_holds.site_id", "order/audit/children.rs (13)"),
    ("order_holds.sku_id", "order/audit/children.rs (13)"),
    ("order_hops.order_id", "order/audit/children.rs (13)"),
    ("order_hops.site_id", "server/audit.rs (13)"),
    ("order_lines.order_id", "order/audit/children.rs (13)"),
    ("order_lines.site_id", "order/audit/children.rs (13)"),
    ("order_lines.sku_id", "server/audit.rs (13)"),
    ("order_referrals.agent_id", "server/audit.rs (13)"),
    ("order_referrals.link_id", "server/audit.rs (13)"),
    ("order_referrals.order_id", "order/audit/children.rs (13)"),
    ("order_referrals.site_id", "order/audit/children.rs (13)"),
    ("order_replacements.new_card_id", "order/audit/replacements.rs (3)"),
    ("order_replacements.old_card_id", "order/audit/replacements.rs (3)"),
    ("order_replacements.order_id", "order/audit/children.rs (13)"),
    ("order_replacements.requested_by", "nobody: operators are the platform's"),
    ("order_replacements.site_id", "order/audit/children.rs (13)"),
    ("order_return_lines.order_id", "order/audit/children.rs (13)"),
    ("order_return_lines.site_id", "order/audit/children.rs (13)"),
    ("order_returns.order_id", "order/audit/children.rs (13)"),
    ("order_returns.refund_id", "order/audit/returns.rs (7)"),
    ("order_returns.requested_by", "nobody: operators are the platform's"),
    ("order_returns.site_id", "order/audit/children.rs (13)"),
    ("orders.agent_id", "order/audit/agents.rs (8)"),
    ("orders.collector_id", "order/audit/paid.rs (13)"),
    ("payee_names.checked_by", "nobody: operators are the platform's"),
    ("payee_names.earner_id", "nobody: a check says that it is the agent or the site"),
    ("payees.created_by", "nobody: people of the platform or customers, as the history tells"),
    ("payees.earner_id", "nobody: a check says that it is the agent or the site"),
    ("payments.intent_id", "payment/audit/kept.rs (6, 13)"),
    ("payments.out_no", "payment/audit.rs (6)"),
    ("payments.site_id", "payment/audit/kept.rs (6)"),
    ("payouts.created_by", "nobody: operators are the platform's"),
    ("postings.account_id", "ledger/audit.rs (2)"),
    ("postings.entry_id", "ledger/audit.rs (1)"),
    ("prepaid_moves.made_by", "nobody: operators are the platform's"),
    ("price_rules.subject_id", "nobody: a rule for who is gone prices nothing"),
    ("price_rules.target_id", "nobody: a rule for what is gone prices nothing"),
    ("recharge_batches.created_by", "nobody: operators are the platform's"),
    ("recharge_batches.voided_by", "nobody: operators are the platform's"),
    ("recharge_exports.exported_by", "nobody: operators are the platform's"),
    ("refunds.channel_id", "payment/audit.rs (7)"),
    ("refunds.exception_id", "payment/audit/kept.rs (13)"),
    ("refunds.out_no", "payment/audit/kept.rs (13)"),
    ("refunds.site_id", "payment/audit/kept.rs (13)"),
    ("reveals.order_id", "order/audit/children.rs (13)"),
    ("reveals.site_id", "order/audit/children.rs (13)"),
    ("settlement_terms.created_by", "nobody: operators are the platform's"),
    ("site_credits.changed_by", "nobody: operators are the platform's"),
    ("top_up_bonuses.customer_id", "payment/audit/bonus.rs (6)"),
    ("top_up_bonuses.intent_id", "payment/audit/bonus.rs (6)"),
    ("top_up_bonuses.site_id", "payment/audit/bonus.rs (6)"),
    ("top_up_rules.created_by", "nobody: operators are the platform's"),
    ("withdrawal_events.done_by", "nobody: people of the platform or customers, as the history tells"),
    ("withdrawal_rules.created_by", "nobody: operators are the platform's"),
    ("withdrawals.approved_by", "nobody: operators are the platform's"),
    ("withdrawals.earner_id", "nobody: a check says that it is the agent or the site"),
    ("withdrawals.requested_by", "nobody: people of the platform or customers, as the history tells"),
    ("withdrawals.seconded_by", "nobody: operators are the platform's"),
];

/// Every column of ids that no foreign key covers, but for a table's own `id`; and the merchant's numbers of tries.
const WITHOUT_REFERENCE: &str = "
SELECT line FROM (SELECT c.table_name || '.' || c.column_name AS line FROM information_schema.columns c
WHERE c.table_schema = 'public' AND c.table_name <> 'seaql_migrations'
  AND (c.data_type = 'uuid' AND c.column_name NOT IN ('id', 'tenant_id') OR c.column_name = 'out_no')
  AND NOT EXISTS (SELECT 1 FROM pg_constraint f JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = ANY (f.conkey)
    WHERE f.contype = 'f' AND f.conrelid = format('public.%I', c.table_name)::regclass AND a.attname = c.column_name)
) AS lines ORDER BY line COLLATE \"C\"";

#[tokio::test]
async fn what_names_a_row_without_a_foreign_key_is_looked_after() {
    let db = TestDb::postgres().await;
    let listed = db.psql(WITHOUT_REFERENCE);
    let listed: Vec<&str> = listed.split_whitespace().collect();
    assert_eq!(listed, UNBOUND.map(|(column, _)| column), "name the audit that looks after a new one");
    assert!(UNBOUND.iter().all(|(_, looks)| looks.contains("audit") || looks.starts_with("nobody: ")));
}

#[tokio::test]
async fn the_platform_role_reads_only_what_is_listed() {
    let db = TestDb::postgres().await;
    let readable = db.psql(
        "SELECT DISTINCT table_name FROM information_schema.role_table_grants WHERE grantee = 'cardgrove_platform' ORDER BY 1",
    );
    let readable: Vec<&str> = readable.split_whitespace().collect();
    assert_eq!(readable, ["hosts", "memberships", "operator_sessions", "operators", "sites", "tenants"]);
    let columns = db.psql(
        "SELECT table_name || '.' || column_name FROM information_schema.column_privileges WHERE grantee = 'cardgrove_platform' \
         AND table_name = 'jobs' AND privilege_type = 'SELECT' ORDER BY 1",
    );
    let columns: Vec<&str> = columns.split_whitespace().collect();
    let claimed = [
        "jobs.attempts",
        "jobs.created_at",
        "jobs.id",
        "jobs.lease_until",
        "jobs.run_at",
        "jobs.state",
        "jobs.tenant_id",
    ];
    assert_eq!(columns, claimed, "what is claimed, never what is in it");
    let _ = Cluster::shared();
}

#[tokio::test]
async fn an_owner_or_superuser_may_not_serve() {
    let db = TestDb::postgres().await;
    for role in ["owner", "postgres"] {
        let mut settings = db.settings.clone();
        settings.url = settings.url.replace(store::dialect::Roles::RUNTIME, role);
        let refused = store::Store::open(&settings).await.err().expect("an unsafe role is refused");
        assert!(matches!(&refused, store::StoreError::Settings(reason) if reason.contains(role)), "{refused}");
    }
}

/// A database as it was before `name`, with its owner and what an id looks like in it.
async fn before(name: &str) -> [(store::Owner, fn(u8) -> String, bool); 2] {
    use sea_orm_migration::MigratorTrait;

    // With it the cluster has its roles: two that make them at once would be in each other's way.
    let beside = TestDb::postgres().await;
    let folder = beside.folder().join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let _ = Box::leak(Box::new(beside));
    let file = format!("sqlite://{}?mode=rwc", folder.join("old.db").display());
    let steps = crate::names().iter().position(|known| known == name).expect("a change of ours");
    let open = async |url: String| {
        let owner = store::Owner::open(&url).await.expect("the owner connects");
        let steps = u32::try_from(steps).expect("a few");
        crate::Migrator::up(owner.connection(), Some(steps)).await.expect("the older changes");
        owner
    };
    let (lite, post) = (open(file).await, open(TestDb::bare_postgres()).await);
    [(lite, |id| format!("x'{}'", hex_id(id)), false), (post, |id| format!("'{}'", hex_id(id)), true)]
}

fn hex_id(id: u8) -> String {
    format!("{id:032x}")
}

/// What was refunded before orders could be refunded in parts went back whole, and is not refunded once more.
#[tokio::test]
async fn refunds_of_whole_orders_become_returns() {
    use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, Statement};

    for (owner, id, is_guarded) in before("m0016_returns").await {
        let run = async |sql: String| owner.connection().execute_unprepared(&sql).await.expect("runs");
        for table in ["tenants", "sites", "orders", "order_lines", "order_refunds"].iter().filter(|_| is_guarded) {
            run(format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")).await;
        }
        let at = "'2026-11-21T08:00:00+00:00'";
        run(format!("INSERT INTO tenants (tenant_id, slug, name, currency, region, state, seller_name, created_at) VALUES ({}, 's', 'n', 'CNY', 'CN', 'active', 's', {at})", id(1))).await;
        run(format!("INSERT INTO sites (tenant_id, id, depth, slug, state, name_zh, name_en, tagline_zh, tagline_en, notice_zh, notice_en, theme, mode, created_at) VALUES ({}, {}, 0, 's', 'active', '', '', '', '', '', '', '', '', {at})", id(1), id(2))).await;
        // A wallet's order that is back, and one that its seller has collected and not sent back yet.
        for (order, collector, held, settled) in [(3, "NULL".to_owned(), 0, at), (4, id(2), 9_00, "NULL")] {
            run(format!("INSERT INTO orders (tenant_id, site_id, id, method, state, payment_state, delivery_state, currency, total_minor, held_minor, version, placed_at, changed_at, collector_id) VALUES ({}, {}, {}, 'channel', 'completed', 'paid', 'delivered', 'CNY', 1200, {held}, 3, {at}, {at}, {collector})", id(1), id(2), id(order))).await;
            for (line, is_shared) in [(1, "FALSE"), (2, "TRUE")] {
                run(format!("INSERT INTO order_lines (tenant_id, site_id, order_id, line_no, sku_id, title_zh, title_en, sku_name_zh, sku_name_en, quantity, unit_minor, total_minor, cost_of_goods_minor, card_ids, is_shared) VALUES ({}, {}, {}, {line}, {}, '', '', '', '', 1, 600, 600, 0, {}, {is_shared})", id(1), id(2), id(order), id(9), id(7).replace("x'", "X'").replacen('\'', if is_guarded { "'\\x" } else { "'" }, 1))).await;
            }
            run(format!("INSERT INTO order_refunds (tenant_id, site_id, order_id, refund_id, amount_minor, currency, reason, requested_by, requested_at, settled_at) VALUES ({}, {}, {}, {}, 1200, 'CNY', 'why', {}, {at}, {settled})", id(1), id(2), id(order), id(order + 10), id(8))).await;
        }
        // The owner is bound again, as he is in any house: the change has to see the rows all the same.
        for table in ["tenants", "sites", "orders", "order_lines", "order_refunds"].iter().filter(|_| is_guarded) {
            run(format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY")).await;
        }
        crate::up(&owner).await.expect("up to date");
        for table in ["order_returns", "order_return_lines"].iter().filter(|_| is_guarded) {
            run(format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")).await;
        }
        let backend = if is_guarded { DbBackend::Postgres } else { DbBackend::Sqlite };
        let ask = async |sql: &str, columns: usize| {
            let rows = owner.connection().query_all_raw(Statement::from_string(backend, sql)).await.expect("rows");
            let number = |row: &sea_orm_migration::sea_orm::QueryResult, column| {
                row.try_get_by_index::<i64>(column).expect("a number")
            };
            rows.iter()
                .map(|row| (0..columns).map(|column| number(row, column)).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        let returns = "SELECT CAST(number AS BIGINT), amount_minor, held_minor, CAST(settled_at IS NULL AS INTEGER) + CAST(0 AS BIGINT) FROM order_returns ORDER BY order_id";
        assert_eq!(ask(returns, 4).await, [[1, 12_00, 0, 0], [1, 12_00, 9_00, 1]]);
        // A shared code is no order's own: it is not void.
        let lines = "SELECT CAST(line_no AS BIGINT), amount_minor, CAST(length(card_ids) AS BIGINT), CAST(is_last AS INTEGER) + CAST(0 AS BIGINT) FROM order_return_lines ORDER BY order_id, line_no";
        let each = [[1, 6_00, 16, 1], [2, 6_00, 0, 1]];
        assert_eq!(ask(lines, 4).await, [each, each].concat());
    }
}
