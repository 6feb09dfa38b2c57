//! Use cases: who is an agent, who brought a buyer, and what the plan is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use catalog::Code;
use chrono::{DateTime, TimeDelta, Utc};
use identity::CustomerId;
use kernel::text::one_line;
use kernel::{Currency, SiteId, SiteScope, TenantScope};
use store::{ScopedCache, Store, Tx, WriteTx};
use uuid::Uuid;

use crate::error::CommissionError;
use crate::model::{
    Agent, AgentChange, AgentCode, AgentId, AgentState, Campaign, How, Link, LinkId, NewAgent, Plan, PlanVersion,
    Referral, Referrer,
};
use crate::repo;
use crate::rules::{self, DEPTH_MAX};

/// How far the clock of the node that gave a browser its link may be ahead of this one's.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(5);
/// The most agents of one site.
const AGENTS_MAX: u64 = 20_000;
/// The most links of one agent.
const LINKS_MAX: u64 = 200;
/// How far ahead a version may be announced.
const AHEAD_MAX: TimeDelta = TimeDelta::days(366);
/// The most versions that are announced at a time.
const ANNOUNCED_MAX: u64 = 50;
/// Letters of an agent's name.
pub const AGENT_NAME_CHARS_MAX: usize = 80;
/// Codes that are tried until one is free: one in a million million is taken.
const CODES_TRIED: usize = 4;

/// Codes that are known without asking, and for how long.
const CODES_MAX: u64 = 50_000;
const TENANTS_MAX: u64 = 10_000;
const CODE_LIFE: Duration = Duration::from_secs(1);

/// Agents and their links.
#[derive(Clone)]
pub struct Agents {
    store: Store,
    referrals: ScopedCache<(SiteId, AgentCode), Option<Referral>>,
    plans: ScopedCache<(), Arc<Plan>>,
}

impl Agents {
    /// The agents in this database.
    pub fn new(store: Store) -> Self {
        let referrals = ScopedCache::new(Arc::new(store.clone()), CODES_MAX, CODE_LIFE);
        let plans = ScopedCache::new(Arc::new(store.clone()), TENANTS_MAX, CODE_LIFE);
        Self { store, referrals, plans }
    }

    /// Makes a customer an agent, with a first link.
    pub async fn appoint_in(&self, tx: &WriteTx<TenantScope>, new: NewAgent) -> Result<(Agent, Link), CommissionError> {
        let NewAgent { site, customer, upper, name, level } = new;
        let name = named(&name)?;
        if repo::agents::agent_of(tx, customer).await?.is_some() {
            return Err(CommissionError::AgentAlready);
        }
        if repo::agents::count(tx, site).await? >= AGENTS_MAX {
            return Err(CommissionError::TooMany { what: "agents of a site", limit: AGENTS_MAX });
        }
        let agent = Agent {
            id: AgentId::new(),
            site,
            customer,
            upper,
            name,
            level,
            state: AgentState::Active,
            version: 1,
            created_at: tx.now(),
        };
        self.check_place_in(tx, &agent, upper).await?;
        repo::agents::insert(tx, &agent).await?;
        let link = self.new_link_in(tx, &agent, None).await?;
        Ok((agent, link))
    }

    /// Changes what of an agent can change, if he is still at `version`. A move takes effect for later orders.
    pub async fn change_in(
        &self,
        tx: &WriteTx<TenantScope>,
        id: AgentId,
        change: AgentChange,
        version: Option<i64>,
    ) -> Result<Agent, CommissionError> {
        let seen = repo::agents::agent(tx, id).await?.ok_or(CommissionError::Missing { what: "agent" })?;
        let upper = change.upper.filter(|_| change.upper != seen.upper);
        let held = self.check_place_in(tx, &seen, upper).await?;
        let is = held.get(&id).ok_or(CommissionError::Missing { what: "agent" })?.clone();
        if version.is_some_and(|version| version != is.version) || is.version != seen.version {
            return Err(CommissionError::ChangedMeanwhile);
        }
        if is.state == AgentState::Closed && change.state != AgentState::Closed {
            return Err(CommissionError::Closed);
        }
        let AgentChange { upper, name, level, state } = change;
        let changed = Agent { upper, name: named(&name)?, level, state, ..is.clone() };
        if changed == is {
            return Ok(is);
        }
        let changed = Agent { version: is.version + 1, ..changed };
        repo::agents::update(tx, std::slice::from_ref(&changed)).await?;
        Ok(changed)
    }

