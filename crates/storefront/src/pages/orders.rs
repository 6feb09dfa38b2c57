//! A buyer's own orders and their codes.

use axum::extract::State;
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use order::{Device, OrderId, OrderView, Revealed};
use serde::Deserialize;
use tenancy::Shop;
use web::{Buyer, Guest, Path, Problem, Query, ShopContext};

use super::page;
use crate::app::App;
use crate::frame::Frame;
use crate::rows;
use crate::view::{Common, Me, OrderPageView, OrdersView};

/// Where a page of the list begins.
#[derive(Deserialize)]
pub(crate) struct Cursor {
    before: Option<OrderId>,
}

/// `GET /orders`, newest first.
pub(crate) async fn list(
    buyer: Buyer,
    ShopContext(shop): ShopContext,
    frame: Frame,
    State(app): State<App>,
    Query(cursor): Query<Cursor>,
) -> Result<Response, Problem> {
    let orders = app.rooms.orders.page(&buyer.scope, buyer.customer.id, cursor.before).await?;
    let tx = rows::begin(&app, &shop).await?;
    let wallet = rows::wallet_in(&tx, &shop, buyer.customer.id).await?;
    let language = (app.templates.words(frame.language), frame.language);
    let common = Common::new(&frame, Some(Me::new(&buyer.customer.name, wallet)));
    page(&app, frame.language, StatusCode::OK, "orders.html", &common, OrdersView::new(language, &orders, wallet))
}

/// `GET /orders/{id}`: its codes are masked.
pub(crate) async fn show(
    buyer: Buyer,
    ShopContext(shop): ShopContext,
    frame: Frame,
    State(app): State<App>,
    Path(id): Path<OrderId>,
) -> Result<Response, Problem> {
    let view = app.rooms.orders.view(&buyer.scope, buyer.customer.id, id).await?;
    order_page(&app, &frame, (&shop, &buyer), &view, None).await
}

/// `POST /orders/{id}/codes`: logs the view, then shows the codes.
pub(crate) async fn reveal(
    buyer: Buyer,
    ShopContext(shop): ShopContext,
    frame: Frame,
    State(app): State<App>,
    Path(id): Path<OrderId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let program = headers.get(USER_AGENT).and_then(|name| name.to_str().ok());
    let device = Device::named(program.unwrap_or_default());
    let (view, revealed) = app.rooms.orders.reveal(&buyer.scope, (buyer.customer.id, &device), id).await?;
    order_page(&app, &frame, (&shop, &buyer), &view, Some(&revealed)).await
}

/// `GET /orders/{id}/codes`: the address of the page with codes, asked for again, is the order.
pub(crate) async fn back(_: Guest, Path(id): Path<OrderId>) -> Response {
    Redirect::to(&format!("/orders/{id}")).into_response()
}

async fn order_page(
    app: &App,
    frame: &Frame,
    (shop, buyer): (&Shop, &Buyer),
    view: &OrderView,
    revealed: Option<&[Revealed]>,
) -> Result<Response, Problem> {
    let tx = rows::begin(app, shop).await?;
    let wallet = rows::wallet_in(&tx, shop, buyer.customer.id).await?;
    let language = (app.templates.words(frame.language), frame.language);
    let common = Common::new(frame, Some(Me::new(&buyer.customer.name, wallet)));
    page(app, frame.language, StatusCode::OK, "order.html", &common, OrderPageView::new(language, view, revealed))
}
