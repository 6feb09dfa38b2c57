//! A buyer asks for his money back, or does not want it any more; an operator decides.

use chrono::{DateTime, Utc};
use identity::{CustomerId, OperatorId};
use kernel::Currency;
use lane::{Command, CommandKey, Parts};
use sha2::{Digest, Sha256};

use super::refund::{RefundOrder, want_refund};
use crate::claim::{
    CLAIMS_MAX, Claim, ClaimDecided, ClaimId, ClaimRefusal, ClaimState, LineAge, Verdict, check, still,
};
use crate::desk::Desk;
use crate::known::{KnownClaim, KnownLine, KnownOrder, News};
use crate::model::OrderId;
use crate::refund::{RefundOf, RefundRefusal, RefundTo, RefundWish, returned};

/// A buyer asks for the money of lines or cards of his order.
#[derive(Debug, Clone)]
pub struct AskBack {
    /// The order.
    pub order: OrderId,
    /// What of it, and where to.
    pub wish: RefundWish,
    /// Why, in his words.
    pub reason: String,
    /// Who asks; whoever asks this command has looked whether he may.
    pub actor: String,
    /// The id it gets, chosen before, so that a retry inside the lane makes the same one.
    pub id: ClaimId,
    /// The caller's key: the same one is the same claim.
    pub key: String,
}

impl AskBack {
    fn decide_or_refuse(&self, parts: &mut Parts, now: DateTime<Utc>) -> Result<ClaimId, ClaimRefusal> {
        let known = parts.part::<Desk>().order(self.order).cloned();
        let mut order = known.ok_or(RefundRefusal::NotFound)?;
        if order.is_unpaid() {
            return Err(RefundRefusal::NotPaid.into());
        }
        if order.open_claim().is_some() {
            return Err(ClaimRefusal::Waits);
        }
        if order.claims.len() >= CLAIMS_MAX {
            return Err(ClaimRefusal::TooMany { most: CLAIMS_MAX });
        }
        check(&self.wish, &ages(&order), now)?;
        // What cannot be refunded is not asked for; whether the wallet has room shows when it is decided.
        returned(&order.standing(), &self.wish)?;
        let has_wallet = order.customer.is_some() && order.collector.is_none();
        if self.wish.to == RefundTo::Wallet && !has_wallet {
            return Err(RefundRefusal::NoWallet.into());
        }
        let claim = Claim {
            id: self.id,
            order: order.id,
            site: order.site,
            wish: self.wish.clone(),
            reason: self.reason.clone(),
            state: ClaimState::Open,
            asked_by: self.actor.clone(),
            asked_at: now,
            answer: None,
            decided_by: None,
            decided_at: None,
            returned: None,
        };
        order.claims.push(KnownClaim { claim, news: News::New });
        parts.part::<Desk>().put(order);
        Ok(self.id)
    }
}

fn ages(order: &KnownOrder) -> Vec<LineAge> {
    let line = |line: &KnownLine| LineAge {
        line: line.number,
        rule: line.refunds,
        delivered_at: order.delivered_at(line),
        is_seen: order.seen.contains(&line.number),
    };
    // What nothing is left of is nobody's to ask for.
    order.lines.iter().filter(|one| !order.is_over(one)).map(line).collect()
}

impl Command for AskBack {
    type Answer = Result<ClaimId, ClaimRefusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(&self.actor, &format!("claim:{}:{}", self.order, self.key))
    }

    fn fingerprint(&self) -> Vec<u8> {
        let wish = serde_json::to_vec(&self.wish).expect("a wish is plain data");
        Sha256::new().chain_update(&self.reason).chain_update([0]).chain_update(wish).finalize().to_vec()
    }

    fn want(&self, parts: &mut Parts) {
        parts.part::<Desk>().want_claims(self.order);
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        self.decide_or_refuse(parts, now)
    }
}

/// A buyer does not want it any more.
#[derive(Debug, Clone)]
pub struct WithdrawClaim {
    /// The order.
    pub order: OrderId,
    /// Which; whoever asks this command has looked whether it is the order's.
    pub claim: ClaimId,
    /// Who asks.
    pub actor: String,
}

