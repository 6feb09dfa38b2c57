//! Settlement: when what was earned may be taken out, and who is held back.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::{Code, GoodsId, Target as Goods};
use chrono::{DateTime, Utc};
use commission::AgentId;
use kernel::{Currency, Day, SiteId};
use ledger::{Earner, Purse};
use serde::{Deserialize, Serialize};
use settlement::{
    Cause, EarnerRef, Hold, HoldId, NewHold, Settlement, TEXT_CHARS_MAX, Term, TermRule, TermTarget, Terms,
    TermsVersion,
};
use store::Tx;
use utoipa::{IntoParams, ToSchema};
use web::{AgentRead, Json, LedgerRead, Operator, Path, Problem, Query, SettlementRead, SettlementWrite, SiteOperator};

use crate::body::{Fields, refused};
use crate::page::{self, List, MoneyView, Part, answer};
use crate::place::{Place, named};
use crate::routes::{ApiState, App};

/// When something is settled, counted from its delivery.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TermRuleView {
    /// What it is about; the first that fits counts, in this order: `goods`, then `agent_level` or `site_level`.
    about: String,
    /// Which one: a code.
    which: String,
    /// `T+0` to `T+30` (business days) or `D+0` to `D+90` (days).
    term: String,
}

/// When the tenant settles what its sites and agents earn.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TermsSent {
    /// What no rule is about.
    usual: String,
    /// 100 at most.
    rules: Vec<TermRuleView>,
    /// From when on; as soon as may be, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    effective_from: Option<DateTime<Utc>>,
}

/// A version of the terms; it never changes.
#[derive(Serialize, ToSchema)]
pub(crate) struct TermsView {
    /// Its number.
    version: i64,
    /// Whether it is the one in force.
    is_in_force: bool,
    /// When it was written.
    created_at: DateTime<Utc>,
    #[serde(flatten)]
    terms: TermsSent,
}

/// Whose money is to be held back, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldSent {
    /// A site below the main one, by id or slug; or else an agent.
    site: Option<String>,
    /// An agent; or else a site.
    #[schema(value_type = Option<String>)]
    agent: Option<AgentId>,
    /// `dispute`, `risk` or `operator`.
    #[schema(value_type = String)]
    cause: Cause,
    /// Why, in words that the earner may read.
    reason: String,
}

/// A site or an agent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EarnerSent {
    /// A site below the main one, by id or slug; or else an agent.
    pub(crate) site: Option<String>,
    /// An agent; or else a site.
    #[schema(value_type = Option<String>)]
    pub(crate) agent: Option<AgentId>,
}

/// Why a hold is lifted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiftSent {
    /// In words that the earner may read.
    reason: String,
}

/// A hold: what falls due of an earner stays pending until it is lifted.
#[derive(Serialize, ToSchema)]
pub(crate) struct HoldView {
    /// Its id.
    #[schema(value_type = String)]
    id: HoldId,
    /// The site, or the agent's.
    #[schema(value_type = String)]
    site: SiteId,
    /// The agent; none if it is the site's own money.
    #[schema(value_type = Option<String>)]
    agent: Option<AgentId>,
    /// `dispute`, `risk` or `operator`.
    cause: &'static str,
    /// Why.
    reason: String,
    /// Since when.
    placed_at: DateTime<Utc>,
    /// Until when; none as long as it holds.
    lifted_at: Option<DateTime<Utc>>,
    /// Why it was lifted.
    lift_reason: Option<String>,
}

/// Which holds.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldsQuery {
    /// How many, 1 to 100.
    #[serde(default = "page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    cursor: Option<String>,
    /// Of this site and its agents only, by id or slug.
    site: Option<String>,
}

/// Whose earnings.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EarningsQuery {
    /// A site, by id or slug.
    site: String,
}

