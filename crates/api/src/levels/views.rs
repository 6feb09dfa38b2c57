//! What is sent and shown of levels.

use std::collections::HashMap;

use ::levels::{Change, ChangeId, Figures, Foretold, LevelRules, Needs, RulesVersion, Rung, Schedule, Standing};
use catalog::Code;
use chrono::{DateTime, Utc};
use commission::AgentId;
use kernel::{Currency, Day, Money, SiteId, Wording};
use serde::{Deserialize, Serialize};
use settlement::EarnerRef;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use web::Problem;

use crate::body::{Fields, NAME_CHARS_MAX, Shape};
use crate::page::{self, MoneyView, WordingView};

/// What a rung needs within the window.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NeedsView {
    /// At least so much sold and not given back.
    pub(super) sales: MoneyView,
    /// At least so many different buyers.
    pub(super) buyers: u32,
    /// At most so many orders with a complaint of a million; of fewer than 20 orders none counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) complaints_ppm_max: Option<u32>,
}

/// A rung of a ladder.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RungView {
    /// The level's code, by which prices, rates, goods and terms know it.
    pub(super) level: String,
    /// What it is called.
    pub(super) name: WordingView,
    /// What it needs; the lowest one nothing.
    pub(super) needs: NeedsView,
}

/// How sites and agents rise and fall.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LevelRulesSent {
    /// The ladder of sub-sites, the lowest rung first, ten at most; without any no site is judged.
    pub(super) sites: Vec<RungView>,
    /// The ladder of agents, the lowest rung first, ten at most; without any no agent is judged.
    pub(super) agents: Vec<RungView>,
    /// The days that are looked at, 7 to 180.
    pub(super) window_days: u16,
    /// When everybody is judged: `daily`, `weekly` (on Mondays) or `monthly` (on the first).
    #[schema(value_type = String)]
    pub(super) judged: Schedule,
    /// For so many days, 366 at most, from when he had his level nobody is warned.
    pub(super) grace_days: u16,
    /// So many days ahead, 7 to 90, somebody is told that he falls.
    pub(super) notice_days: u16,
    /// From when on; as soon as may be, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) effective_from: Option<DateTime<Utc>>,
}

/// A version of the rules; it never changes.
#[derive(Serialize, ToSchema)]
pub(crate) struct LevelRulesView {
    /// Its number.
    pub(super) version: i64,
    /// Whether it is the one in force.
    pub(super) is_in_force: bool,
    /// When it was written.
    pub(super) created_at: DateTime<Utc>,
    #[serde(flatten)]
    pub(super) rules: LevelRulesSent,
}

/// What rules would make of everybody of a side.
#[derive(Serialize, ToSchema)]
pub(crate) struct ForetoldView {
    /// Each rung, the lowest first, and how many reach it and no higher one.
    pub(super) reach: Vec<ReachView>,
    /// How many would rise.
    pub(super) rise: u64,
    /// How many would be told that they fall.
    pub(super) fall: u64,
    /// A hundred of them at most.
    pub(super) moves: Vec<MoveView>,
}

/// How many reach a rung.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReachView {
    #[schema(value_type = String)]
    pub(super) level: Code,
    pub(super) count: u64,
}

/// Somebody's level, and the rung that he reaches.
#[derive(Serialize, ToSchema)]
pub(crate) struct MoveView {
    /// The site, or the agent's.
    #[schema(value_type = String)]
    pub(super) site: SiteId,
    /// The agent; none if it is the site.
    #[schema(value_type = Option<String>)]
    pub(super) agent: Option<AgentId>,
    #[schema(value_type = Option<String>)]
    pub(super) level: Option<Code>,
    #[schema(value_type = String)]
    pub(super) reaches: Code,
}

/// What the rules would make of sites and of agents, by the days that were counted.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewView {
    pub(super) sites: ForetoldView,
    pub(super) agents: ForetoldView,
}

/// What somebody sold within the window: of his own shop, or to whom he brought.
#[derive(Serialize, ToSchema)]
pub(crate) struct FiguresView {
    /// What was sold and not given back.
    pub(super) sales: MoneyView,
    /// How many different buyers.
    pub(super) buyers: u64,
    /// Of how many orders something was delivered, on each day.
    pub(super) orders: u64,
    /// Of how many the buyer asked for his money back and was right.
    pub(super) complaints: u64,
}

/// A fall that somebody was told of.
#[derive(Serialize, ToSchema)]
pub(crate) struct WarningView {
    /// To which level, and no lower.
    #[schema(value_type = String)]
    pub(super) to: Code,
    /// On which day, unless his own is reached again by then.
    #[schema(value_type = String)]
    pub(super) on: Day,
}

