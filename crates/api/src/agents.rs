//! Agents: who brings buyers to a site, and the links that they share. The main site's people see those of all sites, the
//! owner of a site his own.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::Code;
use chrono::{DateTime, Utc};
use commission::{
    AGENT_NAME_CHARS_MAX, Agent, AgentChange, AgentId, AgentState, Campaign, CommissionError, Link, LinkId, NewAgent,
};
use identity::{CustomerId, Login};
use kernel::{SiteId, TenantScope};
use order::{AgentEarning, OrderId};
use serde::{Deserialize, Serialize};
use store::{Inside, Tx, WriteTx};
use utoipa::{IntoParams, ToSchema};
use web::{AgentRead, AgentWrite, Json, Operator, Path, Problem, Query, SiteOperator};

use crate::body::{Fields, refused};
use crate::page::{self, IfMatch, List, MoneyView, Part, Written, answer, versioned, written};
use crate::place::Place;
use crate::routes::{ApiState, App};

/// What an agent is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentSent {
    /// The customer's log-in; he is an agent of the site that has won him, which is the one that appoints him.
    customer: String,
    /// What he is called in lists.
    name: String,
    /// His level, which may choose his rates.
    level: Option<String>,
    /// The agent right above him, of the same site.
    #[schema(value_type = Option<String>)]
    upper: Option<AgentId>,
}

/// What of an agent can change; all of it is sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentChangeSent {
    /// What he is called in lists.
    name: String,
    /// His level.
    level: Option<String>,
    /// The agent right above him: a move counts for later orders only.
    #[schema(value_type = Option<String>)]
    upper: Option<AgentId>,
    /// `active`, `suspended` or `closed`; what is closed stays so.
    #[schema(value_type = String)]
    state: AgentState,
}

/// A link to share.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkSent {
    /// For what occasion.
    campaign: String,
}

/// An agent.
#[derive(Serialize, ToSchema)]
pub(crate) struct AgentView {
    /// His id.
    #[schema(value_type = String)]
    id: AgentId,
    /// His site.
    #[schema(value_type = String)]
    site: SiteId,
    /// The account that he buys with.
    #[schema(value_type = String)]
    customer: CustomerId,
    /// What he is called.
    name: String,
    /// His level.
    level: Option<String>,
    /// The agent right above him.
    #[schema(value_type = Option<String>)]
    upper: Option<AgentId>,
    /// `active`, `suspended` or `closed`.
    state: &'static str,
    /// Its version, for `If-Match`.
    version: i64,
    /// Since when.
    created_at: DateTime<Utc>,
    /// What he shares; in lists left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<Vec<LinkView>>,
}

/// A promotion link.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkView {
    /// Its id.
    #[schema(value_type = String)]
    id: LinkId,
    /// The code that buyers may say.
    code: String,
    /// Where it leads, on every host of the site.
    path: String,
    /// For what occasion.
    campaign: Option<String>,
    /// Since when.
    created_at: DateTime<Utc>,
}

/// Which agents.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentsQuery {
    /// How many, 1 to 100.
    #[serde(default = "page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    cursor: Option<String>,
    /// Of this site only, by id or slug.
    site: Option<String>,
}

impl AgentView {
    fn new(agent: Agent, links: Option<Vec<Link>>) -> Self {
        Self {
            id: agent.id,
            site: agent.site,
            customer: agent.customer,
            name: agent.name,
            level: agent.level.map(String::from),
            upper: agent.upper,
            state: agent.state.word(),
            version: agent.version,
            created_at: agent.created_at,
            links: links.map(|links| links.into_iter().map(LinkView::from).collect()),
        }
    }
}

impl From<Link> for LinkView {
    fn from(link: Link) -> Self {
        let campaign = link.campaign.map(|campaign| campaign.as_str().to_owned());
        let path = format!("/r/{}", link.code);
        Self { id: link.id, code: link.code.into(), path, campaign, created_at: link.created_at }
    }
}

