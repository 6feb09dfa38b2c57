//! The sites of a tenant, as its main site opens and keeps them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::Code;
use identity::{Login, Membership, Role};
use kernel::{SiteId, TenantId, TenantScope};
use serde::{Deserialize, Serialize};
use store::WriteTx;
use tenancy::{Host, OpenSite, Saved, Site, SiteState, SiteTree, SiteWords, Slug, TenancyError};
use utoipa::{IntoParams, ToSchema};
use web::{Json, Operator, Path, Problem, Query, SiteRead, SiteWrite};

use crate::body::{Fields, NAME_CHARS_MAX, refused};
use crate::page::{self, IfMatch, List, Written, answer, changed_row, versioned, written};
use crate::place::named;
use crate::routes::{ApiState, App};
use crate::words::{WordsSent, WordsView, version_of};

/// A site in the tree.
#[derive(Serialize, ToSchema)]
pub(crate) struct SiteView {
    /// Its id.
    #[schema(value_type = String)]
    id: SiteId,
    /// The version of its settings, for `If-Match`.
    version: i64,
    /// Its name in packs and prices.
    slug: String,
    /// The site right above; none for the main site.
    #[schema(value_type = Option<String>)]
    parent: Option<SiteId>,
    /// How many sites are above it.
    depth: u8,
    /// `active`, `suspended` or `closed`.
    state: &'static str,
    /// Its level, which chooses its prices.
    level: Option<String>,
    /// Where it is found.
    hosts: Vec<String>,
    #[serde(flatten)]
    words: WordsView,
}

impl SiteView {
    fn new(site: &Site, hosts: &[(Host, SiteId)]) -> Self {
        Self {
            id: site.id,
            version: version_of(site),
            slug: site.slug.to_string(),
            parent: site.parent,
            depth: site.depth,
            state: site.state.word(),
            level: site.level.clone(),
            hosts: hosts_of(site.id, hosts),
            words: site.into(),
        }
    }
}

/// The hosts that lead to this site.
pub(crate) fn hosts_of(site: SiteId, hosts: &[(Host, SiteId)]) -> Vec<String> {
    hosts.iter().filter(|(_, leads_to)| *leads_to == site).map(|(host, _)| host.to_string()).collect()
}

/// Which sites.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SitesQuery {
    /// How many, 1 to 100.
    #[serde(default = "page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    cursor: Option<String>,
    /// `active`, `suspended` or `closed`.
    state: Option<String>,
}

/// A sub-site to be opened.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenSent {
    /// Its name in packs and prices, 2 to 40 of a-z, 0-9 and dashes; it never changes.
    slug: String,
    /// The site right above, by id or slug.
    parent: String,
    /// What it is called.
    name: page::WordingView,
    /// A line under the name.
    #[serde(default)]
    tagline: page::WordingView,
    /// A notice above the goods.
    #[serde(default)]
    notice: page::WordingView,
    /// `grove`, `harbor` or `clay`.
    theme: String,
    /// `auto`, `light` or `dark`.
    mode: String,
    /// How buyers reach its support.
    support: Option<String>,
    /// Its level, which chooses its prices.
    level: String,
    /// Where it is found; more can be added later.
    host: Option<String>,
    /// Who runs it; somebody can be appointed later.
    owner: Option<OwnerSent>,
}

/// Somebody who is to run a site.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnerSent {
    /// What he logs in with. An operator who has this log-in already keeps his name and password.
    login: String,
    /// What he is called.
    name: String,
}

/// A site's words and its level.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeSent {
    /// What it is called.
    name: page::WordingView,
    /// A line under the name.
    #[serde(default)]
    tagline: page::WordingView,
    /// A notice above the goods.
    #[serde(default)]
    notice: page::WordingView,
    /// `grove`, `harbor` or `clay`.
    theme: String,
    /// `auto`, `light` or `dark`.
    mode: String,
    /// How buyers reach its support.
    support: Option<String>,
    /// Its level, which chooses its prices; none for the main site.
    level: Option<String>,
}

