//! Every conversation with a gateway, seen from outside: a span and a duration each, whatever adapter it is.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use chrono::NaiveDate;
use tracing::Instrument;

use crate::bill::BillLine;
use crate::gateway::{
    ChannelAccess, CloseOutcome, Gateway, GatewayError, NewTrade, PayAction, RawCallback, RefundOrder, RefundOutcome,
    Reply, TradeState, Verified, VerifyError,
};
use crate::number::OutNo;

/// The same gateway, watched. Neither numbers nor answers are told: only which call, how long, and how it ended.
pub(crate) struct Watched(pub Arc<dyn Gateway>);

impl Watched {
    async fn call<T>(
        &self,
        call: &'static str,
        talk: impl Future<Output = Result<T, GatewayError>>,
    ) -> Result<T, GatewayError> {
        let provider = self.0.provider();
        let span =
            tracing::debug_span!("gateway", otel.kind = "client", provider, call, outcome = tracing::field::Empty);
        let began = Instant::now();
        let answer = talk.instrument(span.clone()).await;
        let outcome = match &answer {
            Ok(_) => "ok",
            Err(GatewayError::Refused { .. }) => "refused",
            Err(GatewayError::NotSent(_)) => "not_sent",
            Err(GatewayError::Unknown(_)) => "unknown",
        };
        span.record("outcome", outcome);
        let labels = [("provider", provider), ("call", call), ("outcome", outcome)];
        metrics::histogram!("cardgrove_gateway_call_seconds", &labels).record(began.elapsed());
        answer
    }
}

#[async_trait]
impl Gateway for Watched {
    fn provider(&self) -> &'static str {
        self.0.provider()
    }

    async fn create(&self, access: &ChannelAccess, trade: &NewTrade) -> Result<PayAction, GatewayError> {
        self.call("create", self.0.create(access, trade)).await
    }

    async fn query(&self, access: &ChannelAccess, out_no: &OutNo) -> Result<TradeState, GatewayError> {
        self.call("query", self.0.query(access, out_no)).await
    }

    async fn close(&self, access: &ChannelAccess, out_no: &OutNo) -> Result<CloseOutcome, GatewayError> {
        self.call("close", self.0.close(access, out_no)).await
    }

    async fn refund(&self, access: &ChannelAccess, refund: &RefundOrder) -> Result<RefundOutcome, GatewayError> {
        self.call("refund", self.0.refund(access, refund)).await
    }

    async fn refund_query(
        &self,
        access: &ChannelAccess,
        refund_no: &OutNo,
    ) -> Result<Option<RefundOutcome>, GatewayError> {
        self.call("refund_query", self.0.refund_query(access, refund_no)).await
    }

    async fn bill(&self, access: &ChannelAccess, day: NaiveDate) -> Result<Vec<BillLine>, GatewayError> {
        self.call("bill", self.0.bill(access, day)).await
    }

    fn verify(&self, access: &ChannelAccess, callback: &RawCallback) -> Result<Verified, VerifyError> {
        self.0.verify(access, callback)
    }

    fn accepted(&self) -> Reply {
        self.0.accepted()
    }

    fn refused(&self) -> Reply {
        self.0.refused()
    }
}
