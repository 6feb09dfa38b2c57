//! The tables of this room.

pub(crate) mod category {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "categories")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: uuid::Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: uuid::Uuid,
        pub code: String,
        pub name_zh: String,
        pub name_en: String,
        pub sort: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod goods {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "goods")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: uuid::Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: uuid::Uuid,
        pub category_id: uuid::Uuid,
        pub code: String,
        pub kind: String,
        pub form: String,
        pub fulfil_within_hours: i32,
        /// By when a buyer may ask for his money back; nothing is the usual rule.
        pub refund_rule: Option<String>,
        /// The levels of sub-sites that may sell them, with commas between.
        pub site_levels: Option<String>,
        pub state: String,
        pub title_zh: String,
        pub title_en: String,
        pub description_zh: String,
        pub description_en: String,
        pub art: Option<String>,
        pub sort: i32,
        pub created_at: chrono::DateTime<chrono::Utc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod sku {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "skus")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: uuid::Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: uuid::Uuid,
        pub goods_id: uuid::Uuid,
        pub code: String,
        pub state: String,
        pub name_zh: String,
        pub name_en: String,
        pub currency: String,
        pub face_value_minor: Option<i64>,
        pub cost_minor: i64,
        pub price_minor: i64,
        pub quantity_max: i32,
        pub sort: i32,
        pub epoch: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod price_rule {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "price_rules")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: uuid::Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: uuid::Uuid,
        pub site_id: uuid::Uuid,
        pub code: String,
        pub audience: String,
        pub level: Option<String>,
        pub subject_id: Option<uuid::Uuid>,
        pub scope: String,
        pub target_id: Option<uuid::Uuid>,
        pub quantity_min: i32,
        pub valid_from: Option<chrono::DateTime<chrono::Utc>>,
        pub valid_until: Option<chrono::DateTime<chrono::Utc>>,
        pub kind: String,
        pub currency: Option<String>,
        pub value_minor: Option<i64>,
        pub value_ppm: Option<i64>,
        pub template_id: Option<uuid::Uuid>,
        pub rounding: String,
        pub loss_cap_minor: Option<i64>,
        pub floor_minor: Option<i64>,
        pub markup_max_ppm: Option<i64>,
        pub version: i64,
        pub created_at: chrono::DateTime<chrono::Utc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod price_template {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "price_templates")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: uuid::Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: uuid::Uuid,
        pub site_id: uuid::Uuid,
        pub code: String,
        pub name_zh: String,
        pub name_en: String,
        pub created_at: chrono::DateTime<chrono::Utc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod price_template_band {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "price_template_bands")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: uuid::Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub template_id: uuid::Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub from_minor: i64,
        pub currency: String,
        pub add_minor: Option<i64>,
        pub add_ppm: Option<i64>,
        pub rounding: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// One row a tenant: how often any of its price rules or templates changed, and how often these or anything else of
/// its catalogue did.
pub(crate) mod price_epoch {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "price_epochs")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: uuid::Uuid,
        pub epoch: i64,
        pub catalog_epoch: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

store::tenant_owned!(category, goods, sku, price_rule, price_template, price_template_band, price_epoch);
