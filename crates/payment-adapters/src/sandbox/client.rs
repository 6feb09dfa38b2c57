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
use super::wire::{Failure, FailureDetail};

const TIMEOUT: Duration = Duration::from_secs(8);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// A bill of the most lines that are compared.
const TEXT_BYTES_MAX: usize = 32 * 1024 * 1024;
const UNKNOWN_MERCHANT: &str = "unknown_merchant";
/// Refusals of what was asked: they stay, however often it is asked.
const FINAL: [&str; 14] = [
    "validation",
    UNKNOWN_MERCHANT,
    "trade_not_found",
    "refund_not_found",
    "merchant_taken",
    "out_no_used",
    "ambiguous",
    "already_paid",
    "trade_closed",
    "not_paid",
    "refund_no_used",
    "refund_too_large",
    "refund_settled",
    "refused",
];
/// Refusals of how it was asked: nobody looked at what was asked.
const UNHEARD: [&str; 5] = ["bad_signature", "timestamp", "nonce_reused", "no_such_endpoint", "full"];

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

    /// Asks for a text that may be long.
    pub async fn get_text(&self, access: &ChannelAccess, path: &str) -> Result<String, GatewayError> {
        let answer = self.ask_bytes(access, (Method::GET, path), Vec::new(), TEXT_BYTES_MAX).await?;
        String::from_utf8(answer).map_err(|_| GatewayError::Unknown("the answer is no text".to_owned()))
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
        let answer = self.ask_bytes(access, (method, path), body, ANSWER_BYTES_MAX).await?;
        serde_json::from_slice(&answer)
            .map_err(|error| GatewayError::Unknown(format!("the answer cannot be read ({:?} error)", error.classify())))
    }

    /// The body of a good answer, which has so many bytes at most.
    async fn ask_bytes(
        &self,
        access: &ChannelAccess,
        (method, path): (Method, &str),
        body: Vec<u8>,
        most: usize,
    ) -> Result<Vec<u8>, GatewayError> {
        let told = self.send(access, (method.clone(), path), body.clone(), most).await;
        match told {
            Err(GatewayError::Refused { code, .. }) if code == UNKNOWN_MERCHANT => {
                self.open_merchant(access).await?;
                match self.send(access, (method, path), body, most).await {
                    Err(GatewayError::Refused { code, message }) if code == UNKNOWN_MERCHANT => {
                        Err(GatewayError::NotSent(format!("{code}: {message}")))
                    }
                    other => other,
                }
            }
            other => other,
        }
    }

    async fn open_merchant(&self, access: &ChannelAccess) -> Result<(), GatewayError> {
        let body = json!({ "merchant": access.channel.payee, "secret": access.secret.expose() }).to_string();
        let request = self.http.post(self.address(access, "/v1/merchants")?).header("content-type", "application/json");
        // Whatever goes wrong here, the question that it was done for was not looked at.
        let opened = answer(request.body(body).send().await, ANSWER_BYTES_MAX).await;
        opened.map(|_| ()).map_err(|error| GatewayError::NotSent(error.to_string()))
    }

    async fn send(
        &self,
        access: &ChannelAccess,
        (method, path): (Method, &str),
        body: Vec<u8>,
        most: usize,
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
        answer(request.body(body).send().await, most).await
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
async fn answer(sent: Result<Response, reqwest::Error>, most: usize) -> Result<Vec<u8>, GatewayError> {
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
            Ok(Some(chunk)) if body.len() + chunk.len() <= most => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(GatewayError::Unknown("the answer is too long".to_owned())),
            Ok(None) => break,
            Err(error) => return Err(GatewayError::Unknown(error.without_url().to_string())),
        }
    }
    told(status, body)
}

/// What an answer says of what was done.
fn told(status: StatusCode, body: Vec<u8>) -> Result<Vec<u8>, GatewayError> {
    match status {
        StatusCode::OK | StatusCode::CREATED => Ok(body),
        // Only a refusal in the protocol's own words says that nothing was done.
        status => match serde_json::from_slice::<Failure>(&body) {
            Ok(failure) => Err(refusal(status, failure.error)),
            Err(_) => Err(GatewayError::Unknown(format!("answered with status {status}"))),
        },
    }
}

/// What a refusal means for money: only one of what was asked is final.
fn refusal(status: StatusCode, FailureDetail { code, message }: FailureDetail) -> GatewayError {
    let is_said = |codes: &[&str]| codes.contains(&code.as_str());
    if status == StatusCode::TOO_MANY_REQUESTS || is_said(&UNHEARD) {
        GatewayError::NotSent(format!("{code}: {message}"))
    } else if status.is_client_error() && is_said(&FINAL) {
        GatewayError::Refused { code, message }
    } else {
        GatewayError::Unknown(format!("answered with status {status} ({code})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, code: &str) -> GatewayError {
        let body = json!({ "error": { "code": code, "message": "no" } }).to_string().into_bytes();
        told(StatusCode::from_u16(status).expect("a status"), body).expect_err("a refusal")
    }

    #[test]
    fn only_a_refusal_of_what_was_asked_is_final() {
        for code in ["refund_too_large", "trade_not_found", "refused"] {
            assert!(matches!(said(409, code), GatewayError::Refused { .. }), "{code}");
        }
        for (status, code) in
            [(401, "bad_signature"), (401, "timestamp"), (401, "nonce_reused"), (429, "rate"), (503, "full")]
        {
            assert!(matches!(said(status, code), GatewayError::NotSent(_)), "{status} {code}");
        }
        for (status, code) in [(503, "no_answer"), (500, "refused"), (409, "a_new_word")] {
            assert!(matches!(said(status, code), GatewayError::Unknown(_)), "{status} {code}");
        }
    }
}
