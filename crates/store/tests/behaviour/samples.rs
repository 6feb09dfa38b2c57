//! Two tables that no room owns, with a column of every type: one a tenant's, one a site's.

use chrono::{DateTime, Utc};
use kernel::TenantScope;
use store::dialect::schema::{Table, Type};
use store::{Inside, Store, Tx, WriteTx};
use testkit::TestDb;
use uuid::Uuid;

pub mod sample {
    use chrono::{DateTime, Utc};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "samples")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        pub state: String,
        pub amount: i64,
        pub number: i32,
        pub truth: bool,
        pub bytes: Vec<u8>,
        pub moment: DateTime<Utc>,
        pub some_id: Option<Uuid>,
        pub some_text: Option<String>,
        pub some_amount: Option<i64>,
        pub some_number: Option<i32>,
        pub some_truth: Option<bool>,
        pub some_bytes: Option<Vec<u8>>,
        pub some_moment: Option<DateTime<Utc>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub mod note {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "notes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub site_id: Uuid,
        pub state: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub mod log_line {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "log_lines")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

store::tenant_owned!(sample, log_line);
store::site_owned!(note);

/// Makes the tables, as a migration would.
pub async fn make_tables(db: &TestDb) {
    let samples = Table::tenant("samples")
        .column("id", Type::Uuid)
        .column("name", Type::Text)
        .column("state", Type::Text)
        .column("amount", Type::BigInt)
        .column("number", Type::Int)
        .column("truth", Type::Bool)
        .column("bytes", Type::Bytes)
        .column("moment", Type::Moment)
        .optional("some_id", Type::Uuid)
        .optional("some_text", Type::Text)
        .optional("some_amount", Type::BigInt)
        .optional("some_number", Type::Int)
        .optional("some_truth", Type::Bool)
        .optional("some_bytes", Type::Bytes)
        .optional("some_moment", Type::Moment)
        .key(&["id"])
        .unique(&["name"])
        .one_of("samples_state", "state", &["free", "taken"]);
    let notes = Table::site("notes").column("id", Type::Uuid).column("state", Type::Text).key(&["id"]);
    let log_lines =
        Table::tenant("log_lines").column("id", Type::Uuid).key(&["id"]).parent("samples", &["id"]).append_only();
    for statement in [samples, notes, log_lines].iter().flat_map(|table| table.statements(db.backend)) {
        db.tamper(&statement).await.expect("the table is made");
    }
}

/// A free sample of the tenant; its name is its own.
pub fn new_sample(scope: &TenantScope) -> sample::Model {
    let id = Uuid::now_v7();
    sample::Model {
        tenant_id: scope.id().uuid(),
        id,
        name: id.to_string(),
        state: "free".to_owned(),
        amount: 0,
        number: 0,
        truth: false,
        bytes: Vec::new(),
        moment: DateTime::<Utc>::UNIX_EPOCH,
        some_id: None,
        some_text: None,
        some_amount: None,
        some_number: None,
        some_truth: None,
        some_bytes: None,
        some_moment: None,
    }
}

/// Writes samples in a transaction of their own.
pub async fn save(store: &Store, scope: &TenantScope, rows: &[sample::Model]) {
    let tx = store.write(scope).await.expect("a writer");
    tx.insert::<sample::Entity>(rows.to_vec()).await.expect("inserted");
    tx.commit().await.expect("committed");
}

/// All samples that the scope sees, in the order of their ids.
pub async fn all(tx: &impl Tx) -> Vec<sample::Model> {
    tx.find::<sample::Entity>().ascending(sample::Column::Id).all().await.expect("read")
}

/// All samples that the scope sees, from a transaction of their own.
pub async fn stored(store: &Store, scope: &impl Inside) -> Vec<sample::Model> {
    all(&store.read(scope).await.expect("a reader")).await
}

/// Commits; for the ends of tests' transactions.
pub async fn commit<S: Inside>(tx: WriteTx<S>) {
    tx.commit().await.expect("committed");
}

/// No ids, for comparing with.
pub const NO_IDS: [Uuid; 0] = [];
