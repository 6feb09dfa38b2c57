//! Who owns a table's rows. A table without such a declaration cannot be reached through the door.

use kernel::{Scope, SiteScope, TenantId, TenantScope};
use sea_orm::EntityTrait;

/// A scope inside a tenant.
pub trait Inside: Scope {
    /// The tenant.
    fn tenant(&self) -> TenantId;
}

impl Inside for TenantScope {
    fn tenant(&self) -> TenantId {
        self.id()
    }
}

impl Inside for SiteScope {
    fn tenant(&self) -> TenantId {
        SiteScope::tenant(self)
    }
}

/// A table whose rows belong to a tenant, and maybe to one of its sites.
pub trait TenantOwned: EntityTrait {
    /// The column that holds the tenant.
    fn tenant_column() -> Self::Column;
    /// The column that holds the site, where a site may see its own rows only.
    fn site_column() -> Option<Self::Column> {
        None
    }
}

/// A table that platform transactions may read across tenants: the directory, never cards or keys.
/// On PostgreSQL each such table has a policy for the platform role; a test compares both lists.
pub trait Listed: EntityTrait {}

/// Declares an entity's rows as a tenant's: `tenant_owned!(sku)` for the module `sku`.
#[macro_export]
macro_rules! tenant_owned {
    ($($module:ident),+ $(,)?) => {$(
        impl $crate::TenantOwned for $module::Entity {
            fn tenant_column() -> $module::Column {
                $module::Column::TenantId
            }
        }
    )+};
}

/// Declares an entity's rows as a site's: a `SiteScope` sees its own rows, a `TenantScope` all of the tenant's.
#[macro_export]
macro_rules! site_owned {
    ($($module:ident),+ $(,)?) => {$(
        impl $crate::TenantOwned for $module::Entity {
            fn tenant_column() -> $module::Column {
                $module::Column::TenantId
            }
            fn site_column() -> Option<$module::Column> {
                Some($module::Column::SiteId)
            }
        }
    )+};
}
