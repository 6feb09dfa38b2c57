//! The key by which a request that moves money or stock may be sent again.

use std::fmt::Display;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};

use sha2::{Digest, Sha256};

use crate::problem::Problem;

const HEADER: &str = "idempotency-key";
const CHARS_MAX: usize = 255;

/// On an answer that was given before, under the same key.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What `Idempotency-Key` says: 1 to 255 visible ASCII characters. A request without one is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub String);

impl IdempotencyKey {
    /// The key as it is kept: that of `who`, and of a length that leaves room whatever was sent.
    pub fn scoped(&self, who: &impl Display) -> String {
        const PLAIN_MAX: usize = 100;
        if self.0.len() <= PLAIN_MAX {
            return format!("{who}:{}", self.0);
        }
        format!("{who}:sha256:{}", kernel::hex(&Sha256::digest(self.0.as_bytes())))
    }
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(HEADER) else {
            let sentence = "this request moves money or stock: name it with an Idempotency-Key header";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "idempotency_key_required").because(sentence));
        };
        let text = value.to_str().unwrap_or_default();
        if !(1..=CHARS_MAX).contains(&text.len()) || text.bytes().any(|byte| !byte.is_ascii_graphic()) {
            let sentence = format!("an Idempotency-Key is 1 to {CHARS_MAX} visible ASCII characters");
            return Err(Problem::new(StatusCode::BAD_REQUEST, "idempotency_key_invalid").because(sentence));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn read(value: Option<&str>) -> Result<IdempotencyKey, &'static str> {
        let request = Request::builder();
        let request = match value {
            Some(value) => request.header(HEADER, value),
            None => request,
        };
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        IdempotencyKey::from_request_parts(&mut parts, &()).await.map_err(|problem| problem.code)
    }

    #[tokio::test]
    async fn a_key_is_asked_for_and_is_short_and_plain() {
        assert_eq!(read(Some("a-1")).await, Ok(IdempotencyKey("a-1".to_owned())));
        assert_eq!(read(None).await, Err("idempotency_key_required"));
        for wrong in ["", "a b", &"a".repeat(256)] {
            assert_eq!(read(Some(wrong)).await, Err("idempotency_key_invalid"), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_kept_as_its_owners_and_short() {
        assert_eq!(IdempotencyKey("a-1".to_owned()).scoped(&"ann"), "ann:a-1");
        let long = |last: &str| IdempotencyKey(format!("{}{last}", "a".repeat(254))).scoped(&"ann");
        assert!(long("1").len() < 100 && long("1") != long("2"));
    }
}
