//! A buyer's program sees which codes of an order are new ones.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use order::{BuyerReplacement, OrderId, Proof};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Buyer, Path, Problem};

use super::App;
use crate::page::{List, answer};

/// A code that was replaced: the order's page shows the new one only.
#[derive(Serialize, ToSchema)]
struct ReplacementView {
    /// The place of the line in the order, from 1.
    line: i32,
    /// The place of the code in the line, from 1.
    piece: u32,
    /// When.
    at: DateTime<Utc>,
}

/// The codes of an order that were replaced because they did not work, the first one first.
#[utoipa::path(
    get, path = "/api/v1/shop/orders/{order}/replacements", tag = "orders", operation_id = "orders_replacements",
    params(("order" = String, Path)),
    responses((status = 200, body = List<ReplacementView>), (status = 404, description = "`order_not_found`"))
)]
pub(super) async fn list(
    buyer: Buyer,
    State(App(rooms)): State<App>,
    Path(order): Path<OrderId>,
) -> Result<Response, Problem> {
    let (view, _) = rooms.orders.view(&buyer.scope, &Proof::account(buyer.customer.id), order).await?;
    Ok(answer(StatusCode::OK, List::whole(view.replacements.into_iter().map(ReplacementView::from).collect())))
}

impl From<BuyerReplacement> for ReplacementView {
    fn from(known: BuyerReplacement) -> Self {
        let BuyerReplacement { line, piece, at } = known;
        Self { line, piece, at }
    }
}
