//! Channels: saved by operators and packs, offered to buyers, opened for one conversation.

use kernel::{Currency, Secret, SiteId, SiteScope, TenantScope, Wording};
use store::{Tx, WriteTx};
use tenancy::Saved;

use super::Payments;
use crate::error::PaymentError;
use crate::gateway::{ChannelAccess, Gateway};
use crate::model::{Channel, ChannelId, ChannelState};
use crate::public::{PublicChannel, new_secret};
use crate::repo::{self, SealedChannel};

/// What a channel's secret is sealed for.
const PURPOSE: &str = "channel";
const PROVIDER_LEN_MAX: usize = 32;
const PAYEE_LEN_MAX: usize = 64;
const SETTINGS_LEN_MAX: usize = 8_192;

/// A channel as it is to be; merchant, site and currency it keeps for life.
#[derive(Debug, Clone)]
pub struct NewChannel {
    /// The site it collects for.
    pub site: SiteId,
    /// The name of the gateway it goes through.
    pub provider: String,
    /// What buyers see.
    pub name: Wording,
    /// The merchant's id at the gateway.
    pub payee: String,
    /// The one currency it takes.
    pub currency: Currency,
    /// What the gateway's adapter wants to know: an object.
    pub settings: serde_json::Value,
    /// Its secret; none keeps the one it has, or makes one for a new channel.
    pub secret: Option<Secret<String>>,
    /// Its place in the list, the lowest first.
    pub sort: i32,
}

impl NewChannel {
    fn check(&self) -> Result<(), PaymentError> {
        let refuse = |what: &str| Err(PaymentError::Channel(what.to_owned()));
        let is_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if !(1..=PROVIDER_LEN_MAX).contains(&self.provider.len()) || !self.provider.bytes().all(is_name) {
            return refuse("a provider has 1 to 32 lower-case letters and digits");
        }
        let is_graphic = self.payee.bytes().all(|byte| byte.is_ascii_graphic());
        if !(1..=PAYEE_LEN_MAX).contains(&self.payee.len()) || !is_graphic {
            return refuse("a merchant's id has 1 to 64 printable characters");
        }
        if !self.settings.is_object() || self.settings.to_string().len() > SETTINGS_LEN_MAX {
            return refuse("the settings are an object of 8 KiB at most");
        }
        if self.name.is_empty() {
            return refuse("a channel has a name");
        }
        Ok(())
    }
}

impl Payments {
    /// Makes the channel of a merchant, or brings it up to date.
    pub async fn save_channel_in(
        &self,
        tx: &WriteTx<TenantScope>,
        new: &NewChannel,
    ) -> Result<Saved<ChannelId>, PaymentError> {
        new.check()?;
        match repo::channel_of_payee_in(tx, &new.provider, &new.payee).await? {
            Some(known) => self.change_channel_in(tx, known, new).await,
            None => self.make_channel_in(tx, new).await,
        }
    }

    async fn make_channel_in(
        &self,
        tx: &WriteTx<TenantScope>,
        new: &NewChannel,
    ) -> Result<Saved<ChannelId>, PaymentError> {
        let sites = self.tenancy.sites_in(tx).await.map_err(|error| PaymentError::Channel(error.to_string()))?;
        let site = sites.iter().find(|site| site.id == new.site).ok_or(PaymentError::NotFound("site"))?;
        let id = ChannelId::new();
        let channel = Channel {
            id,
            site: new.site,
            is_main: site.parent.is_none(),
            provider: new.provider.clone(),
            name: new.name.clone(),
            payee: new.payee.clone(),
            currency: new.currency,
            settings: new.settings.clone(),
            state: ChannelState::Active,
            sort: new.sort,
        };
        let secret = new.secret.clone().unwrap_or_else(new_secret);
        let (sealed, key_version) = self.inventory.seal_secret_in(tx, PURPOSE, id.uuid(), &secret).await?;
        repo::insert_channel_in(tx, SealedChannel { channel, sealed, key_version }).await?;
        Ok(Saved::Created(id))
    }

