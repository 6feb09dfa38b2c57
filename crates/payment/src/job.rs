//! What is to happen after a commit, as data.

use outbox::Job;
use serde::{Deserialize, Serialize};

use crate::model::{CallbackId, IntentId, RefundId, Seen};
use crate::number::OutNo;
use crate::rules::ROUND_ONCE;

/// A try to pay is to be registered at its gateway. A buyer waits for it, so each has a job of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateTrade {
    /// Which try.
    pub out_no: OutNo,
    /// How often it did not work, from 0.
    #[serde(default)]
    pub round: u32,
}

/// The tries of one batch are to be looked after: one [`QueryTrade`] follows for each that is still open.
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
    /// How often it did not work since the try was over, from 0.
    #[serde(default)]
    pub round: u32,
    /// Whether the trade was closed a second time, because it was still open after the first.
    #[serde(default)]
    pub is_closed_again: bool,
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
    /// How often it did not work, from 0.
    #[serde(default)]
    pub round: u32,
}

/// The money of orders that were refunded is back with their buyers. The room above notes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdersReturned {
    /// The refunds, with what their money had paid.
    pub refunds: Vec<(RefundId, IntentId)>,
}

/// Whatever waits although nobody works on it gets its job again. It comes by the clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescue {}

/// How often a job of this room may fail for reasons of our own, such as the database: with ten minutes in between, for
/// longer than a day. What a gateway does wrong uses up nothing, the job is written anew.
const ATTEMPTS_MAX: u32 = 200;

impl CreateTrade {
    /// The name by which there is one of it.
    pub(crate) fn name(&self) -> String {
        self.out_no.to_string()
    }
}

impl QueryTrade {
    /// The first question after a trade.
    pub(crate) const fn new(out_no: OutNo) -> Self {
        Self { out_no, round: 0, is_closed_again: false }
    }

    /// The name by which there is one of it.
    pub(crate) fn name(&self) -> String {
        self.out_no.to_string()
    }
}

impl QueryRefund {
    /// The name by which there is one of it: a question that is asked once stands beside the chain of the others.
    pub(crate) fn name(&self) -> String {
        match self.round {
            ROUND_ONCE => format!("{}:once", self.refund),
            _ => self.refund.to_string(),
        }
    }
}

impl MoneySeen {
    /// The name by which there is one of it, however often it is written.
    pub fn name(&self) -> String {
        match self.callback {
            Some(callback) => Self::name_of(callback),
            None => format!("{}:{}", self.seen.channel, self.seen.trade_no),
        }
    }

    /// The name of the one that a message led to.
    pub(crate) fn name_of(callback: CallbackId) -> String {
        callback.to_string()
    }
}

impl Job for CreateTrade {
    const KIND: &'static str = "payment.create_trade";
    const ATTEMPTS_MAX: u32 = ATTEMPTS_MAX;
}

impl Job for WatchTrades {
    const KIND: &'static str = "payment.watch_trades";
    const ATTEMPTS_MAX: u32 = ATTEMPTS_MAX;
}

impl Job for QueryTrade {
    const KIND: &'static str = "payment.query_trade";
    const ATTEMPTS_MAX: u32 = ATTEMPTS_MAX;
}

impl Job for OrdersReturned {
    const KIND: &'static str = "payment.orders_returned";
    const ATTEMPTS_MAX: u32 = ATTEMPTS_MAX;
}

impl Job for SubmitRefund {
    const KIND: &'static str = "payment.submit_refund";
    const ATTEMPTS_MAX: u32 = ATTEMPTS_MAX;
}

impl Job for QueryRefund {
    const KIND: &'static str = "payment.query_refund";
    const ATTEMPTS_MAX: u32 = ATTEMPTS_MAX;
}

impl Job for MoneySeen {
    const KIND: &'static str = "payment.money_seen";
    const ATTEMPTS_MAX: u32 = ATTEMPTS_MAX;
}

impl Job for Rescue {
    const KIND: &'static str = "payment.rescue";
}
