//! Levels: ladders, who stands where and why, and what an operator decides.

mod views;

use ::levels::{ChangeId, Ladder, Levels, PinWanted, REASON_CHARS_MAX};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::Code;
use commission::AgentId;
use kernel::Currency;
use ledger::Side;
use settlement::EarnerRef;
use store::Tx;
use uuid::Uuid;
use web::{AgentRead, Json, LedgerRead, Operator, Path, Problem, Query, SettlementRead, SettlementWrite, SiteOperator};

use crate::body::{Fields, refused};
use crate::earnings::earner;
use crate::page::{self, List, Part, answer};
use crate::routes::App;

pub(crate) use views::LadderView;
use views::{
    FiguresView, LevelChangeView, LevelRulesSent, LevelRulesView, LevelsQuery, PinSent, PreviewView, RungView,
    StandingView, UnpinSent, WarningView, WhoseQuery,
};

/// Versions of an answer.
const VERSIONS_MAX: u64 = 20;
/// Lines of the history that stand with a ladder.
const HISTORY_MAX: u64 = 20;

/// The versions of the rules, the latest first; twenty at a time at most. Without any, levels are given by hand.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/level-rules", tag = "levels", operation_id = "level_rules",
    params(("tenant" = String, Path), Part), responses((status = 200, body = List<LevelRulesView>))
)]
pub(crate) async fn rules(
    operator: Operator<SettlementRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    let (limit, before) = (part.limit()?.min(VERSIONS_MAX), part.after(str::parse::<i64>)?);
    let versions = rooms.levels.rules_page_in(&tx, before, limit + 1).await.map_err(refused)?;
    let (versions, next) = page::page(versions, limit, |version| version.version);
    let in_force = rooms.levels.in_force_in(&tx).await.map_err(refused)?.map(|version| version.version);
    let currency = rooms.currency_in(&tx).await?;
    let data = versions.into_iter().map(|version| LevelRulesView::new(version, in_force, currency)).collect();
    Ok(answer(StatusCode::OK, List::part(data, next)))
}

/// Write the next version of the rules.
///
/// Versions begin one after the other. By which anybody could stand lower takes effect after seven days.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/level-rules", tag = "levels", operation_id = "save_level_rules",
    params(("tenant" = String, Path)), request_body = LevelRulesSent,
    responses(
        (status = 201, body = LevelRulesView),
        (status = 409, description = "`changed_meanwhile`: somebody else wrote a version"),
        (status = 422, description = "`level_notice_too_short`, `level_before_the_last`, `level_lowest_needs`, `level_twice`, `level_easier_above`, `level_limit_reached`, refused fields"),
    )
)]
pub(crate) async fn save_rules(
    operator: Operator<SettlementWrite>,
    State(App(rooms)): State<App>,
    Json(sent): Json<LevelRulesSent>,
) -> Result<Response, Problem> {
    let (by, tx) = (operator.operator.id.uuid(), rooms.store.write(&operator.scope).await?);
    let currency = rooms.currency_in(&tx).await?;
    let effective_from = sent.effective_from;
    let rules = sent.read(currency)?;
    let version = rooms.levels.save_rules_in(&tx, rules, effective_from, by).await.map_err(refused)?;
    let in_force = rooms.levels.in_force_in(&tx).await.map_err(refused)?.map(|version| version.version);
    tx.commit().await?;
    Ok(answer(StatusCode::CREATED, LevelRulesView::new(version, in_force, currency)))
}

/// What rules would make of everybody, by the days that were counted: nothing is written.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/level-rules/preview", tag = "levels", operation_id = "preview_level_rules",
    params(("tenant" = String, Path)), request_body = LevelRulesSent,
    responses((status = 200, body = PreviewView), (status = 422, description = "as of writing them"))
)]
pub(crate) async fn preview(
    operator: Operator<SettlementRead>,
    State(App(rooms)): State<App>,
    Json(sent): Json<LevelRulesSent>,
) -> Result<Response, Problem> {
    let tx = rooms.store.snapshot(&operator.scope).await?;
    let rules = sent.read(rooms.currency_in(&tx).await?)?;
    let sites = rooms.levels.foretell_in(&tx, &rules, Side::Site).await.map_err(refused)?;
    let agents = rooms.levels.foretell_in(&tx, &rules, Side::Agent).await.map_err(refused)?;
    Ok(answer(StatusCode::OK, PreviewView { sites: sites.into(), agents: agents.into() }))
}

