//! The clock judges.

use async_trait::async_trait;
use outbox::{Handler, Job, JobContext, JobError};
use serde::{Deserialize, Serialize};

use crate::error::LevelError;
use crate::service::Levels;

/// Counts the days that are over, and judges by them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgeLevels {}

impl Job for JudgeLevels {
    const KIND: &'static str = "levels.judge";
}

/// Handles [`JudgeLevels`].
pub struct Judge(pub Levels);

#[async_trait]
impl Handler<JudgeLevels> for Judge {
    async fn run(&self, context: &JobContext, _job: JudgeLevels) -> Result<(), JobError> {
        let (scope, tenant) = (context.scope(), context.scope().id());
        let retry = |error: LevelError| JobError::Retry(error.to_string());
        let counted = self.0.count(scope).await.map_err(retry)?;
        if let Some(last) = counted.last() {
            tracing::info!(tenant.id = %tenant, days = counted.len(), %last, "sales counted for levels");
        }
        for (what, count) in self.0.judge(scope).await.map_err(retry)? {
            metrics::counter!("cardgrove_level_changes_total", "what" => what.word()).increment(count);
            tracing::info!(tenant.id = %tenant, what = what.word(), count, "levels judged");
        }
        Ok(())
    }
}
