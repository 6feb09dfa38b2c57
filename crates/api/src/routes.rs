//! All routes of the API.

use std::sync::Arc;

use ::books::Books;
use ::levels::Levels;
use axum::Router;
use axum::extract::FromRef;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use catalog::{Catalog, Prices};
use commission::{Agents, Plans};
use funds::Funds;
use identity::{Customers, Operators};
use inventory::{Intake, Inventory};
use order::Orders;
use payment::Payments;
use settlement::Settlement;
use store::Store;
use tenancy::Tenancy;
use web::{Face, Guest, Kit, Problem, Route, Routes};
use withdrawal::Withdrawals;

use crate::{
    adjustments, agents, balances, bonuses, books, calendar, categories, channels, claims, doc, earnings, fulfilments,
    goods, intake, levels, orders, own, payouts, plans, prepaid, prices, recharge, refunds, replacements, returns,
    session, sites, skus, stock, tenants, troubles, version, withdrawals,
};

/// The console's host where the settings name no other.
pub const CONSOLE_HOST: &str = "console.localhost";

/// The rooms below, as the server wires them.
#[derive(Clone)]
pub struct ApiState {
    /// Tenants.
    pub tenancy: Tenancy,
    /// Goods.
    pub catalog: Catalog,
    /// What goods cost.
    pub prices: Prices,
    /// Stock.
    pub inventory: Inventory,
    /// Cards that come in.
    pub intake: Intake,
    /// Orders.
    pub orders: Orders,
    /// Who brings buyers.
    pub agents: Agents,
    /// What they earn.
    pub plans: Plans,
    /// When it may be taken out.
    pub settlement: Settlement,
    /// How it is taken out.
    pub withdrawals: Withdrawals,
    /// Recharge cards, adjustments, prepaid money.
    pub funds: Funds,
    /// Closed days, statements, profit.
    pub books: Books,
    /// Who rises and who falls.
    pub levels: Levels,
    /// Money that came, and goes back.
    pub payments: Payments,
    /// Those who have prices of their own.
    pub customers: Customers,
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
    let router = router.with_state(App(Arc::new(state))).layer(from_fn(version::asked));
    kit.layers(router, Face::json()).layer(from_fn(version::told))
}

/// Every route with its policy.
pub fn route_list() -> Vec<Route> {
    routes().list()
}

