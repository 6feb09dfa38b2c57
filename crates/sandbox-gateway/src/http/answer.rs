//! What leaves: refusals, trades and refunds as JSON.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use kernel::{Coded, Currency, FaultKind};
use serde::Serialize;
use serde_json::json;

use crate::GatewayError;
use crate::model::{Refund, RefundStatus, Trade, TradeStatus, moment};

impl IntoResponse for GatewayError {
    fn into_response(self) -> Response {
        let status = match self.kind() {
            FaultKind::Invalid => StatusCode::BAD_REQUEST,
            FaultKind::Unauthenticated => StatusCode::UNAUTHORIZED,
            FaultKind::Forbidden => StatusCode::FORBIDDEN,
            FaultKind::NotFound => StatusCode::NOT_FOUND,
            FaultKind::Conflict | FaultKind::Refused => StatusCode::CONFLICT,
            FaultKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
            FaultKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
            FaultKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(error = %self, "the sandbox gateway cannot answer: {self}");
        }
        let body = json!({ "error": { "code": self.code(), "message": self.to_string() } });
        (status, Json(body)).into_response()
    }
}

/// A trade as it is told to its merchant.
#[derive(Serialize)]
pub(super) struct TradeView {
    out_no: String,
    trade_no: String,
    status: TradeStatus,
    payee: String,
    amount: String,
    paid_amount: String,
    currency: Currency,
    paid_at: Option<String>,
    refunded_amount: String,
}

impl TradeView {
    pub(super) fn new(trade: &Trade, now: DateTime<Utc>) -> Self {
        Self {
            out_no: trade.request.out_no.clone(),
            trade_no: trade.trade_no.clone(),
            status: trade.status(now),
            payee: trade.payee().to_owned(),
            amount: trade.request.amount.to_string(),
            paid_amount: trade.paid_amount().to_string(),
            currency: trade.request.currency,
            paid_at: trade.paid_at().map(moment),
            refunded_amount: trade.refunded.to_string(),
        }
    }
}

/// A refund as it is told to its merchant.
#[derive(Serialize)]
pub(super) struct RefundView {
    refund_no: String,
    out_no: String,
    status: RefundStatus,
    amount: String,
}

impl From<Refund> for RefundView {
    fn from(refund: Refund) -> Self {
        let request = refund.request;
        Self {
            refund_no: request.refund_no,
            out_no: request.out_no,
            status: refund.status,
            amount: request.amount.to_string(),
        }
    }
}
