//! The layers every application stands on.

use std::any::Any;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use metrics::Label;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::{CsrfLayer, ProtectionError};
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::face::Face;
use crate::problem::Problem;
use crate::proxies::Proxies;
use crate::rate::RateLimits;
use crate::trace;
use crate::visit::{Visit, VisitFault};

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

/// The longest word that no token is.
const WORD_BYTES_MAX: usize = 12;
/// What answers that no route gave are counted under.
const UNKNOWN_ROUTE: &str = "none";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
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

    /// The router behind all layers. From outside to inside: id and span, security headers, compression, the
    /// visit, the face of problems, time, panics, foreign origins, size.
    pub fn layers(&self, router: Router, face: Face) -> Router {
        let (identify, name, timeout) = (self.clone(), self.clone(), self.bounds.timeout);
        router
            .layer(DefaultBodyLimit::max(self.bounds.body_bytes_max))
            .layer(CsrfLayer::new())
            .layer(from_fn(foreign_origin))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn(move |request, next: Next| in_time(timeout, next.run(request))))
            .layer(from_fn(move |request, next| enter(identify.clone(), face.clone(), request, next)))
            .layer(CompressionLayer::new())
            .layer(from_fn(move |request, next| named(name.clone(), request, next)))
    }
}

/// Gives the request its id, its span and its trace, and the response its security headers. A path may hold words that
/// open an order or a payment, so the span has the route's pattern in its place (see [`crate::Routes`]), and of a path
/// that no route knows its beginning.
async fn named(kit: Kit, mut request: Request, next: Next) -> Response {
    let id = RequestId(Arc::from(&*Uuid::now_v7().hyphenated().encode_lower(&mut Uuid::encode_buffer())));
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        request.id = id.as_str(),
        http.method = %request.method(),
        http.route = tracing::field::Empty,
        http.status = tracing::field::Empty,
        tenant.id = tracing::field::Empty,
        site.id = tracing::field::Empty,
    );
    let before = kit.proxies.trust(peer_of(&request)).then(|| trace::continued(request.headers()));
    let trace = trace::begin(&span, before);
    let is_traced = trace.is_some();
    if let Some(trace) = trace {
        request.extensions_mut().insert(trace);
    }
    let routed = Routed::default();
    request.extensions_mut().insert(routed.clone());
    request.extensions_mut().insert(id.clone());
    let limits = RateLimits::default();
    request.extensions_mut().insert(limits.clone());
    // Nobody sees these two but who reads every answer: the others do not pay for them.
    let is_read = is_traced || tracing::enabled!(tracing::Level::DEBUG);
    let beginning = is_read.then(|| beginning(request.uri().path()));
    let (began, method) = (Instant::now(), method_of(&request));
    let mut response = next.run(request).instrument(span.clone()).await;
    let (route, status, took) = (routed.name(), response.status(), began.elapsed());
    if is_read {
        tell(&span, (method, route, beginning.as_deref()), status, took);
    }
    count((method, route), status, took);
    let headers = response.headers_mut();
    limits.write(headers);
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, kit.policy);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Tells the log and the trace what was answered. Of a path that no route knows they hear the beginning.
fn tell(
    span: &Span,
    (method, route, beginning): (&str, Option<&str>, Option<&str>),
    status: StatusCode,
    took: Duration,
) {
    let (status, duration_ms) = (status.as_u16(), took.as_millis());
    if let (None, Some(beginning)) = (route, beginning) {
        span.record("http.route", beginning);
    }
    span.record("http.status", status);
    trace::end(span, format!("{method} {}", route.unwrap_or(UNKNOWN_ROUTE)), status >= 500);
    span.in_scope(|| tracing::debug!(http.duration_ms = duration_ms, "answered {status}"));
}

/// Tells the metrics. Routes and methods are those we know, so that nobody can make up names that are kept.
fn count((method, route): (&'static str, Option<&str>), status: StatusCode, took: Duration) {
    let route = route.unwrap_or(UNKNOWN_ROUTE).to_owned();
    let status = status.as_str().to_owned();
    let labels =
        vec![Label::from_static_parts("method", method), Label::new("route", route), Label::new("status", status)];
    metrics::histogram!("cardgrove_http_request_seconds", labels).record(took);
}

/// The method, if it is one of those that any route knows.
fn method_of(request: &Request) -> &'static str {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    let names = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known.iter().zip(names).find(|(known, _)| *known == request.method()).map_or("OTHER", |(_, name)| name)
}