    /// Gives agents the second of these levels, as far as they still have the first; says to whom it was given. Agents whose
    /// time is over keep theirs.
    pub async fn move_levels_in(
        &self,
        tx: &WriteTx<TenantScope>,
        moves: &BTreeMap<AgentId, (Option<Code>, Code)>,
    ) -> Result<BTreeSet<AgentId>, CommissionError> {
        let held = match moves.is_empty() {
            true => BTreeMap::new(),
            false => repo::agents::hold(tx, &moves.keys().copied().collect()).await?,
        };
        let moved: Vec<Agent> = held
            .into_values()
            .filter(|is| is.state != AgentState::Closed)
            .filter_map(|is| {
                let (_, to) = moves.get(&is.id).filter(|(from, _)| *from == is.level)?;
                Some(Agent { level: Some(to.clone()), version: is.version + 1, ..is })
            })
            .collect();
        repo::agents::update(tx, &moved).await?;
        Ok(moved.into_iter().map(|agent| agent.id).collect())
    }

    /// Whether the agent may stand below `upper`; holds him and all who are to be above him, in one order, and answers them.
    /// Two moves at a time could close a ring that neither of them sees: so those who are held are looked at again.
    async fn check_place_in(
        &self,
        tx: &WriteTx<TenantScope>,
        agent: &Agent,
        upper: Option<AgentId>,
    ) -> Result<BTreeMap<AgentId, Agent>, CommissionError> {
        let above = match upper {
            Some(upper) => repo::agents::upwards(tx, upper).await?,
            None => Vec::new(),
        };
        if upper.is_some() && above.first().map(|nearest| nearest.site) != Some(agent.site) {
            return Err(CommissionError::Missing { what: "upper agent" });
        }
        let ids = above.iter().map(|above| above.id).chain([agent.id]).collect();
        let held = repo::agents::hold(tx, &ids).await?;
        if upper.is_none() {
            return Ok(held);
        }
        if above.iter().any(|seen| held.get(&seen.id).map(|held| held.upper) != Some(seen.upper)) {
            return Err(CommissionError::ChangedMeanwhile);
        }
        if upper.and_then(|upper| held.get(&upper)).is_some_and(|upper| upper.state == AgentState::Closed) {
            return Err(CommissionError::Closed);
        }
        let chain: Vec<AgentId> = above.iter().map(|agent| agent.id).collect();
        let below = repo::agents::levels_below(tx, agent.id).await?;
        rules::check_upper(agent.id, &chain, below)?;
        Ok(held)
    }

    /// Another link of an agent.
    pub async fn add_link_in(
        &self,
        tx: &WriteTx<TenantScope>,
        id: AgentId,
        campaign: Campaign,
    ) -> Result<Link, CommissionError> {
        let held = repo::agents::hold(tx, &BTreeSet::from([id])).await?;
        let agent = held.get(&id).ok_or(CommissionError::Missing { what: "agent" })?;
        if repo::agents::links(tx, id, LINKS_MAX).await?.len() as u64 >= LINKS_MAX {
            return Err(CommissionError::TooMany { what: "links of an agent", limit: LINKS_MAX });
        }
        self.new_link_in(tx, agent, Some(campaign)).await
    }

    async fn new_link_in(
        &self,
        tx: &WriteTx<TenantScope>,
        agent: &Agent,
        campaign: Option<Campaign>,
    ) -> Result<Link, CommissionError> {
        for _ in 0..CODES_TRIED {
            let id = LinkId::new();
            let code = AgentCode::of(id.uuid().as_u128());
            let link = Link { id, agent: agent.id, code, campaign: campaign.clone(), created_at: tx.now() };
            if repo::agents::insert_link(tx, agent.site, &link).await? {
                return Ok(link);
            }
        }
        Err(CommissionError::ChangedMeanwhile)
    }

    /// The agent who logs in as this customer.
    pub async fn agent_of_in(&self, tx: &impl Tx, customer: CustomerId) -> Result<Option<Agent>, CommissionError> {
        repo::agents::agent_of(tx, customer).await
    }

    /// The agent.
    pub async fn agent_in(&self, tx: &impl Tx, id: AgentId) -> Result<Option<Agent>, CommissionError> {
        repo::agents::agent(tx, id).await
    }

