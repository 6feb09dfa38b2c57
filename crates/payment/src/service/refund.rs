//! Sending money back: asked for once under one number, and asked after until the answer is known.

use kernel::TenantScope;
use lane::Answered;
use store::Tx;

use super::Payments;
use crate::command::{DecideRefund, MoveRefund, RefundMoved, Refusal};
use crate::error::PaymentError;
use crate::gateway::{ChannelAccess, GatewayError, RefundOrder, RefundOutcome};
use crate::job::QueryRefund;
use crate::model::{Refund, RefundId, RefundState};
use crate::pace::converse;
use crate::repo;
use crate::rules::{ROUND_ONCE, RefundEvent};

/// Whether anything is left to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Its end is known, or somebody else is at it, or a person has to decide.
    Yes,
    /// Ask again later.
    NotYet,
}

impl Payments {
    /// Lets a requested refund go out, or one that the gateway refused go out again, on a person's word. The same key
    /// is the same word.
    pub async fn approve_refund(
        &self,
        scope: &TenantScope,
        refund: RefundId,
        key: &str,
    ) -> Result<Answered<RefundMoved>, PaymentError> {
        self.decide(scope, (refund, RefundEvent::Approve), key).await
    }

    /// Ends a refund that was not sent yet, on a person's word. The same key is the same word.
    pub async fn cancel_refund(
        &self,
        scope: &TenantScope,
        refund: RefundId,
        key: &str,
    ) -> Result<Answered<RefundMoved>, PaymentError> {
        self.decide(scope, (refund, RefundEvent::Cancel), key).await
    }

    async fn decide(
        &self,
        scope: &TenantScope,
        (refund, event): (RefundId, RefundEvent),
        key: &str,
    ) -> Result<Answered<RefundMoved>, PaymentError> {
        let tries = {
            let tx = self.store.read(scope).await?;
            repo::refund_in(&tx, refund).await?.ok_or(Refusal::NoRefund)?.tries
        };
        let command = DecideRefund { moved: MoveRefund { refund, event, tries }, key: key.to_owned() };
        let answered = self.lanes.run(scope, command).await?;
        Ok(Answered { answer: answered.answer?, is_replay: answered.is_replay })
    }

    /// Has the gateway asked at once what became of a refund that is on its way, on a person's word.
    pub async fn ask_refund_again(&self, scope: &TenantScope, refund: RefundId) -> Result<(), PaymentError> {
        let tx = self.store.write(scope).await?;
        let state = repo::refund_in(&tx, refund).await?.ok_or(Refusal::NoRefund)?.state;
        if !matches!(state, RefundState::Approved | RefundState::Submitting | RefundState::Unknown) {
            return Err(Refusal::RefundState { state }.into());
        }
        let job = QueryRefund { refund, round: ROUND_ONCE };
        self.outbox.enqueue_once_in(&tx, &job.name(), &job, tx.now()).await?;
        tx.commit().await?;
        self.outbox.notify();
        Ok(())
    }

    /// Takes a refund one step further: sends an approved one, asks after one that was sent.
    pub(crate) async fn pursue(&self, scope: &TenantScope, id: RefundId) -> Result<Settled, PaymentError> {
        let (refund, access) = {
            let tx = self.store.read(scope).await?;
            let refund = repo::refund_in(&tx, id).await?.ok_or(PaymentError::NotFound("refund"))?;
            let access = self.access_in(&tx, refund.channel).await?;
            (refund, access)
        };
        let _place = self.rooms.enter(&access.channel)?;
        // Looked for before anything is noted: a refund that is being sent must be on its way.
        self.gateway(&access.channel.provider)?;
        match refund.state {
            RefundState::Approved => self.send(scope, &access, refund).await,
            RefundState::Submitting | RefundState::Unknown => self.ask_after(scope, &access, refund).await,
            RefundState::Requested | RefundState::Done | RefundState::Failed | RefundState::Cancelled => {
                Ok(Settled::Yes)
            }
        }
    }

    /// Notes that the refund is being sent, and only then sends it.
    async fn send(
        &self,
        scope: &TenantScope,
        access: &ChannelAccess,
        mut refund: Refund,
    ) -> Result<Settled, PaymentError> {
        let is_first = refund.state == RefundState::Approved;
        let event = if is_first { RefundEvent::Submit } else { RefundEvent::SubmitAgain };
        if !self.move_refund(scope, &mut refund, event).await? {
            return Ok(Settled::Yes);
        }
        let order = RefundOrder {
            refund_no: refund.refund_no,
            out_no: refund.out_no.clone(),
            amount: refund.amount,
            reason: refund.reason.clone(),
        };
        let outcome = converse(self.gateway(&access.channel.provider)?.refund(access, &order)).await;
        self.settle(scope, refund, outcome).await
    }

    /// Asks; only if the gateway says for certain that it has no such refund is it sent again, under the same number.
    async fn ask_after(
        &self,
        scope: &TenantScope,
        access: &ChannelAccess,
        mut refund: Refund,
    ) -> Result<Settled, PaymentError> {
        let gateway = self.gateway(&access.channel.provider)?;
        match converse(gateway.refund_query(access, &refund.refund_no)).await {
            Ok(Some(outcome)) => self.settle(scope, refund, Ok(outcome)).await,
            Ok(None) => {
                let reason = "the gateway has no such refund".to_owned();
                if refund.state == RefundState::Submitting
                    && !self.move_refund(scope, &mut refund, RefundEvent::Unknown { reason }).await?
                {
                    return Ok(Settled::Yes);
                }
                self.send(scope, access, refund).await
            }
            Err(error) => {
                tracing::warn!(refund.id = %refund.id, %error, "a gateway does not say what became of a refund");
                Ok(Settled::NotYet)
            }
        }
    }

    async fn settle(
        &self,
        scope: &TenantScope,
        mut refund: Refund,
        outcome: Result<RefundOutcome, GatewayError>,
    ) -> Result<Settled, PaymentError> {
        let event = match outcome {
            Ok(RefundOutcome::Done) => RefundEvent::Done,
            Ok(RefundOutcome::Failed { reason }) => RefundEvent::Failed { reason },
            Err(GatewayError::Refused { code, message }) => {
                RefundEvent::Failed { reason: format!("{code}: {message}") }
            }
            Ok(RefundOutcome::Processing) => return Ok(Settled::NotYet),
            Err(error @ (GatewayError::NotSent(_) | GatewayError::Unknown(_))) => {
                RefundEvent::Unknown { reason: error.to_string() }
            }
        };
        let is_over = !matches!(event, RefundEvent::Unknown { .. });
        let is_moved = self.move_refund(scope, &mut refund, event).await?;
        Ok(if is_over || !is_moved { Settled::Yes } else { Settled::NotYet })
    }

    /// Makes `event` happen; `false` if the refund has gone another way meanwhile.
    async fn move_refund(
        &self,
        scope: &TenantScope,
        refund: &mut Refund,
        event: RefundEvent,
    ) -> Result<bool, PaymentError> {
        let command = MoveRefund { refund: refund.id, event, tries: refund.tries };
        match self.lanes.run(scope, command).await?.answer {
            Ok(RefundMoved { state, tries }) => {
                (refund.state, refund.tries) = (state, tries);
                Ok(true)
            }
            Err(refusal) => {
                tracing::warn!(refund.id = %refund.id, %refusal, "a refund has gone another way");
                Ok(false)
            }
        }
    }
}