    async fn change_channel_in(
        &self,
        tx: &WriteTx<TenantScope>,
        known: Channel,
        new: &NewChannel,
    ) -> Result<Saved<ChannelId>, PaymentError> {
        if (known.site, known.currency) != (new.site, new.currency) {
            return Err(PaymentError::Channel("a channel keeps its site and its currency".to_owned()));
        }
        let mut fields = Vec::new();
        let mut note = |is_other: bool, field| fields.extend(is_other.then_some(field));
        note(known.name != new.name, "name");
        note(known.settings != new.settings, "settings");
        note(known.sort != new.sort, "sort");
        note(new.secret.is_some(), "secret");
        let id = known.id;
        if !fields.is_empty() {
            let channel = Channel { name: new.name.clone(), settings: new.settings.clone(), sort: new.sort, ..known };
            repo::change_channel_in(tx, &channel).await?;
        }
        if let Some(secret) = &new.secret {
            let sealed = self.inventory.seal_secret_in(tx, PURPOSE, id.uuid(), secret).await?;
            repo::change_secret_in(tx, id, sealed).await?;
        }
        Ok(Saved::of_fields(id, fields))
    }

    /// Offers a channel to buyers, or does not; money that still comes to a paused one is taken.
    pub async fn set_channel_state_in(
        &self,
        tx: &WriteTx<TenantScope>,
        id: ChannelId,
        state: ChannelState,
    ) -> Result<(), PaymentError> {
        let known = repo::channels_in(tx, &[id]).await?.pop().ok_or(PaymentError::NotFound("channel"))?;
        Ok(repo::change_channel_in(tx, &Channel { state, ..known }).await?)
    }

    /// The channels that a site offers: its own ones if it has any, else those of the main site. `chain` leads from the
    /// main site to the selling one.
    pub async fn channels(&self, scope: &SiteScope, chain: &[SiteId]) -> Result<Vec<Channel>, PaymentError> {
        let (Some(main), own) = (chain.first(), scope.site()) else { return Ok(Vec::new()) };
        let tx = self.store.read(scope).await?;
        let mut channels = repo::channels_of_in(&tx, &[*main, own]).await?;
        channels.retain(|channel| channel.state == ChannelState::Active);
        let collector = if channels.iter().any(|channel| channel.site == own) { own } else { *main };
        channels.retain(|channel| channel.site == collector);
        Ok(channels)
    }

    /// The channels that collect for these sites, offered or not.
    pub async fn channels_of_in(&self, tx: &impl Tx, sites: &[SiteId]) -> Result<Vec<Channel>, PaymentError> {
        repo::channels_of_in(tx, sites).await
    }

    /// Where the channel's gateway reports to.
    pub fn notify_url(&self, scope: &TenantScope, channel: &Channel) -> String {
        let public = PublicChannel::new(scope.id(), channel.id);
        let base = self.settings.notify_base.as_str().trim_end_matches('/');
        format!("{base}/pay/notify/{}/{public}", channel.provider)
    }

    /// The channel with its secret.
    pub(crate) async fn access_in(&self, tx: &impl Tx, id: ChannelId) -> Result<ChannelAccess, PaymentError> {
        let found = repo::sealed_channel_in(tx, id).await?.ok_or(PaymentError::NotFound("channel"))?;
        let SealedChannel { channel, sealed, key_version } = found;
        let secret = self.inventory.open_secret_in(tx, PURPOSE, id.uuid(), (sealed, key_version)).await?;
        Ok(ChannelAccess { channel, secret })
    }

    /// The gateway of a channel.
    pub(super) fn gateway(&self, provider: &str) -> Result<&dyn Gateway, PaymentError> {
        let gateway = self.gateways.get(provider).ok_or_else(|| PaymentError::NoGateway(provider.to_owned()))?;
        Ok(gateway.as_ref())
    }
}
