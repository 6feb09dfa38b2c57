//! Customers of a tenant, on its sites.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use kernel::{Id, Secret, SiteId, SiteScope, TenantScope};
use store::{ScopedCache, Store, StoreError, Tx, WriteTx};
use tenancy::Saved;

use super::renewals::Renewals;
use crate::error::IdentityError;
use crate::limits::{Account, LoginLimits};
use crate::model::{Customer, CustomerId, Login, NewCustomer};
use crate::password::Passwords;
use crate::repo::customers as repo;
use crate::token::Token;

/// How long a customer stays logged in, whatever he does.
pub const CUSTOMER_SESSION_LIFE: TimeDelta = TimeDelta::days(30);

/// The customers of all tenants, each reached through a scope. Clones share everything.
#[derive(Clone)]
pub struct Customers {
    store: Store,
    passwords: Passwords,
    limits: LoginLimits,
    known: ScopedCache<Session, Customer>,
    renewals: Renewals,
}

/// A session by its site and the hash of its token.
type Session = (SiteId, Vec<u8>);

/// Sessions that are known without asking the database.
const SESSIONS_KNOWN_MAX: u64 = 100_000;
/// For how long: so late another node hears that somebody has logged out.
const SESSION_KNOWN: Duration = Duration::from_secs(1);
/// Somebody who is here for longer is read anew when so little of that is left, together with the others of his site:
/// of a crowd that buys each session would be a query a second else.
const SESSION_DUE: TimeDelta = TimeDelta::milliseconds(600);

impl Customers {
    /// Nobody is known yet.
    pub fn new(store: Store, passwords: Passwords, limits: LoginLimits) -> Self {
        let known = ScopedCache::new(Arc::new(store.clone()), SESSIONS_KNOWN_MAX, SESSION_KNOWN);
        Self { store, passwords, limits, known, renewals: Renewals::default() }
    }

    /// Logs a customer of the site's tenant in on this site. Unknown, wrong and locked are all `BadLogin`.
    pub async fn log_in(
        &self,
        scope: &SiteScope,
        from: IpAddr,
        login: &str,
        password: &Secret<String>,
    ) -> Result<(Token, Customer), IdentityError> {
        let login = Login::parse(login).map_err(|_| IdentityError::BadLogin)?;
        let account = Account { tenant: Some(scope.tenant()), login: login.clone() };
        self.limits.guard(account, from, self.check(scope, &login, password)).await
    }

    /// Says whether the password of somebody who is logged in is this one, before what a stolen session must not do. A wrong
    /// one is `BadLogin`, and counts like one at a log-in.
    pub async fn confirm(
        &self,
        scope: &SiteScope,
        from: IpAddr,
        customer: &Customer,
        password: &Secret<String>,
    ) -> Result<(), IdentityError> {
        let login = Login::parse(&customer.login).map_err(|_| IdentityError::BadLogin)?;
        let account = Account { tenant: Some(scope.tenant()), login: login.clone() };
        self.limits.guard(account, from, async { self.known(scope, &login, password).await.map(drop) }).await
    }

    /// Makes a customer whom this site wins, and logs him in on it. A login that a customer of the main site has,
    /// on whichever of its sites, is `LoginTaken`.
    pub async fn register(
        &self,
        scope: &SiteScope,
        from: IpAddr,
        (login, name): (&Login, &str),
        password: &Secret<String>,
    ) -> Result<(Token, Customer), IdentityError> {
        let made = async {
            let password_hash = self.passwords.of(scope.tenant()).hash(password).await?;
            let new = NewCustomer { site: scope.site(), login: login.clone(), name: name.to_owned(), password_hash };
            let id = Id::new();
            let engine = scope.engine();
            let insert = async |tx: &_| Ok::<_, IdentityError>(repo::insert(tx, id, &new).await?);
            if !self.store.transact(&engine, insert).await? {
                return Err(IdentityError::LoginTaken);
            }
            Ok(Customer { id, site: new.site, login: login.to_string(), name: new.name })
        };
        let customer = self.limits.guard_new(from, made).await?;
        let token = Token::new();
        let begun = self.store.transact(scope, async |tx| {
            Ok::<_, IdentityError>(repo::begin_session(tx, customer.id, &token, CUSTOMER_SESSION_LIFE).await?)
        });
        begun.await?;
        Ok((token, customer))
    }

    /// Whose session this is on this site; nobody's if it ran out, was ended, or is another site's. What was read a
    /// moment ago is not read again: who buys or browses asks many times a second, and a crowd even more often.
    pub async fn authenticate(&self, scope: &SiteScope, token: &Token) -> Result<Option<Customer>, IdentityError> {
        let (engine, session) = (scope.engine(), (scope.site(), token.hash()));
        if let Some((known, until)) = self.known.get_until(&engine, &session) {
            if until - self.store.time() < SESSION_DUE {
                self.renewals.note(self, scope, session.1);
            }
            return Ok(Some(known));
        }
        let (store, scope) = (self.store.clone(), *scope);
        let read = move |sessions| read(store, scope, sessions);
        let mut known = self.known.get_all(&engine, std::slice::from_ref(&session), read).await?;
        Ok(known.remove(&session))
    }

