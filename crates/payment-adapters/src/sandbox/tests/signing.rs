//! Signing by known answers, and verification of raw messages.

use kernel::{FakeClock, Secret};
use payment::{Gateway, RawCallback, Verified, VerifyError};
use proptest::prelude::*;

use super::super::sign::{self, Message};
use super::world::{access, adapter, start};

/// Made with `openssl dgst -sha256 -mac HMAC`, not with this code.
#[test]
fn the_signature_of_a_known_message_is_known() {
    let message = Message {
        method: "POST",
        path: "/v1/trades",
        timestamp: 1_800_000_000,
        nonce: "nonce-0001",
        body: b"{\"a\":1}",
    };
    let signature = message.signature(&Secret::new(vec![7; 32]));
    assert_eq!(signature, "v1=fc5e09de281541fde81185916fc6751f1a5c01ee81a6ba96e215a0c08df242cd");
}

const BODY: &str = r#"{"event_id":"paid-1","event":"trade.paid","out_no":"01JD0000000000000000000001","trade_no":"T1","payee":"m","amount":"12.5","currency":"CNY","paid_at":"2026-11-21T08:00:00Z"}"#;

fn callback(body: &str) -> RawCallback {
    let timestamp = start().timestamp();
    let message =
        Message { method: "POST", path: "/pay/notify", timestamp, nonce: "nonce-0001", body: body.as_bytes() };
    let signature = message.signature(&Secret::new(vec![7; 32]));
    let headers = [
        ("sandbox-merchant", "m".to_owned()),
        ("sandbox-timestamp", timestamp.to_string()),
        ("sandbox-nonce", "nonce-0001".to_owned()),
        ("sandbox-signature", signature),
    ];
    RawCallback {
        path: "/pay/notify".to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        body: body.as_bytes().to_vec(),
        now: start(),
    }
}

fn verify(callback: &RawCallback) -> Result<Verified, VerifyError> {
    adapter(None, FakeClock::at(start())).verify(&access("m", &"07".repeat(32)), callback)
}

#[test]
fn a_genuine_message_says_what_was_paid() {
    let Ok(Verified::Paid { event_key, seen }) = verify(&callback(BODY)) else { panic!("genuine") };
    assert_eq!((event_key.as_str(), seen.amount.minor(), seen.is_confirmed), ("paid-1", 12_50, false));
    assert_eq!((seen.trade_no.as_str(), seen.payee.as_str()), ("T1", "m"));
}

#[test]
fn a_message_changed_anywhere_is_refused() {
    let changes: [fn(&mut RawCallback); 7] = [
        |callback| callback.body[30] ^= 1,
        |callback| callback.path.push('x'),
        |callback| callback.headers[0].1 = "n".to_owned(),
        |callback| callback.headers[1].1 = (start().timestamp() + 1).to_string(),
        |callback| callback.headers[2].1 = "nonce-0002".to_owned(),
        |callback| callback.headers[3].1 = format!("v1={}", "0".repeat(64)),
        |callback| callback.headers.push(callback.headers[3].clone()),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut callback = callback(BODY);
        change(&mut callback);
        assert_eq!(verify(&callback), Err(VerifyError::Forged), "change {index}");
    }
}

#[test]
fn a_message_of_five_minutes_ago_is_still_good_and_no_older_one() {
    let aged = |seconds| RawCallback { now: start() + chrono::TimeDelta::seconds(seconds), ..callback(BODY) };
    assert!(verify(&aged(300)).is_ok() && verify(&aged(-300)).is_ok());
    assert_eq!(verify(&aged(301)), Err(VerifyError::Stale));
    assert_eq!(verify(&aged(-301)), Err(VerifyError::Stale));
}

#[test]
fn amounts_that_are_not_plain_are_refused() {
    for amount in ["-1", "+1", "1e2", "1,000", "1.005", "0", "", "１"] {
        let message = callback(&BODY.replace("12.5", amount));
        assert!(matches!(verify(&message), Err(VerifyError::Unreadable(_))), "{amount}");
    }
}

#[test]
fn other_events_are_told_apart() {
    let refund = r#"{"event_id":"r1","event":"refund.done","refund_no":"01JD0000000000000000000001"}"#;
    assert!(matches!(verify(&callback(refund)), Ok(Verified::RefundNews { .. })));
    let other = r#"{"event_id":"x1","event":"weather.changed"}"#;
    assert_eq!(verify(&callback(other)), Ok(Verified::Other { event_key: "x1".to_owned() }));
    assert!(matches!(verify(&callback("{}")), Err(VerifyError::Unreadable(_))));
}

proptest! {
    #[test]
    fn any_signed_bytes_are_read_or_refused_without_panic(body in "\\PC{0,200}") {
        let _ = verify(&callback(&body));
    }

    #[test]
    fn any_headers_are_refused_without_panic(value in "\\PC{0,80}", which in 0usize..4) {
        let mut message = callback(BODY);
        message.headers[which].1 = value;
        let _ = sign::verify(&access("m", &"07".repeat(32)), &message);
    }
}
