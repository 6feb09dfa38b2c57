//! One test's own database.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, TimeZone, Utc};
use kernel::{FakeClock, Platform, TenantId, TenantScope};
use store::dialect::Roles;
use store::{Backend, Owner, Settings, Store, Time};
use tempfile::TempDir;
use uuid::Uuid;

use crate::cluster::{Cluster, TestError, infra};

/// A migrated, empty database with an open store, whose time stands still until the test moves it.
pub struct TestDb {
    /// The store, open as the runtime role.
    pub store: Store,
    /// The hands of the store's time.
    pub clock: FakeClock,
    /// Which database it is.
    pub backend: Backend,
    /// How the store was opened, to open it again as a second process would.
    pub settings: Settings,
    /// The schema owner's URL.
    pub owner_url: String,
    name: String,
    cluster: Option<&'static Cluster>,
    folder: TempDir,
}

/// The template of the schema that this program was built with: a cluster that still runs may have those of others.
const TEMPLATE: &str = concat!("template_", env!("SCHEMA_DIGEST"));

/// A Saturday in the busy season.
fn start_of_time() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 8, 0, 0).single().expect("a moment that exists once")
}

impl TestDb {
    /// A new SQLite file.
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test's file");
        let url = format!("sqlite://{}", folder.path().join("cardgrove.db").display());
        migrate(&url).await;
        Self::open(Backend::Sqlite, Settings::at(&url), url, (String::new(), None), folder).await
    }

    /// A new database in the test run's cluster, copied from a migrated template.
    pub async fn postgres() -> Self {
        Self::postgres_in(Cluster::shared()).await
    }

    /// A new database in a cluster that writes through to the disk; for benches.
    pub async fn durable_postgres() -> Self {
        Self::postgres_in(Cluster::durable()).await
    }

    /// A new database in a cluster like that on a slow disk; for benches.
    pub async fn slow_postgres() -> Self {
        Self::postgres_in(Cluster::slow()).await
    }

    async fn postgres_in(cluster: &'static Cluster) -> Self {
        prepare_template(cluster).await;
        let name = format!("test_{}", Uuid::now_v7().simple());
        let copy = format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER owner STRATEGY file_copy");
        cluster.psql("postgres", &copy).unwrap_or_else(|error| panic!("no test database: {error}"));
        let mut settings = Settings::at(cluster.url(Roles::RUNTIME, &name));
        settings.platform_url = Some(cluster.url(Roles::PLATFORM, &name));
        let folder = tempfile::tempdir().expect("a folder for the test's files");
        let owner_url = cluster.url("owner", &name);
        Self::open(Backend::Postgres, settings, owner_url, (name, Some(cluster)), folder).await
    }

    /// A new database that nothing was done to, for tests of a first start: its owner's URL.
    pub fn bare_postgres() -> String {
        let cluster = Cluster::shared();
        let name = format!("bare_{}", Uuid::now_v7().simple());
        let made = cluster.psql("postgres", &format!("CREATE DATABASE {name} OWNER owner"));
        made.unwrap_or_else(|error| panic!("no bare database: {error}"));
        cluster.url("owner", &name)
    }

    /// A new database whose roles an administrator made with infra/postgres/roles.sql: the URLs of owner, runtime and
    /// platform role. The same one for every caller of a test run, because roles belong to the cluster.
    pub async fn postgres_by_hand() -> [String; 3] {
        let cluster = Cluster::shared();
        // Its roles are made first: two that make them at once would be in each other's way.
        prepare_template(cluster).await;
        let (file, variables) = (infra().join("roles.sql"), ["database=by_hand", "owner=by_hand_owner"]);
        let passwords = ["OWNER_PASSWORD", "RUNTIME_PASSWORD", "PLATFORM_PASSWORD"].map(|name| (name, "pass'word"));
        let made = cluster.once("by_hand", |cluster| {
            cluster.psql_file(&file, &variables, &passwords)?;
            cluster.psql_file(&file, &variables, &passwords)
        });
        made.unwrap_or_else(|error| panic!("infra/postgres/roles.sql fails: {error}"));
        ["by_hand_owner", Roles::RUNTIME, Roles::PLATFORM].map(|role| cluster.url(role, "by_hand"))
    }

    async fn open(
        backend: Backend,
        mut settings: Settings,
        owner_url: String,
        (name, cluster): (String, Option<&'static Cluster>),
        folder: TempDir,
    ) -> Self {
        let clock = FakeClock::at(start_of_time());
        settings.time = Time::Given(Arc::new(clock.clone()));
        let store = Store::open(&settings).await.unwrap_or_else(|error| panic!("the store does not open: {error}"));
        Self { store, clock, backend, settings, owner_url, name, cluster, folder }
    }

    fn cluster(&self) -> &'static Cluster {
        self.cluster.expect("only PostgreSQL is asked through its cluster")
    }

    /// A folder that goes with the test.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Writes a tenant's row, for rooms that stand below tenancy.
    pub async fn tenant(&self) -> TenantScope {
        let id = TenantId::new();
        let (open, close) = if self.backend == Backend::Postgres { ("'", "'::uuid") } else { ("x'", "'") };
        let hex = id.uuid().simple();
        self.tamper(&format!(
            "INSERT INTO tenants (tenant_id, slug, name, currency, region, state, seller_name, created_at) VALUES \
             ({open}{hex}{close}, 's{hex}', 'n', 'CNY', 'CN', 'active', 's', '2026-11-21T08:00:00+00:00')"
        ))
        .await
        .unwrap_or_else(|error| panic!("no tenant: {error}"));
        Platform::assume().tenant(id)
    }

    /// Asks the PostgreSQL database as its superuser; rows as lines.
    pub fn psql(&self, sql: &str) -> String {
        let answer = self.cluster().psql(&self.name, sql);
        answer.unwrap_or_else(|error| panic!("the database refuses {sql}: {error}")).trim_end().to_owned()
    }

    /// Asks the PostgreSQL database as `role`, without the door: row level security has the only word.
    pub fn psql_as(&self, role: &str, sql: &str) -> Result<String, TestError> {
        Ok(self.cluster().psql_as(role, &self.name, sql)?.trim_end().to_owned())
    }

    /// Runs a statement behind the store's back: what an intruder or a broken disk would do.
    pub async fn tamper(&self, sql: &str) -> Result<(), TestError> {
        match self.backend {
            Backend::Postgres => self.cluster().psql(&self.name, sql).map(|_| ()),
            Backend::Sqlite => {
                use sea_orm::ConnectionTrait;
                let owner = Owner::open(&self.owner_url).await.expect("the file opens");
                owner.connection().execute_unprepared(sql).await.expect("the statement runs");
                owner.close().await.expect("the file closes");
                Ok(())
            }
        }
    }
}

async fn migrate(url: &str) {
    let owner = Owner::open(url).await.unwrap_or_else(|error| panic!("the owner cannot connect: {error}"));
    owner.provision_roles("unused", "unused").await.unwrap_or_else(|error| panic!("no roles: {error:?}"));
    migrations::up(&owner).await.unwrap_or_else(|error| panic!("the schema cannot be made: {error:?}"));
    owner.close().await.unwrap_or_else(|error| panic!("the owner cannot leave: {error}"));
}

/// Migrates the template once a cluster; other processes wait for it.
async fn prepare_template(cluster: &'static Cluster) {
    let runtime = tokio::runtime::Handle::current();
    let made = tokio::task::spawn_blocking(move || {
        cluster.once(TEMPLATE, |cluster| {
            cluster.psql("postgres", &format!("CREATE DATABASE {TEMPLATE} OWNER owner"))?;
            runtime.block_on(migrate(&cluster.url("owner", TEMPLATE)));
            Ok(())
        })
    });
    made.await.expect("preparing does not panic").unwrap_or_else(|error| panic!("no template: {error}"));
}
