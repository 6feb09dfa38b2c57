//! The page of goods, and buying them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use catalog::Code;
use identity::Customer;
use order::Placed;
use tenancy::Shop;
use web::{Buyer, Form, MaybeBuyer, Path, Problem, ShopContext};

use super::page;
use crate::app::App;
use crate::complaint::{BuyForm, Complaint};
use crate::frame::Frame;
use crate::rows;
use crate::view::{Choice, Common, GoodsView, quantity_max};

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

/// `POST /goods/{code}`: buys, or shows the page again with the reason and the buyer's choice.
pub(crate) async fn buy(
    buyer: Buyer,
    ShopContext(shop): ShopContext,
    frame: Frame,
    State(app): State<App>,
    Path(code): Path<String>,
    Form(form): Form<BuyForm>,
) -> Result<Response, Problem> {
    let code = parse(&code)?;
    let complaint = match place(&app, &buyer, &shop, &form).await? {
        Ok(placed) => return Ok(Redirect::to(&format!("/orders/{}", placed.order)).into_response()),
        Err(complaint) => complaint,
    };
    goods_page(&app, &frame, (&shop, Some(&buyer.customer)), &code, (form.choice(), Some(complaint))).await
}

/// A code that cannot be one names nothing.
fn parse(code: &str) -> Result<Code, Problem> {
    Code::parse(code).map_err(|_| Problem::not_found())
}

async fn place(app: &App, buyer: &Buyer, shop: &Shop, form: &BuyForm) -> Result<Result<Placed, Complaint>, Problem> {
    let currency = shop.tenant.currency;
    let wanted = match form.wanted(currency) {
        Ok(wanted) => wanted,
        Err(complaint) => return Ok(Err(complaint)),
    };
    let chain = {
        let tx = rows::begin(app, shop).await?;
        rows::chain_in(app, &tx, shop).await?
    };
    let orders = &app.rooms.orders;
    let placed = orders.place(&buyer.scope, (chain, currency), buyer.customer.id, vec![wanted], &form.key).await;
    match placed.map_err(Complaint::of) {
        Ok(answered) => Ok(Ok(answered.answer)),
        Err(Ok(complaint)) => Ok(Err(complaint)),
        Err(Err(error)) => Err(error.into()),
    }
}

async fn goods_page(
    app: &App,
    frame: &Frame,
    (shop, customer): (&Shop, Option<&Customer>),
    code: &Code,
    (choice, complaint): (Choice, Option<Complaint>),
) -> Result<Response, Problem> {
    let tx = rows::begin(app, shop).await?;
    let (goods, offers) = rows::goods_in(app, &tx, shop, &rows::subject(customer), (code, choice)).await?;
    let me = rows::me_in(&tx, shop, customer).await?;
    let words = app.templates.words(frame.language);
    let status = complaint.as_ref().map_or(StatusCode::OK, Complaint::status);
    let error = complaint.map(|complaint| complaint.shown(words, quantity_max(&offers)));
    let wallet = me.as_ref().map(|(_, wallet)| *wallet);
    let view = GoodsView::new((words, frame.language), &goods, &offers, choice, wallet, error);
    page(app, frame.language, status, "goods.html", &Common::new(frame, me.map(|(me, _)| me)), view)
}
