//! Looking for goods: the page of a category, and the search.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use catalog::Code;
use web::{MaybeBuyer, Path, Problem, Query, ShopContext};

use super::{At, Sheet};
use crate::app::App;
use crate::browse::{Asked, Filter};
use crate::frame::Frame;
use crate::rows::{Look, stock_of};
use crate::view::BrowseView;

/// `GET /search`: goods by words, category and price.
pub(crate) async fn search(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    (frame, headers): (Frame, HeaderMap),
    State(app): State<App>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let at = At { app: &app, shop: &shop, frame: &frame, headers: &headers, buyer: &buyer };
    browse_page(&at, &asked, None).await
}

/// `GET /categories/{code}`: the goods of a category, to be narrowed like any search.
pub(crate) async fn category(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    (frame, headers): (Frame, HeaderMap),
    State(app): State<App>,
    Path(code): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let code = Code::parse(&code).map_err(|_| Problem::not_found())?;
    let at = At { app: &app, shop: &shop, frame: &frame, headers: &headers, buyer: &buyer };
    browse_page(&at, &asked, Some(code)).await
}

async fn browse_page(at: &At<'_>, asked: &Asked, own: Option<Code>) -> Result<Response, Problem> {
    let look = Look::of(at.app, at.shop, at.customer()).await?;
    let categories = look.case.categories();
    let of = |code: &Code| categories.iter().find(|category| category.code == *code);
    let own = match &own {
        Some(code) => Some(of(code).ok_or(Problem::not_found())?),
        None => None,
    };
    let filter = Filter::read(asked, own.map(|category| category.code.clone()), at.shop.tenant.currency);
    let category = filter.category.as_ref().map(of);
    let is_known = category.is_none_or(|category| category.is_some());
    let category = category.flatten().map(|category| category.id);
    let address = filter.address(own.map(|category| &category.code), is_known);
    let view = async {
        let sold = look.sold().await?;
        let found = filter.find(&sold, category);
        let language = (at.app.templates.words(at.frame.language), at.frame.language);
        let stock = stock_of(found.goods.iter().copied());
        Ok((BrowseView::new(language, &filter, &found, (categories, own)), stock))
    };
    at.show(Sheet { template: "browse.html", address, basis: look.basis() }, view).await
}
