//! Serving the gateway on a listener.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;
use tracing::info;

use crate::Gateway;

/// Serves until `shutdown` is done, then lets go of held calls and ends the open ones.
pub async fn serve<F>(listener: TcpListener, gateway: Gateway, shutdown: F) -> io::Result<()>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let address = listener.local_addr()?;
    gateway.listens_at(format!("http://{}", reachable(address)));
    info!(%address, "the sandbox gateway listens at {address}: no money moves here");
    let router = gateway.router();
    let stop = async move {
        let _ = shutdown.await;
        gateway.stop();
    };
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

/// An address that a browser of this machine can open: a listener on every interface is reached by loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
