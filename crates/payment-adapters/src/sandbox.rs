//! The sandbox gateway: a provider of ours that moves no money, spoken to like any other.

mod client;
mod sign;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use kernel::Clock;
use payment::{
    BillLine, ChannelAccess, CloseOutcome, Gateway, GatewayError, NewTrade, OutNo, PayAction, RawCallback, RefundOrder,
    RefundOutcome, Reply, TradeState, Verified, VerifyError,
};
use serde_json::json;
use url::Url;

pub use client::AdapterError;
use client::Client;

/// Speaks to a sandbox gateway. A channel's settings may name its address as `base_url`.
#[derive(Clone)]
pub struct SandboxGateway {
    client: Client,
}

impl SandboxGateway {
    /// An adapter that signs with the time of `clock`. Channels whose settings name no address go to `base_url`.
    pub fn try_new(base_url: Option<Url>, clock: Arc<dyn Clock>) -> Result<Self, AdapterError> {
        Ok(Self { client: Client::try_new(base_url, clock)? })
    }
}

#[async_trait]
impl Gateway for SandboxGateway {
    fn provider(&self) -> &'static str {
        "sandbox"
    }

    async fn create(&self, access: &ChannelAccess, trade: &NewTrade) -> Result<PayAction, GatewayError> {
        let body = json!({
            "out_no": trade.out_no,
            "amount": wire::amount_text(trade.amount),
            "currency": trade.amount.currency(),
            "subject": trade.subject,
            "notify_url": trade.notify_url,
            "return_url": trade.return_url,
            "expires_at": trade.expires_at,
        });
        let made: wire::Made = self.client.post(access, "/v1/trades", &body).await?;
        Ok(PayAction::Redirect { url: made.pay_url, trade_no: Some(made.trade_no) })
    }

    async fn query(&self, access: &ChannelAccess, out_no: &OutNo) -> Result<TradeState, GatewayError> {
        match self.client.get::<wire::Trade>(access, &format!("/v1/trades/{out_no}")).await {
            Ok(trade) => wire::trade_state(trade, access.channel.id),
            Err(GatewayError::Refused { code, .. }) if code == "trade_not_found" => Ok(TradeState::Unknown),
            Err(error) => Err(error),
        }
    }

    async fn close(&self, access: &ChannelAccess, out_no: &OutNo) -> Result<CloseOutcome, GatewayError> {
        let path = format!("/v1/trades/{out_no}/close");
        match self.client.post::<wire::Trade>(access, &path, &json!({})).await {
            Ok(_) => Ok(CloseOutcome::Closed),
            Err(GatewayError::Refused { code, .. }) if code == "already_paid" => Ok(CloseOutcome::AlreadyPaid),
            Err(GatewayError::Refused { code, .. }) if code == "trade_not_found" || code == "trade_closed" => {
                Ok(CloseOutcome::Closed)
            }
            Err(error) => Err(error),
        }
    }

    async fn refund(&self, access: &ChannelAccess, refund: &RefundOrder) -> Result<RefundOutcome, GatewayError> {
        let body = json!({
            "out_no": refund.out_no,
            "refund_no": refund.refund_no,
            "amount": wire::amount_text(refund.amount),
            "reason": refund.reason,
        });
        let made: wire::Refund = self.client.post(access, "/v1/refunds", &body).await?;
        Ok(made.outcome())
    }

    async fn refund_query(
        &self,
        access: &ChannelAccess,
        refund_no: &OutNo,
    ) -> Result<Option<RefundOutcome>, GatewayError> {
        match self.client.get::<wire::Refund>(access, &format!("/v1/refunds/{refund_no}")).await {
            Ok(refund) => Ok(Some(refund.outcome())),
            Err(GatewayError::Refused { code, .. }) if code == "refund_not_found" => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn bill(&self, access: &ChannelAccess, day: NaiveDate) -> Result<Vec<BillLine>, GatewayError> {
        wire::bill(&self.client.get_text(access, &format!("/v1/bills/{day}")).await?)
    }

    fn verify(&self, access: &ChannelAccess, callback: &RawCallback) -> Result<Verified, VerifyError> {
        sign::verify(access, callback)?;
        wire::verified(&callback.body, access.channel.id)
    }

    fn accepted(&self) -> Reply {
        Reply { status: 200, body: "ok".to_owned() }
    }

    fn refused(&self) -> Reply {
        Reply { status: 400, body: "refused".to_owned() }
    }
}
