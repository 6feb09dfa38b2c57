//! One connection through the proxy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::mode::{Lost, Mode};
use super::{Counts, State, Stream};

const CHUNK: usize = 16 * 1_024;
/// A throttled wire moves a piece this often.
const PIECES_A_SECOND: u64 = 20;
/// How a client of PostgreSQL says it, in a message of its own.
const COMMIT: &[u8] = b"COMMIT\0";

/// A connection and what it must obey.
pub struct Line {
    states: watch::Receiver<State>,
    counts: Arc<Counts>,
    /// The answer to a commit is awaited and will be thrown away.
    is_doomed: AtomicBool,
    /// Bytes that were answered since the mode began that counts them.
    answered: AtomicU64,
}

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    ToServer,
    ToClient,
}

/// How a connection ends.
#[derive(PartialEq, Eq)]
enum End {
    /// One side has closed it.
    Closed,
    /// It is to be torn.
    Torn,
}

impl Line {
    /// A connection that obeys `states`.
    pub(super) const fn new(states: watch::Receiver<State>, counts: Arc<Counts>) -> Self {
        Self { states, counts, is_doomed: AtomicBool::new(false), answered: AtomicU64::new(0) }
    }

    /// Whether a connection that threw `hundred` may not be made.
    pub fn is_refused(&self, hundred: u64) -> bool {
        let is_refused = matches!(self.mode(), Mode::Drop(percent) if hundred <= percent);
        if is_refused {
            self.hurts();
        }
        is_refused
    }

    /// Carries bytes both ways until a side closes or the connection is torn.
    pub async fn carry(self, mut client: TcpStream, server: Box<dyn Stream>) {
        let (server_reads, server_writes) = tokio::io::split(server);
        let (client_reads, client_writes) = client.split();
        let end = tokio::select! {
            end = self.pump(client_reads, server_writes, Way::ToServer) => end,
            end = self.pump(server_reads, client_writes, Way::ToClient) => end,
            end = self.tear() => end,
        };
        if end == End::Torn {
            self.hurts();
            let _ = client.set_zero_linger();
        }
    }

    /// Waits until all connections of this one's generation are reset.
    async fn tear(&self) -> End {
        let mut states = self.states.clone();
        let own = states.borrow().generation;
        let _ = states.wait_for(|state| state.generation != own).await;
        End::Torn
    }

    async fn pump(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, way: Way) -> End {
        let mut chunk = vec![0; CHUNK];
        loop {
            let Ok(length) = from.read(&mut chunk).await else { return End::Closed };
            if length == 0 {
                return End::Closed;
            }
            if let Some(end) = self.forward(&chunk[..length], &mut to, way).await {
                return end;
            }
        }
    }

    /// Brings one chunk over, as the mode of this moment says; or the connection ends.
    async fn forward(&self, chunk: &[u8], to: &mut (impl AsyncWrite + Unpin), way: Way) -> Option<End> {
        if way == Way::ToClient && self.is_doomed.load(Ordering::Relaxed) {
            if let Mode::HoldCommit { .. } = self.mode() {
                self.hold().await;
            }
            return Some(End::Torn);
        }
        match self.mode() {
            Mode::Pass | Mode::Drop(_) | Mode::Answer(_) => {}
            Mode::Delay(delay) => {
                self.hurts();
                tokio::time::sleep(delay).await;
            }
            Mode::Throttle(bytes_a_second) => return self.trickle(chunk, to, bytes_a_second).await,
            Mode::Freeze => {
                self.hurts();
                let mut states = self.states.clone();
                let _ = states.wait_for(|state| state.mode != Mode::Freeze).await;
            }
            Mode::ResetAfter(bytes) if way == Way::ToClient => {
                let before = self.answered.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                if before + chunk.len() as u64 > bytes {
                    let rest = usize::try_from(bytes.saturating_sub(before)).unwrap_or(chunk.len());
                    let _ = to.write_all(&chunk[..rest.min(chunk.len())]).await;
                    return Some(End::Torn);
                }
            }
            Mode::LoseCommits { every } if way == Way::ToServer && contains(chunk, COMMIT) => {
                let number = self.counts.commits.fetch_add(1, Ordering::Relaxed);
                match Lost::of(number, every) {
                    Some(Lost::OnTheWay) => return Some(End::Torn),
                    Some(Lost::AtOnce) => {
                        let _ = to.write_all(chunk).await;
                        return Some(End::Torn);
                    }
                    Some(Lost::OnTheWayBack) => self.is_doomed.store(true, Ordering::Relaxed),
                    None => {}
                }
            }
            Mode::HoldCommit { passed, is_answer } if way == Way::ToServer && contains(chunk, COMMIT) => {
                if self.counts.commits.fetch_add(1, Ordering::Relaxed) == passed {
                    if !is_answer {
                        self.hold().await;
                        return Some(End::Torn);
                    }
                    self.is_doomed.store(true, Ordering::Relaxed);
                }
            }
            Mode::ResetAfter(_) | Mode::LoseCommits { .. } | Mode::HoldCommit { .. } => {}
        }
        if let (Mode::Answer(answer), Way::ToClient) = (self.mode(), way) {
            self.hurts();
            let _ = to.write_all(answer).await;
            return Some(End::Closed);
        }
        to.write_all(chunk).await.is_err().then_some(End::Closed)
    }

    /// Harm is done, and nothing goes on until the mode is another one.
    async fn hold(&self) {
        self.hurts();
        let mut states = self.states.clone();
        let _ = states.wait_for(|state| !matches!(state.mode, Mode::HoldCommit { .. })).await;
    }

    async fn trickle(&self, chunk: &[u8], to: &mut (impl AsyncWrite + Unpin), bytes_a_second: u64) -> Option<End> {
        self.hurts();
        let piece = usize::try_from(bytes_a_second / PIECES_A_SECOND).unwrap_or(CHUNK).max(1);
        for piece in chunk.chunks(piece) {
            tokio::time::sleep(Duration::from_millis(1_000 / PIECES_A_SECOND)).await;
            if to.write_all(piece).await.is_err() {
                return Some(End::Closed);
            }
        }
        None
    }

    fn mode(&self) -> Mode {
        self.states.borrow().mode
    }

    fn hurts(&self) {
        self.counts.hurt.fetch_add(1, Ordering::Relaxed);
    }
}

fn contains(chunk: &[u8], word: &[u8]) -> bool {
    chunk.windows(word.len()).any(|window| window == word)
}
