//! What sites have to buy with: as the main site sees it and lends to it, and as a site hands it on to the next one below.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use funds::{Credit, Lent, MovePrepaid, PrepaidMove, PrepaidMoveId, PrepaidStanding, SetCredit, TEXT_CHARS_MAX};
use kernel::{Money, SiteId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{
    FundsApprove, FundsRead, IdempotencyKey, Json, LedgerRead, Operator, PrepaidMove as MayMove, Problem, Query,
    SiteOperator,
};

use crate::body::{Fields, refused};
use crate::page::{self, List, MoneyView, answer, answer_once};
use crate::place::{Place, named};
use crate::routes::App;

/// What a site has to buy with.
#[derive(Serialize, ToSchema)]
pub(crate) struct PrepaidView {
    /// The site.
    #[schema(value_type = String)]
    site: SiteId,
    /// What it may spend, with what it was lent.
    available: MoneyView,
    /// What orders that wait for their payment hold.
    held: MoneyView,
    /// What it was lent.
    credit: MoneyView,
    /// What it has spent of that.
    owed: MoneyView,
    /// Below this its money is low.
    alert_below: Option<MoneyView>,
    /// Whether it is.
    is_low: bool,
    /// Since when, as the watch of every five minutes has seen it.
    low_since: Option<DateTime<Utc>>,
    /// How often credit or alert were changed; 0 is never.
    credit_version: i64,
}

/// What a site is to be lent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreditSent {
    /// The site, by id or slug.
    site: String,
    /// How much it is lent in all, from now on; nothing takes it back.
    credit: MoneyView,
    /// Below this its money is low; without it, it never is.
    alert_below: Option<MoneyView>,
    /// The `credit_version` that was seen; without it, whatever it is.
    seen: Option<i64>,
}

/// What a site is lent by now.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreditedView {
    /// How often it was changed.
    credit_version: i64,
    /// How much more or, below zero, less it may spend by this change.
    more: MoneyView,
}

/// Prepaid money that is to be handed on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrepaidMoveSent {
    /// The site right below, by id or slug.
    to: String,
    /// How much.
    amount: MoneyView,
    /// What is said with it, up to 200 characters.
    note: Option<String>,
}

/// Prepaid money that was handed on.
#[derive(Serialize, ToSchema)]
pub(crate) struct PrepaidMoveView {
    /// Its id.
    #[schema(value_type = String)]
    id: PrepaidMoveId,
    /// Whose it was.
    #[schema(value_type = String)]
    from: SiteId,
    /// Whose it is.
    #[schema(value_type = String)]
    to: SiteId,
    /// How much.
    amount: MoneyView,
    /// What was said with it.
    note: Option<String>,
    /// When.
    at: DateTime<Utc>,
}

/// A move that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MovedView {
    /// Its id.
    #[schema(value_type = String)]
    id: PrepaidMoveId,
    /// How much.
    amount: MoneyView,
}

/// Which sites.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrepaidQuery {
    /// How many, 1 to 100.
    #[serde(default = "page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    cursor: Option<String>,
    /// `true`: only those whose money is low.
    low: Option<String>,
}

/// Which moves.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct MovesQuery {
    /// How many, 1 to 100.
    #[serde(default = "page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    cursor: Option<String>,
    /// `out` (what the site has handed on, the default) or `in` (what it was handed).
    #[serde(default = "out")]
    side: String,
}

fn out() -> String {
    "out".to_owned()
}

/// What all sites below the main site have to buy with.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/prepaid", tag = "funds", params(("tenant" = String, Path), PrepaidQuery),
    responses((status = 200, body = List<PrepaidView>)), operation_id = "funds_prepaid"
)]
pub(crate) async fn list(
    operator: Operator<FundsRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<PrepaidQuery>,
) -> Result<Response, Problem> {
    let part = (page::limit(query.limit)?, page::after(query.cursor.as_deref(), SiteId::parse)?);
    let only_low = page::filter("low", query.low.as_deref(), |word| match word {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    })?;
    let tx = rooms.store.snapshot(&operator.scope).await?;
    let currency = rooms.currency_in(&tx).await?;
    let sites = rooms.tenancy.sites_in(&tx).await?;
    let sites: Vec<SiteId> = sites.into_iter().filter(|site| site.parent.is_some()).map(|site| site.id).collect();
    let all = rooms.funds.prepaid_in(&tx, &sites, currency).await.map_err(refused)?;
    let keep = |one: &PrepaidStanding| only_low.is_none_or(|low| one.is_low() == low);
    let (found, next) = page::cut(all, part, |one| one.site, keep)?;
    Ok(answer(StatusCode::OK, List::part(found.into_iter().map(PrepaidView::from).collect(), next)))
}

