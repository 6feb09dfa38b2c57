//! The tenants of an operator.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use identity::{Membership, Permission};
use kernel::{SiteId, TenantId};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Problem, Staff};

use crate::page::{List, answer};
use crate::routes::App;

/// Tenants shown; nobody is a member of more.
const TENANTS_MAX: usize = 100;

/// A tenant, and what the operator is there.
#[derive(Serialize, ToSchema)]
pub(crate) struct TenantView {
    /// Its id.
    #[schema(value_type = String)]
    id: TenantId,
    /// Its name in packs.
    slug: String,
    /// What it is called.
    name: String,
    /// What it is sold and booked in.
    currency: String,
    /// `active`, `suspended` or `closed`.
    state: &'static str,
    /// The operator's site; the main site for a role of the whole tenant.
    #[schema(value_type = String)]
    site: SiteId,
    /// `owner`, `clerk` or `site_owner`.
    role: &'static str,
}

/// The tenants of the operator, once for each of his roles.
#[utoipa::path(get, path = "/api/v1/tenants", tag = "tenants", responses((status = 200, body = List<TenantView>)))]
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
    Ok(answer(StatusCode::OK, List::whole(data)))
}
