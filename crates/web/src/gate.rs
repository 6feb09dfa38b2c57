//! The gate before all applications: whoever cannot be served soon is told so at once, before anything is spent on him.
//!
//! A request passes in this order: its address may not ask faster than its pace, its body is read (so that a slow one
//! keeps nobody from a place), and it takes a place of its class until it is answered. Each class has places of its own:
//! a crowd that looks at pages takes none from those who buy, and none of them takes one from gateways that report. No
//! tenant takes all places of a class ([`Shares`]).
//!
//! Invariants: nobody waits here but for his own body; what is refused here has done nothing, so that it may be sent
//! again; health is never asked for a place.

mod pace;
mod refusal;
mod shares;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kernel::TenantId;
use tenancy::Tenancy;
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::problem::Problem;
use crate::proxies::Proxies;
use crate::visit::Visit;
use pace::Pace;
use refusal::refused;
use shares::{Full, Place, Shares};

/// How much of everything there is room for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Requests that change something in shops, at the same time.
    pub orders_max: usize,
    /// Pages at the same time.
    pub pages_max: usize,
    /// Requests to the console at the same time.
    pub console_max: usize,
    /// Messages of gateways at the same time.
    pub reports_max: usize,
    /// Bodies that are on their way at the same time.
    pub bodies_max: usize,
    /// Bytes of one such body.
    pub body_bytes_max: usize,
    /// How long a body may take.
    pub body_time: Duration,
    /// Requests a second of one address, for as long as it likes.
    pub address_rate: u32,
    /// Requests that an address may be ahead of that.
    pub address_burst: u32,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            orders_max: 512,
            pages_max: 256,
            console_max: 64,
            reports_max: 64,
            bodies_max: 1024,
            body_bytes_max: 64 * 1024,
            body_time: Duration::from_secs(10),
            address_rate: 100,
            address_burst: 500,
        }
    }
}

/// What a request is for, and so which places it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// A page of a shop, or a file.
    Page,
    /// What changes something in a shop, or leads to a payment.
    Order,
    /// The console.
    Console,
    /// A file for the console, which is read while it comes.
    Upload,
    /// A gateway's message.
    Report,
}

impl Class {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Order => "order",
            Self::Console | Self::Upload => "console",
            Self::Report => "report",
        }
    }
}

/// The hosts that are no shop's.
#[derive(Debug, Clone)]
pub struct OwnHosts {
    /// The console's.
    pub console: String,
    /// The cashier's.
    pub cashier: String,
}

/// The applications behind the gate.
#[derive(Clone)]
pub struct Applications {
    /// At the console's host.
    pub console: Router,
    /// At the cashier's host.
    pub cashier: Router,
    /// At all others.
    pub shops: Router,
}

/// The gate. Clones share the places.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    proxies: Proxies,
    hosts: OwnHosts,
    tenancy: Option<Tenancy>,
    room: Room,
    orders: Shares<Option<TenantId>>,
    pages: Shares<Option<TenantId>>,
    console: Shares<Option<TenantId>>,
    reports: Shares<Option<TenantId>>,
    bodies: Semaphore,
    pace: Pace,
}

/// The path of a file of cards, which is larger than what is read before.
const UPLOAD_END: &str = "/imports";
const REPORT_BEGINNING: &str = "/pay/notify/";

impl Gate {
    /// A gate with so much room. Shares of tenants are counted by the hosts that `tenancy` knows.
    pub fn new(proxies: Proxies, hosts: OwnHosts, tenancy: Option<Tenancy>, room: Room) -> Self {
        let (orders, pages) = (Shares::new(room.orders_max), Shares::new(room.pages_max));
        let (console, reports) = (Shares::new(room.console_max), Shares::new(room.reports_max));
        let (bodies, pace) = (Semaphore::new(room.bodies_max), Pace::new(room.address_rate, room.address_burst));
        Self(Arc::new(Inner { proxies, hosts, tenancy, room, orders, pages, console, reports, bodies, pace }))
    }

    /// The router that answers for all applications, each at its hosts. A request whose host cannot be read goes to the
    /// shops, which refuse it.
    pub fn before(self, applications: Applications) -> Router {
        let choose = tower::service_fn(move |request: Request| {
            let (gate, applications) = (self.clone(), applications.clone());
            async move { Ok(gate.pass(&applications, request).await) }
        });
        Router::new().fallback_service(choose)
    }

