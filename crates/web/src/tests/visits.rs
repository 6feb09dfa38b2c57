//! Whose host, whose address: what is believed and what is not.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use proptest::prelude::*;
use std::net::IpAddr;

use crate::proxies::Proxies;
use crate::visit::{Visit, VisitFault};

const STRANGER: &str = "203.0.113.9";
const PROXY: &str = "10.0.0.1";

fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in list {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"));
    }
    headers
}

fn visit(uri: &str, list: &[(&'static str, &str)], peer: &str) -> Result<Visit, VisitFault> {
    let proxies = Proxies::parse(["10.0.0.0/8"]).expect("a network");
    let uri: Uri = uri.parse().expect("a target");
    Visit::read(&uri, &headers(list), (peer.parse().expect("an address"), false), &proxies)
}

fn host(list: &[(&'static str, &str)]) -> Result<String, VisitFault> {
    visit("/", list, STRANGER).map(|visit| visit.host)
}

fn address(list: &[(&'static str, &str)], peer: &str) -> IpAddr {
    visit("/", &[&[("host", "a.example")], list].concat(), peer).expect("a visit").address
}

#[test]
fn one_host_is_read_however_it_is_written() {
    for text in ["shop.example", "SHOP.example", "shop.example:8443", "shop.example."] {
        assert_eq!(host(&[("host", text)]).as_deref(), Ok("shop.example"), "{text}");
    }
    assert_eq!(host(&[("host", "127.0.0.1:80")]).as_deref(), Ok("127.0.0.1"));
    assert_eq!(host(&[("host", "[::1]:80")]).as_deref(), Ok("::1"));
}

#[test]
fn no_host_two_hosts_and_no_host_name_are_refused() {
    assert_eq!(host(&[]), Err(VisitFault::NotOne));
    assert_eq!(host(&[("host", "a.example"), ("host", "a.example")]), Err(VisitFault::NotOne));
    for text in ["", "a b", "a.example/path", "user@a.example", "a.example,b.example", "a..b", "<a>", "a.example:x"] {
        assert_eq!(host(&[("host", text)]), Err(VisitFault::Unreadable), "{text}");
    }
}

#[test]
fn the_target_and_the_header_name_one_host() {
    let one = visit("http://a.example/", &[("host", "A.example")], STRANGER).map(|visit| visit.host);
    assert_eq!(one.as_deref(), Ok("a.example"));
    let http2 = visit("https://a.example/", &[], STRANGER).map(|visit| visit.host);
    assert_eq!(http2.as_deref(), Ok("a.example"));
    assert_eq!(visit("http://b.example/", &[("host", "a.example")], STRANGER), Err(VisitFault::Mismatch));
}

#[test]
fn only_our_own_proxy_speaks_for_others() {
    let list = [
        ("host", "inside.example"),
        ("x-forwarded-host", "Shop.example:444"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", "198.51.100.7"),
    ];
    let strange = visit("/", &list, STRANGER).expect("a visit");
    assert_eq!((strange.host.as_str(), strange.is_https), ("inside.example", false));
    assert_eq!(strange.address, STRANGER.parse::<IpAddr>().expect("an address"));
    let ours = visit("/", &list, PROXY).expect("a visit");
    assert_eq!(
        (ours.host.as_str(), ours.authority.as_str(), ours.is_https),
        ("shop.example", "Shop.example:444", true)
    );
    assert_eq!(ours.address, "198.51.100.7".parse::<IpAddr>().expect("an address"));
}

#[test]
fn the_client_is_the_last_address_that_is_not_ours() {
    for (chain, client) in [
        ("198.51.100.7", "198.51.100.7"),
        ("1.1.1.1, 198.51.100.7", "198.51.100.7"),
        ("1.1.1.1, 198.51.100.7, 10.0.0.9", "198.51.100.7"),
        ("10.0.0.8, 10.0.0.9", "10.0.0.8"),
        ("1.1.1.1, nonsense, 10.0.0.9", "10.0.0.9"),
        ("198.51.100.7:4711", "198.51.100.7"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("", PROXY),
    ] {
        assert_eq!(address(&[("x-forwarded-for", chain)], PROXY), client.parse::<IpAddr>().expect("one"), "{chain}");
    }
    let two = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "198.51.100.7")];
    assert_eq!(address(&two, PROXY), "198.51.100.7".parse::<IpAddr>().expect("one"));
}

proptest! {
    #[test]
    fn any_headers_are_read_or_refused_without_panic(
        host in "[!-~]{0,60}", forwarded in "[ -~]{0,60}", chain in "[ -~]{0,60}", is_ours in any::<bool>()
    ) {
        let list = [("host", host.as_str()), ("x-forwarded-host", &forwarded), ("x-forwarded-for", &chain)];
        if let Ok(visit) = visit("/", &list, if is_ours { PROXY } else { STRANGER }) {
            prop_assert!(!visit.host.is_empty() && !visit.host.contains(['/', '@', ' ', '<']));
        }
    }
}
