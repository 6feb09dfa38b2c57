//! The plan of every hot query, on PostgreSQL, over tables that are not small any more.
//!
//! Two main sites with four sites each do everything once, their rows are copied hundreds of times, and then the same is
//! done again: pages of shops, lists of consoles with each filter and their second page, orders by wallet and by channel,
//! money, refunds, work, jobs. The database writes down each plan with the rows it has met. No statement may walk over a
//! large table, none may look at thousands of rows for a page, and no index may be there that nothing uses.

mod fill;
mod flows;
mod lists;
mod watch;

use std::collections::BTreeSet;

use server::house::House;
use server::settings::Settings;
use store::Store;
use testkit::TestDb;

use crate::isolation::fixture::Fixture;
use watch::{Seen, Watch};

/// The rows of a large table that one step of a statement may look at: a batch with what belongs to it, or a page.
const ROWS_MAX: u64 = 1_000;

/// Statements that read more on purpose, by what is in them, and why.
const ALLOWED: [(&str, &str); 6] = [
    ("COUNT(*) AS \"count\" FROM \"agents\"", "who appoints an agent counts those of the site: 20,000 are the most"),
    ("\"account_id\" = $2 ORDER BY \"postings\".\"entry_id\" DESC LIMIT", "a statement sorts 5,000 postings"),
    ("\"entry_id\" >= $3 LIMIT", "a statement of a period adds up what was posted since it began"),
    ("\"command_keys\".\"asked_at\" < $2", "2,000 old keys are forgotten at once"),
    ("DELETE FROM \"command_keys\"", "2,000 old keys are forgotten at once"),
    ("\"jobs\".\"attempts\" > $", "jobs of a clock that ran ahead are looked for after it did, and every five minutes"),
];

/// Indexes that nothing in this test uses, and why they are there.
const UNUSED: [(&str, &str); 5] = [
    ("operator_sessions_operator_id_idx", "the sessions that end when an operator logs in"),
    ("order_holds_tenant_id_sku_id_expires_at_idx", "the overdue holds on a SKU of which too little is left"),
    ("payments_tenant_id_channel_id_paid_at_idx", "the payments of a day beside a gateway's bill"),
    ("refunds_tenant_id_channel_id_changed_at_idx", "the refunds of a day beside a gateway's bill"),
    ("skus_tenant_id_goods_id_sort_idx", "the SKUs of one page of goods, in a shop that has more than these few"),
];

/// What is in the statements that look up lists, as lanes send them. Other sessions plan anew when tables have grown.
const LIST: &str = "unnest(";

/// A filled house whose statements are watched.
struct Street {
    /// Only what lanes ask for is looked at.
    is_young: bool,
    db: TestDb,
    fixture: Fixture,
    watch: Watch,
}

impl Street {
    async fn open() -> Self {
        let db = TestDb::postgres().await;
        let fixture = Fixture::open(&db).await;
        flows::all(&fixture, &db.clock).await;
        fill::fill(&db);
        let watch = watch::begin(&db);
        Self::watched(db, fixture, watch).await
    }

    /// The same house, whose sessions have made their plans while it was young.
    async fn grown() -> Self {
        let db = TestDb::postgres().await;
        let fixture = Fixture::open(&db).await;
        let watch = watch::begin(&db);
        let mut street = Self::watched(db, fixture, watch).await;
        flows::all(&street.fixture, &street.db.clock).await;
        fill::pour(&street.db);
        street.watch.begin_again(&street.db);
        street.is_young = true;
        street
    }

    async fn watched(db: TestDb, mut fixture: Fixture, watch: Watch) -> Self {
        let store = Store::open(&db.settings).await.expect("opened again, by sessions that are watched");
        let sandbox_url = Some("http://127.0.0.1:9".to_owned());
        let settings = Settings { data_dir: db.folder(), sandbox_url, ..Settings::default() };
        fixture.house = House::open(&settings, store).await.expect("the house opens");
        fixture.router = server::http::router(&fixture.house, settings.listen, &[]).expect("a router");
        Self { is_young: false, db, fixture, watch }
    }

    /// What the sessions did, once they have ended and told of it.
    async fn close(&self) -> Seen {
        self.fixture.house.lanes.stop().await;
        let processes = self
            .db
            .psql("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename LIKE 'cardgrove%'");
        let processes: BTreeSet<String> = processes.lines().map(str::to_owned).collect();
        self.fixture.house.store.close().await.expect("closed");
        let is_allowed = |query: &str| {
            let is_known = ALLOWED.iter().any(|(part, _)| query.contains(part));
            is_known || (self.is_young && !query.contains(LIST))
        };
        self.watch.findings(&processes, ROWS_MAX, is_allowed)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_hot_statement_walks_over_a_large_table_and_each_index_has_one_that_needs_it() {
    let street = Street::open().await;
    assert!(street.watch.large().len() > 20, "the tables are large: {:?}", street.watch.large());
    lists::all(&street.fixture).await;
    flows::all(&street.fixture, &street.db.clock).await;
    let seen = street.close().await;
    assert!(seen.statements > 1_000, "the statements were written down: {}", seen.statements);
    assert!(seen.findings.is_empty(), "of {} statements these look at too much:\n{}", seen.statements, seen.told());
    let unused = unused(&street.db, &seen);
    assert!(unused.is_empty(), "nothing here needs these indexes: {unused:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_that_were_made_for_empty_tables_serve_full_ones() {
    let street = Street::grown().await;
    flows::all(&street.fixture, &street.db.clock).await;
    let seen = street.close().await;
    assert!(seen.statements > 500, "the statements were written down: {}", seen.statements);
    assert!(seen.findings.is_empty(), "of {} statements these look at too much:\n{}", seen.statements, seen.told());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_index_is_found_out_by_the_table_and_its_statement() {
    let street = Street::open().await;
    street.db.psql("DROP INDEX order_holds_tenant_id_address_idx, order_contacts_tenant_id_query_key_order_id_idx");
    flows::all(&street.fixture, &street.db.clock).await;
    let seen = street.close().await;
    let found: BTreeSet<&str> = seen.findings.keys().map(|(table, _)| table.as_str()).collect();
    assert!(found.contains("order_holds") && found.contains("order_contacts"), "{}", seen.told());
}

/// The indexes that no statement has used and that keep no fact.
fn unused(db: &TestDb, seen: &Seen) -> Vec<String> {
    let all = db.psql(
        "SELECT indexrelid::regclass FROM pg_index JOIN pg_class ON pg_class.oid = indrelid \
         WHERE relnamespace = 'public'::regnamespace AND NOT indisunique",
    );
    let is_known = |index: &&str| seen.indexes.contains_key(*index) || UNUSED.iter().any(|(name, _)| name == index);
    all.lines().filter(|index| !is_known(index)).map(str::to_owned).collect()
}
