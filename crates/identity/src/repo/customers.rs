//! A tenant's customers and their sessions.

use std::collections::HashMap;

use chrono::TimeDelta;
use kernel::{Id, SiteScope, TenantScope};
use sea_orm::{ColumnTrait, Condition};
use store::{Rows, StoreError, Tx, WriteTx};

use super::{ACTIVE, SESSIONS_MAX};
use crate::model::{Customer, CustomerId, Login, NewCustomer};
use crate::table::{customer, customer_session};
use crate::token::Token;

/// A customer's row, for the one place that checks his password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub customer: Customer,
    pub password_hash: String,
    pub is_active: bool,
}

pub(crate) async fn by_login(tx: &impl Tx, login: &Login) -> Result<Option<Known>, StoreError> {
    let row = tx.find::<customer::Entity>().filter(customer::Column::Login.eq(login.as_str())).one().await?;
    Ok(row.map(read))
}

/// What these customers log in with.
pub(crate) async fn logins(tx: &impl Tx, ids: &[CustomerId]) -> Result<HashMap<CustomerId, String>, StoreError> {
    let find = tx.find::<customer::Entity>().among(customer::Column::Id, ids.iter().map(|id| id.uuid()));
    let rows: Vec<(uuid::Uuid, String)> = find.columns([customer::Column::Id, customer::Column::Login]).await?;
    Ok(rows.into_iter().map(|(id, login)| (Id::from_uuid(id), login)).collect())
}

/// Whether the row is new; it is not if the login exists.
pub(crate) async fn insert(tx: &WriteTx<TenantScope>, id: CustomerId, new: &NewCustomer) -> Result<bool, StoreError> {
    let row = customer::Model {
        tenant_id: tx.scope().id().uuid(),
        id: id.uuid(),
        site_id: new.site.uuid(),
        login: new.login.to_string(),
        name: new.name.clone(),
        password_hash: new.password_hash.text().to_owned(),
        state: ACTIVE.to_owned(),
        created_at: tx.now(),
    };
    let new: Vec<uuid::Uuid> = tx.insert_new(Rows::<customer::Entity>::of([row]), customer::Column::Id).await?;
    Ok(!new.is_empty())
}

pub(crate) async fn rename(tx: &WriteTx<TenantScope>, id: CustomerId, name: &str) -> Result<(), StoreError> {
    let update = tx.update::<customer::Entity>().filter(customer::Column::Id.eq(id.uuid()));
    update.set(customer::Column::Name, name).run().await.map(|_| ())
}

/// Begins a session on the scope's site, and ends the customer's sessions there that are over or too many.
pub(crate) async fn begin_session(
    tx: &WriteTx<SiteScope>,
    id: CustomerId,
    token: &Token,
    life: TimeDelta,
) -> Result<(), StoreError> {
    use customer_session::Column;
    let own = Column::CustomerId.eq(id.uuid());
    tx.delete::<customer_session::Entity>()
        .filter(Condition::all().add(own.clone()).add(Column::ExpiresAt.lte(tx.now())))
        .run()
        .await?;
    let older: Vec<(Vec<u8>,)> = tx
        .find::<customer_session::Entity>()
        .filter(own)
        .descending(Column::CreatedAt)
        .columns([Column::TokenHash])
        .await?;
    for (token_hash,) in older.into_iter().skip(SESSIONS_MAX - 1) {
        tx.delete::<customer_session::Entity>().filter(Column::TokenHash.eq(token_hash)).run().await?;
    }
    let row = customer_session::Model {
        tenant_id: tx.scope().tenant().uuid(),
        site_id: tx.scope().site().uuid(),
        token_hash: token.hash(),
        customer_id: id.uuid(),
        created_at: tx.now(),
        expires_at: tx.now() + life,
    };
    tx.insert::<customer_session::Entity>([row]).await
}

/// The active customers whose sessions on the scope's site, by the hashes of their tokens, have not run out.
pub(crate) async fn by_hashes(tx: &impl Tx, hashes: &[Vec<u8>]) -> Result<HashMap<Vec<u8>, Customer>, StoreError> {
    use customer_session::Column;
    let sessions = tx.find::<customer_session::Entity>().among(Column::TokenHash, hashes.iter().cloned());
    let sessions = sessions.filter(Column::ExpiresAt.gt(tx.now()));
    let sessions: Vec<(Vec<u8>, uuid::Uuid)> = sessions.columns([Column::TokenHash, Column::CustomerId]).await?;
    if sessions.is_empty() {
        return Ok(HashMap::new());
    }
    let active = tx.find::<customer::Entity>().filter(customer::Column::State.eq(ACTIVE));
    let active = active.among(customer::Column::Id, sessions.iter().map(|(_, id)| *id)).all().await?;
    let active: HashMap<uuid::Uuid, Customer> = active.into_iter().map(|row| (row.id, read(row).customer)).collect();
    Ok(sessions.into_iter().filter_map(|(hash, id)| Some((hash, active.get(&id)?.clone()))).collect())
}

pub(crate) async fn end_session(tx: &WriteTx<SiteScope>, token: &Token) -> Result<(), StoreError> {
    let delete = tx.delete::<customer_session::Entity>();
    delete.filter(customer_session::Column::TokenHash.eq(token.hash())).run().await.map(|_| ())
}

fn read(row: customer::Model) -> Known {
    Known {
        customer: Customer {
            id: Id::from_uuid(row.id),
            site: Id::from_uuid(row.site_id),
            login: row.login,
            name: row.name,
        },
        password_hash: row.password_hash,
        is_active: row.state == ACTIVE,
    }
}
