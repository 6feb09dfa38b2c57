//! Passwords for new people: generated and hashed before the transaction begins, because hashing is slow on purpose.

use std::collections::BTreeMap;

use identity::{Login, NewCustomer, NewOperator, PasswordHash, Passwords};
use kernel::{Secret, SiteId};
use tenancy::Saved;

use crate::error::LaunchError;
use crate::pack::PackPerson;

/// A password and its hash.
pub(crate) struct Prepared {
    pub password: Secret<String>,
    pub hash: PasswordHash,
}

/// The passwords of the people that were not there when the pack was looked at.
pub(crate) struct People {
    pub customers: BTreeMap<Login, Prepared>,
    pub operators: BTreeMap<Login, Prepared>,
    /// The hash of a password that nobody knows, for people who have one already.
    spare: PasswordHash,
}

impl Prepared {
    pub(crate) async fn new(passwords: &Passwords) -> Result<Self, LaunchError> {
        let password = Passwords::generate();
        let hash = passwords.hash(&password).await?;
        Ok(Self { password, hash })
    }
}

impl People {
    /// Nobody yet.
    pub(crate) async fn none(passwords: &Passwords) -> Result<Self, LaunchError> {
        Ok(Self { customers: BTreeMap::new(), operators: BTreeMap::new(), spare: Prepared::new(passwords).await?.hash })
    }

    /// A password for somebody who will not be there, in a dry run.
    pub(crate) fn nobodys(&self) -> Prepared {
        Prepared { password: Secret::new(String::new()), hash: self.spare.clone() }
    }

    pub(crate) fn customer(&self, site: SiteId, person: &PackPerson) -> NewCustomer {
        let prepared = self.customers.get(&person.login);
        let password_hash = prepared.map_or(&self.spare, |prepared| &prepared.hash).clone();
        NewCustomer { site, login: person.login.clone(), name: person.name.clone(), password_hash }
    }

    pub(crate) fn operator(&self, person: &PackPerson) -> NewOperator {
        let prepared = self.operators.get(&person.login);
        let password_hash = prepared.map_or(&self.spare, |prepared| &prepared.hash).clone();
        NewOperator { login: person.login.clone(), name: person.name.clone(), password_hash }
    }

    /// Whether the customer was made with a password that nobody knows: he was there before, and is gone.
    pub(crate) fn is_locked_out<I>(&self, login: &Login, saved: &Saved<I>) -> bool {
        matches!(saved, Saved::Created(_)) && !self.customers.contains_key(login)
    }
}