/// What of somebody's earnings falls due on a day.
#[derive(Serialize, ToSchema)]
pub(crate) struct DueView {
    /// The day; none for what was earned before there were such days.
    #[schema(value_type = Option<String>)]
    due_on: Option<Day>,
    /// How much.
    amount: MoneyView,
}

/// What a site or an agent has earned and was not paid yet.
#[derive(Serialize, ToSchema)]
pub(crate) struct PurseView {
    /// What is not settled yet, the nearest day first.
    pending: Vec<DueView>,
    /// What may be taken out.
    available: MoneyView,
    /// What of it is asked for and not on its way yet.
    locked: MoneyView,
    /// What is owed because more went back than there was: new earnings pay it first.
    owed: MoneyView,
    /// What holds it back.
    holds: Vec<HoldView>,
}

/// Versions of an answer.
const VERSIONS_MAX: u64 = 20;

/// The versions of the terms, the latest first; twenty at a time at most. Without any, everything is settled on the next
/// business day.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/settlement-terms", tag = "settlement",
    params(("tenant" = String, Path), Part), responses((status = 200, body = List<TermsView>))
)]
pub(crate) async fn terms(
    operator: Operator<SettlementRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    terms_in(&rooms, &rooms.store.read(&operator.scope).await?, &part).await
}

/// When the main site settles what this site earns: the versions of its terms, the latest first; twenty at a time at most.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/settlement-terms", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), Part), responses((status = 200, body = List<TermsView>))
)]
pub(crate) async fn own_terms(
    operator: SiteOperator<LedgerRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    terms_in(&rooms, &rooms.store.read(&operator.scope).await?, &part).await
}

async fn terms_in(rooms: &ApiState, tx: &impl Tx, part: &Part) -> Result<Response, Problem> {
    let (limit, before) = (part.limit()?.min(VERSIONS_MAX), part.after(str::parse::<i64>)?);
    let versions = rooms.settlement.terms_page_in(tx, before, limit + 1).await?;
    let (versions, next) = page::page(versions, limit, |version| version.version);
    let in_force = rooms.settlement.in_force_in(tx).await?;
    let names = names_in(rooms, tx, &versions).await?;
    let data = versions.into_iter().map(|version| TermsView::new(version, in_force, &names)).collect();
    Ok(answer(StatusCode::OK, List::part(data, next)))
}

/// Write the next version of the terms.
///
/// Versions begin one after the other. By which anything is settled later takes effect after seven days; orders keep the
/// terms that were in force when they were placed.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/settlement-terms", tag = "settlement", params(("tenant" = String, Path)),
    request_body = TermsSent,
    responses(
        (status = 201, body = TermsView),
        (status = 409, description = "`changed_meanwhile`: somebody else wrote a version"),
        (status = 422, description = "`settlement_notice_too_short`, `settlement_before_the_last`, `settlement_rule_twice`, `settlement_limit_reached`, refused fields"),
    )
)]
pub(crate) async fn save_terms(
    operator: Operator<SettlementWrite>,
    State(App(rooms)): State<App>,
    Json(sent): Json<TermsSent>,
) -> Result<Response, Problem> {
    let effective_from = sent.effective_from;
    // Names are looked up before: nobody else waits for that.
    let tx = rooms.store.read(&operator.scope).await?;
    let terms = sent.read(&rooms, &tx).await?;
    drop(tx);
    let (by, tx) = (operator.operator.id.uuid(), rooms.store.write(&operator.scope).await?);
    let version = rooms.settlement.save_terms_in(&tx, terms, effective_from, by).await.map_err(refused)?;
    let in_force = rooms.settlement.in_force_in(&tx).await?;
    let names = names_in(&rooms, &tx, std::slice::from_ref(&version)).await?;
    tx.commit().await?;
    Ok(answer(StatusCode::CREATED, TermsView::new(version, in_force, &names)))
}