/// Whether a site sells.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StateSent {
    /// `active`, `suspended` or `closed`.
    state: String,
}

/// A host.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostSent {
    /// A DNS name.
    host: String,
}

/// A site that was opened.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenedView {
    /// The site.
    site: SiteView,
    /// Who runs it, if somebody was named.
    owner: Option<OwnerView>,
}

/// Somebody who runs a site.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnerView {
    /// What he logs in with.
    login: String,
    /// The password that was made for him, if his log-in is new. It is shown this once.
    password: Option<String>,
    /// Why he has no role yet, as the code of a problem. The site is open all the same: appoint him again.
    left_undone: Option<&'static str>,
}

struct Owner {
    login: Login,
    name: String,
}

impl OwnerSent {
    fn read(self, fields: &mut Fields, at: &str) -> Option<Owner> {
        let login = fields.read(format!("{at}/login"), Login::parse(&self.login));
        let name = fields.line(&format!("{at}/name"), &self.name, NAME_CHARS_MAX);
        Some(Owner { login: login?, name: name? })
    }
}

impl OpenSent {
    fn read(self, tree: &SiteTree) -> Result<(OpenSite, Option<Owner>), Problem> {
        let mut fields = Fields::default();
        let Self { name, tagline, notice, theme, mode, support, .. } = self;
        let words = WordsSent { name, tagline, notice, theme, mode, support }.read(&mut fields);
        let slug = fields.read("/slug", Slug::parse(&self.slug).map_err(TenancyError::from));
        let parent = fields.there("/parent", named(tree, &self.parent));
        let level = fields.read("/level", Code::parse(&self.level));
        let host = self.host.map(|text| fields.read("/host", Host::parse(&text).map_err(TenancyError::from)));
        let owner = self.owner.map(|owner| owner.read(&mut fields, "/owner"));
        let read = || {
            let (parent, level) = (parent?.id, String::from(level?));
            let site = OpenSite { slug: slug?, parent, words: words?, level, host: host.flatten() };
            Some((site, owner.flatten()))
        };
        let read = read();
        fields.whole(read)
    }
}

impl ChangeSent {
    fn read(self) -> Result<(SiteWords, Option<String>), Problem> {
        let mut fields = Fields::default();
        let Self { name, tagline, notice, theme, mode, support, level } = self;
        let words = WordsSent { name, tagline, notice, theme, mode, support }.read(&mut fields);
        let level = level.map(|text| fields.read("/level", Code::parse(&text)).map(String::from));
        let read = words.map(|words| (words, level.flatten()));
        fields.whole(read)
    }
}

/// The tree of sites, a parent before its children.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites", tag = "sites", params(("tenant" = String, Path), SitesQuery),
    responses((status = 200, body = List<SiteView>))
)]
pub(crate) async fn list(
    operator: Operator<SiteRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<SitesQuery>,
) -> Result<Response, Problem> {
    let part = (page::limit(query.limit)?, page::after(query.cursor.as_deref(), SiteId::parse)?);
    let state = page::filter("state", query.state.as_deref(), SiteState::parse)?;
    let tx = rooms.store.read(&operator.scope).await?;
    let (sites, hosts) = (rooms.tenancy.sites_in(&tx).await?, rooms.tenancy.hosts_in(&tx).await?);
    let keep = |site: &Site| state.is_none_or(|state| site.state == state);
    let (sites, next) = page::cut(sites, part, |site| site.id, keep)?;
    let data = sites.iter().map(|site| SiteView::new(site, &hosts)).collect();
    Ok(answer(StatusCode::OK, List::part(data, next)))
}

