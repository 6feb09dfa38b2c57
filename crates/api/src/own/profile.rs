//! What a site says, and the sites right below it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use kernel::{SiteId, SiteScope};
use serde::Serialize;
use tenancy::Site;
use utoipa::ToSchema;
use web::{Json, Problem, Query, SiteOperator, SiteRead, SiteWrite};

use crate::body::{Fields, refused};
use crate::page::{IfMatch, List, Part, WordingView, Written, answer, changed_row, cut, versioned, written};
use crate::place::Place;
use crate::routes::{ApiState, App};
use crate::sites::{check_in, hosts_of};
use crate::words::{WordsSent, WordsView, version_of};

/// The own site.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProfileView {
    /// Its id.
    #[schema(value_type = String)]
    id: SiteId,
    /// The version of its settings, as `ETag` says it.
    version: i64,
    /// Its name in packs and prices.
    slug: String,
    /// `active`, `suspended` or `closed`.
    state: &'static str,
    /// Its level, as the main site gave it.
    level: Option<String>,
    /// What it buys and sells in.
    currency: String,
    /// Where it is found.
    hosts: Vec<String>,
    #[serde(flatten)]
    words: WordsView,
}

/// A site right below.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChildView {
    /// Its id.
    #[schema(value_type = String)]
    id: SiteId,
    /// Its name in prices.
    slug: String,
    /// What it is called.
    name: WordingView,
    /// Its level.
    level: Option<String>,
    /// `active`, `suspended` or `closed`.
    state: &'static str,
}

impl From<&Site> for ChildView {
    fn from(site: &Site) -> Self {
        Self {
            id: site.id,
            slug: site.slug.to_string(),
            name: site.name.clone().into(),
            level: site.level.clone(),
            state: site.state.word(),
        }
    }
}

/// The own site.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/profile", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path)), responses((status = 200, body = ProfileView))
)]
pub(crate) async fn profile(
    operator: SiteOperator<SiteRead>,
    State(App(rooms)): State<App>,
) -> Result<Response, Problem> {
    let shown = show(&rooms, &operator.scope).await?;
    let version = shown.version;
    Ok(versioned(answer(StatusCode::OK, shown), version))
}

/// Change what the own site says. Its level is the main site's to give. `If-Match` with its version refuses (412) what
/// was changed meanwhile.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/sites/{site}/profile", tag = "own_site",
    params(
        ("tenant" = String, Path), ("site" = String, Path),
        ("if-match" = Option<String>, Header, description = "The version that was read."),
    ),
    request_body = WordsSent,
    responses((status = 200, body = Written<ProfileView>), (status = 412, description = "`version_moved`"))
)]
pub(crate) async fn put_profile(
    operator: SiteOperator<SiteWrite>,
    State(App(rooms)): State<App>,
    if_match: IfMatch,
    Json(sent): Json<WordsSent>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let words = sent.read(&mut fields);
    let words = fields.whole(words)?;
    let (site, scope) = (operator.scope.site(), operator.scope.engine());
    let tx = rooms.store.write(&scope).await?;
    check_in(&rooms, &tx, site, if_match).await?;
    let saved = rooms.tenancy.save_words_in(&tx, site, &words).await.map_err(refused)?;
    tx.commit().await?;
    rooms.reload().await;
    let shown = show(&rooms, &operator.scope).await?;
    let version = shown.version;
    Ok(versioned(written(shown, changed_row(saved)), version))
}

/// The sites right below, ascending by id.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/children", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), Part), responses((status = 200, body = List<ChildView>))
)]
pub(crate) async fn children(
    operator: SiteOperator<SiteRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let (part, own) = ((part.limit()?, part.after(SiteId::parse)?), operator.scope.site());
    let mut below = rooms.tenancy.sites_in(&rooms.store.read(&operator.scope).await?).await?;
    below.retain(|site| site.parent == Some(own));
    let (below, next) = cut(below, part, |site| site.id, |_| true)?;
    Ok(answer(StatusCode::OK, List::part(below.iter().map(ChildView::from).collect(), next)))
}

async fn show(rooms: &ApiState, scope: &SiteScope) -> Result<ProfileView, Problem> {
    let tx = rooms.store.read(scope).await?;
    let place = Place::at(rooms, &tx, scope.site()).await?;
    let hosts = rooms.tenancy.hosts_in(&tx).await?;
    let site = &place.site;
    Ok(ProfileView {
        id: site.id,
        version: version_of(site),
        slug: site.slug.to_string(),
        state: site.state.word(),
        level: site.level.clone(),
        currency: place.currency.code().to_owned(),
        hosts: hosts_of(site.id, &hosts),
        words: site.into(),
    })
}
