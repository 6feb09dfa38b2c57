//! The signature of the sandbox protocol: pure functions. The adapter that speaks to it has its own:
//! two sides that share a mistake would agree on it.
//!
//! HMAC-SHA256 over six lines: `SANDBOX1`, method, path (without query), timestamp, nonce, SHA-256 of the body.

use hmac::{Hmac, KeyInit, Mac};
use kernel::hex;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Who signs.
pub const MERCHANT_HEADER: &str = "Sandbox-Merchant";
/// When it was signed, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "Sandbox-Timestamp";
/// A text of 8 to 64 characters that a signer uses once.
pub const NONCE_HEADER: &str = "Sandbox-Nonce";
/// The signature, as [`signature`] writes it.
pub const SIGNATURE_HEADER: &str = "Sandbox-Signature";

/// How far a timestamp may lie from the reader's clock, either way.
pub const TIMESTAMP_TOLERANCE_S: i64 = 300;

/// The value of the signature header: `v1=` and 64 hex digits.
pub fn signature(secret: &[u8], timestamp: i64, nonce: &str, method: &str, path: &str, body: &[u8]) -> String {
    let body_hash = hex(&Sha256::digest(body));
    let text = format!("SANDBOX1\n{method}\n{path}\n{timestamp}\n{nonce}\n{body_hash}");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    format!("v1={}", hex(&mac.finalize().into_bytes()))
}

/// Whether `given`, a signature header, belongs to this message and the timestamp is within [`TIMESTAMP_TOLERANCE_S`]
/// of `now`. Takes the same time for every wrong signature.
#[expect(clippy::too_many_arguments, reason = "the parts of one message, in the order in which they are signed")]
pub fn verify(
    secret: &[u8],
    timestamp: i64,
    nonce: &str,
    method: &str,
    path: &str,
    body: &[u8],
    given: &str,
    now: i64,
) -> bool {
    let expected = signature(secret, timestamp, nonce, method, path, body);
    let is_signed: bool = expected.as_bytes().ct_eq(given.as_bytes()).into();
    is_signed && is_fresh(timestamp, now)
}

/// Whether a timestamp is within [`TIMESTAMP_TOLERANCE_S`] of `now`.
pub fn is_fresh(timestamp: i64, now: i64) -> bool {
    timestamp.abs_diff(now) <= TIMESTAMP_TOLERANCE_S.unsigned_abs()
}

/// Hex digits as bytes; none if the text is anything else.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: [u8; 32] = [7; 32];

    /// Made with `openssl dgst -sha256 -mac HMAC`, not with this code.
    #[test]
    fn the_signature_of_a_known_message_is_known() {
        let given = signature(&SECRET, 1_800_000_000, "nonce-0001", "POST", "/v1/trades", b"{\"a\":1}");
        assert_eq!(given, "v1=fc5e09de281541fde81185916fc6751f1a5c01ee81a6ba96e215a0c08df242cd");
    }

    #[test]
    fn the_clock_may_differ_by_five_minutes_and_no_more() {
        let given = signature(&SECRET, 1_000, "nonce-0001", "GET", "/", b"");
        let verified = |now| verify(&SECRET, 1_000, "nonce-0001", "GET", "/", b"", &given, now);
        assert!(verified(700) && verified(1_300));
        assert!(!verified(699) && !verified(1_301));
    }

    #[test]
    fn every_part_of_the_message_is_signed() {
        let given = signature(&SECRET, 5, "nonce-0001", "GET", "/a", b"x");
        assert!(verify(&SECRET, 5, "nonce-0001", "GET", "/a", b"x", &given, 5));
        assert!(!verify(&[8; 32], 5, "nonce-0001", "GET", "/a", b"x", &given, 5));
        assert!(!verify(&SECRET, 6, "nonce-0001", "GET", "/a", b"x", &given, 5));
        assert!(!verify(&SECRET, 5, "nonce-0002", "GET", "/a", b"x", &given, 5));
        assert!(!verify(&SECRET, 5, "nonce-0001", "PUT", "/a", b"x", &given, 5));
        assert!(!verify(&SECRET, 5, "nonce-0001", "GET", "/b", b"x", &given, 5));
        assert!(!verify(&SECRET, 5, "nonce-0001", "GET", "/a", b"y", &given, 5));
        assert!(!verify(&SECRET, 5, "nonce-0001", "GET", "/a", b"x", "v1=", 5));
    }

    proptest! {
        #[test]
        fn hex_reads_back(bytes: Vec<u8>) {
            prop_assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        }
    }
}
