//! All routes of the API.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::http::StatusCode;
use catalog::Catalog;
use identity::Operators;
use inventory::{Intake, Inventory};
use order::Orders;
use payment::Payments;
use store::Store;
use tenancy::Tenancy;
use web::{Face, Guest, Kit, Problem, Route, Routes};

use crate::{doc, fulfilments, intake, orders, refunds, session, stock, tenants};

/// The console's host where the settings name no other.
pub const CONSOLE_HOST: &str = "console.localhost";

/// The rooms below, as the server wires them.
#[derive(Clone)]
pub struct ApiState {
    /// Tenants.
    pub tenancy: Tenancy,
    /// Goods.
    pub catalog: Catalog,
    /// Stock.
    pub inventory: Inventory,
    /// Cards that come in.
    pub intake: Intake,
    /// Orders.
    pub orders: Orders,
    /// Money that came, and goes back.
    pub payments: Payments,
    /// Log-ins.
    pub operators: Operators,
    /// Transactions that an answer reads in.
    pub store: Store,
    /// Proxies and bounds, shared with the other applications of the server.
    pub kit: Kit,
}

/// The state of all handlers.
#[derive(Clone)]
pub(crate) struct App(pub Arc<ApiState>);

impl FromRef<App> for Operators {
    fn from_ref(app: &App) -> Self {
        app.0.operators.clone()
    }
}

/// The API, complete with all layers.
pub fn router(state: ApiState) -> Router {
    let kit = state.kit.clone();
    let router = routes().into_router().fallback(nothing_here).method_not_allowed_fallback(other_method);
    kit.layers(router.with_state(App(Arc::new(state))), Face::json())
}

/// Every route with its policy.
pub fn route_list() -> Vec<Route> {
    routes().list()
}

fn routes() -> Routes<App> {
    order_routes(base_routes())
}

fn base_routes() -> Routes<App> {
    Routes::default()
        .get("/", welcome)
        .get("/api/docs", doc::front)
        .get("/api/docs/", doc::index)
        .get("/api/docs/{file}", doc::file)
        .get(doc::DOCUMENT, doc::json)
        .post("/api/v1/session", session::log_in)
        .get("/api/v1/session", session::show)
        .delete("/api/v1/session", session::log_out)
        .get("/api/v1/tenants", tenants::list)
        .get("/api/v1/tenants/{tenant}/stock", stock::list)
        .post("/api/v1/tenants/{tenant}/stock/{sku}/imports", intake::import)
        .get("/api/v1/tenants/{tenant}/batches", intake::batches)
        .get("/api/v1/tenants/{tenant}/batches/{batch}", intake::batch)
        .post("/api/v1/tenants/{tenant}/batches/{batch}/undo", intake::undo)
}

fn order_routes(routes: Routes<App>) -> Routes<App> {
    routes
        .get("/api/v1/tenants/{tenant}/orders", orders::list)
        .get("/api/v1/tenants/{tenant}/orders/{order}", orders::show)
        .post("/api/v1/tenants/{tenant}/orders/{order}/refund", orders::refund)
        .get("/api/v1/tenants/{tenant}/fulfilments", fulfilments::list)
        .post("/api/v1/tenants/{tenant}/fulfilments/{line}", fulfilments::act)
        .get("/api/v1/tenants/{tenant}/exceptions", refunds::exceptions)
        .get("/api/v1/tenants/{tenant}/refunds", refunds::list)
        .post("/api/v1/tenants/{tenant}/refunds/{refund}/approve", refunds::approve)
        .post("/api/v1/tenants/{tenant}/refunds/{refund}/cancel", refunds::cancel)
        .post("/api/v1/tenants/{tenant}/refunds/{refund}/ask", refunds::ask)
        .get("/api/v1/tenants/{tenant}/sites/{site}/orders", orders::own_orders)
        .get("/api/v1/tenants/{tenant}/sites/{site}/orders/{order}", orders::own_order)
}

/// `GET /`: what somebody reads who opens the console's host in a browser before it has pages.
async fn welcome(_: Guest) -> &'static str {
    "Cardgrove console\n\nThe pages of the console are not built yet. Its API is here:\n\n  \
     /api/docs              to read and to try\n  \
     /api/v1/openapi.json   as a document (OpenAPI 3.1)\n"
}

async fn nothing_here() -> Problem {
    Problem::not_found()
}

async fn other_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
}
