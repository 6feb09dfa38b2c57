//! The audit of the outbox: what is due and nobody runs, and what failed for good.

use chrono::{DateTime, TimeDelta, Utc};
use store::Tx;

use crate::error::OutboxError;
use crate::model::{DeadJob, JobId};
use crate::repo;

/// What an audit of one tenant's jobs counted and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboxAudit {
    /// Jobs that wait or run.
    pub jobs: u64,
    /// Dead letters.
    pub dead: u64,
    /// The oldest of them.
    pub letters: Vec<DeadJob>,
    /// When a server last planned ahead: what nobody did after that is nobody's fault.
    pub worked_at: DateTime<Utc>,
    /// What does not hold (invariant 15), in words; empty is good.
    pub breaches: Vec<String>,
}

/// A job as the audit sees it: without its payload.
pub(crate) struct Waiting {
    pub id: JobId,
    pub kind: String,
    pub run_at: DateTime<Utc>,
    pub lease_until: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// The longest that a due job may wait.
const WAITS_MAX: TimeDelta = TimeDelta::seconds(60);
const PAGE: u64 = 5_000;
const BREACHES_MAX: usize = 100;
const LETTERS_MAX: u64 = 20;

/// Audits the jobs of the transaction's tenant: a due job is run within a minute (invariant 15).
///
/// A server that works plans jobs ahead, every ten seconds. Where none does, nobody runs what is due, and that is no
/// fault: a job is late as of the last time that one was planned ahead.
pub async fn audit_in(tx: &impl Tx) -> Result<OutboxAudit, OutboxError> {
    let mut audit = OutboxAudit::default();
    let (mut overdue, mut after) = (Vec::new(), JobId::from_uuid(uuid::Uuid::nil()));
    loop {
        let page = repo::waiting_after(tx, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        audit.jobs += page.len() as u64;
        for job in page {
            if job.run_at > job.created_at {
                audit.worked_at = audit.worked_at.max(job.created_at);
            }
            if job.due_at() + WAITS_MAX < tx.now() && overdue.len() < BREACHES_MAX {
                overdue.push(job);
            }
        }
    }
    let late = overdue.iter().filter(|job| job.due_at() + WAITS_MAX < audit.worked_at);
    audit.breaches.extend(late.map(|job| format!("{} ({}) is due since {}", job.id, job.kind, job.due_at())));
    audit.dead = repo::count_dead(tx).await?;
    audit.letters = repo::dead(tx, LETTERS_MAX).await?;
    Ok(audit)
}

impl Waiting {
    /// When somebody could have run it: at its time, or when the lease of whoever took it was over.
    fn due_at(&self) -> DateTime<Utc> {
        self.lease_until.map_or(self.run_at, |until| until.max(self.run_at))
    }
}