fn routes() -> Routes<App> {
    funds_routes(withdrawal_routes(settlement_routes(agent_routes(order_routes(base_routes())))))
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
        .get("/api/v1/tenants/{tenant}/sites", sites::list)
        .post("/api/v1/tenants/{tenant}/sites", sites::open)
        .put("/api/v1/tenants/{tenant}/sites/{site}", sites::change)
        .post("/api/v1/tenants/{tenant}/sites/{site}/state", sites::set_state)
        .post("/api/v1/tenants/{tenant}/sites/{site}/hosts", sites::add_host)
        .post("/api/v1/tenants/{tenant}/sites/{site}/owners", sites::add_owner)
        .get("/api/v1/tenants/{tenant}/categories", categories::list)
        .put("/api/v1/tenants/{tenant}/categories/{code}", categories::put)
        .get("/api/v1/tenants/{tenant}/goods", goods::list)
        .get("/api/v1/tenants/{tenant}/goods/{goods}", goods::show)
        .put("/api/v1/tenants/{tenant}/goods/{goods}", goods::put)
        .get("/api/v1/tenants/{tenant}/skus", skus::list)
        .put("/api/v1/tenants/{tenant}/skus/{code}", skus::put)
        .get("/api/v1/tenants/{tenant}/sku-exceptions", troubles::sku_exceptions)
        .get("/api/v1/tenants/{tenant}/sites/{site}/sku-exceptions", troubles::own_sku_exceptions)
        .get("/api/v1/tenants/{tenant}/prices", prices::list)
        .put("/api/v1/tenants/{tenant}/prices", prices::put)
        .get("/api/v1/tenants/{tenant}/prices/explain", prices::explain)
        .get("/api/v1/tenants/{tenant}/templates", prices::list_templates)
        .put("/api/v1/tenants/{tenant}/templates/{code}", prices::put_template)
        .get("/api/v1/tenants/{tenant}/channels", channels::list)
        .put("/api/v1/tenants/{tenant}/channels", channels::put)
        .post("/api/v1/tenants/{tenant}/channels/{channel}/state", channels::set_state)
        .get("/api/v1/tenants/{tenant}/balances", balances::balances)
        .get("/api/v1/tenants/{tenant}/entries", balances::entries)
        .get("/api/v1/tenants/{tenant}/closings", books::closings)
        .get("/api/v1/tenants/{tenant}/closings/{day}", books::closing)
        .get("/api/v1/tenants/{tenant}/closings/{day}/file", books::closing_file)
        .get("/api/v1/tenants/{tenant}/statements", books::statement)
        .get("/api/v1/tenants/{tenant}/aging", books::aging)
        .get("/api/v1/tenants/{tenant}/profit", books::profit)
        .get("/api/v1/tenants/{tenant}/sites/{site}/statement", books::own_statement)
        .get("/api/v1/tenants/{tenant}/sites/{site}/profile", own::profile::profile)
        .put("/api/v1/tenants/{tenant}/sites/{site}/profile", own::profile::put_profile)
        .get("/api/v1/tenants/{tenant}/sites/{site}/children", own::profile::children)
        .get("/api/v1/tenants/{tenant}/sites/{site}/goods", own::goods::goods)
        .get("/api/v1/tenants/{tenant}/sites/{site}/prices", own::prices::prices)
        .put("/api/v1/tenants/{tenant}/sites/{site}/prices", own::prices::put_price)
        .get("/api/v1/tenants/{tenant}/sites/{site}/prices/explain", own::prices::explain)
        .get("/api/v1/tenants/{tenant}/sites/{site}/templates", own::prices::templates)
        .put("/api/v1/tenants/{tenant}/sites/{site}/templates/{code}", own::prices::put_template)
        .get("/api/v1/tenants/{tenant}/sites/{site}/channels", own::channels::channels)
        .put("/api/v1/tenants/{tenant}/sites/{site}/channels", own::channels::put_channel)
        .post("/api/v1/tenants/{tenant}/sites/{site}/channels/{channel}/state", own::channels::set_channel_state)
        .get("/api/v1/tenants/{tenant}/sites/{site}/balances", own::ledger::balances)
        .post("/api/v1/tenants/{tenant}/stock/{sku}/imports", intake::import)
        .get("/api/v1/tenants/{tenant}/batches", intake::batches)
        .get("/api/v1/tenants/{tenant}/batches/{batch}", intake::batch)
        .post("/api/v1/tenants/{tenant}/batches/{batch}/undo", intake::undo)
}

fn order_routes(routes: Routes<App>) -> Routes<App> {
    routes
        .get("/api/v1/tenants/{tenant}/orders", orders::list)
        .get("/api/v1/tenants/{tenant}/orders/{order}", orders::show)
        .post("/api/v1/tenants/{tenant}/orders/{order}/refund", returns::refund)
        .post("/api/v1/tenants/{tenant}/orders/{order}/lines/{line_no}/replacements", replacements::replace)
        .get("/api/v1/tenants/{tenant}/fulfilments", fulfilments::list)
        .post("/api/v1/tenants/{tenant}/fulfilments/{line}", fulfilments::act)
        .get("/api/v1/tenants/{tenant}/claims", claims::list)
        .post("/api/v1/tenants/{tenant}/claims/{claim}/approve", claims::approve)
        .post("/api/v1/tenants/{tenant}/claims/{claim}/reject", claims::reject)
        .get("/api/v1/tenants/{tenant}/sites/{site}/claims", claims::own_claims)
        .get("/api/v1/tenants/{tenant}/exceptions", refunds::exceptions)
        .get("/api/v1/tenants/{tenant}/sites/{site}/exceptions", refunds::own_exceptions)
        .get("/api/v1/tenants/{tenant}/refunds", refunds::list)
        .post("/api/v1/tenants/{tenant}/refunds/{refund}/approve", refunds::approve)
        .post("/api/v1/tenants/{tenant}/refunds/{refund}/cancel", refunds::cancel)
        .post("/api/v1/tenants/{tenant}/refunds/{refund}/ask", refunds::ask)
        .get("/api/v1/tenants/{tenant}/sites/{site}/orders", orders::own_orders)
        .get("/api/v1/tenants/{tenant}/sites/{site}/orders/{order}", orders::own_order)
}

