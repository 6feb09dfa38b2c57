//! The tables of tenants, sites and hosts. All three are listed: the directory is read before a tenant is known.

pub(crate) mod tenant {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tenants")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: uuid::Uuid,
        pub slug: String,
        pub name: String,
        pub currency: String,
        pub region: String,
        pub state: String,
        pub seller_name: String,
        pub seller_licence: Option<String>,
        pub created_at: chrono::DateTime<chrono::Utc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod site {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sites")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: uuid::Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: uuid::Uuid,
        pub parent_id: Option<uuid::Uuid>,
        pub depth: i32,
        pub slug: String,
        pub state: String,
        pub name_zh: String,
        pub name_en: String,
        pub tagline_zh: String,
        pub tagline_en: String,
        pub notice_zh: String,
        pub notice_en: String,
        pub theme: String,
        pub mode: String,
        pub level: Option<String>,
        pub support: Option<String>,
        pub limits: Option<String>,
        pub sections: Option<String>,
        pub tokens: Option<String>,
        pub home_host: Option<String>,
        pub created_at: chrono::DateTime<chrono::Utc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod host {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "hosts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: uuid::Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub host: String,
        pub site_id: uuid::Uuid,
        pub created_at: chrono::DateTime<chrono::Utc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

store::tenant_owned!(tenant, site, host);
impl store::Listed for tenant::Entity {}
impl store::Listed for site::Entity {}
impl store::Listed for host::Entity {}
