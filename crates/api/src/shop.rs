//! A shop's own hosts, for programs of its buyers: logging in and buying, as JSON. Pages do the same for people.

mod agent;
mod claims;
pub(crate) mod doc;
mod recharge;
mod replacements;

use std::sync::Arc;

use ::levels::Levels;
use axum::Router;
use axum::extract::{FromRef, Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{AppendHeaders, IntoResponse, Response};
use catalog::{Filled, SiteLevel, SkuId};
use chrono::{DateTime, Utc};
use commission::{AgentCode, Agents, How};
use funds::Funds;
use identity::{Customer, CustomerId, Customers, IdentityError, LoginLimits};
use kernel::{Money, Secret, TenantId};
use order::{
    Brought, Checkout, HOLD_DEFAULT, LinkToken, OrderError, OrderId, OrderNumber, Orders, Placed, SoldBy, Wanted,
};
use payment::ChannelId;
use risk::{Limits, RiskError};
use serde::{Deserialize, Serialize};
use settlement::Settlement;
use store::Store;
use tenancy::{Shop, Tenancy};
use utoipa::ToSchema;
use web::{
    Buyer, ClientAddress, Face, Followed, Guest, IdempotencyKey, Json, Kit, Problem, RateLimits, Route, Routes,
    ShopContext, Via, Visit,
};
use withdrawal::Withdrawals;

use crate::page::{MoneyView, created_once, no_store};

/// The word that pays from the buyer's wallet.
const WALLET: &str = "wallet";

/// The rooms below, as the server wires them.
#[derive(Clone)]
pub struct ShopState {
    /// Host to shop.
    pub tenancy: Tenancy,
    /// Log-ins.
    pub customers: Customers,
    /// How often somebody may guess; the pages' own, so that an address is counted once.
    pub limits: LoginLimits,
    /// Buying.
    pub orders: Orders,
    /// Who brings buyers.
    pub agents: Agents,
    /// When what they earn may be taken out.
    pub settlement: Settlement,
    /// How it is taken out.
    pub withdrawals: Withdrawals,
    /// Recharge cards.
    pub funds: Funds,
    /// Where agents stand.
    pub levels: Levels,
    /// Transactions that an answer reads in.
    pub store: Store,
    /// Proxies and bounds, shared with the other applications of the server.
    pub kit: Kit,
}

#[derive(Clone)]
struct App(Arc<ShopState>);

impl FromRef<App> for Customers {
    fn from_ref(app: &App) -> Self {
        app.0.customers.clone()
    }
}

/// The buyers' API, complete with all layers.
pub fn shop_router(state: ShopState) -> Router {
    let (kit, app) = (state.kit.clone(), App(Arc::new(state)));
    let router = routes().into_router().fallback(nothing_here).method_not_allowed_fallback(other_method);
    let router = router.layer(from_fn_with_state(app.clone(), open_shop)).with_state(app);
    kit.layers(router, Face::json())
}

/// Every route with its policy.
pub fn shop_route_list() -> Vec<Route> {
    routes().list()
}

fn routes() -> Routes<App> {
    Routes::default()
        .get(doc::DOCUMENT, doc::json)
        .post("/api/v1/shop/session", log_in)
        .delete("/api/v1/shop/session", log_out)
        .post("/api/v1/shop/orders", place)
        .get("/api/v1/shop/orders/{order}/claims", claims::list)
        .post("/api/v1/shop/orders/{order}/claims", claims::ask)
        .post("/api/v1/shop/orders/{order}/claims/{claim}/withdraw", claims::withdraw)
        .post("/api/v1/shop/recharges", recharge::redeem)
        .get("/api/v1/shop/orders/{order}/replacements", replacements::list)
        .get("/api/v1/shop/agent", agent::show)
        .get("/api/v1/shop/agent/level", agent::level)
        .get("/api/v1/shop/agent/payees", agent::payees)
        .post("/api/v1/shop/agent/payees", agent::add_payee)
        .post("/api/v1/shop/agent/payees/{payee}/remove", agent::remove_payee)
        .get("/api/v1/shop/agent/withdrawal-rules", agent::rules)
        .get("/api/v1/shop/agent/withdrawals", agent::list)
        .post("/api/v1/shop/agent/withdrawals", agent::ask)
        .post("/api/v1/shop/agent/withdrawals/{withdrawal}/cancel", agent::cancel)
        .post("/api/v1/shop/agent/conversions", agent::convert)
}

async fn nothing_here() -> Problem {
    Problem::not_found()
}

async fn other_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
}

/// Finds the open shop of the host, or says why there is none.
async fn open_shop(State(App(rooms)): State<App>, visit: Visit, mut request: Request, next: Next) -> Response {
    match web::shop_of(&rooms.tenancy, &visit) {
        Ok(shop) => {
            let span = tracing::Span::current();
            span.record("tenant.id", tracing::field::display(shop.tenant.id));
            span.record("site.id", tracing::field::display(shop.site.id));
            request.extensions_mut().insert(ShopContext(shop));
            next.run(request).await
        }
        Err(fault) => fault.problem().into_response(),
    }
}

