//! Finding an order again: by its number or a contact, and the query password.

use axum::extract::State;
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use identity::{Customer, IdentityError};
use order::{Lookups, OrderError, OrderPage, Proof};
use serde::Deserialize;
use std::time::Duration;
use tenancy::Shop;
use web::{Form, MaybeBuyer, Problem, RateLimits, ShopContext, Visit};

use super::page;
use crate::app::App;
use crate::format;
use crate::frame::Frame;
use crate::rows;
use crate::view::{Common, FormError, LookUpView};

/// The form as the browser sends it.
#[derive(Deserialize)]
pub(crate) struct LookUpForm {
    #[serde(default)]
    who: String,
    #[serde(default)]
    password: String,
}

/// `GET /lookup`.
pub(crate) async fn show(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    frame: Frame,
    State(app): State<App>,
) -> Result<Response, Problem> {
    look_up_page(&app, &frame, (&shop, customer(&buyer)), StatusCode::OK, LookUpView::empty()).await
}

/// `POST /lookup`: one order opens, several are listed. Whatever is wrong, the answer is the same one.
pub(crate) async fn find(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    (frame, visit, limits): (Frame, Visit, RateLimits),
    State(app): State<App>,
    Form(form): Form<LookUpForm>,
) -> Result<Response, Problem> {
    let shop = (shop.as_ref(), customer(&buyer));
    let words = app.templates.words(frame.language);
    let about = Lookups::asked(buyer.scope.tenant(), &form.who);
    let found = try_find(&app, &buyer, (&form, &about), &visit).await;
    limits.tell(app.rooms.limits.left_for_guess((buyer.scope.tenant(), &about), visit.address));
    let found = match found {
        Ok(found) => found,
        Err(OrderError::Identity(IdentityError::TooManyTries { retry_after })) => {
            let wait = format::minutes(retry_after).to_string();
            let message = words.get("lookup.error.rate_limited", &[("minutes", &wait)]);
            let view = LookUpView::refused(form.who, FormError { code: "rate_limited", message });
            let page = look_up_page(&app, &frame, shop, StatusCode::TOO_MANY_REQUESTS, view).await?;
            return Ok(waiting(page, retry_after));
        }
        Err(error) => return Err(error.into()),
    };
    let Some((proof, orders)) = found else {
        let message = words.get("lookup.error.not_found", &[]);
        let view = LookUpView::refused(form.who, FormError { code: "not_found", message });
        return look_up_page(&app, &frame, shop, StatusCode::NOT_FOUND, view).await;
    };
    let next = match orders.orders.as_slice() {
        [(order, _)] => Redirect::to(&format!("/orders/{}", order.id)).into_response(),
        _ => {
            let view = LookUpView::found((words, frame.language), form.who, &orders);
            look_up_page(&app, &frame, shop, StatusCode::OK, view).await?
        }
    };
    let key = proof.query_key.unwrap_or_default();
    let cookie = web::look_up_cookie(&visit, &key).to_string();
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), next).into_response())
}

/// What number or contact, and password, open; none if anything is wrong.
async fn try_find(
    app: &App,
    buyer: &MaybeBuyer,
    (form, about): (&LookUpForm, &str),
    visit: &Visit,
) -> Result<Option<(Proof, OrderPage)>, OrderError> {
    let rooms = &app.rooms;
    let find = async {
        let (proof, orders) = rooms.lookups.find(&buyer.scope, &form.who, &form.password).await?;
        Ok((!orders.orders.is_empty()).then_some((proof, orders)))
    };
    rooms.limits.guard_guess((buyer.scope.tenant(), about), visit.address, find).await
}

fn customer(buyer: &MaybeBuyer) -> Option<&Customer> {
    buyer.customer.as_ref().map(|(customer, _)| customer)
}

fn waiting(mut page: Response, wait: Duration) -> Response {
    page.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    page
}

async fn look_up_page(
    app: &App,
    frame: &Frame,
    (shop, customer): (&Shop, Option<&Customer>),
    status: StatusCode,
    view: LookUpView,
) -> Result<Response, Problem> {
    let tx = rows::begin(app, shop).await?;
    let me = rows::me_in(&tx, shop, customer).await?;
    let common = Common::new(frame, me.map(|(me, _)| me)).private();
    page(app, frame.language, status, "lookup.html", &common, view)
}