/// Where somebody stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct StandingView {
    /// The site, or the agent's.
    #[schema(value_type = String)]
    pub(super) site: SiteId,
    /// The agent; none if it is the site.
    #[schema(value_type = Option<String>)]
    pub(super) agent: Option<AgentId>,
    /// His level when he was last judged.
    #[schema(value_type = Option<String>)]
    pub(super) level: Option<Code>,
    /// Since which day.
    #[schema(value_type = String)]
    pub(super) since: Day,
    /// What he was told.
    pub(super) warned: Option<WarningView>,
    /// Why it stays, if an operator said so.
    pub(super) pinned: Option<String>,
    /// What he sold in the window, up to the last day that was counted.
    pub(super) figures: FiguresView,
}

/// A line of somebody's history; it never changes.
#[derive(Serialize, ToSchema)]
pub(crate) struct LevelChangeView {
    /// Its id.
    #[schema(value_type = String)]
    pub(super) id: ChangeId,
    /// The site, or the agent's.
    #[schema(value_type = String)]
    pub(super) site: SiteId,
    /// The agent; none if it is the site.
    #[schema(value_type = Option<String>)]
    pub(super) agent: Option<AgentId>,
    /// When.
    pub(super) at: DateTime<Utc>,
    /// `given`, `promoted`, `warned`, `spared`, `demoted`, `pinned` or `unpinned`.
    pub(super) what: &'static str,
    /// His level before.
    #[schema(value_type = Option<String>)]
    pub(super) from: Option<Code>,
    /// His level after it; of a warning the one he is to fall to.
    #[schema(value_type = Option<String>)]
    pub(super) to: Option<Code>,
    /// Of a warning: the day on which he is to fall.
    #[schema(value_type = Option<String>)]
    pub(super) takes_effect: Option<Day>,
    /// By which figures.
    pub(super) figures: Option<FiguresView>,
    /// By which version of the rules.
    pub(super) rules: Option<i64>,
    /// Why, where an operator decided; only the main site's people are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

/// Where somebody stands on his ladder, and what each rung needs.
#[derive(Serialize, ToSchema)]
pub(crate) struct LadderView {
    /// His level.
    #[schema(value_type = Option<String>)]
    pub(super) level: Option<Code>,
    /// Since which day it is known; none before he was judged.
    #[schema(value_type = Option<String>)]
    pub(super) since: Option<Day>,
    /// What he was told.
    pub(super) warned: Option<WarningView>,
    /// Whether it stays whatever he sells.
    pub(super) is_pinned: bool,
    /// The rungs, the lowest first; none where nobody is judged.
    pub(super) rungs: Vec<RungView>,
    /// When everybody is judged.
    pub(super) judged: Option<&'static str>,
    /// The first and the last day of the figures.
    #[schema(value_type = Option<Vec<String>>)]
    pub(super) window: Option<[Day; 2]>,
    /// What he sold on them.
    pub(super) figures: FiguresView,
    /// What happened to his level, the latest twenty, the newest first.
    pub(super) history: Vec<LevelChangeView>,
}

/// Whose levels.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LevelsQuery {
    /// `site` or `agent`.
    pub(super) side: String,
    /// Those only who were told that they fall.
    #[serde(default)]
    pub(super) warned: bool,
    /// How many, 1 to 100.
    #[serde(default = "page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub(super) limit: u64,
    /// Where the part begins.
    pub(super) cursor: Option<String>,
}

/// Whose level.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhoseQuery {
    /// A site below the main one, by id or slug; or else an agent.
    pub(super) site: Option<String>,
    /// An agent; or else a site.
    #[param(value_type = Option<String>)]
    pub(super) agent: Option<AgentId>,
}

/// Whose level is to stay, and which.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PinSent {
    /// A site below the main one, by id or slug; or else an agent.
    pub(super) site: Option<String>,
    /// An agent; or else a site.
    #[schema(value_type = Option<String>)]
    pub(super) agent: Option<AgentId>,
    /// The level; the one that he has, if none is sent.
    pub(super) level: Option<String>,
    /// Why.
    pub(super) reason: String,
}

/// Whose level is to be judged again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnpinSent {
    /// A site below the main one, by id or slug; or else an agent.
    pub(super) site: Option<String>,
    /// An agent; or else a site.
    #[schema(value_type = Option<String>)]
    pub(super) agent: Option<AgentId>,
    /// Why.
    pub(super) reason: String,
}

