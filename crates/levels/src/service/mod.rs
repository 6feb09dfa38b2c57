//! Use cases: rules, where somebody stands, and what an operator decides.

mod count;
mod judge;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use catalog::Code;
use chrono::{DateTime, Utc};
use commission::{AgentState, Agents};
use kernel::notice::begins_at;
use kernel::text::one_line;
use kernel::{Day, TenantScope};
use ledger::Side;
use settlement::EarnerRef;
use store::{Store, Tx, WriteTx};
use tenancy::{SiteState, Tenancy};
use uuid::Uuid;

use crate::error::LevelError;
use crate::model::{Change, ChangeId, Figures, LevelRules, Pin, RulesVersion, Standing, What};
use crate::repo;
use crate::rules::{reached, takes_away};

/// The most versions that are announced at a time.
const ANNOUNCED_MAX: i64 = 20;
/// Letters of a reason.
pub const REASON_CHARS_MAX: usize = 200;
/// Earners that are looked at together.
const AT_ONCE: usize = 500;
/// Agents that are read together.
const AGENTS_AT_ONCE: u64 = 2_000;
/// Names in what rules would do.
const FORETOLD_MAX: usize = 100;

/// Levels of sites and agents.
#[derive(Clone)]
pub struct Levels {
    store: Store,
    tenancy: Tenancy,
    agents: Agents,
}

/// Whose level is to be another, the one he has, and the other.
type Move = (EarnerRef, (Option<Code>, Code));

/// What an operator gives somebody, for good.
#[derive(Debug, Clone)]
pub struct PinWanted {
    /// The level; the one that he has, if none is named.
    pub level: Option<Code>,
    /// Why.
    pub reason: String,
    /// The operator.
    pub by: Uuid,
}

/// Where somebody stands on his ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    /// Who.
    pub earner: EarnerRef,
    /// His level now.
    pub level: Option<Code>,
    /// What is known of him; none before he was judged for the first time.
    pub standing: Option<Standing>,
    /// The rules in force; none if nobody is judged.
    pub rules: Option<RulesVersion>,
    /// The days that were looked at, the first and the last; none before a day was counted.
    pub window: Option<(Day, Day)>,
    /// What he sold on them.
    pub figures: Figures,
}

/// What rules would make of everybody of a side, by the days that were counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Foretold {
    /// How many reach each rung and no higher one, the lowest first.
    pub reach: Vec<(Code, u64)>,
    /// How many would rise.
    pub rise: u64,
    /// How many would be told that they fall.
    pub fall: u64,
    /// A hundred of them at most, each with what he has and what he reaches.
    pub moves: Vec<(EarnerRef, Option<Code>, Code)>,
}

impl Levels {
    /// Levels of the sites and agents in this database.
    pub const fn new(store: Store, tenancy: Tenancy, agents: Agents) -> Self {
        Self { store, tenancy, agents }
    }

    /// Writes the next version of the rules. Without `effective_from` it begins as soon as it may: at once or with the last
    /// version that is announced, or, if anybody could stand lower by it than by the version before, after seven days.
    pub async fn save_rules_in(
        &self,
        tx: &WriteTx<TenantScope>,
        rules: LevelRules,
        effective_from: Option<DateTime<Utc>>,
        by: Uuid,
    ) -> Result<RulesVersion, LevelError> {
        rules.check()?;
        let now = tx.now();
        let last = repo::rules::page(tx, None, 1).await?.pop();
        let in_force = repo::rules::in_force(tx, now).await?.map_or(0, |version| version.version);
        if last.as_ref().map_or(0, |last| last.version) - in_force >= ANNOUNCED_MAX {
            return Err(LevelError::TooMany { what: "announced versions", limit: ANNOUNCED_MAX.unsigned_abs() });
        }
        let is_harder = last.as_ref().is_some_and(|last| takes_away(&last.rules, &rules));
        let effective_from = begins_at(effective_from, now, last.as_ref().map(|last| last.effective_from), is_harder)?;
        let version = last.map_or(1, |last| last.version + 1);
        let new = RulesVersion { version, effective_from, created_at: now, created_by: by, rules };
        repo::rules::insert(tx, &new).await?;
        Ok(new)
    }

