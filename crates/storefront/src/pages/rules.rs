//! The shop's own rules and its notice: texts with the seller's data, the same for everybody.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use web::{MaybeBuyer, Problem, ShopContext};

use super::{At, Sheet};
use crate::app::App;
use crate::cache::{Basis, Stock};
use crate::frame::Frame;
use crate::view::{NoticeView, Rule, RuleView};

/// `GET /terms`.
pub(crate) async fn terms(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    (frame, headers): (Frame, HeaderMap),
    State(app): State<App>,
) -> Result<Response, Problem> {
    let at = At { app: &app, shop: &shop, frame: &frame, headers: &headers, buyer: &buyer };
    rule_page(&at, Rule::Terms).await
}

/// `GET /privacy`.
pub(crate) async fn privacy(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    (frame, headers): (Frame, HeaderMap),
    State(app): State<App>,
) -> Result<Response, Problem> {
    let at = At { app: &app, shop: &shop, frame: &frame, headers: &headers, buyer: &buyer };
    rule_page(&at, Rule::Privacy).await
}

/// `GET /refunds`.
pub(crate) async fn refunds(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    (frame, headers): (Frame, HeaderMap),
    State(app): State<App>,
) -> Result<Response, Problem> {
    let at = At { app: &app, shop: &shop, frame: &frame, headers: &headers, buyer: &buyer };
    rule_page(&at, Rule::Refunds).await
}

/// `GET /notices`.
pub(crate) async fn notices(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    (frame, headers): (Frame, HeaderMap),
    State(app): State<App>,
) -> Result<Response, Problem> {
    let at = At { app: &app, shop: &shop, frame: &frame, headers: &headers, buyer: &buyer };
    let view = async { Ok((NoticeView::new(shop.site.notice.get(frame.language)), Stock::new())) };
    at.show(sheet(&at, "notices.html", "/notices".to_owned()), view).await
}

async fn rule_page(at: &At<'_>, rule: Rule) -> Result<Response, Problem> {
    let language = (at.app.templates.words(at.frame.language), at.frame.language);
    let view = async { Ok((RuleView::new(language, at.shop, rule), Stock::new())) };
    at.show(sheet(at, "rules.html", format!("/{}", rule.word())), view).await
}

/// A page that shows nothing but what the shop says of itself.
fn sheet(at: &At<'_>, template: &'static str, address: String) -> Sheet {
    let basis = Basis { edition: at.shop.edition, ..Basis::default() };
    Sheet { template, address: Some(address), basis }
}