fn agent_routes(routes: Routes<App>) -> Routes<App> {
    routes
        .get("/api/v1/tenants/{tenant}/agents", agents::list)
        .post("/api/v1/tenants/{tenant}/agents", agents::appoint)
        .get("/api/v1/tenants/{tenant}/agents/{agent}", agents::show)
        .put("/api/v1/tenants/{tenant}/agents/{agent}", agents::change)
        .post("/api/v1/tenants/{tenant}/agents/{agent}/links", agents::add_link)
        .get("/api/v1/tenants/{tenant}/agents/{agent}/commissions", agents::commissions)
        .get("/api/v1/tenants/{tenant}/sites/{site}/agents/{agent}/commissions", agents::own_commissions)
        .get("/api/v1/tenants/{tenant}/sites/{site}/agents", agents::own_agents)
        .post("/api/v1/tenants/{tenant}/sites/{site}/agents", agents::own_appoint)
        .get("/api/v1/tenants/{tenant}/sites/{site}/agents/{agent}", agents::own_agent)
        .put("/api/v1/tenants/{tenant}/sites/{site}/agents/{agent}", agents::own_change_agent)
        .post("/api/v1/tenants/{tenant}/sites/{site}/agents/{agent}/links", agents::own_add_link)
        .get("/api/v1/tenants/{tenant}/commission-plans", plans::list)
        .post("/api/v1/tenants/{tenant}/commission-plans", plans::save)
        .get("/api/v1/tenants/{tenant}/sites/{site}/commission-plans", plans::own_plans)
}

fn settlement_routes(routes: Routes<App>) -> Routes<App> {
    routes
        .get("/api/v1/tenants/{tenant}/settlement-terms", earnings::terms)
        .post("/api/v1/tenants/{tenant}/settlement-terms", earnings::save_terms)
        .get("/api/v1/tenants/{tenant}/sites/{site}/settlement-terms", earnings::own_terms)
        .get("/api/v1/tenants/{tenant}/level-rules", levels::rules)
        .post("/api/v1/tenants/{tenant}/level-rules", levels::save_rules)
        .post("/api/v1/tenants/{tenant}/level-rules/preview", levels::preview)
        .get("/api/v1/tenants/{tenant}/levels", levels::list)
        .get("/api/v1/tenants/{tenant}/level", levels::of)
        .get("/api/v1/tenants/{tenant}/level-changes", levels::changes)
        .post("/api/v1/tenants/{tenant}/levels/pin", levels::pin)
        .post("/api/v1/tenants/{tenant}/levels/unpin", levels::unpin)
        .get("/api/v1/tenants/{tenant}/sites/{site}/level", levels::own)
        .get("/api/v1/tenants/{tenant}/sites/{site}/agents/{agent}/level", levels::of_own_agent)
        .get("/api/v1/tenants/{tenant}/calendar-days", calendar::days)
        .post("/api/v1/tenants/{tenant}/calendar-days", calendar::save_day)
        .get("/api/v1/tenants/{tenant}/earning-holds", earnings::holds)
        .post("/api/v1/tenants/{tenant}/earning-holds", earnings::hold)
        .post("/api/v1/tenants/{tenant}/earning-holds/{hold}/lift", earnings::lift)
        .get("/api/v1/tenants/{tenant}/earnings", earnings::of_site)
        .get("/api/v1/tenants/{tenant}/agents/{agent}/earnings", earnings::of_agent)
        .get("/api/v1/tenants/{tenant}/sites/{site}/agents/{agent}/earnings", earnings::of_own_agent)
        .get("/api/v1/tenants/{tenant}/sites/{site}/earnings", earnings::of_own_site)
}

