//! Trades: created, read and closed by their merchant.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use kernel::clock::whole_micros;
use serde::Deserialize;
use serde_json::json;

use super::answer::TradeView;
use super::signed::Signed;
use crate::book::Made;
use crate::model::{Amount, Key, TradeRequest, parse_currency, parse_line, parse_out_no, parse_url};
use crate::plans::Call;
use crate::{Gateway, GatewayError};

#[derive(Deserialize)]
struct CreateTrade {
    out_no: String,
    amount: String,
    currency: String,
    subject: String,
    notify_url: String,
    return_url: String,
    expires_at: DateTime<Utc>,
}

impl TryFrom<CreateTrade> for TradeRequest {
    type Error = GatewayError;

    fn try_from(body: CreateTrade) -> Result<Self, GatewayError> {
        Ok(Self {
            out_no: parse_out_no(body.out_no)?,
            amount: Amount::parse_positive(&body.amount)?,
            currency: parse_currency(&body.currency)?,
            subject: parse_line("subject", body.subject)?,
            notify_url: parse_url("notify_url", &body.notify_url)?,
            return_url: parse_url("return_url", &body.return_url)?,
            expires_at: whole_micros(body.expires_at),
        })
    }
}

/// `POST /v1/trades`
pub(super) async fn create(State(gateway): State<Gateway>, signed: Signed) -> Result<Response, GatewayError> {
    let request: TradeRequest = signed.json::<CreateTrade>()?.try_into()?;
    let made = gateway.run(&signed.merchant, Call::Create, || gateway.create(&signed.merchant, request)).await?;
    let (status, trade) = match made {
        Made::New(trade) => (StatusCode::CREATED, trade),
        Made::Same(trade) => (StatusCode::OK, trade),
    };
    let body = json!({
        "trade_no": trade.trade_no,
        "out_no": trade.request.out_no,
        "pay_url": gateway.pay_url(&trade),
        "status": trade.status(gateway.now()),
    });
    Ok((status, Json(body)).into_response())
}

/// `GET /v1/trades/{out_no}`
pub(super) async fn read(
    State(gateway): State<Gateway>,
    Path(out_no): Path<String>,
    signed: Signed,
) -> Result<Json<TradeView>, GatewayError> {
    let trade = gateway.trade(&Key::new(&signed.merchant, &out_no))?;
    Ok(Json(TradeView::new(&trade, gateway.now())))
}

/// `POST /v1/trades/{out_no}/close`
pub(super) async fn close(
    State(gateway): State<Gateway>,
    Path(out_no): Path<String>,
    signed: Signed,
) -> Result<Json<TradeView>, GatewayError> {
    let key = Key::new(&signed.merchant, &out_no);
    let trade = gateway.run(&signed.merchant, Call::Close, || gateway.close(&key)).await?;
    Ok(Json(TradeView::new(&trade, gateway.now())))
}