/// Holds, the newest first: also those that were lifted.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/earning-holds", tag = "settlement",
    params(("tenant" = String, Path), HoldsQuery), responses((status = 200, body = List<HoldView>))
)]
pub(crate) async fn holds(
    operator: Operator<SettlementRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<HoldsQuery>,
) -> Result<Response, Problem> {
    let (limit, before) = (page::limit(query.limit)?, page::after(query.cursor.as_deref(), HoldId::parse)?);
    let tx = rooms.store.read(&operator.scope).await?;
    let site = match &query.site {
        Some(text) => Some(Place::named(&rooms, &tx, text).await?.site.id),
        None => None,
    };
    let holds = rooms.settlement.holds_in(&tx, site, before, limit + 1).await?;
    let (holds, next) = page::page(holds, limit, |hold| hold.id);
    Ok(answer(StatusCode::OK, List::part(holds.into_iter().map(HoldView::from).collect(), next)))
}

/// Hold back what falls due of a site or an agent from now on. What is available already stays so.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/earning-holds", tag = "settlement", params(("tenant" = String, Path)),
    request_body = HoldSent,
    responses((status = 201, body = HoldView), (status = 422, description = "`settlement_limit_reached`, refused fields"))
)]
pub(crate) async fn hold(
    operator: Operator<SettlementWrite>,
    State(App(rooms)): State<App>,
    Json(sent): Json<HoldSent>,
) -> Result<Response, Problem> {
    let tx = rooms.store.write(&operator.scope).await?;
    let mut fields = Fields::default();
    let earner = earner(&rooms, &tx, (sent.site.as_deref(), sent.agent), &mut fields).await?;
    let reason = fields.line("/reason", &sent.reason, TEXT_CHARS_MAX);
    let by = operator.operator.id.uuid();
    let new = earner.zip(reason).map(|(earner, reason)| NewHold { earner, cause: sent.cause, reason, by });
    let hold = rooms.settlement.hold_in(&tx, fields.whole(new)?).await.map_err(refused)?;
    tx.commit().await?;
    Ok(answer(StatusCode::CREATED, HoldView::from(hold)))
}

/// Lift a hold. What has fallen due meanwhile is released in a moment, unless something else holds it.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/earning-holds/{hold}/lift", tag = "settlement", request_body = LiftSent,
    params(("tenant" = String, Path), ("hold" = String, Path)),
    responses((status = 200, body = HoldView), (status = 409, description = "`hold_lifted_before`"))
)]
pub(crate) async fn lift(
    operator: Operator<SettlementWrite>,
    State(App(rooms)): State<App>,
    Path((_tenant, hold)): Path<(String, HoldId)>,
    Json(sent): Json<LiftSent>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let reason = fields.line("/reason", &sent.reason, TEXT_CHARS_MAX);
    let reason = fields.whole(reason)?;
    let tx = rooms.store.write(&operator.scope).await?;
    let by = operator.operator.id.uuid();
    let hold = rooms.settlement.lift_in(&tx, hold, (by, &reason)).await.map_err(refused)?;
    tx.commit().await?;
    Ok(answer(StatusCode::OK, HoldView::from(hold)))
}

/// What an agent has earned and was not paid yet.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/agents/{agent}/earnings", tag = "agents",
    params(("tenant" = String, Path), ("agent" = String, Path)), responses((status = 200, body = PurseView))
)]
pub(crate) async fn of_agent(
    operator: Operator<AgentRead>,
    State(App(rooms)): State<App>,
    Path((_tenant, agent)): Path<(String, AgentId)>,
) -> Result<Response, Problem> {
    agents_purse(&rooms, &rooms.store.snapshot(&operator.scope).await?, agent).await
}

/// What an own agent has earned and was not paid yet.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/agents/{agent}/earnings", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), ("agent" = String, Path)),
    responses((status = 200, body = PurseView))
)]
pub(crate) async fn of_own_agent(
    operator: SiteOperator<AgentRead>,
    State(App(rooms)): State<App>,
    Path((_tenant, _site, agent)): Path<(String, String, AgentId)>,
) -> Result<Response, Problem> {
    agents_purse(&rooms, &rooms.store.snapshot(&operator.scope).await?, agent).await
}

