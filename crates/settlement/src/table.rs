//! The room's tables. Terms and the calendar are the tenant's; a hold is of a site's earner.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

pub(crate) mod terms {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "settlement_terms")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i64,
        pub effective_from: DateTime<Utc>,
        pub terms: String,
        pub created_at: DateTime<Utc>,
        pub created_by: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod calendar_day {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "calendar_days")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        /// As [`kernel::Day::number`].
        #[sea_orm(primary_key, auto_increment = false)]
        pub day: i32,
        pub is_business: bool,
        pub name: String,
        pub changed_at: DateTime<Utc>,
        pub changed_by: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod hold {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "earning_holds")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        pub site_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        /// The agent; the site itself if there is none.
        pub agent_id: Option<Uuid>,
        pub cause: String,
        pub reason: String,
        pub placed_at: DateTime<Utc>,
        pub placed_by: Uuid,
        pub lifted_at: Option<DateTime<Utc>>,
        pub lifted_by: Option<Uuid>,
        pub lift_reason: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

store::tenant_owned!(terms, calendar_day);
store::site_owned!(hold);