/// Open a sub-site.
///
/// The site and its host are made together or not at all. Its owner is made afterwards, because operators belong to the
/// platform: what fails there is told in the answer, the site is open, and `POST .../owners` tries again.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/sites", tag = "sites", params(("tenant" = String, Path)),
    request_body = OpenSent, responses((status = 201, body = OpenedView))
)]
pub(crate) async fn open(
    operator: Operator<SiteWrite>,
    State(App(rooms)): State<App>,
    Json(sent): Json<OpenSent>,
) -> Result<Response, Problem> {
    let scope = operator.scope;
    let tree = rooms.tenancy.tree_in(&rooms.store.read(&scope).await?).await?;
    let (new, owner) = sent.read(&tree)?;
    let site = rooms.store.transact(&scope, async |tx| rooms.tenancy.open_site_in(tx, &new).await).await;
    let site = site.map_err(refused)?;
    rooms.reload().await;
    let owner = match owner {
        Some(owner) => Some(appoint_or_tell(&rooms, scope, site.id, owner).await),
        None => None,
    };
    let hosts: Vec<_> = new.host.map(|host| (host, site.id)).into_iter().collect();
    Ok(answer(StatusCode::CREATED, OpenedView { site: SiteView::new(&site, &hosts), owner }))
}

/// Change what a site says, and its level. `If-Match` with its version refuses (412) what was changed meanwhile.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/sites/{site}", tag = "sites",
    params(
        ("tenant" = String, Path), ("site" = String, Path),
        ("if-match" = Option<String>, Header, description = "The version that was read."),
    ),
    request_body = ChangeSent,
    responses((status = 200, body = Written<SiteView>), (status = 412, description = "`version_moved`"))
)]
pub(crate) async fn change(
    operator: Operator<SiteWrite>,
    State(App(rooms)): State<App>,
    Path(path): Path<(TenantId, SiteId)>,
    if_match: IfMatch,
    Json(sent): Json<ChangeSent>,
) -> Result<Response, Problem> {
    let (_, site) = path;
    let (words, level) = sent.read()?;
    let tx = rooms.store.write(&operator.scope).await?;
    check_in(&rooms, &tx, site, if_match).await?;
    let (_, mut fields) = changed_row(rooms.tenancy.save_words_in(&tx, site, &words).await.map_err(refused)?);
    fields.extend(changed_row(rooms.tenancy.set_level_in(&tx, site, level).await.map_err(refused)?).1);
    tx.commit().await?;
    rooms.reload().await;
    let shown = show(&rooms, operator.scope, site).await?;
    let version = shown.version;
    Ok(versioned(written(shown, (false, fields)), version))
}

/// Let a site sell, stop it for now, or for good. `If-Match` with its version refuses (412) what was changed meanwhile.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/sites/{site}/state", tag = "sites",
    params(
        ("tenant" = String, Path), ("site" = String, Path),
        ("if-match" = Option<String>, Header, description = "The version that was read."),
    ),
    request_body = StateSent,
    responses((status = 200, body = SiteView), (status = 412, description = "`version_moved`"))
)]
pub(crate) async fn set_state(
    operator: Operator<SiteWrite>,
    State(App(rooms)): State<App>,
    Path(path): Path<(TenantId, SiteId)>,
    if_match: IfMatch,
    Json(sent): Json<StateSent>,
) -> Result<Response, Problem> {
    let (_, site) = path;
    let mut fields = Fields::default();
    let state = fields.word("/state", &sent.state, SiteState::parse);
    let state = fields.whole(state)?;
    let tx = rooms.store.write(&operator.scope).await?;
    check_in(&rooms, &tx, site, if_match).await?;
    rooms.tenancy.set_site_state_in(&tx, site, state).await.map_err(refused)?;
    tx.commit().await?;
    rooms.reload().await;
    let shown = show(&rooms, operator.scope, site).await?;
    let version = shown.version;
    Ok(versioned(answer(StatusCode::OK, shown), version))
}

