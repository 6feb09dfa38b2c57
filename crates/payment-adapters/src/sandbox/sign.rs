//! Signing what leaves and verifying what comes: HMAC-SHA256 over six lines, by the protocol's text.

use hmac::{Hmac, KeyInit, Mac};
use kernel::{Secret, hex};
use payment::{ChannelAccess, RawCallback, VerifyError};
use sha2::{Digest, Sha256};

pub(super) const MERCHANT: &str = "sandbox-merchant";
pub(super) const TIMESTAMP: &str = "sandbox-timestamp";
pub(super) const NONCE: &str = "sandbox-nonce";
pub(super) const SIGNATURE: &str = "sandbox-signature";

const VERSION: &str = "v1=";
const CLOCK_SKEW_S_MAX: u64 = 300;

/// One message, as it is signed.
pub(super) struct Message<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub timestamp: i64,
    pub nonce: &'a str,
    pub body: &'a [u8],
}

impl Message<'_> {
    fn mac(&self, key: &[u8]) -> Hmac<Sha256> {
        let Self { method, path, timestamp, nonce, body } = self;
        let digest = hex(&Sha256::digest(body));
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(format!("SANDBOX1\n{method}\n{path}\n{timestamp}\n{nonce}\n{digest}").as_bytes());
        mac
    }

    /// The value of the signature header.
    pub fn signature(&self, key: &Secret<Vec<u8>>) -> String {
        format!("{VERSION}{}", hex(&self.mac(key.expose()).finalize().into_bytes()))
    }
}

/// The channel's secret as bytes, if it is one of 32 in hexadecimal digits.
pub(super) fn key(access: &ChannelAccess) -> Option<Secret<Vec<u8>>> {
    unhex(access.secret.expose()).filter(|bytes| bytes.len() == 32).map(Secret::new)
}

/// Whether the message was signed with the channel's secret, for its merchant, within five minutes of when it came.
pub(super) fn verify(access: &ChannelAccess, callback: &RawCallback) -> Result<(), VerifyError> {
    let header = |name: &str| {
        let mut found = callback.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        // A header that comes twice says two things, and one of them may not be what was signed.
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Ok(value.as_str()),
            _ => Err(VerifyError::Forged),
        }
    };
    let timestamp: i64 = header(TIMESTAMP)?.parse().map_err(|_| VerifyError::Forged)?;
    let message =
        Message { method: "POST", path: &callback.path, timestamp, nonce: header(NONCE)?, body: &callback.body };
    let given = header(SIGNATURE)?.strip_prefix(VERSION).and_then(unhex).ok_or(VerifyError::Forged)?;
    let key = key(access).ok_or(VerifyError::Forged)?;
    let is_for_us = header(MERCHANT)? == access.channel.payee;
    if !is_for_us || message.mac(key.expose()).verify_slice(&given).is_err() {
        return Err(VerifyError::Forged);
    }
    if timestamp.abs_diff(callback.now.timestamp()) > CLOCK_SKEW_S_MAX {
        return Err(VerifyError::Stale);
    }
    Ok(())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: Vec<u8> = text.as_bytes().iter().map(digit).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
