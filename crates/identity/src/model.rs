//! People as the rooms above know them.

use std::fmt;

use kernel::{Platform, SiteId, TenantId, TenantScope};

use crate::error::IdentityError;
use crate::password::PasswordHash;
use crate::rules::{Permission, Role};

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

/// An operator of the platform, with the tenants he may enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// His id.
    pub id: OperatorId,
    /// What he logs in with.
    pub login: String,
    /// What he is called.
    pub name: String,
    memberships: Vec<(TenantId, Role)>,
}

impl Operator {
    pub(crate) const fn new(id: OperatorId, login: String, name: String, memberships: Vec<(TenantId, Role)>) -> Self {
        Self { id, login, name, memberships }
    }

    /// The tenants he may enter, and as what; ascending by tenant.
    pub fn memberships(&self) -> &[(TenantId, Role)] {
        &self.memberships
    }

    /// The scope of a tenant he is a member of in a role that allows `permission`.
    pub fn scope(&self, tenant: TenantId, permission: Permission) -> Result<TenantScope, IdentityError> {
        let role = self.memberships.iter().find(|(id, _)| *id == tenant).map(|(_, role)| *role);
        if role.is_some_and(|role| role.allows(permission)) {
            return Ok(Platform::assume().tenant(tenant));
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
