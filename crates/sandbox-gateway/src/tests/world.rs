//! A sandbox on a port of its own and a shop beside it that verifies what it hears.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use chrono::{DateTime, TimeDelta, Utc};
use kernel::FakeClock;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::{Gateway, GatewaySettings, serve, sign};

pub(super) const OUT_NO: &str = "01JD0000000000000000000001";
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn clock_start() -> DateTime<Utc> {
    "2026-11-22T02:00:00Z".parse().unwrap()
}

pub(super) fn clock() -> FakeClock {
    FakeClock::at(clock_start())
}

/// A sandbox without journal and a shop that is its merchant.
pub(super) async fn open() -> (Sandbox, Shop) {
    open_at(clock()).await
}

pub(super) async fn open_at(clock: FakeClock) -> (Sandbox, Shop) {
    let (sandbox, shop) = (Sandbox::start(GatewaySettings::default(), clock).await, Shop::open().await);
    shop.register(&sandbox).await;
    (sandbox, shop)
}

fn client(timeout: Duration) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls =
        rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    let builder = reqwest::Client::builder().tls_backend_preconfigured(tls).redirect(Policy::none());
    builder.timeout(timeout).no_proxy().build().unwrap()
}

/// What came back.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) location: String,
    pub(super) text: String,
    /// Null if the text is not JSON.
    pub(super) body: Value,
}

impl Reply {
    #[track_caller]
    pub(super) fn is_refused(&self, status: StatusCode, code: &str) {
        assert_eq!((self.status, &self.body["error"]["code"]), (status, &json!(code)), "{}", self.text);
    }
}

async fn send(request: reqwest::RequestBuilder) -> reqwest::Result<Reply> {
    let response = request.send().await?;
    let status = StatusCode::from_u16(response.status().as_u16()).unwrap();
    let location = response.headers().get("location").map_or("", |value| value.to_str().unwrap()).to_owned();
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Reply { status, location, text, body })
}

/// The service under test, over real HTTP.
pub(super) struct Sandbox {
    url: String,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Sandbox {
    pub(super) async fn start(settings: GatewaySettings, clock: FakeClock) -> Self {
        let gateway = Gateway::open_at(settings, Arc::new(clock)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        Self { url, stop, served: tokio::spawn(serve(listener, gateway, stopped)) }
    }

    pub(super) async fn stop(self) {
        let _ = self.stop.send(());
        self.served.await.unwrap().unwrap();
    }

    /// Reads a path or a whole address.
    pub(super) async fn get(&self, path: &str) -> Reply {
        send(client(PATIENCE).get(self.address(path))).await.unwrap()
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Reply {
        send(client(PATIENCE).post(self.address(path)).body(body.to_string())).await.unwrap()
    }

    #[track_caller]
    pub(super) fn control(&self, path: &str, body: Value) -> impl Future<Output = Reply> {
        let path = format!("/control/{path}");
        async move {
            let reply = self.post(&path, body).await;
            assert!(reply.status.is_success(), "{path}: {}", reply.text);
            reply
        }
    }

    fn address(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) }
    }
}

/// A callback as the shop heard it.
pub(super) struct Heard {
    pub(super) body: Value,
    pub(super) nonce: String,
    pub(super) is_genuine: bool,
}

#[derive(Clone)]
struct Ear {
    secret: [u8; 32],
    heard: mpsc::UnboundedSender<Heard>,
    refusals_left: Arc<AtomicU32>,
}

async fn listen(State(ear): State<Ear>, headers: HeaderMap, body: Bytes) -> (StatusCode, &'static str) {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let (nonce, timestamp) = (header(sign::NONCE_HEADER), header(sign::TIMESTAMP_HEADER).parse().unwrap());
    let (given, now) = (header(sign::SIGNATURE_HEADER), clock_start().timestamp() + 60);
    let is_genuine = sign::verify(&ear.secret, timestamp, &nonce, "POST", "/notify", &body, &given, now);
    let _ = ear.heard.send(Heard { body: serde_json::from_slice(&body).unwrap(), nonce, is_genuine });
    let take_one = |left: u32| left.checked_sub(1);
    match ear.refusals_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take_one) {
        Ok(_) => (StatusCode::OK, "not now"),
        Err(_) if is_genuine => (StatusCode::OK, "ok"),
        Err(_) => (StatusCode::UNAUTHORIZED, "forged"),
    }
}

/// A merchant that signs its calls and verifies its callbacks.
pub(super) struct Shop {
    pub(super) url: String,
    name: String,
    secret: [u8; 32],
    heard: mpsc::UnboundedReceiver<Heard>,
    refusals_left: Arc<AtomicU32>,
}

