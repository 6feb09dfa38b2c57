//! The home page: the sections of the site.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use web::{MaybeBuyer, Problem, ShopContext};

use super::page;
use crate::app::App;
use crate::frame::Frame;
use crate::rows;
use crate::view::{Common, HomeView, Shown};

/// `GET /`: what is for sale.
pub(crate) async fn home(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    frame: Frame,
    State(app): State<App>,
) -> Result<Response, Problem> {
    let customer = buyer.customer.as_ref().map(|(customer, _)| customer);
    let rows::List { categories, sold, me } = rows::list(&app, &shop, customer).await?;
    let (words, language) = (app.templates.words(frame.language), frame.language);
    let shown = Shown { words, language, site: &shop.site, categories: &categories, sold: &sold };
    let view = HomeView::new(&shown);
    let common = Common::new(&frame, me);
    page(&app, frame.language, StatusCode::OK, "home.html", &common, view)
}
