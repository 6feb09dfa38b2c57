//! Where a request came in, and from whom: read once, before anything else looks at it. Pure.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::header::{HOST, HeaderMap, HeaderName};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use kernel::{Coded, FaultKind};
use tenancy::Host;

use crate::problem::Problem;
use crate::proxies::Proxies;

/// The host that was asked, how, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The host without port, in lower case and ASCII; an IP address is possible.
    pub host: String,
    /// The host as the browser wrote it, with its port.
    pub authority: String,
    /// Whether the browser's side is encrypted.
    pub is_https: bool,
    /// The browser's address, or its nearest proxy's that is not ours.
    pub address: IpAddr,
}

/// Why a request cannot be told where it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VisitFault {
    /// No host, or several.
    #[error("a request names exactly one host")]
    NotOne,
    /// The target and the header name different hosts.
    #[error("the request names two different hosts")]
    Mismatch,
    /// Not a host.
    #[error("the host cannot be read")]
    Unreadable,
}

impl Coded for VisitFault {
    fn code(&self) -> &'static str {
        "host_invalid"
    }
    fn kind(&self) -> FaultKind {
        FaultKind::Invalid
    }
}

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Addresses of one forwarded chain that are looked at.
const FORWARDED_MAX: usize = 32;

impl Visit {
    /// Reads the visit of a request that arrived from `peer`, over TLS of our own or not.
    pub fn read(
        uri: &Uri,
        headers: &HeaderMap,
        (peer, is_tls): (IpAddr, bool),
        proxies: &Proxies,
    ) -> Result<Self, VisitFault> {
        let peer = peer.to_canonical();
        let mut authority = direct_authority(uri, headers)?;
        let (mut is_https, mut address) = (is_tls, peer);
        if proxies.trust(peer) {
            if let Some(host) = last(headers, &FORWARDED_HOST) {
                authority = host;
            }
            if let Some(scheme) = last(headers, &FORWARDED_PROTO) {
                is_https = scheme.eq_ignore_ascii_case("https");
            }
            address = client(headers, peer, proxies);
        }
        let host = host_name(&authority).ok_or(VisitFault::Unreadable)?;
        Ok(Self { host, authority, is_https, address })
    }
}

/// The host of the request itself: the target's (HTTP/2, or the absolute form), else the header's.
fn direct_authority(uri: &Uri, headers: &HeaderMap) -> Result<String, VisitFault> {
    let mut named = headers.get_all(HOST).iter();
    let header = named.next();
    if named.next().is_some() {
        return Err(VisitFault::NotOne);
    }
    let header = header.map(|value| value.to_str().map_err(|_| VisitFault::Unreadable)).transpose()?;
    match (uri.authority(), header) {
        (Some(target), Some(header)) if !target.as_str().eq_ignore_ascii_case(header) => Err(VisitFault::Mismatch),
        (Some(target), _) => Ok(target.as_str().to_owned()),
        (None, Some(header)) => Ok(header.to_owned()),
        (None, None) => Err(VisitFault::NotOne),
    }
}

/// The last element of a list header: what the nearest proxy wrote.
fn last(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let line = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    line.rsplit(',').next().map(|text| text.trim().to_owned())
}

/// Goes back along the chain while it is ours: the first address that is not is the client's.
fn client(headers: &HeaderMap, peer: IpAddr, proxies: &Proxies) -> IpAddr {
    let lines = headers.get_all(FORWARDED_FOR).iter().rev().filter_map(|value| value.to_str().ok());
    let mut address = peer;
    for text in lines.flat_map(|line| line.rsplit(',')).take(FORWARDED_MAX) {
        let Some(before) = address_of(text.trim()) else { return address };
        address = before;
        if !proxies.trust(address) {
            break;
        }
    }
    address
}

fn address_of(text: &str) -> Option<IpAddr> {
    let plain = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = IpAddr::from_str(plain).ok().or_else(|| SocketAddr::from_str(text).ok().map(|socket| socket.ip()));
    address.map(|address| address.to_canonical())
}

/// A DNS name or an address, with or without a port.
fn host_name(authority: &str) -> Option<String> {
    if let Ok(host) = Host::parse(authority) {
        return Some(host.into());
    }
    address_of(authority).map(|address| address.to_string())
}

/// The visit is put there by the kit's layers; a router without them has none.
impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let visit = parts.extensions.get::<Self>().cloned();
        visit.ok_or(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal"))
    }
}

/// Who asks: the address to count tries by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let known = parts.extensions.get::<Visit>().map(|visit| visit.address);
        Ok(Self(known.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}