/// Where sites or agents stand who were judged or pinned, each with what he sold in the window.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/levels", tag = "levels", operation_id = "standings",
    params(("tenant" = String, Path), LevelsQuery), responses((status = 200, body = List<StandingView>))
)]
pub(crate) async fn list(
    operator: Operator<SettlementRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<LevelsQuery>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let side = fields.word("side", &query.side, Side::parse);
    let side = fields.whole(side)?;
    let (limit, after) = (page::limit(query.limit)?, page::after(query.cursor.as_deref(), Uuid::parse_str)?);
    let tx = rooms.store.snapshot(&operator.scope).await?;
    let currency = rooms.currency_in(&tx).await?;
    let standings = rooms.levels.standings_in(&tx, (side, query.warned), after, limit + 1).await.map_err(refused)?;
    let (standings, next) = page::page(standings, limit, |standing| standing.earner.key().1);
    let owners: Vec<Uuid> = standings.iter().map(|standing| standing.earner.key().1).collect();
    let figures = rooms.levels.figures_in(&tx, &owners).await.map_err(refused)?;
    let data = standings.into_iter().map(|standing| StandingView::new(standing, &figures, currency)).collect();
    Ok(answer(StatusCode::OK, List::part(data, next)))
}

/// Where a site or an agent stands on the ladder, with the latest of the history.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/level", tag = "levels", operation_id = "standing",
    params(("tenant" = String, Path), WhoseQuery), responses((status = 200, body = LadderView))
)]
pub(crate) async fn of(
    operator: Operator<SettlementRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<WhoseQuery>,
) -> Result<Response, Problem> {
    let tx = rooms.store.snapshot(&operator.scope).await?;
    let mut fields = Fields::default();
    let of = earner(&rooms, &tx, (query.site.as_deref(), query.agent), &mut fields).await?;
    let (of, currency) = (fields.whole(of)?, rooms.currency_in(&tx).await?);
    Ok(answer(StatusCode::OK, ladder_in(&rooms.levels, &tx, of, (currency, true)).await?))
}

/// What happened to levels, the newest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/level-changes", tag = "levels", operation_id = "level_changes",
    params(("tenant" = String, Path), Part), responses((status = 200, body = List<LevelChangeView>))
)]
pub(crate) async fn changes(
    operator: Operator<SettlementRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let (limit, before) = (part.limit()?, part.after(ChangeId::parse)?);
    let tx = rooms.store.read(&operator.scope).await?;
    let currency = rooms.currency_in(&tx).await?;
    let changes = rooms.levels.history_in(&tx, None, before, limit + 1).await.map_err(refused)?;
    let (changes, next) = page::page(changes, limit, |change| change.id);
    let data = changes.into_iter().map(|change| LevelChangeView::new(change, (currency, true))).collect();
    Ok(answer(StatusCode::OK, List::part(data, next)))
}

/// Give a site or an agent a level that stays whatever is sold, with the reason. It holds at once.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/levels/pin", tag = "levels", operation_id = "pin_level",
    params(("tenant" = String, Path)), request_body = PinSent,
    responses((status = 200, body = LadderView), (status = 422, description = "refused fields"))
)]
pub(crate) async fn pin(
    operator: Operator<SettlementWrite>,
    State(App(rooms)): State<App>,
    Json(sent): Json<PinSent>,
) -> Result<Response, Problem> {
    let tx = rooms.store.write(&operator.scope).await?;
    let mut fields = Fields::default();
    let of = earner(&rooms, &tx, (sent.site.as_deref(), sent.agent), &mut fields).await?;
    let level = sent.level.as_deref().map(|text| fields.read("/level", Code::parse(text)));
    let reason = fields.line("/reason", &sent.reason, REASON_CHARS_MAX);
    let by = operator.operator.id.uuid();
    let (of, reason) = fields.whole(of.zip(reason))?;
    let wanted = PinWanted { level: level.flatten(), reason, by };
    rooms.levels.pin_in(&tx, of, wanted).await.map_err(refused)?;
    let (currency, is_site) = (rooms.currency_in(&tx).await?, matches!(of, EarnerRef::Site(_)));
    let view = ladder_in(&rooms.levels, &tx, of, (currency, true)).await?;
    tx.commit().await?;
    if is_site {
        // Prices of the site change with its level.
        rooms.reload().await;
    }
    Ok(answer(StatusCode::OK, view))
}