    /// At most `limit` agents after this one, ascending by id; of one site if it is named.
    pub async fn page_in(
        &self,
        tx: &impl Tx,
        site: Option<SiteId>,
        after: Option<AgentId>,
        limit: u64,
    ) -> Result<Vec<Agent>, CommissionError> {
        repo::agents::page(tx, site, after, limit).await
    }

    /// Those of these agents that this transaction may see.
    pub async fn those_in(&self, tx: &impl Tx, ids: &BTreeSet<AgentId>) -> Result<BTreeSet<AgentId>, CommissionError> {
        Ok(repo::agents::those(tx, ids).await?)
    }

    /// The agent's links, oldest first.
    pub async fn links_in(&self, tx: &impl Tx, agent: AgentId) -> Result<Vec<Link>, CommissionError> {
        repo::agents::links(tx, agent, LINKS_MAX).await
    }

    /// Who brought a buyer here that followed a link with this code at `since`; none once its window is over, or if it is no
    /// code.
    pub async fn brought(
        &self,
        scope: &SiteScope,
        code: &str,
        since: DateTime<Utc>,
    ) -> Result<Option<Referral>, CommissionError> {
        let Ok(code) = AgentCode::parse(code) else { return Ok(None) };
        let age = self.store.time() - since;
        if age < -CLOCKS_DIFFER || age >= self.plan_now(&scope.engine()).await?.window() {
            return Ok(None);
        }
        self.referral(scope, &code, How::Link).await
    }

    /// What the tenant's plan says, as of a second ago at most; without one, the defaults, by which nobody earns.
    pub async fn plan_now(&self, scope: &TenantScope) -> Result<Arc<Plan>, CommissionError> {
        let (store, of) = (self.store.clone(), *scope);
        let read = move || {
            let store = store.clone();
            async move {
                let tx = store.read(&of).await?;
                let found = repo::plans::in_force(&tx, tx.now()).await?;
                Ok(Arc::new(found.map_or_else(Plan::nothing, |version| version.plan)))
            }
        };
        known_or_read(&self.plans, scope, (), read).await
    }

    /// Who brings buyers to this site by `code`, as of a second ago at most; none if nobody does.
    pub async fn referral(
        &self,
        scope: &SiteScope,
        code: &AgentCode,
        how: How,
    ) -> Result<Option<Referral>, CommissionError> {
        let (engine, key) = (scope.engine(), (scope.site(), code.clone()));
        let (store, of) = (self.store.clone(), key.clone());
        let read = move || {
            let (store, (site, code)) = (store.clone(), of.clone());
            async move { referral_in(&store.read(&engine).await?, site, &code).await }
        };
        let known = known_or_read(&self.referrals, &engine, key, read).await?;
        Ok(known.map(|referral| Referral { how, ..referral }))
    }
}

/// What is kept under `key`, or what is read for it: once for all who wait.
async fn known_or_read<K, V, F>(
    cache: &ScopedCache<K, V>,
    scope: &TenantScope,
    key: K,
    read: impl Fn() -> F + Clone + Send + Sync + 'static,
) -> Result<V, CommissionError>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    F: Future<Output = Result<V, CommissionError>> + Send + 'static,
{
    let once = read.clone();
    let of_all = move |keys: Vec<K>| async move {
        match once().await {
            Ok(value) => Ok(keys.into_iter().map(|key| (key, value.clone())).collect()),
            Err(CommissionError::Store(error)) => Err(error),
            // Left out: whoever waits asks for himself, and hears why.
            Err(_) => Ok(HashMap::new()),
        }
    };
    match cache.get_all(scope, std::slice::from_ref(&key), of_all).await?.remove(&key) {
        Some(value) => Ok(value),
        None => read().await,
    }
}

/// Who brings buyers to the site by this code: the link's agent, if he is active, with as many above him as may earn.
async fn referral_in(tx: &impl Tx, site: SiteId, code: &AgentCode) -> Result<Option<Referral>, CommissionError> {
    let Some((link, of)) = repo::agents::link(tx, code).await? else { return Ok(None) };
    let chain = repo::agents::nearest(tx, link.agent, 1 + DEPTH_MAX).await?;
    let is_bringing = chain.first().is_some_and(|agent| agent.state == AgentState::Active);
    if of != site || !is_bringing {
        return Ok(None);
    }
    let referrer =
        |agent: Agent| Referrer { agent: agent.id, customer: agent.customer, level: agent.level, state: agent.state };
    let chain = chain.into_iter().map(referrer).collect();
    Ok(Some(Referral { link: link.id, how: How::Link, chain }))
}

