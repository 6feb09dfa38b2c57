//! A gateway of few words.

use async_trait::async_trait;
use payment::{
    ChannelAccess, CloseOutcome, Gateway, GatewayError, NewTrade, OutNo, PayAction, RawCallback, RefundOrder,
    RefundOutcome, Reply, Seen, TradeState, Verified, VerifyError,
};

use crate::tests::fixture::cents;

/// A gateway that sends back what it is asked to, knows of this money, takes messages at their word, and does nothing else.
pub struct PaysBack(pub Option<Seen>);

fn away<T>() -> Result<T, GatewayError> {
    Err(GatewayError::NotSent("not now".to_owned()))
}

#[async_trait]
impl Gateway for PaysBack {
    fn provider(&self) -> &'static str {
        "sandbox"
    }

    async fn create(&self, _: &ChannelAccess, _: &NewTrade) -> Result<PayAction, GatewayError> {
        away()
    }

    async fn query(&self, _: &ChannelAccess, _: &OutNo) -> Result<TradeState, GatewayError> {
        self.0.clone().map_or_else(away, |seen| Ok(TradeState::Paid(seen)))
    }

    async fn close(&self, _: &ChannelAccess, _: &OutNo) -> Result<CloseOutcome, GatewayError> {
        away()
    }

    async fn refund(&self, _: &ChannelAccess, refund: &RefundOrder) -> Result<RefundOutcome, GatewayError> {
        assert_eq!((refund.amount, refund.reason.as_str()), (cents(10_00), "order_refunded"));
        Ok(RefundOutcome::Done)
    }

    async fn refund_query(&self, _: &ChannelAccess, _: &OutNo) -> Result<Option<RefundOutcome>, GatewayError> {
        away()
    }

    /// A message is its name and the money it tells of.
    fn verify(&self, _: &ChannelAccess, raw: &RawCallback) -> Result<Verified, VerifyError> {
        let (event_key, seen) = serde_json::from_slice(&raw.body).map_err(|_| VerifyError::Forged)?;
        Ok(Verified::Paid { event_key, seen })
    }

    fn accepted(&self) -> Reply {
        Reply { status: 200, body: String::new() }
    }

    fn refused(&self) -> Reply {
        Reply { status: 400, body: String::new() }
    }
}
