//! The page of goods, and the way from it to the checkout.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use catalog::{Code, Exhibit};
use identity::Customer;
use tenancy::Shop;
use web::{Form, MaybeBuyer, Path, Problem, ShopContext};

use super::{At, Sheet, page};
use crate::app::App;
use crate::cache::Stock;
use crate::complaint::Complaint;
use crate::form::{ChoiceForm, Wish, check};
use crate::frame::{Frame, seller};
use crate::rows::{self, Look};
use crate::view::{Choice, Common, FormError, GoodsView, Looked, Offer, SellerOf, quantity_max};

/// `GET /goods/{code}`.
pub(crate) async fn show(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    (frame, headers): (Frame, HeaderMap),
    State(app): State<App>,
    Path(code): Path<String>,
) -> Result<Response, Problem> {
    let at = At { app: &app, shop: &shop, frame: &frame, headers: &headers, buyer: &buyer };
    let look = Look::of(&app, &shop, at.customer()).await?;
    let exhibit = look.case.find(&parse(&code)?).ok_or(Problem::not_found())?;
    let address = Some(format!("/goods/{}", exhibit.goods.code));
    let view = async {
        let offers = look.offers(exhibit, Choice::default()).await?;
        let stock = stock(exhibit, &offers);
        Ok((view((&app, &frame), (&shop, &look), (exhibit, offers), (Choice::default(), None)), stock))
    };
    at.show(Sheet { template: "goods.html", address, basis: look.basis() }, view).await
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
    goods_page(&app, &frame, (&shop, customer), &code, (form.choice(), complaint)).await
}

/// A code that cannot be one names nothing.
fn parse(code: &str) -> Result<Code, Problem> {
    Code::parse(code).map_err(|_| Problem::not_found())
}

/// The page once more, with the buyer's choice and what is wrong with it.
pub(crate) async fn goods_page(
    app: &App,
    frame: &Frame,
    (shop, customer): (&Shop, Option<&Customer>),
    code: &Code,
    (choice, complaint): (Choice, Complaint),
) -> Result<Response, Problem> {
    if !matches!(complaint, Complaint::OutOfStock { .. } | Complaint::Quantity) {
        // The rows said otherwise than what was shown: memory may be a second behind another node.
        app.showcases.look_again(&shop.scope().engine());
    }
    let look = Look::of(app, shop, customer).await?;
    let exhibit = look.case.find(code).ok_or(Problem::not_found())?;
    let offers = look.offers(exhibit, choice).await?;
    let status = complaint.status();
    let error = complaint.shown(app.templates.words(frame.language), quantity_max(&offers));
    let view = view((app, frame), (shop, &look), (exhibit, offers), (choice, Some(error)));
    let common = Common::new(frame, rows::me(app, shop, customer).await?);
    page(app, frame.language, status, "goods.html", &common, view)
}

fn view(
    (app, frame): (&App, &Frame),
    (shop, look): (&Shop, &Look<'_>),
    (exhibit, offers): (&Exhibit, Vec<Offer>),
    (choice, error): (Choice, Option<FormError>),
) -> GoodsView {
    let (name, _) = seller(shop, frame.language, frame.sells_itself.unwrap_or_default());
    let seller = SellerOf { origin: frame.origin.as_deref().unwrap_or_default(), name };
    let category = look.case.categories().iter().find(|category| category.id == exhibit.goods.category);
    let looked = Looked { goods: &exhibit.goods, offers, category };
    GoodsView::new((app.templates.words(frame.language), frame.language), (&looked, &seller), choice, error)
}

/// How many of each SKU that can run out the page shows.
fn stock(exhibit: &Exhibit, offers: &[Offer]) -> Stock {
    let counted = offers.iter().filter(|_| exhibit.goods.kind.is_counted());
    counted.map(|offer| (offer.sku.id, u32::try_from(offer.left).unwrap_or(u32::MAX))).collect()
}