/// All agents of the tenant, or of one of its sites, ascending by id.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/agents", tag = "agents", params(("tenant" = String, Path), AgentsQuery),
    responses((status = 200, body = List<AgentView>))
)]
pub(crate) async fn list(
    operator: Operator<AgentRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<AgentsQuery>,
) -> Result<Response, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    let site = match &query.site {
        Some(text) => Some(Place::named(&rooms, &tx, text).await?.site.id),
        None => None,
    };
    let (limit, after) = (page::limit(query.limit)?, page::after(query.cursor.as_deref(), AgentId::parse)?);
    list_of(&rooms, &tx, site, (limit, after)).await
}

/// Make a customer of the main site an agent, with a first link. Each other site appoints its own: it pays them.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/agents", tag = "agents", params(("tenant" = String, Path)),
    request_body = AgentSent,
    responses(
        (status = 201, body = AgentView),
        (status = 409, description = "`agent_already`, `changed_meanwhile`"),
        (status = 422, description = "`agent_too_deep`, `agent_closed` (of the upper one), `commission_limit_reached`, refused fields"),
    )
)]
pub(crate) async fn appoint(
    operator: Operator<AgentWrite>,
    State(App(rooms)): State<App>,
    Json(sent): Json<AgentSent>,
) -> Result<Response, Problem> {
    let main = Place::main(&rooms, &rooms.store.read(&operator.scope).await?).await?;
    appoint_at(&rooms, &operator.scope, main.site.id, sent).await
}

/// An agent with his links.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/agents/{agent}", tag = "agents",
    params(("tenant" = String, Path), ("agent" = String, Path)), responses((status = 200, body = AgentView))
)]
pub(crate) async fn show(
    operator: Operator<AgentRead>,
    State(App(rooms)): State<App>,
    Path((_tenant, agent)): Path<(String, AgentId)>,
) -> Result<Response, Problem> {
    show_of(&rooms, &rooms.store.read(&operator.scope).await?, agent).await
}

/// Change an agent. `If-Match` with his version refuses (412) what was changed meanwhile. Another site's agent can be
/// suspended or closed, nothing else.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/agents/{agent}", tag = "agents", request_body = AgentChangeSent,
    params(
        ("tenant" = String, Path), ("agent" = String, Path),
        ("if-match" = Option<String>, Header, description = "The version that was read."),
    ),
    responses(
        (status = 200, body = Written<AgentView>),
        (status = 409, description = "`changed_meanwhile`"),
        (status = 412, description = "`version_moved`"),
        (status = 422, description = "`agent_above_himself`, `agent_too_deep`, `agent_closed`, `agent_of_another_site`, refused fields"),
    )
)]
pub(crate) async fn change(
    operator: Operator<AgentWrite>,
    State(App(rooms)): State<App>,
    Path((_tenant, agent)): Path<(String, AgentId)>,
    if_match: IfMatch,
    Json(sent): Json<AgentChangeSent>,
) -> Result<Response, Problem> {
    change_at(&rooms, &operator.scope, (None, agent), if_match, sent).await
}

/// Another link of an agent.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/agents/{agent}/links", tag = "agents", request_body = LinkSent,
    params(("tenant" = String, Path), ("agent" = String, Path)), responses((status = 201, body = LinkView), (status = 422, description = "`commission_limit_reached`, `agent_of_another_site`, refused fields"))
)]
pub(crate) async fn add_link(
    operator: Operator<AgentWrite>,
    State(App(rooms)): State<App>,
    Path((_tenant, agent)): Path<(String, AgentId)>,
    Json(sent): Json<LinkSent>,
) -> Result<Response, Problem> {
    add_link_at(&rooms, &operator.scope, (None, agent), &sent).await
}

/// The site's own agents, ascending by id.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/agents", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), Part), responses((status = 200, body = List<AgentView>))
)]
pub(crate) async fn own_agents(
    operator: SiteOperator<AgentRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    list_of(&rooms, &tx, Some(operator.scope.site()), (part.limit()?, part.after(AgentId::parse)?)).await
}