/// What is sent to log in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LogIn {
    login: String,
    password: String,
}

/// Who is logged in.
#[derive(Serialize, ToSchema)]
struct SessionView {
    /// His id.
    #[schema(value_type = String)]
    customer: CustomerId,
    /// What he logs in with.
    login: String,
    /// What he is called.
    name: String,
}

impl From<Customer> for SessionView {
    fn from(customer: Customer) -> Self {
        Self { customer: customer.id, login: customer.login, name: customer.name }
    }
}

/// Log in.
///
/// A wrong password, an unknown and a locked log-in are one answer. The session that came with the request ends.
#[utoipa::path(
    post, path = "/api/v1/shop/session", tag = "session", request_body = LogIn,
    responses(
        (status = 201, body = SessionView, headers(("RateLimit" = String), ("RateLimit-Policy" = String))),
        (status = 401, description = "`bad_login`"),
        (status = 429, description = "`too_many_tries`; `Retry-After` says when to come again", headers(
            ("RateLimit" = String), ("RateLimit-Policy" = String), ("Retry-After" = u64),
        )),
    ),
)]
async fn log_in(
    _: Guest,
    (visit, headers): (Visit, HeaderMap),
    (from, limits): (ClientAddress, RateLimits),
    ShopContext(shop): ShopContext,
    State(App(rooms)): State<App>,
    Json(sent): Json<LogIn>,
) -> Result<Response, Problem> {
    let (scope, password, ClientAddress(address)) = (shop.scope(), Secret::new(sent.password), from);
    let logged_in = rooms.customers.log_in(&scope, address, &sent.login, &password).await;
    limits.tell(rooms.limits.left_for_login(Some(scope.tenant()), &sent.login, address));
    let (token, customer) = logged_in.map_err(refused)?;
    if let Some(old) = web::session_of(&headers, &visit) {
        rooms.customers.log_out(&scope, &old).await?;
    }
    let cookie = [(SET_COOKIE, web::session_cookie(&visit, &token).to_string())];
    Ok((StatusCode::CREATED, cookie, [no_store()], Json(SessionView::from(customer))).into_response())
}

/// Log out.
///
/// Whoever comes next opens nothing of this buyer's.
#[utoipa::path(delete, path = "/api/v1/shop/session", tag = "session", responses((status = 204)))]
async fn log_out(buyer: Buyer, visit: Visit, State(App(rooms)): State<App>) -> Result<Response, Problem> {
    rooms.customers.log_out(&buyer.scope, &buyer.token).await?;
    let gone = web::farewell(&visit).map(|cookie| (SET_COOKIE, cookie.to_string()));
    Ok((StatusCode::NO_CONTENT, AppendHeaders(gone)).into_response())
}

/// The exact waiting time, which the kind alone does not tell.
fn refused(error: IdentityError) -> Problem {
    match error {
        IdentityError::TooManyTries { retry_after } => Problem::from(error).retry_after(retry_after),
        other => other.into(),
    }
}

/// The same for an order that was not placed.
fn not_placed(error: OrderError) -> Problem {
    match error {
        OrderError::Risk(RiskError::Frozen { retry_after }) => Problem::from(error).retry_after(retry_after),
        other => other.into(),
    }
}

/// What is sent to buy.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PlaceOrder {
    /// At least one, 20 at most.
    items: Vec<Item>,
    /// `wallet`, or the channel's id.
    pay: String,
    /// The code of the agent who brought the buyer: it counts before any link that the browser has followed.
    agent_code: Option<String>,
}

/// What is wanted of one SKU, at the unit price that the buyer knows: dearer is refused, cheaper is charged cheaper.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Item {
    /// Which SKU.
    #[schema(value_type = String)]
    sku: SkuId,
    /// How many pieces.
    quantity: u32,
    /// What one piece costs at most.
    unit: MoneyView,
    /// What the goods' form asks for, by its fields.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    form: Filled,
}

/// The order that was placed.
#[derive(Serialize, ToSchema)]
struct PlacedView {
    /// Its id.
    #[schema(value_type = String)]
    id: OrderId,
    /// Its number, as people say it.
    number: String,
    /// What it costs.
    total: MoneyView,
    /// Where its page is on this host: what is due is paid from there.
    page: String,
    /// What is still to be paid; none if it is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<DueView>,
}

/// What is still to be paid, under the number that its gateway will know it by.
#[derive(Serialize, ToSchema)]
struct DueView {
    /// The number.
    out_no: String,
    /// Until when.
    expires_at: DateTime<Utc>,
}

impl PlacedView {
    fn of(tenant: TenantId, placed: Placed) -> Self {
        let link = placed.due.as_ref().map(|due| format!("/{}", due.link)).unwrap_or_default();
        Self {
            id: placed.order,
            number: OrderNumber::of(tenant, placed.order).to_string(),
            total: placed.total.into(),
            page: format!("/orders/{}{link}", placed.order),
            due: placed.due.map(|due| DueView { out_no: due.out_no.to_string(), expires_at: due.expires_at }),
        }
    }
}

