//! What a customer has paid into the wallet, or wanted to.

use identity::CustomerId;
use kernel::SiteScope;

use super::Payments;
use crate::error::PaymentError;
use crate::model::{Intent, IntentId};
use crate::repo;

impl Payments {
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