/// What the site has earned at the main one and was not paid yet.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/earnings", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path)), responses((status = 200, body = PurseView))
)]
pub(crate) async fn of_own_site(
    operator: SiteOperator<LedgerRead>,
    State(App(rooms)): State<App>,
) -> Result<Response, Problem> {
    let tx = rooms.store.snapshot(&operator.scope).await?;
    purse(&rooms, &tx, EarnerRef::Site(operator.scope.site())).await
}

/// What a site below the main one has earned and was not paid yet.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/earnings", tag = "settlement",
    params(("tenant" = String, Path), EarningsQuery), responses((status = 200, body = PurseView))
)]
pub(crate) async fn of_site(
    operator: Operator<LedgerRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<EarningsQuery>,
) -> Result<Response, Problem> {
    let tx = rooms.store.snapshot(&operator.scope).await?;
    let site = Place::named(&rooms, &tx, &query.site).await?.site.id;
    purse(&rooms, &tx, EarnerRef::Site(site)).await
}

/// The site or the agent that a body names.
pub(crate) async fn earner(
    rooms: &ApiState,
    tx: &impl Tx,
    sent: (Option<&str>, Option<AgentId>),
    fields: &mut Fields,
) -> Result<Option<EarnerRef>, Problem> {
    Ok(match sent {
        (Some(site), None) => {
            // The main site pays: it earns nothing that is settled.
            let tree = Place::main(rooms, tx).await?.tree;
            let below = named(&tree, site).filter(|site| site.parent.is_some());
            fields.there("/site", below.map(|site| EarnerRef::Site(site.id)))
        }
        (None, Some(agent)) => {
            let found = rooms.agents.agent_in(tx, agent).await?;
            fields.there("/agent", found).map(|agent| EarnerRef::Agent(agent.site, agent.id))
        }
        _ => {
            fields.refuse("/site", "word_unknown", "either a site or an agent");
            None
        }
    })
}

/// The agent has to be one of the transaction's own.
async fn agents_purse(rooms: &ApiState, tx: &impl Tx, agent: AgentId) -> Result<Response, Problem> {
    let found = rooms.agents.agent_in(tx, agent).await?.ok_or(Problem::not_found())?;
    purse(rooms, tx, EarnerRef::Agent(found.site, found.id)).await
}

async fn purse(rooms: &ApiState, tx: &impl Tx, of: EarnerRef) -> Result<Response, Problem> {
    let currency = rooms.currency_in(tx).await?;
    Ok(answer(StatusCode::OK, purse_in(&rooms.settlement, tx, of, currency).await?))
}

/// What an earner has in this currency, and what holds it back.
pub(crate) async fn purse_in(
    settlement: &Settlement,
    tx: &impl Tx,
    of: EarnerRef,
    currency: Currency,
) -> Result<PurseView, Problem> {
    let (side, owner) = of.key();
    let earner = Earner { side, owner, currency };
    let purse = ledger::purses_in(tx, &[earner]).await?.pop().unwrap_or_default();
    let holds = settlement.holds_of_in(tx, of).await?;
    let Purse { pending, available, locked, debt } = purse;
    let due =
        pending.into_iter().map(|(account, minor)| DueView { due_on: account.due, amount: earner.money(minor).into() });
    Ok(PurseView {
        pending: due.collect(),
        available: earner.money(available).into(),
        locked: earner.money(locked).into(),
        owed: earner.money(debt).into(),
        holds: holds.into_iter().map(HoldView::from).collect(),
    })
}