impl Shop {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, heard) = mpsc::unbounded_channel();
        let refusals_left = Arc::new(AtomicU32::new(0));
        let ear = Ear { secret: [7; 32], heard: sender, refusals_left: Arc::clone(&refusals_left) };
        let router = Router::new().route("/notify", post(listen)).with_state(ear);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, name: "shop".into(), secret: [7; 32], heard, refusals_left }
    }

    /// The same shop under another name.
    pub(super) fn named(&self, name: &str) -> Self {
        Self { name: name.into(), ..self.with_secret(7) }
    }

    /// The same shop with another secret.
    pub(super) fn with_secret(&self, byte: u8) -> Self {
        let (url, refusals_left) = (self.url.clone(), Arc::clone(&self.refusals_left));
        Self { url, name: self.name.clone(), secret: [byte; 32], heard: mpsc::unbounded_channel().1, refusals_left }
    }

    pub(super) async fn register(&self, sandbox: &Sandbox) {
        let body = json!({ "merchant": self.name, "secret": kernel::hex(&self.secret) });
        assert_eq!(sandbox.post("/v1/merchants", body.clone()).await.status, StatusCode::CREATED);
        assert_eq!(sandbox.post("/v1/merchants", body).await.status, StatusCode::OK);
    }

    /// The next callbacks are not taken.
    pub(super) fn refuse_next(&self, count: u32) {
        self.refusals_left.store(count, Ordering::SeqCst);
    }

    /// The next callback that arrives.
    pub(super) async fn hear(&mut self) -> Heard {
        tokio::time::timeout(PATIENCE, self.heard.recv()).await.expect("a callback arrives").unwrap()
    }

    /// A request for 12.50 that expires after a quarter of an hour.
    pub(super) fn trade(&self, out_no: &str) -> Value {
        json!({
            "out_no": out_no,
            "amount": "12.50",
            "currency": "CNY",
            "subject": "Card 12",
            "notify_url": format!("{}/notify", self.url),
            "return_url": format!("{}/back?from=cashier", self.url),
            "expires_at": (clock_start() + TimeDelta::minutes(15)).to_rfc3339(),
        })
    }

    pub(super) async fn create(&self, sandbox: &Sandbox, out_no: &str) -> Value {
        let created = self.post(sandbox, "/v1/trades", self.trade(out_no)).await;
        assert!(created.status.is_success(), "{}", created.text);
        created.body
    }

    pub(super) async fn get(&self, sandbox: &Sandbox, path: &str) -> Reply {
        let nonce = Uuid::now_v7().to_string();
        self.get_signed(sandbox, path, clock_start().timestamp(), &nonce).await
    }

    pub(super) async fn get_signed(&self, sandbox: &Sandbox, path: &str, timestamp: i64, nonce: &str) -> Reply {
        let request = client(PATIENCE).get(sandbox.address(path));
        send(self.signed(request, "GET", path, "", timestamp, nonce)).await.unwrap()
    }

    pub(super) async fn post(&self, sandbox: &Sandbox, path: &str, body: Value) -> Reply {
        self.post_within(sandbox, path, body, PATIENCE).await.unwrap()
    }

    /// Gives up soon: for calls that never answer.
    pub(super) async fn post_impatiently(&self, sandbox: &Sandbox, path: &str, body: Value) -> Option<Reply> {
        self.post_within(sandbox, path, body, Duration::from_millis(700)).await.ok()
    }

    async fn post_within(
        &self,
        sandbox: &Sandbox,
        path: &str,
        body: Value,
        timeout: Duration,
    ) -> reqwest::Result<Reply> {
        let (body, nonce) = (body.to_string(), Uuid::now_v7().to_string());
        let request = client(timeout).post(sandbox.address(path)).body(body.clone());
        send(self.signed(request, "POST", path, &body, clock_start().timestamp(), &nonce)).await
    }

    fn signed(
        &self,
        request: reqwest::RequestBuilder,
        method: &str,
        path: &str,
        body: &str,
        timestamp: i64,
        nonce: &str,
    ) -> reqwest::RequestBuilder {
        let signature = sign::signature(&self.secret, timestamp, nonce, method, path, body.as_bytes());
        request
            .header(sign::MERCHANT_HEADER, &self.name)
            .header(sign::TIMESTAMP_HEADER, timestamp)
            .header(sign::NONCE_HEADER, nonce)
            .header(sign::SIGNATURE_HEADER, signature)
    }
}
