//! What an agent of a shop sees of himself: his links, what he has earned, and how he is paid.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use commission::{Agent, AgentId, Link};
use kernel::Secret;
use serde::Serialize;
use settlement::EarnerRef;
use utoipa::ToSchema;
use web::{Buyer, ClientAddress, IdempotencyKey, Json, Path, Problem, Query, RateLimits, ShopContext};
use withdrawal::{PayeeId, WithdrawalId};

use super::{App, ShopState};
use crate::asking::{AskSent, Asker, ConvertSent, PasswordSent, PayeeSent, not_confirmed};
use crate::earnings::{PurseView, purse_in};
use crate::levels::{LadderView, ladder_in};
use crate::page::{List, Part, answer};
use crate::withdrawals::{AskedView, EarnersRulesView, PayeeView, WithdrawalView};

/// A link that the agent shares.
#[derive(Serialize, ToSchema)]
struct AgentLinkView {
    /// The word in it.
    code: String,
    /// What it is for.
    campaign: Option<String>,
}

/// The agent.
#[derive(Serialize, ToSchema)]
pub(super) struct OwnAgentView {
    /// His id.
    #[schema(value_type = String)]
    id: AgentId,
    /// What he is called.
    name: String,
    /// His level.
    level: Option<String>,
    /// `active`, `suspended` or `closed`.
    state: &'static str,
    /// His links, the oldest first.
    links: Vec<AgentLinkView>,
    /// What he has earned and was not paid yet.
    earnings: PurseView,
}

/// The agent that the buyer is at this site.
async fn agent(rooms: &ShopState, buyer: &Buyer) -> Result<Agent, Problem> {
    let tx = rooms.store.read(&buyer.scope).await?;
    rooms.agents.agent_of_in(&tx, buyer.customer.id).await?.ok_or(Problem::not_found())
}

async fn asker<'a>(rooms: &'a ShopState, buyer: &Buyer, shop: &ShopContext) -> Result<Asker<'a>, Problem> {
    let agent = agent(rooms, buyer).await?;
    Ok(Asker {
        withdrawals: &rooms.withdrawals,
        store: &rooms.store,
        scope: buyer.scope.engine(),
        earner: EarnerRef::Agent(agent.site, agent.id),
        currency: shop.0.tenant.currency,
        by: buyer.customer.id.uuid(),
    })
}

/// The password once more; what is left of the tries is told.
async fn confirm(
    rooms: &ShopState,
    buyer: &Buyer,
    (ClientAddress(from), limits): (ClientAddress, RateLimits),
    password: &str,
) -> Result<(), Problem> {
    let password = Secret::new(password.to_owned());
    let confirmed = rooms.customers.confirm(&buyer.scope, from, &buyer.customer, &password).await;
    limits.tell(rooms.limits.left_for_login(Some(buyer.scope.tenant()), &buyer.customer.login, from));
    confirmed.map_err(not_confirmed)
}

/// The agent that the buyer is, with his links and what he has earned.
#[utoipa::path(
    get, path = "/api/v1/shop/agent", tag = "agent",
    responses((status = 200, body = OwnAgentView), (status = 404, description = "he is no agent of this site"))
)]
pub(super) async fn show(buyer: Buyer, shop: ShopContext, State(App(rooms)): State<App>) -> Result<Response, Problem> {
    let agent = agent(&rooms, &buyer).await?;
    let tx = rooms.store.snapshot(&buyer.scope).await?;
    let links = rooms.agents.links_in(&tx, agent.id).await?;
    let of = EarnerRef::Agent(agent.site, agent.id);
    let earnings = purse_in(&rooms.settlement, &tx, of, shop.0.tenant.currency).await?;
    let link = |link: Link| AgentLinkView {
        code: link.code.as_str().to_owned(),
        campaign: link.campaign.map(|campaign| campaign.as_str().to_owned()),
    };
    let view = OwnAgentView {
        id: agent.id,
        name: agent.name,
        level: agent.level.map(|level| level.to_string()),
        state: agent.state.word(),
        links: links.into_iter().map(link).collect(),
        earnings,
    };
    Ok(answer(StatusCode::OK, view))
}

/// Where the agent stands on the main site's ladder, what each rung needs, and what happened to his level.
#[utoipa::path(
    get, path = "/api/v1/shop/agent/level", tag = "agent",
    responses((status = 200, body = LadderView), (status = 404, description = "he is no agent of this site"))
)]
pub(super) async fn level(buyer: Buyer, shop: ShopContext, State(App(rooms)): State<App>) -> Result<Response, Problem> {
    let agent = agent(&rooms, &buyer).await?;
    let tx = rooms.store.snapshot(&buyer.scope).await?;
    let of = EarnerRef::Agent(agent.site, agent.id);
    let ladder = ladder_in(&rooms.levels, &tx, of, (shop.0.tenant.currency, false)).await?;
    Ok(answer(StatusCode::OK, ladder))
}

/// The accounts that the agent is paid to, masked.
#[utoipa::path(get, path = "/api/v1/shop/agent/payees", tag = "agent", responses((status = 200, body = List<PayeeView>)))]
pub(super) async fn payees(
    buyer: Buyer,
    shop: ShopContext,
    State(App(rooms)): State<App>,
) -> Result<Response, Problem> {
    asker(&rooms, &buyer, &shop).await?.payees().await
}