    pub(super) const fn renewals(&self) -> &Renewals {
        &self.renewals
    }

    /// How long ago these sessions were read, those that are known.
    #[cfg(test)]
    pub(crate) fn ages(&self, scope: &SiteScope, tokens: &[Token]) -> Vec<TimeDelta> {
        let known = |token: &Token| self.known.get_until(&scope.engine(), &(scope.site(), token.hash()));
        let life = TimeDelta::from_std(SESSION_KNOWN).expect("it is short");
        tokens.iter().filter_map(known).map(|(_, until)| self.store.time() + life - until).collect()
    }

    /// Reads these sessions of the site anew.
    pub(crate) async fn renew(&self, scope: &SiteScope, hashes: impl IntoIterator<Item = Vec<u8>>) {
        let sessions: Vec<Session> = hashes.into_iter().map(|hash| (scope.site(), hash)).collect();
        let (store, scope) = (self.store.clone(), *scope);
        let read = move |sessions| read(store, scope, sessions);
        // What is not read now is asked for one by one, by those who wait for it and hear why they cannot have it.
        let _ = self.known.renew(&scope.engine(), &sessions, read).await;
    }

    /// Ends the session, if it is one of this site; at once on this node, and a moment later on others.
    pub async fn log_out(&self, scope: &SiteScope, token: &Token) -> Result<(), IdentityError> {
        let ended = self.store.transact(scope, async |tx| Ok::<_, IdentityError>(repo::end_session(tx, token).await?));
        ended.await?;
        self.known.remove(&scope.engine(), &[(scope.site(), token.hash())]);
        Ok(())
    }

    /// Makes the customer, or gives the one with this login the new name. One who exists keeps his password
    /// and the site that won him.
    pub async fn save_in(
        &self,
        tx: &WriteTx<TenantScope>,
        new: &NewCustomer,
    ) -> Result<Saved<CustomerId>, IdentityError> {
        let id = Id::new();
        if repo::insert(tx, id, new).await? {
            return Ok(Saved::Created(id));
        }
        let unreadable = IdentityError::Unreadable { column: "customers.login" };
        let is = repo::by_login(tx, &new.login).await?.ok_or(unreadable)?.customer;
        if is.name == new.name {
            return Ok(Saved::Same(is.id));
        }
        repo::rename(tx, is.id, &new.name).await?;
        Ok(Saved::Changed(is.id, vec!["name"]))
    }

    /// The tenant's customer with this login.
    pub async fn find_in(&self, tx: &impl Tx, login: &Login) -> Result<Option<Customer>, IdentityError> {
        Ok(repo::by_login(tx, login).await?.map(|known| known.customer))
    }

    /// What these customers log in with; unknown ones are left out.
    pub async fn logins_in(
        &self,
        tx: &impl Tx,
        ids: &[CustomerId],
    ) -> Result<HashMap<CustomerId, String>, IdentityError> {
        Ok(repo::logins(tx, ids).await?)
    }

    /// Whose login and password these are. No transaction is open while the password is checked.
    async fn known(
        &self,
        scope: &SiteScope,
        login: &Login,
        password: &Secret<String>,
    ) -> Result<repo::Known, IdentityError> {
        let known = {
            let tx = self.store.read(scope).await?;
            repo::by_login(&tx, login).await?
        };
        let hash = known.as_ref().map(|known| known.password_hash.as_str());
        let is_right = self.passwords.of(scope.tenant()).verify(password, hash).await?;
        known.filter(|known| is_right && known.is_active).ok_or(IdentityError::BadLogin)
    }

    /// What was checked must still be so afterwards.
    async fn check(
        &self,
        scope: &SiteScope,
        login: &Login,
        password: &Secret<String>,
    ) -> Result<(Token, Customer), IdentityError> {
        let known = self.known(scope, login, password).await?;
        let token = Token::new();
        let begun = self.store.transact(scope, async |tx| {
            if repo::by_login(tx, login).await?.as_ref() != Some(&known) {
                return Err(IdentityError::BadLogin);
            }
            Ok(repo::begin_session(tx, known.customer.id, &token, CUSTOMER_SESSION_LIFE).await?)
        });
        begun.await?;
        Ok((token, known.customer))
    }
}

/// Reads sessions of one site, all of them at once.
async fn read(
    store: Store,
    scope: SiteScope,
    sessions: Vec<Session>,
) -> Result<HashMap<Session, Customer>, StoreError> {
    let hashes: Vec<Vec<u8>> = sessions.into_iter().map(|(_, hash)| hash).collect();
    let tx = store.read(&scope).await?;
    let customers = repo::by_hashes(&tx, &hashes).await?;
    Ok(customers.into_iter().map(|(hash, customer)| ((scope.site(), hash), customer)).collect())
}
