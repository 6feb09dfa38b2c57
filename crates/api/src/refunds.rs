//! Money that fits nothing, and money on its way back.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use payment::{Exception, ExceptionId, ExceptionState, Refund, RefundId, RefundState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{IdempotencyKey, Operator, OrderRead, OrderRefund, Path, Problem, Query, SiteOperator};

use crate::page::{List, MoneyView, after, answer, answer_once};
use crate::routes::App;

/// Which exceptions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exceptions {
    /// Where the part begins.
    cursor: Option<String>,
    /// `open` (the default) or `resolved`.
    #[serde(default = "open")]
    #[param(value_type = Option<String>)]
    state: ExceptionState,
}

/// Which refunds.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refunds {
    /// Where the part begins.
    cursor: Option<String>,
    /// `requested` (the default: waits for a person), `approved`, `submitting`, `unknown`, `done`, `failed` or `cancelled`.
    #[serde(default = "requested")]
    #[param(value_type = Option<String>)]
    state: RefundState,
}

const fn open() -> ExceptionState {
    ExceptionState::Open
}

const fn requested() -> RefundState {
    RefundState::Requested
}

/// Money that buys nothing.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExceptionView {
    /// Its id.
    id: String,
    /// `late`, `double`, `wrong_amount`, `wrong_payee`, `unmatched` or `awaiting_funds`.
    kind: &'static str,
    /// The payment.
    payment: String,
    /// The site it came to.
    site: String,
    /// How much.
    amount: MoneyView,
    /// `open` or `resolved`.
    state: &'static str,
    /// What came of it.
    cause: Option<String>,
    /// Since when.
    opened_at: DateTime<Utc>,
    /// Its way back.
    refund: Option<RefundView>,
}

/// Money on its way back.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefundView {
    /// Its id.
    #[schema(value_type = String)]
    id: RefundId,
    /// The number under which the gateway knows it.
    refund_no: String,
    /// The payment that it gives back.
    payment: String,
    /// How much.
    amount: MoneyView,
    /// How it stands.
    state: &'static str,
    /// Why.
    reason: String,
    /// How often the gateway was asked.
    tries: u32,
    /// What the gateway said last.
    error: Option<String>,
}

/// Money that fits nothing, newest first, fifty a part.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/exceptions", tag = "refunds",
    params(("tenant" = String, Path), Exceptions), responses((status = 200, body = List<ExceptionView>))
)]
pub(crate) async fn exceptions(
    operator: Operator<OrderRead>,
    State(App(rooms)): State<App>,
    Query(sent): Query<Exceptions>,
) -> Result<Response, Problem> {
    let before = after(sent.cursor.as_deref(), ExceptionId::parse)?;
    let page = rooms.payments.exceptions(&operator.scope, sent.state, before).await?;
    let ids: Vec<ExceptionId> = page.exceptions.iter().map(|exception| exception.id).collect();
    let mut refunds = rooms.payments.exception_refunds(&operator.scope, &ids).await?;
    let data = page.exceptions.into_iter().map(|one| {
        let refund = refunds.remove(&one.id);
        exception(one, refund)
    });
    let data = data.collect();
    Ok(answer(StatusCode::OK, List::part(data, page.next)))
}

/// Money that fits nothing, as the owner of the site it came to sees it: what happens to it is the main site's to decide.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnExceptionView {
    /// Its id.
    id: String,
    /// `late`, `double`, `wrong_amount`, `wrong_payee`, `unmatched` or `awaiting_funds`.
    kind: &'static str,
    /// How much.
    amount: MoneyView,
    /// `open` or `resolved`.
    state: &'static str,
    /// Since when.
    opened_at: DateTime<Utc>,
    /// How its way back stands, if there is one.
    refund: Option<&'static str>,
}

/// Money that fits nothing of the own site's, newest first, fifty a part.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/exceptions", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), Exceptions),
    responses((status = 200, body = List<OwnExceptionView>))
)]
pub(crate) async fn own_exceptions(
    operator: SiteOperator<OrderRead>,
    State(App(rooms)): State<App>,
    Query(sent): Query<Exceptions>,
) -> Result<Response, Problem> {
    let before = after(sent.cursor.as_deref(), ExceptionId::parse)?;
    let page = rooms.payments.exceptions(&operator.scope, sent.state, before).await?;
    let ids: Vec<ExceptionId> = page.exceptions.iter().map(|exception| exception.id).collect();
    let refunds = rooms.payments.exception_refunds(&operator.scope, &ids).await?;
    let view = |one: Exception| OwnExceptionView {
        id: one.id.to_string(),
        kind: one.kind.word(),
        amount: one.amount.into(),
        state: one.state.word(),
        opened_at: one.opened_at,
        refund: refunds.get(&one.id).map(|refund| refund.state.word()),
    };
    Ok(answer(StatusCode::OK, List::part(page.exceptions.into_iter().map(view).collect(), page.next)))
}

