//! Reading requests: bodies within their bound, JSON, and the signature of a merchant.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use serde::de::DeserializeOwned;

use super::BODY_BYTES_MAX;
use crate::{Gateway, GatewayError, sign};

const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A request whose signature was verified and whose nonce was taken.
pub(super) struct Signed {
    /// Who signed.
    pub(super) merchant: String,
    body: Bytes,
}

impl Signed {
    /// The body as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, GatewayError> {
        from_json(&self.body)
    }
}

impl FromRequest<Gateway> for Signed {
    type Rejection = GatewayError;

    async fn from_request(request: Request, gateway: &Gateway) -> Result<Self, GatewayError> {
        let (parts, body) = request.into_parts();
        let body = read(body).await?;
        let header = |name| header(&parts.headers, name).ok_or(GatewayError::BadSignature);
        let merchant = gateway.merchant(header(sign::MERCHANT_HEADER)?)?;
        let timestamp = header(sign::TIMESTAMP_HEADER)?.parse().map_err(|_| GatewayError::Timestamp)?;
        let nonce = header(sign::NONCE_HEADER)?;
        if !(8..=64).contains(&nonce.len()) {
            return Err(GatewayError::invalid("Sandbox-Nonce", "8 to 64 characters"));
        }
        let now = gateway.now().timestamp();
        if !sign::is_fresh(timestamp, now) {
            return Err(GatewayError::Timestamp);
        }
        let (method, path, given) = (parts.method.as_str(), parts.uri.path(), header(sign::SIGNATURE_HEADER)?);
        if !sign::verify(merchant.secret.bytes(), timestamp, nonce, method, path, &body, given, now) {
            return Err(GatewayError::BadSignature);
        }
        // Only a message that is genuine may use a nonce up.
        gateway.take_nonce(&merchant.name, nonce)?;
        Ok(Self { merchant: merchant.name, body })
    }
}

/// An unsigned JSON body; no body at all stands for `{}`.
pub(super) struct Unsigned<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Gateway> for Unsigned<T> {
    type Rejection = GatewayError;

    async fn from_request(request: Request, _: &Gateway) -> Result<Self, GatewayError> {
        let body = read(request.into_body()).await?;
        let text = if body.is_empty() { b"{}" } else { body.as_ref() };
        from_json(text).map(Self)
    }
}

async fn read(body: Body) -> Result<Bytes, GatewayError> {
    let too_much = GatewayError::invalid("body", "at most 64 KiB");
    let in_time = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY_BYTES_MAX)).await;
    in_time.map_err(|_| GatewayError::invalid("body", "must arrive within 10 s"))?.map_err(|_| too_much)
}

fn from_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, GatewayError> {
    serde_json::from_slice(text).map_err(|error| {
        tracing::debug!("a body cannot be read: {error}");
        GatewayError::invalid("body", "not the JSON object that this end-point reads")
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
