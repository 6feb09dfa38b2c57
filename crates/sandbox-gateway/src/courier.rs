//! Sending callbacks: each in a task of its own, signed anew for every attempt, tried again until it is taken.
//!
//! Invariant: at most [`PENDING_MAX`] callbacks wait and [`SENDING_MAX`] are on their way; what exceeds the first is
//! dropped with a log line, as is a callback nobody took after the last attempt. A restart forgets what waits: a shop
//! that hears nothing asks.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use kernel::Clock;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use tokio::sync::{Semaphore, watch};
use tracing::{debug, warn};
use uuid::Uuid;

use crate::GatewayError;
use crate::model::{Merchant, WebUrl};
use crate::sign;

const PENDING_MAX: usize = 10_000;
const SENDING_MAX: usize = 64;
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: usize = 64;
/// The pauses before the second and all later attempts.
const RETRY_AFTER_S: [u64; 7] = [1, 3, 10, 30, 60, 300, 600];

/// One callback to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Callback {
    signer: Merchant,
    url: WebUrl,
    body: Arc<str>,
    delay: Duration,
}

impl Callback {
    /// A callback signed with the secret of `signer`.
    pub(crate) fn new(signer: Merchant, url: WebUrl, body: &serde_json::Value) -> Self {
        Self { signer, url, body: body.to_string().into(), delay: Duration::ZERO }
    }

    /// Waits so long before the first attempt.
    pub(crate) const fn delay_ms(&mut self, milliseconds: u64) {
        self.delay = Duration::from_millis(milliseconds);
    }

    /// Whose callback it is.
    pub(crate) fn merchant(&self) -> &str {
        &self.signer.name
    }
}

/// What a receiver answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    /// The HTTP status; 0 if there was none.
    pub(crate) status: u16,
    is_taken: bool,
}

/// Sends callbacks; clones share the limits.
#[derive(Clone)]
pub(crate) struct Courier {
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    pending: Arc<Semaphore>,
    sending: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl Courier {
    /// A courier that gives up waiting once `stopping` turns true.
    pub(crate) fn try_new(clock: Arc<dyn Clock>, stopping: watch::Receiver<bool>) -> Result<Self, GatewayError> {
        let (pending, sending) = (Arc::new(Semaphore::new(PENDING_MAX)), Arc::new(Semaphore::new(SENDING_MAX)));
        Ok(Self { client: client()?, clock, pending, sending, stopping })
    }

    /// Sends callbacks in the background: the first attempts in the given order, retries each on its own.
    pub(crate) fn send(&self, callbacks: Vec<Callback>) {
        let count = u32::try_from(callbacks.len()).unwrap_or(u32::MAX);
        let Ok(mut permits) = Arc::clone(&self.pending).try_acquire_many_owned(count) else {
            warn!("too many callbacks wait, {count} dropped");
            return;
        };
        let courier = self.clone();
        tokio::spawn(async move {
            for callback in callbacks {
                let permit = permits.split(1);
                if !courier.attempt(&callback).await.is_taken {
                    let courier = courier.clone();
                    tokio::spawn(async move {
                        courier.retry(&callback).await;
                        drop(permit);
                    });
                }
            }
        });
    }

    /// Sends a callback once, after its delay, and says what was answered.
    pub(crate) async fn attempt(&self, callback: &Callback) -> Answer {
        self.pause(callback.delay).await;
        let Ok(_permit) = self.sending.acquire().await else { return Answer { status: 0, is_taken: false } };
        match self.post(callback).await {
            Ok(answer) => answer,
            Err(error) => {
                debug!(merchant = callback.merchant(), "a callback found no receiver: {}", error.without_url());
                Answer { status: 0, is_taken: false }
            }
        }
    }

    async fn retry(&self, callback: &Callback) {
        for seconds in RETRY_AFTER_S {
            self.pause(Duration::from_secs(seconds)).await;
            if *self.stopping.borrow() || self.attempt(callback).await.is_taken {
                return;
            }
        }
        warn!(merchant = callback.merchant(), "nobody took a callback, it is dropped");
    }

    async fn post(&self, callback: &Callback) -> Result<Answer, reqwest::Error> {
        let (timestamp, nonce) = (self.clock.now().timestamp(), Uuid::now_v7().simple().to_string());
        let (url, body) = (callback.url.url(), callback.body.as_bytes());
        let secret = callback.signer.secret.bytes();
        let signature = sign::signature(secret, timestamp, &nonce, "POST", url.path(), body);
        let request = self.client.post(url.clone()).header(CONTENT_TYPE, "application/json");
        let request = request.header(sign::MERCHANT_HEADER, callback.merchant());
        let request = request.header(sign::TIMESTAMP_HEADER, timestamp).header(sign::NONCE_HEADER, nonce);
        let request = request.header(sign::SIGNATURE_HEADER, signature).body(callback.body.to_string());
        let mut response = request.send().await?;
        let status = response.status().as_u16();
        let mut text = Vec::new();
        while text.len() <= ANSWER_BYTES_MAX
            && let Some(chunk) = response.chunk().await?
        {
            text.extend_from_slice(&chunk);
        }
        Ok(Answer { status, is_taken: status == 200 && text.trim_ascii() == b"ok" })
    }

    /// Waits, at most until the service stops.
    async fn pause(&self, length: Duration) {
        if !length.is_zero() {
            let mut stopping = self.stopping.clone();
            let _ = tokio::time::timeout(length, stopping.wait_for(|is_stopping| *is_stopping)).await;
        }
    }
}

fn client() -> Result<reqwest::Client, reqwest::Error> {
    // Somebody else in this process may have installed one already, and any one will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        let builder = reqwest::Client::builder().redirect(Policy::none()).timeout(ATTEMPT_TIMEOUT);
        // Shops live on this machine: a proxy of the environment would look for them elsewhere.
        builder.no_proxy().dns_resolver(Arc::new(LocalNames))
    };
    builder().build().or_else(|_| {
        // No certificate authorities on this machine: callbacks over plain http work all the same.
        let roots = rustls::RootCertStore::empty();
        let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        builder().tls_backend_preconfigured(tls).build()
    })
}

/// Names under `localhost` are this machine (RFC 6761, section 6.3), also where the system's resolver does not say so.
struct LocalNames;

impl Resolve for LocalNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str().to_owned();
            if name == "localhost" || name.ends_with(".localhost") {
                let here: Addrs = Box::new(std::iter::once(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))));
                return Ok(here);
            }
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}
