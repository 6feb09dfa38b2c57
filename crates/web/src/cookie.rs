//! The cookies: one for the session, one for the language.

use axum::http::HeaderMap;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use identity::Token;
use kernel::Language;

use crate::visit::Visit;

/// A browser keeps a cookie of this name on https only, for this very host, so that no other host can plant one.
const SESSION_HTTPS: &str = "__Host-session";
const SESSION_HTTP: &str = "session";
const LANGUAGE: &str = "lang";

const fn session_name(visit: &Visit) -> &'static str {
    if visit.is_https { SESSION_HTTPS } else { SESSION_HTTP }
}

/// The session that the browser holds for this host, if its text can be one.
pub fn session_of(headers: &HeaderMap, visit: &Visit) -> Option<Token> {
    let jar = CookieJar::from_headers(headers);
    Token::parse(jar.get(session_name(visit))?.value())
}

/// Hands the browser its session: until it is closed, out of reach of scripts and of other sites' posts.
pub fn session_cookie(visit: &Visit, token: &Token) -> Cookie<'static> {
    own(session_name(visit), token.text().expose().clone(), visit)
}

/// Takes the session away again.
pub fn session_end(visit: &Visit) -> Cookie<'static> {
    let mut cookie = own(session_name(visit), String::new(), visit);
    cookie.make_removal();
    cookie
}

/// The language that the visitor chose before.
pub fn language_of(headers: &HeaderMap) -> Option<Language> {
    Language::parse(CookieJar::from_headers(headers).get(LANGUAGE)?.value())
}

/// Keeps the visitor's choice.
pub fn language_cookie(visit: &Visit, language: Language) -> Cookie<'static> {
    let mut cookie = own(LANGUAGE, language.tag().to_owned(), visit);
    cookie.make_permanent();
    cookie
}

/// No `Domain`: the cookie is this host's alone.
fn own(name: &'static str, value: String, visit: &Visit) -> Cookie<'static> {
    let cookie = Cookie::build((name, value)).path("/").http_only(true).secure(visit.is_https);
    cookie.same_site(SameSite::Lax).build()
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

    #[test]
    fn a_session_is_of_one_host_and_out_of_reach_of_scripts() {
        for (is_https, name) in [(true, "__Host-session="), (false, "session=")] {
            let cookie = session_cookie(&visit(is_https), &Token::new()).to_string();
            assert!(cookie.starts_with(name) && cookie.contains("HttpOnly") && cookie.contains("Path=/"), "{cookie}");
            assert!(cookie.contains("SameSite=Lax") && !cookie.contains("Domain"), "{cookie}");
            assert_eq!(cookie.contains("Secure"), is_https, "{cookie}");
        }
    }

    #[test]
    fn a_session_planted_without_https_is_not_read_over_https() {
        let token = Token::new();
        let mut headers = HeaderMap::new();
        let planted = format!("session={}", token.text().expose());
        headers.insert(COOKIE, HeaderValue::from_str(&planted).expect("a cookie"));
        assert!(session_of(&headers, &visit(true)).is_none());
        assert!(session_of(&headers, &visit(false)).is_some());
    }
}
