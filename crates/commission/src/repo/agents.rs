//! Agents, who is above whom, and links.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use catalog::Code;
use identity::CustomerId;
use kernel::{SiteId, TenantScope};
use sea_orm::ColumnTrait;
use store::{Change, Rows, StoreError, Tx, WriteTx};
use uuid::Uuid;

use crate::error::CommissionError;
use crate::model::{Agent, AgentCode, AgentId, AgentState, Campaign, Link, LinkId};
use crate::rules::ABOVE_MAX;
use crate::table::{agent, agent_link};

/// Agents right below others that are read at once.
const LEVEL_MAX: u64 = 10_000;

pub(crate) async fn agent(tx: &impl Tx, id: AgentId) -> Result<Option<Agent>, CommissionError> {
    tx.find::<agent::Entity>().filter(agent::Column::Id.eq(id.uuid())).one().await?.map(read).transpose()
}

pub(crate) async fn agent_of(tx: &impl Tx, customer: CustomerId) -> Result<Option<Agent>, CommissionError> {
    let find = tx.find::<agent::Entity>().filter(agent::Column::CustomerId.eq(customer.uuid()));
    find.one().await?.map(read).transpose()
}

/// At most `limit` agents after this one, ascending by id; of one site if it is named.
pub(crate) async fn page(
    tx: &impl Tx,
    site: Option<SiteId>,
    after: Option<AgentId>,
    limit: u64,
) -> Result<Vec<Agent>, CommissionError> {
    let mut find = tx.find::<agent::Entity>().ascending(agent::Column::Id).limit(limit);
    if let Some(site) = site {
        find = find.filter(agent::Column::SiteId.eq(site.uuid()));
    }
    if let Some(after) = after {
        find = find.filter(agent::Column::Id.gt(after.uuid()));
    }
    find.all().await?.into_iter().map(read).collect()
}

/// Those of these agents that this transaction may see.
pub(crate) async fn those(tx: &impl Tx, ids: &BTreeSet<AgentId>) -> Result<BTreeSet<AgentId>, StoreError> {
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let find = tx.find::<agent::Entity>().among(agent::Column::Id, ids.iter().map(|id| id.uuid()));
    let found: Vec<(Uuid,)> = find.columns([agent::Column::Id]).await?;
    Ok(found.into_iter().map(|(id,)| AgentId::from_uuid(id)).collect())
}

/// Of which site these agents are, and their accounts there.
pub(crate) async fn places(
    tx: &impl Tx,
    ids: &BTreeSet<AgentId>,
) -> Result<HashMap<AgentId, (SiteId, CustomerId)>, StoreError> {
    use agent::Column::{CustomerId as Customer, Id, SiteId as Site};
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let find = tx.find::<agent::Entity>().among(Id, ids.iter().map(|id| id.uuid()));
    let found: Vec<(Uuid, Uuid, Uuid)> = find.columns([Id, Site, Customer]).await?;
    let read =
        |(id, site, customer)| (AgentId::from_uuid(id), (SiteId::from_uuid(site), CustomerId::from_uuid(customer)));
    Ok(found.into_iter().map(read).collect())
}

/// How many agents the site has.
pub(crate) async fn count(tx: &impl Tx, site: SiteId) -> Result<u64, StoreError> {
    tx.find::<agent::Entity>().filter(agent::Column::SiteId.eq(site.uuid())).count().await
}

/// Whether any other site than this one has agents who may earn once more.
pub(crate) async fn has_elsewhere(tx: &impl Tx, main: SiteId) -> Result<bool, StoreError> {
    let find = tx.find::<agent::Entity>().filter(agent::Column::SiteId.ne(main.uuid()));
    let find = find.filter(agent::Column::State.ne(AgentState::Closed.word())).limit(1);
    let found: Vec<(Uuid,)> = find.columns([agent::Column::Id]).await?;
    Ok(!found.is_empty())
}

/// The agent and all above him, nearest first. Nobody if there is none.
pub(crate) async fn upwards(tx: &impl Tx, from: AgentId) -> Result<Vec<Agent>, CommissionError> {
    let chain = nearest(tx, from, ABOVE_MAX + 2).await?;
    if chain.len() > ABOVE_MAX + 1 {
        return Err(corrupt("agents.upper_id", "a chain without an end"));
    }
    Ok(chain)
}

/// The agent and those above him, nearest first, `most` of them together.
pub(crate) async fn nearest(tx: &impl Tx, from: AgentId, most: usize) -> Result<Vec<Agent>, CommissionError> {
    let mut chain: Vec<Agent> = Vec::new();
    let mut next = Some(from);
    while let Some(id) = next.filter(|_| chain.len() < most) {
        let Some(agent) = agent(tx, id).await? else { break };
        next = agent.upper;
        chain.push(agent);
    }
    Ok(chain)
}

/// How many levels of agents stand under this one.
pub(crate) async fn levels_below(tx: &impl Tx, top: AgentId) -> Result<usize, CommissionError> {
    let mut level = vec![top.uuid()];
    for depth in 0..=ABOVE_MAX {
        let below = tx.find::<agent::Entity>().among(agent::Column::UpperId, level.iter().copied()).limit(LEVEL_MAX);
        let below: Vec<(Uuid,)> = below.columns([agent::Column::Id]).await?;
        if below.is_empty() {
            return Ok(depth);
        }
        if below.len() as u64 == LEVEL_MAX {
            return Err(CommissionError::TooMany { what: "agents of a level that moves", limit: LEVEL_MAX });
        }
        level = below.into_iter().map(|(id,)| id).collect();
    }
    Err(corrupt("agents.upper_id", "a tree that is too deep"))
}

