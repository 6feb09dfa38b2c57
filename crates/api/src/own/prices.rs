//! A site's own prices, limits and templates: what it asks its buyers and the sites right below it.

use axum::extract::State;
use axum::response::Response;
use kernel::{SiteId, TenantId};
use web::{Json, Path, PriceRead, PriceWrite, Problem, Query, SiteOperator};

use crate::explain::{self, ExplanationView, OwnExplainQuery, Seen};
use crate::page::{IfMatch, List, Part, Written};
use crate::place::Place;
use crate::routes::App;
use crate::rules::{self, RuleSent, RuleView, RulesQuery};
use crate::templates::{self, TemplateSent, TemplateView};

/// The own rules, ascending by id.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/prices", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), RulesQuery),
    responses((status = 200, body = List<RuleView>))
)]
pub(crate) async fn prices(
    operator: SiteOperator<PriceRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<RulesQuery>,
) -> Result<Response, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    rules::list(&rooms, &tx, &Place::at(&rooms, &tx, operator.scope.site()).await?, &query).await
}

/// Make an own rule what is sent. `If-Match` with its version refuses (412) what was changed meanwhile.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/sites/{site}/prices", tag = "own_site",
    params(
        ("tenant" = String, Path), ("site" = String, Path),
        ("if-match" = Option<String>, Header, description = "The version that was read."),
    ),
    request_body = RuleSent,
    responses((status = 201, body = Written<RuleView>), (status = 200, body = Written<RuleView>))
)]
pub(crate) async fn put_price(
    operator: SiteOperator<PriceWrite>,
    State(App(rooms)): State<App>,
    if_match: IfMatch,
    Json(sent): Json<RuleSent>,
) -> Result<Response, Problem> {
    rules::put(&rooms, operator.scope.engine(), Some(operator.scope.site()), if_match, sent).await
}

/// The own templates, by code.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/templates", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), Part),
    responses((status = 200, body = List<TemplateView>))
)]
pub(crate) async fn templates(
    operator: SiteOperator<PriceRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    templates::list(&rooms, &tx, &Place::at(&rooms, &tx, operator.scope.site()).await?, &part).await
}

/// Make the own template with this code, or make it what it is to be.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/sites/{site}/templates/{code}", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), ("code" = String, Path)), request_body = TemplateSent,
    responses((status = 201, body = Written<TemplateView>), (status = 200, body = Written<TemplateView>))
)]
pub(crate) async fn put_template(
    operator: SiteOperator<PriceWrite>,
    State(App(rooms)): State<App>,
    Path(path): Path<(TenantId, SiteId, String)>,
    Json(sent): Json<TemplateSent>,
) -> Result<Response, Problem> {
    let (_, site, code) = path;
    templates::put(&rooms, operator.scope.engine(), (Some(site), &code), &sent).await
}

/// What leads to an own price: the own steps and the result.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/prices/explain", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), OwnExplainQuery),
    responses((status = 200, body = ExplanationView))
)]
pub(crate) async fn explain(
    operator: SiteOperator<PriceRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<OwnExplainQuery>,
) -> Result<Response, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    let place = Place::at(&rooms, &tx, operator.scope.site()).await?;
    explain::explain(&rooms, &tx, (&place, Seen::Own), query).await
}
