//! The home page: the sections of the site.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use web::{MaybeBuyer, Problem, ShopContext};

use super::{At, Sheet};
use crate::app::App;
use crate::frame::Frame;
use crate::rows::{Look, stock_of};
use crate::view::{HomeView, Shown};

/// `GET /`: what is for sale.
pub(crate) async fn home(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    (frame, headers): (Frame, HeaderMap),
    State(app): State<App>,
) -> Result<Response, Problem> {
    let at = At { app: &app, shop: &shop, frame: &frame, headers: &headers, buyer: &buyer };
    let look = Look::of(&app, &shop, at.customer()).await?;
    let sheet = Sheet { template: "home.html", address: Some("/".to_owned()), basis: look.basis() };
    let view = async {
        let sold = look.sold().await?;
        let (words, language) = (app.templates.words(frame.language), frame.language);
        let shown = Shown { words, language, site: &shop.site, categories: look.case.categories(), sold: &sold };
        // What sells best goes by what is left of everything.
        Ok((HomeView::new(&shown), stock_of(&sold)))
    };
    at.show(sheet, view).await
}
