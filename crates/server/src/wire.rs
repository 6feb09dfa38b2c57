//! Connections: how many there may be, and how long each may keep silent.
//!
//! | what somebody may do | what ends it |
//! |---|---|
//! | open connections without end | so many in all, of one address, and of one site; the next one is closed at once |
//! | say nothing, or a head letter by letter | `head_time` from its first letter, or from the last answer |
//! | send a head without end | 32 KiB and 64 headers, then 431 |
//! | ask and never read the answer | `write_time` in which nothing could be sent |
//! | speak HTTP/2 | the connection is closed: only the proxies that the settings name may |
//! | such a proxy opens and resets streams | 64 streams, 20 resets that wait, then the connection goes |
//! | such a proxy vanishes | a ping every 20 s, an answer within 10 s |
//!
//! HTTP/2 is for our proxies alone, because no clock here bounds a reader who opens no window, nor a connection that idles
//! but answers pings; and no browser speaks it without TLS, which a proxy ends. A site is a /48 of version six, which is
//! 65,536 addresses and one customer of a provider.
//!
//! What many may share, this machine and our proxies, is not counted by address, and some of all places are kept for it:
//! strangers cannot lock out the proxy that everybody else comes through.

mod patient;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::fs;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use kernel::network;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tower::ServiceExt;
use web::Proxies;

use patient::Patient;

const HEADERS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 32 * 1024;
const STREAMS_MAX: u32 = 64;
const RESETS_MAX: usize = 20;
const LOCAL_RESETS_MAX: usize = 128;
/// Of one stream's answer, kept for a reader who takes his time.
const SEND_BYTES_MAX: usize = 64 * 1024;
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// Files and connections of our own.
const OWN_FILES: usize = 256;
/// How many times the connections of an address those of a site may be.
const SITE_ADDRESSES: usize = 4;
/// One place in so many is kept for what many share.
const KEPT_ONE_IN: usize = 16;
/// How long to wait when the system has no connection for us.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The bounds of connections.
#[derive(Debug, Clone)]
pub struct WireBounds {
    /// Connections at the same time.
    pub connections_max: usize,
    /// Of them, those of one address.
    pub address_connections_max: usize,
    /// How long a head may take, and how long a connection may idle.
    pub head_time: Duration,
    /// The same for what many share: a proxy keeps its connections.
    pub shared_head_time: Duration,
    /// How long a reader may take nothing.
    pub write_time: Duration,
}

impl WireBounds {
    /// The same bounds, with no more connections than the system has files for.
    pub fn within_files(mut self) -> Self {
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        if let Some(files) = files_max(&limits).filter(|files| self.connections_max + OWN_FILES > *files) {
            self.connections_max = files.saturating_sub(OWN_FILES).max(1);
            tracing::warn!(
                connections = self.connections_max,
                "this process may open {files} files: {} connections at most",
                self.connections_max
            );
        }
        self
    }
}

/// The soft limit of open files, in the words of the system.
fn files_max(limits: &str) -> Option<usize> {
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

/// Serves connections until `stopped` says so, and then until those that are open have ended.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    (bounds, proxies): (WireBounds, Proxies),
    mut stopped: watch::Receiver<bool>,
) {
    let doors = Doors::new(&bounds);
    // Every connection holds the one end; the other one hears when the last of them is gone.
    let (alive, mut gone) = mpsc::channel::<()>(1);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = until(&mut stopped) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection is not accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let is_shared = web::is_shared(peer.ip(), &proxies);
        let Some(door) = doors.open((!is_shared).then(|| peer.ip())) else { continue };
        let head_time = if is_shared { bounds.shared_head_time } else { bounds.head_time };
        // What stands on this machine and is not named speaks like a stranger.
        let builder = builder(head_time, proxies.trust(peer.ip()));
        let times = (head_time, bounds.write_time);
        let (app, stopped, alive) = (app.clone(), stopped.clone(), alive.clone());
        tokio::spawn(async move {
            connection((stream, peer), app, (builder, times), stopped).await;
            drop((door, alive));
        });
    }
    drop((listener, alive));
    let _ = gone.recv().await;
}

/// Waits until the server is to stop, or who would say so is gone.
async fn until(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// One connection, until it ends or breaks.
async fn connection(
    (stream, peer): (TcpStream, SocketAddr),
    app: Router,
    (builder, (head_time, write_time)): (Builder<TokioExecutor>, (Duration, Duration)),
    mut stopped: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection waits for more to send");
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let app = app.clone();
        async move { Ok::<_, Infallible>(app.oneshot(request).await.unwrap_or_else(|never| match never {})) }
    });
    let stream = TokioIo::new(Patient::new(stream, head_time, write_time));
    let mut connection = std::pin::pin!(builder.serve_connection(stream, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = until(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// How a connection is spoken on; HTTP/2 only by a proxy of ours.
fn builder(head_time: Duration, is_proxy: bool) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(head_time)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(LOCAL_RESETS_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .max_send_buf_size(SEND_BYTES_MAX)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT);
    if is_proxy { builder } else { builder.http1_only() }
}

/// Counts connections.
#[derive(Clone)]
struct Doors {
    all: Arc<Semaphore>,
    most: usize,
    /// Of all places, those that strangers may not take.
    kept: usize,
    most_of_address: usize,
    counts: Arc<Mutex<HashMap<Counted, usize>>>,
}

/// What connections are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Counted {
    Address(IpAddr),
    Site(IpAddr),
}

impl Counted {
    /// All that a connection from `address` counts for.
    fn of(address: IpAddr) -> impl Iterator<Item = Self> {
        let address = network(address);
        let site = match address {
            IpAddr::V6(network) => {
                let [a, b, c, ..] = network.segments();
                Some(Self::Site(IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))))
            }
            IpAddr::V4(_) => None,
        };
        [Self::Address(address)].into_iter().chain(site)
    }
}

