//! Jobs that nobody can carry out lie among the others.

use std::time::{Duration, Instant};

use anyhow::Result;
use chrono::Utc;
use futures::FutureExt;

use super::{Fault, Stage, Struck};
use crate::database::moment;
use crate::quiet::Quiet;

/// Jobs whose payload cannot be read. They are parked where an operator sees them; all others go on.
pub const POISON: Fault = Fault {
    inspect: Some(|stage, quiet| parked(stage, quiet).boxed()),
    ..Fault::plain("poison", "X23", |stage| poison(stage).boxed())
};

const KINDS: [&str; 4] = ["payment.query_trade", "payment.money_seen", "payment.submit_refund", "order.delivered"];
const PARKED_MAX: Duration = Duration::from_secs(90);

async fn poison(stage: &Stage<'_>) -> Result<Struck> {
    let (mut dice, database, now) = (stage.dice.clone(), &stage.installation.database, moment(Utc::now()));
    for kind in KINDS {
        let id = database.bytes(&dice.hex(32));
        let sql = format!(
            "INSERT INTO jobs (tenant_id, id, kind, payload, state, run_at, attempts, created_at) \
             SELECT tenant_id, {id}, '{kind}', '{{\"poison\":', 'queued', '{now}', 0, '{now}' FROM tenants"
        );
        database.tamper(&sql).await?;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(Struck::of(format!("{} jobs that cannot be read", KINDS.len())))
}

async fn parked(stage: &Stage<'_>, _: &Quiet) -> Result<Vec<String>> {
    let database = &stage.installation.database;
    let began = Instant::now();
    loop {
        let sql = "SELECT kind FROM jobs WHERE payload LIKE '%poison%' AND state = 'dead' AND last_error IS NOT NULL";
        let found = database.ask(sql).await?.len();
        if found == KINDS.len() {
            return Ok(Vec::new());
        }
        if began.elapsed() > PARKED_MAX {
            return Ok(vec![format!("of {} jobs that cannot be read {found} are parked", KINDS.len())]);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