fn named(text: &str) -> Result<String, CommissionError> {
    let refused = CommissionError::Text { what: "name", chars_max: AGENT_NAME_CHARS_MAX };
    one_line(text, AGENT_NAME_CHARS_MAX).map(str::to_owned).ok_or(refused)
}

/// Who writes a version of the plan, and for what tenant.
#[derive(Debug, Clone, Copy)]
pub struct PlanAuthor {
    /// The operator.
    pub operator: Uuid,
    /// The tenant's main site, which decides; the others only pay.
    pub main_site: SiteId,
    /// The tenant's currency.
    pub currency: Currency,
}

/// The plan of a tenant and its versions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plans;

impl Plans {
    /// Writes the next version. Without `effective_from` it takes effect as soon as it may: at once, or, if an agent would
    /// earn less by it or a site below the main one pay its agents more, after the notice of the plan before it. Versions are
    /// never changed and never removed.
    pub async fn save_in(
        &self,
        tx: &WriteTx<TenantScope>,
        plan: Plan,
        effective_from: Option<DateTime<Utc>>,
        by: PlanAuthor,
    ) -> Result<PlanVersion, CommissionError> {
        plan.check(by.currency)?;
        let now = tx.now();
        if effective_from.is_some_and(|from| from < now) {
            return Err(CommissionError::InThePast);
        }
        if effective_from.is_some_and(|from| from > now + AHEAD_MAX) {
            return Err(CommissionError::Range { field: "effective_from" });
        }
        let begins = effective_from.unwrap_or(now);
        let in_force = repo::plans::in_force(tx, begins).await?.map_or_else(Plan::nothing, |version| version.plan);
        // What is announced was promised too.
        let announced = repo::plans::after(tx, now, ANNOUNCED_MAX).await?;
        if announced.len() as u64 == ANNOUNCED_MAX {
            return Err(CommissionError::TooMany { what: "announced versions", limit: ANNOUNCED_MAX });
        }
        let announced = rules::still_to_come(announced, repo::plans::number_in_force(tx, now).await?);
        // Whoever has appointed agents has agreed to what they cost then.
        let sites_pay = repo::agents::has_elsewhere(tx, by.main_site).await?;
        let notice = |old: &Plan| {
            let hurts = rules::pays_less(old, &plan) || (sites_pay && rules::costs_more(old, &plan));
            hurts.then(|| now + TimeDelta::days(i64::from(old.notice_days)))
        };
        let earliest = announced.iter().map(|version| &version.plan).chain([&in_force]).filter_map(notice).max();
        let effective_from = match (effective_from, earliest) {
            (Some(from), Some(earliest)) if from < earliest => {
                return Err(CommissionError::NoticeTooShort { earliest });
            }
            (Some(from), _) => from,
            (None, earliest) => earliest.unwrap_or(now),
        };
        let version = repo::plans::page(tx, None, 1).await?.first().map_or(1, |last| last.version + 1);
        let new = PlanVersion { version, effective_from, created_at: now, created_by: by.operator, plan };
        repo::plans::insert(tx, &new).await?;
        Ok(new)
    }

    /// The version in force at the transaction's time.
    pub async fn in_force_in(&self, tx: &impl Tx) -> Result<Option<PlanVersion>, CommissionError> {
        repo::plans::in_force(tx, tx.now()).await
    }

    /// At most `limit` versions before this number, the latest first.
    pub async fn page_in(
        &self,
        tx: &impl Tx,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<PlanVersion>, CommissionError> {
        repo::plans::page(tx, before, limit).await
    }
}

/// Of which site these agents are, and their accounts there.
pub async fn places_in(
    tx: &impl Tx,
    ids: &BTreeSet<AgentId>,
) -> Result<HashMap<AgentId, (SiteId, CustomerId)>, CommissionError> {
    Ok(repo::agents::places(tx, ids).await?)
}

/// The version in force at the transaction's time, for a lane that knows one already: a version never changes, so only its
/// number is looked at.
pub async fn plan_in(
    tx: &impl Tx,
    known: Option<Arc<PlanVersion>>,
) -> Result<Option<Arc<PlanVersion>>, CommissionError> {
    let Some(number) = repo::plans::number_in_force(tx, tx.now()).await? else { return Ok(None) };
    match known.filter(|known| known.version == number) {
        Some(known) => Ok(Some(known)),
        None => Ok(repo::plans::version(tx, number).await?.map(Arc::new)),
    }
}
