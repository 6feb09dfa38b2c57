//! The page of goods, and the way from it to the checkout.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use catalog::Code;
use identity::Customer;
use tenancy::Shop;
use web::{Form, MaybeBuyer, Path, Problem, ShopContext};

use super::page;
use crate::app::App;
use crate::complaint::Complaint;
use crate::form::{ChoiceForm, Wish, check};
use crate::frame::{Frame, seller};
use crate::rows;
use crate::view::{Choice, Common, GoodsView, Looked, SellerOf, quantity_max};

/// `GET /goods/{code}`.
pub(crate) async fn show(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    frame: Frame,
    State(app): State<App>,
    Path(code): Path<String>,
) -> Result<Response, Problem> {
    let customer = buyer.customer.as_ref().map(|(customer, _)| customer);
    goods_page(&app, &frame, (&shop, customer), &parse(&code)?, (Choice::default(), None)).await
}

/// `POST /goods/{code}`: on to the checkout with the choice, or the page again with the reason.
pub(crate) async fn choose(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    frame: Frame,
    State(app): State<App>,
    Path(code): Path<String>,
    Form(form): Form<ChoiceForm>,
) -> Result<Response, Problem> {
    let code = parse(&code)?;
    let customer = buyer.customer.as_ref().map(|(customer, _)| customer);
    let complaint = match form.wanted(shop.tenant.currency) {
        Ok(wanted) => {
            let tx = rows::begin(&app, &shop).await?;
            let asked = (&code, form.choice());
            let priced = rows::goods_in(&app, &tx, &shop, &rows::subject(customer), asked).await?;
            drop(tx);
            let (_, offers) = priced.counted(&app, &shop).await?;
            match check(&offers, &wanted) {
                Ok(()) => {
                    let wish = Wish { code, wanted };
                    return Ok(Redirect::to(&format!("/checkout?{}", wish.query())).into_response());
                }
                Err(complaint) => complaint,
            }
        }
        Err(complaint) => complaint,
    };
    goods_page(&app, &frame, (&shop, customer), &code, (form.choice(), Some(complaint))).await
}

/// A code that cannot be one names nothing.
fn parse(code: &str) -> Result<Code, Problem> {
    Code::parse(code).map_err(|_| Problem::not_found())
}

/// The page, with the buyer's choice and what is wrong with it.
pub(crate) async fn goods_page(
    app: &App,
    frame: &Frame,
    (shop, customer): (&Shop, Option<&Customer>),
    code: &Code,
    (choice, complaint): (Choice, Option<Complaint>),
) -> Result<Response, Problem> {
    let tx = rows::begin(app, shop).await?;
    let priced = rows::goods_in(app, &tx, shop, &rows::subject(customer), (code, choice)).await?;
    let category = app.rooms.catalog.category_in(&tx, priced.category()).await?;
    let me = rows::me_in(&tx, shop, customer).await?;
    drop(tx);
    let (goods, offers) = priced.counted(app, shop).await?;
    let words = app.templates.words(frame.language);
    let status = complaint.as_ref().map_or(StatusCode::OK, Complaint::status);
    let error = complaint.map(|complaint| complaint.shown(words, quantity_max(&offers)));
    let (name, _) = seller(shop, frame.language, frame.sells_itself);
    let seller = SellerOf { origin: frame.origin.as_deref().unwrap_or_default(), name };
    let looked = Looked { goods, offers, category };
    let view = GoodsView::new((words, frame.language), (&looked, &seller), choice, error);
    page(app, frame.language, status, "goods.html", &Common::new(frame, me.map(|(me, _)| me)), view)
}
