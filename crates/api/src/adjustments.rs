//! Money put on accounts by hand, or taken off them: one person asks, another approves.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use funds::{Adjustment, AdjustmentId, AdjustmentState, AdjustmentWord, AskAdjustment, Cause, TEXT_CHARS_MAX, Target};
use identity::{CustomerId, Login, OperatorId};
use kernel::{Money, SiteId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{FundsAdjust, FundsApprove, FundsRead, IdempotencyKey, Json, Operator, Path, Problem, Query};

use crate::body::{Fields, refused};
use crate::page::{self, List, MoneyView, answer, answer_once};
use crate::place::named;
use crate::routes::App;

/// Money that is to be put on an account, or taken off it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdjustmentSent {
    /// The log-in of the customer whose wallet it is; or `site`.
    customer: Option<String>,
    /// The site whose prepaid money it is, by id or slug; or `customer`.
    site: Option<String>,
    /// `add` or `take`.
    direction: String,
    /// How much.
    amount: MoneyView,
    /// `deposit` (it came outside, such as by a bank transfer; taken off, it went back that way), `goodwill` (you give it) or
    /// `correction` (something was wrong).
    cause: String,
    /// Why, in words, up to 200 characters: such as the number of the transfer.
    reason: String,
}

/// Money that is to be put on an account, or taken off it.
#[derive(Serialize, ToSchema)]
pub(crate) struct AdjustmentView {
    /// Its id.
    #[schema(value_type = String)]
    id: AdjustmentId,
    /// The customer whose wallet it is.
    #[schema(value_type = Option<String>)]
    customer: Option<CustomerId>,
    /// The site whose prepaid money it is.
    #[schema(value_type = Option<String>)]
    site: Option<SiteId>,
    /// `add` or `take`.
    direction: &'static str,
    /// How much.
    amount: MoneyView,
    /// `deposit`, `goodwill` or `correction`.
    cause: &'static str,
    /// Why.
    reason: String,
    /// `requested`, `approved`, `rejected` or `cancelled`.
    state: &'static str,
    /// When it was asked for.
    requested_at: DateTime<Utc>,
    /// By whom.
    #[schema(value_type = String)]
    requested_by: OperatorId,
    /// When it was decided.
    decided_at: Option<DateTime<Utc>>,
    /// By whom.
    #[schema(value_type = Option<String>)]
    decided_by: Option<OperatorId>,
    /// Why it was refused.
    note: Option<String>,
}

/// Where an adjustment stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct AdjustmentStateView {
    /// Its id.
    #[schema(value_type = String)]
    id: AdjustmentId,
    /// `requested`, `approved`, `rejected` or `cancelled`.
    state: &'static str,
}

/// Why an adjustment is refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoteSent {
    /// In words, up to 200 characters.
    note: String,
}

/// Which adjustments.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdjustmentsQuery {
    /// How many, 1 to 100.
    #[serde(default = "page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    cursor: Option<String>,
    /// In this state: `requested`, `approved`, `rejected` or `cancelled`.
    state: Option<String>,
}

/// Adjustments, the newest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/adjustments", tag = "funds", params(("tenant" = String, Path), AdjustmentsQuery),
    responses((status = 200, body = List<AdjustmentView>)), operation_id = "funds_adjustments"
)]
pub(crate) async fn list(
    operator: Operator<FundsRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<AdjustmentsQuery>,
) -> Result<Response, Problem> {
    let (limit, before) = (page::limit(query.limit)?, page::after(query.cursor.as_deref(), AdjustmentId::parse)?);
    let state = page::filter("state", query.state.as_deref(), AdjustmentState::parse)?;
    let tx = rooms.store.read(&operator.scope).await?;
    let found = rooms.funds.adjustments_in(&tx, state, before, limit + 1).await.map_err(refused)?;
    let (found, next) = page::page(found, limit, |one| one.id);
    Ok(answer(StatusCode::OK, List::part(found.into_iter().map(AdjustmentView::from).collect(), next)))
}

