//! The handlers: each reads as one sentence.

pub(crate) mod browse;
pub(crate) mod checkout;
pub(crate) mod demo;
pub(crate) mod goods;
pub(crate) mod home;
pub(crate) mod login;
pub(crate) mod lookup;
pub(crate) mod order;
pub(crate) mod orders;
mod pay;
pub(crate) mod register;
pub(crate) mod rules;
pub(crate) mod seo;
pub(crate) mod topups;
pub(crate) mod wallet;

use axum::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, ETAG, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use kernel::Language;
use serde::Serialize;
use web::Problem;

use crate::app::App;
use crate::theme;
use crate::view::{Common, Page};

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
