//! The gate before all applications: whoever cannot be served soon is told so at once, before anything is spent on him.
//!
//! A request passes in this order: its address may not ask faster than its pace, its body is read (so that a slow one
//! keeps nobody from a place), and it takes a place of its class until it is answered. Each class has places of its own:
//! a crowd that looks at pages takes none from those who buy, and none of them takes one from gateways that report; nor
//! does a body of theirs keep a gateway's waiting. No tenant takes all places of a class, and where no shop is asked, no
//! address does ([`Shares`]).
//!
//! A gateway has no pace as long as what it says is true: only reports that are refused are counted, by address.
//!
//! Invariants: nobody waits here but for his own body; what is refused here has done nothing, so that it may be sent
//! again; health is never asked for a place.

mod body;
mod pace;
mod refusal;
mod shares;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::Response;
use kernel::{TenantId, network};
use tenancy::Tenancy;
use tower::ServiceExt;

use crate::problem::Problem;
use crate::proxies::Proxies;
use crate::visit::Visit;
use body::Broken;
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
    /// Bodies that are on their way at the same time, gateways' not counted.
    pub bodies_max: usize,
    /// Bodies of gateways' messages that are on their way at the same time.
    pub report_bodies_max: usize,
    /// Of either, those of one address.
    pub address_bodies_max: usize,
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
            report_bodies_max: 256,
            address_bodies_max: 64,
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
    /// A page of a shop.
    Page,
    /// A file that pages are made of: it is in memory, and takes no place.
    Asset,
    /// What changes something in a shop, or is on the way to goods.
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
            Self::Asset => "asset",
            Self::Order => "order",
            Self::Console | Self::Upload => "console",
            Self::Report => "report",
        }
    }
}

/// Whose places are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    /// Those who ask a tenant's shop.
    Tenant(TenantId),
    /// Those who ask from one network where no shop is asked.
    Address(IpAddr),
    /// Those whose address is not known: our proxy did not say for whom it asks.
    Anybody,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
struct Caller {
    address: IpAddr,
    /// Whether many ask from there.
    is_shared: bool,
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
    orders: Shares<Who>,
    pages: Shares<Who>,
    console: Shares<Who>,
    reports: Shares<Who>,
    bodies: Shares<Who>,
    report_bodies: Shares<Who>,
    pace: Pace,
    /// Reports that were refused.
    forged: Pace,
}

/// The paths of files, of cards or of a bank's answers, which are larger than what is read before.
const UPLOAD_ENDS: [&str; 2] = ["/imports", "/results"];
const REPORT_BEGINNING: &str = "/pay/notify/";
const ASSET_BEGINNING: &str = "/assets/";
/// Where somebody buys, pays, or gets what he has paid for.
const BUYING: [&str; 3] = ["/checkout", "/orders", "/wallet"];
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Whether the log knows of a proxy that the settings do not.
static TOLD_OF_PROXY: AtomicBool = AtomicBool::new(false);

impl Gate {
    /// A gate with so much room. Shares of tenants are counted by the hosts that `tenancy` knows.
    pub fn new(proxies: Proxies, hosts: OwnHosts, tenancy: Option<Tenancy>, room: Room) -> Self {
        let (orders, pages) = (Shares::new(room.orders_max), Shares::new(room.pages_max));
        let (console, reports) = (Shares::new(room.console_max), Shares::new(room.reports_max));
        let (bodies, report_bodies) = (Shares::new(room.bodies_max), Shares::new(room.report_bodies_max));
        let pace = || Pace::new(room.address_rate, room.address_burst);
        let (pace, forged) = (pace(), pace());
        Self(Arc::new(Inner {
            proxies,
            hosts,
            tenancy,
            room,
            orders,
            pages,
            console,
            reports,
            bodies,
            report_bodies,
            pace,
            forged,
        }))
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
        let (class, caller) = (inner.class_of(&request, visit.as_ref()), inner.caller_of(&request, visit.as_ref()));
        if !inner.is_in_pace(class, caller) {
            return refused(&request, (class, "pace"), Problem::too_fast(), Some(inner.pace.allowance()));
        }
        let who = inner.who(class, caller, visit.as_ref());
        let host = visit.as_ref().map(|visit| visit.host.as_str());
        let application = match host {
            Some(host) if host == inner.hosts.console => &applications.console,
            Some(host) if host == inner.hosts.cashier => &applications.cashier,
            _ => &applications.shops,
        };
        let application = application.clone();
        if let Some(visit) = visit {
            request.extensions_mut().insert(visit);
        }
        let response = self.admit(application, request, (class, caller, who)).await;
        if class == Class::Report && response.status().is_client_error() && !caller.is_shared {
            // Whoever is refused too often is not heard for a while; the next question asks whether he is.
            let _ = inner.forged.lets(caller.address);
        }
        response
    }

    /// Reads the body, takes a place, and lets the application answer.
    async fn admit(
        &self,
        application: Router,
        request: Request,
        (class, caller, who): (Class, Caller, Who),
    ) -> Response {
        let request = match self.read_body(class, caller, request).await {
            Ok(request) => request,
            Err(response) => return response,
        };
        let place = match self.0.shares(class).map(|shares| shares.enter(who)).transpose() {
            Ok(place) => place,
            Err(full) => return refused(&request, (class, full.word()), Problem::busy(), None),
        };
        answered(application, request, place).await
    }

