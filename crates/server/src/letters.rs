//! `cardgrove jobs ..`: work that failed for good, and its next try.

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::bail;
use kernel::{Platform, TenantScope};
use outbox::{DeadJob, JobId, Outbox, OutboxError};
use tenancy::{Slug, Tenancy};

use crate::cli::Jobs;
use crate::commands::{hand_in, print};
use crate::control::Request;
use crate::database::{self, Access, Opened};
use crate::house::House;
use crate::settings::Settings;

/// How many of a shop are listed, the oldest first.
const LISTED_MAX: u32 = 100;

/// Carries out the words about jobs.
pub async fn run(settings: &Settings, words: Jobs) -> anyhow::Result<ExitCode> {
    match words {
        Jobs::Dead { tenant } => dead(settings, tenant.as_deref()).await,
        Jobs::Retry { job } => hand_in(settings, Request::RetryJob { job: JobId::parse(&job)? }).await,
    }
}

/// Reads beside a server that may be running.
async fn dead(settings: &Settings, tenant: Option<&str>) -> anyhow::Result<ExitCode> {
    let only = tenant.map(Slug::parse).transpose()?;
    let Opened::Here(database) = database::open(settings, Access::Read).await? else {
        bail!("the database cannot be opened for reading");
    };
    let (outbox, mut text, mut count) = (Outbox::new(), String::new(), 0);
    for (tenant, slug) in Tenancy::new(database.store.clone()).tenants().await? {
        if only.as_ref().is_some_and(|only| only.as_str() != slug) {
            continue;
        }
        let tx = database.store.read(&Platform::assume().tenant(tenant)).await?;
        for letter in outbox.dead_in(&tx, LISTED_MAX).await? {
            count += 1;
            let _ = writeln!(text, "{slug}  {}", line(&letter));
        }
    }
    database.store.close().await?;
    let _ = writeln!(text, "{count} dead letters");
    print(&text)
}

/// One letter, in words; what it carries is not shown.
pub fn line(letter: &DeadJob) -> String {
    let DeadJob { id, kind, attempts, last_error, created_at } = letter;
    format!("{id} {kind}, written {}, tried {attempts} times: {last_error}", created_at.format("%F %T"))
}

/// Queues a dead letter again, whosever it is; the words say so.
pub async fn retry(house: &House, job: JobId) -> anyhow::Result<String> {
    for (tenant, slug) in house.tenancy.tenants().await? {
        if retry_of(house, &Platform::assume().tenant(tenant), job).await? {
            house.outbox().notify();
            return Ok(format!("{job} of {slug} is queued again\n"));
        }
    }
    bail!("{job} is no dead letter")
}

async fn retry_of(house: &House, scope: &TenantScope, job: JobId) -> anyhow::Result<bool> {
    let tx = house.store.write(scope).await?;
    match house.outbox().retry_dead_in(&tx, job).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(true)
        }
        Err(OutboxError::NotDead { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
