//! Names of ours that the outside carries about: a channel in a notify address, a buyer on his way to the cashier.
//!
//! Each names its tenant itself, because nothing else does; what it names is then looked for inside that tenant only.

use std::fmt;

use kernel::{Platform, Secret, TenantId, TenantScope, hex};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::model::ChannelId;

/// A channel as gateways know it: 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicChannel {
    tenant: TenantId,
    channel: ChannelId,
}

impl PublicChannel {
    /// The name of this channel.
    pub const fn new(tenant: TenantId, channel: ChannelId) -> Self {
        Self { tenant, channel }
    }

    /// Reads 64 lower-case hexadecimal digits. Whether there is such a channel is for the rows to say.
    pub fn parse(text: &str) -> Option<Self> {
        let (tenant, channel) = text.split_at_checked(DIGITS)?;
        let (tenant, channel) = (digits(tenant)?, digits(channel)?);
        Some(Self { tenant: TenantId::from_uuid(tenant), channel: ChannelId::from_uuid(channel) })
    }

    /// The channel.
    pub const fn channel(&self) -> ChannelId {
        self.channel
    }

    /// The tenant it names, to look for the channel in.
    pub const fn scope(&self) -> TenantScope {
        Platform::assume().tenant(self.tenant)
    }
}

impl fmt::Display for PublicChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.tenant.uuid().simple(), self.channel.uuid().simple())
    }
}

/// A token by which a shop hands a buyer over to the cashier: its tenant and 256 random bits. The database holds the
/// hash of the bits, and the row is the proof.
pub(crate) struct HandoverToken {
    tenant: TenantId,
    bits: Secret<[u8; 32]>,
}

impl HandoverToken {
    /// A token nobody else has.
    pub(crate) fn new(tenant: TenantId) -> Self {
        Self { tenant, bits: random() }
    }

    /// Reads 96 lower-case hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (tenant, bits) = text.split_at_checked(DIGITS)?;
        let (first, second) = bits.split_at_checked(DIGITS)?;
        let bits = [*digits(first)?.as_bytes(), *digits(second)?.as_bytes()].concat();
        let bits: [u8; 32] = bits.try_into().ok()?;
        Some(Self { tenant: TenantId::from_uuid(digits(tenant)?), bits: Secret::new(bits) })
    }

    /// The tenant it names, to look for the token in.
    pub(crate) const fn scope(&self) -> TenantScope {
        Platform::assume().tenant(self.tenant)
    }

    /// What the database holds. A hash without salt is enough for what cannot be guessed.
    pub(crate) fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.bits.expose()).to_vec()
    }

    /// The text for an address.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.tenant.uuid().simple(), hex(self.bits.expose()))
    }
}

/// A secret for a channel that was given none: 256 random bits in hexadecimal digits.
pub(crate) fn new_secret() -> Secret<String> {
    Secret::new(hex(random().expose()))
}

const DIGITS: usize = 32;

fn random() -> Secret<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    Secret::new(bytes)
}

/// 32 lower-case hexadecimal digits, in no other of the forms a UUID may have.
fn digits(text: &str) -> Option<Uuid> {
    let is_plain = text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_plain.then(|| Uuid::try_parse(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_channels_name_reads_back(tenant in any::<u128>(), channel in any::<u128>()) {
            let tenant = TenantId::from_uuid(Uuid::from_u128(tenant));
            let name = PublicChannel::new(tenant, ChannelId::from_uuid(Uuid::from_u128(channel)));
            prop_assert_eq!(PublicChannel::parse(&name.to_string()), Some(name));
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,110}", hex in "[0-9a-fA-F-]{60,100}") {
            for text in [&text, &hex] {
                let _ = PublicChannel::parse(text);
                let _ = HandoverToken::parse(text);
            }
        }
    }

    #[test]
    fn a_token_reads_back_and_shows_its_hash_only_as_a_hash() {
        let token = HandoverToken::new(TenantId::new());
        let read = HandoverToken::parse(&token.text()).expect("its own text");
        assert_eq!((read.scope(), read.hash()), (token.scope(), token.hash()));
        assert_ne!(token.hash(), HandoverToken::new(TenantId::new()).hash());
    }
}