impl Command for WithdrawClaim {
    type Answer = Result<ClaimState, ClaimRefusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(&self.actor, &format!("claim-withdraw:{}:{}", self.order, self.claim))
    }

    fn fingerprint(&self) -> Vec<u8> {
        self.order.uuid().as_bytes().to_vec()
    }

    fn want(&self, parts: &mut Parts) {
        parts.part::<Desk>().want_claims(self.order);
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        let known = parts.part::<Desk>().order(self.order).cloned();
        let mut order = known.ok_or(ClaimRefusal::NotFound)?;
        if order.claims.iter().any(|known| (known.claim.id, known.claim.state) == (self.claim, ClaimState::Withdrawn)) {
            return Ok(ClaimState::Withdrawn);
        }
        let known = open(&mut order, self.claim)?;
        known.end(ClaimState::Withdrawn, now);
        parts.part::<Desk>().put(order);
        Ok(ClaimState::Withdrawn)
    }
}

/// An operator decides a claim: what he approves is refunded at once.
#[derive(Debug, Clone)]
pub struct DecideClaim {
    /// The order.
    pub order: OrderId,
    /// Which.
    pub claim: ClaimId,
    /// Who bought, and the order's currency, if the claim is to go into his wallet.
    pub buyer: Option<(CustomerId, Currency)>,
    /// Who decides.
    pub by: OperatorId,
    /// What he says.
    pub verdict: Verdict,
    /// The caller's key: the same one is the same decision.
    pub key: String,
}

impl DecideClaim {
    fn decide_or_refuse(&self, parts: &mut Parts, now: DateTime<Utc>) -> Result<ClaimDecided, ClaimRefusal> {
        let known = parts.part::<Desk>().order(self.order).cloned();
        let mut order = known.ok_or(ClaimRefusal::NotFound)?;
        let claim = open(&mut order, self.claim)?.claim.clone();
        let refund = match &self.verdict {
            Verdict::Approve => {
                still(&claim.wish, &ages(&order), &order.standing())?;
                let (of, key) = (RefundOf { reason: claim.reason, by: self.by }, self.claim.to_string());
                let refund = RefundOrder { order: self.order, wish: claim.wish, buyer: self.buyer, of, key };
                Some(refund.decide(parts, now)?)
            }
            Verdict::Reject { .. } => None,
        };
        // The refund has changed the order, and may have ended the claim with it.
        let known = parts.part::<Desk>().order(self.order).cloned();
        let mut order = known.ok_or(ClaimRefusal::NotFound)?;
        let claim = order.claims.iter_mut().find(|known| known.claim.id == self.claim);
        let claim = claim.ok_or(ClaimRefusal::NotFound)?;
        let state = if refund.is_some() { ClaimState::Approved } else { ClaimState::Rejected };
        claim.end(state, now);
        claim.claim.decided_by = Some(self.by);
        claim.claim.returned = refund.as_ref().map(|refund| refund.number);
        if let Verdict::Reject { answer } = &self.verdict {
            claim.claim.answer = Some(answer.clone());
        }
        parts.part::<Desk>().put(order);
        Ok(ClaimDecided { state, refund })
    }
}

fn open(order: &mut KnownOrder, id: ClaimId) -> Result<&mut KnownClaim, ClaimRefusal> {
    let known = order.claims.iter_mut().find(|known| known.claim.id == id).ok_or(ClaimRefusal::NotFound)?;
    match known.claim.state {
        ClaimState::Open => Ok(known),
        state => Err(ClaimRefusal::State { state }),
    }
}

impl Command for DecideClaim {
    type Answer = Result<ClaimDecided, ClaimRefusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.by, &format!("claim:{}:{}", self.claim, self.key))
    }

    fn fingerprint(&self) -> Vec<u8> {
        let (word, answer) = match &self.verdict {
            Verdict::Approve => ("approve", ""),
            Verdict::Reject { answer } => ("reject", answer.as_str()),
        };
        Sha256::new().chain_update(word).chain_update([0]).chain_update(answer).finalize().to_vec()
    }

    fn want(&self, parts: &mut Parts) {
        want_refund(parts, self.order, self.buyer);
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        self.decide_or_refuse(parts, now)
    }
}
