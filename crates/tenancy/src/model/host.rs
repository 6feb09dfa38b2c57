//! Names: the host a visitor types, the slug an operator chooses.

use std::borrow::Borrow;
use std::fmt;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};

/// A DNS name as it is looked up: lower case, ASCII, without port and trailing dot; never an IP address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host(String);

/// The name of a tenant or site in packs and addresses: `[a-z0-9-]{2,40}`, no dash at either end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

/// Why a text is not the name that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Not a DNS name, or an IP address.
    #[error("{0:?} is not a host name")]
    Host(String),
    /// Not a slug.
    #[error("{0:?} is not a slug: 2 to 40 of a-z, 0-9 and dashes inside")]
    Slug(String),
}

/// A DNS name has 253 characters; in Unicode, with dots of three bytes, it may be longer before it is mapped.
const HOST_BYTES_MAX: usize = 1_024;
const PORT_DIGITS_MAX: usize = 5;
const SLUG_CHARS_MIN: usize = 2;
const SLUG_CHARS_MAX: usize = 40;

impl Host {
    /// Reads a host as people and `Host` headers write it: any case, international letters, a port, a trailing dot.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let fail = || TextError::Host(shown(text));
        let name = without_port(text).filter(|name| name.len() <= HOST_BYTES_MAX).ok_or_else(fail)?;
        let ascii = Uts46::new()
            .to_ascii(name.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::VerifyAllowRootDot)
            .map_err(|_| fail())?;
        let name = ascii.strip_suffix('.').unwrap_or(&ascii);
        if name.is_empty() || ends_in_a_number(name) {
            return Err(fail());
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as it is looked up.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text before a port; none if what follows a colon is no port (an IPv6 address).
pub(crate) fn without_port(text: &str) -> Option<&str> {
    match text.split_once(':') {
        None => Some(text),
        Some((name, port)) if port.len() <= PORT_DIGITS_MAX && port.bytes().all(|b| b.is_ascii_digit()) => Some(name),
        Some(_) => None,
    }
}

/// What a browser takes for an IPv4 address (WHATWG URL, "ends in a number"); no top-level domain looks so.
fn ends_in_a_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x");
    last.bytes().all(|b| b.is_ascii_digit()) || hex.is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The start of a stranger's text, safe to print.
pub(crate) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

impl Slug {
    /// Reads a slug; nothing is trimmed or lowered, because a slug is an identity.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let is_plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let has_dash_outside = text.starts_with('-') || text.ends_with('-');
        if !is_plain || has_dash_outside || !(SLUG_CHARS_MIN..=SLUG_CHARS_MAX).contains(&text.len()) {
            return Err(TextError::Slug(shown(text)));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Hashes and compares as its text does, so that the host table is asked without making a `Host` first.
impl Borrow<str> for Host {
    fn borrow(&self) -> &str {
        &self.0
    }
}

macro_rules! text_forms {
    ($($name:ident),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = TextError;
            fn try_from(text: String) -> Result<Self, TextError> {
                Self::parse(&text)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    )+};
}
text_forms!(Host, Slug);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Option<String> {
        Host::parse(text).ok().map(String::from)
    }

    #[test]
    fn one_host_written_in_many_ways_is_one_host() {
        for text in [
            "shop.example.com",
            "SHOP.Example.COM",
            "shop.example.com.",
            "shop.example.com:8443",
            "Shop.example.com.:80",
        ] {
            assert_eq!(parsed(text).as_deref(), Some("shop.example.com"), "{text}");
        }
    }

    #[test]
    fn international_names_are_looked_up_in_ascii() {
        for text in ["卡铺.example", "卡铺.EXAMPLE", "卡铺。example", "卡铺。example。", "xn--hlro04m.example:443"]
        {
            assert_eq!(parsed(text), parsed("卡铺.example"), "{text}");
        }
        assert!(parsed("卡铺.example").is_some_and(|host| host.starts_with("xn--")));
    }

    #[test]
    fn what_is_no_dns_name_is_refused() {
        let long_label = format!("{}.com", "a".repeat(64));
        let long_name = ["abcdefg."; 33].concat();
        for text in [
            "",
            ".",
            "..",
            "a..b",
            "-a.com",
            "a-.com",
            "a_b.com",
            "a b.com",
            "a/b",
            "user@a.com",
            "http://a.com",
            "a.com:x",
            "a.com:123456",
            "a.com:80:80",
            "xn--zz-.com",
            "a\0b.com",
            "a.com..",
            &long_label,
            &long_name,
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_are_refused() {
        for text in
            ["127.0.0.1", "127.1", "1.2.3.4:80", "0x7f.0x1", "１２７.0.0.1", "[::1]", "[::1]:80", "::1", "2130706433"]
        {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn a_slug_is_short_and_plain() {
        for text in ["ab", "my-shop", "a1", &"a".repeat(40)] {
            assert_eq!(Slug::parse(text).map(String::from), Ok(text.to_owned()));
        }
        for text in ["", "a", "-ab", "ab-", "Ab", "a_b", "a b", "卡铺", &"a".repeat(41)] {
            assert!(Slug::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,300}") {
            if let Ok(host) = Host::parse(&text) {
                prop_assert_eq!(Host::parse(host.as_str()), Ok(host.clone()));
                prop_assert!(host.as_str().len() <= 253);
            }
            let _ = Slug::parse(&text);
        }

        #[test]
        fn case_port_and_dot_do_not_matter(name in "[a-z][a-z0-9]{0,20}(\\.[a-z][a-z0-9]{0,20}){0,4}", port in any::<u16>()) {
            let host = Host::parse(&name).expect("plain labels are a host");
            prop_assert_eq!(host.as_str(), &name);
            prop_assert_eq!(Host::parse(&format!("{}.:{port}", name.to_uppercase())), Ok(host));
        }
    }
}