/// Make one more host lead to a site.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/sites/{site}/hosts", tag = "sites",
    params(("tenant" = String, Path), ("site" = String, Path)), request_body = HostSent,
    responses((status = 201, body = SiteView), (status = 200, body = SiteView, description = "It did already."))
)]
pub(crate) async fn add_host(
    operator: Operator<SiteWrite>,
    State(App(rooms)): State<App>,
    Path(path): Path<(TenantId, SiteId)>,
    Json(sent): Json<HostSent>,
) -> Result<Response, Problem> {
    let (_, site) = path;
    let mut fields = Fields::default();
    let host = fields.read("/host", Host::parse(&sent.host).map_err(TenancyError::from));
    let host = fields.whole(host)?;
    let saved = rooms.store.transact(&operator.scope, async |tx| rooms.tenancy.add_host_in(tx, &host, site).await);
    let saved = saved.await.map_err(refused)?;
    rooms.reload().await;
    let status = if matches!(saved, Saved::Created(_)) { StatusCode::CREATED } else { StatusCode::OK };
    Ok(answer(status, show(&rooms, operator.scope, site).await?))
}

/// Let somebody run a sub-site. One who does already keeps his password, and none is shown.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/sites/{site}/owners", tag = "sites",
    params(("tenant" = String, Path), ("site" = String, Path)), request_body = OwnerSent,
    responses((status = 201, body = OwnerView))
)]
pub(crate) async fn add_owner(
    operator: Operator<SiteWrite>,
    State(App(rooms)): State<App>,
    Path(path): Path<(TenantId, SiteId)>,
    Json(sent): Json<OwnerSent>,
) -> Result<Response, Problem> {
    let (_, site) = path;
    let mut fields = Fields::default();
    let owner = sent.read(&mut fields, "");
    let owner = fields.whole(owner)?;
    let tree = rooms.tenancy.tree_in(&rooms.store.read(&operator.scope).await?).await?;
    if tree.get(site).ok_or(Problem::not_found())?.parent.is_none() {
        return Err(refused(TenancyError::MainSiteFixed));
    }
    Ok(answer(StatusCode::CREATED, appoint(&rooms, operator.scope, site, owner).await?))
}

/// Refuses what was read at another version; until the transaction ends nobody else changes the site.
pub(crate) async fn check_in(
    rooms: &ApiState,
    tx: &WriteTx<TenantScope>,
    site: SiteId,
    if_match: IfMatch,
) -> Result<(), Problem> {
    let is = rooms.tenancy.site_to_change_in(tx, site).await.map_err(refused)?;
    if_match.check(Some(version_of(&is)))
}

async fn show(rooms: &ApiState, scope: TenantScope, site: SiteId) -> Result<SiteView, Problem> {
    let tx = rooms.store.read(&scope).await?;
    let (tree, hosts) = (rooms.tenancy.tree_in(&tx).await?, rooms.tenancy.hosts_in(&tx).await?);
    Ok(SiteView::new(tree.get(site).ok_or(Problem::not_found())?, &hosts))
}

async fn appoint(rooms: &ApiState, scope: TenantScope, site: SiteId, owner: Owner) -> Result<OwnerView, Problem> {
    let login = owner.login.to_string();
    let member = Membership { tenant: scope.id(), site, role: Role::SiteOwner };
    let appointed = rooms.operators.appoint(owner.login, owner.name, member).await?;
    let password = appointed.password.map(|password| password.expose().clone());
    Ok(OwnerView { login, password, left_undone: None })
}

/// The site is there by now, so a failure is told beside it, not instead.
async fn appoint_or_tell(rooms: &ApiState, scope: TenantScope, site: SiteId, owner: Owner) -> OwnerView {
    let login = owner.login.to_string();
    match appoint(rooms, scope, site, owner).await {
        Ok(view) => view,
        Err(problem) => OwnerView { login, password: None, left_undone: Some(problem.code) },
    }
}
