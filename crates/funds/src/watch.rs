//! Somebody is told when a site's prepaid money becomes low, and when it is not any more.

use async_trait::async_trait;
use kernel::{Currency, Money, SiteId, TenantScope};
use outbox::{Handler, Job, JobContext, JobError};
use serde::{Deserialize, Serialize};
use store::Tx;
use uuid::Uuid;

use crate::error::FundsError;
use crate::repo::accounts;
use crate::service::{Funds, PrepaidStanding};

/// Sites of one transaction.
const PAGE: u64 = 1_000;

/// Looks whose prepaid money is low. It comes by the clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchPrepaid {}

impl Job for WatchPrepaid {
    const KIND: &'static str = "funds.watch_prepaid";
}

/// Handles [`WatchPrepaid`].
pub struct PrepaidWatcher(pub Funds);

/// A site whose money has become low, or is not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Which site.
    pub site: SiteId,
    /// What it may spend.
    pub available: Money,
    /// Whether that is low now.
    pub is_low: bool,
}

impl Funds {
    /// Notes whose prepaid money has become low, and whose is not any more, and answers them: each turn once, however many
    /// nodes look.
    pub async fn watch_prepaid(&self, scope: &TenantScope) -> Result<Vec<Turn>, FundsError> {
        let (mut turns, mut after) = (Vec::new(), Uuid::nil());
        loop {
            let tx = self.writer(scope).await?;
            let page = accounts::credits_after(&tx, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(turns) };
            after = last.site.uuid();
            let (sites, currency): (Vec<SiteId>, Currency) =
                (page.iter().map(|lent| lent.site).collect(), last.amount.currency());
            // Locked before it is read: of two that look, the second sees what the first has noted.
            accounts::lock_credits(&tx, sites.iter().copied()).await?;
            let standings = self.prepaid_in(&tx, &sites, currency).await?;
            let has_turned = |one: &PrepaidStanding| {
                let was_low = one.lent.is_some_and(|lent| lent.low_since.is_some());
                one.is_low() != was_low
            };
            let turned = standings.into_iter().filter(has_turned);
            let found: Vec<Turn> =
                turned.map(|one| Turn { site: one.site, available: one.available, is_low: one.is_low() }).collect();
            let since = |turn: &Turn| (turn.site, turn.is_low.then_some(tx.now()));
            accounts::note_low(&tx, found.iter().map(since)).await?;
            tx.commit().await?;
            turns.extend(found);
        }
    }
}

#[async_trait]
impl Handler<WatchPrepaid> for PrepaidWatcher {
    async fn run(&self, context: &JobContext, _job: WatchPrepaid) -> Result<(), JobError> {
        let tenant = context.scope().id();
        let turns = self.0.watch_prepaid(context.scope()).await.map_err(|error| JobError::Retry(error.to_string()))?;
        for Turn { site, available, is_low } in turns {
            let event = if is_low { "low" } else { "filled" };
            metrics::counter!("cardgrove_prepaid_events_total", "event" => event).increment(1);
            if is_low {
                tracing::warn!(tenant.id = %tenant, site.id = %site, %available, "the prepaid money of {site} is low: {available}");
            } else {
                tracing::info!(tenant.id = %tenant, site.id = %site, %available, "the prepaid money of {site} is not low any more");
            }
        }
        Ok(())
    }
}