/// Let a level that stays be judged again, with the reason.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/levels/unpin", tag = "levels", operation_id = "unpin_level",
    params(("tenant" = String, Path)), request_body = UnpinSent,
    responses((status = 200, body = LadderView), (status = 409, description = "`level_not_pinned`"))
)]
pub(crate) async fn unpin(
    operator: Operator<SettlementWrite>,
    State(App(rooms)): State<App>,
    Json(sent): Json<UnpinSent>,
) -> Result<Response, Problem> {
    let tx = rooms.store.write(&operator.scope).await?;
    let mut fields = Fields::default();
    let of = earner(&rooms, &tx, (sent.site.as_deref(), sent.agent), &mut fields).await?;
    let reason = fields.line("/reason", &sent.reason, REASON_CHARS_MAX);
    let (of, reason) = fields.whole(of.zip(reason))?;
    let by = operator.operator.id.uuid();
    rooms.levels.unpin_in(&tx, of, (by, &reason)).await.map_err(refused)?;
    let currency = rooms.currency_in(&tx).await?;
    let view = ladder_in(&rooms.levels, &tx, of, (currency, true)).await?;
    tx.commit().await?;
    Ok(answer(StatusCode::OK, view))
}

/// Where the site stands on the main site's ladder, what each rung needs, and what happened to its level.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/level", tag = "own_site", operation_id = "own_level",
    params(("tenant" = String, Path), ("site" = String, Path)), responses((status = 200, body = LadderView))
)]
pub(crate) async fn own(
    operator: SiteOperator<LedgerRead>,
    State(App(rooms)): State<App>,
) -> Result<Response, Problem> {
    let tx = rooms.store.snapshot(&operator.scope).await?;
    let (of, currency) = (EarnerRef::Site(operator.scope.site()), rooms.currency_in(&tx).await?);
    Ok(answer(StatusCode::OK, ladder_in(&rooms.levels, &tx, of, (currency, false)).await?))
}

/// Where an own agent stands on the main site's ladder.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/agents/{agent}/level", tag = "own_site",
    operation_id = "own_agents_level",
    params(("tenant" = String, Path), ("site" = String, Path), ("agent" = String, Path)),
    responses((status = 200, body = LadderView))
)]
pub(crate) async fn of_own_agent(
    operator: SiteOperator<AgentRead>,
    State(App(rooms)): State<App>,
    Path((_tenant, _site, agent)): Path<(String, String, AgentId)>,
) -> Result<Response, Problem> {
    let tx = rooms.store.snapshot(&operator.scope).await?;
    let found = rooms.agents.agent_in(&tx, agent).await?.ok_or(Problem::not_found())?;
    let (of, currency) = (EarnerRef::Agent(found.site, found.id), rooms.currency_in(&tx).await?);
    Ok(answer(StatusCode::OK, ladder_in(&rooms.levels, &tx, of, (currency, false)).await?))
}

/// Where somebody stands; why an operator decided what he did only if `is_told`.
pub(crate) async fn ladder_in(
    levels: &Levels,
    tx: &impl Tx,
    of: EarnerRef,
    (currency, is_told): (Currency, bool),
) -> Result<LadderView, Problem> {
    let Ladder { earner, level, standing, rules, window, figures } = levels.ladder_in(tx, of).await.map_err(refused)?;
    let history = levels.history_in(tx, Some(of), None, HISTORY_MAX).await.map_err(refused)?;
    let known = standing.filter(|standing| standing.level == level);
    let rungs = rules.as_ref().map(|version| version.rules.ladder(earner.key().0)).unwrap_or_default();
    Ok(LadderView {
        since: known.as_ref().map(|standing| standing.since),
        is_pinned: known.as_ref().is_some_and(|standing| standing.pin.is_some()),
        warned: known
            .and_then(|standing| standing.warned)
            .map(|warning| WarningView { to: warning.to, on: warning.on }),
        level,
        rungs: rungs.iter().map(|rung| RungView::new(rung.clone(), currency)).collect(),
        judged: rules.map(|version| version.rules.judged.word()),
        window: window.map(|(first, last)| [first, last]),
        figures: FiguresView::new(&figures, currency),
        history: history.into_iter().map(|change| LevelChangeView::new(change, (currency, is_told))).collect(),
    })
}