/// Add an account to be paid to. It can be used once it has cooled down.
#[utoipa::path(
    post, path = "/api/v1/shop/agent/payees", tag = "agent", request_body = PayeeSent,
    responses((status = 201, body = PayeeView),
        (status = 422, description = "`payee_name_differs`, `withdrawal_limit_reached`, refused fields: `password_wrong`"),
        (status = 429, description = "`too_many_tries`; `Retry-After` says when to come again"))
)]
pub(super) async fn add_payee(
    buyer: Buyer,
    (shop, from, limits): (ShopContext, ClientAddress, RateLimits),
    State(App(rooms)): State<App>,
    Json(sent): Json<PayeeSent>,
) -> Result<Response, Problem> {
    let asker = asker(&rooms, &buyer, &shop).await?;
    confirm(&rooms, &buyer, (from, limits), &sent.password).await?;
    asker.add_payee(&sent).await
}

/// Remove an account, unless something is to go there that is not sent.
#[utoipa::path(
    post, path = "/api/v1/shop/agent/payees/{payee}/remove", tag = "agent", params(("payee" = String, Path)),
    request_body = PasswordSent,
    responses((status = 204), (status = 409, description = "`payee_in_use`"),
        (status = 422, description = "refused fields: `password_wrong`"),
        (status = 429, description = "`too_many_tries`; `Retry-After` says when to come again"))
)]
pub(super) async fn remove_payee(
    buyer: Buyer,
    (shop, from, limits): (ShopContext, ClientAddress, RateLimits),
    State(App(rooms)): State<App>,
    Path(payee): Path<PayeeId>,
    Json(sent): Json<PasswordSent>,
) -> Result<Response, Problem> {
    let asker = asker(&rooms, &buyer, &shop).await?;
    confirm(&rooms, &buyer, (from, limits), &sent.password).await?;
    asker.remove_payee(payee).await
}

/// The rules by which the agent is paid, and those that are announced.
#[utoipa::path(
    get, path = "/api/v1/shop/agent/withdrawal-rules", tag = "agent", responses((status = 200, body = EarnersRulesView))
)]
pub(super) async fn rules(buyer: Buyer, shop: ShopContext, State(App(rooms)): State<App>) -> Result<Response, Problem> {
    let asker = asker(&rooms, &buyer, &shop).await?;
    asker.rules(&rooms.store.read(&buyer.scope).await?).await
}

/// What the agent has asked for, the newest first.
#[utoipa::path(
    get, path = "/api/v1/shop/agent/withdrawals", tag = "agent", params(Part),
    responses((status = 200, body = List<WithdrawalView>))
)]
pub(super) async fn list(
    buyer: Buyer,
    shop: ShopContext,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    asker(&rooms, &buyer, &shop).await?.list(&part).await
}

/// Ask to be paid: so much of what is available is locked. One withdrawal at a time that is not sent.
#[utoipa::path(
    post, path = "/api/v1/shop/agent/withdrawals", tag = "agent", request_body = AskSent,
    params(("Idempotency-Key" = String, Header, description = "Names the withdrawal: sent again it is the same one.")),
    responses((status = 200, body = AskedView), (status = 409, description = "`withdrawal_one_at_a_time`"),
        (status = 422, description = "`withdrawal_below_minimum`, `insufficient_funds` and the like; refused fields; `idempotency_key_reused`"))
)]
pub(super) async fn ask(
    buyer: Buyer,
    shop: ShopContext,
    State(App(rooms)): State<App>,
    key: IdempotencyKey,
    Json(sent): Json<AskSent>,
) -> Result<Response, Problem> {
    asker(&rooms, &buyer, &shop).await?.ask(sent, key.0).await
}

/// Call off a withdrawal that is not sent.
#[utoipa::path(
    post, path = "/api/v1/shop/agent/withdrawals/{withdrawal}/cancel", tag = "agent",
    params(("withdrawal" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = AskedView), (status = 409, description = "`withdrawal_state`"),
        (status = 422, description = "`idempotency_key_reused`"))
)]
pub(super) async fn cancel(
    buyer: Buyer,
    shop: ShopContext,
    State(App(rooms)): State<App>,
    Path(id): Path<WithdrawalId>,
    key: IdempotencyKey,
) -> Result<Response, Problem> {
    asker(&rooms, &buyer, &shop).await?.cancel(id, key.0).await
}

/// Turn what is available into money in the agent's own wallet, at once.
#[utoipa::path(
    post, path = "/api/v1/shop/agent/conversions", tag = "agent", request_body = ConvertSent,
    params(("Idempotency-Key" = String, Header, description = "Names the conversion: sent again it is the same one.")),
    responses((status = 200, body = AskedView),
        (status = 422, description = "`conversion_off`, `wallet_full`, `insufficient_funds`; refused fields; `idempotency_key_reused`"))
)]
pub(super) async fn convert(
    buyer: Buyer,
    shop: ShopContext,
    State(App(rooms)): State<App>,
    key: IdempotencyKey,
    Json(sent): Json<ConvertSent>,
) -> Result<Response, Problem> {
    let asker = asker(&rooms, &buyer, &shop).await?;
    asker.convert(&sent, Some(buyer.customer.id), key.0).await
}
