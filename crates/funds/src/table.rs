//! The room's tables. What is handed on concerns two sites, so it is the tenant's: a site asks for it by its own id.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

pub(crate) mod batch {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "recharge_batches")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        pub face_minor: i64,
        pub currency: String,
        pub card_count: i32,
        pub origin: String,
        pub expires_at: Option<DateTime<Utc>>,
        pub request_key: String,
        pub fingerprint: Vec<u8>,
        pub created_at: DateTime<Utc>,
        pub created_by: Uuid,
        pub voided_at: Option<DateTime<Utc>>,
        pub voided_by: Option<Uuid>,
        pub void_reason: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod card {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "recharge_cards")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub batch_id: Uuid,
        pub number: i32,
        pub state: String,
        pub hash: Vec<u8>,
        pub sealed: Vec<u8>,
        pub key_version: i32,
        pub customer_id: Option<Uuid>,
        pub site_id: Option<Uuid>,
        pub redeemed_at: Option<DateTime<Utc>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod export {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "recharge_exports")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub batch_id: Uuid,
        pub exported_by: Uuid,
        pub reason: String,
        pub created_at: DateTime<Utc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod adjustment {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "adjustments")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub customer_id: Option<Uuid>,
        pub site_id: Option<Uuid>,
        pub amount_minor: i64,
        pub currency: String,
        pub cause: String,
        pub reason: String,
        pub state: String,
        pub requested_at: DateTime<Utc>,
        pub requested_by: Uuid,
        pub decided_at: Option<DateTime<Utc>>,
        pub decided_by: Option<Uuid>,
        pub note: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod credit {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "site_credits")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub site_id: Uuid,
        pub credit_minor: i64,
        pub alert_below_minor: Option<i64>,
        pub low_since: Option<DateTime<Utc>>,
        pub currency: String,
        pub version: i64,
        pub changed_at: DateTime<Utc>,
        pub changed_by: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod prepaid_move {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "prepaid_moves")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub from_site_id: Uuid,
        pub to_site_id: Uuid,
        pub amount_minor: i64,
        pub currency: String,
        pub note: Option<String>,
        pub made_at: DateTime<Utc>,
        pub made_by: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

store::tenant_owned!(batch, card, export, adjustment, prepaid_move);
store::site_owned!(credit);
