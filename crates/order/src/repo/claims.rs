//! What buyers ask to have back: read and written by batches, and shown.

use std::collections::{BTreeSet, HashMap};

use identity::OperatorId;
use kernel::{SiteId, TenantScope};
use sea_orm::ColumnTrait;
use store::{Change, Rows, StoreError, Tx, WriteTx};
use uuid::Uuid;

use crate::claim::{Claim, ClaimId, ClaimState};
use crate::error::OrderError;
use crate::known::{KnownClaim, KnownOrder, News};
use crate::model::OrderId;
use crate::table::{claim, reveal};

/// The claims of these orders, by order, each order's first one first.
pub(crate) async fn claims_of_in(tx: &impl Tx, orders: &[Uuid]) -> Result<HashMap<Uuid, Vec<Claim>>, OrderError> {
    let mut claims: HashMap<Uuid, Vec<Claim>> = HashMap::new();
    if orders.is_empty() {
        return Ok(claims);
    }
    let rows = tx.find::<claim::Entity>().among(claim::Column::OrderId, orders.iter().copied());
    for row in rows.ascending(claim::Column::Id).all().await? {
        claims.entry(row.order_id).or_default().push(claim_of(row)?);
    }
    Ok(claims)
}

/// The lines whose codes somebody has looked at.
pub(crate) async fn seen_in(tx: &impl Tx, orders: &[Uuid]) -> Result<BTreeSet<(Uuid, i32)>, StoreError> {
    if orders.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rows = tx.find::<reveal::Entity>().among(reveal::Column::OrderId, orders.iter().copied());
    let rows: Vec<(Uuid, i32)> = rows.columns([reveal::Column::OrderId, reveal::Column::LineNo]).await?;
    Ok(rows.into_iter().collect())
}

/// One claim.
pub(crate) async fn claim_in(tx: &impl Tx, id: ClaimId) -> Result<Option<Claim>, OrderError> {
    let row = tx.find::<claim::Entity>().filter(claim::Column::Id.eq(id.uuid())).one().await?;
    row.map(claim_of).transpose()
}

/// Claims in this state, newest first, those before `before`.
pub(crate) async fn claims_in(
    tx: &impl Tx,
    state: ClaimState,
    before: Option<ClaimId>,
    limit: u64,
) -> Result<Vec<Claim>, OrderError> {
    let mut find = tx.find::<claim::Entity>().filter(claim::Column::State.eq(state.word()));
    if let Some(before) = before {
        find = find.filter(claim::Column::Id.lt(before.uuid()));
    }
    let rows = find.descending(claim::Column::Id).limit(limit).all().await?;
    rows.into_iter().map(claim_of).collect()
}

fn claim_of(row: claim::Model) -> Result<Claim, OrderError> {
    let broken = |what: &str| OrderError::Broken { order: OrderId::from_uuid(row.order_id), what: what.to_owned() };
    Ok(Claim {
        id: ClaimId::from_uuid(row.id),
        order: OrderId::from_uuid(row.order_id),
        site: SiteId::from_uuid(row.site_id),
        wish: serde_json::from_str(&row.wish).map_err(|_| broken("claim"))?,
        state: ClaimState::parse(&row.state).ok_or_else(|| broken("claim"))?,
        reason: row.reason,
        asked_by: row.asked_by,
        asked_at: row.asked_at,
        answer: row.answer,
        decided_by: row.decided_by.map(OperatorId::from_uuid),
        decided_at: row.decided_at,
        returned: row.return_number,
    })
}

/// Writes the claims of orders that this transaction has locked, as far as they are news.
pub(crate) async fn change_in(tx: &WriteTx<TenantScope>, orders: &[&KnownOrder]) -> Result<(), StoreError> {
    use claim::Column::{Answer, DecidedAt, DecidedBy, Id, ReturnNumber, State};
    let tenant_id = tx.scope().id().uuid();
    let mut new = Vec::new();
    let mut changed = Rows::of_columns(&[Id, State, Answer, DecidedBy, DecidedAt, ReturnNumber]);
    for KnownClaim { claim, news } in orders.iter().flat_map(|order| &order.claims) {
        let decided_by = claim.decided_by.map(|by| by.uuid());
        match news {
            News::None => {}
            News::New => new.push(claim::Model {
                tenant_id,
                id: claim.id.uuid(),
                site_id: claim.site.uuid(),
                order_id: claim.order.uuid(),
                state: claim.state.word().to_owned(),
                wish: serde_json::to_string(&claim.wish).expect("a wish is plain data"),
                reason: claim.reason.clone(),
                asked_by: claim.asked_by.clone(),
                asked_at: claim.asked_at,
                answer: claim.answer.clone(),
                decided_by,
                decided_at: claim.decided_at,
                return_number: claim.returned,
            }),
            News::Changed => changed.push([
                claim.id.uuid().into(),
                claim.state.word().into(),
                claim.answer.clone().into(),
                decided_by.into(),
                claim.decided_at.into(),
                claim.returned.into(),
            ]),
        }
    }
    // First what ends: an order has one open claim at a time, in the middle of a batch, too.
    tx.update_rows::<claim::Entity>(changed, &[Id], Change::Set).await?;
    tx.insert::<claim::Entity>(new).await?;
    Ok(())
}
