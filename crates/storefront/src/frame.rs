//! What every page needs to know of its request.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Request};
use axum::http::header::{ACCEPT_LANGUAGE, HeaderMap, IF_NONE_MATCH, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Uri};
use axum::middleware::Next;
use axum::response::Response;
use kernel::Language;
use std::sync::Arc;
use tenancy::Shop;
use web::{RequestId, ShopContext, TraceId, Visit};

/// Whether the shop is the seller of record, and not its main site; beside its [`ShopContext`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct SellsItself(pub bool);

/// The request as a page sees it.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub language: Language,
    pub path: String,
    pub query: String,
    pub request_id: Option<String>,
    pub trace_id: Option<String>,
    pub shop: Option<Arc<Shop>>,
    /// Whether the shop is the seller of record, and not its main site; none where that could not be found out.
    pub sells_itself: Option<bool>,
    /// Scheme, host and port that the shop's pages name as theirs.
    pub origin: Option<String>,
    /// The versions of the page that the browser has.
    pub known: Option<HeaderValue>,
}

impl Frame {
    pub fn read(parts: &Parts) -> Self {
        let shop = parts.extensions.get::<ShopContext>().map(|context| Arc::clone(&context.0));
        let visit = parts.extensions.get::<Visit>();
        Self {
            origin: visit.zip(shop.as_deref()).map(|(visit, shop)| origin(visit, shop)),
            known: parts.headers.get(IF_NONE_MATCH).cloned(),
            language: language(&parts.uri, &parts.headers),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            request_id: parts.extensions.get::<RequestId>().map(|id| id.as_str().to_owned()),
            trace_id: parts.extensions.get::<TraceId>().map(|id| id.as_str().to_owned()),
            shop,
            sells_itself: parts.extensions.get::<SellsItself>().map(|own| own.0),
        }
    }

    /// This address, with the language if the request asked for one.
    pub fn asked_at(&self, address: String) -> String {
        let Some(language) = asked_in(&self.query) else { return address };
        let mark = if address.contains('?') { '&' } else { '?' };
        format!("{address}{mark}lang={}", language.tag())
    }

    /// The same at this address, and with nothing that belongs to this one request.
    pub fn at(&self, address: &str) -> Self {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let (path, query) = (path.to_owned(), query.to_owned());
        Self { path, query, request_id: None, trace_id: None, known: None, ..self.clone() }
    }

    /// The path with its query, for coming back.
    pub fn here(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }
}

impl<S: Sync> FromRequestParts<S> for Frame {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::read(parts))
    }
}

/// The seller of record of what this shop sells: name and licence. Of a shop's own licence nothing is known.
pub(crate) fn seller(shop: &Shop, language: Language, sells_itself: bool) -> (&str, Option<&str>) {
    if sells_itself {
        return (shop.site.name.get(language), None);
    }
    (&shop.tenant.seller.name, shop.tenant.seller.licence.as_deref())
}

/// The shop's own host, at the port that was asked.
pub(crate) fn origin(visit: &Visit, shop: &Shop) -> String {
    let scheme = if visit.is_https { "https" } else { "http" };
    let port = visit.authority.rsplit_once(':').map(|(_, port)| port).filter(|port| port.parse::<u16>().is_ok());
    match port {
        Some(port) => format!("{scheme}://{}:{port}", shop.home),
        None => format!("{scheme}://{}", shop.home),
    }
}

/// Asked for now, else chosen before, else the browser's, else the shops' own.
fn language(uri: &Uri, headers: &HeaderMap) -> Language {
    let accepted = || Language::accepted(headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?);
    asked(uri).or_else(|| web::language_of(headers)).or_else(accepted).unwrap_or_default()
}

fn asked(uri: &Uri) -> Option<Language> {
    asked_in(uri.query()?)
}

fn asked_in(query: &str) -> Option<Language> {
    query.split('&').find_map(|pair| Language::parse(pair.strip_prefix("lang=")?))
}

/// Keeps the language that a request asks for.
pub(crate) async fn keep_language(request: Request, next: Next) -> Response {
    let choice = asked(request.uri()).zip(request.extensions().get::<Visit>().cloned());
    let mut response = next.run(request).await;
    if let Some((language, visit)) = choice {
        let cookie = web::language_cookie(&visit, language).to_string();
        let cookie = HeaderValue::from_str(&cookie).expect("a language tag is a cookie's text");
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_page_sees_its_address_and_the_language_that_was_asked_for() {
        let request =
            axum::http::Request::get("/x?utm_source=mail&lang=en&lang=zh-CN&y=1").body(()).expect("a request");
        let frame = Frame { request_id: Some("id".to_owned()), ..Frame::read(&request.into_parts().0) };
        assert_eq!(frame.asked_at("/".to_owned()), "/?lang=en");
        assert_eq!(frame.asked_at("/search?sort=new".to_owned()), "/search?sort=new&lang=en");
        let seen = frame.at(&frame.asked_at("/search?sort=new".to_owned()));
        assert_eq!(
            (seen.path.as_str(), seen.query.as_str(), seen.language),
            ("/search", "sort=new&lang=en", Language::English)
        );
        assert_eq!((seen.request_id, seen.known), (None, None));
        assert_eq!(Frame { query: "utm_source=lang=en".to_owned(), ..frame }.asked_at("/".to_owned()), "/");
    }
}