/// Make an own customer an agent, with a first link.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/sites/{site}/agents", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path)), request_body = AgentSent,
    responses(
        (status = 201, body = AgentView),
        (status = 409, description = "`agent_already`, `changed_meanwhile`"),
        (status = 422, description = "`agent_too_deep`, `agent_closed` (of the upper one), `commission_limit_reached`, refused fields"),
    )
)]
pub(crate) async fn own_appoint(
    operator: SiteOperator<AgentWrite>,
    State(App(rooms)): State<App>,
    Json(sent): Json<AgentSent>,
) -> Result<Response, Problem> {
    appoint_at(&rooms, &operator.scope.engine(), operator.scope.site(), sent).await
}

/// An own agent with his links.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/agents/{agent}", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), ("agent" = String, Path)),
    responses((status = 200, body = AgentView))
)]
pub(crate) async fn own_agent(
    operator: SiteOperator<AgentRead>,
    State(App(rooms)): State<App>,
    Path((_tenant, _site, agent)): Path<(String, String, AgentId)>,
) -> Result<Response, Problem> {
    show_of(&rooms, &rooms.store.read(&operator.scope).await?, agent).await
}

/// Change an own agent. `If-Match` with his version refuses (412) what was changed meanwhile.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/sites/{site}/agents/{agent}", tag = "own_site", request_body = AgentChangeSent,
    params(
        ("tenant" = String, Path), ("site" = String, Path), ("agent" = String, Path),
        ("if-match" = Option<String>, Header, description = "The version that was read."),
    ),
    responses(
        (status = 200, body = Written<AgentView>),
        (status = 409, description = "`changed_meanwhile`"),
        (status = 412, description = "`version_moved`"),
        (status = 422, description = "`agent_above_himself`, `agent_too_deep`, `agent_closed`, `agent_of_another_site`, refused fields"),
    )
)]
pub(crate) async fn own_change_agent(
    operator: SiteOperator<AgentWrite>,
    State(App(rooms)): State<App>,
    Path((_tenant, _site, agent)): Path<(String, String, AgentId)>,
    if_match: IfMatch,
    Json(sent): Json<AgentChangeSent>,
) -> Result<Response, Problem> {
    let (engine, site) = (operator.scope.engine(), operator.scope.site());
    change_at(&rooms, &engine, (Some(site), agent), if_match, sent).await
}

/// Another link of an own agent.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/sites/{site}/agents/{agent}/links", tag = "own_site", request_body = LinkSent,
    params(("tenant" = String, Path), ("site" = String, Path), ("agent" = String, Path)),
    responses((status = 201, body = LinkView), (status = 422, description = "`commission_limit_reached`, `agent_of_another_site`, refused fields"))
)]
pub(crate) async fn own_add_link(
    operator: SiteOperator<AgentWrite>,
    State(App(rooms)): State<App>,
    Path((_tenant, _site, agent)): Path<(String, String, AgentId)>,
    Json(sent): Json<LinkSent>,
) -> Result<Response, Problem> {
    let (engine, site) = (operator.scope.engine(), operator.scope.site());
    add_link_at(&rooms, &engine, (Some(site), agent), &sent).await
}

/// What an agent earns from a line of an order.
#[derive(Serialize, ToSchema)]
pub(crate) struct EarningView {
    /// The order.
    #[schema(value_type = String)]
    order: OrderId,
    /// What people call it.
    number: String,
    /// The line's place in it.
    line: i32,
    /// The selling site.
    #[schema(value_type = String)]
    site: SiteId,
    /// When it was placed.
    placed_at: DateTime<Utc>,
    /// 0 if he brought the buyer himself, 1 if an agent right below him did.
    tier: u8,
    /// How much.
    amount: MoneyView,
    /// How much of it went back, with the line's price or a part of that.
    returned: MoneyView,
    /// By which rule of which version of the plan.
    rule: String,
    /// `waiting` (not delivered yet), `earned`, `returned` (with the order's money) or `void` (the order came to nothing).
    state: &'static str,
}

/// What an agent earns, line by line, the newest order first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/agents/{agent}/commissions", tag = "agents",
    params(("tenant" = String, Path), ("agent" = String, Path), Part), responses((status = 200, body = List<EarningView>))
)]
pub(crate) async fn commissions(
    operator: Operator<AgentRead>,
    State(App(rooms)): State<App>,
    Path((_tenant, agent)): Path<(String, AgentId)>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    earnings_of(&rooms, &operator.scope, agent, &part).await
}

