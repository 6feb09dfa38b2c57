//! Adjustments, credits, and prepaid money that was handed on.

use chrono::{DateTime, Utc};
use kernel::{Currency, Money, SiteId, TenantScope};
use sea_orm::ColumnTrait;
use store::{Change, Rows, Sheaf, Tx, WriteTx};
use uuid::Uuid;

use crate::error::FundsError;
use crate::model::{Adjustment, AdjustmentId, AdjustmentState, Cause, Lent, PrepaidMove, PrepaidMoveId, Target};
use crate::table::{adjustment, credit, prepaid_move};

type Read<T> = Result<T, FundsError>;

pub(crate) fn insert_adjustments<'a>(sheaf: &mut Sheaf<TenantScope>, new: impl IntoIterator<Item = &'a Adjustment>) {
    let tenant = sheaf.scope().id().uuid();
    sheaf.insert::<adjustment::Entity>(new.into_iter().map(|of| adjustment::Model {
        tenant_id: tenant,
        id: of.id.uuid(),
        customer_id: of.target.owner().0.map(|customer| customer.uuid()),
        site_id: of.target.owner().1.map(|site| site.uuid()),
        amount_minor: of.amount.minor(),
        currency: of.amount.currency().code().to_owned(),
        cause: of.cause.word().to_owned(),
        reason: of.reason.clone(),
        state: of.state.word().to_owned(),
        requested_at: of.requested.0,
        requested_by: of.requested.1,
        decided_at: of.decided.map(|(at, _)| at),
        decided_by: of.decided.map(|(_, by)| by),
        note: of.note.clone(),
    }));
}

pub(crate) async fn change_adjustments<'a>(
    tx: &WriteTx<TenantScope>,
    changed: impl IntoIterator<Item = &'a Adjustment>,
) -> Read<()> {
    use adjustment::Column as C;
    let mut rows = Rows::of_columns(&[C::Id, C::State, C::DecidedAt, C::DecidedBy, C::Note]);
    for of in changed {
        rows.push([
            of.id.uuid().into(),
            of.state.word().into(),
            of.decided.map(|(at, _)| at).into(),
            of.decided.map(|(_, by)| by).into(),
            of.note.clone().into(),
        ]);
    }
    tx.update_rows::<adjustment::Entity>(rows, &[C::Id], Change::Set).await?;
    Ok(())
}

/// These adjustments, locked ascending until the transaction ends.
pub(crate) async fn lock_adjustments(tx: &impl Tx, ids: impl Iterator<Item = AdjustmentId>) -> Read<Vec<Adjustment>> {
    let find = tx.find::<adjustment::Entity>().among(adjustment::Column::Id, ids.map(|id| id.uuid()));
    let rows = find.ascending(adjustment::Column::Id).locked().all().await?;
    rows.into_iter().map(read_adjustment).collect()
}

pub(crate) async fn adjustment(tx: &impl Tx, id: AdjustmentId) -> Read<Option<Adjustment>> {
    let find = tx.find::<adjustment::Entity>().filter(adjustment::Column::Id.eq(id.uuid()));
    find.one().await?.map(read_adjustment).transpose()
}

/// At most `limit` adjustments before this one, the newest first.
pub(crate) async fn adjustments(
    tx: &impl Tx,
    state: Option<AdjustmentState>,
    before: Option<AdjustmentId>,
    limit: u64,
) -> Read<Vec<Adjustment>> {
    let mut find = tx.find::<adjustment::Entity>().descending(adjustment::Column::Id).limit(limit);
    if let Some(state) = state {
        find = find.filter(adjustment::Column::State.eq(state.word()));
    }
    if let Some(before) = before {
        find = find.filter(adjustment::Column::Id.lt(before.uuid()));
    }
    find.all().await?.into_iter().map(read_adjustment).collect()
}