/// Buy.
///
/// From the wallet, or by a channel: then the goods are held until it is paid.
#[utoipa::path(
    post, path = "/api/v1/shop/orders", tag = "orders", request_body = PlaceOrder,
    params(("Idempotency-Key" = String, Header, description = "Names the order: sent again it is the same one.")),
    responses(
        (status = 201, body = PlacedView, headers(
            ("RateLimit" = String), ("RateLimit-Policy" = String),
            ("Idempotent-Replayed" = String, description = "`true` if it was placed before, under the same key."),
        )),
        (status = 404, description = "`not_for_sale`"),
        (status = 409, description = "`out_of_stock`, `price_changed`: look at the goods again"),
        (status = 400, description = "`agent_code_invalid`, an unreadable body"),
        (status = 422, description = "refused; `agent_code_unknown`; `idempotency_key_reused`: the key came with another body"),
        (status = 429, description = "`ordering_frozen` or a limit; `Retry-After` says when to come again"),
        (status = 503, description = "`queue_full`, `stopping`, `database_busy`: the same request may succeed soon", headers(("Retry-After" = u64))),
    ),
)]
async fn place(
    buyer: Buyer,
    (visit, limits, followed): (Visit, RateLimits, Followed),
    ShopContext(shop): ShopContext,
    State(App(rooms)): State<App>,
    key: IdempotencyKey,
    Json(sent): Json<PlaceOrder>,
) -> Result<Response, Problem> {
    let lines = wanted(sent.items, &shop)?;
    let most = Limits::of(shop.site.limits.as_deref());
    let brought = brought_by(&rooms, &buyer, sent.agent_code.as_deref(), followed.0.as_ref()).await?;
    let (chain, currency) = (chain(&rooms, &shop).await?, shop.tenant.currency);
    let sold_by = SoldBy { chain, currency, limits: most, brought };
    let account = order::Buyer { address: Some(visit.address), ..order::Buyer::account(buyer.customer.id) };
    let placed = match sent.pay.as_str() {
        WALLET => rooms.orders.place(&buyer.scope, sold_by, account, lines, &key.0).await,
        channel => {
            let channel = ChannelId::parse(channel).map_err(|_| unreadable("pay is `wallet` or a channel's id"))?;
            let checkout = by_channel(&visit, account, lines, channel);
            rooms.orders.checkout(&buyer.scope, sold_by, checkout, &key.0).await
        }
    };
    limits.tell([rooms.orders.velocity().left(&buyer.scope, visit.address, &most)]);
    let placed = placed.map_err(not_placed)?;
    Ok(created_once(placed.is_replay, PlacedView::of(shop.tenant.id, placed.answer)))
}

/// Who brought the buyer. With a code that is said and nobody has, the order is refused; a link may have ended.
async fn brought_by(
    rooms: &ShopState,
    buyer: &Buyer,
    said: Option<&str>,
    via: Option<&Via>,
) -> Result<Brought, Problem> {
    if let Some(said) = said {
        let code = AgentCode::parse(said)?;
        let referral = rooms.agents.referral(&buyer.scope, &code, How::Code).await?;
        return Ok(Brought::Code { code, referral });
    }
    let Some(via) = via else { return Ok(Brought::Nobody) };
    let found = rooms.agents.brought(&buyer.scope, &via.code, via.since).await?;
    Ok(found.map_or(Brought::Nobody, Brought::Link))
}

fn by_channel(visit: &Visit, buyer: order::Buyer, lines: Vec<Wanted>, channel: ChannelId) -> Checkout {
    let (order, link) = (OrderId::new(), LinkToken::new());
    let scheme = if visit.is_https { "https" } else { "http" };
    let return_url = format!("{scheme}://{}/orders/{order}/{}", visit.authority, link.as_str());
    Checkout { order, link, buyer, lines, channel, return_url, hold_for: HOLD_DEFAULT }
}

fn wanted(items: Vec<Item>, shop: &Shop) -> Result<Vec<Wanted>, Problem> {
    let read = |item: Item| {
        if item.unit.currency != shop.tenant.currency.code() {
            return Err(unreadable(&format!("everything here is in {}", shop.tenant.currency)));
        }
        let unit = Money::new(item.unit.amount_minor, shop.tenant.currency);
        Ok(Wanted::new(item.sku, item.quantity, unit).with_form(item.form))
    };
    items.into_iter().map(read).collect()
}

/// The sites from the main site down to this one, as prices run.
async fn chain(rooms: &ShopState, shop: &Shop) -> Result<Vec<SiteLevel>, Problem> {
    let levels = rooms.tenancy.levels_of(shop).await?;
    let place = |(&site, level): (_, &Option<String>)| SiteLevel { site, level: level.clone() };
    Ok(shop.chain.iter().zip(levels.iter()).map(place).collect())
}

fn unreadable(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "request_unreadable").because(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_order_again_is_told_the_exact_time() {
        let wait = std::time::Duration::from_secs(754);
        let problem = not_placed(OrderError::Risk(RiskError::Frozen { retry_after: wait }));
        assert_eq!((problem.code, problem.retry_after), ("ordering_frozen", Some(wait)));
    }
}
