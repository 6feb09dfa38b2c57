//! From the host to the shop, and from the path to the application.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use tenancy::{Shop, SiteState, Tenancy, TenantState};
use tower::{ServiceExt, service_fn};

use crate::problem::Problem;
use crate::visit::Visit;

/// Why no shop is open at a host.
#[derive(Debug, Clone)]
pub enum ShopFault {
    /// No shop is there.
    Unknown {
        /// The host as it was looked up.
        host: String,
    },
    /// The shop is stopped for now.
    Suspended(Arc<Shop>),
    /// The shop is stopped for good.
    Closed(Arc<Shop>),
}

/// A suspended shop may be back within the hour.
const SUSPENDED_RETRY_AFTER: Duration = Duration::from_secs(3600);

impl ShopFault {
    /// What whoever asks there is told: 421 `unknown_host`, 503 `shop_suspended` or 410 `shop_closed`.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Unknown { .. } => Problem::new(StatusCode::MISDIRECTED_REQUEST, "unknown_host"),
            Self::Suspended(_) => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "shop_suspended").retry_after(SUSPENDED_RETRY_AFTER)
            }
            Self::Closed(_) => Problem::new(StatusCode::GONE, "shop_closed"),
        }
    }
}

/// The open shop of the visit's host; it is no opener than the sites above it. In memory, so it may be asked for every request.
pub fn shop_of(tenancy: &Tenancy, visit: &Visit) -> Result<Arc<Shop>, ShopFault> {
    let shop = tenancy.resolve(&visit.host).map_err(|unknown| ShopFault::Unknown { host: unknown.host })?;
    match (shop.tenant.state, shop.state) {
        (TenantState::Closed, _) | (_, SiteState::Closed) => Err(ShopFault::Closed(shop)),
        (TenantState::Suspended, _) | (_, SiteState::Suspended) => Err(ShopFault::Suspended(shop)),
        (TenantState::Active, SiteState::Active) => Ok(shop),
    }
}

/// The open shop of a request: put in its extensions by the application that serves shops.
#[derive(Debug, Clone)]
pub struct ShopContext(pub Arc<Shop>);

impl<S: Sync> FromRequestParts<S> for ShopContext {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or(Problem::not_found())
    }
}

/// An application for all paths that begin so, another one for all others.
pub fn by_path(beginning: &'static str, app: Router, others: Router) -> Router {
    let choose = service_fn(move |request: Request| {
        let is_its = request.uri().path().starts_with(beginning);
        if is_its { &app } else { &others }.clone().oneshot(request)
    });
    Router::new().fallback_service(choose)
}
