//! People as the rooms above know them.

use std::fmt;

use kernel::{Platform, SiteId, SiteScope, TenantId, TenantScope};

use crate::error::IdentityError;
use crate::password::PasswordHash;
use crate::rules::{Permission, Reach, Role};

kernel::kinds! {
    /// A customer of a tenant.
    CustomerId = CustomerKind "cus";
    /// An operator of the platform.
    OperatorId = OperatorKind "opr";
}

/// A login as it is looked up: trimmed and in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Login(String);

const LOGIN_CHARS_MAX: usize = 254; // an e-mail address has no more (RFC 5321)

impl Login {
    /// Reads a login as people type it.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let fail = IdentityError::LoginText { chars_max: LOGIN_CHARS_MAX };
        let text = text.trim();
        if text.len() > 4 * LOGIN_CHARS_MAX {
            return Err(fail);
        }
        let text = text.to_lowercase();
        let is_short = (1..=LOGIN_CHARS_MAX).contains(&text.chars().count());
        if !is_short || text.chars().any(char::is_control) {
            return Err(fail);
        }
        Ok(Self(text))
    }

    /// The login as it is looked up.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A customer of a main site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// His id.
    pub id: CustomerId,
    /// The site that won him; he may log in on others of the same main site.
    pub site: SiteId,
    /// What he logs in with.
    pub login: String,
    /// What he is called.
    pub name: String,
}

/// What a customer is to be.
#[derive(Debug, Clone)]
pub struct NewCustomer {
    /// The site that won him.
    pub site: SiteId,
    /// What he logs in with.
    pub login: Login,
    /// What he is called.
    pub name: String,
    /// His first password; a customer who exists keeps his own.
    pub password_hash: PasswordHash,
}

/// What an operator is somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Membership {
    /// The tenant.
    pub tenant: TenantId,
    /// His site; the main site for a role that reaches the whole tenant.
    pub site: SiteId,
    /// As what.
    pub role: Role,
}

/// An operator of the platform, with the tenants and sites he may enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// His id.
    pub id: OperatorId,
    /// What he logs in with.
    pub login: String,
    /// What he is called.
    pub name: String,
    memberships: Vec<Membership>,
}

impl Operator {
    pub(crate) const fn new(id: OperatorId, login: String, name: String, memberships: Vec<Membership>) -> Self {
        Self { id, login, name, memberships }
    }

    /// What he is where; ascending by tenant and site.
    pub fn memberships(&self) -> &[Membership] {
        &self.memberships
    }

    /// The scope of a tenant in which a role that reaches all of it allows `permission`. To whom the tenant, or its
    /// main site, is none of his business, it does not exist.
    pub fn scope(&self, tenant: TenantId, permission: Permission) -> Result<TenantScope, IdentityError> {
        let of_tenant = |one: &&Membership| one.tenant == tenant && one.role.reach() == Reach::Tenant;
        let member = self.memberships.iter().find(of_tenant).ok_or(IdentityError::NoMember)?;
        if member.role.allows(permission) {
            return Ok(Platform::assume().tenant(tenant));
        }
        Err(IdentityError::Forbidden { permission })
    }

    /// The scope of a site that is his own, in a role that allows `permission`. Any other site does not exist, whether
    /// it stands above, below or beside his: what an upper site may see of a lower one has doors of its own.
    pub fn site_scope(
        &self,
        tenant: TenantId,
        site: SiteId,
        permission: Permission,
    ) -> Result<SiteScope, IdentityError> {
        let own = |one: &&Membership| (one.tenant, one.site) == (tenant, site);
        let member = self.memberships.iter().find(own).ok_or(IdentityError::NoMember)?;
        if member.role.allows(permission) {
            return Ok(Platform::assume().tenant(tenant).site(site));
        }
        Err(IdentityError::Forbidden { permission })
    }
}

/// What an operator is to be.
#[derive(Debug, Clone)]
pub struct NewOperator {
    /// What he logs in with.
    pub login: Login,
    /// What he is called.
    pub name: String,
    /// His first password; an operator who exists keeps his own, and his name.
    pub password_hash: PasswordHash,
}
