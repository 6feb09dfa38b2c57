//! A buyer's program asks for money of an order back.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use order::{ClaimId, LinePart, LineWish, OrderId, Proof, RefundTo, RefundWish};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Buyer, IdempotencyKey, Json, Path, Problem};

use super::App;
use crate::body::Fields;
use crate::claims::ClaimView;
use crate::page::{List, answer, created_once};
use crate::returns::{check_named, source};

/// What is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimBody {
    /// Why, up to 500 characters, for the shop.
    reason: String,
    /// Of which lines; without it of all that is left of the order.
    lines: Option<Vec<ClaimLineBody>>,
    /// `source` (where the money came from, the default) or `wallet`.
    #[serde(default = "source")]
    to: String,
}

/// What of a line.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ClaimLineBody {
    /// Its place in the order, from 1.
    line: i32,
    /// Which of its cards, by their place from 1; without it all that is left of the line.
    pieces: Option<Vec<u32>>,
}

/// What was asked for.
#[derive(Serialize, ToSchema)]
struct ClaimAskedView {
    /// Its id.
    #[schema(value_type = String)]
    id: ClaimId,
}

/// Ask for money of an order back.
///
/// The shop decides. One claim of an order waits at a time, and each line has its window.
#[utoipa::path(
    post, path = "/api/v1/shop/orders/{order}/claims", tag = "orders", request_body = ClaimBody,
    operation_id = "orders_claim",
    params(("order" = String, Path), ("Idempotency-Key" = String, Header, description = "Names the claim: sent again it is the same one.")),
    responses(
        (status = 201, body = ClaimAskedView),
        (status = 404, description = "`order_not_found`"),
        (status = 409, description = "`claim_waits`, `order_refunded`, `order_not_paid`"),
        (status = 422, description = "`claim_late`, `claim_never`, `claim_seen` and other refusals; `idempotency_key_reused`"),
    ),
)]
pub(super) async fn ask(
    buyer: Buyer,
    State(App(rooms)): State<App>,
    Path(order): Path<OrderId>,
    key: IdempotencyKey,
    Json(sent): Json<ClaimBody>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let to = fields.word("/to", &sent.to, RefundTo::parse);
    if let Some(lines) = &sent.lines {
        check_named(&mut fields, lines.len());
    }
    let lines = sent.lines.unwrap_or_default().into_iter().map(|line| LineWish {
        line: line.line,
        part: line.pieces.map_or(LinePart::Rest, |pieces| LinePart::Pieces(pieces.into_iter().collect())),
    });
    let wish = fields.whole(to.map(|to| RefundWish { lines: lines.collect(), to }))?;
    let proof = Proof::account(buyer.customer.id);
    let asked = rooms.orders.ask_back(&buyer.scope, &proof, (order, wish, &sent.reason), &key.0).await?;
    Ok(created_once(asked.is_replay, ClaimAskedView { id: asked.answer }))
}

/// What was asked for of an order, the first claim first.
#[utoipa::path(
    get, path = "/api/v1/shop/orders/{order}/claims", tag = "orders", operation_id = "orders_claims",
    params(("order" = String, Path)), responses((status = 200, body = List<ClaimView>), (status = 404, description = "`order_not_found`"))
)]
pub(super) async fn list(
    buyer: Buyer,
    State(App(rooms)): State<App>,
    Path(order): Path<OrderId>,
) -> Result<Response, Problem> {
    let (view, _) = rooms.orders.view(&buyer.scope, &Proof::account(buyer.customer.id), order).await?;
    Ok(answer(StatusCode::OK, List::whole(view.claims.into_iter().map(ClaimView::from).collect())))
}

/// Do not ask for it any more.
#[utoipa::path(
    post, path = "/api/v1/shop/orders/{order}/claims/{claim}/withdraw", tag = "orders", operation_id = "orders_claim_withdraw",
    params(("order" = String, Path), ("claim" = String, Path)),
    responses((status = 204), (status = 404, description = "`claim_not_found`"), (status = 409, description = "`claim_state`"))
)]
pub(super) async fn withdraw(
    buyer: Buyer,
    State(App(rooms)): State<App>,
    Path((order, claim)): Path<(OrderId, ClaimId)>,
) -> Result<StatusCode, Problem> {
    rooms.orders.withdraw_claim(&buyer.scope, &Proof::account(buyer.customer.id), (order, claim)).await?;
    Ok(StatusCode::NO_CONTENT)
}
