//! The handlers: each reads as one sentence.

pub(crate) mod browse;
pub(crate) mod checkout;
pub(crate) mod claims;
pub(crate) mod demo;
pub(crate) mod goods;
pub(crate) mod home;
pub(crate) mod login;
pub(crate) mod lookup;
pub(crate) mod order;
pub(crate) mod orders;
mod pay;
pub(crate) mod promotion;
pub(crate) mod recharge;
pub(crate) mod register;
pub(crate) mod rules;
pub(crate) mod seo;
pub(crate) mod topups;
pub(crate) mod wallet;

use axum::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, ETAG, HeaderMap, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use identity::Customer;
use kernel::Language;
use serde::Serialize;
use tenancy::Shop;
use web::{MaybeBuyer, Problem};

use crate::app::App;
use crate::cache::{Basis, Key, Stock};
use crate::frame::Frame;
use crate::view::{Common, Page};
use crate::{rows, theme};

/// Who looks at which shop, and how he asked.
pub(crate) struct At<'a> {
    pub app: &'a App,
    pub shop: &'a Shop,
    pub frame: &'a Frame,
    pub headers: &'a HeaderMap,
    pub buyer: &'a MaybeBuyer,
}

/// A page that shows the same to every guest.
pub(crate) struct Sheet {
    pub template: &'static str,
    /// Its one address; none if too few ask for it to be kept.
    pub address: Option<String>,
    pub basis: Basis,
}

impl At<'_> {
    pub fn customer(&self) -> Option<&Customer> {
        self.buyer.customer.as_ref().map(|(customer, _)| customer)
    }

    /// Shows the page: to a guest from memory if it can be, to a customer with his name and his balance. `view` is only
    /// waited for if the page is not there; it also tells the stock that it shows.
    pub async fn show<V: Serialize>(
        &self,
        sheet: Sheet,
        view: impl Future<Output = Result<(V, Stock), Problem>>,
    ) -> Result<Response, Problem> {
        let Self { app, shop, frame, headers, buyer: _ } = *self;
        let (Some(address), None) = (sheet.address, self.customer()) else {
            let (view, _) = view.await?;
            let me = rows::me(app, shop, self.customer()).await?;
            return page(app, frame.language, StatusCode::OK, sheet.template, &Common::new(frame, me), view);
        };
        // What a page is found by is what it reads of the request: it never sees anything else of it.
        let address = frame.asked_at(address);
        let (key, known) = (Key::new(shop, frame, address.clone()), frame.known.as_ref());
        if let Some(kept) = app.cache.find(app.rooms.orders.shelf(), shop, &key, &sheet.basis).await? {
            return Ok(kept.answer(headers, known));
        }
        let (frame, (view, stock)) = (frame.at(&address), view.await?);
        let render = || {
            let common = Common::new(&frame, None);
            let html = app.templates.render(frame.language, sheet.template, &Page { common: &common, own: view });
            html.map_err(|error| Problem::internal(&error))
        };
        Ok(app.cache.keep(shop, key, (sheet.basis, stock), render).await?.answer(headers, known))
    }
}

/// Renders a page. One that shows somebody's data is kept nowhere, any other is asked for again before it is shown.
pub(crate) fn page(
    app: &App,
    language: Language,
    status: StatusCode,
    template: &str,
    common: &Common,
    own: impl Serialize,
) -> Result<Response, Problem> {
    let html = app.templates.render(language, template, &Page { common, own });
    let html = html.map_err(|error| Problem::internal(&error))?;
    let cache = if common.is_private() { "no-store" } else { "private, no-cache" };
    let tag = (status == StatusCode::OK && !common.is_private()).then(|| tag(&html));
    let is_known = tag.is_some() && tag == common.known;
    let page = if is_known { StatusCode::NOT_MODIFIED.into_response() } else { (status, Html(html)).into_response() };
    let headers = [
        (CACHE_CONTROL, HeaderValue::from_static(cache)),
        (CONTENT_LANGUAGE, HeaderValue::from_static(language.tag())),
        (VARY, HeaderValue::from_static("accept-language, cookie")),
    ];
    let mut response = (headers, page).into_response();
    if let Some(tag) = tag {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

/// The version of a page is its text: language, prices and stock are all in it. It spares the way, not the work.
fn tag(html: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("W/\"{}\"", theme::version(html))).expect("hexadecimal digits are a header's text")
}