/// What an own agent earns, line by line, the newest order first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/agents/{agent}/commissions", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), ("agent" = String, Path), Part),
    responses((status = 200, body = List<EarningView>))
)]
pub(crate) async fn own_commissions(
    operator: SiteOperator<AgentRead>,
    State(App(rooms)): State<App>,
    Path((_tenant, _site, agent)): Path<(String, String, AgentId)>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    earnings_of(&rooms, &operator.scope, agent, &part).await
}

/// The agent has to be one of the scope's own.
async fn earnings_of<S: Inside>(rooms: &ApiState, scope: &S, agent: AgentId, part: &Part) -> Result<Response, Problem> {
    let (limit, before) = (part.limit()?, part.after(|text| read_mark(text).ok_or(()))?);
    let tx = rooms.store.read(scope).await?;
    rooms.agents.agent_in(&tx, agent).await?.ok_or(Problem::not_found())?;
    drop(tx);
    let earnings = rooms.orders.earnings(scope, agent, before, limit + 1).await?;
    let (earnings, next) = page::page(earnings, limit, |one| format!("{}-{}", one.order, one.line));
    Ok(answer(StatusCode::OK, List::part(earnings.into_iter().map(EarningView::from).collect(), next)))
}

/// An order and the number of a line.
fn read_mark(text: &str) -> Option<(OrderId, i32)> {
    let (order, line) = text.rsplit_once('-')?;
    Some((OrderId::parse(order).ok()?, line.parse().ok()?))
}

impl From<AgentEarning> for EarningView {
    fn from(one: AgentEarning) -> Self {
        Self {
            order: one.order,
            number: one.number.to_string(),
            line: one.line,
            site: one.site,
            placed_at: one.placed_at,
            tier: one.tier,
            amount: one.amount.into(),
            returned: one.returned.into(),
            rule: one.rule,
            state: one.state.word(),
        }
    }
}

async fn list_of(
    rooms: &ApiState,
    tx: &impl Tx,
    site: Option<SiteId>,
    (limit, after): (u64, Option<AgentId>),
) -> Result<Response, Problem> {
    let agents = rooms.agents.page_in(tx, site, after, limit + 1).await?;
    let (agents, next) = page::page(agents, limit, |agent| agent.id);
    let data = agents.into_iter().map(|agent| AgentView::new(agent, None)).collect();
    Ok(answer(StatusCode::OK, List::part(data, next)))
}

/// The transaction sees the agents of its own scope only.
async fn show_of(rooms: &ApiState, tx: &impl Tx, agent: AgentId) -> Result<Response, Problem> {
    let found = rooms.agents.agent_in(tx, agent).await?.ok_or(Problem::not_found())?;
    let links = rooms.agents.links_in(tx, agent).await?;
    let version = found.version;
    Ok(versioned(answer(StatusCode::OK, AgentView::new(found, Some(links))), version))
}

/// Whoever is another site's customer is not there.
async fn appoint_at(rooms: &ApiState, scope: &TenantScope, site: SiteId, sent: AgentSent) -> Result<Response, Problem> {
    let tx = rooms.store.write(scope).await?;
    let mut fields = Fields::default();
    let name = fields.line("/name", &sent.name, AGENT_NAME_CHARS_MAX);
    let level = level(&mut fields, sent.level.as_deref());
    let login = fields.read("/customer", Login::parse(&sent.customer));
    let known = match &login {
        Some(login) => rooms.customers.find_in(&tx, login).await?,
        None => None,
    };
    let known = known.filter(|customer| customer.site == site);
    let customer = if login.is_some() { fields.there("/customer", known) } else { None };
    let new = || {
        let customer = customer?;
        Some(NewAgent { site: customer.site, customer: customer.id, upper: sent.upper, name: name?, level: level? })
    };
    let new = fields.whole(new())?;
    let (agent, link) = rooms.agents.appoint_in(&tx, new).await.map_err(told)?;
    tx.commit().await?;
    let version = agent.version;
    Ok(versioned(answer(StatusCode::CREATED, AgentView::new(agent, Some(vec![link]))), version))
}