    /// The request with its body in memory; an upload's is left to its handler, who knows by then whose it is.
    async fn read_body(&self, class: Class, caller: Caller, request: Request) -> Result<Request, Response> {
        if class == Class::Upload || request.body().is_end_stream() {
            return Ok(request);
        }
        let (parts, body) = request.into_parts();
        let problem = match self.collect(class, caller, body).await {
            Ok(bytes) => return Ok(Request::from_parts(parts, Body::from(bytes))),
            Err(problem) => problem,
        };
        Err(refused(&Request::from_parts(parts, Body::empty()), (class, "body"), problem, None))
    }

    async fn collect(&self, class: Class, caller: Caller, body: Body) -> Result<Bytes, Problem> {
        let (inner, room) = (&self.0, &self.0.room);
        let bodies = if class == Class::Report { &inner.report_bodies } else { &inner.bodies };
        let most = if caller.is_shared { usize::MAX } else { room.address_bodies_max };
        let Ok(_held) = bodies.enter_within(caller.who(), most) else { return Err(Problem::busy()) };
        match tokio::time::timeout(room.body_time, body::whole(body, room.body_bytes_max)).await {
            Ok(Ok(whole)) => Ok(whole),
            Ok(Err(Broken::TooLarge)) => {
                let most = format!("a body has {} bytes at most", room.body_bytes_max);
                Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large").because(most))
            }
            Ok(Err(Broken::Off)) => {
                Err(Problem::new(StatusCode::BAD_REQUEST, "request_unreadable").because("the body broke off"))
            }
            Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow")),
        }
    }
}

/// The place is held until the answer is there, or whoever asked has gone.
async fn answered(application: Router, request: Request, place: Option<Place<Who>>) -> Response {
    let answer = application.oneshot(request).await;
    drop(place);
    match answer {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Whether a path is one of those on which somebody buys.
fn is_buying(path: &str) -> bool {
    let is_under = |rest: &str| rest.is_empty() || rest.starts_with('/');
    BUYING.iter().any(|beginning| path.strip_prefix(beginning).is_some_and(is_under))
}

impl Caller {
    fn who(self) -> Who {
        if self.is_shared { Who::Anybody } else { Who::Address(network(self.address)) }
    }
}

impl Inner {
    fn class_of(&self, request: &Request, visit: Option<&Visit>) -> Class {
        let (path, host) = (request.uri().path(), visit.map(|visit| visit.host.as_str()));
        let is_read = request.method() == Method::GET || request.method() == Method::HEAD;
        let is_file = !is_read && UPLOAD_ENDS.iter().any(|end| path.ends_with(end));
        match host {
            Some(host) if host == self.hosts.console && is_file => Class::Upload,
            Some(host) if host == self.hosts.console => Class::Console,
            Some(host) if host == self.hosts.cashier => {
                let is_report = request.method() == Method::POST && path.starts_with(REPORT_BEGINNING);
                if is_report { Class::Report } else { Class::Order }
            }
            _ if is_read && path.starts_with(ASSET_BEGINNING) => Class::Asset,
            _ if is_read && !is_buying(path) => Class::Page,
            _ => Class::Order,
        }
    }

    const fn shares(&self, class: Class) -> Option<&Shares<Who>> {
        match class {
            Class::Page => Some(&self.pages),
            Class::Asset => None,
            Class::Order => Some(&self.orders),
            Class::Console | Class::Upload => Some(&self.console),
            Class::Report => Some(&self.reports),
        }
    }

    /// Who asks. An address of this machine, or of a proxy of ours that does not say for whom it asks, is nobody's own;
    /// but what stands on this machine and speaks for others, unknown to the settings, is one caller like any other:
    /// else all the world would come without a bound.
    fn caller_of(&self, request: &Request, visit: Option<&Visit>) -> Caller {
        let peer = crate::kit::peer_of(request).to_canonical();
        let is_unknown_proxy =
            peer.is_loopback() && !self.proxies.trust(peer) && request.headers().contains_key(FORWARDED_FOR);
        if is_unknown_proxy && !TOLD_OF_PROXY.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %peer,
                "{peer} forwards requests of others but is not named in `proxies`: all its visitors count as one \
                 address. Set CARDGROVE_PROXIES=[\"{peer}\"] if it is your proxy"
            );
        }
        let address = visit.map_or(peer, |visit| visit.address);
        Caller { address, is_shared: !is_unknown_proxy && is_shared(address, &self.proxies) }
    }

    /// Counts a request of the caller, unless it comes too fast. Of reports only those are counted that are refused.
    fn is_in_pace(&self, class: Class, caller: Caller) -> bool {
        caller.is_shared
            || match class {
                Class::Report => self.forged.is_open(caller.address),
                _ => self.pace.lets(caller.address),
            }
    }

    /// Whose places a request takes. Which tenant a report is for stands in a path that anybody can write, so a gateway
    /// is known by where it asks from.
    fn who(&self, class: Class, caller: Caller, visit: Option<&Visit>) -> Who {
        let asked = if class == Class::Report { None } else { visit };
        let shop = self.tenancy.as_ref().zip(asked).and_then(|(tenancy, visit)| tenancy.resolve(&visit.host).ok());
        shop.map_or_else(|| caller.who(), |shop| Who::Tenant(shop.tenant.id))
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
