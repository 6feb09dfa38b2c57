//! The ways to pay of a main site.

use axum::extract::State;
use axum::response::Response;
use kernel::TenantId;
use payment::ChannelId;
use web::{ChannelRead, ChannelWrite, Json, Operator, Path, Problem, Query};

use crate::page::{List, Part, Written};
use crate::place::Place;
use crate::routes::App;
use crate::ways::{self, ChannelSent, ChannelStateSent, ChannelView};

/// The main site's own channels, as they are offered.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/channels", tag = "channels", params(("tenant" = String, Path), Part),
    responses((status = 200, body = List<ChannelView>))
)]
pub(crate) async fn list(
    operator: Operator<ChannelRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    let place = Place::main(&rooms, &tx).await?;
    ways::list(&rooms, &tx, (&operator.scope, &place), &part).await
}

/// Make the main site's channel of a merchant, or make it what it is to be.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/channels", tag = "channels", params(("tenant" = String, Path)),
    request_body = ChannelSent,
    responses((status = 201, body = Written<ChannelView>), (status = 200, body = Written<ChannelView>))
)]
pub(crate) async fn put(
    operator: Operator<ChannelWrite>,
    State(App(rooms)): State<App>,
    Json(sent): Json<ChannelSent>,
) -> Result<Response, Problem> {
    ways::put(&rooms, &operator.scope, None, sent).await
}

/// Offer a channel of the main site to buyers, or do not.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/channels/{channel}/state", tag = "channels",
    params(("tenant" = String, Path), ("channel" = String, Path)), request_body = ChannelStateSent,
    responses((status = 200, body = ChannelView))
)]
pub(crate) async fn set_state(
    operator: Operator<ChannelWrite>,
    State(App(rooms)): State<App>,
    Path(path): Path<(TenantId, ChannelId)>,
    Json(sent): Json<ChannelStateSent>,
) -> Result<Response, Problem> {
    let (_, channel) = path;
    ways::set_state(&rooms, &operator.scope, (None, channel), &sent).await
}
