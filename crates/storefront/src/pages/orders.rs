//! The list of orders: an account's, or those of this browser.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use identity::Token;
use order::{OrderId, OrderPage};
use serde::Deserialize;
use web::{MaybeBuyer, Problem, Query, ShopContext, Visitor};

use super::page;
use crate::app::App;
use crate::frame::Frame;
use crate::rows;
use crate::view::{Common, OrdersView};

/// Where a page of the list begins.
#[derive(Deserialize)]
pub(crate) struct Cursor {
    before: Option<OrderId>,
}

/// `GET /orders`, newest first.
pub(crate) async fn list(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    (frame, visitor): (Frame, Visitor),
    State(app): State<App>,
    Query(cursor): Query<Cursor>,
) -> Result<Response, Problem> {
    let customer = buyer.customer.as_ref().map(|(customer, _)| customer);
    let orders = match (customer, &visitor.token) {
        (Some(customer), _) => app.rooms.orders.page(&buyer.scope, customer.id, cursor.before).await?,
        (None, Some(token)) => app.rooms.orders.of_visitor(&buyer.scope, &Token::hash(token)).await?,
        (None, None) => OrderPage { orders: Vec::new(), next: None },
    };
    let tx = rows::begin(&app, &shop).await?;
    let (me, wallet) = rows::me_in(&tx, &shop, customer).await?.unzip();
    let language = (app.templates.words(frame.language), frame.language);
    let common = Common::new(&frame, me).private();
    page(&app, frame.language, StatusCode::OK, "orders.html", &common, OrdersView::new(language, &orders, wallet))
}
