//! What a customer paid in, or wanted to.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use payment::IntentId;
use serde::Deserialize;
use store::Tx;
use web::{Buyer, Problem, Query, ShopContext};

use super::page;
use crate::app::App;
use crate::frame::Frame;
use crate::rows;
use crate::view::{Common, TopUpsView};

/// Top-ups of one page.
const PAGE: u64 = 20;

/// Where a page of the list begins.
#[derive(Deserialize)]
pub(crate) struct Cursor {
    before: Option<IntentId>,
}

/// `GET /wallet/top-ups`, newest first.
pub(crate) async fn list(
    buyer: Buyer,
    ShopContext(shop): ShopContext,
    frame: Frame,
    State(app): State<App>,
    Query(cursor): Query<Cursor>,
) -> Result<Response, Problem> {
    let (top_ups, next) = app.payments().top_ups(&buyer.scope, buyer.customer.id, cursor.before, PAGE).await?;
    let tx = rows::begin(&app, &shop).await?;
    let (me, now) = (rows::me_in(&tx, &shop, Some(&buyer.customer)).await?, tx.now());
    drop(tx);
    let view = TopUpsView::new(app.templates.words(frame.language), &top_ups, next, now);
    let common = Common::new(&frame, me.map(|(me, _)| me));
    page(&app, frame.language, StatusCode::OK, "topups.html", &common, view)
}
