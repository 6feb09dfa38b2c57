//! The channels of one site as its own people keep them. They are strangers to the installation: where its servers send
//! requests to is not for them to say, and of another site's channel they learn nothing.

use kernel::{SiteId, TenantScope};
use serde_json::Value;
use store::{Tx, WriteTx};
use tenancy::Saved;

use super::{NewChannel, Payments};
use crate::error::PaymentError;
use crate::model::{Channel, ChannelId, ChannelState};
use crate::repo;

impl Payments {
    /// As [`Payments::save_channel_in`], by a gateway that is installed, with settings that are plain words, and for a
    /// merchant that no other site collects by.
    pub async fn save_own_channel_in(
        &self,
        tx: &WriteTx<TenantScope>,
        new: &NewChannel,
    ) -> Result<Saved<ChannelId>, PaymentError> {
        if self.gateways.get(&new.provider).is_none() {
            return Err(PaymentError::ChannelRefused("no gateway of this name is installed"));
        }
        let settings = new.settings.as_object().into_iter().flatten();
        if !settings.clone().all(|(name, value)| is_plain(name, value)) {
            return Err(PaymentError::ChannelRefused("settings are plain words and numbers, and never an address"));
        }
        match repo::channel_of_payee_in(tx, &new.provider, &new.payee).await? {
            Some(known) if known.site != new.site => Err(PaymentError::ChannelTaken),
            _ => self.save_channel_in(tx, new).await,
        }
    }

    /// The site's channel with this id; another site's is not there.
    pub async fn own_channel_in(
        &self,
        tx: &impl Tx,
        site: SiteId,
        id: ChannelId,
    ) -> Result<Option<Channel>, PaymentError> {
        Ok(repo::channels_in(tx, &[id]).await?.pop().filter(|channel| channel.site == site))
    }

    /// As [`Payments::set_channel_state_in`], for the site's own channel only.
    pub async fn set_own_channel_state_in(
        &self,
        tx: &WriteTx<TenantScope>,
        (site, id): (SiteId, ChannelId),
        state: ChannelState,
    ) -> Result<Channel, PaymentError> {
        let known = self.own_channel_in(tx, site, id).await?.ok_or(PaymentError::NotFound("channel"))?;
        self.set_channel_state_in(tx, id, state).await?;
        Ok(Channel { state, ..known })
    }
}

/// A word or a number, and nothing that a server could be sent to.
fn is_plain(name: &str, value: &Value) -> bool {
    let is_text = |text: &str| !text.chars().any(char::is_control);
    let is_value = match value {
        Value::String(text) => is_text(text) && !text.contains("://"),
        Value::Bool(_) => true,
        Value::Number(number) => number.is_i64(),
        _ => false,
    };
    is_value && is_text(name) && !name.ends_with("url")
}