/// The pattern of the route that has answered for the request, once one has.
#[derive(Debug, Clone, Default)]
struct Routed(Arc<OnceLock<MatchedPath>>);

impl Routed {
    fn name(&self) -> Option<&str> {
        self.0.get().map(MatchedPath::as_str)
    }
}

/// Gives the span the pattern of the route in place of its path.
pub(crate) async fn known(pattern: Option<MatchedPath>, request: Request, next: Next) -> Response {
    if let (Some(pattern), Some(routed)) = (pattern, request.extensions().get::<Routed>()) {
        tracing::Span::current().record("http.route", pattern.as_str());
        // A request has one route; a second one would be told by the first.
        let _ = routed.0.set(pattern);
    }
    next.run(request).await
}

/// The first part of a path, if it is a plain word: what follows may open something.
fn beginning(path: &str) -> String {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let is_word = first.len() <= WORD_BYTES_MAX && first.bytes().all(|byte| byte.is_ascii_lowercase());
    if is_word { format!("/{first}..") } else { "/..".to_owned() }
}

/// Reads the visit, and shows whatever problem comes back with the application's face.
async fn enter(kit: Kit, face: Face, mut request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned().unwrap_or_else(|| RequestId(Arc::from("")));
    let fault = settle_visit(&mut request, &kit.proxies).err();
    let (parts, body) = request.into_parts();
    let asker = face.asker(&parts);
    let request = Request::from_parts(parts, body);
    let response = match fault {
        None => next.run(request).await,
        Some(fault) => Problem::from(fault).into_response(),
    };
    match response.extensions().get::<Problem>() {
        Some(problem) => keep_allow(&response, face.show(&asker, problem, &id)),
        None => response,
    }
}

/// Puts the visit on the request, unless the gate has done so, and the host that the browser asked: origins are compared
/// with it, and a proxy may have replaced it.
fn settle_visit(request: &mut Request, proxies: &Proxies) -> Result<(), VisitFault> {
    if request.extensions().get::<Visit>().is_none() {
        let visit = visit_of(request, proxies)?;
        request.extensions_mut().insert(visit);
    }
    let asked = request.extensions().get::<Visit>().map(|visit| visit.authority.as_str());
    let is_so = request.headers().get(header::HOST).map(HeaderValue::as_bytes) == asked.map(str::as_bytes);
    if let Some(host) = asked.filter(|_| !is_so).and_then(|host| HeaderValue::from_str(host).ok()) {
        request.headers_mut().insert(header::HOST, host);
    }
    Ok(())
}

/// A 405 says which methods there are, whatever its face.
fn keep_allow(before: &Response, mut shown: Response) -> Response {
    if let Some(allow) = before.headers().get(header::ALLOW) {
        shown.headers_mut().insert(header::ALLOW, allow.clone());
    }
    shown
}

pub(crate) fn visit_of(request: &Request, proxies: &Proxies) -> Result<Visit, VisitFault> {
    Visit::read(request.uri(), request.headers(), (peer_of(request), false), proxies)
}

/// Who the connection is from.
pub(crate) fn peer_of(request: &Request) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// Ends a request when its time is over.
async fn in_time(limit: Duration, work: impl Future<Output = Response>) -> Response {
    match tokio::time::timeout(limit, work).await {
        Ok(response) => response,
        Err(_) => Problem::new(StatusCode::GATEWAY_TIMEOUT, "timeout").into_response(),
    }
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> axum::http::Response<Body> {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word");
    tracing::error!(panic = text, "a handler panicked: {text}");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal").into_response()
}

/// The refusal of a post from another site, as a problem like the others.
async fn foreign_origin(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if response.extensions().get::<ProtectionError>().is_none() {
        return response;
    }
    Problem::new(StatusCode::FORBIDDEN, "foreign_origin").because("the request comes from another site").into_response()
}
