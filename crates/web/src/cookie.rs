//! The cookies: one for the session, one for the language, one each for what a guest's browser proves.

use std::time::Duration;

use axum::http::HeaderMap;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use identity::Token;
use kernel::{Language, Secret};

use crate::visit::Visit;

/// A browser keeps a cookie of this name on https only, for this very host, so that no other host can plant one.
const SESSION_HTTPS: &str = "__Host-session";
const SESSION_HTTP: &str = "session";
const VISITOR_HTTPS: &str = "__Host-visitor";
const VISITOR_HTTP: &str = "visitor";
const LOOK_UP_HTTPS: &str = "__Host-lookup";
const LOOK_UP_HTTP: &str = "lookup";
const LANGUAGE: &str = "lang";

/// How long a browser is known to have bought something.
const VISITOR_LIFE: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long what a look-up found can be opened without asking again.
const LOOK_UP_LIFE: Duration = Duration::from_secs(15 * 60);
/// A look-up's key has 32 bytes.
const LOOK_UP_KEY_DIGITS: usize = 64;

const fn session_name(visit: &Visit) -> &'static str {
    if visit.is_https { SESSION_HTTPS } else { SESSION_HTTP }
}

const fn visitor_name(visit: &Visit) -> &'static str {
    if visit.is_https { VISITOR_HTTPS } else { VISITOR_HTTP }
}

const fn look_up_name(visit: &Visit) -> &'static str {
    if visit.is_https { LOOK_UP_HTTPS } else { LOOK_UP_HTTP }
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
    ended(session_name(visit), visit)
}

/// Takes away everything that a browser holds for its buyer: his session, the orders it placed, what it looked up. The
/// language stays, and which link it has followed: that is nobody's secret.
pub fn farewell(visit: &Visit) -> [Cookie<'static>; 3] {
    [session_name(visit), visitor_name(visit), look_up_name(visit)].map(|name| ended(name, visit))
}

/// The token of a browser that has bought here, if its text can be one.
pub fn visitor_of(headers: &HeaderMap, visit: &Visit) -> Option<Token> {
    let jar = CookieJar::from_headers(headers);
    Token::parse(jar.get(visitor_name(visit))?.value())
}

/// Lets a browser be known again for a year as the one that bought.
pub fn visitor_cookie(visit: &Visit, token: &Token) -> Cookie<'static> {
    lasting(visitor_name(visit), token.text().expose().clone(), visit, VISITOR_LIFE)
}

/// The key that a look-up gave the browser, if its text can be one.
pub fn look_up_of(headers: &HeaderMap, visit: &Visit) -> Option<Secret<Vec<u8>>> {
    let jar = CookieJar::from_headers(headers);
    let text = jar.get(look_up_name(visit))?.value();
    (text.len() == LOOK_UP_KEY_DIGITS).then(|| bytes(text)).flatten().map(Secret::new)
}

/// Lets a browser open for a quarter of an hour what its look-up found.
pub fn look_up_cookie(visit: &Visit, key: &[u8]) -> Cookie<'static> {
    let text = key.iter().map(|byte| format!("{byte:02x}")).collect();
    lasting(look_up_name(visit), text, visit, LOOK_UP_LIFE)
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

/// One of our own, on its way out. Browsers take a cookie away only for one of the same name, path and safety.
fn ended(name: &'static str, visit: &Visit) -> Cookie<'static> {
    let mut cookie = own(name, String::new(), visit);
    cookie.make_removal();
    cookie
}

/// One of our own that outlives the browser's window.
pub(crate) fn lasting(name: &'static str, value: String, visit: &Visit, life: Duration) -> Cookie<'static> {
    let life = life.try_into().expect("a year fits");
    let cookie = Cookie::build((name, value)).path("/").http_only(true).secure(visit.is_https);
    cookie.same_site(SameSite::Lax).max_age(life).build()
}

/// Pairs of lower-case hexadecimal digits.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    text.as_bytes().as_chunks::<2>().0.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
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

    #[test]
    fn a_guests_proofs_are_of_one_host_and_out_of_reach_of_scripts() {
        for (is_https, prefix) in [(true, "__Host-"), (false, "")] {
            let visit = visit(is_https);
            let (visitor, look_up) = (visitor_cookie(&visit, &Token::new()), look_up_cookie(&visit, &[7; 32]));
            for (cookie, name, life) in [(visitor, "visitor=", "31536000"), (look_up, "lookup=0707", "900")] {
                let cookie = cookie.to_string();
                assert!(cookie.starts_with(&format!("{prefix}{name}")) && cookie.contains("HttpOnly"), "{cookie}");
                assert!(cookie.contains("SameSite=Lax") && cookie.contains(&format!("Max-Age={life}")), "{cookie}");
                assert!(!cookie.contains("Domain") && cookie.contains("Secure") == is_https, "{cookie}");
            }
        }
    }

    #[test]
    fn a_farewell_takes_every_proof_and_leaves_the_language() {
        for (is_https, prefix) in [(true, "__Host-"), (false, "")] {
            let gone = farewell(&visit(is_https)).map(|cookie| cookie.to_string());
            for (cookie, name) in gone.iter().zip(["session", "visitor", "lookup"]) {
                assert!(cookie.starts_with(&format!("{prefix}{name}=;")) && cookie.contains("Max-Age=0"), "{cookie}");
                assert!(cookie.contains("Path=/") && cookie.contains("Secure") == is_https, "{cookie}");
            }
        }
    }

    #[test]
    fn a_look_up_key_reads_back_and_nothing_else_is_one() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, HeaderValue::from_str(&format!("lookup={text}")).expect("a cookie"));
            look_up_of(&headers, &visit(false)).map(|key| key.expose().clone())
        };
        assert_eq!(read(&"0a".repeat(32)), Some(vec![10; 32]));
        for text in ["", "0a", &"0A".repeat(32), &"zz".repeat(32), &"0a".repeat(33)] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