    async fn pass(&self, applications: &Applications, mut request: Request) -> Response {
        let inner = &self.0;
        let visit = crate::kit::visit_of(&request, &inner.proxies).ok();
        let class = inner.class_of(&request, visit.as_ref());
        if let Some(visit) = &visit {
            if class != Class::Report && !inner.is_in_pace(visit.address) {
                return refused(&request, (class, "pace"), Problem::too_fast(), Some(inner.pace.allowance()));
            }
            request.extensions_mut().insert(visit.clone());
        }
        let request = match self.read_body(class, request).await {
            Ok(request) => request,
            Err(response) => return response,
        };
        let tenant = inner.tenant_of(visit.as_ref());
        let place = match inner.shares(class).enter(tenant) {
            Ok(place) => place,
            Err(full) => return refused(&request, (class, full.word()), Problem::busy(), None),
        };
        let host = visit.as_ref().map(|visit| visit.host.as_str());
        let application = match host {
            Some(host) if host == inner.hosts.console => &applications.console,
            Some(host) if host == inner.hosts.cashier => &applications.cashier,
            _ => &applications.shops,
        };
        answered(application.clone(), request, place).await
    }

    /// The request with its body in memory; an upload's is left to its handler, who knows by then whose it is.
    async fn read_body(&self, class: Class, request: Request) -> Result<Request, Response> {
        if class == Class::Upload || request.body().is_end_stream() {
            return Ok(request);
        }
        let (parts, body) = request.into_parts();
        let problem = match self.collect(body).await {
            Ok(bytes) => return Ok(Request::from_parts(parts, Body::from(bytes))),
            Err(problem) => problem,
        };
        Err(refused(&Request::from_parts(parts, Body::empty()), (class, "body"), problem, None))
    }

    async fn collect(&self, body: Body) -> Result<Bytes, Problem> {
        let inner = &self.0;
        let Ok(_held) = inner.bodies.try_acquire() else { return Err(Problem::busy()) };
        let whole = Limited::new(body, inner.room.body_bytes_max).collect();
        match tokio::time::timeout(inner.room.body_time, whole).await {
            Ok(Ok(whole)) => Ok(whole.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                let most = format!("a body has {} bytes at most", inner.room.body_bytes_max);
                Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large").because(most))
            }
            Ok(Err(_)) => {
                Err(Problem::new(StatusCode::BAD_REQUEST, "request_unreadable").because("the body broke off"))
            }
            Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow")),
        }
    }
}

/// The place is held until the answer is there, or whoever asked has gone.
async fn answered(application: Router, request: Request, place: Place<Option<TenantId>>) -> Response {
    let answer = application.oneshot(request).await;
    drop(place);
    match answer {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

impl Inner {
    fn class_of(&self, request: &Request, visit: Option<&Visit>) -> Class {
        let (path, host) = (request.uri().path(), visit.map(|visit| visit.host.as_str()));
        let is_read = request.method() == Method::GET || request.method() == Method::HEAD;
        match host {
            Some(host) if host == self.hosts.console && path.ends_with(UPLOAD_END) && !is_read => Class::Upload,
            Some(host) if host == self.hosts.console => Class::Console,
            Some(host) if host == self.hosts.cashier && path.starts_with(REPORT_BEGINNING) => Class::Report,
            Some(host) if host == self.hosts.cashier => Class::Order,
            _ if is_read => Class::Page,
            _ => Class::Order,
        }
    }

    const fn shares(&self, class: Class) -> &Shares<Option<TenantId>> {
        match class {
            Class::Page => &self.pages,
            Class::Order => &self.orders,
            Class::Console | Class::Upload => &self.console,
            Class::Report => &self.reports,
        }
    }

    /// An address of this machine, or of a proxy of ours that does not say for whom it asks, is nobody's own.
    fn is_in_pace(&self, address: IpAddr) -> bool {
        is_shared(address, &self.proxies) || self.pace.lets(address)
    }

    fn tenant_of(&self, visit: Option<&Visit>) -> Option<TenantId> {
        let shop = self.tenancy.as_ref()?.resolve(&visit?.host).ok()?;
        Some(shop.tenant.id)
    }
}

/// Whether many may ask from this address: it is this machine's or one of our proxies'.
pub fn is_shared(address: IpAddr, proxies: &Proxies) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address.is_unspecified() || proxies.trust(address)
}

impl Full {
    const fn word(self) -> &'static str {
        match self {
            Self::All => "full",
            Self::Share => "share",
        }
    }
}