/// At most `limit` adjustments after this one, ascending.
pub(crate) async fn adjustments_after(tx: &impl Tx, after: Uuid, limit: u64) -> Read<Vec<Adjustment>> {
    let find = tx.find::<adjustment::Entity>().filter(adjustment::Column::Id.gt(after));
    let rows = find.ascending(adjustment::Column::Id).limit(limit).all().await?;
    rows.into_iter().map(read_adjustment).collect()
}

/// What these sites were lent, locked ascending until the transaction ends. One that another node writes first at this moment
/// is not seen: the database refuses a second row.
pub(crate) async fn lock_credits(tx: &impl Tx, sites: impl Iterator<Item = SiteId>) -> Read<Vec<Lent>> {
    let find = tx.find::<credit::Entity>().among(credit::Column::SiteId, sites.map(|site| site.uuid()));
    find.ascending(credit::Column::SiteId).locked().all().await?.into_iter().map(read_credit).collect()
}

/// What these sites were lent.
pub(crate) async fn credits(tx: &impl Tx, sites: &[SiteId]) -> Read<Vec<Lent>> {
    let find = tx.find::<credit::Entity>().among(credit::Column::SiteId, sites.iter().map(|site| site.uuid()));
    find.all().await?.into_iter().map(read_credit).collect()
}

pub(crate) fn insert_credits<'a>(sheaf: &mut Sheaf<TenantScope>, new: impl IntoIterator<Item = &'a Lent>) {
    let tenant = sheaf.scope().id().uuid();
    sheaf.insert::<credit::Entity>(new.into_iter().map(|of| credit::Model {
        tenant_id: tenant,
        site_id: of.site.uuid(),
        credit_minor: of.amount.minor(),
        alert_below_minor: of.alert_below.map(|below| below.minor()),
        low_since: of.low_since,
        currency: of.amount.currency().code().to_owned(),
        version: of.version,
        changed_at: of.changed.0,
        changed_by: of.changed.1,
    }));
}

pub(crate) async fn change_credits<'a>(
    tx: &WriteTx<TenantScope>,
    changed: impl IntoIterator<Item = &'a Lent>,
) -> Read<()> {
    use credit::Column as C;
    let columns = [C::SiteId, C::CreditMinor, C::AlertBelowMinor, C::Version, C::ChangedAt, C::ChangedBy];
    let mut rows = Rows::of_columns(&columns);
    for of in changed {
        rows.push([
            of.site.uuid().into(),
            of.amount.minor().into(),
            of.alert_below.map(|below| below.minor()).into(),
            of.version.into(),
            of.changed.0.into(),
            of.changed.1.into(),
        ]);
    }
    tx.update_rows::<credit::Entity>(rows, &[C::SiteId], Change::Set).await?;
    Ok(())
}

/// Since when these sites' money is low, or that it is not any more.
pub(crate) async fn note_low(
    tx: &WriteTx<TenantScope>,
    turned: impl IntoIterator<Item = (SiteId, Option<DateTime<Utc>>)>,
) -> Read<()> {
    let mut rows = Rows::of_columns(&[credit::Column::SiteId, credit::Column::LowSince]);
    for (site, since) in turned {
        rows.push([site.uuid().into(), since.into()]);
    }
    if !rows.is_empty() {
        tx.update_rows::<credit::Entity>(rows, &[credit::Column::SiteId], Change::Set).await?;
    }
    Ok(())
}

pub(crate) fn insert_moves<'a>(sheaf: &mut Sheaf<TenantScope>, new: impl IntoIterator<Item = &'a PrepaidMove>) {
    let tenant = sheaf.scope().id().uuid();
    sheaf.insert::<prepaid_move::Entity>(new.into_iter().map(|of| prepaid_move::Model {
        tenant_id: tenant,
        id: of.id.uuid(),
        from_site_id: of.from.uuid(),
        to_site_id: of.to.uuid(),
        amount_minor: of.amount.minor(),
        currency: of.amount.currency().code().to_owned(),
        note: of.note.clone(),
        made_at: of.made.0,
        made_by: of.made.1,
    }));
}

