//! The main site's own prices, limits and templates, and what leads to any price of its tree.

use axum::extract::State;
use axum::response::Response;
use kernel::TenantId;
use web::{Json, Operator, Path, PriceRead, PriceWrite, Problem, Query};

use crate::explain::{self, ExplainQuery, ExplanationView, OwnExplainQuery, Seen};
use crate::page::{IfMatch, List, Part, Written};
use crate::place::Place;
use crate::routes::App;
use crate::rules::{self, RuleSent, RuleView, RulesQuery};
use crate::templates::{self, TemplateSent, TemplateView};

/// The main site's own rules, ascending by id; `site` narrows to those for one site right below.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/prices", tag = "prices", params(("tenant" = String, Path), RulesQuery),
    responses((status = 200, body = List<RuleView>))
)]
pub(crate) async fn list(
    operator: Operator<PriceRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<RulesQuery>,
) -> Result<Response, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    rules::list(&rooms, &tx, &Place::main(&rooms, &tx).await?, &query).await
}

/// Make a rule of the main site what is sent. `If-Match` with its version refuses (412) what was changed meanwhile.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/prices", tag = "prices",
    params(("tenant" = String, Path), ("if-match" = Option<String>, Header, description = "The version that was read.")),
    request_body = RuleSent,
    responses((status = 201, body = Written<RuleView>), (status = 200, body = Written<RuleView>))
)]
pub(crate) async fn put(
    operator: Operator<PriceWrite>,
    State(App(rooms)): State<App>,
    if_match: IfMatch,
    Json(sent): Json<RuleSent>,
) -> Result<Response, Problem> {
    rules::put(&rooms, operator.scope, None, if_match, sent).await
}

/// The main site's own templates, by code.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/templates", tag = "prices", params(("tenant" = String, Path), Part),
    responses((status = 200, body = List<TemplateView>))
)]
pub(crate) async fn list_templates(
    operator: Operator<PriceRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    templates::list(&rooms, &tx, &Place::main(&rooms, &tx).await?, &part).await
}

/// Make the main site's template with this code, or make it what it is to be.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/templates/{code}", tag = "prices",
    params(("tenant" = String, Path), ("code" = String, Path)), request_body = TemplateSent,
    responses((status = 201, body = Written<TemplateView>), (status = 200, body = Written<TemplateView>))
)]
pub(crate) async fn put_template(
    operator: Operator<PriceWrite>,
    State(App(rooms)): State<App>,
    Path(path): Path<(TenantId, String)>,
    Json(sent): Json<TemplateSent>,
) -> Result<Response, Problem> {
    let (_, code) = path;
    templates::put(&rooms, operator.scope, (None, &code), &sent).await
}

/// What leads to a price on any site of the tree: the whole chain.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/prices/explain", tag = "prices",
    params(("tenant" = String, Path), ExplainQuery), responses((status = 200, body = ExplanationView))
)]
pub(crate) async fn explain(
    operator: Operator<PriceRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<ExplainQuery>,
) -> Result<Response, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    let place = match &query.site {
        Some(site) => Place::named(&rooms, &tx, site).await?,
        None => Place::main(&rooms, &tx).await?,
    };
    let ExplainQuery { sku, quantity, level, .. } = query;
    explain::explain(&rooms, &tx, (&place, Seen::Chain), OwnExplainQuery { sku, quantity, level }).await
}
