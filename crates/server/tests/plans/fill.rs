//! Makes a database that has run for months out of one that has run for a minute: its rows, many times over.

use chrono::Utc;
use kernel::Clock;
use testkit::TestDb;

/// How often each row of the first minute is there afterwards.
const TIMES: u32 = 500;

/// An id or a number of the `k`th copy: its time is `k` two hours earlier, so that copies lie spread as real rows do. Ids have
/// the time of the machine and rows that of the test's clock: ids of copies are set back by `BEHIND` milliseconds, so that the
/// two agree on whatever day the test runs.
const FUNCTIONS: &str = "
CREATE SCHEMA fill;
CREATE FUNCTION fill.id(id uuid, k int) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT (lpad(to_hex(('x' || left(hex, 12))::bit(48)::bigint - BEHIND - k::bigint * 7200000), 12, '0')
          || substr(hex, 13, 12) || substr(md5(hex || k), 1, 8))::uuid
  FROM (SELECT replace(id::text, '-', '') AS hex) AS one $$;
CREATE FUNCTION fill.entry(id uuid, k int) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT (left(hex, 16) || right(replace(id::text, '-', ''), 16))::uuid
  FROM (SELECT replace(fill.id(id, k)::text, '-', '') AS hex) AS one $$;
CREATE FUNCTION fill.no(no text, k int) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT left(no, 10) || upper(substr(md5(no || k), 1, 16)) $$;
CREATE FUNCTION fill.at(at timestamptz, k int) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT at - k * interval '2 hours' $$;
";

/// A table with what is another in each copy; `@` stands for the column of the first row. Parents come first.
type Copied = (&'static str, &'static [(&'static str, &'static str)]);

const ID: &str = "fill.id(@, k)";
const AT: &str = "fill.at(@, k)";
const NO: &str = "fill.no(@, k)";

