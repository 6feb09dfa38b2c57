//! What a customer has paid into the wallet, or wanted to.

use chrono::{DateTime, Utc};
use identity::CustomerId;
use kernel::notice::begins_at;
use kernel::{SiteScope, TenantScope};
use store::{Tx, WriteTx};
use uuid::Uuid;

use super::Payments;
use crate::bonus::{Bonus, BonusRules, BonusVersion};
use crate::error::PaymentError;
use crate::model::{Intent, IntentId};
use crate::repo;

impl Payments {
    /// Writes the next version of the rules of bonuses. Without `effective_from` it begins at once, or with the last version
    /// that is announced. What a top-up was promised stays promised.
    pub async fn save_bonus_rules_in(
        &self,
        tx: &WriteTx<TenantScope>,
        rules: BonusRules,
        effective_from: Option<DateTime<Utc>>,
        by: Uuid,
    ) -> Result<BonusVersion, PaymentError> {
        rules.check()?;
        let now = tx.now();
        let last = repo::bonus_versions_in(tx, None, 1).await?.pop();
        let effective_from = begins_at(effective_from, now, last.as_ref().map(|last| last.effective_from), false)?;
        let version = last.map_or(1, |last| last.version + 1);
        let new = BonusVersion { version, effective_from, created_at: now, created_by: by, rules };
        repo::insert_bonus_version_in(tx, &new).await?;
        Ok(new)
    }

    /// At most `limit` versions before this number, the latest first.
    pub async fn bonus_versions_in(
        &self,
        tx: &impl Tx,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<BonusVersion>, PaymentError> {
        repo::bonus_versions_in(tx, before, limit).await
    }

    /// The rules in force at the transaction's time, with their version: 0 before there is any.
    pub async fn bonus_rules_in(&self, tx: &impl Tx) -> Result<(i64, BonusRules), PaymentError> {
        repo::bonus_rules_in(tx, tx.now()).await
    }

    /// What these top-ups were promised; one that was promised nothing is left out.
    pub async fn bonuses_in(&self, tx: &impl Tx, intents: &[IntentId]) -> Result<Vec<Bonus>, PaymentError> {
        repo::bonuses_in(tx, intents).await
    }

    /// The customer's top-ups on this site before `before`, newest first: at most `limit`, and where the next page
    /// begins.
    pub async fn top_ups(
        &self,
        scope: &SiteScope,
        customer: CustomerId,
        before: Option<IntentId>,
        limit: u64,
    ) -> Result<(Vec<Intent>, Option<IntentId>), PaymentError> {
        let tx = self.store.read(scope).await?;
        let mut found = repo::top_ups_of_in(&tx, customer, before, limit + 1).await?;
        let has_more = found.len() as u64 > limit;
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let next = found.last().map(|intent| intent.id).filter(|_| has_more);
        Ok((found, next))
    }
}
