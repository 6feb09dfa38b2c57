//! Trades at gateways: registered, asked after, closed.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use kernel::TenantScope;
use store::Tx;
use url::Url;

use super::Payments;
use super::handover::hand_over_in;
use crate::error::PaymentError;
use crate::gateway::{ChannelAccess, CloseOutcome, GatewayError, NewTrade, PayAction, TradeState};
use crate::job::CreateTrade;
use crate::model::{Attempt, AttemptState, Intent, IntentId, Purpose};
use crate::number::OutNo;
use crate::pace::{Place, converse};
use crate::public::{HandoverToken, PublicChannel};
use crate::repo;
use crate::rules::{self, Look};

const PAY_URL_LEN_MAX: usize = 4_096;

/// A try with all that a conversation about it needs.
pub(crate) struct Trade {
    pub attempt: Attempt,
    pub intent: Intent,
    pub access: ChannelAccess,
    pub now: DateTime<Utc>,
}

impl Payments {
    pub(crate) async fn trade(&self, scope: &TenantScope, out_no: OutNo) -> Result<Trade, PaymentError> {
        let tx = self.store.read(scope).await?;
        let attempt = repo::attempt_in(&tx, out_no).await?.ok_or(PaymentError::NotFound("try to pay"))?;
        let intent = repo::intent_in(&tx, attempt.intent).await?.ok_or(PaymentError::NotFound("intent"))?;
        let access = self.access_in(&tx, attempt.channel).await?;
        Ok(Trade { attempt, intent, access, now: tx.now() })
    }

    /// Registers a new try at its gateway, so that the buyer can pay; a try that is not new is answered as it is, and
    /// one that the gateway refuses has failed.
    pub async fn create(&self, scope: &TenantScope, out_no: &OutNo) -> Result<Attempt, PaymentError> {
        Ok(self.register(scope, out_no, None).await?.0)
    }

    /// The same for a buyer who is to be sent to pay: answers a token that leads him there as well, if the try waits for
    /// his money.
    pub async fn create_for_buyer(
        &self,
        scope: &TenantScope,
        out_no: &OutNo,
    ) -> Result<(Attempt, Option<String>), PaymentError> {
        let token = HandoverToken::new(scope.id());
        let (attempt, is_handed_over) = self.register(scope, out_no, Some(&token)).await?;
        if attempt.state != AttemptState::Waiting {
            return Ok((attempt, None));
        }
        let token = if is_handed_over { token.text() } else { self.hand_over(scope, out_no).await? };
        Ok((attempt, Some(token)))
    }