const COPIED: [Copied; 44] = [
    ("customers", &[("id", ID), ("login", "@ || k"), ("created_at", AT)]),
    ("customer_sessions", &[("token_hash", "sha256(@ || int4send(k))"), ("customer_id", ID), ("created_at", AT)]),
    ("accounts", &[("id", ID), ("owner_id", ID)]),
    ("card_batches", &[("id", ID), ("request_key", "@ || k"), ("created_at", AT)]),
    (
        "cards",
        &[
            ("id", ID),
            ("batch_id", ID),
            ("order_id", ID),
            ("imported_at", AT),
            ("state", "CASE WHEN order_id IS NULL THEN 'void' ELSE 'sold' END"),
        ],
    ),
    ("card_hashes", &[("hash", "sha256(@ || int4send(k))"), ("card_id", ID)]),
    (
        "orders",
        &[
            ("id", ID),
            ("state", "CASE WHEN @ = 'open' THEN 'expired' ELSE @ END"),
            ("placed_at", AT),
            ("expires_at", AT),
            ("paid_at", AT),
            ("delivered_at", AT),
            ("changed_at", AT),
        ],
    ),
    ("order_lines", &[("order_id", ID)]),
    (
        "order_holds",
        &[
            ("order_id", ID),
            ("expires_at", "@ + interval '1 hour' + k * interval '1 second'"),
            ("visitor", "sha256(int4send(k))"),
            ("contact", "sha256(int4send(-k))"),
            ("address", "'10.' || k / 250 || '.' || k % 250 || '.0/24'"),
        ],
    ),
    (
        "order_contacts",
        &[
            ("order_id", ID),
            ("contact", "k || @"),
            ("query_key", "sha256(int4send(k))"),
            ("visitor", "sha256(int4send(k))"),
        ],
    ),
    ("order_hops", &[("order_id", ID)]),
    (
        "agents",
        &[
            ("id", ID),
            ("customer_id", ID),
            ("upper_id", "CASE WHEN k > 1 THEN fill.id(id, k - 1) ELSE id END"),
            ("created_at", AT),
        ],
    ),
    ("agent_links", &[("id", ID), ("agent_id", ID), ("code", "substr(md5(@ || k), 1, 12)"), ("created_at", AT)]),
    (
        "earning_holds",
        &[
            ("id", ID),
            ("placed_at", AT),
            ("lifted_at", "fill.at(placed_at, k)"),
            ("lifted_by", "placed_by"),
            ("lift_reason", "'over'"),
        ],
    ),
    ("payees", &[("id", ID), ("created_at", AT), ("removed_at", "fill.at(created_at, k)")]),
    ("payouts", &[("id", ID), ("created_at", AT)]),
    (
        "withdrawals",
        &[
            ("id", ID),
            ("payee_id", ID),
            ("payout_id", ID),
            ("state", "CASE WHEN @ IN ('requested', 'approved', 'sent') THEN 'cancelled' ELSE @ END"),
            // Not today: it would be too many.
            ("requested_at", "fill.at(@, k) - interval '1 day'"),
            ("changed_at", AT),
        ],
    ),
    ("withdrawal_events", &[("id", ID), ("withdrawal_id", ID), ("happened_at", AT)]),
    ("recharge_batches", &[("id", ID), ("request_key", "@ || k"), ("created_at", AT)]),
    (
        "recharge_cards",
        &[
            ("id", ID),
            ("batch_id", ID),
            ("hash", "sha256(@ || int4send(k))"),
            ("state", "'void'"),
            ("customer_id", "NULL"),
            ("site_id", "NULL"),
            ("redeemed_at", "NULL"),
        ],
    ),
    (
        "adjustments",
        &[
            ("id", ID),
            ("state", "'rejected'"),
            ("requested_at", AT),
            ("decided_at", "fill.at(requested_at, k)"),
            ("decided_by", "requested_by"),
        ],
    ),
    ("top_up_bonuses", &[("intent_id", ID), ("opened_at", AT)]),
    ("prepaid_moves", &[("id", ID), ("made_at", AT)]),
    ("order_referrals", &[("order_id", ID), ("link_id", ID)]),
    ("order_commissions", &[("order_id", ID)]),
    ("order_events", &[("order_id", ID), ("at", AT)]),
    ("order_forms", &[("order_id", ID)]),
    (
        "fulfilments",
        &[("order_id", ID), ("state", "'done'"), ("proof", "'done'"), ("since", AT), ("due_at", AT), ("taken_at", AT)],
    ),
    (
        "order_returns",
        &[("order_id", ID), ("refund_id", ID), ("requested_at", AT), ("settled_at", "fill.at(requested_at, k)")],
    ),
    ("order_return_lines", &[("order_id", ID)]),
    ("order_replacements", &[("order_id", ID), ("old_card_id", ID), ("new_card_id", ID), ("replaced_at", AT)]),
    (
        "order_claims",
        &[
            ("id", ID),
            ("order_id", ID),
            ("state", "'withdrawn'"),
            ("asked_at", AT),
            ("decided_at", "fill.at(asked_at, k)"),
        ],
    ),
    ("reveals", &[("id", ID), ("order_id", ID), ("at", AT)]),
    ("entries", &[("id", "fill.entry(@, k)"), ("subject_id", ID), ("batch_id", ID), ("posted_at", AT)]),
    ("postings", &[("entry_id", "fill.entry(@, k)")]),
    ("ledger_links", &[("seq", "@ + k * 1000"), ("batch_id", ID), ("linked_at", AT)]),
    ("command_keys", &[("key", "@ || k"), ("asked_at", AT)]),
    ("intents", &[("id", ID), ("state", "'closed'"), ("expires_at", AT), ("created_at", AT)]),
    ("attempts", &[("out_no", NO), ("intent_id", ID), ("state", "'closed'"), ("created_at", AT)]),
    (
        "payments",
        &[("id", ID), ("trade_no", "@ || k"), ("out_no", NO), ("intent_id", ID), ("paid_at", AT), ("received_at", AT)],
    ),
    ("exceptions", &[("id", ID), ("payment_id", ID), ("intent_id", ID), ("state", "'resolved'"), ("opened_at", AT)]),
    (
        "refunds",
        &[
            ("id", ID),
            ("refund_no", NO),
            ("payment_id", ID),
            ("exception_id", ID),
            ("out_no", NO),
            ("state", "'done'"),
            ("requested_at", AT),
            ("changed_at", AT),
        ],
    ),
    ("handovers", &[("token_hash", "sha256(@ || int4send(k))"), ("expires_at", "@ + k * interval '1 second'")]),
    ("jobs", &[("id", ID), ("run_at", "@ + interval '1 hour' + k * interval '1 second'")]),
];