impl LevelRulesSent {
    pub(super) fn read(self, currency: Currency) -> Result<LevelRules, Problem> {
        let mut fields = Fields::default();
        fields.moment("/effective_from", self.effective_from);
        let mut read = |at: &str, sent: Vec<RungView>| -> Option<Vec<Rung>> {
            let rungs = sent.into_iter().enumerate();
            let rungs: Vec<Option<Rung>> =
                rungs.map(|(place, rung)| rung.read(&format!("{at}/{place}"), currency, &mut fields)).collect();
            rungs.into_iter().collect()
        };
        let (sites, agents) = (read("/sites", self.sites), read("/agents", self.agents));
        let Self { window_days, judged, grace_days, notice_days, .. } = self;
        let rules = sites.zip(agents).map(|(sites, agents)| LevelRules {
            sites,
            agents,
            window_days,
            judged,
            grace_days,
            notice_days,
        });
        fields.whole(rules)
    }
}

impl RungView {
    pub(super) fn new(rung: Rung, currency: Currency) -> Self {
        let Rung { level, name, needs } = rung;
        let needs = NeedsView {
            sales: Money::new(needs.sales_minor, currency).into(),
            buyers: needs.buyers,
            complaints_ppm_max: needs.complaints_ppm_max,
        };
        Self { level: level.into(), name: name.into(), needs }
    }

    pub(super) fn read(self, at: &str, currency: Currency, fields: &mut Fields) -> Option<Rung> {
        let level = fields.read(format!("{at}/level"), Code::parse(&self.level));
        let name: Option<Wording> = fields.wording(&format!("{at}/name"), &self.name, NAME_CHARS_MAX, Shape::Line);
        let sales = fields.money(&format!("{at}/needs/sales"), &self.needs.sales, currency);
        let NeedsView { buyers, complaints_ppm_max, .. } = self.needs;
        let needs = Needs { sales_minor: sales?.minor(), buyers, complaints_ppm_max };
        Some(Rung { level: level?, name: name?, needs })
    }
}

impl LevelRulesView {
    pub(super) fn new(version: RulesVersion, in_force: Option<i64>, currency: Currency) -> Self {
        let RulesVersion { version, effective_from, created_at, created_by: _, rules } = version;
        let LevelRules { sites, agents, window_days, judged, grace_days, notice_days } = rules;
        let rungs = |rungs: Vec<Rung>| rungs.into_iter().map(|rung| RungView::new(rung, currency)).collect();
        let rules = LevelRulesSent {
            sites: rungs(sites),
            agents: rungs(agents),
            window_days,
            judged,
            grace_days,
            notice_days,
            effective_from: Some(effective_from),
        };
        Self { version, is_in_force: in_force == Some(version), created_at, rules }
    }
}

impl FiguresView {
    pub(super) fn new(of: &Figures, currency: Currency) -> Self {
        let Figures { sales_minor, buyers, orders, complaints } = *of;
        Self { sales: Money::new(sales_minor, currency).into(), buyers, orders, complaints }
    }
}

impl StandingView {
    pub(super) fn new(of: Standing, figures: &HashMap<Uuid, Figures>, currency: Currency) -> Self {
        let Standing { earner, level, since, warned, pin } = of;
        let figures = figures.get(&earner.key().1).copied().unwrap_or_default();
        let (site, agent) = ids(&earner);
        Self {
            site,
            agent,
            level,
            since,
            warned: warned.map(|warning| WarningView { to: warning.to, on: warning.on }),
            pinned: pin.map(|pin| pin.reason),
            figures: FiguresView::new(&figures, currency),
        }
    }
}

impl LevelChangeView {
    pub(super) fn new(change: Change, (currency, is_told): (Currency, bool)) -> Self {
        let Change { id, earner, at, what, from, to, takes_effect, figures, rules, decided } = change;
        let (site, agent) = ids(&earner);
        Self {
            id,
            site,
            agent,
            at,
            what: what.word(),
            from,
            to,
            takes_effect,
            figures: figures.map(|figures| FiguresView::new(&figures, currency)),
            rules,
            reason: decided.filter(|_| is_told).map(|(reason, _)| reason),
        }
    }
}

impl From<Foretold> for ForetoldView {
    fn from(told: Foretold) -> Self {
        let Foretold { reach, rise, fall, moves } = told;
        let moves = moves.into_iter().map(|(earner, level, reaches)| {
            let (site, agent) = ids(&earner);
            MoveView { site, agent, level, reaches }
        });
        let reach = reach.into_iter().map(|(level, count)| ReachView { level, count });
        Self { reach: reach.collect(), rise, fall, moves: moves.collect() }
    }
}

/// The site, or the agent's, and the agent.
fn ids(earner: &EarnerRef) -> (SiteId, Option<AgentId>) {
    match earner {
        EarnerRef::Site(site) => (*site, None),
        EarnerRef::Agent(site, agent) => (*site, Some(*agent)),
    }
}
