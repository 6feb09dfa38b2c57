//! Giving somebody a role from outside of a pack.

use kernel::Secret;
use tenancy::Saved;

use super::Operators;
use crate::error::IdentityError;
use crate::model::{Login, Membership, NewOperator, OperatorId};
use crate::password::Passwords;

/// Somebody who has a role now.
#[derive(Debug)]
pub struct Appointed {
    /// His id.
    pub id: OperatorId,
    /// The password that was made for him, if his log-in is new. It is kept nowhere else.
    pub password: Option<Secret<String>>,
}

impl Operators {
    /// Gives the operator with this log-in a role, and makes him first if there is none. One who exists keeps name and
    /// password. Opens its own transaction, as [`Operators::save`] does.
    pub async fn appoint(&self, login: Login, name: String, member: Membership) -> Result<Appointed, IdentityError> {
        // Made whether it is needed or not, so that the time taken does not tell who has a log-in.
        let password = Passwords::generate();
        let password_hash = self.passwords.hash(&password).await?;
        let saved = self.save(&NewOperator { login, name, password_hash }, member).await?;
        let id = saved.id();
        Ok(Appointed { id, password: matches!(saved, Saved::Created(_)).then_some(password) })
    }
}
