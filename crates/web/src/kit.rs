//! The layers every application stands on.

mod entrance;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request};
use axum::http::HeaderValue;
use tower::ServiceBuilder;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;

use crate::face::Face;
use crate::proxies::Proxies;
use crate::visit::{Visit, VisitFault};
use entrance::Entrance;

/// The bounds of a server.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Bytes of one request body.
    pub body_bytes_max: usize,
    /// How long a request may take.
    pub timeout: Duration,
    /// How long a request waits for a server that is not ours, all such conversations together. It is shorter than
    /// `timeout`, so that there is time left to say so.
    pub outside_timeout: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { body_bytes_max: 64 * 1024, timeout: Duration::from_secs(10), outside_timeout: Duration::from_secs(5) }
    }
}

/// What the applications of a server share. How many requests there may be is no matter of theirs: [`crate::Gate`] stands
/// before all of them.
#[derive(Debug, Clone)]
pub struct Kit {
    proxies: Arc<Proxies>,
    bounds: Bounds,
    policy: HeaderValue,
}

/// The name of a request in answers and logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
);

impl Kit {
    /// A kit that believes `proxies` and keeps `bounds`.
    pub fn new(proxies: Proxies, bounds: Bounds) -> Self {
        Self { proxies: Arc::new(proxies), bounds, policy: POLICY }
    }

    /// The same kit for an application whose forms may lead to `origin` as well: a browser follows the answer to a
    /// form only to where the content policy lets forms go.
    pub fn posting_to(mut self, origin: &str) -> Self {
        let policy = format!("{} {origin}", POLICY.to_str().expect("it was written here"));
        self.policy = HeaderValue::from_str(&policy).expect("an origin is printable ASCII");
        self
    }

    /// The same kit for an application whose requests may take longer, because they bring files.
    pub const fn patient(mut self, timeout: Duration) -> Self {
        self.bounds.timeout = timeout;
        self
    }

    /// How long a request waits for a server that is not ours.
    pub const fn outside_timeout(&self) -> Duration {
        self.bounds.outside_timeout
    }

    /// The proxies that are believed.
    pub fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// The router behind all layers. From outside to inside: compression, the entrance (see [`Entrance`]), foreign
    /// origins, size. They are one service around each route: layer after layer on a router would be a box and a copy
    /// of all that is below for each of them, at every request. A router that is another one's fall-back keeps its patterns to
    /// itself: its answers are counted under no route.
    pub fn layers(&self, router: Router, face: Face) -> Router {
        let entrance = Entrance::new(self.clone(), face);
        let layers = ServiceBuilder::new()
            .layer(CompressionLayer::new())
            .layer(entrance)
            .layer(CsrfLayer::new())
            .layer(DefaultBodyLimit::max(self.bounds.body_bytes_max));
        router.layer(layers)
    }
}

pub(crate) fn visit_of(request: &Request, proxies: &Proxies) -> Result<Visit, VisitFault> {
    Visit::read(request.uri(), request.headers(), (peer_of(request), false), proxies)
}

/// Who the connection is from.
pub(crate) fn peer_of(request: &Request) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}
