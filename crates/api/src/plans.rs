//! The commission plan: what agents earn, version by version.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::{Code, Target as Goods};
use chrono::{DateTime, Utc};
use commission::{AgentId, Base, Earning, Mode, Plan, PlanAuthor, PlanVersion, Rule, Target, Terms, Touch};
use kernel::{Currency, Money, Rate};
use serde::{Deserialize, Serialize};
use store::Tx;
use utoipa::ToSchema;
use web::{AgentRead, Json, Operator, PlanRead, PlanWrite, Problem, Query, SiteOperator};

use crate::body::{Fields, refused};
use crate::page::{List, MoneyView, Part, answer, page};
use crate::place::Place;
use crate::routes::{ApiState, App};

/// What is earned.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum PlanEarning {
    /// A share, in millionths, rounded down.
    Share {
        /// Of what: `price` (what the buyer pays), `margin` (what the selling site earns before commissions) or
        /// `face_value` (what is printed on the card; the price of goods that have none).
        #[schema(value_type = String)]
        base: Base,
        rate_ppm: u32,
    },
    /// An amount for each piece.
    Fixed { amount: MoneyView },
}

/// What one tier earns from something. The most specific rule counts: `agent`, then `sku`, `goods`, `category`,
/// `agent_level`, `site_level`, `tenant`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanRule {
    /// What it is about: one of the words above.
    about: String,
    /// Which one: a code, or an agent's id; none for `tenant`.
    which: Option<String>,
    /// For whom: 0 is the agent who brought the buyer, 1 the one above him, 2 the one above that. In the mode `difference`
    /// always 0.
    tier: u8,
    /// What it pays.
    earns: PlanEarning,
    /// At least so much a piece.
    floor: Option<MoneyView>,
    /// At most so much a piece.
    cap: Option<MoneyView>,
}

/// A plan. Commissions come out of the selling site's margin and never exceed it; the agent who stands nearer to the buyer
/// is paid first.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanSent {
    /// `tiers`: each tier has rules of its own. `difference`: each agent has a rate, and one above earns what his is higher.
    #[schema(value_type = String)]
    mode: Mode,
    /// Which of several links counts: `first` or `last`.
    #[schema(value_type = String)]
    touch: Touch,
    /// For how many days a link counts, 1 to 365.
    window_days: u32,
    /// How many days ahead a change is told by which somebody earns less, 7 to 90.
    notice_days: u32,
    /// 500 at most.
    rules: Vec<PlanRule>,
    /// From when on; as soon as may be, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    effective_from: Option<DateTime<Utc>>,
}

/// A version of the plan; it never changes.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanView {
    /// Its number.
    version: i64,
    /// Whether it is the one in force.
    is_in_force: bool,
    /// When it was written.
    created_at: DateTime<Utc>,
    #[serde(flatten)]
    plan: PlanSent,
}

/// Versions of an answer: each may have hundreds of rules.
const VERSIONS_MAX: u64 = 10;

/// The versions of the plan, the latest first; ten at a time at most.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/commission-plans", tag = "commission_plans",
    params(("tenant" = String, Path), Part), responses((status = 200, body = List<PlanView>))
)]
pub(crate) async fn list(
    operator: Operator<PlanRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    list_in(&rooms, &rooms.store.read(&operator.scope).await?, &part).await
}

/// What the tenant's plan makes this site pay its agents, without rules for single agents of other sites: its versions, the latest first; ten at a time at most.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/commission-plans", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), Part), responses((status = 200, body = List<PlanView>))
)]
pub(crate) async fn own_plans(
    operator: SiteOperator<AgentRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    list_in(&rooms, &rooms.store.read(&operator.scope).await?, &part).await
}

