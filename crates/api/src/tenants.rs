//! The tenants of an operator.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use identity::{Membership, Permission};
use kernel::{SiteId, TenantId};
use serde::Serialize;
use web::{Json, Problem, Staff};

use crate::routes::App;
use crate::session::no_store;

/// Tenants shown; nobody is a member of more.
const TENANTS_MAX: usize = 100;

#[derive(Serialize)]
struct TenantList {
    data: Vec<TenantView>,
    has_more: bool,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct TenantView {
    id: TenantId,
    slug: String,
    name: String,
    currency: String,
    state: &'static str,
    /// His site; the main site for a role of the whole tenant.
    site: SiteId,
    role: &'static str,
}

/// `GET /api/v1/tenants`: those that the operator is a member of.
pub(crate) async fn list(staff: Staff, State(App(rooms)): State<App>) -> Result<Response, Problem> {
    let mut data = Vec::new();
    for Membership { tenant: id, site, role } in staff.operator.memberships().iter().take(TENANTS_MAX) {
        let scope = staff.operator.site_scope(*id, *site, Permission::SiteRead)?;
        let tx = rooms.store.read(&scope).await?;
        let Some(tenant) = rooms.tenancy.tenant_in(&tx).await? else { continue };
        data.push(TenantView {
            id: *id,
            slug: tenant.slug.to_string(),
            name: tenant.name,
            currency: tenant.currency.code().to_owned(),
            state: tenant.state.word(),
            site: *site,
            role: role.word(),
        });
    }
    Ok(([no_store()], Json(TenantList { data, has_more: false, next_cursor: None })).into_response())
}