    /// Answers the try, and whether the token was written.
    async fn register(
        &self,
        scope: &TenantScope,
        out_no: &OutNo,
        token: Option<&HandoverToken>,
    ) -> Result<(Attempt, bool), PaymentError> {
        let Trade { attempt, intent, access, now } = self.trade(scope, *out_no).await?;
        if attempt.state != AttemptState::New {
            return Ok((attempt, false));
        }
        if !intent.is_payable(now) {
            return Ok((self.end_new(scope, attempt, AttemptState::Closed).await?, false));
        }
        let _place = self.rooms.enter(&access.channel)?;
        let trade = NewTrade {
            out_no: attempt.out_no,
            amount: attempt.amount,
            subject: subject(&intent),
            notify_url: self.notify_url(scope, &access.channel),
            return_url: self.way_back_url(scope, &attempt),
            expires_at: intent.expires_at,
        };
        let made = converse(self.gateway(&access.channel.provider)?.create(&access, &trade)).await;
        match made.and_then(checked) {
            Ok(PayAction::Redirect { url, trade_no }) => {
                let tx = self.store.write(scope).await?;
                repo::set_waiting_in(&tx, attempt.out_no, (&url, trade_no.as_deref())).await?;
                // The job stands in for a buyer who went away; he is still here.
                let job = CreateTrade { out_no: attempt.out_no, round: 0 };
                self.outbox.withdraw_in::<CreateTrade>(&tx, &[job.name()]).await?;
                if let Some(token) = token {
                    hand_over_in(&tx, token, attempt.out_no).await?;
                }
                let attempt = repo::attempt_in(&tx, attempt.out_no).await?;
                tx.commit().await?;
                Ok((attempt.ok_or(PaymentError::NotFound("try to pay"))?, token.is_some()))
            }
            Err(GatewayError::Refused { code, message }) => {
                tracing::warn!(attempt.out_no = %attempt.out_no, code, message, "a gateway refused a trade");
                Ok((self.end_new(scope, attempt, AttemptState::Failed).await?, false))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Where a gateway sends the buyer back to: the cashier, which asks how it went and knows his shop.
    fn way_back_url(&self, scope: &TenantScope, attempt: &Attempt) -> String {
        let base = self.settings.notify_base.as_str().trim_end_matches('/');
        format!("{base}/cashier/back/{}/{}", PublicChannel::new(scope.id(), attempt.channel), attempt.out_no)
    }

    /// Whose buyer comes back from a gateway by that address, and where his shop is.
    pub async fn way_back(
        &self,
        public: &PublicChannel,
        out_no: &OutNo,
    ) -> Result<(TenantScope, String), PaymentError> {
        let scope = public.scope();
        let tx = self.store.read(&scope).await?;
        let attempt = repo::attempt_in(&tx, *out_no).await?;
        let attempt = attempt.filter(|attempt| attempt.channel == public.channel());
        let intent = attempt.ok_or(PaymentError::NotFound("try to pay"))?.intent;
        let intent = repo::intent_in(&tx, intent).await?.ok_or(PaymentError::NotFound("intent"))?;
        Ok((scope, intent.return_url))
    }

    /// Ends a try if it is still new: another conversation about it may have brought it to life.
    async fn end_new(
        &self,
        scope: &TenantScope,
        attempt: Attempt,
        state: AttemptState,
    ) -> Result<Attempt, PaymentError> {
        let tx = self.store.write(scope).await?;
        repo::end_attempt_in(&tx, attempt.out_no, (&[AttemptState::New], state)).await?;
        let attempt = repo::attempt_in(&tx, attempt.out_no).await?;
        tx.commit().await?;
        attempt.ok_or(PaymentError::NotFound("try to pay"))
    }

    /// Asks the gateway where a trade stands. What it answers is confirmed.
    pub async fn query(&self, scope: &TenantScope, out_no: &OutNo) -> Result<TradeState, PaymentError> {
        let trade = self.trade(scope, *out_no).await?;
        let _place = self.enter(&trade)?;
        self.ask(&trade).await
    }

    /// A place for conversations about a trade.
    pub(crate) fn enter(&self, trade: &Trade) -> Result<Option<Place>, PaymentError> {
        self.rooms.enter(&trade.access.channel)
    }

    pub(crate) async fn ask(&self, trade: &Trade) -> Result<TradeState, PaymentError> {
        let access = &trade.access;
        let gateway = self.gateway(&access.channel.provider)?;
        let state = converse(gateway.query(access, &trade.attempt.out_no)).await?;
        Ok(match state {
            TradeState::Paid(mut seen) => {
                seen.is_confirmed = true;
                seen.channel = access.channel.id;
                TradeState::Paid(seen)
            }
            other => other,
        })
    }

    /// Tells the gateway that a trade is over.
    pub(crate) async fn close(&self, trade: &Trade) -> Result<CloseOutcome, PaymentError> {
        let access = &trade.access;
        let gateway = self.gateway(&access.channel.provider)?;
        Ok(converse(gateway.close(access, &trade.attempt.out_no)).await?)
    }
}

/// Those of the tries that somebody has still to look after.
pub(crate) async fn still_open_in(tx: &impl Tx, out_nos: &[OutNo]) -> Result<Vec<OutNo>, PaymentError> {
    let attempts = repo::attempts_in(tx, out_nos).await?;
    let ids: Vec<IntentId> = attempts.iter().map(|attempt| attempt.intent).collect();
    let intents: HashMap<IntentId, Intent> =
        repo::intents_in(tx, &ids).await?.into_iter().map(|intent| (intent.id, intent)).collect();
    let is_open = |attempt: &&Attempt| {
        intents.get(&attempt.intent).is_some_and(|intent| rules::look(attempt, intent, tx.now()) != Look::Leave)
    };
    Ok(attempts.iter().filter(is_open).map(|attempt| attempt.out_no).collect())
}

/// An address that a buyer may be sent to.
fn checked(action: PayAction) -> Result<PayAction, GatewayError> {
    let PayAction::Redirect { url, .. } = &action;
    let is_web = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if is_web && url.len() <= PAY_URL_LEN_MAX {
        return Ok(action);
    }
    Err(GatewayError::Unknown("the answer names no web address to pay at".to_owned()))
}

/// What the buyer reads at the gateway: in both languages, and nothing about the goods.
fn subject(intent: &Intent) -> String {
    let id = intent.id.to_string();
    let tail = &id[id.len() - 6..];
    match intent.purpose {
        Purpose::Order => format!("订单 Order ..{tail}"),
        Purpose::TopUp => format!("充值 Top-up ..{tail}"),
    }
}
