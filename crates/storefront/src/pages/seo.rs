//! What machines read of a shop: its own style sheet, what search machines may look at, and where.

use std::fmt::Write;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse, Response};
use catalog::Exhibit;
use kernel::Language;
use web::{Guest, Problem, Query, ShopContext};

use crate::app::App;
use crate::assets::{Wanted, versioned};
use crate::frame::Frame;
use crate::rows::Look;
use crate::theme;

const CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
/// Long enough for a machine that walks a shop.
const FOR_AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");
/// What is somebody's own, or endless.
const NOT_INDEXED: [&str; 8] =
    ["/checkout", "/orders", "/wallet", "/lookup", "/login", "/register", "/logout", "/search"];

/// `GET /theme.css`: the colours and corners that the site has of its own.
pub(crate) async fn theme(
    _: Guest,
    ShopContext(shop): ShopContext,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let css = theme::style(&shop.site).ok_or(Problem::not_found())?;
    let version = theme::version(&css);
    Ok(versioned(&headers, (CSS, &version, &wanted), || Body::from(css)))
}

/// `GET /robots.txt`.
pub(crate) async fn robots(_: Guest, frame: Frame) -> Response {
    let mut text = String::from("User-agent: *\n");
    for path in NOT_INDEXED {
        writeln!(text, "Disallow: {path}").expect("a text takes everything");
    }
    write!(text, "\nSitemap: {}/sitemap.xml\n", origin(&frame)).expect("a text takes everything");
    ([(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")), (CACHE_CONTROL, FOR_AN_HOUR)], text)
        .into_response()
}

/// `GET /sitemap.xml`: every page of this shop that is worth finding, in all languages.
pub(crate) async fn sitemap(
    _: Guest,
    ShopContext(shop): ShopContext,
    frame: Frame,
    State(app): State<App>,
) -> Result<Response, Problem> {
    let look = Look::of(&app, &shop, None).await?;
    let has_price = |one: &&Exhibit| one.skus.iter().any(|sku| look.retail.unit(sku.id).is_some());
    let sold: Vec<_> = look.case.exhibits().iter().filter(has_price).collect();
    let mut paths: Vec<String> = ["/", "/terms", "/privacy", "/refunds", "/notices"].map(str::to_owned).into();
    let has_goods = |category: &&catalog::Category| sold.iter().any(|sold| sold.goods.category == category.id);
    paths.extend(
        look.case.categories().iter().filter(has_goods).map(|category| format!("/categories/{}", category.code)),
    );
    paths.extend(sold.iter().map(|sold| format!("/goods/{}", sold.goods.code)));
    let xml = HeaderValue::from_static("application/xml; charset=utf-8");
    Ok(([(CONTENT_TYPE, xml), (CACHE_CONTROL, FOR_AN_HOUR)], map(origin(&frame), &paths)).into_response())
}

fn origin(frame: &Frame) -> &str {
    frame.origin.as_deref().unwrap_or_default()
}

/// Hosts and codes have no letter that means anything in XML.
fn map(origin: &str, paths: &[String]) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\" \
         xmlns:xhtml=\"http://www.w3.org/1999/xhtml\">\n",
    );
    for path in paths {
        write!(xml, "<url><loc>{origin}{path}</loc>").expect("a text takes everything");
        for tag in Language::ALL.map(Language::tag) {
            let link = format!("<xhtml:link rel=\"alternate\" hreflang=\"{tag}\" href=\"{origin}{path}?lang={tag}\"/>");
            xml.push_str(&link);
        }
        xml.push_str("</url>\n");
    }
    xml.push_str("</urlset>\n");
    xml
}