/// Lend a site money to buy with, or take some of it back, and say when its money is low.
///
/// What it is lent is put on its prepaid money at once, and stands as credit beside it. What it has spent of it cannot be taken
/// back: it pays first (an adjustment of cause `deposit`).
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/credits", tag = "funds", request_body = CreditSent,
    params(("tenant" = String, Path), ("Idempotency-Key" = String, Header, description = "Names the change: sent again it is the same one.")),
    responses((status = 200, body = CreditedView), (status = 409, description = "`changed_meanwhile`"),
        (status = 422, description = "`credit_in_use`, `prepaid_main_site`; refused fields; `idempotency_key_reused`")),
    operation_id = "funds_lend"
)]
pub(crate) async fn lend(
    operator: Operator<FundsApprove>,
    State(App(rooms)): State<App>,
    key: IdempotencyKey,
    Json(sent): Json<CreditSent>,
) -> Result<Response, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    let (currency, tree) = (rooms.currency_in(&tx).await?, rooms.tenancy.tree_in(&tx).await?);
    drop(tx);
    let mut fields = Fields::default();
    let site = fields.there("/site", named(&tree, &sent.site)).map(|site| site.id);
    let credit = fields.money("/credit", &sent.credit, currency);
    let alert_below = sent.alert_below.as_ref().map(|below| fields.money("/alert_below", below, currency));
    let whole = || {
        let alert_below = match alert_below {
            Some(read) => Some(read?),
            None => None,
        };
        let (by, key) = (operator.operator.id.uuid(), key.0.clone());
        Some(SetCredit { site: site?, credit: Credit { amount: credit?, alert_below }, seen: sent.seen, by, key })
    };
    let whole = whole();
    let lent = rooms.funds.lend(&operator.scope, &tree, fields.whole(whole)?).await.map_err(refused)?;
    let view = CreditedView { credit_version: lent.answer.version, more: lent.answer.more.into() };
    Ok(answer_once(lent.is_replay, view))
}

/// What the site has to buy with.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/prepaid", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path)), responses((status = 200, body = PrepaidView)),
    operation_id = "own_site_prepaid"
)]
pub(crate) async fn own_prepaid(
    operator: SiteOperator<LedgerRead>,
    State(App(rooms)): State<App>,
) -> Result<Response, Problem> {
    let tx = rooms.store.snapshot(&operator.scope).await?;
    let place = Place::at(&rooms, &tx, operator.scope.site()).await?;
    let mut found = rooms.funds.prepaid_in(&tx, &[place.site.id], place.currency).await.map_err(refused)?;
    let found = found.pop().ok_or(Problem::not_found())?;
    Ok(answer(StatusCode::OK, PrepaidView::from(found)))
}

/// Prepaid money that the site has handed on, or was handed, the newest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/prepaid-moves", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), MovesQuery),
    responses((status = 200, body = List<PrepaidMoveView>)), operation_id = "own_site_prepaid_moves"
)]
pub(crate) async fn own_moves(
    operator: SiteOperator<LedgerRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<MovesQuery>,
) -> Result<Response, Problem> {
    let (limit, before) = (page::limit(query.limit)?, page::after(query.cursor.as_deref(), PrepaidMoveId::parse)?);
    let is_out = page::filter("side", Some(&query.side), |word| match word {
        "out" => Some(true),
        "in" => Some(false),
        _ => None,
    })?;
    let (tx, site) = (rooms.store.read(&operator.scope).await?, operator.scope.site());
    let found = match is_out {
        Some(false) => rooms.funds.moves_to_in(&tx, site, before, limit + 1).await,
        _ => rooms.funds.moves_from_in(&tx, site, before, limit + 1).await,
    };
    let (found, next) = page::page(found.map_err(refused)?, limit, |one| one.id);
    Ok(answer(StatusCode::OK, List::part(found.into_iter().map(PrepaidMoveView::from).collect(), next)))
}

/// Hand prepaid money to a site right below. What the site was lent itself is not handed on.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/sites/{site}/prepaid-moves", tag = "own_site", request_body = PrepaidMoveSent,
    params(("tenant" = String, Path), ("site" = String, Path),
        ("Idempotency-Key" = String, Header, description = "Names the move: sent again it is the same one.")),
    responses((status = 200, body = MovedView),
        (status = 422, description = "`insufficient_funds`, `prepaid_main_site`; refused fields; `idempotency_key_reused`")),
    operation_id = "own_site_move_prepaid"
)]
pub(crate) async fn own_move(
    operator: SiteOperator<MayMove>,
    State(App(rooms)): State<App>,
    key: IdempotencyKey,
    Json(sent): Json<PrepaidMoveSent>,
) -> Result<Response, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    let place = Place::at(&rooms, &tx, operator.scope.site()).await?;
    drop(tx);
    let mut fields = Fields::default();
    let to = fields.there("/to", place.child(&sent.to)).map(|site| site.id);
    let amount = fields.money("/amount", &sent.amount, place.currency);
    let note = sent.note.as_deref().map(|note| fields.line("/note", note, TEXT_CHARS_MAX));
    let whole = || {
        let note = match note {
            Some(read) => Some(read?),
            None => None,
        };
        let (by, key) = (operator.operator.id.uuid(), key.0.clone());
        Some(MovePrepaid { from: place.site.id, to: to?, amount: amount?, note, by, key })
    };
    let whole = whole();
    let engine = operator.scope.engine();
    let moved = rooms.funds.hand_on(&engine, &place.tree, fields.whole(whole)?).await.map_err(refused)?;
    let view = MovedView { id: moved.answer.id, amount: moved.answer.amount.into() };
    Ok(answer_once(moved.is_replay, view))
}

impl From<PrepaidStanding> for PrepaidView {
    fn from(of: PrepaidStanding) -> Self {
        let none = Money::zero(of.available.currency());
        Self {
            site: of.site,
            available: of.available.into(),
            held: of.held.into(),
            credit: of.lent.map_or(none, |lent: Lent| lent.amount).into(),
            owed: of.owed().into(),
            alert_below: of.lent.and_then(|lent| lent.alert_below).map(MoneyView::from),
            is_low: of.is_low(),
            low_since: of.lent.and_then(|lent| lent.low_since),
            credit_version: of.lent.map_or(0, |lent| lent.version),
        }
    }
}

impl From<PrepaidMove> for PrepaidMoveView {
    fn from(of: PrepaidMove) -> Self {
        Self { id: of.id, from: of.from, to: of.to, amount: of.amount.into(), note: of.note, at: of.made.0 }
    }
}
