//! Conversations over HTTP: signed, bounded, and told apart by what they mean for money.

use std::sync::Arc;
use std::time::Duration;

use kernel::Clock;
use payment::{ChannelAccess, GatewayError};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::sign::{self, Message};
use super::wire::Failure;

const TIMEOUT: Duration = Duration::from_secs(8);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Why an adapter cannot work at all.
#[derive(Debug)]
pub struct AdapterError(reqwest::Error);

impl std::fmt::Display for AdapterError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the HTTP client of a payment adapter cannot be built")
    }
}

impl std::error::Error for AdapterError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base_url: Option<Url>,
    clock: Arc<dyn Clock>,
}

impl Client {
    pub fn try_new(base_url: Option<Url>, clock: Arc<dyn Clock>) -> Result<Self, AdapterError> {
        // Another part of the program may have installed it before; one is enough.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Without certificates of its own a machine could build no client, though the sandbox needs none.
        let tls = rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .map_err(AdapterError)?;
        Ok(Self { http, base_url, clock })
    }

    pub async fn get<T: DeserializeOwned>(&self, access: &ChannelAccess, path: &str) -> Result<T, GatewayError> {
        self.ask(access, (Method::GET, path), Vec::new()).await
    }

    pub async fn post<T: DeserializeOwned>(
        &self,
        access: &ChannelAccess,
        path: &str,
        body: &Value,
    ) -> Result<T, GatewayError> {
        self.ask(access, (Method::POST, path), body.to_string().into_bytes()).await
    }

    /// Asks; a gateway that does not know the merchant is told of it and asked once more, for it has not looked at the
    /// question.
    async fn ask<T: DeserializeOwned>(
        &self,
        access: &ChannelAccess,
        (method, path): (Method, &str),
        body: Vec<u8>,
    ) -> Result<T, GatewayError> {
        let told = self.send(access, (method.clone(), path), body.clone()).await;
        let answer = match told {
            Err(GatewayError::Refused { code, .. }) if code == "unknown_merchant" => {
                self.open_merchant(access).await?;
                self.send(access, (method, path), body).await?
            }
            other => other?,
        };
        serde_json::from_slice(&answer)
            .map_err(|error| GatewayError::Unknown(format!("the answer cannot be read ({:?} error)", error.classify())))
    }

    async fn open_merchant(&self, access: &ChannelAccess) -> Result<(), GatewayError> {
        let body = json!({ "merchant": access.channel.payee, "secret": access.secret.expose() }).to_string();
        let request = self.http.post(self.address(access, "/v1/merchants")?).header("content-type", "application/json");
        // Whatever goes wrong here, the question that it was done for was not looked at.
        match answer(request.body(body).send().await).await {
            Err(GatewayError::Unknown(reason)) => Err(GatewayError::NotSent(reason)),
            other => other.map(|_| ()),
        }
    }

    async fn send(
        &self,
        access: &ChannelAccess,
        (method, path): (Method, &str),
        body: Vec<u8>,
    ) -> Result<Vec<u8>, GatewayError> {
        let key = sign::key(access)
            .ok_or_else(|| GatewayError::NotSent("the channel's secret is not 32 bytes in hex".to_owned()))?;
        let (timestamp, nonce) = (self.clock.now().timestamp(), Uuid::now_v7().simple().to_string());
        let message = Message { method: method.as_str(), path, timestamp, nonce: &nonce, body: &body };
        let signature = message.signature(&key);
        let request = self
            .http
            .request(method, self.address(access, path)?)
            .header(sign::MERCHANT, &access.channel.payee)
            .header(sign::TIMESTAMP, timestamp)
            .header(sign::NONCE, nonce)
            .header(sign::SIGNATURE, signature)
            .header("content-type", "application/json");
        answer(request.body(body).send().await).await
    }

    /// The channel's own address, or the one that all of them have.
    fn address(&self, access: &ChannelAccess, path: &str) -> Result<Url, GatewayError> {
        let own = access.channel.settings.get("base_url").and_then(Value::as_str);
        let base = match own {
            Some(text) => Url::parse(text).ok(),
            None => self.base_url.clone(),
        };
        let base = base.filter(|url| matches!(url.scheme(), "http" | "https"));
        base.and_then(|base| base.join(path).ok())
            .ok_or_else(|| GatewayError::NotSent("no address of the sandbox gateway is set".to_owned()))
    }
}

/// The body of a good answer; anything else, by what it says of what was done.
async fn answer(sent: Result<Response, reqwest::Error>) -> Result<Vec<u8>, GatewayError> {
    let mut response = match sent {
        Ok(response) => response,
        Err(error) if error.is_connect() || error.is_builder() => {
            return Err(GatewayError::NotSent(error.without_url().to_string()));
        }
        Err(error) => return Err(GatewayError::Unknown(error.without_url().to_string())),
    };
    let status = response.status();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_BYTES_MAX => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(GatewayError::Unknown("the answer is too long".to_owned())),
            Ok(None) => break,
            Err(error) => return Err(GatewayError::Unknown(error.without_url().to_string())),
        }
    }
    match status {
        StatusCode::OK | StatusCode::CREATED => Ok(body),
        // Only a refusal in the protocol's own words says that nothing was done.
        status if status.is_client_error() => match serde_json::from_slice::<Failure>(&body) {
            Ok(failure) => Err(GatewayError::Refused { code: failure.error.code, message: failure.error.message }),
            Err(_) => Err(GatewayError::Unknown(format!("answered with status {status}"))),
        },
        status => Err(GatewayError::Unknown(format!("answered with status {status}"))),
    }
}
