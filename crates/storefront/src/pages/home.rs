//! The home page.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use web::{MaybeBuyer, Problem, ShopContext};

use super::page;
use crate::app::App;
use crate::frame::Frame;
use crate::rows;
use crate::view::{Common, HomeView};

/// `GET /`: what is for sale.
pub(crate) async fn home(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    frame: Frame,
    State(app): State<App>,
) -> Result<Response, Problem> {
    let customer = buyer.customer.as_ref().map(|(customer, _)| customer);
    let tx = rows::begin(&app, &shop).await?;
    let (categories, sold) = rows::shelf_in(&app, &tx, &shop, &rows::subject(customer)).await?;
    let me = rows::me_in(&tx, &shop, customer).await?;
    let language = (app.templates.words(frame.language), frame.language);
    let view = HomeView::new(language, shop.site.notice.get(frame.language), &categories, &sold);
    let common = Common::new(&frame, me.map(|(me, _)| me));
    page(&app, frame.language, StatusCode::OK, "home.html", &common, view)
}
