//! What callbacks say.
//!
//! The id of an event follows from the fact, so that every copy and every retry of one fact carries the same id.

use serde_json::{Value, json};

use crate::model::{Amount, Refund, Trade, moment};

/// What a lying callback says instead of the truth.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Lies {
    pub(crate) amount: Option<Amount>,
    pub(crate) payee: Option<String>,
    pub(crate) trade_no: Option<String>,
    pub(crate) event_id: Option<String>,
}

/// `trade.paid`. A trade that is not paid is said to be, as of the moment `now`: only control calls lie so.
pub(crate) fn trade_paid(trade: &Trade, lies: Lies, now: chrono::DateTime<chrono::Utc>) -> Value {
    let true_amount = if trade.paid_at().is_some() { trade.paid_amount() } else { trade.request.amount };
    json!({
        "event_id": lies.event_id.unwrap_or_else(|| format!("paid-{}", trade.trade_no)),
        "event": "trade.paid",
        "out_no": trade.request.out_no,
        "trade_no": lies.trade_no.unwrap_or_else(|| trade.trade_no.clone()),
        "payee": lies.payee.unwrap_or_else(|| trade.payee().to_owned()),
        "amount": lies.amount.unwrap_or(true_amount).to_string(),
        "currency": trade.request.currency,
        "paid_at": moment(trade.paid_at().unwrap_or(now)),
    })
}

/// `refund.done`; `amount` is what was given back.
pub(crate) fn refund_done(trade: &Trade, refund: &Refund) -> Value {
    json!({
        "event_id": format!("refund-{}-{}", trade.trade_no, refund.request.refund_no),
        "event": "refund.done",
        "out_no": trade.request.out_no,
        "trade_no": trade.trade_no,
        "refund_no": refund.request.refund_no,
        "payee": trade.payee(),
        "amount": refund.request.amount.to_string(),
        "currency": trade.request.currency,
        "refunded_at": refund.done_at().map(moment),
    })
}