/// A transaction inside a site finds that site's agents only: rules for single others are none of its business.
async fn list_in(rooms: &ApiState, tx: &impl Tx, part: &Part) -> Result<Response, Problem> {
    let (limit, before) = (part.limit()?.min(VERSIONS_MAX), part.after(str::parse::<i64>)?);
    let versions = rooms.plans.page_in(tx, before, limit + 1).await?;
    let (mut versions, next) = page(versions, limit, |version| version.version);
    let agent_of = |rule: &Rule| match rule.target {
        Target::Agent(agent) => Some(agent),
        _ => None,
    };
    let named = versions.iter().flat_map(|version| &version.plan.rules).filter_map(agent_of).collect();
    let known = rooms.agents.those_in(tx, &named).await?;
    for version in &mut versions {
        version.plan.rules.retain(|rule| agent_of(rule).is_none_or(|agent| known.contains(&agent)));
    }
    let in_force = rooms.plans.in_force_in(tx).await?.map(|version| version.version);
    let names = names_in(rooms, tx, &versions).await?;
    let data = versions.into_iter().map(|version| PlanView::new(version, in_force, &names)).collect();
    Ok(answer(StatusCode::OK, List::part(data, next)))
}

/// Write the next version of the plan.
///
/// By which an agent would earn less, or a site below the main one pay its agents more, takes effect after the notice of the
/// version before; orders keep the version that was in force when they were placed.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/commission-plans", tag = "commission_plans", params(("tenant" = String, Path)),
    request_body = PlanSent,
    responses(
        (status = 201, body = PlanView),
        (status = 409, description = "`changed_meanwhile`: somebody else wrote a version"),
        (status = 422, description = "`plan_notice_too_short`, `plan_in_the_past`, `plan_rule_twice`, `depth_exceeded`, refused fields"),
    )
)]
pub(crate) async fn save(
    operator: Operator<PlanWrite>,
    State(App(rooms)): State<App>,
    Json(sent): Json<PlanSent>,
) -> Result<Response, Problem> {
    let effective_from = sent.effective_from;
    // Names are looked up before: nobody else waits for that.
    let tx = rooms.store.read(&operator.scope).await?;
    let place = Place::main(&rooms, &tx).await?;
    let plan = sent.read(&rooms, &tx, place.currency).await?;
    drop(tx);
    let by = PlanAuthor { operator: operator.operator.id.uuid(), main_site: place.site.id, currency: place.currency };
    let tx = rooms.store.write(&operator.scope).await?;
    let version = rooms.plans.save_in(&tx, plan, effective_from, by).await.map_err(refused)?;
    let in_force = rooms.plans.in_force_in(&tx).await?.map(|version| version.version);
    let names = names_in(&rooms, &tx, std::slice::from_ref(&version)).await?;
    tx.commit().await?;
    Ok(answer(StatusCode::CREATED, PlanView::new(version, in_force, &names)))
}

impl PlanSent {
    async fn read(self, rooms: &ApiState, tx: &impl Tx, currency: Currency) -> Result<Plan, Problem> {
        let mut fields = Fields::default();
        fields.moment("/effective_from", self.effective_from);
        let mut rules = Vec::new();
        // What is over the limit is refused by the room; here it only bounds what is looked at.
        for (place, rule) in self.rules.iter().take(Plan::RULES_MAX + 1).enumerate() {
            let at = format!("/rules/{place}");
            let target = rule.target(rooms, tx, (&at, &mut fields)).await?;
            let terms = rule.terms(&at, &mut fields, currency);
            rules.push(target.zip(terms).map(|(target, terms)| Rule { target, tier: rule.tier, terms }));
        }
        let Self { mode, touch, window_days, notice_days, .. } = self;
        let rules: Option<Vec<Rule>> = rules.into_iter().collect();
        fields.whole(rules.map(|rules| Plan { mode, touch, window_days, notice_days, rules }))
    }
}

impl PlanRule {
    async fn target(
        &self,
        rooms: &ApiState,
        tx: &impl Tx,
        (at, fields): (&str, &mut Fields),
    ) -> Result<Option<Target>, Problem> {
        let pointer = format!("{at}/which");
        let which = self.which.as_deref().unwrap_or_default();
        Ok(match self.about.as_str() {
            "tenant" if self.which.is_none() => Some(Target::Tenant),
            "site_level" => fields.read(pointer, Code::parse(which)).map(Target::SiteLevel),
            "agent_level" => fields.read(pointer, Code::parse(which)).map(Target::AgentLevel),
            "agent" => {
                let known = match AgentId::parse(which) {
                    Ok(agent) => rooms.agents.agent_in(tx, agent).await?,
                    Err(_) => None,
                };
                fields.there(&pointer, known).map(|agent| Target::Agent(agent.id))
            }
            word @ ("category" | "goods" | "sku") => {
                let Some(code) = fields.read(pointer.clone(), Code::parse(which)) else { return Ok(None) };
                let found = rooms.catalog.target_in(tx, word, Some(&code)).await;
                fields.in_catalogue(pointer, found)?.and_then(of_goods)
            }
            _ => {
                let detail = "tenant (without which), site_level, agent_level, category, goods, sku or agent";
                fields.refuse(format!("{at}/about"), "word_unknown", detail);
                None
            }
        })
    }

