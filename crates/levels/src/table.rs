//! The room's tables. Rules and days are the tenant's; what somebody sold and where he stands is his site's.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

pub(crate) mod rules {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "level_rules")]
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

/// A day that was counted. As [`kernel::Day::number`], like all days here.
pub(crate) mod day {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "level_days")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub day: i32,
        pub counted_at: DateTime<Utc>,
        /// When everybody, or who was to fall, was judged by the days until this one.
        pub judged_at: Option<DateTime<Utc>>,
        /// Whether it was everybody.
        pub is_whole: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod figure {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "level_figures")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        pub site_id: Uuid,
        /// A site or an agent.
        #[sea_orm(primary_key, auto_increment = false)]
        pub owner_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub day: i32,
        pub sales_minor: i64,
        pub orders: i64,
        pub complaints: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod buyer {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "level_buyers")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        pub site_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub owner_id: Uuid,
        /// 16 bytes that stand for an account, or for a guest's contact.
        #[sea_orm(primary_key, auto_increment = false)]
        pub buyer: Vec<u8>,
        pub last_day: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod standing {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "level_standings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        pub site_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub side: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub owner_id: Uuid,
        pub level: Option<String>,
        pub since: i32,
        pub warned_to: Option<String>,
        pub warned_for: Option<i32>,
        pub pin_reason: Option<String>,
        pub pinned_by: Option<Uuid>,
        pub pinned_at: Option<DateTime<Utc>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod change {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "level_changes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        pub site_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub side: String,
        pub owner_id: Uuid,
        pub at: DateTime<Utc>,
        pub what: String,
        pub from_level: Option<String>,
        pub to_level: Option<String>,
        pub takes_effect: Option<i32>,
        /// Sales in minor units, buyers, orders and complaints, with commas between.
        pub figures: Option<String>,
        pub rules_version: Option<i64>,
        pub reason: Option<String>,
        pub decided_by: Option<Uuid>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

store::tenant_owned!(rules, day);
store::site_owned!(figure, buyer, standing, change);
