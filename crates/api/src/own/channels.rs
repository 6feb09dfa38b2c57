//! A site's own ways to pay: with one of its own it collects for itself.

use axum::extract::State;
use axum::response::Response;
use kernel::{SiteId, TenantId};
use payment::ChannelId;
use web::{ChannelRead, ChannelWrite, Json, Path, Problem, Query, SiteOperator};

use crate::page::{List, Part, Written};
use crate::place::Place;
use crate::routes::App;
use crate::ways::{self, ChannelSent, ChannelStateSent, ChannelView};

/// The own channels, as they are offered.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/channels", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), Part),
    responses((status = 200, body = List<ChannelView>))
)]
pub(crate) async fn channels(
    operator: SiteOperator<ChannelRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    let place = Place::at(&rooms, &tx, operator.scope.site()).await?;
    ways::list(&rooms, &tx, (&operator.scope.engine(), &place), &part).await
}

/// Make the own channel of a merchant, or make it what it is to be.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/sites/{site}/channels", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path)), request_body = ChannelSent,
    responses((status = 201, body = Written<ChannelView>), (status = 200, body = Written<ChannelView>))
)]
pub(crate) async fn put_channel(
    operator: SiteOperator<ChannelWrite>,
    State(App(rooms)): State<App>,
    Json(sent): Json<ChannelSent>,
) -> Result<Response, Problem> {
    ways::put(&rooms, &operator.scope.engine(), Some(operator.scope.site()), sent).await
}

/// Offer an own channel to buyers, or do not.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/sites/{site}/channels/{channel}/state", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), ("channel" = String, Path)),
    request_body = ChannelStateSent, responses((status = 200, body = ChannelView))
)]
pub(crate) async fn set_channel_state(
    operator: SiteOperator<ChannelWrite>,
    State(App(rooms)): State<App>,
    Path(path): Path<(TenantId, SiteId, ChannelId)>,
    Json(sent): Json<ChannelStateSent>,
) -> Result<Response, Problem> {
    let (_, site, channel) = path;
    ways::set_state(&rooms, &operator.scope.engine(), (Some(site), channel), &sent).await
}