async fn change_at(
    rooms: &ApiState,
    scope: &TenantScope,
    (site, id): (Option<SiteId>, AgentId),
    if_match: IfMatch,
    sent: AgentChangeSent,
) -> Result<Response, Problem> {
    let tx = rooms.store.write(scope).await?;
    let before = own_agent_in(rooms, &tx, (site, id)).await?;
    if_match.check(Some(before.version))?;
    let mut fields = Fields::default();
    let name = fields.line("/name", &sent.name, AGENT_NAME_CHARS_MAX);
    let level = level(&mut fields, sent.level.as_deref());
    let change = || Some(AgentChange { upper: sent.upper, name: name?, level: level?, state: sent.state });
    let change = fields.whole(change())?;
    if site.is_none() && before.site != Place::main(rooms, &tx).await?.site.id && !only_stops(&before, &change) {
        return Err(another_sites());
    }
    let after = rooms.agents.change_in(&tx, id, change, Some(before.version)).await.map_err(told)?;
    let links = rooms.agents.links_in(&tx, id).await?;
    tx.commit().await?;
    let (changed, version) = (differences(&before, &after), after.version);
    Ok(versioned(written(AgentView::new(after, Some(links)), (false, changed)), version))
}

async fn add_link_at(
    rooms: &ApiState,
    scope: &TenantScope,
    (site, id): (Option<SiteId>, AgentId),
    sent: &LinkSent,
) -> Result<Response, Problem> {
    let tx = rooms.store.write(scope).await?;
    let agent = own_agent_in(rooms, &tx, (site, id)).await?;
    if site.is_none() && agent.site != Place::main(rooms, &tx).await?.site.id {
        return Err(another_sites());
    }
    let mut fields = Fields::default();
    let campaign = fields.read("/campaign", Campaign::parse(&sent.campaign));
    let campaign = fields.whole(campaign)?;
    let link = rooms.agents.add_link_in(&tx, id, campaign).await.map_err(told)?;
    tx.commit().await?;
    Ok(answer(StatusCode::CREATED, LinkView::from(link)))
}

/// Whether nothing but the state changes, and he earns no more afterwards: that much the main site may do to another one's
/// agents. All else is that site's, which pays them.
fn only_stops(before: &Agent, change: &AgentChange) -> bool {
    let is_same = (&before.upper, &before.name, &before.level) == (&change.upper, &change.name, &change.level);
    is_same && (change.state != AgentState::Active || change.state == before.state)
}

fn another_sites() -> Problem {
    let detail = "another site's agent can be suspended or closed here; all else is that site's";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "agent_of_another_site").because(detail)
}

/// The agent, if he is of the site that asks; any, if the whole tenant does.
async fn own_agent_in(
    rooms: &ApiState,
    tx: &WriteTx<TenantScope>,
    (site, id): (Option<SiteId>, AgentId),
) -> Result<Agent, Problem> {
    let found = rooms.agents.agent_in(tx, id).await?;
    found.filter(|agent| site.is_none_or(|site| agent.site == site)).ok_or(Problem::not_found())
}

/// None if it was refused.
fn level(fields: &mut Fields, sent: Option<&str>) -> Option<Option<Code>> {
    match sent {
        Some(text) => fields.read("/level", Code::parse(text)).map(Some),
        None => Some(None),
    }
}

fn differences(before: &Agent, after: &Agent) -> Vec<&'static str> {
    let fields = [
        ("upper", before.upper == after.upper),
        ("name", before.name == after.name),
        ("level", before.level == after.level),
        ("state", before.state == after.state),
    ];
    fields.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name).collect()
}

/// What the body names and is not there is a refused field, not a path that leads nowhere.
fn told(error: CommissionError) -> Problem {
    match error {
        CommissionError::Missing { what: "upper agent" } => {
            let mut fields = Fields::default();
            let nobody: Option<()> = fields.there("/upper", None);
            match fields.whole(nobody) {
                Err(problem) => problem,
                Ok(()) => Problem::not_found(),
            }
        }
        other => refused(other),
    }
}
