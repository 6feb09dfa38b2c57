//! What buyers ask to have back, and what operators say to it.

use kernel::{SiteScope, TenantScope};
use lane::Answered;
use store::Inside;

use super::Orders;
use super::office::{buyer_in, check_key, written};
use crate::claim::{Claim, ClaimDecided, ClaimId, ClaimRefusal, ClaimState, Verdict};
use crate::command::{AskBack, DecideClaim, WithdrawClaim};
use crate::error::OrderError;
use crate::fulfil::REASON_CHARS_MAX;
use crate::model::{OrderId, Proof, Sight};
use crate::refund::RefundWish;
use crate::repo;

/// The most claims of a page.
const PAGE_MAX: u64 = 200;

impl Orders {
    /// A buyer asks for money of an order back. Whoever may see its codes may ask; the same key is the same claim.
    pub async fn ask_back(
        &self,
        scope: &SiteScope,
        proof: &Proof,
        (order, wish, reason): (OrderId, RefundWish, &str),
        key: &str,
    ) -> Result<Answered<ClaimId>, OrderError> {
        check_key(key)?;
        let reason = written("reason", reason, REASON_CHARS_MAX)?;
        let actor = self.asker(scope, proof, order).await?;
        let ask = AskBack { order, wish, reason, actor, id: ClaimId::new(), key: key.to_owned() };
        let answered = self.lanes.run(&scope.engine(), ask).await?;
        Ok(Answered { answer: answered.answer?, is_replay: answered.is_replay })
    }

    /// A buyer does not want it any more.
    pub async fn withdraw_claim(
        &self,
        scope: &SiteScope,
        proof: &Proof,
        (order, claim): (OrderId, ClaimId),
    ) -> Result<(), OrderError> {
        let actor = self.asker(scope, proof, order).await?;
        let known = {
            let tx = self.store.read(scope).await?;
            repo::claim_in(&tx, claim).await?
        };
        // What is not there leaves no trace.
        known.filter(|known| known.order == order).ok_or(ClaimRefusal::NotFound)?;
        self.lanes.run(&scope.engine(), WithdrawClaim { order, claim, actor }).await?.answer?;
        Ok(())
    }

    /// Who asks, as the history names him; who may not see the codes finds no order.
    async fn asker(&self, scope: &SiteScope, proof: &Proof, order: OrderId) -> Result<String, OrderError> {
        let tx = self.store.read(scope).await?;
        let (_, buyer) = repo::view_in(&tx, order).await?.ok_or(OrderError::NotFound)?;
        match proof.sight(&buyer) {
            Some(Sight::Codes) => Ok(proof.actor(&buyer)),
            _ => Err(OrderError::NotFound),
        }
    }

    /// Claims in this scope and state, newest first, those before `before`; 200 a page at most.
    pub async fn claims<S: Inside>(
        &self,
        scope: &S,
        state: ClaimState,
        before: Option<ClaimId>,
        limit: u64,
    ) -> Result<Vec<Claim>, OrderError> {
        let tx = self.store.read(scope).await?;
        repo::claims_in(&tx, state, before, limit.clamp(1, PAGE_MAX)).await
    }

    /// An operator decides a claim: what he approves is refunded at once. The same key is the same decision.
    pub async fn decide_claim(
        &self,
        scope: &TenantScope,
        id: ClaimId,
        verdict: Verdict,
        (by, key): (identity::OperatorId, &str),
    ) -> Result<Answered<ClaimDecided>, OrderError> {
        check_key(key)?;
        let verdict = match verdict {
            Verdict::Reject { answer } => Verdict::Reject { answer: written("answer", &answer, REASON_CHARS_MAX)? },
            Verdict::Approve => Verdict::Approve,
        };
        let (claim, buyer) = {
            let tx = self.store.read(scope).await?;
            let claim = repo::claim_in(&tx, id).await?.ok_or(ClaimRefusal::NotFound)?;
            let buyer = buyer_in(&tx, claim.order, &claim.wish).await?;
            (claim, buyer)
        };
        let decide = DecideClaim { order: claim.order, claim: id, buyer, by, verdict, key: key.to_owned() };
        let answered = self.lanes.run(scope, decide).await?;
        Ok(Answered { answer: answered.answer?, is_replay: answered.is_replay })
    }
}
