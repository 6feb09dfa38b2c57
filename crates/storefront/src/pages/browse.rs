//! Looking for goods: the page of a category, and the search.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::Code;
use web::{MaybeBuyer, Path, Problem, Query, ShopContext};

use super::page;
use crate::app::App;
use crate::browse::{Asked, Filter};
use crate::frame::Frame;
use crate::rows;
use crate::view::{BrowseView, Common};

/// `GET /search`: goods by words, category and price.
pub(crate) async fn search(
    buyer: MaybeBuyer,
    shop: ShopContext,
    frame: Frame,
    State(app): State<App>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    browse_page((&app, &frame), (&buyer, &shop), &asked, None).await
}

/// `GET /categories/{code}`: the goods of a category, to be narrowed like any search.
pub(crate) async fn category(
    buyer: MaybeBuyer,
    shop: ShopContext,
    frame: Frame,
    State(app): State<App>,
    Path(code): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let code = Code::parse(&code).map_err(|_| Problem::not_found())?;
    browse_page((&app, &frame), (&buyer, &shop), &asked, Some(code)).await
}

async fn browse_page(
    (app, frame): (&App, &Frame),
    (buyer, ShopContext(shop)): (&MaybeBuyer, &ShopContext),
    asked: &Asked,
    own: Option<Code>,
) -> Result<Response, Problem> {
    let customer = buyer.customer.as_ref().map(|(customer, _)| customer);
    let rows::List { categories, sold, me } = rows::list(app, shop, customer).await?;
    let of = |code: &Code| categories.iter().find(|category| category.code == *code);
    let own = match &own {
        Some(code) => Some(of(code).ok_or(Problem::not_found())?),
        None => None,
    };
    let filter = Filter::read(asked, own.map(|category| category.code.clone()), shop.tenant.currency);
    let found = filter.find(&sold, filter.category.as_ref().and_then(of).map(|category| category.id));
    let language = (app.templates.words(frame.language), frame.language);
    let view = BrowseView::new(language, &filter, &found, (&categories, own));
    page(app, frame.language, StatusCode::OK, "browse.html", &Common::new(frame, me), view)
}
