//! Operators of the platform, and the tenants they may enter.

use std::net::IpAddr;

use chrono::TimeDelta;
use kernel::{Allowance, Id, Platform, Secret};
use store::{Store, StoreError};
use tenancy::Saved;

use crate::error::IdentityError;
use crate::limits::{Account, LoginLimits};
use crate::model::{Login, Membership, NewOperator, Operator, OperatorId};
use crate::password::Passwords;
use crate::repo::operators::{self as repo, Directory};
use crate::token::Token;

/// How long an operator stays logged in, whatever he does: a working day.
pub const OPERATOR_SESSION_LIFE: TimeDelta = TimeDelta::hours(12);

/// The operators. Clones share everything.
#[derive(Clone)]
pub struct Operators {
    store: Store,
    pub(super) passwords: Passwords,
    limits: LoginLimits,
}

impl Operators {
    /// Opens nothing, keeps no state of its own.
    pub const fn new(store: Store, passwords: Passwords, limits: LoginLimits) -> Self {
        Self { store, passwords, limits }
    }

    /// Logs an operator in. Unknown, wrong and locked are all `BadLogin`.
    pub async fn log_in(
        &self,
        from: IpAddr,
        login: &str,
        password: &Secret<String>,
    ) -> Result<(Token, Operator), IdentityError> {
        let login = Login::parse(login).map_err(|_| IdentityError::BadLogin)?;
        let account = Account { tenant: None, login: login.clone() };
        self.limits.guard(account, from, self.check(&login, password)).await
    }

    /// Says whether the password of somebody who is logged in is this one, before what a stolen session must not do. A wrong
    /// one is `BadLogin`, and counts like one at a log-in.
    pub async fn confirm(
        &self,
        from: IpAddr,
        operator: &Operator,
        password: &Secret<String>,
    ) -> Result<(), IdentityError> {
        let login = Login::parse(&operator.login).map_err(|_| IdentityError::BadLogin)?;
        let account = Account { tenant: None, login: login.clone() };
        self.limits.guard(account, from, async { self.known(&login, password).await.map(drop) }).await
    }

    /// What is left to a caller at `from` for log-ins of this operator.
    pub fn left_for_login(&self, login: &str, from: IpAddr) -> Vec<Allowance> {
        self.limits.left_for_login(None, login, from)
    }

    /// Whose session this is; nobody's if it ran out or was ended.
    pub async fn authenticate(&self, token: &Token) -> Result<Option<Operator>, IdentityError> {
        let tx = self.store.read_platform(&Platform::assume()).await?;
        repo::by_token(&tx, token).await
    }

    /// Ends the session.
    pub async fn log_out(&self, token: &Token) -> Result<(), IdentityError> {
        let tx = self.store.write_platform(&Platform::assume()).await?;
        repo::end_session(&tx, token).await?;
        Ok(tx.commit().await?)
    }

    /// Makes the operator if the login is new, and gives him this membership; `Changed` names `membership` only. One who exists keeps name and password. Opens its own transaction: on SQLite never
    /// call it inside another one that writes.
    pub async fn save(&self, new: &NewOperator, member: Membership) -> Result<Saved<OperatorId>, IdentityError> {
        match self.save_once(new, member).await {
            // Somebody made the same row meanwhile; it is there now.
            Err(IdentityError::Store(StoreError::Taken { .. })) => self.save_once(new, member).await,
            saved => saved,
        }
    }

    /// The operator with this login.
    pub async fn find(&self, login: &Login) -> Result<Option<Operator>, IdentityError> {
        let tx = self.store.read_platform(&Platform::assume()).await?;
        Ok(repo::by_login(&Directory::Read(&tx), login).await?.map(|known| known.operator))
    }

    async fn save_once(&self, new: &NewOperator, member: Membership) -> Result<Saved<OperatorId>, IdentityError> {
        let tx = self.store.write_platform(&Platform::assume()).await?;
        let saved = match repo::by_login(&Directory::Write(&tx), &new.login).await? {
            None => {
                let id = Id::new();
                repo::insert(&tx, id, new).await?;
                Saved::Created(id)
            }
            Some(known) if known.operator.memberships().contains(&member) => Saved::Same(known.operator.id),
            Some(known) => Saved::Changed(known.operator.id, vec!["membership"]),
        };
        if !matches!(saved, Saved::Same(_)) {
            repo::set_role(&tx, saved.id(), member).await?;
        }
        tx.commit().await?;
        Ok(saved)
    }

    /// Whose login and password these are. No transaction is open while the password is checked.
    async fn known(&self, login: &Login, password: &Secret<String>) -> Result<repo::Known, IdentityError> {
        let known = {
            let tx = self.store.read_platform(&Platform::assume()).await?;
            repo::by_login(&Directory::Read(&tx), login).await?
        };
        let hash = known.as_ref().map(|known| known.password_hash.as_str());
        let is_right = self.passwords.verify(password, hash).await?;
        known.filter(|known| is_right && known.is_active).ok_or(IdentityError::BadLogin)
    }

    /// What was checked must still be so afterwards.
    async fn check(&self, login: &Login, password: &Secret<String>) -> Result<(Token, Operator), IdentityError> {
        let known = self.known(login, password).await?;
        let token = Token::new();
        let tx = self.store.write_platform(&Platform::assume()).await?;
        if repo::by_login(&Directory::Write(&tx), login).await?.as_ref() != Some(&known) {
            return Err(IdentityError::BadLogin);
        }
        repo::begin_session(&tx, known.operator.id, &token, OPERATOR_SESSION_LIFE).await?;
        tx.commit().await?;
        Ok((token, known.operator))
    }
}
