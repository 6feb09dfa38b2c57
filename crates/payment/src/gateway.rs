//! What a payment provider can be asked, whoever it is. Adapters are leaves that implement [`Gateway`].

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use kernel::{Money, Secret};

use crate::bill::BillLine;
use crate::model::{Channel, Seen};
use crate::number::OutNo;
use crate::watched::Watched;

/// A channel together with its secret, opened for one call.
#[derive(Debug, Clone)]
pub struct ChannelAccess {
    /// The channel.
    pub channel: Channel,
    /// What signs and verifies.
    pub secret: Secret<String>,
}

/// A try to pay, as the gateway is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTrade {
    /// Our number.
    pub out_no: OutNo,
    /// How much.
    pub amount: Money,
    /// What the buyer reads at the gateway.
    pub subject: String,
    /// Where the gateway reports to.
    pub notify_url: String,
    /// Where the buyer comes back to.
    pub return_url: String,
    /// Until when it may be paid.
    pub expires_at: DateTime<Utc>,
}

/// How the buyer pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayAction {
    /// He is sent to a page of the gateway.
    Redirect {
        /// The page.
        url: String,
        /// The gateway's number, if it has one already.
        trade_no: Option<String>,
    },
}

/// Where a trade stands at the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TradeState {
    /// The gateway knows of no such trade.
    Unknown,
    /// It waits for the buyer.
    Waiting,
    /// It was paid.
    Paid(Seen),
    /// It was closed unpaid.
    Closed,
}

/// What closing a trade came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseOutcome {
    /// It cannot be paid any more.
    Closed,
    /// Too late: it was paid.
    AlreadyPaid,
}

/// A refund, as the gateway is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundOrder {
    /// Our number, the same however often it is sent.
    pub refund_no: OutNo,
    /// Our number of the payment, as the gateway knows it.
    pub out_no: String,
    /// How much.
    pub amount: Money,
    /// Why.
    pub reason: String,
}

/// Where a refund stands at the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundOutcome {
    /// The money went back.
    Done,
    /// It will be decided; ask again.
    Processing,
    /// It was refused; no money moved.
    Failed {
        /// In the gateway's words.
        reason: String,
    },
}

/// A message that came to a channel's notify address, raw.
#[derive(Debug, Clone)]
pub struct RawCallback {
    /// The path it came to, without host and query.
    pub path: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// When it came.
    pub now: DateTime<Utc>,
}

/// What a verified message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// A trade was paid.
    Paid {
        /// The same however often the gateway sends it.
        event_key: String,
        /// The facts.
        seen: Seen,
    },
    /// A refund was decided.
    RefundNews {
        /// The same however often the gateway sends it.
        event_key: String,
        /// Our number of the refund.
        refund_no: OutNo,
    },
    /// Something that changes nothing.
    Other {
        /// The same however often the gateway sends it.
        event_key: String,
    },
}

/// What a gateway wants to read as the answer to its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body, plain text.
    pub body: String,
}

/// Why a gateway did not do what it was asked. What it means for money is in the kinds, not in the texts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// It looked at what was asked and said no for good: nothing was done, and asking again does not help. What is wrong
    /// with the asking (signature, clock, nonce, rate) is [`GatewayError::NotSent`].
    #[error("the gateway refused ({code}): {message}")]
    Refused { code: String, message: String },
    /// It was never reached: nothing was done.
    #[error("the gateway was not reached: {0}")]
    NotSent(String),
    /// It may have done it, or not.
    #[error("the gateway's answer is not known: {0}")]
    Unknown(String),
}

/// Why a message is not taken for the gateway's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The signature is missing or another one.
    #[error("the signature is not the gateway's")]
    Forged,
    /// It was signed too long ago, or will be.
    #[error("the message is out of time")]
    Stale,
    /// It is signed and cannot be read.
    #[error("the message cannot be read: {0}")]
    Unreadable(String),
}

/// A payment provider. One call is one conversation with it, bounded in time; none is repeated inside.
#[async_trait]
pub trait Gateway: Send + Sync + 'static {
    /// The name that channels carry, lower case.
    fn provider(&self) -> &'static str;

    /// Registers a try to pay; the same number again is the same trade.
    async fn create(&self, access: &ChannelAccess, trade: &NewTrade) -> Result<PayAction, GatewayError>;

    /// Asks where a trade stands.
    async fn query(&self, access: &ChannelAccess, out_no: &OutNo) -> Result<TradeState, GatewayError>;

    /// Sees to it that a trade cannot be paid any more. Only words that say so count: that it is closed, or that there is
    /// none of this number; any other refusal is an error.
    async fn close(&self, access: &ChannelAccess, out_no: &OutNo) -> Result<CloseOutcome, GatewayError>;

    /// Sends money back; the same number again is the same refund.
    async fn refund(&self, access: &ChannelAccess, refund: &RefundOrder) -> Result<RefundOutcome, GatewayError>;

    /// Asks where a refund stands; `None` only if the gateway says for certain that it has none of this number.
    async fn refund_query(
        &self,
        access: &ChannelAccess,
        refund_no: &OutNo,
    ) -> Result<Option<RefundOutcome>, GatewayError>;

    /// Its bill of a Beijing day: every payment that came to the channel's merchant on that day, and every refund that
    /// was done. A provider that gives no bills says that nobody was asked.
    async fn bill(&self, access: &ChannelAccess, day: NaiveDate) -> Result<Vec<BillLine>, GatewayError> {
        Err(GatewayError::NotSent(format!("{} gives no bill of {day}", access.channel.provider)))
    }

    /// Says what a message is, from its raw bytes alone. Pure: the same message always gives the same answer.
    fn verify(&self, access: &ChannelAccess, callback: &RawCallback) -> Result<Verified, VerifyError>;

    /// The answer to a message that was taken.
    fn accepted(&self) -> Reply;

    /// The answer to a message that was not, so that the gateway sends it again.
    fn refused(&self) -> Reply;
}

/// The gateways of this installation, by name. Clones share them.
#[derive(Clone, Default)]
pub struct Gateways {
    known: BTreeMap<&'static str, Arc<dyn Gateway>>,
}

impl Gateways {
    /// The same gateways and one more; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, gateway: impl Gateway) -> Self {
        self.known.insert(gateway.provider(), Arc::new(Watched(Arc::new(gateway))));
        self
    }

    /// The gateway of this name.
    pub fn get(&self, provider: &str) -> Option<&Arc<dyn Gateway>> {
        self.known.get(provider)
    }
}
