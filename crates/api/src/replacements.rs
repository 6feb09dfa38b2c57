//! Codes that do not work are replaced by new ones.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use identity::OperatorId;
use order::{OrderId, OrderReplacement, REPLACEMENTS_MAX, ReplaceOf, ReplaceWish, Replaced};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{IdempotencyKey, Json, Operator, OrderRefund as MayRefund, Path, Problem};

use crate::body::Fields;
use crate::page::answer_once;
use crate::routes::App;

/// Which codes of a line are replaced, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplaceBody {
    /// Their places in the line, from 1; 1 to 50.
    pieces: Vec<u32>,
    /// Up to 500 characters; kept with the order, and told to nobody else.
    reason: String,
}

/// What was replaced.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReplacedView {
    /// The place of the line in the order, from 1.
    line: i32,
    /// Its codes.
    replacements: Vec<ReplacedPieceView>,
}

/// A code that was replaced.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReplacedPieceView {
    /// Its number among the replacements of the order, from 1.
    number: i32,
    /// The place of the code in the line, from 1.
    piece: u32,
}

/// A code of an order that was replaced.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrderReplacementView {
    /// Its number among the replacements of the order, from 1.
    number: i32,
    /// The place of the line in the order, from 1.
    line: i32,
    /// The place of the code in the line, from 1.
    piece: u32,
    /// Why; the owner of a site is not told.
    reason: Option<String>,
    /// Who said so; the owner of a site is not told.
    #[schema(value_type = Option<String>)]
    by: Option<OperatorId>,
    /// When.
    at: DateTime<Utc>,
}

/// Give the buyer new codes for those that do not work: all of them, or none.
///
/// The old codes are void, and new ones of the same SKU's stock stand in their places. The buyer pays nothing, and nobody's
/// earnings change. Another key replaces the new codes. An order has fifty codes replaced at most.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/orders/{order}/lines/{line_no}/replacements", tag = "orders",
    request_body = ReplaceBody, operation_id = "orders_replace_codes",
    params(
        ("tenant" = String, Path), ("order" = String, Path), ("line_no" = i32, Path), ("Idempotency-Key" = String, Header),
    ),
    responses((status = 200, body = ReplacedView),
        (status = 409, description = "`out_of_stock`; `replace_refunded`: nothing is left of the line"),
        (status = 422, description = "`replace_not_delivered`, `replace_shared`, `replace_piece`, `replace_too_many` and other \
            refusals; `idempotency_key_reused`: the key came with another body"))
)]
pub(crate) async fn replace(
    operator: Operator<MayRefund>,
    State(App(rooms)): State<App>,
    Path((_tenant, order, line)): Path<(String, OrderId, i32)>,
    key: IdempotencyKey,
    Json(sent): Json<ReplaceBody>,
) -> Result<Response, Problem> {
    let by = operator.operator.id;
    let mut fields = Fields::default();
    if !(1..=REPLACEMENTS_MAX).contains(&sent.pieces.len()) {
        fields.refuse("/pieces", "value_out_of_range", format!("1 to {REPLACEMENTS_MAX} places"));
    }
    let wish = fields.whole(Some(ReplaceWish { line, pieces: sent.pieces.iter().copied().collect() }))?;
    let of = ReplaceOf { reason: sent.reason, by };
    let replaced = rooms.orders.replace_codes(&operator.scope, (order, wish), of, &key.scoped(&by)).await?;
    let replacements = replaced.answer.into_iter().map(Into::into).collect();
    Ok(answer_once(replaced.is_replay, ReplacedView { line, replacements }))
}

impl From<Replaced> for ReplacedPieceView {
    fn from(replaced: Replaced) -> Self {
        Self { number: replaced.number, piece: replaced.piece }
    }
}

impl From<OrderReplacement> for OrderReplacementView {
    fn from(known: OrderReplacement) -> Self {
        let OrderReplacement { number, line, piece, reason, by, at } = known;
        Self { number, line, piece, reason, by, at }
    }
}
