//! Which promotion link a browser has followed.
//!
//! The browser keeps it: whoever writes one himself has done no more than to follow that link.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum_extra::extract::cookie::{Cookie, CookieJar};
use chrono::{DateTime, Utc};

use crate::cookie::lasting;
use crate::visit::Visit;

const VIA_HTTPS: &str = "__Host-via";
const VIA_HTTP: &str = "via";
/// More is none of ours.
const CODE_LENGTH_MAX: usize = 16;

/// The link that a browser has followed, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// The word in its address.
    pub code: String,
    /// When.
    pub since: DateTime<Utc>,
}

/// The link that the request's browser has followed, if it has one.
#[derive(Debug, Clone)]
pub struct Followed(pub Option<Via>);

const fn name(visit: &Visit) -> &'static str {
    if visit.is_https { VIA_HTTPS } else { VIA_HTTP }
}

impl Via {
    fn of(headers: &HeaderMap, visit: &Visit) -> Option<Self> {
        let jar = CookieJar::from_headers(headers);
        let (code, since) = jar.get(name(visit))?.value().split_once('.')?;
        let is_code =
            !code.is_empty() && code.len() <= CODE_LENGTH_MAX && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let since = DateTime::from_timestamp(since.parse().ok()?, 0)?;
        is_code.then(|| Self { code: code.to_owned(), since })
    }

    /// Lets the browser keep it for `life`.
    pub fn cookie(&self, visit: &Visit, life: Duration) -> Cookie<'static> {
        lasting(name(visit), format!("{}.{}", self.code, self.since.timestamp()), visit, life)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Followed {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let visit = parts.extensions.get::<Visit>();
        Ok(Self(visit.and_then(|visit| Via::of(&parts.headers, visit))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use axum::http::header::COOKIE;

    fn visit(is_https: bool) -> Visit {
        let (host, authority) = ("a.example".to_owned(), "a.example".to_owned());
        Visit { host, authority, is_https, address: "203.0.113.9".parse().expect("an address") }
    }

    fn read(text: &str) -> Option<Via> {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_str(text).expect("a cookie"));
        Via::of(&headers, &visit(false))
    }

    #[test]
    fn what_a_browser_was_given_reads_back() {
        let since = DateTime::from_timestamp(1_700_000_000, 0).expect("a moment");
        let via = Via { code: "ab12cd34".to_owned(), since };
        let cookie = via.cookie(&visit(false), Duration::from_secs(60));
        assert!(cookie.to_string().contains("HttpOnly"), "{cookie}");
        assert_eq!(read(&format!("via={}", cookie.value())), Some(via.clone()));
        assert!(via.cookie(&visit(true), Duration::from_secs(60)).to_string().starts_with("__Host-via="));
    }

    #[test]
    fn what_is_none_of_ours_is_not_read() {
        for text in ["via=", "via=abcd", "via=.1", "via=ab cd.1", "via=abcd.x", "via=abcd.99999999999999999999"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
