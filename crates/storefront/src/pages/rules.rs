//! The shop's own rules and its notice: texts with the seller's data, the same for everybody.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use web::{MaybeBuyer, Problem, ShopContext};

use super::page;
use crate::app::App;
use crate::frame::Frame;
use crate::rows;
use crate::view::{Common, NoticeView, Rule, RuleView};

/// `GET /terms`.
pub(crate) async fn terms(
    buyer: MaybeBuyer,
    shop: ShopContext,
    frame: Frame,
    State(app): State<App>,
) -> Result<Response, Problem> {
    rule_page((&app, &frame), (&buyer, &shop), Rule::Terms).await
}

/// `GET /privacy`.
pub(crate) async fn privacy(
    buyer: MaybeBuyer,
    shop: ShopContext,
    frame: Frame,
    State(app): State<App>,
) -> Result<Response, Problem> {
    rule_page((&app, &frame), (&buyer, &shop), Rule::Privacy).await
}

/// `GET /refunds`.
pub(crate) async fn refunds(
    buyer: MaybeBuyer,
    shop: ShopContext,
    frame: Frame,
    State(app): State<App>,
) -> Result<Response, Problem> {
    rule_page((&app, &frame), (&buyer, &shop), Rule::Refunds).await
}

/// `GET /notices`.
pub(crate) async fn notices(
    buyer: MaybeBuyer,
    shop: ShopContext,
    frame: Frame,
    State(app): State<App>,
) -> Result<Response, Problem> {
    let common = common(&app, &frame, (&buyer, &shop)).await?;
    let view = NoticeView::new(shop.0.site.notice.get(frame.language));
    page(&app, frame.language, StatusCode::OK, "notices.html", &common, view)
}

async fn rule_page(
    (app, frame): (&App, &Frame),
    who: (&MaybeBuyer, &ShopContext),
    rule: Rule,
) -> Result<Response, Problem> {
    let common = common(app, frame, who).await?;
    let view = RuleView::new((app.templates.words(frame.language), frame.language), &who.1.0, rule);
    page(app, frame.language, StatusCode::OK, "rules.html", &common, view)
}

async fn common(
    app: &App,
    frame: &Frame,
    (buyer, ShopContext(shop)): (&MaybeBuyer, &ShopContext),
) -> Result<Common, Problem> {
    let Some((customer, _)) = &buyer.customer else { return Ok(Common::new(frame, None)) };
    let tx = rows::begin(app, shop).await?;
    let me = rows::me_in(&tx, shop, Some(customer)).await?;
    Ok(Common::new(frame, me.map(|(me, _)| me)))
}