impl TermsSent {
    async fn read(self, rooms: &ApiState, tx: &impl Tx) -> Result<Terms, Problem> {
        let mut fields = Fields::default();
        fields.moment("/effective_from", self.effective_from);
        let usual = fields.read("/usual", Term::try_from(self.usual));
        let mut rules = Vec::new();
        // What is over the limit is refused by the room; here it only bounds what is looked at.
        for (place, rule) in self.rules.into_iter().take(Terms::RULES_MAX + 1).enumerate() {
            let at = format!("/rules/{place}");
            let target = target(&rule, rooms, tx, (&at, &mut fields)).await?;
            let term = fields.read(format!("{at}/term"), Term::try_from(rule.term));
            rules.push(target.zip(term).map(|(target, term)| TermRule { target, term }));
        }
        let rules: Option<Vec<TermRule>> = rules.into_iter().collect();
        fields.whole(usual.zip(rules).map(|(usual, rules)| Terms { usual, rules }))
    }
}

async fn target(
    rule: &TermRuleView,
    rooms: &ApiState,
    tx: &impl Tx,
    (at, fields): (&str, &mut Fields),
) -> Result<Option<TermTarget>, Problem> {
    let pointer = format!("{at}/which");
    let Some(code) = fields.read(pointer.clone(), Code::parse(&rule.which)) else { return Ok(None) };
    Ok(match rule.about.as_str() {
        "agent_level" => Some(TermTarget::AgentLevel(code)),
        "site_level" => Some(TermTarget::SiteLevel(code)),
        "goods" => {
            let found = rooms.catalog.target_in(tx, "goods", Some(&code)).await;
            fields.in_catalogue(pointer, found)?.and_then(|found| match found {
                Goods::Goods(goods) => Some(TermTarget::Goods(goods)),
                _ => None,
            })
        }
        _ => {
            fields.refuse(format!("{at}/about"), "word_unknown", "goods, agent_level or site_level");
            None
        }
    })
}

impl TermsView {
    fn new(version: TermsVersion, in_force: Option<i64>, names: &HashMap<Goods, Code>) -> Self {
        let rule = |rule: TermRule| {
            let (about, which) = match rule.target {
                TermTarget::Goods(goods) => ("goods", names.get(&Goods::Goods(goods)).map(Code::to_string)),
                TermTarget::AgentLevel(code) => ("agent_level", Some(code.to_string())),
                TermTarget::SiteLevel(code) => ("site_level", Some(code.to_string())),
            };
            let which = which.unwrap_or_default();
            TermRuleView { about: about.to_owned(), which, term: rule.term.to_string() }
        };
        let Terms { usual, rules } = version.terms;
        let rules = rules.into_iter().map(rule).collect();
        let effective_from = Some(version.effective_from);
        Self {
            version: version.version,
            is_in_force: in_force == Some(version.version),
            created_at: version.created_at,
            terms: TermsSent { usual: usual.to_string(), rules, effective_from },
        }
    }
}

/// The codes of the goods that the rules of these versions are about.
async fn names_in(rooms: &ApiState, tx: &impl Tx, versions: &[TermsVersion]) -> Result<HashMap<Goods, Code>, Problem> {
    let goods_of = |rule: &TermRule| -> Option<GoodsId> {
        match rule.target {
            TermTarget::Goods(goods) => Some(goods),
            _ => None,
        }
    };
    let goods = versions.iter().flat_map(|version| &version.terms.rules).filter_map(goods_of);
    let targets: Vec<Goods> = goods.map(Goods::Goods).collect();
    Ok(rooms.catalog.codes_of_in(tx, &targets).await?)
}

impl From<Hold> for HoldView {
    fn from(hold: Hold) -> Self {
        let agent = match hold.earner {
            EarnerRef::Site(_) => None,
            EarnerRef::Agent(_, agent) => Some(agent),
        };
        let (lifted_at, lift_reason) = hold.lifted.map(|(at, _, reason)| (at, reason)).unzip();
        Self {
            id: hold.id,
            site: hold.earner.site(),
            agent,
            cause: hold.cause.word(),
            reason: hold.reason,
            placed_at: hold.placed.0,
            lifted_at,
            lift_reason,
        }
    }
}
