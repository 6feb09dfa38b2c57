//! All routes of the shops.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tenancy::Shop;
use web::{Face, Problem, Route, Routes, ShopContext, ShopFault, Visit};

use crate::app::{App, StorefrontState};
use crate::face::ShopFace;
use crate::frame::{Frame, SellsItself, keep_language, origin};
use crate::templates::Templates;
use crate::{assets, pages, rows};

/// The hosts of the demo's list of shops.
const DEMO_HOSTS: [&str; 2] = ["localhost", "127.0.0.1"];

/// The shop pages, complete with all layers.
pub fn router(state: StorefrontState) -> Router {
    let templates = Templates::compile().expect("the embedded templates are compiled by a test");
    let app = App::new(state, templates);
    let shops = shop_routes()
        .into_router()
        .fallback(nothing_here)
        .method_not_allowed_fallback(other_method)
        .layer(from_fn_with_state(app.clone(), open_shop));
    let router = shops.merge(file_routes().into_router()).layer(from_fn(keep_language)).with_state(app.clone());
    let cashier = app.rooms.settings.cashier.origin().ascii_serialization();
    let kit = app.rooms.settings.kit.clone().posting_to(&cashier);
    kit.layers(router, Face::pages(ShopFace(app)))
}

/// Every route with its policy.
pub fn route_list() -> Vec<Route> {
    let mut list = shop_routes().list();
    list.extend(file_routes().list());
    list.sort();
    list
}

/// Served on every host: the page for an unknown host needs its style sheet too.
fn file_routes() -> Routes<App> {
    Routes::default().get("/assets/{*file}", assets::asset)
}

fn shop_routes() -> Routes<App> {
    let routes = Routes::default()
        .get("/", pages::home::home)
        .get("/goods/{code}", pages::goods::show)
        .post("/goods/{code}", pages::goods::choose)
        .get("/checkout", pages::checkout::show)
        .post("/checkout", pages::checkout::submit)
        .get("/login", pages::login::show)
        .post("/login", pages::login::log_in)
        .post("/logout", pages::login::log_out)
        .get("/register", pages::register::show)
        .post("/register", pages::register::submit)
        .get("/lookup", pages::lookup::show)
        .post("/lookup", pages::lookup::find)
        .get("/wallet", pages::wallet::show)
        .get("/wallet/top-up", pages::wallet::back)
        .post("/wallet/top-up", pages::wallet::top_up)
        .get("/wallet/recharge", pages::wallet::back)
        .post("/wallet/recharge", pages::recharge::redeem)
        .get("/wallet/top-ups", pages::topups::list)
        .get("/wallet/top-ups/{intent}", pages::wallet::top_up_page)
        .get("/wallet/top-ups/{intent}/status", pages::wallet::status)
        .post("/wallet/top-ups/{intent}/pay", pages::wallet::pay);
    order_routes(reading_routes(routes))
}

/// Pages that lead to goods, and those that say by which rules they are sold.
fn reading_routes(routes: Routes<App>) -> Routes<App> {
    routes
        .get("/theme.css", pages::seo::theme)
        .get("/robots.txt", pages::seo::robots)
        .get("/sitemap.xml", pages::seo::sitemap)
        .get("/r/{code}", pages::promotion::follow)
        .get("/search", pages::browse::search)
        .get("/categories/{code}", pages::browse::category)
        .get("/notices", pages::rules::notices)
        .get("/terms", pages::rules::terms)
        .get("/privacy", pages::rules::privacy)
        .get("/refunds", pages::rules::refunds)
}

/// An order that was paid by a channel has a word in its address; one that was paid from a wallet has none.
fn order_routes(routes: Routes<App>) -> Routes<App> {
    routes
        .get("/orders", pages::orders::list)
        .get("/orders/{id}", pages::order::show)
        .get("/orders/{id}/status", pages::order::status)
        .get("/orders/{id}/codes", pages::order::back)
        .post("/orders/{id}/codes", pages::order::reveal)
        .post("/orders/{id}/file", pages::order::download)
        .get("/orders/{id}/claims", pages::order::back)
        .post("/orders/{id}/claims", pages::claims::ask)
        .post("/orders/{id}/claims/{claim}/withdraw", pages::claims::withdraw)
        .get("/orders/{id}/{link}", pages::order::show)
        .get("/orders/{id}/{link}/status", pages::order::status)
        .get("/orders/{id}/{link}/codes", pages::order::back)
        .post("/orders/{id}/{link}/codes", pages::order::reveal)
        .post("/orders/{id}/{link}/file", pages::order::download)
        .get("/orders/{id}/{link}/claims", pages::order::back)
        .post("/orders/{id}/{link}/claims", pages::claims::ask)
        .post("/orders/{id}/{link}/claims/{claim}/withdraw", pages::claims::withdraw)
        .post("/orders/{id}/{link}/pay", pages::order::pay)
}

async fn nothing_here() -> Problem {
    Problem::not_found()
}

async fn other_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
}

/// Finds the open shop of the host. Without one there is the demo's list, or a page that says why.
async fn open_shop(State(app): State<App>, visit: Visit, mut request: Request, next: Next) -> Response {
    match web::shop_of(&app.rooms.tenancy, &visit) {
        Ok(shop) => {
            if let Some(home) = home_of(&request, &visit, &shop) {
                return home;
            }
            let span = tracing::Span::current();
            span.record("tenant.id", tracing::field::display(shop.tenant.id));
            span.record("site.id", tracing::field::display(shop.site.id));
            let sells_itself = match rows::sells_itself(&app, &shop).await {
                Ok(sells_itself) => sells_itself,
                Err(problem) => return problem.into_response(),
            };
            request.extensions_mut().insert(SellsItself(sells_itself));
            request.extensions_mut().insert(ShopContext(shop));
            next.run(request).await
        }
        Err(ShopFault::Unknown { .. }) if DEMO_HOSTS.contains(&visit.host.as_str()) => demo(&app, request),
        Err(fault) => {
            if let ShopFault::Suspended(shop) | ShopFault::Closed(shop) = &fault {
                // For the footer of the page that says so; where it cannot be read, the footer names nobody.
                let _ = rows::sells_itself(&app, shop).await;
            }
            fault.problem().into_response()
        }
    }
}

/// The way to the same page at the shop's own host, if it was asked at another one: a page has one address. What is
/// posted is taken where it was sent. Nobody keeps the answer: after the shop has moved once more, an old one beside a
/// new one would send a browser to and fro.
fn home_of(request: &Request, visit: &Visit, shop: &Shop) -> Option<Response> {
    let is_page = request.method() == Method::GET || request.method() == Method::HEAD;
    if !is_page || visit.host == shop.home.as_str() {
        return None;
    }
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let location = HeaderValue::try_from(format!("{}{path}", origin(visit, shop))).ok()?;
    let headers = [(LOCATION, location), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Some((StatusCode::MOVED_PERMANENTLY, headers).into_response())
}

fn demo(app: &App, request: Request) -> Response {
    let unknown = || Problem::new(StatusCode::MISDIRECTED_REQUEST, "unknown_host").into_response();
    let Some(demo) = &app.rooms.settings.demo else { return unknown() };
    let (parts, _) = request.into_parts();
    if parts.uri.path() != "/" {
        return Problem::not_found().into_response();
    }
    pages::demo::show(app, &Frame::read(&parts), demo).into_response()
}
