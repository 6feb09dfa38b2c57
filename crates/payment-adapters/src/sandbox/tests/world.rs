//! A sandbox gateway on a port of its own, and channels that go to it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Currency, FakeClock, Money, Secret, SiteId, Wording};
use payment::{Channel, ChannelAccess, ChannelId, ChannelState, NewTrade, OutNo};
use sandbox_gateway::{Gateway, GatewaySettings, serve};
use serde_json::Value;
use tokio::net::TcpListener;
use url::Url;

use crate::SandboxGateway;

pub fn start() -> DateTime<Utc> {
    "2026-11-21T08:00:00Z".parse().expect("a moment")
}

pub fn cents(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

pub fn adapter(base: Option<&Url>, clock: FakeClock) -> SandboxGateway {
    SandboxGateway::try_new(base.cloned(), Arc::new(clock)).expect("a client")
}

pub fn access(payee: &str, secret: &str) -> ChannelAccess {
    let channel = Channel {
        id: ChannelId::new(),
        site: SiteId::new(),
        is_main: true,
        provider: "sandbox".to_owned(),
        name: Wording::new("沙箱", "Sandbox"),
        payee: payee.to_owned(),
        currency: Currency::CNY,
        settings: serde_json::json!({}),
        state: ChannelState::Active,
        sort: 0,
    };
    ChannelAccess { channel, secret: Secret::new(secret.to_owned()) }
}

pub fn trade(minor: i64) -> NewTrade {
    NewTrade {
        out_no: OutNo::new(),
        amount: cents(minor),
        subject: "订单 Order".to_owned(),
        notify_url: "http://127.0.0.1:9/pay/notify".to_owned(),
        return_url: "http://shop.localhost/back".to_owned(),
        expires_at: start() + TimeDelta::minutes(15),
    }
}

/// A running sandbox; it ends with the test.
pub struct Sandbox {
    pub url: Url,
    http: reqwest::Client,
}

impl Sandbox {
    pub async fn start(clock: &FakeClock) -> Self {
        let gateway = Gateway::open_at(GatewaySettings::default(), Arc::new(clock.clone())).expect("a gateway");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
        tokio::spawn(serve(listener, gateway, std::future::pending::<()>()));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy();
        let http = http.timeout(Duration::from_secs(20)).build().expect("a client");
        Self { url, http }
    }

    /// Makes the sandbox do something; answers what it says.
    pub async fn control(&self, path: &str, body: Value) -> Value {
        let url = self.url.join(&format!("/control/{path}")).expect("an address");
        let response = self.http.post(url).json(&body).send().await.expect("an answer");
        let (status, text) = (response.status(), response.text().await.expect("a text"));
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }
}