/// An open connection; it is not counted any more when this goes.
struct Door {
    doors: Doors,
    address: Option<IpAddr>,
    _place: OwnedSemaphorePermit,
}

impl Doors {
    fn new(bounds: &WireBounds) -> Self {
        let all = Arc::new(Semaphore::new(bounds.connections_max));
        let (most, most_of_address) = (bounds.connections_max, bounds.address_connections_max);
        Self { all, most, kept: most / KEPT_ONE_IN, most_of_address, counts: Arc::default() }
    }

    /// Lets a connection in, or nobody; it counts for its address if it has one of its own.
    fn open(&self, address: Option<IpAddr>) -> Option<Door> {
        let refused =
            |reason| metrics::counter!("cardgrove_connections_refused_total", "reason" => reason).increment(1);
        let kept = if address.is_some() { self.kept } else { 0 };
        let place = Arc::clone(&self.all).try_acquire_owned().ok();
        let Some(place) = place.filter(|_| self.all.available_permits() >= kept) else {
            refused("full");
            return None;
        };
        if let Some(address) = address {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            let count = |counted: &Counted| counts.get(counted).copied().unwrap_or_default();
            if Counted::of(address).any(|counted| count(&counted) >= self.most_of(counted)) {
                refused("address");
                return None;
            }
            for counted in Counted::of(address) {
                *counts.entry(counted).or_default() += 1;
            }
        }
        self.tell();
        Some(Door { doors: self.clone(), address, _place: place })
    }

    const fn most_of(&self, counted: Counted) -> usize {
        match counted {
            Counted::Address(_) => self.most_of_address,
            Counted::Site(_) => self.most_of_address.saturating_mul(SITE_ADDRESSES),
        }
    }

    fn tell(&self) {
        let open = self.most - self.all.available_permits();
        metrics::gauge!("cardgrove_connections").set(u32::try_from(open).unwrap_or(u32::MAX));
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(address) = self.address {
            let mut counts = self.doors.counts.lock().unwrap_or_else(PoisonError::into_inner);
            for counted in Counted::of(address) {
                if let Entry::Occupied(mut count) = counts.entry(counted) {
                    *count.get_mut() -= 1;
                    if *count.get() == 0 {
                        count.remove();
                    }
                }
            }
        }
        self.doors.tell();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doors(all: usize, of_address: usize) -> Doors {
        Doors::new(&WireBounds {
            connections_max: all,
            address_connections_max: of_address,
            head_time: Duration::from_secs(1),
            shared_head_time: Duration::from_secs(1),
            write_time: Duration::from_secs(1),
        })
    }

    #[test]
    fn an_address_has_its_share_of_connections_and_gets_them_back() {
        let doors = doors(4, 2);
        let open = |text: &str| doors.open(Some(text.parse().expect("an address")));
        let first = (open("203.0.113.1"), open("203.0.113.1"));
        assert!(first.0.is_some() && first.1.is_some() && open("203.0.113.1").is_none());
        let six = (open("2001:db8::1"), open("2001:db8::2"));
        assert!(six.0.is_some() && six.1.is_some(), "a network of version six is one address");
        assert!(open("203.0.113.2").is_none() && doors.open(None).is_none(), "all are taken");
        drop(first);
        assert!(doors.open(None).is_some() && open("203.0.113.1").is_some());
        drop(six);
        assert_eq!(doors.all.available_permits(), 4);
        assert!(doors.counts.lock().expect("no panic").is_empty());
    }

    #[test]
    fn a_site_of_version_six_is_counted_as_well_as_its_addresses() {
        let doors = doors(100, 2);
        let open = |text: &str| doors.open(Some(text.parse().expect("an address")));
        let held: Vec<_> = (0..20).filter_map(|network| open(&format!("2001:db8:1:{network}::1"))).collect();
        assert_eq!(held.len(), 2 * SITE_ADDRESSES, "of all the networks of one site");
        assert!(open("2001:db8:2::1").is_some() && open("203.0.113.1").is_some());
        drop(held);
        assert!(open("2001:db8:1:99::1").is_some() && doors.counts.lock().expect("no panic").is_empty());
    }

    #[test]
    fn strangers_leave_places_for_what_many_share() {
        let doors = doors(32, 32);
        let stranger = || doors.open(Some(IpAddr::from([203, 0, 113, 1])));
        let held: Vec<_> = std::iter::from_fn(stranger).collect();
        assert_eq!(held.len(), 30);
        assert!(doors.open(None).is_some() && stranger().is_none(), "our proxy still comes in");
    }

    #[test]
    fn the_systems_limit_of_files_is_read() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max processes             63432                63432                processes \n\
                    Max open files            1024                 524288               files     \n";
        assert_eq!(files_max(text), Some(1024));
        assert_eq!(files_max(&text.replace("1024 ", "unlimited ")), None);
    }
}
