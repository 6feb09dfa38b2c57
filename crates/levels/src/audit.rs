//! The audit of levels: nobody fell unwarned, and the history says what the levels are.

use std::collections::HashMap;

use catalog::Code;
use commission::{AgentId, places_in};
use kernel::Day;
use settlement::EarnerRef;
use store::Tx;

use crate::error::LevelError;
use crate::model::{Change, What};
use crate::repo;

/// What an audit of one tenant's levels found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LevelAudit {
    /// The number of the invariant and what was found; empty is good.
    pub breaches: Vec<(u8, String)>,
}

const PAGE: u64 = 5_000;
const BREACHES_MAX: usize = 100;

/// Where somebody's history leads to.
#[derive(Default)]
struct Led {
    level: Option<Code>,
    warned: Option<(Code, Day)>,
    is_pinned: bool,
}

/// Audits the levels of the transaction's tenant: invariant 17 (each line of the history follows the one before it, nobody
/// fell without having been told so, or before the day he was told, or while his level was pinned; and everybody stands where
/// his history leads, and is an agent of his site).
pub async fn audit_in(tx: &impl Tx) -> Result<LevelAudit, LevelError> {
    let mut found = Vec::new();
    let mut led: HashMap<EarnerRef, Led> = HashMap::new();
    let mut after = None;
    loop {
        let page = repo::standings::history_after(tx, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for change in &page {
            follow(led.entry(change.earner).or_default(), change, &mut found);
        }
    }
    for side in [ledger::Side::Site, ledger::Side::Agent] {
        let mut after = None;
        loop {
            let page = repo::standings::page(tx, (side, false), after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.earner.key().1);
            let agents = page.iter().filter_map(|standing| agent_of(&standing.earner)).collect();
            let places = places_in(tx, &agents).await?;
            for standing in page {
                let site = agent_of(&standing.earner).map(|agent| places.get(&agent).map(|(site, _)| *site));
                if site.is_some_and(|site| site != Some(standing.earner.site())) {
                    found.push(format!("{} stands on a ladder and is no agent of its site", standing.earner.key().1));
                }
                let led = led.remove(&standing.earner).unwrap_or_default();
                let warned = standing.warned.map(|warning| (warning.to, warning.on));
                if (standing.level, warned, standing.pin.is_some()) != (led.level, led.warned, led.is_pinned) {
                    found.push(format!("{} does not stand where the history of levels leads", standing.earner.key().1));
                }
            }
        }
    }
    found.extend(led.keys().map(|earner| format!("{} has a history of levels and stands nowhere", earner.key().1)));
    found.truncate(BREACHES_MAX);
    Ok(LevelAudit { breaches: found.into_iter().map(|finding| (17, finding)).collect() })
}

fn agent_of(earner: &EarnerRef) -> Option<AgentId> {
    match earner {
        EarnerRef::Site(_) => None,
        EarnerRef::Agent(_, agent) => Some(*agent),
    }
}

/// Follows one line of somebody's history.
fn follow(led: &mut Led, change: &Change, found: &mut Vec<String>) {
    let (id, today) = (change.id, Day::of(change.at));
    let mut report = |what: &str| found.push(format!("the change {id} of a level {what}"));
    // What was given by hand says itself what it was before, and so does a pin.
    if change.what != What::Given && change.what != What::Pinned && change.from != led.level {
        report("does not begin where the one before it led");
    }
    match change.what {
        What::Given => led.warned = None,
        What::Pinned => (led.warned, led.is_pinned) = (None, true),
        What::Unpinned => led.is_pinned = false,
        What::Warned => {
            led.warned = change.to.clone().zip(change.takes_effect);
            return;
        }
        What::Spared => led.warned = None,
        What::Promoted | What::Demoted if led.is_pinned => report("moves a pinned one"),
        What::Promoted => led.warned = None,
        What::Demoted => match led.warned.take() {
            Some((_, on)) if on > today => report("comes before its day"),
            Some(_) => {}
            None => report("was not told before"),
        },
    }
    led.level.clone_from(&change.to);
}
