//! What buyers ask to have back, as operators see and decide it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use identity::OperatorId;
use kernel::SiteId;
use order::{Claim, ClaimId, ClaimState, LinePart, OrderId, Verdict};
use payment::RefundId;
use serde::{Deserialize, Serialize};
use store::Inside;
use utoipa::{IntoParams, ToSchema};
use web::{IdempotencyKey, Json, Operator, OrderRead, OrderRefund as MayRefund, Path, Problem, Query, SiteOperator};

use crate::page::{self, List, MoneyView, after, answer, answer_once, limit};
use crate::routes::{ApiState, App};

/// Which claims.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claims {
    /// How many, 1 to 100.
    #[serde(default = "crate::page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    cursor: Option<String>,
    /// `open` (the default), `approved`, `rejected` or `withdrawn`.
    #[serde(default = "open")]
    #[param(value_type = Option<String>)]
    state: ClaimState,
}

const fn open() -> ClaimState {
    ClaimState::Open
}

/// What a buyer asks to have back.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClaimView {
    /// Its id.
    #[schema(value_type = String)]
    id: ClaimId,
    /// Of which order.
    #[schema(value_type = String)]
    order: OrderId,
    /// The site that sold it.
    #[schema(value_type = String)]
    site: SiteId,
    /// Of which lines; of all of them if there are none.
    lines: Vec<ClaimLineView>,
    /// Where the buyer wants it: `source` or `wallet`.
    to: &'static str,
    /// Why, in his words.
    reason: String,
    /// `open`, `approved`, `rejected` or `withdrawn`.
    state: &'static str,
    /// When he asked.
    asked_at: DateTime<Utc>,
    /// What he is told.
    answer: Option<String>,
    /// Who decided; the owner of a site and the buyer are not told.
    #[schema(value_type = Option<String>)]
    decided_by: Option<OperatorId>,
    /// When.
    decided_at: Option<DateTime<Utc>>,
    /// The refund of the order that it became, by its number.
    refund: Option<i32>,
}

/// What of a line.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClaimLineView {
    /// Its place in the order, from 1.
    line: i32,
    /// Which of its cards, by their place from 1; all that is left if there are none.
    pieces: Vec<u32>,
}

/// A claim that was decided.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClaimDecidedView {
    /// `approved` or `rejected`.
    state: &'static str,
    /// How much goes back.
    amount: Option<MoneyView>,
    /// The refund's number at the channel's desk; none if the wallet has it already.
    #[schema(value_type = Option<String>)]
    refund: Option<RefundId>,
}

/// Why a claim is rejected.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RejectBody {
    /// Up to 500 characters, for the buyer.
    answer: String,
}

impl From<Claim> for ClaimView {
    fn from(claim: Claim) -> Self {
        let pieces = |part: LinePart| match part {
            LinePart::Pieces(pieces) => pieces.into_iter().collect(),
            LinePart::Rest | LinePart::Amount(_) => Vec::new(),
        };
        let lines = claim.wish.lines.into_iter();
        Self {
            id: claim.id,
            order: claim.order,
            site: claim.site,
            lines: lines.map(|wish| ClaimLineView { line: wish.line, pieces: pieces(wish.part) }).collect(),
            to: claim.wish.to.word(),
            reason: claim.reason,
            state: claim.state.word(),
            asked_at: claim.asked_at,
            answer: claim.answer,
            decided_by: claim.decided_by,
            decided_at: claim.decided_at,
            refund: claim.returned,
        }
    }
}

/// What buyers ask to have back, newest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/claims", tag = "claims", params(("tenant" = String, Path), Claims),
    responses((status = 200, body = List<ClaimView>))
)]
pub(crate) async fn list(
    operator: Operator<OrderRead>,
    State(App(rooms)): State<App>,
    Query(sent): Query<Claims>,
) -> Result<Response, Problem> {
    claims_of(&rooms, &operator.scope, &sent, |claim| claim).await
}

/// What buyers of the own site ask to have back, newest first: the main site decides.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/claims", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), Claims), responses((status = 200, body = List<ClaimView>))
)]
pub(crate) async fn own_claims(
    operator: SiteOperator<OrderRead>,
    State(App(rooms)): State<App>,
    Query(sent): Query<Claims>,
) -> Result<Response, Problem> {
    claims_of(&rooms, &operator.scope, &sent, |claim| Claim { decided_by: None, ..claim }).await
}

async fn claims_of<S: Inside>(
    rooms: &ApiState,
    scope: &S,
    sent: &Claims,
    shown: impl Fn(Claim) -> Claim,
) -> Result<Response, Problem> {
    let (limit, before) = (limit(sent.limit)?, after(sent.cursor.as_deref(), ClaimId::parse)?);
    let claims = rooms.orders.claims(scope, sent.state, before, limit + 1).await?;
    let (claims, next) = page::page(claims, limit, |claim| claim.id);
    let data = claims.into_iter().map(|claim| ClaimView::from(shown(claim))).collect();
    Ok(answer(StatusCode::OK, List::part(data, next)))
}

/// Give back what the buyer asks for.
///
/// It is refunded at once, like an order by hand.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/claims/{claim}/approve", tag = "claims",
    params(("tenant" = String, Path), ("claim" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = ClaimDecidedView), (status = 409, description = "not in this state"),
        (status = 422, description = "refused; `idempotency_key_reused`: the key came with another decision"))
)]
pub(crate) async fn approve(
    operator: Operator<MayRefund>,
    State(App(rooms)): State<App>,
    Path((_tenant, claim)): Path<(String, ClaimId)>,
    key: IdempotencyKey,
) -> Result<Response, Problem> {
    decide(&rooms, &operator, (claim, Verdict::Approve), &key).await
}

/// Do not give it back, and tell the buyer why.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/claims/{claim}/reject", tag = "claims", request_body = RejectBody,
    params(("tenant" = String, Path), ("claim" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = ClaimDecidedView), (status = 409, description = "not in this state"),
        (status = 422, description = "refused; `idempotency_key_reused`: the key came with another body"))
)]
pub(crate) async fn reject(
    operator: Operator<MayRefund>,
    State(App(rooms)): State<App>,
    Path((_tenant, claim)): Path<(String, ClaimId)>,
    key: IdempotencyKey,
    Json(sent): Json<RejectBody>,
) -> Result<Response, Problem> {
    decide(&rooms, &operator, (claim, Verdict::Reject { answer: sent.answer }), &key).await
}

async fn decide(
    rooms: &ApiState,
    operator: &Operator<MayRefund>,
    (claim, verdict): (ClaimId, Verdict),
    key: &IdempotencyKey,
) -> Result<Response, Problem> {
    let by = operator.operator.id;
    let decided = rooms.orders.decide_claim(&operator.scope, claim, verdict, (by, &key.scoped(&by))).await?;
    let refund = decided.answer.refund;
    let body = ClaimDecidedView {
        state: decided.answer.state.word(),
        amount: refund.as_ref().map(|refund| refund.amount.into()),
        refund: refund.and_then(|refund| refund.refund),
    };
    Ok(answer_once(decided.is_replay, body))
}
