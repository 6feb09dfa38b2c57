//! The room's tables. Rules and payouts are the tenant's; payees and withdrawals are of a site's earner.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

pub(crate) mod rules {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "withdrawal_rules")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i64,
        pub effective_from: DateTime<Utc>,
        pub rules: String,
        pub created_at: DateTime<Utc>,
        pub created_by: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod payee {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "payees")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        pub site_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        /// The agent's id, or the site's.
        pub earner_id: Uuid,
        /// The agent; the site itself if there is none.
        pub agent_id: Option<Uuid>,
        pub means: String,
        pub sealed: Vec<u8>,
        pub key_version: i32,
        pub holder_masked: String,
        pub number_masked: String,
        pub usable_from: DateTime<Utc>,
        pub created_at: DateTime<Utc>,
        pub created_by: Uuid,
        pub removed_at: Option<DateTime<Utc>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod payee_name {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "payee_names")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        pub site_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub earner_id: Uuid,
        pub agent_id: Option<Uuid>,
        pub sealed: Vec<u8>,
        pub key_version: i32,
        pub checked_at: Option<DateTime<Utc>>,
        pub checked_by: Option<Uuid>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod payout {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "payouts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub count: i32,
        pub currency: String,
        pub net_minor: i64,
        pub created_at: DateTime<Utc>,
        pub created_by: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod withdrawal {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "withdrawals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        pub site_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        /// The agent's id, or the site's.
        pub earner_id: Uuid,
        /// The agent; the site itself if there is none.
        pub agent_id: Option<Uuid>,
        pub currency: String,
        pub amount_minor: i64,
        pub state: String,
        pub rules_version: i64,
        pub payee_id: Option<Uuid>,
        pub invoice: Option<String>,
        pub requested_at: DateTime<Utc>,
        pub requested_by: Uuid,
        pub approved_by: Option<Uuid>,
        pub seconded_by: Option<Uuid>,
        pub payout_id: Option<Uuid>,
        pub net_minor: Option<i64>,
        pub fee_minor: Option<i64>,
        pub tax_minor: Option<i64>,
        pub changed_at: DateTime<Utc>,
        pub note: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod event {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "withdrawal_events")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        pub site_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub withdrawal_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub kind: String,
        pub happened_at: DateTime<Utc>,
        pub done_by: Uuid,
        pub note: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

store::tenant_owned!(rules, payout);
store::site_owned!(payee, payee_name, withdrawal, event);
