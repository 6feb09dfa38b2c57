//! Ways to pay of one site as they are sent and shown: the same for the main site's people and a sub-site's. A secret
//! comes in and never goes out.

use axum::http::StatusCode;
use axum::response::Response;
use kernel::{Currency, Secret, SiteId, TenantScope};
use payment::{Channel, ChannelId, ChannelState, NewChannel};
use serde::{Deserialize, Serialize};
use store::Tx;
use utoipa::ToSchema;
use web::Problem;

use crate::body::{Fields, NAME_CHARS_MAX, Shape, refused};
use crate::page::{List, Part, WordingView, answer, changed_row, cut, written};
use crate::place::Place;
use crate::routes::ApiState;

const SECRET_BYTES_MAX: usize = 4_096;

/// A way to pay, at one merchant account.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelView {
    /// Its id.
    #[schema(value_type = String)]
    id: ChannelId,
    /// The name of the gateway it goes through.
    provider: String,
    /// The merchant's id at the gateway.
    payee: String,
    /// What buyers see.
    name: WordingView,
    /// The one currency it takes.
    currency: String,
    /// What the gateway's adapter wants to know.
    #[schema(value_type = Object)]
    settings: serde_json::Value,
    /// `active` or `paused`.
    state: &'static str,
    /// Its place in the list, the lowest first.
    sort: i32,
    /// Where its gateway reports to.
    notify_url: String,
}

/// What a channel is to be. Gateway and merchant are its identity, and it keeps them for life.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelSent {
    /// The name of a gateway that is installed.
    provider: String,
    /// The merchant's id at the gateway.
    payee: String,
    /// What buyers see.
    name: WordingView,
    /// What the gateway's adapter wants to know: plain words and numbers, never an address.
    #[serde(default = "nothing")]
    #[schema(value_type = Object)]
    settings: serde_json::Value,
    /// Its secret. None keeps the one it has, or makes one for a new channel. It is never shown.
    #[schema(write_only)]
    secret: Option<String>,
    /// Its place in the list, the lowest first.
    #[serde(default)]
    sort: i32,
}

fn nothing() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

/// Whether buyers are offered a channel.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelStateSent {
    /// `active` or `paused`; money that still comes to a paused one is taken.
    state: String,
}

impl ChannelView {
    fn new(rooms: &ApiState, scope: &TenantScope, channel: Channel) -> Self {
        Self {
            notify_url: rooms.payments.notify_url(scope, &channel),
            id: channel.id,
            provider: channel.provider,
            payee: channel.payee,
            name: channel.name.into(),
            currency: channel.currency.code().to_owned(),
            settings: channel.settings,
            state: channel.state.word(),
            sort: channel.sort,
        }
    }
}

impl ChannelSent {
    fn read(self, site: SiteId, currency: Currency) -> Result<NewChannel, Problem> {
        let mut fields = Fields::default();
        let name = fields.wording("/name", &self.name, NAME_CHARS_MAX, Shape::Line);
        if self.secret.as_ref().is_some_and(|secret| !(1..=SECRET_BYTES_MAX).contains(&secret.len())) {
            fields.refuse("/secret", "secret_length", format!("a secret has 1 to {SECRET_BYTES_MAX} bytes"));
        }
        let Self { provider, payee, settings, sort, .. } = self;
        let secret = self.secret.map(Secret::new);
        fields.whole(name.map(|name| NewChannel { site, provider, name, payee, currency, settings, secret, sort }))
    }
}

/// The place's own channels, as they are offered.
pub(crate) async fn list(
    rooms: &ApiState,
    tx: &impl Tx,
    (scope, place): (&TenantScope, &Place),
    part: &Part,
) -> Result<Response, Problem> {
    let part = (part.limit()?, part.after(ChannelId::parse)?);
    let all = rooms.payments.channels_of_in(tx, &[place.site.id]).await?;
    let (channels, next) = cut(all, part, |channel| channel.id, |_| true)?;
    let data = channels.into_iter().map(|channel| ChannelView::new(rooms, scope, channel)).collect();
    Ok(answer(StatusCode::OK, List::part(data, next)))
}

/// Makes a channel of the place's own site what was sent.
pub(crate) async fn put(
    rooms: &ApiState,
    scope: &TenantScope,
    site: Option<SiteId>,
    sent: ChannelSent,
) -> Result<Response, Problem> {
    let tx = rooms.store.write(scope).await?;
    let place = at(rooms, &tx, site).await?;
    let new = sent.read(place.site.id, place.currency)?;
    let saved = rooms.payments.save_own_channel_in(&tx, &new).await.map_err(refused)?;
    let channel = rooms.payments.own_channel_in(&tx, place.site.id, saved.id()).await?;
    tx.commit().await?;
    let view = ChannelView::new(rooms, scope, channel.ok_or(Problem::not_found())?);
    Ok(written(view, changed_row(saved)))
}

/// Offers a channel of the place's own site to buyers, or does not.
pub(crate) async fn set_state(
    rooms: &ApiState,
    scope: &TenantScope,
    (site, channel): (Option<SiteId>, ChannelId),
    sent: &ChannelStateSent,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let state = fields.word("/state", &sent.state, ChannelState::parse);
    let state = fields.whole(state)?;
    let tx = rooms.store.write(scope).await?;
    let place = at(rooms, &tx, site).await?;
    let set = rooms.payments.set_own_channel_state_in(&tx, (place.site.id, channel), state).await;
    let channel = set.map_err(refused)?;
    tx.commit().await?;
    Ok(answer(StatusCode::OK, ChannelView::new(rooms, scope, channel)))
}

async fn at(rooms: &ApiState, tx: &impl Tx, site: Option<SiteId>) -> Result<Place, Problem> {
    match site {
        Some(site) => Place::at(rooms, tx, site).await,
        None => Place::main(rooms, tx).await,
    }
}
