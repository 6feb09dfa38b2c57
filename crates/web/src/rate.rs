//! What a caller is told of the limits that he is counted under: `RateLimit-Policy` and `RateLimit`, as
//! draft-ietf-httpapi-ratelimit-headers has them.

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use kernel::Allowance;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// The limits of one request. What a handler tells here stands on whatever is answered, a page or a problem.
#[derive(Debug, Clone, Default)]
pub struct RateLimits(Arc<Mutex<Vec<Allowance>>>);

impl RateLimits {
    /// Tells what is left after this request.
    pub fn tell(&self, left: impl IntoIterator<Item = Allowance>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(left);
    }

    /// Puts on the response what was told.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut policy, mut left) = (String::new(), String::new());
        for one in told.iter() {
            let comma = if policy.is_empty() { "" } else { ", " };
            // A part of a second is a second: who waits as long as he is told must not come too early.
            let wait = one.resets_after.as_secs() + u64::from(one.resets_after.subsec_nanos() > 0);
            let _ = write!(policy, "{comma}\"{}\";q={};w={}", one.name, one.most, one.window.as_secs());
            let _ = write!(left, "{comma}\"{}\";r={};t={wait}", one.name, one.left);
        }
        if policy.is_empty() {
            return;
        }
        for (name, text) in [(POLICY, policy), (LEFT, left)] {
            headers.insert(name, HeaderValue::from_str(&text).expect("names and numbers are printable"));
        }
    }
}

/// Put there by the kit's layers; in a router without them nobody is told.
impl<S: Sync> FromRequestParts<S> for RateLimits {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn limits_are_told_as_lists_of_items() {
        let (limits, mut headers) = (RateLimits::default(), HeaderMap::new());
        limits.write(&mut headers);
        assert!(headers.is_empty());
        let of = |name, left, resets_after| {
            let window = Duration::from_secs(900);
            Allowance { name, most: 5, window, left, resets_after }
        };
        limits.tell([of("login", 4, Duration::from_millis(29_001))]);
        limits.tell([of("address", 5, Duration::ZERO)]);
        limits.write(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"login\";q=5;w=900, \"address\";q=5;w=900");
        assert_eq!(headers["ratelimit"], "\"login\";r=4;t=30, \"address\";r=5;t=0");
    }
}
