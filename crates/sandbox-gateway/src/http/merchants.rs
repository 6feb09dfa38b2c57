//! Opening a merchant: unsigned, because anybody on this machine may.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::signed::Unsigned;
use crate::book::Made;
use crate::model::{MerchantSecret, parse_merchant};
use crate::{Gateway, GatewayError};

#[derive(Deserialize)]
pub(super) struct OpenMerchant {
    merchant: String,
    secret: String,
}

/// `POST /v1/merchants`
pub(super) async fn open(
    State(gateway): State<Gateway>,
    Unsigned(body): Unsigned<OpenMerchant>,
) -> Result<Response, GatewayError> {
    let name = parse_merchant(body.merchant)?;
    let secret =
        MerchantSecret::parse(&body.secret).ok_or(GatewayError::invalid("secret", "32 bytes as 64 hex digits"))?;
    let (status, merchant) = match gateway.open_merchant(name, secret)? {
        Made::New(merchant) => (StatusCode::CREATED, merchant),
        Made::Same(merchant) => (StatusCode::OK, merchant),
    };
    Ok((status, Json(json!({ "merchant": merchant.name }))).into_response())
}