/// What the first minute has no rows of.
const INVENTED: [&str; 7] = [
    "INSERT INTO callbacks (tenant_id, id, channel_id, event_key, headers, body, state, received_at, processed_at)
     SELECT tenant_id, fill.id(id, k), id, 'event-' || k, '', '', 'processed', fill.at(created_at, k), fill.at(created_at, k)
     FROM channels, generate_series(1, 3000) AS k",
    "INSERT INTO freezes (tenant_id, site_id, id, address, state, opened_at, until)
     SELECT tenant_id, id, fill.id(id, k), '10.' || k / 250 || '.' || k % 250 || '.0/24', 'open', fill.at(created_at, k),
            fill.at(created_at, k) + interval '1 day'
     FROM sites, generate_series(1, 2000) AS k",
    "INSERT INTO card_exports (tenant_id, id, sku_id, card_state, card_count, exported_by, reason, created_at)
     SELECT tenant_id, fill.id(id, k), id, 'sold', 1, 'somebody', 'a reason', now() FROM skus, generate_series(1, 500) AS k",
    "INSERT INTO level_figures (tenant_id, site_id, owner_id, day, sales_minor, orders, complaints)
     SELECT tenant_id, site_id, id, 20261100 + k, 100, 1, 0 FROM agents, generate_series(1, 15) AS k",
    "INSERT INTO level_buyers (tenant_id, site_id, owner_id, buyer, last_day)
     SELECT tenant_id, site_id, id, sha256(int4send(k)), 20261100 + k FROM agents, generate_series(1, 15) AS k",
    "INSERT INTO level_standings (tenant_id, site_id, side, owner_id, level, since, warned_to, warned_for)
     SELECT tenant_id, site_id, 'agent', id, NULL, 20261101, CASE WHEN right(id::text, 1) = '0' THEN 'bronze' END,
            CASE WHEN right(id::text, 1) = '0' THEN 20270101 END FROM agents ON CONFLICT DO NOTHING",
    "INSERT INTO level_changes (tenant_id, site_id, id, side, owner_id, at, what, to_level)
     SELECT tenant_id, site_id, fill.id(id, k), 'agent', id, fill.at(created_at, k), 'given', 'gold'
     FROM agents, generate_series(1, 5) AS k",
];

/// Fills `db`, and tells the planner of it.
pub fn fill(db: &TestDb) {
    pour(db);
    db.psql("VACUUM ANALYZE");
}

/// Fills `db` faster than the planner hears of it.
pub fn pour(db: &TestDb) {
    let behind = Utc::now() - db.clock.now();
    db.psql(&FUNCTIONS.replace("BEHIND", &format!("({})", behind.num_milliseconds())));
    let mut statements: Vec<String> = COPIED.iter().map(|copied| copy(db, copied)).collect();
    statements.extend(INVENTED.map(str::to_owned));
    db.psql(&statements.join(";\n"));
    db.psql("DROP SCHEMA fill CASCADE");
}

/// The statement that copies the rows of one table, whatever columns it has got.
fn copy(db: &TestDb, (table, changed): &Copied) -> String {
    let columns = format!(
        "SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped \
         ORDER BY attnum"
    );
    let columns = db.psql(&columns);
    let columns: Vec<&str> = columns.lines().collect();
    for (column, _) in *changed {
        assert!(columns.contains(column), "{table} has no {column} any more");
    }
    let value = |column: &&str| {
        let value = changed.iter().find(|(name, _)| name == column).map_or("@", |(_, value)| value);
        value.replace('@', &format!("t.{column}"))
    };
    let values: Vec<String> = columns.iter().map(value).collect();
    format!(
        "INSERT INTO {table} ({}) SELECT {} FROM {table} AS t, generate_series(1, {TIMES}) AS k",
        columns.join(", "),
        values.join(", ")
    )
}
