//! The entrance of an application: what every request gets before its route, and every answer after it.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use metrics::Label;
use tower::{Layer, Service};
use tower_http::csrf::ProtectionError;
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::{Kit, RequestId, peer_of, visit_of};
use crate::face::{Asker, Face};
use crate::problem::Problem;
use crate::rate::RateLimits;
use crate::trace;
use crate::visit::{Visit, VisitFault};

/// The longest word that no token is.
const WORD_BYTES_MAX: usize = 12;
/// What answers that no route gave are counted under.
const UNKNOWN_ROUTE: &str = "none";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives a request its id, its span, its trace and its visit, and so much time; shows whatever problem comes back with
/// the application's face, a panic and a post from another site too; tells log, trace and metrics of it, and gives the
/// answer its security headers.
///
/// A path may hold words that open an order or a payment, so all of them are told the route's pattern in its place, and
/// of a path that no route knows its beginning.
#[derive(Clone)]
pub(super) struct Entrance(Arc<Inner>);

struct Inner {
    kit: Kit,
    face: Face,
}

impl Entrance {
    pub fn new(kit: Kit, face: Face) -> Self {
        Self(Arc::new(Inner { kit, face }))
    }
}

impl<S> Layer<S> for Entrance {
    type Service = Entered<S>;

    fn layer(&self, inner: S) -> Entered<S> {
        Entered { entrance: Arc::clone(&self.0), inner }
    }
}

/// A service behind an entrance.
#[derive(Clone)]
pub(super) struct Entered<S> {
    entrance: Arc<Inner>,
    inner: S,
}

impl<S> Service<Request> for Entered<S>
where
    S: Service<Request, Response: IntoResponse, Error = Infallible, Future: Send + 'static>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let (entrance, entry) = (Arc::clone(&self.entrance), Entry::begin(&self.entrance.kit, &mut request));
        let fault = settle_visit(&mut request, &self.entrance.kit).err();
        let (asker, request) = entrance.asker(request);
        let span = entry.span.clone();
        let work = match fault {
            None => Ok(span.in_scope(|| self.inner.call(request))),
            Some(fault) => Err(Problem::from(fault).into_response()),
        };
        let answer = async move {
            let response = match work {
                Ok(work) => answer(entrance.kit.bounds.timeout, work).await,
                Err(response) => response,
            };
            let response = match response.extensions().get::<Problem>() {
                Some(problem) => entrance.face.show(&asker, problem, &entry.id),
                None => response,
            };
            Ok(entry.end(&entrance.kit, response))
        };
        Box::pin(answer.instrument(span))
    }
}

impl Inner {
    fn asker(&self, request: Request) -> (Asker, Request) {
        let (parts, body) = request.into_parts();
        (self.face.asker(&parts), Request::from_parts(parts, body))
    }
}

/// What is known of a request while it is answered.
struct Entry {
    id: RequestId,
    span: Span,
    /// The pattern of its route, if one is there for it.
    route: Option<MatchedPath>,
    method: &'static str,
    began: Instant,
    limits: RateLimits,
    /// Nobody sees what the log and the trace are told but who reads every answer: the others do not pay for it.
    is_read: bool,
}

impl Entry {
    fn begin(kit: &Kit, request: &mut Request) -> Self {
        let id = RequestId(Arc::from(&*Uuid::now_v7().hyphenated().encode_lower(&mut Uuid::encode_buffer())));
        let route = request.extensions().get::<MatchedPath>().cloned();
        let route_name = route.as_ref().map(MatchedPath::as_str);
        let span = tracing::info_span!(
            "request",
            otel.kind = "server",
            request.id = id.as_str(),
            http.method = %request.method(),
            http.route = route_name,
            http.status = tracing::field::Empty,
            tenant.id = tracing::field::Empty,
            site.id = tracing::field::Empty,
        );
        let before = kit.proxies.trust(peer_of(request)).then(|| trace::continued(request.headers()));
        let trace = trace::begin(&span, before);
        let is_read = trace.is_some() || tracing::enabled!(tracing::Level::DEBUG);
        if is_read && route.is_none() {
            span.record("http.route", beginning(request.uri().path()));
        }
        let (limits, method) = (RateLimits::default(), method_of(request));
        let extensions = request.extensions_mut();
        if let Some(trace) = trace {
            extensions.insert(trace);
        }
        extensions.insert(id.clone());
        extensions.insert(limits.clone());
        Self { id, span, route, method, began: Instant::now(), limits, is_read }
    }

