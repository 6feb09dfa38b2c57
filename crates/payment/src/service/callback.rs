//! Messages of gateways: verified on their raw bytes, stored, acknowledged; decided later.

use chrono::TimeDelta;
use kernel::{Coded, TenantScope};
use store::{Tx, WriteTx};

use super::Payments;
use crate::error::PaymentError;
use crate::gateway::{RawCallback, Reply, Verified, VerifyError};
use crate::job::{MoneySeen, QueryRefund};
use crate::model::{CallbackId, IntentId, Seen};
use crate::number::OutNo;
use crate::public::PublicChannel;
use crate::repo::{self, NewCallback};
use crate::rules::ROUND_ONCE;

/// Whoever received a message offers its money to the lane himself; the job is for the case that he could not.
const JOB_AFTER: TimeDelta = TimeDelta::seconds(2);
/// For how long what waits for money has to go on waiting, so that the lane need not ask whether its time is over.
const WAITS_ON: TimeDelta = TimeDelta::minutes(2);
const BODY_BYTES_MAX: usize = 64 * 1024;
const HEADERS_MAX: usize = 64;
const TEXT_CHARS_MAX: usize = 128;

/// A stored message that tells of money, for whoever gives the money its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// Which.
    pub callback: CallbackId,
    /// What the money seems to be for, if that waits for it and will do so for a while.
    pub intent: Option<IntentId>,
}

impl Message {
    /// The message; what it is about is to be looked up.
    pub const fn of(callback: CallbackId) -> Self {
        Self { callback, intent: None }
    }
}

/// A message that was taken.
#[derive(Debug, Clone)]
pub struct Received {
    /// The tenant it is about.
    pub scope: TenantScope,
    /// Money to be offered to the lane; none if the message tells of none, or was dealt with before.
    pub seen: Option<Seen>,
    /// The stored message.
    pub message: Message,
    /// What the gateway wants to read.
    pub reply: Reply,
}

impl Payments {
    /// Takes a message that came to a channel's notify address. It is stored, together with the job that works on it,
    /// before this answers; the same message again is acknowledged again. A forged one leaves nothing behind.
    pub async fn receive(
        &self,
        public: &PublicChannel,
        provider: &str,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        path: &str,
    ) -> Result<Received, PaymentError> {
        let received = self.take(public, provider, headers, body, path).await;
        let outcome = match &received {
            Ok(Received { seen: Some(_), .. }) => "money",
            Ok(_) => "nothing_new",
            Err(error) => error.code(),
        };
        // The name came from outside: only those we know are counted under their own.
        let provider = self.gateways.get(provider).map_or("none", |gateway| gateway.provider());
        metrics::counter!("cardgrove_payment_callbacks_total", "provider" => provider, "outcome" => outcome)
            .increment(1);
        received
    }

    async fn take(
        &self,
        public: &PublicChannel,
        provider: &str,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        path: &str,
    ) -> Result<Received, PaymentError> {
        let scope = public.scope();
        let access = {
            let tx = self.store.read(&scope).await?;
            self.access_in(&tx, public.channel()).await?
        };
        if access.channel.provider != provider {
            return Err(PaymentError::NotFound("channel"));
        }
        let gateway = self.gateway(provider)?;
        let raw = RawCallback { path: path.to_owned(), headers, body, now: self.store.time() };
        let verified = match raw.body.len() {
            0..=BODY_BYTES_MAX => gateway.verify(&access, &raw).and_then(sane),
            _ => Err(VerifyError::Unreadable("it is too long".to_owned())),
        };
        let verified = verified.inspect_err(|error| {
            let channel = access.channel.id;
            tracing::warn!(channel.id = %channel, %error, "a message to channel {channel} was refused");
        })?;
        let tx = self.store.write(&scope).await?;
        let (callback, seen) = self.store_in(&tx, (public, verified), raw).await?;
        let intent = match seen.as_ref().and_then(Seen::number) {
            Some(out_no) => waiting_in(&tx, out_no).await?,
            None => None,
        };
        tx.commit().await?;
        Ok(Received { scope, seen, message: Message { callback, intent }, reply: gateway.accepted() })
    }

