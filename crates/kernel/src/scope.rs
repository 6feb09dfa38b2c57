//! Scopes: whose rows a piece of code may touch.
//!
//! Invariant: scopes only narrow. `Platform` gives a `TenantScope`, that gives a `SiteScope`; there is no way up.
//! The fields are private, and `Platform::assume` may be called only where a tenant is not yet known
//! (start-up, the directory, the outbox runner, tests): `cargo xtask tidy` keeps the list.

use crate::id::{SiteId, TenantId};

/// What the store needs to know of a scope.
pub trait Scope: Clone + Send + Sync + 'static {
    /// The tenant whose rows are visible, if the scope is inside one.
    fn tenant_id(&self) -> Option<TenantId>;
    /// The site whose rows are visible, if the scope is inside one.
    fn site_id(&self) -> Option<SiteId>;
}

/// The whole installation. Sees platform tables and the directory, never a tenant's cards or keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform(());

/// One tenant with all its sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantScope {
    tenant: TenantId,
}

/// One site of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SiteScope {
    tenant: TenantScope,
    site: SiteId,
}

impl Platform {
    /// The top of the scopes; see the module's invariant for who may call this.
    pub const fn assume() -> Self {
        Self(())
    }

    /// Narrows to a tenant.
    pub const fn tenant(&self, tenant: TenantId) -> TenantScope {
        TenantScope { tenant }
    }
}

impl TenantScope {
    /// The tenant.
    pub const fn id(&self) -> TenantId {
        self.tenant
    }

    /// Narrows to a site. Whether the site is this tenant's own is for the rows to say: a foreign id finds none.
    pub const fn site(&self, site: SiteId) -> SiteScope {
        SiteScope { tenant: *self, site }
    }
}

impl SiteScope {
    /// The tenant the site belongs to.
    pub const fn tenant(&self) -> TenantId {
        self.tenant.tenant
    }

    /// The site.
    pub const fn site(&self) -> SiteId {
        self.site
    }

    /// The tenant's scope, for commands that the site's visitor sends to the shared engines.
    ///
    /// This is the one step up, and it is safe because it names the site's own tenant only; reading
    /// handlers stay in the `SiteScope`.
    pub const fn engine(&self) -> TenantScope {
        self.tenant
    }
}

impl Scope for Platform {
    fn tenant_id(&self) -> Option<TenantId> {
        None
    }
    fn site_id(&self) -> Option<SiteId> {
        None
    }
}

impl Scope for TenantScope {
    fn tenant_id(&self) -> Option<TenantId> {
        Some(self.tenant)
    }
    fn site_id(&self) -> Option<SiteId> {
        None
    }
}

impl Scope for SiteScope {
    fn tenant_id(&self) -> Option<TenantId> {
        Some(self.tenant.tenant)
    }
    fn site_id(&self) -> Option<SiteId> {
        Some(self.site)
    }
}