    /// Tells of the answer, and completes it.
    fn end(self, kit: &Kit, mut response: Response) -> Response {
        let (status, took) = (response.status(), self.began.elapsed());
        let route = self.route.as_ref().map_or(UNKNOWN_ROUTE, MatchedPath::as_str);
        if self.is_read {
            self.tell(route, status, took);
        }
        count((self.method, route), status, took);
        let headers = response.headers_mut();
        self.limits.write(headers);
        if let Ok(id) = HeaderValue::from_str(self.id.as_str()) {
            headers.insert(REQUEST_ID, id);
        }
        // A page that brings its own look says what it may do itself.
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert_with(|| kit.policy.clone());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        response
    }

    /// Tells the log and the trace what was answered.
    fn tell(&self, route: &str, status: StatusCode, took: Duration) {
        let (status, duration_ms) = (status.as_u16(), took.as_millis());
        self.span.record("http.status", status);
        trace::end(&self.span, format!("{} {route}", self.method), status >= 500);
        self.span.in_scope(|| tracing::debug!(http.duration_ms = duration_ms, "answered {status}"));
    }
}

/// What the route answers in its time: a panic is our fault, a post from another site a problem like the others.
async fn answer<R: IntoResponse>(limit: Duration, work: impl Future<Output = Result<R, Infallible>>) -> Response {
    let work = AssertUnwindSafe(work).catch_unwind();
    let response = match tokio::time::timeout(limit, work).await {
        Ok(Ok(Ok(response))) => response.into_response(),
        Ok(Ok(Err(never))) => match never {},
        Ok(Err(panic)) => panicked(&*panic),
        Err(_) => Problem::new(StatusCode::GATEWAY_TIMEOUT, "timeout").into_response(),
    };
    if response.extensions().get::<ProtectionError>().is_none() {
        return response;
    }
    Problem::new(StatusCode::FORBIDDEN, "foreign_origin").because("the request comes from another site").into_response()
}

fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word");
    tracing::error!(panic = text, "a handler panicked: {text}");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal").into_response()
}

/// Puts the visit on the request, unless the gate has done so, and the host that the browser asked: origins are compared
/// with it, and a proxy may have replaced it.
fn settle_visit(request: &mut Request, kit: &Kit) -> Result<(), VisitFault> {
    if request.extensions().get::<Visit>().is_none() {
        let visit = visit_of(request, &kit.proxies)?;
        request.extensions_mut().insert(visit);
    }
    let asked = request.extensions().get::<Visit>().map(|visit| visit.authority.as_str());
    let is_so = request.headers().get(header::HOST).map(HeaderValue::as_bytes) == asked.map(str::as_bytes);
    if let Some(host) = asked.filter(|_| !is_so).and_then(|host| HeaderValue::from_str(host).ok()) {
        request.headers_mut().insert(header::HOST, host);
    }
    Ok(())
}

/// Tells the metrics. Routes and methods are those we know, so that nobody can make up names that are kept.
fn count((method, route): (&'static str, &str), status: StatusCode, took: Duration) {
    let (route, status) = (route.to_owned(), status.as_str().to_owned());
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

/// The first part of a path, if it is a plain word: what follows may open something.
fn beginning(path: &str) -> String {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let is_word = first.len() <= WORD_BYTES_MAX && first.bytes().all(|byte| byte.is_ascii_lowercase());
    if is_word { format!("/{first}..") } else { "/..".to_owned() }
}