    /// What a gateway reads when its message was not taken, so that it sends it again.
    pub fn refused(&self, provider: &str) -> Option<Reply> {
        self.gateways.get(provider).map(|gateway| gateway.refused())
    }

    async fn store_in(
        &self,
        tx: &WriteTx<TenantScope>,
        (public, verified): (&PublicChannel, Verified),
        raw: RawCallback,
    ) -> Result<(CallbackId, Option<Seen>), PaymentError> {
        let (event_key, seen, refund_no) = match verified {
            Verified::Paid { event_key, seen } => (event_key, Some(Seen { channel: public.channel(), ..seen }), None),
            Verified::RefundNews { event_key, refund_no } => (event_key, None, Some(refund_no)),
            Verified::Other { event_key } => (event_key, None, None),
        };
        let state = if seen.is_some() { repo::CALLBACK_RECEIVED } else { repo::CALLBACK_PROCESSED };
        let kept = seen.as_ref().and_then(|seen| serde_json::to_string(seen).ok());
        let headers: Vec<_> = raw.headers.into_iter().take(HEADERS_MAX).collect();
        let headers = serde_json::to_string(&headers).unwrap_or_default();
        let new = NewCallback { channel: public.channel(), event_key, headers, body: raw.body, seen: kept, state };
        let (callback, known) = repo::insert_callback_in(tx, new).await?;
        match known {
            None => {
                self.enqueue_in(tx, (callback, seen.as_ref()), refund_no).await?;
                Ok((callback, seen))
            }
            Some(state) => Ok((callback, seen.filter(|_| state == repo::CALLBACK_RECEIVED))),
        }
    }

    async fn enqueue_in(
        &self,
        tx: &WriteTx<TenantScope>,
        (callback, seen): (CallbackId, Option<&Seen>),
        refund_no: Option<OutNo>,
    ) -> Result<(), PaymentError> {
        if let Some(seen) = seen {
            let job = MoneySeen { seen: seen.clone(), callback: Some(callback), round: 0 };
            self.outbox.enqueue_once_in(tx, &job.name(), &job, tx.now() + JOB_AFTER).await?;
        }
        let Some(number) = refund_no else { return Ok(()) };
        if let Some(refund) = repo::refund_by_number_in(tx, number).await? {
            // The news says that there is an answer; the answer is what the gateway says when it is asked.
            let job = QueryRefund { refund: refund.id, round: ROUND_ONCE };
            self.outbox.enqueue_once_in(tx, &job.name(), &job, tx.now()).await?;
        }
        Ok(())
    }
}

/// What a try is to pay, if that waits for the money and will do so for a while.
async fn waiting_in(tx: &WriteTx<TenantScope>, out_no: OutNo) -> Result<Option<IntentId>, PaymentError> {
    let Some(attempt) = repo::attempt_in(tx, out_no).await? else { return Ok(None) };
    let intent = repo::intent_in(tx, attempt.intent).await?;
    Ok(intent.filter(|intent| intent.is_payable(tx.now() + WAITS_ON)).map(|intent| intent.id))
}

/// Texts that a database can hold and a page can show.
fn sane(verified: Verified) -> Result<Verified, VerifyError> {
    let is_sane =
        |text: &str| !text.is_empty() && text.chars().count() <= TEXT_CHARS_MAX && !text.chars().any(char::is_control);
    let has_sane_texts = match &verified {
        Verified::Paid { event_key, seen } => {
            let positive = seen.amount.minor() > 0;
            positive && [event_key, &seen.out_no, &seen.trade_no, &seen.payee].iter().all(|text| is_sane(text))
        }
        Verified::RefundNews { event_key, .. } | Verified::Other { event_key } => is_sane(event_key),
    };
    if has_sane_texts { Ok(verified) } else { Err(VerifyError::Unreadable("a field is not usable".to_owned())) }
}
