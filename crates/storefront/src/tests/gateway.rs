//! A gateway without a network: pages are tested here, not gateways.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kernel::Money;
use payment::{
    ChannelAccess, ChannelId, CloseOutcome, Gateway, GatewayError, NewTrade, OutNo, PayAction, RawCallback,
    RefundOrder, RefundOutcome, Reply, Seen, TradeState, Verified, VerifyError,
};

/// What a gateway of the tests says next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Mood {
    /// It opens whatever it is asked to, and nobody has paid.
    #[default]
    Open,
    /// It is not reached.
    Silent,
    /// It takes a question and never answers.
    Hanging,
    /// The buyer has cancelled.
    Cancelled,
    /// The buyer has paid this much.
    Paid(Money),
}

/// Clones share what it says next.
#[derive(Clone, Default)]
pub struct Counterfeit(Arc<Mutex<Moods>>);

#[derive(Clone, Default)]
struct Moods {
    all: Mood,
    of: Option<(OutNo, Mood)>,
}

impl Counterfeit {
    pub fn is(&self, mood: Mood) {
        *self.0.lock().expect("no holder panics") = Moods { all: mood, of: None };
    }

    /// What it says of one trade, whatever it says of others.
    pub fn is_of(&self, out_no: OutNo, mood: Mood) {
        self.0.lock().expect("no holder panics").of = Some((out_no, mood));
    }

    fn mood_of(&self, out_no: OutNo) -> Mood {
        let Moods { all, of } = self.0.lock().expect("no holder panics").clone();
        of.filter(|(number, _)| *number == out_no).map_or(all, |(_, mood)| mood)
    }
}

#[async_trait]
impl Gateway for Counterfeit {
    fn provider(&self) -> &'static str {
        "sandbox"
    }
    async fn create(&self, _: &ChannelAccess, trade: &NewTrade) -> Result<PayAction, GatewayError> {
        if self.mood_of(trade.out_no) == Mood::Hanging {
            std::future::pending::<()>().await;
        }
        if self.mood_of(trade.out_no) == Mood::Silent {
            return Err(GatewayError::NotSent("connection refused".to_owned()));
        }
        Ok(PayAction::Redirect { url: format!("http://gateway.example.com/{}", trade.out_no), trade_no: None })
    }
    async fn query(&self, access: &ChannelAccess, out_no: &OutNo) -> Result<TradeState, GatewayError> {
        let mood = self.mood_of(*out_no);
        if mood == Mood::Hanging {
            std::future::pending::<()>().await;
        }
        Ok(match mood {
            Mood::Open | Mood::Silent | Mood::Hanging => TradeState::Waiting,
            Mood::Cancelled => TradeState::Closed,
            Mood::Paid(amount) => TradeState::Paid(seen(access.channel.id, *out_no, amount)),
        })
    }
    async fn close(&self, _: &ChannelAccess, _: &OutNo) -> Result<CloseOutcome, GatewayError> {
        Ok(CloseOutcome::Closed)
    }
    async fn refund(&self, _: &ChannelAccess, _: &RefundOrder) -> Result<RefundOutcome, GatewayError> {
        Ok(RefundOutcome::Done)
    }
    async fn refund_query(&self, _: &ChannelAccess, _: &OutNo) -> Result<Option<RefundOutcome>, GatewayError> {
        Ok(None)
    }
    fn verify(&self, _: &ChannelAccess, _: &RawCallback) -> Result<Verified, VerifyError> {
        Err(VerifyError::Forged)
    }
    fn accepted(&self) -> Reply {
        Reply { status: 200, body: "ok".to_owned() }
    }
    fn refused(&self) -> Reply {
        Reply { status: 400, body: "no".to_owned() }
    }
}

/// The money of a try, as the gateway tells it when it is asked.
pub fn seen(channel: ChannelId, out_no: OutNo, amount: Money) -> Seen {
    Seen {
        channel,
        out_no: out_no.to_string(),
        trade_no: format!("trade-{out_no}"),
        payee: "merchant-grove".to_owned(),
        amount,
        paid_at: chrono::Utc::now(),
        is_confirmed: true,
    }
}