/// At most `limit` moves on this side of a site before this one, the newest first.
pub(crate) async fn moves(
    tx: &impl Tx,
    (site, side): (SiteId, Side),
    before: Option<PrepaidMoveId>,
    limit: u64,
) -> Read<Vec<PrepaidMove>> {
    use prepaid_move::Column as C;
    let column = match side {
        Side::Out => C::FromSiteId,
        Side::In => C::ToSiteId,
    };
    let mut find = tx.find::<prepaid_move::Entity>().filter(column.eq(site.uuid())).descending(C::Id).limit(limit);
    if let Some(before) = before {
        find = find.filter(C::Id.lt(before.uuid()));
    }
    find.all().await?.into_iter().map(read_move).collect()
}

/// Which moves of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Those that it made.
    Out,
    /// Those that another made to it.
    In,
}

/// At most `limit` moves after this one, ascending.
pub(crate) async fn moves_after(tx: &impl Tx, after: Uuid, limit: u64) -> Read<Vec<PrepaidMove>> {
    let find = tx.find::<prepaid_move::Entity>().filter(prepaid_move::Column::Id.gt(after));
    let rows = find.ascending(prepaid_move::Column::Id).limit(limit).all().await?;
    rows.into_iter().map(read_move).collect()
}

/// At most `limit` credits after this site, ascending.
pub(crate) async fn credits_after(tx: &impl Tx, after: Uuid, limit: u64) -> Read<Vec<Lent>> {
    let find = tx.find::<credit::Entity>().filter(credit::Column::SiteId.gt(after));
    let rows = find.ascending(credit::Column::SiteId).limit(limit).all().await?;
    rows.into_iter().map(read_credit).collect()
}

fn read_adjustment(row: adjustment::Model) -> Read<Adjustment> {
    let unreadable = || FundsError::Corrupt { table: "adjustments", what: row.id.to_string() };
    let currency = Currency::parse(&row.currency).map_err(|_| unreadable())?;
    Ok(Adjustment {
        id: AdjustmentId::from_uuid(row.id),
        target: Target::read(row.customer_id, row.site_id).ok_or_else(unreadable)?,
        amount: Money::new(row.amount_minor, currency),
        cause: Cause::parse(&row.cause).ok_or_else(unreadable)?,
        reason: row.reason.clone(),
        state: AdjustmentState::parse(&row.state).ok_or_else(unreadable)?,
        requested: (row.requested_at, row.requested_by),
        decided: row.decided_at.zip(row.decided_by),
        note: row.note.clone(),
    })
}

fn read_credit(row: credit::Model) -> Read<Lent> {
    let unreadable = || FundsError::Corrupt { table: "site_credits", what: row.site_id.to_string() };
    let currency = Currency::parse(&row.currency).map_err(|_| unreadable())?;
    Ok(Lent {
        site: SiteId::from_uuid(row.site_id),
        amount: Money::new(row.credit_minor, currency),
        alert_below: row.alert_below_minor.map(|minor| Money::new(minor, currency)),
        low_since: row.low_since,
        version: row.version,
        changed: (row.changed_at, row.changed_by),
    })
}

fn read_move(row: prepaid_move::Model) -> Read<PrepaidMove> {
    let unreadable = || FundsError::Corrupt { table: "prepaid_moves", what: row.id.to_string() };
    let currency = Currency::parse(&row.currency).map_err(|_| unreadable())?;
    Ok(PrepaidMove {
        id: PrepaidMoveId::from_uuid(row.id),
        from: SiteId::from_uuid(row.from_site_id),
        to: SiteId::from_uuid(row.to_site_id),
        amount: Money::new(row.amount_minor, currency),
        note: row.note.clone(),
        made: (row.made_at, row.made_by),
    })
}