/// Holds these agents until the transaction ends, in ascending order; answers them by id.
pub(crate) async fn hold(
    tx: &WriteTx<TenantScope>,
    ids: &BTreeSet<AgentId>,
) -> Result<BTreeMap<AgentId, Agent>, CommissionError> {
    let find = tx.find::<agent::Entity>().among(agent::Column::Id, ids.iter().map(|id| id.uuid()));
    let rows = find.ascending(agent::Column::Id).locked().all().await?;
    rows.into_iter().map(|row| read(row).map(|agent| (agent.id, agent))).collect()
}

pub(crate) async fn insert(tx: &WriteTx<TenantScope>, new: &Agent) -> Result<(), StoreError> {
    tx.insert::<agent::Entity>([row_of(tx, new)]).await
}

pub(crate) async fn update(tx: &WriteTx<TenantScope>, changed: &[Agent]) -> Result<(), StoreError> {
    let rows = Rows::<agent::Entity>::of(changed.iter().map(|agent| row_of(tx, agent)));
    tx.update_rows(rows, &[agent::Column::Id], Change::Set).await.map(|_| ())
}

fn row_of(tx: &WriteTx<TenantScope>, agent: &Agent) -> agent::Model {
    agent::Model {
        tenant_id: tx.scope().id().uuid(),
        site_id: agent.site.uuid(),
        id: agent.id.uuid(),
        customer_id: agent.customer.uuid(),
        upper_id: agent.upper.map(|upper| upper.uuid()),
        name: agent.name.clone(),
        level: agent.level.as_ref().map(Code::to_string),
        state: agent.state.word().to_owned(),
        version: agent.version,
        created_at: agent.created_at,
    }
}

fn read(row: agent::Model) -> Result<Agent, CommissionError> {
    let level = row.level.as_deref().map(Code::parse).transpose();
    Ok(Agent {
        id: AgentId::from_uuid(row.id),
        site: SiteId::from_uuid(row.site_id),
        customer: CustomerId::from_uuid(row.customer_id),
        upper: row.upper_id.map(AgentId::from_uuid),
        name: row.name,
        level: level.map_err(|error| corrupt("agents", &error.to_string()))?,
        state: AgentState::parse(&row.state).ok_or_else(|| corrupt("agents", "an unknown state"))?,
        version: row.version,
        created_at: row.created_at,
    })
}

/// The link with this code, and the site it leads to.
pub(crate) async fn link(tx: &impl Tx, code: &AgentCode) -> Result<Option<(Link, SiteId)>, CommissionError> {
    let row = tx.find::<agent_link::Entity>().filter(agent_link::Column::Code.eq(code.as_str())).one().await?;
    row.map(read_link_to).transpose()
}

/// The links of an agent, oldest first.
pub(crate) async fn links(tx: &impl Tx, agent: AgentId, limit: u64) -> Result<Vec<Link>, CommissionError> {
    let find = tx.find::<agent_link::Entity>().filter(agent_link::Column::AgentId.eq(agent.uuid()));
    let rows = find.ascending(agent_link::Column::Id).limit(limit).all().await?;
    rows.into_iter().map(read_link).collect()
}

/// At most `limit` links after this one, ascending by id, each with the site it leads to.
pub(crate) async fn links_page(
    tx: &impl Tx,
    after: Option<LinkId>,
    limit: u64,
) -> Result<Vec<(Link, SiteId)>, CommissionError> {
    let mut find = tx.find::<agent_link::Entity>().ascending(agent_link::Column::Id).limit(limit);
    if let Some(after) = after {
        find = find.filter(agent_link::Column::Id.gt(after.uuid()));
    }
    let rows = find.all().await?;
    rows.into_iter().map(read_link_to).collect()
}

/// Whether the link is new; it is not if its code is taken.
pub(crate) async fn insert_link(tx: &WriteTx<TenantScope>, site: SiteId, link: &Link) -> Result<bool, StoreError> {
    let row = agent_link::Model {
        tenant_id: tx.scope().id().uuid(),
        site_id: site.uuid(),
        id: link.id.uuid(),
        agent_id: link.agent.uuid(),
        code: link.code.to_string(),
        campaign: link.campaign.as_ref().map(|campaign| campaign.as_str().to_owned()),
        created_at: link.created_at,
    };
    let new: Vec<Uuid> = tx.insert_new(Rows::<agent_link::Entity>::of([row]), agent_link::Column::Id).await?;
    Ok(!new.is_empty())
}

/// The link with the site it leads to.
fn read_link_to(row: agent_link::Model) -> Result<(Link, SiteId), CommissionError> {
    let site = SiteId::from_uuid(row.site_id);
    Ok((read_link(row)?, site))
}

fn read_link(row: agent_link::Model) -> Result<Link, CommissionError> {
    let unreadable = |error: CommissionError| corrupt("agent_links", &error.to_string());
    Ok(Link {
        id: LinkId::from_uuid(row.id),
        agent: AgentId::from_uuid(row.agent_id),
        code: AgentCode::parse(&row.code).map_err(unreadable)?,
        campaign: row.campaign.as_deref().map(Campaign::parse).transpose().map_err(unreadable)?,
        created_at: row.created_at,
    })
}

fn corrupt(table: &'static str, what: &str) -> CommissionError {
    CommissionError::Corrupt { table, what: what.to_owned() }
}
