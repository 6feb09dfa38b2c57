//! What is to happen after a commit, as data.

use outbox::Job;
use serde::{Deserialize, Serialize};

use crate::model::{CallbackId, RefundId, Seen};
use crate::number::OutNo;

/// A try to pay is to be registered at its gateway. A buyer waits for it, so each has a job of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateTrade {
    /// Which try.
    pub out_no: OutNo,
}

/// The tries of one batch are to be looked after: one [`QueryTrade`] each follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchTrades {
    /// Which tries.
    pub out_nos: Vec<OutNo>,
}

/// The gateway is to be asked where a trade stands, and at its end told to close it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryTrade {
    /// Which try.
    pub out_no: OutNo,
}

/// An approved refund is to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitRefund {
    /// Which.
    pub refund: RefundId,
}

/// The gateway is to be asked what became of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryRefund {
    /// Which.
    pub refund: RefundId,
    /// The how manyeth question it is, from 0.
    pub round: u32,
}

/// Money was seen at a gateway. The room above decides what it pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoneySeen {
    /// The facts.
    pub seen: Seen,
    /// The message that told of it, if one did.
    #[serde(default)]
    pub callback: Option<CallbackId>,
}

impl Job for CreateTrade {
    const KIND: &'static str = "payment.create_trade";
}

impl Job for WatchTrades {
    const KIND: &'static str = "payment.watch_trades";
}

impl Job for QueryTrade {
    const KIND: &'static str = "payment.query_trade";
}

impl Job for SubmitRefund {
    const KIND: &'static str = "payment.submit_refund";
}

impl Job for QueryRefund {
    const KIND: &'static str = "payment.query_refund";
}

impl Job for MoneySeen {
    const KIND: &'static str = "payment.money_seen";
}
