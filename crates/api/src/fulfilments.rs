//! The desk where a person does what buyers have paid for.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::{Answer, SkuId};
use chrono::{DateTime, Utc};
use identity::OperatorId;
use kernel::SiteId;
use order::{FulfilAct, FulfilBy, FulfilState, FulfilmentRow, LineRef, ManualLine};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{IdempotencyKey, Json, Operator, OrderFulfil, Path, Problem, Query};

use crate::page::{List, WordingView, after, answer, answer_once, limit};
use crate::routes::App;

/// Which of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Desk {
    /// How many, 1 to 100.
    #[serde(default = "crate::page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    cursor: Option<String>,
    /// `waiting` (the default), `taken`, `done`, `failed` or `cancelled`.
    #[serde(default = "state_default")]
    #[param(value_type = Option<String>)]
    state: FulfilState,
}

const fn state_default() -> FulfilState {
    FulfilState::Waiting
}

/// What the buyer filled in.
#[derive(Serialize, ToSchema)]
pub(crate) struct AnswerView {
    /// The field.
    key: String,
    /// What it is called.
    label: WordingView,
    /// What he wrote.
    value: String,
}

/// What a person does for a line.
#[derive(Serialize, ToSchema)]
pub(crate) struct ManualView {
    /// How it stands; none until it is paid.
    state: Option<&'static str>,
    /// Until when it is to be done.
    due_at: Option<DateTime<Utc>>,
    /// What the buyer filled in.
    answers: Vec<AnswerView>,
    /// What shows that it was done.
    proof: Option<String>,
    /// Why it was not.
    reason: Option<String>,
}

/// Something to be done by hand. Whose it is, the desk need not know.
#[derive(Serialize, ToSchema)]
pub(crate) struct FulfilmentView {
    /// The line: the order's number and the line's.
    line: String,
    /// The site that sold it.
    #[schema(value_type = String)]
    site: SiteId,
    /// The SKU.
    #[schema(value_type = String)]
    sku: SkuId,
    /// The goods' title.
    title: WordingView,
    /// The SKU's name.
    sku_name: WordingView,
    /// How many.
    quantity: u32,
    /// How it stands.
    state: &'static str,
    /// What the buyer filled in.
    answers: Vec<AnswerView>,
    /// When it was paid.
    since: DateTime<Utc>,
    /// Until when it is to be done.
    due_at: DateTime<Utc>,
    /// Who works on it.
    #[schema(value_type = Option<String>)]
    taken_by: Option<OperatorId>,
    /// Since when.
    taken_at: Option<DateTime<Utc>>,
    /// What shows that it was done.
    proof: Option<String>,
    /// Why it was not.
    reason: Option<String>,
    /// When it came to its end.
    ended_at: Option<DateTime<Utc>>,
}

/// What is to be done by hand: what waits oldest first, what is over newest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/fulfilments", tag = "fulfilments", params(("tenant" = String, Path), Desk),
    responses((status = 200, body = List<FulfilmentView>))
)]
pub(crate) async fn list(
    operator: Operator<OrderFulfil>,
    State(App(rooms)): State<App>,
    Query(desk): Query<Desk>,
) -> Result<Response, Problem> {
    let (limit, after) = (limit(desk.limit)?, after(desk.cursor.as_deref(), |text| LineRef::parse(text).ok_or(()))?);
    let page = rooms.orders.fulfilments(&operator.scope, desk.state, after, limit).await?;
    Ok(answer(StatusCode::OK, List::part(page.rows.into_iter().map(FulfilmentView::from).collect(), page.next)))
}

/// What is done with it.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ActBody {
    /// I do it.
    Take {},
    /// It is done.
    Complete {
        /// What shows it, for the buyer; up to 2,000 characters.
        proof: String,
    },
    /// It cannot be done.
    Fail {
        /// Why; up to 500 characters.
        reason: String,
    },
    /// It is to be tried again, by anybody.
    Retry {},
}

/// How it stands now.
#[derive(Serialize, ToSchema)]
pub(crate) struct FulfilledView {
    /// The line.
    state: &'static str,
    /// What the buyer sees of the order.
    status: &'static str,
    /// Where the order's goods are.
    delivery: &'static str,
}

/// Take it, complete it, give it up, or put it back.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/fulfilments/{line}", tag = "fulfilments", request_body = ActBody,
    params(("tenant" = String, Path), ("line" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = FulfilledView), (status = 409, description = "somebody else has it, or it is over"),
        (status = 422, description = "refused; `idempotency_key_reused`: the key came with another body"))
)]
pub(crate) async fn act(
    operator: Operator<OrderFulfil>,
    State(App(rooms)): State<App>,
    Path((_tenant, line)): Path<(String, String)>,
    key: IdempotencyKey,
    Json(sent): Json<ActBody>,
) -> Result<Response, Problem> {
    let line = LineRef::parse(&line).ok_or(Problem::not_found())?;
    let act = match sent {
        ActBody::Take {} => FulfilAct::Take,
        ActBody::Complete { proof } => FulfilAct::Complete { proof },
        ActBody::Fail { reason } => FulfilAct::Fail { reason },
        ActBody::Retry {} => FulfilAct::Retry,
    };
    let operator_id = operator.operator.id;
    let key = key.scoped(&operator_id);
    let by = FulfilBy { operator: operator_id, key: &key };
    let done = rooms.orders.fulfil(&operator.scope, line, act, by).await?;
    let body = FulfilledView {
        state: done.answer.state.word(),
        status: done.answer.order.order.word(),
        delivery: done.answer.order.delivery.word(),
    };
    Ok(answer_once(done.is_replay, body))
}

impl From<Answer> for AnswerView {
    fn from(answer: Answer) -> Self {
        Self { key: answer.key, label: answer.label.into(), value: answer.value }
    }
}

impl From<ManualLine> for ManualView {
    fn from(line: ManualLine) -> Self {
        Self {
            state: line.state.map(FulfilState::word),
            due_at: line.due_at,
            answers: line.answers.into_iter().map(Into::into).collect(),
            proof: line.proof,
            reason: line.reason,
        }
    }
}

impl From<FulfilmentRow> for FulfilmentView {
    fn from(row: FulfilmentRow) -> Self {
        Self {
            line: row.at.to_string(),
            site: row.site,
            sku: row.sku,
            title: row.title.into(),
            sku_name: row.sku_name.into(),
            quantity: row.quantity,
            state: row.state.word(),
            answers: row.answers.into_iter().map(Into::into).collect(),
            since: row.since,
            due_at: row.due_at,
            taken_by: row.taken_by,
            taken_at: row.taken_at,
            proof: row.proof,
            reason: row.reason,
            ended_at: row.ended_at,
        }
    }
}