/// Refunds in one state, newest first, fifty a part.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/refunds", tag = "refunds", params(("tenant" = String, Path), Refunds),
    responses((status = 200, body = List<RefundView>))
)]
pub(crate) async fn list(
    operator: Operator<OrderRead>,
    State(App(rooms)): State<App>,
    Query(sent): Query<Refunds>,
) -> Result<Response, Problem> {
    let before = after(sent.cursor.as_deref(), RefundId::parse)?;
    let page = rooms.payments.refunds(&operator.scope, sent.state, before).await?;
    Ok(answer(StatusCode::OK, List::part(page.refunds.into_iter().map(RefundView::from).collect(), page.next)))
}

/// How the refund stands now.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefundMovedView {
    /// Its state.
    state: &'static str,
}

/// Send it out: a refund that waits for a person, or one that its gateway refused.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/refunds/{refund}/approve", tag = "refunds",
    params(("tenant" = String, Path), ("refund" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = RefundMovedView), (status = 409, description = "not in this state"),
        (status = 422, description = "`idempotency_key_reused`: the key came with another decision"))
)]
pub(crate) async fn approve(
    operator: Operator<OrderRefund>,
    State(App(rooms)): State<App>,
    Path((_tenant, refund)): Path<(String, RefundId)>,
    key: IdempotencyKey,
) -> Result<Response, Problem> {
    let key = key.scoped(&operator.operator.id);
    let moved = rooms.payments.approve_refund(&operator.scope, refund, &key).await?;
    Ok(answer_once(moved.is_replay, RefundMovedView { state: moved.answer.state.word() }))
}

/// Do not send it: the money stays where it is.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/refunds/{refund}/cancel", tag = "refunds",
    params(("tenant" = String, Path), ("refund" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = RefundMovedView), (status = 409, description = "not in this state"),
        (status = 422, description = "`idempotency_key_reused`: the key came with another decision"))
)]
pub(crate) async fn cancel(
    operator: Operator<OrderRefund>,
    State(App(rooms)): State<App>,
    Path((_tenant, refund)): Path<(String, RefundId)>,
    key: IdempotencyKey,
) -> Result<Response, Problem> {
    let key = key.scoped(&operator.operator.id);
    let moved = rooms.payments.cancel_refund(&operator.scope, refund, &key).await?;
    Ok(answer_once(moved.is_replay, RefundMovedView { state: moved.answer.state.word() }))
}

/// Ask the gateway now what became of it.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/refunds/{refund}/ask", tag = "refunds",
    params(("tenant" = String, Path), ("refund" = String, Path)),
    responses((status = 202, description = "it is asked"), (status = 409, description = "not in this state"))
)]
pub(crate) async fn ask(
    operator: Operator<OrderRefund>,
    State(App(rooms)): State<App>,
    Path((_tenant, refund)): Path<(String, RefundId)>,
) -> Result<StatusCode, Problem> {
    rooms.payments.ask_refund_again(&operator.scope, refund).await?;
    Ok(StatusCode::ACCEPTED)
}

fn exception(exception: Exception, refund: Option<Refund>) -> ExceptionView {
    ExceptionView {
        id: exception.id.to_string(),
        kind: exception.kind.word(),
        payment: exception.payment.to_string(),
        site: exception.site.to_string(),
        amount: exception.amount.into(),
        state: exception.state.word(),
        cause: exception.cause,
        opened_at: exception.opened_at,
        refund: refund.map(Into::into),
    }
}

impl From<Refund> for RefundView {
    fn from(refund: Refund) -> Self {
        Self {
            id: refund.id,
            refund_no: refund.refund_no.to_string(),
            payment: refund.payment.to_string(),
            amount: refund.amount.into(),
            state: refund.state.word(),
            reason: refund.reason,
            tries: refund.tries,
            error: refund.error,
        }
    }
}
