//! The platform's operators, their memberships and sessions.

use chrono::TimeDelta;
use kernel::{Id, Platform};
use sea_orm::{ColumnTrait, Condition};
use store::{ReadTx, StoreError, WriteTx};

use super::{ACTIVE, SESSIONS_MAX};
use crate::error::IdentityError;
use crate::model::{Login, Membership, NewOperator, Operator, OperatorId};
use crate::rules::Role;
use crate::table::{membership, operator, operator_session};
use crate::token::Token;

const MEMBERSHIPS_MAX: u64 = 1_000;

/// An operator's row, for the one place that checks his password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub operator: Operator,
    pub password_hash: String,
    pub is_active: bool,
}

/// The rows of a platform transaction, for reading or for writing.
pub(crate) enum Directory<'t> {
    Read(&'t ReadTx<Platform>),
    Write(&'t WriteTx<Platform>),
}

impl Directory<'_> {
    fn list<E: store::Listed>(&self) -> store::Find<'_, E> {
        match self {
            Self::Read(tx) => tx.list::<E>(),
            Self::Write(tx) => tx.list::<E>(),
        }
    }
}

pub(crate) async fn by_login(directory: &Directory<'_>, login: &Login) -> Result<Option<Known>, IdentityError> {
    let row = directory.list::<operator::Entity>().filter(operator::Column::Login.eq(login.as_str())).one().await?;
    match row {
        Some(row) => Ok(Some(with_memberships(directory, row).await?)),
        None => Ok(None),
    }
}

/// The active operator whose session has not run out.
pub(crate) async fn by_token(tx: &ReadTx<Platform>, token: &Token) -> Result<Option<Operator>, IdentityError> {
    use operator_session::Column;
    let live = Condition::all().add(Column::TokenHash.eq(token.hash())).add(Column::ExpiresAt.gt(tx.time()));
    let Some(session) = tx.list::<operator_session::Entity>().filter(live).one().await? else {
        return Ok(None);
    };
    let active =
        Condition::all().add(operator::Column::Id.eq(session.operator_id)).add(operator::Column::State.eq(ACTIVE));
    match tx.list::<operator::Entity>().filter(active).one().await? {
        Some(row) => Ok(Some(with_memberships(&Directory::Read(tx), row).await?.operator)),
        None => Ok(None),
    }
}

async fn with_memberships(directory: &Directory<'_>, row: operator::Model) -> Result<Known, IdentityError> {
    let rows = directory
        .list::<membership::Entity>()
        .filter(membership::Column::OperatorId.eq(row.id))
        .ascending(membership::Column::TenantId)
        .ascending(membership::Column::SiteId)
        .limit(MEMBERSHIPS_MAX)
        .all()
        .await?;
    let mut memberships = Vec::with_capacity(rows.len());
    for row in rows {
        let role = Role::parse(&row.role).ok_or(IdentityError::Unreadable { column: "memberships.role" })?;
        let (tenant, site) = (Id::from_uuid(row.tenant_id), Id::from_uuid(row.site_id));
        memberships.push(Membership { tenant, site, role });
    }
    Ok(Known {
        operator: Operator::new(Id::from_uuid(row.id), row.login, row.name, memberships),
        password_hash: row.password_hash,
        is_active: row.state == ACTIVE,
    })
}

pub(crate) async fn insert(tx: &WriteTx<Platform>, id: OperatorId, new: &NewOperator) -> Result<(), StoreError> {
    tx.insert_listed::<operator::Entity>(operator::Model {
        id: id.uuid(),
        login: new.login.to_string(),
        name: new.name.clone(),
        password_hash: new.password_hash.text().to_owned(),
        state: ACTIVE.to_owned(),
        created_at: tx.time(),
    })
    .await
}

/// Makes the operator a member of the site in this role, whatever he was there before.
pub(crate) async fn set_role(
    tx: &WriteTx<Platform>,
    id: OperatorId,
    Membership { tenant, site, role }: Membership,
) -> Result<(), StoreError> {
    use membership::Column;
    let before = Condition::all()
        .add(Column::OperatorId.eq(id.uuid()))
        .add(Column::TenantId.eq(tenant.uuid()))
        .add(Column::SiteId.eq(site.uuid()));
    tx.delete_listed::<membership::Entity>(before).await?;
    tx.insert_listed::<membership::Entity>(membership::Model {
        operator_id: id.uuid(),
        tenant_id: tenant.uuid(),
        site_id: site.uuid(),
        role: role.word().to_owned(),
        created_at: tx.time(),
    })
    .await
}

/// Begins a session, and ends the operator's sessions that are over or too many.
pub(crate) async fn begin_session(
    tx: &WriteTx<Platform>,
    id: OperatorId,
    token: &Token,
    life: TimeDelta,
) -> Result<(), StoreError> {
    use operator_session::Column;
    let own = Column::OperatorId.eq(id.uuid());
    tx.delete_listed::<operator_session::Entity>(
        Condition::all().add(own.clone()).add(Column::ExpiresAt.lte(tx.time())),
    )
    .await?;
    let older: Vec<(Vec<u8>,)> = tx
        .list::<operator_session::Entity>()
        .filter(own)
        .descending(Column::CreatedAt)
        .columns([Column::TokenHash])
        .await?;
    for (token_hash,) in older.into_iter().skip(SESSIONS_MAX - 1) {
        tx.delete_listed::<operator_session::Entity>(Column::TokenHash.eq(token_hash)).await?;
    }
    tx.insert_listed::<operator_session::Entity>(operator_session::Model {
        token_hash: token.hash(),
        operator_id: id.uuid(),
        created_at: tx.time(),
        expires_at: tx.time() + life,
    })
    .await
}

pub(crate) async fn end_session(tx: &WriteTx<Platform>, token: &Token) -> Result<(), StoreError> {
    let own = operator_session::Column::TokenHash.eq(token.hash());
    tx.delete_listed::<operator_session::Entity>(own).await.map(|_| ())
}