fn withdrawal_routes(routes: Routes<App>) -> Routes<App> {
    use own::withdrawals as own;
    routes
        .get("/api/v1/tenants/{tenant}/withdrawal-rules", withdrawals::rules)
        .post("/api/v1/tenants/{tenant}/withdrawal-rules", withdrawals::save_rules)
        .get("/api/v1/tenants/{tenant}/withdrawals", withdrawals::list)
        .get("/api/v1/tenants/{tenant}/withdrawals/{withdrawal}", withdrawals::show)
        .post("/api/v1/tenants/{tenant}/withdrawals/{withdrawal}/approve", withdrawals::approve)
        .post("/api/v1/tenants/{tenant}/withdrawals/{withdrawal}/reject", withdrawals::reject)
        .post("/api/v1/tenants/{tenant}/withdrawals/{withdrawal}/payee", withdrawals::open_payee)
        .post("/api/v1/tenants/{tenant}/withdrawals/{withdrawal}/paid", withdrawals::paid)
        .post("/api/v1/tenants/{tenant}/withdrawals/{withdrawal}/returned", withdrawals::returned)
        .post("/api/v1/tenants/{tenant}/payee-names/forget", withdrawals::forget_name)
        .get("/api/v1/tenants/{tenant}/payouts", payouts::list)
        .post("/api/v1/tenants/{tenant}/payouts", payouts::send)
        .get("/api/v1/tenants/{tenant}/payouts/{payout}", payouts::show)
        .post("/api/v1/tenants/{tenant}/payouts/{payout}/file", payouts::file)
        .post("/api/v1/tenants/{tenant}/payouts/{payout}/results", payouts::results)
        .get("/api/v1/tenants/{tenant}/sites/{site}/payees", own::payees)
        .post("/api/v1/tenants/{tenant}/sites/{site}/payees", own::add_payee)
        .post("/api/v1/tenants/{tenant}/sites/{site}/payees/{payee}/remove", own::remove_payee)
        .get("/api/v1/tenants/{tenant}/sites/{site}/withdrawal-rules", own::rules)
        .get("/api/v1/tenants/{tenant}/sites/{site}/withdrawals", own::list)
        .post("/api/v1/tenants/{tenant}/sites/{site}/withdrawals", own::ask)
        .post("/api/v1/tenants/{tenant}/sites/{site}/withdrawals/{withdrawal}/cancel", own::cancel)
        .post("/api/v1/tenants/{tenant}/sites/{site}/conversions", own::convert)
}

fn funds_routes(routes: Routes<App>) -> Routes<App> {
    routes
        .get("/api/v1/tenants/{tenant}/recharge-batches", recharge::list)
        .post("/api/v1/tenants/{tenant}/recharge-batches", recharge::make)
        .get("/api/v1/tenants/{tenant}/recharge-batches/{recharge_batch}", recharge::show)
        .get("/api/v1/tenants/{tenant}/recharge-batches/{recharge_batch}/cards", recharge::cards)
        .post("/api/v1/tenants/{tenant}/recharge-batches/{recharge_batch}/file", recharge::file)
        .post("/api/v1/tenants/{tenant}/recharge-batches/{recharge_batch}/void", recharge::void)
        .post("/api/v1/tenants/{tenant}/recharge-cards/find", recharge::find)
        .get("/api/v1/tenants/{tenant}/adjustments", adjustments::list)
        .post("/api/v1/tenants/{tenant}/adjustments", adjustments::ask)
        .post("/api/v1/tenants/{tenant}/adjustments/{adjustment}/approve", adjustments::approve)
        .post("/api/v1/tenants/{tenant}/adjustments/{adjustment}/reject", adjustments::reject)
        .post("/api/v1/tenants/{tenant}/adjustments/{adjustment}/cancel", adjustments::cancel)
        .get("/api/v1/tenants/{tenant}/top-up-rules", bonuses::list)
        .post("/api/v1/tenants/{tenant}/top-up-rules", bonuses::save)
        .get("/api/v1/tenants/{tenant}/prepaid", prepaid::list)
        .post("/api/v1/tenants/{tenant}/credits", prepaid::lend)
        .get("/api/v1/tenants/{tenant}/sites/{site}/prepaid", prepaid::own_prepaid)
        .get("/api/v1/tenants/{tenant}/sites/{site}/prepaid-moves", prepaid::own_moves)
        .post("/api/v1/tenants/{tenant}/sites/{site}/prepaid-moves", prepaid::own_move)
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
