//! A wire that can be hurt: a TCP proxy between the program and its database or its gateway.
//!
//! The kernel of many machines cannot delay or lose packets for us, so this does it above TCP. What happens is said by a
//! [`Mode`], which may change at any moment and then holds for connections that are open, too.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::dice::Dice;

mod line;
mod mode;
#[cfg(test)]
mod tests;

use line::Line;
pub use mode::Mode;

/// Where the wire leads.
#[derive(Debug, Clone)]
pub enum Target {
    /// A port of this machine.
    Port(u16),
    /// A socket file.
    Socket(PathBuf),
}

/// A running proxy; it ends with this value.
pub struct Proxy {
    port: u16,
    state: watch::Sender<State>,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

/// What every connection obeys.
#[derive(Debug, Clone, Copy)]
struct State {
    mode: Mode,
    /// Connections of an older generation are reset.
    generation: u64,
}

/// How often the wire did harm.
#[derive(Debug, Default)]
struct Counts {
    hurt: AtomicU64,
    commits: AtomicU64,
}

/// Both directions of a connection to the target.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Target {
    async fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Port(port) => Box::new(TcpStream::connect(("127.0.0.1", *port)).await?),
            Self::Socket(file) => Box::new(UnixStream::connect(file).await?),
        })
    }
}

impl Proxy {
    /// A wire to `target` that hurts nobody yet.
    pub async fn start(target: Target, dice: Dice) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (state, states) = watch::channel(State { mode: Mode::Pass, generation: 0 });
        let counts = Arc::new(Counts::default());
        let task = tokio::spawn(accept(listener, target, (states, Arc::clone(&counts)), dice));
        Ok(Self { port, state, counts, task })
    }

    /// Where to connect to.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// From now on it happens so, on open connections too.
    pub fn set(&self, mode: Mode) {
        self.state.send_modify(|state| state.mode = mode);
    }

    /// Resets every open connection; new ones may be made.
    pub fn reset_all(&self) {
        self.state.send_modify(|state| state.generation += 1);
    }

    /// How often it did harm: chunks held up or thrown away, connections refused or reset.
    pub fn hurt(&self) -> u64 {
        self.counts.hurt.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes connections for as long as the proxy lives; they live no longer.
async fn accept(
    listener: TcpListener,
    target: Target,
    (states, counts): (watch::Receiver<State>, Arc<Counts>),
    mut dice: Dice,
) {
    let mut lines = tokio::task::JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let line = Line::new(states.clone(), Arc::clone(&counts));
        let is_dropped = line.is_refused(dice.between(1, 100));
        let target = target.clone();
        lines.spawn(async move {
            if is_dropped {
                let _ = client.set_zero_linger();
            } else if let Ok(server) = target.connect().await {
                line.carry(client, server).await;
            }
        });
        while lines.try_join_next().is_some() {}
    }
}
