//! Control: unsigned, only for tests and demos. Pays like a buyer, lies in callbacks, plans how calls go wrong.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{RefundView, TradeView};
use super::signed::Unsigned;
use crate::book::{Payment, Timing};
use crate::event::Lies;
use crate::gateway::{Notice, Signer};
use crate::model::{Amount, RefundStatus};
use crate::plans::{PlanRequest, check_copies, check_delay};
use crate::{Gateway, GatewayError};

const LISTED_MAX: usize = 200;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PayTrade {
    merchant: Option<String>,
    amount: Option<String>,
    payee: Option<String>,
    late: bool,
    notify: Option<bool>,
    times: Option<u32>,
}

/// `POST /control/trades/{out_no}/pay`
pub(super) async fn pay(
    State(gateway): State<Gateway>,
    Path(out_no): Path<String>,
    Unsigned(body): Unsigned<PayTrade>,
) -> Result<Json<TradeView>, GatewayError> {
    let amount = body.amount.as_deref().map(Amount::parse_positive).transpose()?;
    let timing = if body.late { Timing::Late } else { Timing::InTime };
    let copies = check_copies(body.times)?;
    let notice = if body.notify == Some(false) { Notice::Silent } else { Notice::Copies(copies) };
    let key = gateway.find_trade(&out_no, body.merchant.as_deref())?.key();
    let trade = gateway.pay(&key, Payment { amount, payee: body.payee, timing }, notice)?;
    Ok(Json(TradeView::new(&trade, gateway.now())))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NotifyTrade {
    merchant: Option<String>,
    times: Option<u32>,
    delay_ms: u64,
    forge: bool,
    amount: Option<String>,
    payee: Option<String>,
    trade_no: Option<String>,
    event_id: Option<String>,
    wait: bool,
}

/// `POST /control/trades/{out_no}/notify`: each copy is sent once, whatever the plans say.
pub(super) async fn notify(
    State(gateway): State<Gateway>,
    Path(out_no): Path<String>,
    Unsigned(body): Unsigned<NotifyTrade>,
) -> Result<Response, GatewayError> {
    let amount = body.amount.as_deref().map(Amount::parse_positive).transpose()?;
    let copies = check_copies(body.times)?;
    check_delay("delay_ms", body.delay_ms)?;
    let trade = gateway.find_trade(&out_no, body.merchant.as_deref())?;
    let lies = Lies { amount, payee: body.payee, trade_no: body.trade_no, event_id: body.event_id };
    let signer = if body.forge { Signer::Forger } else { Signer::Merchant };
    let mut callback = gateway.trade_callback(&trade, lies, signer)?;
    callback.delay_ms(body.delay_ms);
    let sent: Vec<_> = (0..copies)
        .map(|_| {
            let (courier, callback) = (gateway.courier().clone(), callback.clone());
            tokio::spawn(async move { courier.attempt(&callback).await.status })
        })
        .collect();
    if !body.wait {
        return Ok((StatusCode::ACCEPTED, Json(json!({ "sent": copies }))).into_response());
    }
    let mut statuses = Vec::with_capacity(sent.len());
    for attempt in sent {
        statuses.push(attempt.await.unwrap_or(0));
    }
    Ok(Json(json!({ "statuses": statuses })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SettleRefund {
    merchant: Option<String>,
    status: Outcome,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Done,
    Failed,
}

/// `POST /control/refunds/{refund_no}/settle`
pub(super) async fn settle(
    State(gateway): State<Gateway>,
    Path(refund_no): Path<String>,
    Unsigned(body): Unsigned<SettleRefund>,
) -> Result<Json<RefundView>, GatewayError> {
    let status = match body.status {
        Outcome::Done => RefundStatus::Done,
        Outcome::Failed => RefundStatus::Failed,
    };
    let key = gateway.find_refund(&refund_no, body.merchant.as_deref())?.key();
    Ok(Json(gateway.settle(&key, status)?.into()))
}

/// `POST /control/plans`
pub(super) async fn plan(
    State(gateway): State<Gateway>,
    Unsigned(body): Unsigned<PlanRequest>,
) -> Result<StatusCode, GatewayError> {
    gateway.add_plan(body)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /control/reset`
pub(super) async fn reset(State(gateway): State<Gateway>) -> StatusCode {
    gateway.reset_plans();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
pub(super) struct ListTrades {
    merchant: Option<String>,
}

/// `GET /control/trades`: the newest 200.
pub(super) async fn list(State(gateway): State<Gateway>, Query(query): Query<ListTrades>) -> Json<Value> {
    let (trades, now) = (gateway.newest_trades(query.merchant.as_deref(), LISTED_MAX), gateway.now());
    let trades: Vec<_> = trades
        .iter()
        .map(|trade| json!({ "merchant": trade.merchant, "trade": TradeView::new(trade, now), "pay_url": gateway.pay_url(trade) }))
        .collect();
    Json(json!({ "trades": trades }))
}
