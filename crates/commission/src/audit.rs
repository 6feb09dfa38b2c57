//! The audit of agents: nobody stands above himself or under another site's agent.

use std::collections::{BTreeMap, BTreeSet};

use kernel::SiteId;
use store::Tx;

use crate::error::CommissionError;
use crate::model::{AgentId, LinkId};
use crate::repo;
use crate::rules::ABOVE_MAX;

/// What an audit of one tenant's agents found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentAudit {
    /// All agents with their sites.
    pub agents: BTreeSet<(AgentId, SiteId)>,
    /// All links with whose they are.
    pub links: BTreeSet<(LinkId, AgentId)>,
    /// The number of the invariant and what was found; empty is good.
    pub breaches: Vec<(u8, String)>,
}

const PAGE: u64 = 5_000;
const BREACHES_MAX: usize = 100;

/// Audits the agents of the transaction's tenant: invariants 8 (the agents of a site are one tree) and 13 (an agent stands
/// under one of his own site, and his links lead to it), and that every version of the plan can be read.
pub async fn audit_in(tx: &impl Tx) -> Result<AgentAudit, CommissionError> {
    let mut audit = AgentAudit::default();
    let mut uppers: BTreeMap<AgentId, (SiteId, Option<AgentId>)> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = repo::agents::page(tx, None, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        uppers.extend(page.iter().map(|agent| (agent.id, (agent.site, agent.upper))));
    }
    for (id, (site, upper)) in &uppers {
        audit.agents.insert((*id, *site));
        let Some(upper) = upper else { continue };
        if uppers.get(upper).map(|(site, _)| site) != Some(site) {
            audit.report(13, format!("{id} stands under {upper}, who is no agent of his site"));
        }
        let above = |id: &AgentId| uppers.get(id).and_then(|(_, upper)| *upper);
        if std::iter::successors(Some(*upper), above).take(ABOVE_MAX + 1).any(|above| above == *id) {
            audit.report(8, format!("{id} stands above himself"));
        }
    }
    let mut after = None;
    loop {
        let page = repo::agents::links_page(tx, after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.id);
        for (link, site) in page {
            audit.links.insert((link.id, link.agent));
            if uppers.get(&link.agent).map(|(site, _)| *site) != Some(site) {
                audit.report(13, format!("{} leads to another site than its agent's", link.id));
            }
        }
    }
    let mut before = None;
    loop {
        let page = match repo::plans::page(tx, before, PAGE).await {
            Err(CommissionError::Corrupt { what, .. }) => {
                audit.report(8, format!("a version of the plan cannot be read: {what}"));
                break;
            }
            page => page?,
        };
        let Some(last) = page.last() else { break };
        before = Some(last.version);
    }
    Ok(audit)
}

impl AgentAudit {
    fn report(&mut self, invariant: u8, finding: String) {
        if self.breaches.len() < BREACHES_MAX {
            self.breaches.push((invariant, finding));
        }
    }
}