    /// At most `limit` versions before this number, the latest first.
    pub async fn rules_page_in(
        &self,
        tx: &impl Tx,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<RulesVersion>, LevelError> {
        repo::rules::page(tx, before, limit).await
    }

    /// The version in force at the transaction's time.
    pub async fn in_force_in(&self, tx: &impl Tx) -> Result<Option<RulesVersion>, LevelError> {
        repo::rules::in_force(tx, tx.now()).await
    }

    /// At most `limit` standings of a side after this owner; of those who were told that they fall only, if it is said. Who
    /// was never judged has none.
    pub async fn standings_in(
        &self,
        tx: &impl Tx,
        of: (Side, bool),
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<Standing>, LevelError> {
        repo::standings::page(tx, of, after, limit).await
    }

    /// What these sold in the window of the rules in force, up to the last day that was counted.
    pub async fn figures_in(&self, tx: &impl Tx, owners: &[Uuid]) -> Result<HashMap<Uuid, Figures>, LevelError> {
        match window_in(tx, self.in_force_in(tx).await?.as_ref()).await? {
            Some(window) => Ok(repo::figures::of(tx, owners, window).await?),
            None => Ok(HashMap::new()),
        }
    }

    /// Where somebody stands on his ladder.
    pub async fn ladder_in(&self, tx: &impl Tx, earner: EarnerRef) -> Result<Ladder, LevelError> {
        let level = self.level_in(tx, earner).await?;
        let (side, owner) = earner.key();
        let standing = repo::standings::of(tx, side, &[owner]).await?.remove(&owner);
        let rules = self.in_force_in(tx).await?;
        let window = window_in(tx, rules.as_ref()).await?;
        let figures = match window {
            Some(window) => repo::figures::of(tx, &[owner], window).await?.remove(&owner).unwrap_or_default(),
            None => Figures::default(),
        };
        Ok(Ladder { earner, level, standing, rules, window, figures })
    }

    /// At most `limit` lines of the history before this one, the newest first; of one earner if he is named.
    pub async fn history_in(
        &self,
        tx: &impl Tx,
        of: Option<EarnerRef>,
        before: Option<ChangeId>,
        limit: u64,
    ) -> Result<Vec<Change>, LevelError> {
        repo::standings::history(tx, of.map(|earner| earner.key().1), before, limit).await
    }

    /// What these rules would make of everybody of a side, by the days that were counted.
    pub async fn foretell_in(&self, tx: &impl Tx, rules: &LevelRules, side: Side) -> Result<Foretold, LevelError> {
        rules.check()?;
        let rungs = rules.ladder(side);
        let mut told =
            Foretold { reach: rungs.iter().map(|rung| (rung.level.clone(), 0)).collect(), ..Foretold::default() };
        let Some(last) = repo::rules::days(tx, 1).await?.pop() else { return Ok(told) };
        for some in self.ranked_in(tx, side).await?.chunks(AT_ONCE) {
            let owners: Vec<Uuid> = some.iter().map(|(earner, _)| earner.key().1).collect();
            let figures = repo::figures::of(tx, &owners, rules.window(last.day)).await?;
            for ((earner, level), owner) in some.iter().zip(&owners) {
                let of = figures.get(owner).copied().unwrap_or_default();
                let Some(reached) = reached(rungs, &of) else { continue };
                let place = |level: &Code| rungs.iter().position(|rung| rung.level == *level);
                let at = place(&reached.level);
                if let Some((_, count)) = at.and_then(|at| told.reach.get_mut(at)) {
                    *count += 1;
                }
                let own = level.as_ref().map(place);
                match own {
                    // A level that is on no rung is not judged.
                    Some(None) => continue,
                    Some(own) if own == at => continue,
                    Some(own) if own > at => told.fall += 1,
                    _ => told.rise += 1,
                }
                if told.moves.len() < FORETOLD_MAX {
                    told.moves.push((*earner, level.clone(), reached.level.clone()));
                }
            }
        }
        Ok(told)
    }

    /// Gives somebody a level that stays until it is released, whatever he sells. It holds at once.
    pub async fn pin_in(
        &self,
        tx: &WriteTx<TenantScope>,
        earner: EarnerRef,
        wanted: PinWanted,
    ) -> Result<Standing, LevelError> {
        let reason = line(&wanted.reason)?;
        // A judgment and a decision follow one another.
        self.tenancy.hold_in(tx).await?;
        let is = self.level_in(tx, earner).await?;
        if is.is_none() && matches!(earner, EarnerRef::Site(_)) {
            return Err(LevelError::MainSite);
        }
        let level = wanted.level.or_else(|| is.clone());
        if let Some(to) = level.clone().filter(|_| level != is) {
            let moved = self.move_in(tx, &[(earner, (is.clone(), to))]).await?;
            if moved.is_empty() {
                return Err(LevelError::ChangedMeanwhile);
            }
        }
        let (side, owner) = earner.key();
        let known = repo::standings::of(tx, side, &[owner]).await?.remove(&owner);
        let since = known.filter(|known| known.level == level).map_or(Day::of(tx.now()), |known| known.since);
        let pin = Some(Pin { reason: reason.clone(), by: wanted.by, at: tx.now() });
        let standing = Standing { earner, level: level.clone(), since, warned: None, pin };
        repo::standings::save(tx, std::slice::from_ref(&standing)).await?;
        let decided = Some((reason, wanted.by));
        let change = Change { from: is, to: level, decided, ..change_of(earner, tx.now(), What::Pinned) };
        repo::standings::tell(tx, &[change]).await?;
        Ok(standing)
    }

    /// Lets a pinned level be judged again, from the next judgment on.
    pub async fn unpin_in(
        &self,
        tx: &WriteTx<TenantScope>,
        earner: EarnerRef,
        (by, reason): (Uuid, &str),
    ) -> Result<Standing, LevelError> {
        let reason = line(reason)?;
        self.tenancy.hold_in(tx).await?;
        let (side, owner) = earner.key();
        let known = repo::standings::of(tx, side, &[owner]).await?.remove(&owner);
        let known = known.filter(|known| known.pin.is_some()).ok_or(LevelError::NotPinned)?;
        let standing = Standing { pin: None, ..known };
        repo::standings::save(tx, std::slice::from_ref(&standing)).await?;
        let level = standing.level.clone();
        let decided = Some((reason, by));
        let change = Change { from: level.clone(), to: level, decided, ..change_of(earner, tx.now(), What::Unpinned) };
        repo::standings::tell(tx, &[change]).await?;
        Ok(standing)
    }

    /// Gives the second of these levels to whoever still has the first; says who that was.
    async fn move_in(&self, tx: &WriteTx<TenantScope>, moves: &[Move]) -> Result<BTreeSet<EarnerRef>, LevelError> {
        let (mut sites, mut agents) = (Vec::new(), BTreeMap::new());
        for (earner, (from, to)) in moves {
            match (earner, from) {
                (EarnerRef::Agent(_, agent), from) => drop(agents.insert(*agent, (from.clone(), to.clone()))),
                (EarnerRef::Site(site), Some(from)) => sites.push((*site, (from.to_string(), to.to_string()))),
                // The main site: it keeps having none.
                (EarnerRef::Site(_), None) => {}
            }
        }
        let sites = self.tenancy.move_levels_in(tx, &sites).await?.into_iter().map(|site| site.uuid());
        let agents = self.agents.move_levels_in(tx, &agents).await?.into_iter().map(|agent| agent.uuid());
        let moved: BTreeSet<Uuid> = sites.chain(agents).collect();
        Ok(moves.iter().map(|(earner, _)| *earner).filter(|earner| moved.contains(&earner.key().1)).collect())
    }

    /// Somebody's level; the main site has none. Who is closed is not there.
    async fn level_in(&self, tx: &impl Tx, earner: EarnerRef) -> Result<Option<Code>, LevelError> {
        match earner {
            EarnerRef::Site(id) => {
                let site = self.tenancy.sites_in(tx).await?.into_iter().find(|site| site.id == id);
                let site = site.filter(|site| site.state != SiteState::Closed);
                let site = site.ok_or(LevelError::Missing { what: "site" })?;
                let unreadable =
                    |error: catalog::CatalogError| LevelError::Corrupt { table: "sites", what: error.to_string() };
                site.level.map(|level| Code::parse(&level)).transpose().map_err(unreadable)
            }
            EarnerRef::Agent(_, id) => {
                let agent = self.agents.agent_in(tx, id).await?.filter(|agent| agent.state != AgentState::Closed);
                Ok(agent.ok_or(LevelError::Missing { what: "agent" })?.level)
            }
        }
    }

    /// Everybody of a side who may be judged, with his level.
    async fn ranked_in(&self, tx: &impl Tx, side: Side) -> Result<Vec<(EarnerRef, Option<Code>)>, LevelError> {
        let mut ranked = Vec::new();
        if side == Side::Site {
            let sites = self.tenancy.sites_in(tx).await?;
            let open = sites.into_iter().filter(|site| site.state != SiteState::Closed);
            ranked.extend(open.filter_map(|site| {
                // What is no code can be on no ladder.
                let level = Code::parse(site.level.as_deref()?).ok()?;
                Some((EarnerRef::Site(site.id), Some(level)))
            }));
            return Ok(ranked);
        }
        let mut after = None;
        loop {
            let agents = self.agents.page_in(tx, None, after, AGENTS_AT_ONCE).await?;
            after = agents.last().map(|agent| agent.id);
            let is_last = (agents.len() as u64) < AGENTS_AT_ONCE;
            let open = agents.into_iter().filter(|agent| agent.state != AgentState::Closed);
            ranked.extend(open.map(|agent| (EarnerRef::Agent(agent.site, agent.id), agent.level)));
            if is_last {
                return Ok(ranked);
            }
        }
    }
}

/// The days that the rules look at, up to the last one that was counted.
async fn window_in(tx: &impl Tx, rules: Option<&RulesVersion>) -> Result<Option<(Day, Day)>, LevelError> {
    let last = repo::rules::days(tx, 1).await?.pop();
    Ok(rules.zip(last).map(|(version, last)| version.rules.window(last.day)))
}

/// A line of the history that says nothing yet but whom it is about.
fn change_of(earner: EarnerRef, at: DateTime<Utc>, what: What) -> Change {
    let id = ChangeId::new();
    Change { id, earner, at, what, from: None, to: None, takes_effect: None, figures: None, rules: None, decided: None }
}

fn line(text: &str) -> Result<String, LevelError> {
    let refused = LevelError::Text { what: "reason", chars_max: REASON_CHARS_MAX };
    one_line(text, REASON_CHARS_MAX).map(str::to_owned).ok_or(refused)
}
