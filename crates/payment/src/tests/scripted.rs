//! A gateway that says what the test wants, and counts how many talk to it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use crate::{
    ChannelAccess, CloseOutcome, Gateway, GatewayError, NewTrade, OutNo, PayAction, RawCallback, RefundOrder,
    RefundOutcome, Reply, TradeState, Verified, VerifyError,
};

#[derive(Clone, Default)]
pub struct Scripted {
    /// What trades are said to be, one answer after the other; none is no answer.
    pub states: Arc<Mutex<VecDeque<TradeState>>>,
    /// How the next creates are refused, or not; all of them have begun before the first is answered.
    pub refusals: Arc<Mutex<Vec<bool>>>,
    pub closed: Arc<AtomicUsize>,
    talking: Arc<AtomicUsize>,
    pub most_talking: Arc<AtomicUsize>,
}

impl Scripted {
    pub fn say(&self, states: impl IntoIterator<Item = TradeState>) {
        self.states.lock().expect("unharmed").extend(states);
    }
}

fn away<T>() -> Result<T, GatewayError> {
    Err(GatewayError::NotSent("nobody is there".to_owned()))
}

#[async_trait]
impl Gateway for Scripted {
    fn provider(&self) -> &'static str {
        "sandbox"
    }

    async fn create(&self, _: &ChannelAccess, _: &NewTrade) -> Result<PayAction, GatewayError> {
        let is_refused = self.refusals.lock().expect("unharmed").pop().unwrap_or_default();
        while !self.refusals.lock().expect("unharmed").is_empty() {
            tokio::task::yield_now().await;
        }
        if is_refused {
            return Err(GatewayError::Refused { code: "busy".to_owned(), message: "in use".to_owned() });
        }
        Ok(PayAction::Redirect { url: "http://gateway.test/".to_owned(), trade_no: None })
    }

    async fn query(&self, _: &ChannelAccess, _: &OutNo) -> Result<TradeState, GatewayError> {
        let talking = self.talking.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_talking.fetch_max(talking, Ordering::SeqCst);
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        self.talking.fetch_sub(1, Ordering::SeqCst);
        let state = self.states.lock().expect("unharmed").pop_front();
        state.map_or_else(away, Ok)
    }

    async fn close(&self, _: &ChannelAccess, _: &OutNo) -> Result<CloseOutcome, GatewayError> {
        self.closed.fetch_add(1, Ordering::SeqCst);
        Ok(CloseOutcome::Closed)
    }

    async fn refund(&self, _: &ChannelAccess, _: &RefundOrder) -> Result<RefundOutcome, GatewayError> {
        away()
    }

    async fn refund_query(&self, _: &ChannelAccess, _: &OutNo) -> Result<Option<RefundOutcome>, GatewayError> {
        away()
    }

    fn verify(&self, _: &ChannelAccess, _: &RawCallback) -> Result<Verified, VerifyError> {
        Err(VerifyError::Forged)
    }

    fn accepted(&self) -> Reply {
        Reply { status: 200, body: String::new() }
    }

    fn refused(&self) -> Reply {
        Reply { status: 400, body: String::new() }
    }
}
