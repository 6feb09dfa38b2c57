//! Handing a buyer over to the cashier's host: a token that is good once, for a short time.

use chrono::TimeDelta;
use kernel::TenantScope;
use store::{Tx, WriteTx};

use super::Payments;
use crate::error::PaymentError;
use crate::model::Attempt;
use crate::number::OutNo;
use crate::public::HandoverToken;
use crate::repo;

/// How long a token is good.
const LIFE: TimeDelta = TimeDelta::minutes(5);
const NO_TOKEN: PaymentError = PaymentError::NotFound("hand-over");

/// Writes a token that leads to the payment of a try.
pub(super) async fn hand_over_in(
    tx: &WriteTx<TenantScope>,
    token: &HandoverToken,
    out_no: OutNo,
) -> Result<(), PaymentError> {
    Ok(repo::insert_handover_in(tx, token.hash(), out_no, tx.now() + LIFE).await?)
}

impl Payments {
    /// A token that leads a buyer to the payment of this try.
    pub async fn hand_over(&self, scope: &TenantScope, out_no: &OutNo) -> Result<String, PaymentError> {
        let token = HandoverToken::new(scope.id());
        let tx = self.store.write(scope).await?;
        if repo::attempt_in(&tx, *out_no).await?.is_none() {
            return Err(PaymentError::NotFound("try to pay"));
        }
        hand_over_in(&tx, &token, *out_no).await?;
        tx.commit().await?;
        Ok(token.text())
    }

    /// Takes a token, once. One that comes too late or again says where the buyer goes back to.
    pub async fn redeem(&self, token: &str) -> Result<(TenantScope, Attempt), PaymentError> {
        let token = HandoverToken::parse(token).ok_or(NO_TOKEN)?;
        let (scope, hash) = (token.scope(), token.hash());
        // Strangers may send any number of tokens; only a real one may keep writers waiting.
        if !repo::has_handover_in(&self.store.read(&scope).await?, &hash).await? {
            return Err(NO_TOKEN);
        }
        let tx = self.store.write(&scope).await?;
        let handover = repo::handover_in(&tx, &hash).await?.ok_or(NO_TOKEN)?;
        let out_no = OutNo::parse(&handover.out_no).map_err(|_| NO_TOKEN)?;
        let attempt = repo::attempt_in(&tx, out_no).await?.ok_or(NO_TOKEN)?;
        if handover.is_used || handover.expires_at <= tx.now() {
            let return_url = repo::intent_in(&tx, attempt.intent).await?.map(|intent| intent.return_url);
            return Err(match handover.is_used {
                true => PaymentError::HandoverUsed { return_url },
                false => PaymentError::HandoverExpired { return_url },
            });
        }
        repo::use_handover_in(&tx, &hash).await?;
        tx.commit().await?;
        Ok((scope, attempt))
    }
}