/// Ask for money to be put on an account, or taken off it. Nothing moves before a second person approves.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/adjustments", tag = "funds", request_body = AdjustmentSent,
    params(("tenant" = String, Path), ("Idempotency-Key" = String, Header, description = "Names the adjustment: sent again it is the same one.")),
    responses((status = 200, body = AdjustmentStateView),
        (status = 422, description = "refused fields; `idempotency_key_reused`")), operation_id = "funds_ask_adjustment"
)]
pub(crate) async fn ask(
    operator: Operator<FundsAdjust>,
    State(App(rooms)): State<App>,
    key: IdempotencyKey,
    Json(sent): Json<AdjustmentSent>,
) -> Result<Response, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    let currency = rooms.currency_in(&tx).await?;
    let mut fields = Fields::default();
    let target = match (&sent.customer, &sent.site) {
        (Some(login), None) => {
            let login = fields.read("/customer", Login::parse(login));
            match login {
                Some(login) => fields.there("/customer", rooms.customers.find_in(&tx, &login).await?),
                None => None,
            }
            .map(|customer| Target::Wallet(customer.id))
        }
        (None, Some(site)) => {
            let tree = rooms.tenancy.tree_in(&tx).await?;
            let below = named(&tree, site).filter(|site| site.parent.is_some()).map(|site| site.id);
            fields.there("/site", below).map(Target::Prepaid)
        }
        _ => {
            fields.refuse("/customer", "one_of_two", "it is about a customer or about a site");
            None
        }
    };
    drop(tx);
    let sign = fields.word("/direction", &sent.direction, |word| match word {
        "add" => Some(1),
        "take" => Some(-1),
        _ => None,
    });
    let amount = fields.money("/amount", &sent.amount, currency);
    let cause = fields.word("/cause", &sent.cause, Cause::parse);
    let reason = fields.line("/reason", &sent.reason, TEXT_CHARS_MAX);
    let (by, key) = (operator.operator.id.uuid(), key.0);
    let whole = || {
        let amount = amount?;
        let amount = Money::new(amount.minor() * sign?, amount.currency());
        Some(AskAdjustment { target: target?, amount, cause: cause?, reason: reason?, by, key })
    };
    let whole = whole();
    let asked = rooms.funds.ask_adjustment(&operator.scope, fields.whole(whole)?).await.map_err(refused)?;
    let view = AdjustmentStateView { id: asked.answer, state: AdjustmentState::Requested.word() };
    Ok(answer_once(asked.is_replay, view))
}

/// Approve an adjustment that somebody else has asked for: it is posted.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/adjustments/{adjustment}/approve", tag = "funds",
    params(("tenant" = String, Path), ("adjustment" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = AdjustmentStateView),
        (status = 409, description = "`adjustment_state`, `second_person_needed`"),
        (status = 422, description = "`insufficient_funds`, `wallet_full`; `idempotency_key_reused`")),
    operation_id = "funds_approve_adjustment"
)]
pub(crate) async fn approve(
    operator: Operator<FundsApprove>,
    State(App(rooms)): State<App>,
    Path((_tenant, id)): Path<(String, AdjustmentId)>,
    key: IdempotencyKey,
) -> Result<Response, Problem> {
    let by = (operator.operator.id.uuid(), key.0);
    let decided = rooms.funds.decide_adjustment(&operator.scope, id, AdjustmentWord::Approve, by).await;
    let decided = decided.map_err(refused)?;
    Ok(answer_once(decided.is_replay, AdjustmentStateView { id, state: decided.answer.word() }))
}

/// Refuse an adjustment.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/adjustments/{adjustment}/reject", tag = "funds", request_body = NoteSent,
    params(("tenant" = String, Path), ("adjustment" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = AdjustmentStateView), (status = 409, description = "`adjustment_state`"),
        (status = 422, description = "refused fields; `idempotency_key_reused`")), operation_id = "funds_reject_adjustment"
)]
pub(crate) async fn reject(
    operator: Operator<FundsApprove>,
    State(App(rooms)): State<App>,
    Path((_tenant, id)): Path<(String, AdjustmentId)>,
    key: IdempotencyKey,
    Json(sent): Json<NoteSent>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let note = fields.line("/note", &sent.note, TEXT_CHARS_MAX);
    let (word, by) = (AdjustmentWord::Reject { note: fields.whole(note)? }, (operator.operator.id.uuid(), key.0));
    let decided = rooms.funds.decide_adjustment(&operator.scope, id, word, by).await.map_err(refused)?;
    Ok(answer_once(decided.is_replay, AdjustmentStateView { id, state: decided.answer.word() }))
}

/// Call off an adjustment that one has asked for oneself.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/adjustments/{adjustment}/cancel", tag = "funds",
    params(("tenant" = String, Path), ("adjustment" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = AdjustmentStateView),
        (status = 409, description = "`adjustment_state`, `adjustment_not_yours`"),
        (status = 422, description = "`idempotency_key_reused`")), operation_id = "funds_cancel_adjustment"
)]
pub(crate) async fn cancel(
    operator: Operator<FundsAdjust>,
    State(App(rooms)): State<App>,
    Path((_tenant, id)): Path<(String, AdjustmentId)>,
    key: IdempotencyKey,
) -> Result<Response, Problem> {
    let by = (operator.operator.id.uuid(), key.0);
    let decided = rooms.funds.decide_adjustment(&operator.scope, id, AdjustmentWord::Cancel, by).await;
    let decided = decided.map_err(refused)?;
    Ok(answer_once(decided.is_replay, AdjustmentStateView { id, state: decided.answer.word() }))
}

impl From<Adjustment> for AdjustmentView {
    fn from(of: Adjustment) -> Self {
        let (customer, site) = of.target.owner();
        let size = Money::new(of.amount.minor().saturating_abs(), of.amount.currency());
        Self {
            id: of.id,
            customer,
            site,
            direction: if of.amount.minor() > 0 { "add" } else { "take" },
            amount: size.into(),
            cause: of.cause.word(),
            reason: of.reason,
            state: of.state.word(),
            requested_at: of.requested.0,
            requested_by: OperatorId::from_uuid(of.requested.1),
            decided_at: of.decided.map(|(at, _)| at),
            decided_by: of.decided.map(|(_, by)| OperatorId::from_uuid(by)),
            note: of.note,
        }
    }
}
