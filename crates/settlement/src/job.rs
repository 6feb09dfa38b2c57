//! The clock settles.

use async_trait::async_trait;
use outbox::{Handler, Job, JobContext, JobError};
use serde::{Deserialize, Serialize};

use crate::service::Settlement;

/// Releases what has fallen due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettleDue {
    /// Also what fell due long ago and was missed, or held back; else only the last days are looked at.
    pub is_whole: bool,
}

impl Job for SettleDue {
    const KIND: &'static str = "settlement.due";
}

/// Handles [`SettleDue`].
pub struct Releaser(pub Settlement);

#[async_trait]
impl Handler<SettleDue> for Releaser {
    async fn run(&self, context: &JobContext, job: SettleDue) -> Result<(), JobError> {
        let released = self.0.release(context.scope(), job.is_whole).await;
        let released = released.map_err(|error| JobError::Retry(error.to_string()))?;
        if released.earners > 0 {
            let tenant = context.scope().id();
            metrics::counter!("cardgrove_settlement_released_total").increment(released.earners);
            tracing::info!(tenant.id = %tenant, earners = released.earners, debts = released.debts, "earnings released");
        }
        Ok(())
    }
}