    fn terms(&self, at: &str, fields: &mut Fields, currency: Currency) -> Option<Terms> {
        let mut bound = |name: &str, sent: &Option<MoneyView>| match sent {
            Some(sent) => fields.money(&format!("{at}/{name}"), sent, currency).map(Some),
            None => Some(None),
        };
        let (floor, cap) = (bound("floor", &self.floor), bound("cap", &self.cap));
        let earning = match &self.earns {
            PlanEarning::Share { base, rate_ppm } => {
                Some(Earning::Share { base: *base, rate: Rate::from_ppm(*rate_ppm) })
            }
            PlanEarning::Fixed { amount } => {
                let amount = fields.money(&format!("{at}/earns/amount"), amount, currency);
                amount.map(|amount| Earning::Fixed { amount })
            }
        };
        Some(Terms { earning: earning?, floor: floor?, cap: cap? })
    }

    fn new(rule: &Rule, names: &HashMap<Goods, Code>) -> Self {
        let of = |target: Goods| names.get(&target).map(Code::to_string);
        let which = match &rule.target {
            Target::Tenant => None,
            Target::SiteLevel(level) | Target::AgentLevel(level) => Some(level.to_string()),
            Target::Category(category) => of(Goods::Category(*category)),
            Target::Goods(goods) => of(Goods::Goods(*goods)),
            Target::Sku(sku) => of(Goods::Sku(*sku)),
            Target::Agent(agent) => Some(agent.to_string()),
        };
        let earns = match rule.terms.earning {
            Earning::Share { base, rate } => PlanEarning::Share { base, rate_ppm: rate.ppm() },
            Earning::Fixed { amount } => PlanEarning::Fixed { amount: amount.into() },
        };
        let view = |money: Option<Money>| money.map(MoneyView::from);
        let (floor, cap) = (view(rule.terms.floor), view(rule.terms.cap));
        Self { about: rule.target.word().to_owned(), which, tier: rule.tier, earns, floor, cap }
    }
}

impl PlanView {
    fn new(version: PlanVersion, in_force: Option<i64>, names: &HashMap<Goods, Code>) -> Self {
        let Plan { mode, touch, window_days, notice_days, rules } = version.plan;
        let rules = rules.iter().map(|rule| PlanRule::new(rule, names)).collect();
        let effective_from = Some(version.effective_from);
        Self {
            version: version.version,
            is_in_force: in_force == Some(version.version),
            created_at: version.created_at,
            plan: PlanSent { mode, touch, window_days, notice_days, rules, effective_from },
        }
    }
}

const fn of_goods(target: Goods) -> Option<Target> {
    match target {
        Goods::Site => None,
        Goods::Category(category) => Some(Target::Category(category)),
        Goods::Goods(goods) => Some(Target::Goods(goods)),
        Goods::Sku(sku) => Some(Target::Sku(sku)),
    }
}

/// The codes of the goods that the rules of these versions are about.
async fn names_in(rooms: &ApiState, tx: &impl Tx, versions: &[PlanVersion]) -> Result<HashMap<Goods, Code>, Problem> {
    let rules = versions.iter().flat_map(|version| &version.plan.rules);
    let about = |rule: &Rule| match rule.target {
        Target::Category(category) => Some(Goods::Category(category)),
        Target::Goods(goods) => Some(Goods::Goods(goods)),
        Target::Sku(sku) => Some(Goods::Sku(sku)),
        _ => None,
    };
    let targets: Vec<Goods> = rules.filter_map(about).collect();
    Ok(rooms.catalog.codes_of_in(tx, &targets).await?)
}
